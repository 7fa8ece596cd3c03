// One recording: its player, its recognition, its words.

import { Failure, call, events, follow, inWords, sentence } from "./api.js";
import { $, clock, say } from "./dom.js";
import { soundOf } from "./sounds.js";
import { Transcript } from "./transcript.js";
import { Wave } from "./wave.js";

/** Longer recordings, in seconds, become jobs; so do files of this size that the browser cannot decode. */
const LONG_SECONDS = 60;
const LONG_BYTES = 2_000_000;
/** A browser keeps four bytes for each sample: what takes too much memory is not drawn. */
const DRAWN_BYTES = 60_000_000;
const RATE = 16_000;

/** A recording in the list. */
export class Recording {
  root = $("#recording").content.firstElementChild.cloneNode(true);
  #name;
  #jobs;
  #file;
  #audio = new Audio();
  #wave;
  #seconds = 0;
  #transcript;
  #stop = new AbortController();
  /** The job that is being waited for, and the one that a reload would find. */
  #job;
  #kept;

  /** `jobs` has the functions that `keep` and `forget` jobs for a reload of the page. */
  constructor(name, jobs) {
    this.#name = name;
    this.#jobs = jobs;
    $("h3", this.root).textContent = name;
    this.#transcript = new Transcript(this.root, name, (start) => this.#play(start));
    $("[data-remove]", this.root).addEventListener("click", () => this.#remove());
    $("[data-cancel]", this.root).addEventListener("click", () => this.#cancel());
    $(".split input", this.root).addEventListener("change", () => this.#again());
  }

  /** Reads a file: its waveform and its length, if the browser can decode it. */
  async open(file) {
    this.#file = file;
    this.#status("Waiting");
    this.#audio.src = URL.createObjectURL(file);
    if (file.size > DRAWN_BYTES) return;
    try {
      const decoder = new OfflineAudioContext(1, 1, RATE);
      const sound = await decoder.decodeAudioData(await file.arrayBuffer());
      this.#seconds = sound.duration;
      $(".split", this.root).hidden = sound.numberOfChannels !== 2;
      this.#player(sound.getChannelData(0));
    } catch {
      // The server knows formats that the browser does not.
    }
  }

  #player(samples) {
    const canvas = $("canvas", this.root);
    const range = $(".wave input", this.root);
    const button = $(".play", this.root);
    const audio = this.#audio;
    $(".player", this.root).hidden = false;
    range.max = this.#seconds;
    this.#wave = new Wave(canvas, samples);
    this.#moved();
    range.addEventListener("input", () => {
      audio.currentTime = Number(range.value);
      this.#moved();
    });
    button.addEventListener("click", () => (audio.paused ? audio.play() : audio.pause()));
    const follow = () => {
      this.#moved();
      if (!audio.paused) requestAnimationFrame(follow);
    };
    audio.addEventListener("play", () => {
      button.classList.add("playing");
      button.setAttribute("aria-label", "Pause");
      follow();
    });
    for (const event of ["pause", "ended"]) {
      audio.addEventListener(event, () => {
        button.classList.remove("playing");
        button.setAttribute("aria-label", "Play");
        this.#moved();
      });
    }
  }

  #moved() {
    const at = this.#audio.currentTime;
    const range = $(".wave input", this.root);
    range.value = at;
    range.setAttribute("aria-valuetext", `${clock(at)} of ${clock(this.#seconds)}`);
    this.#wave?.seek(this.#seconds ? at / this.#seconds : 0);
    $(".time", this.root).textContent = `${clock(at)} / ${clock(this.#seconds)}`;
    this.#transcript.at(this.#audio.paused && at === 0 ? -1 : at);
  }

  #play(start) {
    if (!this.#audio.src) return;
    this.#audio.currentTime = start;
    this.#audio.play();
  }

  /** Recognises the words. Short recordings are streamed, long ones become jobs. */
  async recognise() {
    const isLong = this.#seconds ? this.#seconds > LONG_SECONDS : this.#file.size > LONG_BYTES;
    const isSplit = $(".split input", this.root).checked;
    const query = `?timestamps=word${isSplit ? "&channels=split" : ""}`;
    if (isLong) this.#defer(query);
    else await this.#attempt(() => (isSplit ? this.#ask(query) : this.#listen()));
  }

  async #attempt(work) {
    say($(".problem", this.root), "");
    this.#running(true);
    this.#status("Recognising…");
    const stop = this.#stop;
    try {
      await work();
      this.#transcript.finish();
      const count = this.#transcript.words.length;
      this.#status(count === 1 ? "1 word" : `${count} words`);
    } catch (error) {
      // Another recognition has begun.
      if (stop !== this.#stop) return;
      if (error.name === "AbortError") this.#status("Cancelled");
      else {
        this.#status("Failed");
        say($(".problem", this.root), error.message);
      }
      if (this.#transcript.words.length) this.#transcript.finish();
    }
    this.#running(false);
  }

  /** The words as they are recognised. */
  async #listen() {
    const form = [
      ["model", "whisper-1"],
      ["stream", "true"],
      ["timestamp_granularities[]", "word"],
      ["file", this.#file],
    ];
    const response = await call("/v1/audio/transcriptions", { method: "POST", form, signal: this.#stop.signal });
    for await (const { data } of events(response)) {
      const event = JSON.parse(data);
      if (event.error) throw new Failure(sentence(event.error.message));
      this.#transcript.add(event.words ?? []);
    }
  }

  async #ask(query) {
    const form = [["file", this.#file]];
    const response = await call(`/asr${query}`, { method: "POST", form, signal: this.#stop.signal });
    this.#transcript.add((await response.json()).words);
  }

  #defer(query) {
    return this.#attempt(async () => {
      const form = [["file", this.#file]];
      const prefer = "respond-async";
      const response = await call(`/asr${query}`, { method: "POST", form, prefer, signal: this.#stop.signal });
      const { id } = await response.json();
      if (this.#kept) this.#jobs.forget(this.#kept);
      const isKept = await this.#jobs.keep({ id, name: this.#name, seconds: this.#seconds }, this.#file);
      $(".kept", this.root).hidden = !isKept;
      await this.#wait(id);
    });
  }

  /** Shows a job that an earlier visit has begun. */
  async resume({ id, seconds }) {
    this.#seconds = seconds;
    const file = await soundOf(id);
    if (file) {
      $(".kept", this.root).hidden = false;
      await this.open(file);
    }
    return this.#attempt(async () => {
      try {
        await this.#wait(id, true);
      } catch (error) {
        if (error.status !== 404) throw error;
        this.#jobs.forget(id);
        this.root.remove();
      }
    });
  }

  async #wait(id, quiet = false) {
    this.#job = this.#kept = id;
    const job = await follow(id, (seen) => this.#progress(seen), { signal: this.#stop.signal, quiet });
    this.#job = undefined;
    if (job.status === "canceled") throw new DOMException("cancelled", "AbortError");
    if (job.status === "failed") throw new Failure(inWords(job.problem));
    this.#transcript.add(job.result.words);
  }

  #progress({ status, progress }) {
    const bar = $("progress", this.root);
    if (status === "queued") this.#status("Waiting for its turn");
    else if (progress?.seconds) {
      bar.max = progress.seconds;
      bar.value = progress.seconds_done;
      this.#status(`${clock(progress.seconds_done)} of ${clock(progress.seconds)} recognised`);
    } else if (progress?.seconds_decoded) this.#status("Reading the file…");
  }

  /** Recognises once more, with other settings. */
  #again() {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#transcript.clear();
    return this.recognise();
  }

  #cancel() {
    if (this.#job) {
      const id = this.#job;
      this.#jobs.forget(id);
      $(".kept", this.root).hidden = true;
      call(`/jobs/${id}`, { method: "DELETE" }).catch(() => {});
    }
    this.#stop.abort();
  }

  #remove() {
    this.#cancel();
    this.#jobs.forget(this.#kept);
    this.#audio.pause();
    if (this.#audio.src) URL.revokeObjectURL(this.#audio.src);
    this.root.remove();
    $("#record").focus();
  }

  #running(isRunning) {
    $(".running", this.root).hidden = !isRunning;
    $("progress", this.root).removeAttribute("value");
  }

  #status(text) {
    const element = $(".status", this.root);
    if (element.textContent !== text) element.textContent = text;
  }
}
