// Passes the microphone's samples to the page, some at a time.

const BATCH = 1024;

class Recorder extends AudioWorkletProcessor {
  #samples = new Float32Array(BATCH);
  #length = 0;

  process([[channel]]) {
    if (!channel) return true;
    this.#samples.set(channel, this.#length);
    this.#length += channel.length;
    if (this.#length === BATCH) {
      this.port.postMessage(this.#samples.slice());
      this.#length = 0;
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
