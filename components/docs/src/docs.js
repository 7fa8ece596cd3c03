SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});

/** Mends what a style sheet cannot: links inside buttons, and fields without a name. */
function mend() {
  // The button around the link does the same.
  for (const link of document.querySelectorAll("button a[href]")) link.removeAttribute("href");
  for (const field of document.querySelectorAll("select:not([aria-label]), textarea:not([aria-label]), input:not([aria-label])")) {
    const row = field.closest("tr, .response-control-media-type, .body-param, .content-type-wrapper, .servers");
    const label = row?.querySelector(".parameter__name, .col_header, small, h4")?.textContent;
    field.setAttribute("aria-label", label?.trim() || field.getAttribute("placeholder") || field.id || "Value");
  }
}

new MutationObserver(mend).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
