// Records the microphone as WAV, and shows its level meanwhile.

/** What the speech model hears anyway; a browser that cannot resample keeps its own rate. */
const RATE = 16_000;

/** A recording in progress. */
export class Recorder {
  #stream;
  #context;
  #node;
  #parts = [];
  #length = 0;

  /** Asks for the microphone and begins. `heard` is called with the seconds so far and the loudest sample, 0 to 1. */
  static async begin(heard) {
    const recorder = new Recorder();
    recorder.#stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
    try {
      await recorder.#connect(heard);
    } catch (error) {
      recorder.#release();
      throw error;
    }
    return recorder;
  }

  async #connect(heard) {
    let source;
    try {
      this.#context = new AudioContext({ sampleRate: RATE });
      source = this.#context.createMediaStreamSource(this.#stream);
    } catch {
      // Firefox does not connect a microphone of another rate.
      this.#context = new AudioContext();
      source = this.#context.createMediaStreamSource(this.#stream);
    }
    await this.#context.audioWorklet.addModule(new URL("./recorder-worklet.js", import.meta.url));
    this.#node = new AudioWorkletNode(this.#context, "recorder", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    this.#node.port.onmessage = ({ data }) => {
      this.#parts.push(data);
      this.#length += data.length;
      let peak = 0;
      for (const sample of data) peak = Math.max(peak, Math.abs(sample));
      heard(this.#length / this.#context.sampleRate, Math.min(1, peak));
    };
    source.connect(this.#node);
    await this.#context.resume();
  }

  /** Ends the recording and returns it as a WAV file. */
  end() {
    const samples = new Float32Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      samples.set(part, at);
      at += part.length;
    }
    const rate = this.#context.sampleRate;
    this.#release();
    const time = new Date().toTimeString().slice(0, 8).replaceAll(":", ".");
    return new File([wav(samples, rate)], `Recording ${time}.wav`, { type: "audio/wav" });
  }

  #release() {
    this.#node?.port.close();
    for (const track of this.#stream.getTracks()) track.stop();
    this.#context?.close();
  }
}

/** Mono samples as a WAV file with 16 bits each. */
export function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at, letters) => [...letters].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + samples.length * 2, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, index) => {
    view.setInt16(44 + index * 2, Math.max(-1, Math.min(1, sample)) * 32_767, true);
  });
  return view.buffer;
}

/** Why the microphone could not be used, in words. */
export function microphoneProblem(error) {
  if (!navigator.mediaDevices) return "Browsers allow the microphone only on https and on localhost. Choose a file instead.";
  if (error.name === "NotAllowedError") return "The browser was not allowed to use the microphone. Allow it beside the address, or choose a file.";
  if (error.name === "NotFoundError") return "There is no microphone. Choose a file instead.";
  return `The microphone cannot be used: ${error.message}`;
}
