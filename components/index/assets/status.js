// The section for the state of the service.

import { call } from "./api.js";
import { $, el } from "./dom.js";
import { Traffic } from "./traffic.js";

const INTERVAL = 5000;
const PINGS = 5;

/** Starts the section. */
export function start(panel) {
  const facts = $("#facts", panel);
  const values = new Map();
  const traffic = new Traffic(panel);
  let timer;
  let isShown = false;

  function fact(name, value) {
    if (!values.has(name)) {
      const element = el("dd");
      values.set(name, element);
      facts.append(el("div", {}, el("dt", {}, name), element));
    }
    values.get(name).textContent = value;
  }

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
    }
    try {
      await call("/readyz", { quiet: true });
      fact("Ready", "yes");
    } catch (error) {
      fact("Ready", error.message);
    }
    await traffic.look();
    if (isShown) timer = setTimeout(look, INTERVAL);
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
