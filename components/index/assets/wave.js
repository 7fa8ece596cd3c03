// Draws sound: the level while recording, the waveform with a cursor afterwards.

/** Pixels from one bar to the next. */
const STEP = 4;

function brush(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  return { context, width, height, accent: style.getPropertyValue("--accent"), muted: style.getPropertyValue("--wave") };
}

function bar(context, x, height, share) {
  const size = Math.max(2, share * height);
  context.beginPath();
  context.roundRect(x, (height - size) / 2, STEP - 1.5, size, 1);
  context.fill();
}

/** The loudest sample of each of `count` equal parts, as a share of the loudest of all. */
export function peaks(samples, count) {
  const result = new Float32Array(count);
  const size = samples.length / count;
  for (let index = 0; index < count; index += 1) {
    const end = Math.floor((index + 1) * size);
    for (let at = Math.floor(index * size); at < end; at += 1) result[index] = Math.max(result[index], Math.abs(samples[at]));
  }
  const loudest = result.reduce((a, b) => Math.max(a, b), 0.01);
  return result.map((peak) => peak / loudest);
}

/** The level of a recording, the newest at the right. */
export class Level {
  #canvas;
  #levels = [];

  constructor(canvas) {
    this.#canvas = canvas;
  }

  push(level) {
    this.#levels.push(level);
    const { context, width, height, accent } = brush(this.#canvas);
    this.#levels = this.#levels.slice(-Math.floor(width / STEP));
    context.fillStyle = accent;
    const left = width - this.#levels.length * STEP;
    // A square root shows soft speech, too.
    this.#levels.forEach((peak, index) => bar(context, left + index * STEP, height, Math.sqrt(peak)));
  }

  clear() {
    this.#levels = [];
  }
}

/** The waveform of a recording. */
export class Wave {
  #canvas;
  #peaks;
  #at = 0;

  /** `samples` are those of one channel; they are not kept. */
  constructor(canvas, samples) {
    this.#canvas = canvas;
    this.#peaks = peaks(samples, Math.min(2000, Math.max(1, samples.length)));
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Moves the cursor to a share of the recording, 0 to 1. */
  seek(share) {
    this.#at = share;
    this.draw();
  }

  draw() {
    const { context, width, height, accent, muted } = brush(this.#canvas);
    const bars = Math.floor(width / STEP);
    if (bars < 1) return;
    const cursor = this.#at * width;
    for (let index = 0; index < bars; index += 1) {
      const from = Math.floor((index * this.#peaks.length) / bars);
      const to = Math.max(from + 1, Math.floor(((index + 1) * this.#peaks.length) / bars));
      const x = index * STEP;
      context.fillStyle = x < cursor ? accent : muted;
      bar(context, x, height, this.#peaks.subarray(from, to).reduce((a, b) => Math.max(a, b), 0));
    }
    context.fillStyle = accent;
    if (this.#at > 0) context.fillRect(Math.min(width - 2, cursor), 0, 2, height);
  }
}
