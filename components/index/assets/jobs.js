// The section for jobs: a list that follows what happens.

import { call, follow, hasEnded, inWords, parseExact } from "./api.js";
import { $, clock, el, roughly, say } from "./dom.js";

/** How often the list is read while it is shown, in milliseconds: that is how new jobs appear. */
const INTERVAL = 2000;
/** Jobs whose events are followed at the same time: a browser opens six connections to a server. */
const FOLLOWED = 3;
/** Letters of a result that are shown. */
const SHOWN = 4000;

/** Starts the section. */
export function start(panel) {
  const list = $("#jobs-list", panel);
  const filter = $("#jobs-filter", panel);
  const problem = $("#jobs-problem", panel);
  const again = $("#jobs-reload", panel);
  const rows = new Map();
  const followed = new Map();
  let timer;
  let isFirst = true;

  async function look() {
    clearTimeout(timer);
    try {
      const query = filter.value ? `&status=${filter.value}` : "";
      // The credentials are asked for once, not every two seconds.
      const response = await call(`/jobs?limit=50${query}`, { quiet: !isFirst });
      const { jobs, next } = parseExact(await response.text());
      show(jobs, Boolean(next));
      say(problem, "");
      isFirst = false;
      again.hidden = true;
      if (!document.hidden && !panel.classList.contains("away")) timer = setTimeout(look, INTERVAL);
    } catch (error) {
      say(problem, error.message);
      again.hidden = false;
      isFirst = true;
    }
  }

  function show(jobs, hasMore) {
    const count = jobs.length === 1 ? "1 job" : `${jobs.length} jobs`;
    const text = jobs.length ? count + (hasMore ? ", the newest" : "") : "There are no jobs. Long recordings and large numbers make some.";
    const line = $("#jobs-count", panel);
    if (line.textContent !== text) line.textContent = text;
    const ids = new Set(jobs.map(({ id }) => id));
    for (const [id, row] of rows) {
      if (ids.has(id)) continue;
      row.root.remove();
      rows.delete(id);
    }
    jobs.forEach((job, index) => {
      const row = rows.get(job.id) ?? new Row(job.id, look);
      rows.set(job.id, row);
      row.update(job);
      if (list.children[index] !== row.root) list.insertBefore(row.root, list.children[index] ?? null);
    });
    for (const [id, stop] of followed) if (!ids.has(id)) stop.abort();
    for (const job of jobs) if (!hasEnded(job) && followed.size < FOLLOWED && !followed.has(job.id)) followEvents(job.id);
  }

  /** Shows what happens to a job as it happens. */
  async function followEvents(id) {
    const stop = new AbortController();
    followed.set(id, stop);
    try {
      await follow(id, (job) => rows.get(id)?.update(job), { signal: stop.signal, quiet: true, parse: parseExact });
    } catch {
      // The list is read again in any case.
    }
    followed.delete(id);
  }

  filter.addEventListener("change", look);
  again.addEventListener("click", look);
  document.addEventListener("visibilitychange", () => !document.hidden && !panel.classList.contains("away") && look());
  return {
    show: () => {
      panel.classList.remove("away");
      look();
    },
    hide: () => {
      panel.classList.add("away");
      clearTimeout(timer);
      for (const stop of followed.values()) stop.abort();
    },
  };
}

/** What is shown of a job's progress: words, and a share from 0 to 1 if it is known. */
function progressOf({ progress }) {
  if (!progress) return ["", undefined];
  const { seconds, seconds_done: done, sieve, found } = progress;
  if (seconds) return [`${clock(done)} of ${clock(seconds)}`, done / seconds];
  if (sieve) return [`${sieve.percent} %${sieve.seconds_left ? `, about ${roughly(sieve.seconds_left)} left` : ""}`, sieve.percent / 100];
  if (found?.length) return [`${found.length} found`, undefined];
  return ["", undefined];
}

class Row {
  root;
  #state = el("span", { class: "state" });
  #age = el("span", { class: "age" });
  #text = el("span", { class: "note" });
  #bar = el("progress", { max: 1, hidden: true, "aria-label": "Progress" });
  #end = el("button", { type: "button", class: "quiet" });
  #open = el("button", { type: "button", class: "quiet", hidden: true, "aria-expanded": "false" }, "Result");
  #result = el("pre", { hidden: true, tabIndex: 0 });
  #id;
  #name = el("code", { class: "name" });

  constructor(id, changed) {
    this.#id = id;
    const head = el("div", { class: "job" }, this.#state, this.#name, this.#text, this.#age, this.#open, this.#end);
    this.root = el("li", { class: "card" }, head, this.#bar, this.#result);
    this.#end.addEventListener("click", async () => {
      try {
        await call(`/jobs/${id}`, { method: "DELETE" });
      } catch (error) {
        this.#text.textContent = error.message;
      }
      changed();
    });
    this.#open.addEventListener("click", () => this.#toggle());
  }

  update(job) {
    const isEnded = hasEnded(job);
    const [text, share] = progressOf(job);
    this.#state.textContent = job.status;
    this.#state.className = `state ${job.status}`;
    this.#name.textContent = job.route;
    this.#name.title = job.id;
    this.#text.textContent = isEnded ? "" : text;
    this.#age.textContent = isEnded ? took(job) : `for ${clock((Date.now() - Date.parse(job.created_at)) / 1000)}`;
    this.#bar.hidden = isEnded || job.status === "queued";
    if (share === undefined) this.#bar.removeAttribute("value");
    else this.#bar.value = share;
    this.#open.hidden = !isEnded || job.status === "canceled";
    const label = isEnded ? "Delete" : "Cancel";
    this.#end.textContent = label;
    this.#end.setAttribute("aria-label", `${label} ${job.route}, ${job.status}`);
  }

  async #toggle() {
    const isOpening = this.#result.hidden;
    this.#open.setAttribute("aria-expanded", String(isOpening));
    this.#result.hidden = !isOpening;
    if (!isOpening) return;
    try {
      const response = await call(`/jobs/${this.#id}`);
      const text = await response.text();
      const job = parseExact(text);
      const shown = job.problem ? inWords(job.problem) : inLines(job.result);
      this.#result.textContent = shown.length > SHOWN ? `${shown.slice(0, SHOWN)}\n…` : shown;
    } catch (error) {
      this.#result.textContent = error.message;
    }
  }
}

/** JSON in lines; short lists take one. */
const inLines = (value) => JSON.stringify(value, null, 2).replace(/\[[^[\]{}]{0,100}\]/g, (list) => list.replace(/\n\s*/g, " "));

function took({ created_at: from, finished_at: to }) {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  return Number.isFinite(seconds) ? `took ${seconds < 0.95 ? `${Math.round(seconds * 1000)} ms` : seconds < 10 ? `${seconds.toFixed(1)} s` : clock(seconds)}` : "";
}
