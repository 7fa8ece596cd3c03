// The section for the iris: sliders, probabilities, and the flowers that the trees have learned from.

import { call } from "./api.js";
import { $, el, say } from "./dom.js";

const SPECIES = ["setosa", "versicolor", "virginica"];
const FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"];
/** The drawing, in its own units, and the space around the points. */
const [WIDTH, HEIGHT, LEFT, BOTTOM, MARGIN] = [420, 340, 46, 44, 12];
const SVG = "http://www.w3.org/2000/svg";

const svg = (name, attributes = {}, text) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
};

/** Starts the section. */
export function start(panel) {
  const form = $("#predict-form", panel);
  const bars = $(".bars", panel);
  const problem = $(".problem", panel);
  const plot = new Plot($("#scatter", panel), $("#flower", panel), (flower) => {
    for (const feature of FEATURES) form.elements[feature].value = flower[feature];
    moved();
  });
  const rows = SPECIES.map((name) => {
    const value = el("span", { class: "value" }, "–");
    const bar = el("span", { class: `fill ${name}` });
    bars.append(el("div", { class: "bar" }, el("span", { class: "name" }, name), el("span", { class: "track" }, bar), value));
    return { bar, value };
  });
  let last = null;

  async function predict() {
    last?.abort();
    last = new AbortController();
    const query = new URLSearchParams(new FormData(form));
    try {
      const response = await call(`/prediction?${query}`, { signal: last.signal });
      const { name, probabilities } = await response.json();
      say(problem, "");
      SPECIES.forEach((species, index) => {
        const share = probabilities[species];
        rows[index].bar.style.setProperty("--share", share);
        rows[index].value.textContent = `${Math.round(share * 100)} %`;
        rows[index].bar.parentElement.parentElement.classList.toggle("best", species === name);
      });
      $("#species", panel).textContent = `Probably ${name}, ${Math.round(probabilities[name] * 100)} %`;
    } catch (error) {
      if (error.name !== "AbortError") say(problem, error.message);
    }
  }

  function moved() {
    for (const feature of FEATURES) {
      const input = form.elements[feature];
      $("output", input.parentElement).textContent = Number(input.value).toFixed(1);
    }
    plot.place(Object.fromEntries(FEATURES.map((feature) => [feature, Number(form.elements[feature].value)])));
    predict();
  }

  form.addEventListener("input", moved);
  form.addEventListener("submit", (event) => event.preventDefault());
  panel.addEventListener("change", ({ target }) => target.name === "axes" && plot.turn(target.value));
  moved();
  plot.load();
  return {};
}

/** The flowers as points. */
class Plot {
  #root;
  #note;
  #take;
  #part = "petal";
  #flowers = [];
  #mine;

  constructor(root, note, take) {
    this.#root = root;
    this.#note = note;
    this.#take = take;
    const nothing = note.textContent;
    const point = (event) => this.#flowers[event.target.dataset?.flower];
    root.addEventListener("pointerover", (event) => {
      const flower = point(event);
      note.textContent = flower ? described(flower) : nothing;
    });
    root.addEventListener("pointerleave", () => (note.textContent = nothing));
    root.addEventListener("click", (event) => point(event) && this.#take(point(event)));
  }

  /** Fetches the flowers. */
  async load() {
    const response = await fetch(new URL("./iris.csv", import.meta.url));
    const [, ...lines] = (await response.text()).trim().split("\n");
    this.#flowers = lines.map((line, index) => {
      const values = line.split(",").map(Number);
      return { number: index + 1, species: SPECIES[values[4]], ...Object.fromEntries(FEATURES.map((name, at) => [name, values[at]])) };
    });
    this.draw();
  }

  turn(part) {
    this.#part = part;
    this.draw();
  }

  place(flower) {
    this.#mine = flower;
    this.draw();
  }

  #scale(feature) {
    const values = this.#flowers.map((flower) => flower[feature]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = (high - low) * 0.08;
    return [low - room, high + room];
  }

  draw() {
    if (!this.#flowers.length) return;
    const [across, up] = [`${this.#part}_length`, `${this.#part}_width`];
    const [left, right] = this.#scale(across);
    const [bottom, top] = this.#scale(up);
    const x = (value) => LEFT + ((value - left) / (right - left)) * (WIDTH - LEFT - MARGIN);
    const y = (value) => HEIGHT - BOTTOM - ((value - bottom) / (top - bottom)) * (HEIGHT - BOTTOM - MARGIN);
    const parts = [];
    const tick = (low, high) => Array.from({ length: Math.floor(high) - Math.ceil(low) + 1 }, (_, index) => Math.ceil(low) + index);
    for (const value of tick(left, right)) {
      parts.push(svg("line", { class: "grid", x1: x(value), x2: x(value), y1: MARGIN, y2: HEIGHT - BOTTOM }));
      parts.push(svg("text", { x: x(value), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, value));
    }
    for (const value of tick(bottom, top)) {
      parts.push(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - MARGIN, y1: y(value), y2: y(value) }));
      parts.push(svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, value));
    }
    const title = (text) => text.replace("_", " ");
    parts.push(svg("text", { class: "axis", x: (LEFT + WIDTH) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, `${title(across)}, cm`));
    const middle = (HEIGHT - BOTTOM) / 2;
    parts.push(svg("text", { class: "axis", x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, `${title(up)}, cm`));
    this.#flowers.forEach((flower, index) => parts.push(mark(flower, x(flower[across]), y(flower[up]), index)));
    if (this.#mine) {
      const [mx, my] = [x(this.#mine[across]), y(this.#mine[up])].map((value) => value.toFixed(1));
      parts.push(svg("path", { class: "mine", d: `M${mx} ${my}m-11 0a11 11 0 1 0 22 0a11 11 0 1 0-22 0m11-17v12m0 10v12m-17-17h12m10 0h12` }));
    }
    this.#root.replaceChildren(...parts);
  }
}

const described = (flower) => {
  const pair = (part) => `${part} ${flower[`${part}_length`].toFixed(1)} × ${flower[`${part}_width`].toFixed(1)}`;
  return `Flower ${flower.number}, ${flower.species}: ${pair("sepal")}, ${pair("petal")} cm`;
};

/** A flower: species differ in form as well as in colour. */
function mark(flower, x, y, index) {
  const forms = {
    setosa: "m-4.500 0a4.500 4.500 0 1 0 9 0a4.500 4.500 0 1 0-9 0",
    versicolor: "m-4-4h8v8h-8z",
    virginica: "m0-5.500l5 9h-10z",
  };
  const path = svg("path", { class: `point ${flower.species}`, d: `M${x.toFixed(1)} ${y.toFixed(1)}${forms[flower.species]}`, "data-flower": index });
  path.append(svg("title", {}, described(flower)));
  return path;
}
