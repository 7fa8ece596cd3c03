// The section for speech: the microphone, files, and the list of recordings.

import { $, clock, say, store, stored } from "./dom.js";
import { Recording } from "./recording.js";
import { Recorder, microphoneProblem } from "./recorder.js";
import { forgetSound, keepOnly, keepSound } from "./sounds.js";
import { Level } from "./wave.js";

/** Jobs that a reload of the page finds again: `{id, name, seconds}`. */
const KEPT = "routelets.recordings";

/** Starts the section. */
export function start(panel) {
  const list = $("#recordings", panel);
  const note = $("#speech-note", panel);
  const files = $("#files", panel);
  const form = $("#speech-form", panel);
  // Short recordings are recognised one after another, in the order in which they came.
  let queue = Promise.resolve();

  const kept = stored(KEPT, []);
  keepOnly(kept.map(({ id }) => id));

  function keep(job, file) {
    store(KEPT, [...stored(KEPT, []).filter(({ id }) => id !== job.id), job]);
    return keepSound(job.id, file);
  }

  function forget(id) {
    store(KEPT, stored(KEPT, []).filter((job) => job.id !== id));
    forgetSound(id);
  }

  function add(all) {
    say(note, "");
    for (const file of all) {
      const recording = new Recording(file.name, { keep, forget });
      list.prepend(recording.root);
      const ready = recording.open(file);
      queue = queue.then(() => ready).then(() => recording.recognise());
    }
  }

  function chosen() {
    add([...files.files]);
    form.reset();
  }

  files.addEventListener("change", chosen);
  // Some may have been chosen before this script was here.
  if (files.files.length) chosen();
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["dragenter", "dragover"]) {
    panel.addEventListener(name, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  }
  panel.addEventListener("dragleave", (event) => {
    if (!panel.contains(event.relatedTarget)) form.classList.remove("over");
  });
  panel.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    add(event.dataTransfer.files);
  });

  microphone($("#record", panel), note, add);

  for (const job of kept) {
    const recording = new Recording(job.name, { keep, forget });
    list.append(recording.root);
    recording.resume(job);
  }
  return {};
}

/** Makes `button` record, and gives the recording to `add`. */
function microphone(button, note, add) {
  const canvas = $("#level");
  const time = $("#clock");
  const level = new Level(canvas);
  let recorder = null;

  function show(isRecording) {
    button.classList.toggle("recording", isRecording);
    $("[data-label]", button).textContent = isRecording ? "Stop" : "Record";
    canvas.hidden = time.hidden = !isRecording;
    level.clear();
    time.textContent = "0:00";
  }

  button.addEventListener("click", async () => {
    if (recorder) {
      const file = recorder.end();
      recorder = null;
      show(false);
      add([file]);
      return;
    }
    button.disabled = true;
    say(note, "");
    try {
      recorder = await Recorder.begin((seconds, peak) => {
        if (!recorder) return;
        level.push(peak);
        if (time.textContent !== clock(seconds)) time.textContent = clock(seconds);
      });
      show(true);
    } catch (error) {
      say(note, microphoneProblem(error));
    }
    button.disabled = false;
    button.focus();
  });
}

