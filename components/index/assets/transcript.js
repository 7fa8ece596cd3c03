// The words of a recording on the page: to click, to find, to edit.

import { $, copy, download, el } from "./dom.js";
import { FORMATS, retime, text } from "./formats.js";

/** Words below these confidences are shaded. */
const DOUBTFUL = 0.5;
const UNSURE = 0.8;

/** A transcript inside the element of a recording. */
export class Transcript {
  words = [];
  #root;
  #list;
  #area;
  #name;
  #current = -1;
  #focus = 0;

  /** `play` is called with the start of a word that was chosen. */
  constructor(root, name, play) {
    this.#root = root;
    this.#name = name.replace(/\.[^.]*$/, "");
    this.#list = $(".words", root);
    this.#area = $(".edited", root);
    const chosen = (event) => {
      const index = Number(event.target.dataset?.index ?? -1);
      if (index < 0) return;
      this.#move(index);
      play(this.words[index].start);
    };
    this.#list.addEventListener("click", chosen);
    this.#list.addEventListener("keydown", (event) => this.#key(event));
    $("[type=search]", root).addEventListener("input", (event) => this.#find(event.target.value));
    const edit = $("[data-edit]", root);
    edit.addEventListener("click", () => this.#edit(edit));
    const button = $("[data-text]", root);
    button.addEventListener("click", () => copy(button, text(this.current())));
    for (const [label, extension, type, write] of FORMATS) {
      const format = el("button", { type: "button", "data-format": extension }, label);
      format.addEventListener("click", () => download(`${this.#name}.${extension}`, write(this.current()), type));
      $(".downloads", root).append(format);
    }
  }

  /** Adds words at the end. */
  add(words) {
    const first = this.words.length;
    this.words.push(...words);
    for (const [offset, word] of words.entries()) {
      const before = this.words[first + offset - 1];
      if (word.channel !== undefined && word.channel !== before?.channel) {
        this.#list.append(el("span", { class: `voice voice-${word.channel % 2}` }, `Voice ${word.channel + 1}`));
      }
      this.#list.append(this.#button(word, first + offset), " ");
    }
    this.#list.hidden = !this.words.length;
  }

  #button(word, index) {
    const unsure = word.confidence < DOUBTFUL ? " doubtful" : word.confidence < UNSURE ? " unsure" : "";
    const button = el("button", { type: "button", class: `word${unsure}`, "data-index": index }, word.word);
    button.tabIndex = index === this.#focus ? 0 : -1;
    if (unsure) button.title = `${Math.round(word.confidence * 100)} % sure`;
    return button;
  }

  /** Removes all words. */
  clear() {
    this.words = [];
    this.#focus = 0;
    this.#current = -1;
    this.#list.replaceChildren();
    $(".tools", this.#root).hidden = true;
  }

  /** Shows what can be done with a transcript that is complete. */
  finish() {
    $(".tools", this.#root).hidden = !this.words.length;
    if (!this.words.length) {
      this.#list.hidden = false;
      this.#list.replaceChildren(el("em", {}, "No words were heard."));
    }
  }

  /** Highlights the word at a time. */
  at(seconds) {
    const index = seconds < 0 ? -1 : this.words.findLastIndex(({ start }) => start <= seconds + 0.02);
    if (index === this.#current) return;
    this.#element(this.#current)?.classList.remove("now");
    this.#element(index)?.classList.add("now");
    this.#current = index;
  }

  /** The words, as edited. */
  current() {
    return this.#area.hidden ? this.words : retime(this.words, this.#area.value);
  }

  #element(index) {
    return this.#list.querySelector(`[data-index="${index}"]`);
  }

  #move(index) {
    const next = this.#element(index);
    if (!next) return;
    const before = this.#element(this.#focus);
    if (before) before.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    this.#focus = index;
  }

  #key(event) {
    const to = { ArrowRight: this.#focus + 1, ArrowLeft: this.#focus - 1, Home: 0, End: this.words.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#move(to);
  }

  /** Marks the words that hold a text, which may be several words long. */
  #find(wanted) {
    const folded = wanted.trim().toLowerCase();
    const matched = new Set();
    let count = 0;
    if (folded) {
      const starts = [];
      let all = "";
      for (const { word } of this.words) {
        starts.push(all.length);
        all += `${word.toLowerCase()} `;
      }
      for (let at = all.indexOf(folded); at >= 0; at = all.indexOf(folded, at + folded.length)) {
        count += 1;
        const first = starts.findLastIndex((start) => start <= at);
        for (let index = first; starts[index] < at + folded.length; index += 1) matched.add(index);
      }
    }
    for (const button of this.#list.querySelectorAll(".word")) button.classList.toggle("match", matched.has(Number(button.dataset.index)));
    $(".match", this.#list)?.scrollIntoView({ block: "nearest" });
    $(".found", this.#root).textContent = folded ? `${count} found` : "";
  }

  #edit(button) {
    const isEditing = this.#area.hidden;
    if (isEditing) {
      this.#area.value = text(this.words);
      this.#area.rows = Math.min(20, Math.ceil(this.#area.value.length / 70) + 1);
    } else {
      const words = retime(this.words, this.#area.value);
      this.clear();
      this.add(words);
      this.finish();
    }
    this.#area.hidden = !isEditing;
    this.#list.hidden = isEditing;
    $("[type=search]", this.#root).disabled = isEditing;
    button.textContent = isEditing ? "Done" : "Edit";
    if (isEditing) this.#area.focus();
  }
}
