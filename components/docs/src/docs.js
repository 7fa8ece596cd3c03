const FORMS = ["multipart/form-data", "application/x-www-form-urlencoded"];

/** Lets optional fields begin empty: Swagger UI would fill in their examples, or "string", and send them. */
function withoutGuesses(document) {
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
  for (const { parameters = [], requestBody } of operations) {
    for (const parameter of parameters) if (!parameter.required) delete parameter.example;
    for (const type of FORMS) {
      const content = requestBody?.content[type];
      if (content) content.schema = emptied(document, content.schema);
    }
  }
  return document;
}

/** A form with an empty example for each field that may be left out. */
function emptied(document, { $ref, ...inline }) {
  const form = $ref ? document.components.schemas[$ref.split("/").pop()] : inline;
  const fields = Object.entries(form.properties).map(([name, field]) => [
    name,
    form.required?.includes(name) ? field : { ...field, example: field.type === "array" ? [] : "" },
  ]);
  return { ...form, properties: Object.fromEntries(fields) };
}

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  plugins: [
    {
      statePlugins: { spec: { wrapActions: { updateJsonSpec: (update) => (document) => update(withoutGuesses(document)) } } },
      // Checked from the start, it would send each empty field of a form.
      components: { ParameterIncludeEmpty: () => null },
    },
  ],
});

/** Mends what a style sheet cannot: names that are missing, links inside buttons, what the keyboard does not reach. */
function mend() {
  // The button around the link does the same.
  for (const link of document.querySelectorAll("button a[href]")) link.removeAttribute("href");
  for (const field of document.querySelectorAll("input, select, textarea")) name(field);
  for (const button of document.querySelectorAll(".copy-to-clipboard button:not([aria-label])")) button.ariaLabel = "Copy";
  for (const scrolled of document.querySelectorAll("pre.microlight:not([tabindex])")) scrolled.tabIndex = 0;
  for (const button of document.querySelectorAll("[data-property-name=files] .json-schema-form-item-add")) {
    // Swagger UI calls files strings, and this observer sees what it sets.
    if (button.innerText !== "Add file") button.innerText = "Add file";
  }
  const dialog = document.querySelector(".modal-ux:not([role])");
  if (!dialog) return;
  dialog.role = "dialog";
  dialog.ariaModal = "true";
  dialog.ariaLabel = dialog.querySelector("h3").textContent;
  dialog.querySelector(".close-modal").ariaLabel = "Close";
  // Its last field takes the focus.
  dialog.querySelector("input, .auth-btn-wrapper button")?.focus();
}

/** Names a field: as it is labelled, or else after what is beside it. */
function name(field) {
  if ([...(field.labels ?? [])].some((label) => !label.contains(field))) {
    field.removeAttribute("aria-label");
    return;
  }
  if (field.ariaLabel) return;
  const row = field.closest("tr, .response-control-media-type, .body-param, .content-type-wrapper, .servers");
  const label = row?.querySelector(".parameter__name, .col_header, small, h4")?.textContent;
  const otherwise = field.closest(".opblock-section-request-body") ? "Request body" : "Value";
  field.ariaLabel = label?.trim() || field.placeholder || field.id || otherwise;
}

new MutationObserver(mend).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
document.addEventListener("keydown", ({ key }) => key === "Escape" && document.querySelector(".close-modal")?.click());
