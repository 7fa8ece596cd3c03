// The section for the small routes.

import { call, curl } from "./api.js";
import { $, curlLine, el } from "./dom.js";

const encoded = (data, name) => encodeURIComponent(data.get(name).trim());

/** The path of each form, and its answer in words. */
const ROUTES = {
  sum: { path: (data) => `/sum/${encoded(data, "a")}/${encoded(data, "b")}`, answer: result },
  mult: { path: (data) => `/mult/${encoded(data, "a")}/${encoded(data, "b")}`, answer: result },
  hello: { path: (data) => `/hello/${encoded(data, "name")}`, answer: (text) => JSON.parse(text).message },
  ping: { path: () => "/ping", answer: (text, milliseconds) => `${JSON.parse(text).message}, after ${milliseconds.toFixed(1)} ms` },
};

/** The result digit by digit: a double would round it. */
function result(text) {
  return /"result":\s*(-?[\d.eE+-]+)/.exec(text)?.[1] ?? text;
}

/** Starts the section. */
export function start(panel) {
  for (const form of panel.querySelectorAll(".call")) {
    const route = ROUTES[form.dataset.route];
    const output = el("output", { class: "result", "aria-live": "polite" });
    const problem = el("p", { class: "problem", role: "alert", hidden: true });
    const line = el("div", { class: "command" });
    form.append(output, problem, line);
    const path = () => route.path(new FormData(form));
    const show = () => line.replaceChildren(curlLine(curl(path())));
    form.addEventListener("input", show);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const before = performance.now();
      try {
        const response = await call(path());
        const text = await response.text();
        output.textContent = route.answer(text, performance.now() - before);
        problem.hidden = true;
      } catch (error) {
        output.textContent = "";
        problem.textContent = error.message;
        problem.hidden = false;
      }
    });
    show();
  }
  panel.classList.add("started");
  return {};
}
