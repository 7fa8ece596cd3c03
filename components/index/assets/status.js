// The section for the state of the service.

import { call } from "./api.js";
import { $, el } from "./dom.js";
import { Traffic } from "./traffic.js";

const INTERVAL = 5000;
/** Between the first two readings, so that the plot does not begin late. */
const SOON = 1000;
const PINGS = 5;
/** Those, whether the service is ready, and the metrics. */
const REQUESTS = PINGS + 2;

const UNKNOWN = "not known";

/** Starts the section. */
export function start(panel) {
  const facts = $("#facts", panel);
  const values = new Map();
  const traffic = new Traffic(panel, `This page itself sends ${REQUESTS} requests every ${INTERVAL / 1000} seconds.`);
  let timer;
  let isShown = false;
  let isFirst = true;

  function fact(name, value = UNKNOWN) {
    if (!values.has(name)) {
      const element = el("dd");
      values.set(name, element);
      facts.append(el("div", {}, el("dt", {}, name), element));
    }
    const element = values.get(name);
    element.textContent = value;
    element.classList.toggle("unknown", value === UNKNOWN);
  }

  for (const name of ["Runtime", "Up for", "Service", "Ready", "Ping from here"]) fact(name, "…");
  panel.classList.add("started");

  async function look() {
    clearTimeout(timer);
    try {
      const times = [];
      for (let count = 0; count < PINGS; count += 1) {
        const before = performance.now();
        await call("/ping", { quiet: true });
        times.push(performance.now() - before);
      }
      const median = times.sort((a, b) => a - b)[Math.floor(PINGS / 2)];
      fact("Service", "answers");
      fact("Ping from here", `${median.toFixed(1)} ms`);
    } catch (error) {
      fact("Service", error.message);
      fact("Ping from here");
    }
    try {
      await call("/readyz", { quiet: true });
      fact("Ready", "yes");
    } catch (error) {
      fact("Ready", error.message);
    }
    const reading = await traffic.look();
    fact("Runtime", reading?.runtime && `${reading.runtime} host`);
    fact("Up for", reading?.started && age(reading.at / 1000 - reading.started));
    wait();
    isFirst = false;
  }

  /** Looks again, unless nobody looks at the page. */
  function wait() {
    if (isShown) timer = setTimeout(() => (document.hidden ? wait() : look()), isFirst ? SOON : INTERVAL);
  }

  return {
    show: () => {
      isShown = true;
      traffic.retry();
      return look();
    },
    hide: () => {
      isShown = false;
      clearTimeout(timer);
    },
  };
}

/** Seconds as `42 s`, `5 min`, `2 h 5 min` or `3 d 4 h`. */
function age(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(whole / unit));
  if (days) return `${days} d ${hours % 24} h`;
  if (hours) return `${hours} h ${minutes % 60} min`;
  return minutes ? `${minutes} min` : `${whole} s`;
}
