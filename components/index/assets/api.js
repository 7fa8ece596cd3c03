// Requests to the API: credentials, problems in words, server-sent events, jobs.

import { signIn, credentials } from "./sign-in.js";

/** An error that the API or the network reported, in words. */
export class Failure extends Error {
  constructor(message, { code, status } = {}) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/**
 * Sends a request and returns the response; throws a `Failure` for anything but success.
 *
 * `quiet` neither asks for credentials nor shows the request as curl.
 */
export async function call(path, options = {}) {
  const { method = "GET", json, form, prefer, signal, quiet = false } = options;
  const headers = new Headers();
  let body;
  if (json !== undefined) {
    headers.set("content-type", "application/json");
    body = JSON.stringify(json);
  } else if (form) {
    body = new FormData();
    for (const [name, value] of form) body.append(name, value);
  }
  if (prefer) headers.set("prefer", prefer);
  if (!quiet) document.dispatchEvent(new CustomEvent("request", { detail: curl(path, options) }));
  for (;;) {
    const known = credentials();
    if (known) headers.set(...known);
    let response;
    try {
      response = await fetch(path, { method, headers, body, signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failure("The server does not answer. Is it running, and is the network there?");
    }
    if (response.ok) return response;
    const failure = await failureOf(response);
    if (response.status !== 401 || quiet || !(await signIn(known ? failure.message : ""))) throw failure;
  }
}

async function failureOf(response) {
  let message = `The server answered ${response.status}.`;
  let code;
  try {
    const problem = await response.json();
    if (problem.error) {
      code = problem.error.code;
      message = sentence(problem.error.message);
    } else {
      code = problem.code;
      message = inWords(problem);
    }
  } catch {
    // Not a problem document: the status has to do.
  }
  const wait = response.headers.get("retry-after");
  if (wait && response.status === 429) message += ` Try again in ${wait} s.`;
  return new Failure(message, { code, status: response.status });
}

/** A text as a sentence. */
export const sentence = (text) => `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;

/** A problem document in words. */
export const inWords = (problem) => (problem.detail ? `${problem.title}: ${problem.detail}.` : `${problem.title}.`);

/** Quotes a word for a shell. */
const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** The request as a curl command; the credentials are left to the reader. */
export function curl(path, { method = "GET", json, form, prefer } = {}) {
  const words = ["curl", quote(location.origin + path)];
  if (method === "DELETE") words.push("-X DELETE");
  if (prefer) words.push("-H", quote(`prefer: ${prefer}`));
  if (json !== undefined) words.push("--json", quote(JSON.stringify(json)));
  for (const [name, value] of form ?? []) words.push("-F", quote(`${name}=${value instanceof File ? `@${value.name}` : value}`));
  const known = credentials();
  if (known) words.push("-H", known[0] === "authorization" ? '"authorization: Bearer $TOKEN"' : '"x-api-key: $KEY"');
  return words.join(" ");
}

/** The server-sent events of a response: objects with `event` and `data`. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n");
      const field = (name) =>
        lines
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trim())
          .join("\n");
      const data = field("data");
      if (data) yield { event: field("event") || "message", data };
    }
  }
}

const ENDED = new Set(["succeeded", "failed", "canceled"]);

/** Whether a job has ended. */
export const hasEnded = (job) => ENDED.has(job.status);

/** Follows a job until it has ended, and returns it. `seen` is called with each state; `parse` reads its JSON. */
export async function follow(id, seen, { signal, quiet = false, parse = JSON.parse } = {}) {
  for (let failures = 0; ; failures += 1) {
    try {
      const response = await call(`/jobs/${id}/events`, { signal, quiet });
      for await (const { data } of events(response)) {
        failures = 0;
        const job = parse(data);
        if (!job.id) throw new Failure(inWords(job), job);
        seen(job);
        if (hasEnded(job)) return job;
      }
    } catch (error) {
      const lasting = error.name === "AbortError" || (error.status >= 400 && error.status < 500);
      if (lasting || failures > 5) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** Reads JSON whose integers may be larger than a double can hold: those become strings. */
export function parseExact(text) {
  return JSON.parse(text.replace(/([:[,]\s*)(-?\d{16,})(?=\s*[,\]}])/g, '$1"$2"'));
}
