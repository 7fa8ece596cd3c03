// Shows one section at a time, and starts each when it is shown first.

import { $, copy } from "./dom.js";
import * as signIn from "./sign-in.js";

const SECTIONS = {
  speech: () => import("./speech.js"),
  factorise: () => import("./factorise.js"),
  predict: () => import("./predict.js"),
  try: () => import("./try.js"),
  jobs: () => import("./jobs.js"),
  status: () => import("./status.js"),
};

const panels = [...document.querySelectorAll(".panel")].map((panel) => panel.id);
const started = new Map();
let shown;

/** Shows the section that the address names: `#section` or `#section/argument`. */
async function show() {
  const [wanted, ...rest] = location.hash.slice(1).split("/");
  if (wanted === "main" && shown) return;
  const name = panels.includes(wanted) ? wanted : panels[0];
  document.documentElement.dataset.section = name;
  for (const link of document.querySelectorAll("nav a")) {
    const isCurrent = link.hash === `#${name}`;
    if (isCurrent) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
  const title = $("h2", document.getElementById(name)).textContent;
  document.title = `${title} · Routelets`;
  if (!started.has(name)) started.set(name, SECTIONS[name]().then((module) => module.start(document.getElementById(name))));
  const before = shown;
  shown = name;
  if (before && before !== name) (await started.get(before))?.hide?.();
  (await started.get(name))?.show?.(decoded(rest.join("/")));
  document.documentElement.dataset.ready = name;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

signIn.start();
addEventListener("hashchange", show);
show();

document.addEventListener("request", ({ detail }) => {
  $("#last-request code").textContent = detail;
});
const button = $("#last-request [data-copy]");
button.addEventListener("click", () => copy(button, $("#last-request code").textContent));
