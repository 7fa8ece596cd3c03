// Credentials: asked for when the server wants them, kept in this tab.

import { $ } from "./dom.js";

const KEY = "routelets.credentials";

/** The header with the credentials, as name and value, if there are any. */
export function credentials() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function keep(header) {
  if (header) sessionStorage.setItem(KEY, JSON.stringify(header));
  else sessionStorage.removeItem(KEY);
  $("#sign-out").hidden = !header;
}

async function token(username, password) {
  const body = new URLSearchParams({ grant_type: "password", username, password });
  const response = await fetch("/token", { method: "POST", body });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail ?? answer.title);
  return answer.access_token;
}

let asking;

/** Asks for credentials; true when there are new ones. Several requests at once ask once. */
export function signIn(reason) {
  asking ??= ask(reason).finally(() => (asking = undefined));
  return asking;
}

function ask(reason) {
  const dialog = $("#sign-in");
  const said = $(".reason", dialog);
  said.textContent = reason || "This server asks who calls.";
  dialog.showModal();
  $("form:not([hidden]) input", dialog).focus();
  return new Promise((resolve) => {
    const done = new AbortController();
    const { signal } = done;
    const end = (success) => {
      done.abort();
      for (const form of dialog.querySelectorAll("form")) form.reset();
      if (dialog.open) dialog.close();
      resolve(success);
    };
    const submitted = async (event) => {
      event.preventDefault();
      const { key, username, password } = Object.fromEntries(new FormData(event.target));
      try {
        if (key) keep(["x-api-key", key.trim()]);
        else keep(["authorization", `Bearer ${await token(username, password)}`]);
        end(true);
      } catch (error) {
        said.textContent = `Not signed in: ${error.message}.`;
      }
    };
    dialog.addEventListener("submit", submitted, { signal });
    dialog.addEventListener("click", ({ target }) => "cancel" in target.dataset && end(false), { signal });
    dialog.addEventListener("close", () => end(false), { signal });
  });
}

/** Readies the dialog and the button that signs out. */
export function start() {
  const dialog = $("#sign-in");
  dialog.addEventListener("change", ({ target }) => {
    if (target.name !== "kind") return;
    for (const form of dialog.querySelectorAll("form")) form.hidden = form.dataset.kind !== target.value;
  });
  keep(credentials());
  $("#sign-out").addEventListener("click", () => keep(null));
}
