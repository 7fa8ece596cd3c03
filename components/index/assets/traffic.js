// The last minutes as a plot: requests a second and their durations, jobs a minute.

import { call } from "./api.js";
import { $, el, say } from "./dom.js";
import { between, read } from "./metrics.js";

const MINUTE = 60_000;
/** What is shown, in minutes: as much as there are readings of. */
const SPANS = [1, 2, 5];
const WIDTH = 600;
const HEIGHT = 96;

const rounded = (value) => value.toFixed(value >= 10 || value === 0 ? 0 : 1);
const duration = (seconds) => (seconds < 0.9995 ? `${rounded(seconds * 1000)} ms` : `${rounded(seconds)} s`);

/** `needs` is what a reading must have. */
const CHARTS = [
  { title: "Requests a second", needs: "requests", lines: [{ key: "rate", label: "" }], unit: rounded },
  { title: "Their duration", needs: "requests", lines: [{ key: "p50", label: "p50" }, { key: "p99", label: "p99" }], unit: duration },
  { title: "Jobs done a minute", needs: "jobs", lines: [{ key: "jobs", label: "" }], unit: rounded },
];

const UNTOLD =
  "Runtime, age and requests are not known here: Spin does not tell them, nor does the embedded host while its numbers have an address of their own (--metrics-listen). The plot shows jobs.";

/** The plots of the section, fed by `look`. */
export class Traffic {
  #root;
  #note;
  #own;
  #points = [];
  /** The last reading of each process that answers at this address, by its start. */
  #last = new Map();
  #isRefused = false;

  /** `own` says what the page itself adds to the requests. */
  constructor(panel, own) {
    this.#root = $("#traffic", panel);
    this.#note = $("#traffic-note", panel);
    this.#own = own;
    say(this.#note, own);
    this.#draw(performance.now(), CHARTS);
  }

  /** Asks again, even where the server has refused before. */
  retry() {
    this.#isRefused = false;
  }

  /** Reads the metrics once, and returns what the server tells of itself. */
  async look() {
    if (this.#isRefused) return undefined;
    let reading;
    try {
      const response = await call("/metrics", { quiet: true });
      // The server's clock, which its start is about.
      const at = Date.parse(response.headers.get("date")) || Date.now();
      reading = { at, ...read(await response.text()) };
    } catch (error) {
      this.#isRefused = error.status >= 400 && error.status < 500;
      const advice = error.status === 401 || error.status === 403 ? " Sign in to see the server's numbers, or let everybody read them (metrics_public)." : "";
      say(this.#note, `There is no plot. ${error.message}${advice}`);
      if (!this.#points.length) this.#root.replaceChildren();
      return undefined;
    }
    say(this.#note, reading.requests !== undefined ? this.#own : UNTOLD);
    const now = performance.now();
    const last = this.#last.get(reading.started);
    this.#last.set(reading.started, { now, ...reading });
    if (last) {
      this.#points.push({ at: now, ...between(last, reading, (now - last.now) / 1000) });
      this.#points = this.#points.filter(({ at }) => now - at <= SPANS.at(-1) * MINUTE);
    }
    this.#draw(
      now,
      CHARTS.filter(({ needs }) => reading[needs] !== undefined),
    );
    return reading;
  }

  #draw(now, charts) {
    const age = this.#points.length ? now - this.#points[0].at : 0;
    const minutes = SPANS.find((span) => age <= span * MINUTE) ?? SPANS.at(-1);
    this.#root.replaceChildren(...charts.map((kind) => chart(kind, this.#points, now, minutes)));
  }
}

function chart({ title, lines, unit }, points, now, minutes) {
  const span = minutes * MINUTE;
  const values = lines.map(({ key }) => points.filter((point) => point[key] !== undefined).map((point) => [point.at, point[key]]));
  const top = Math.max(0, ...values.flat().map(([, value]) => value));
  const place = ([at, value]) => [(WIDTH * (at - now + span)) / span, HEIGHT - 2 - ((HEIGHT - 6) * value) / (top || 1)];
  const said = lines.map(({ label }, index) => `${label} ${values[index].length ? unit(values[index].at(-1)[1]) : "–"}`.trim());
  const most = top ? `at most ${unit(top)}` : "";
  const root = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  root.setAttribute("aria-label", `${title}, the last ${minutes === 1 ? "minute" : `${minutes} minutes`}: now ${[...said, most].filter(Boolean).join(", ")}`);
  values.forEach((line, index) => {
    if (!line.length) return;
    // A single reading is a short line.
    const places = line.length > 1 ? line.map(place) : [[WIDTH - 10, place(line[0])[1]], place(line[0])];
    const path = `M${places.map((at) => at.map((number) => number.toFixed(1)).join(" ")).join("L")}`;
    if (lines.length === 1) root.append(svg("path", { class: "area", d: `${path}V${HEIGHT}H${places[0][0].toFixed(1)}Z` }));
    root.append(svg("path", { class: `curve curve-${index}`, d: path }));
  });
  const legend = el("figcaption", {}, el("span", {}, title), ...said.map((text, index) => el("strong", { class: `curve-${index}` }, text)), el("small", {}, most));
  const axis = el("p", { class: "axis", "aria-hidden": "true" }, el("span", {}, minutes === 1 ? "1 minute ago" : `${minutes} minutes ago`), el("span", {}, "now"));
  return el("figure", { class: "chart" }, legend, root, axis);
}

function svg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
