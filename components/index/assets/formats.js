// A transcript in the formats that can be downloaded. Words are `{word, start, end, confidence, channel}`.

/** Letters, seconds of a subtitle at most, and the silence after which another begins. */
const MAX_LETTERS = 84;
const MAX_SECONDS = 6;
const SILENCE = 0.8;

/** The words as text. */
export const text = (words) => words.map(({ word }) => word).join(" ");

/** The words in subtitles. */
export function cues(words) {
  const result = [];
  for (const word of words) {
    const cue = result.at(-1);
    const fits =
      cue &&
      cue.channel === word.channel &&
      word.start - cue.end < SILENCE &&
      word.end - cue.start <= MAX_SECONDS &&
      cue.text.length + word.word.length < MAX_LETTERS &&
      !/[.?!]$/.test(cue.text);
    if (fits) {
      cue.text += ` ${word.word}`;
      cue.end = word.end;
    } else result.push({ text: word.word, start: word.start, end: word.end, channel: word.channel });
  }
  return result;
}

function stamp(seconds, separator) {
  const whole = Math.round(seconds * 1000);
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  const time = [two(whole / 3_600_000), two((whole / 60_000) % 60), two((whole / 1000) % 60)].join(":");
  return time + separator + String(whole % 1000).padStart(3, "0");
}

const voice = (channel) => (channel === undefined ? "" : `Voice ${channel + 1}`);

function subRip(words) {
  const line = ({ channel, text }) => (voice(channel) ? `${voice(channel)}: ${text}` : text);
  return cues(words)
    .map((cue, index) => `${index + 1}\n${stamp(cue.start, ",")} --> ${stamp(cue.end, ",")}\n${line(cue)}\n`)
    .join("\n");
}

function webVtt(words) {
  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const line = ({ channel, text }) => (voice(channel) ? `<v ${voice(channel)}>${escape(text)}` : escape(text));
  return ["WEBVTT\n", ...cues(words).map((cue) => `${stamp(cue.start, ".")} --> ${stamp(cue.end, ".")}\n${line(cue)}\n`)].join("\n");
}

function csv(words) {
  const cell = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : (value ?? ""));
  const split = words.some(({ channel }) => channel !== undefined);
  const columns = ["word", "start", "end", "confidence", ...(split ? ["channel"] : [])];
  return [columns, ...words.map((word) => columns.map((column) => word[column]))].map((row) => `${row.map(cell).join(",")}\n`).join("");
}

/** Label, extension, media type, and what writes it. */
export const FORMATS = [
  ["TXT", "txt", "text/plain", (words) => `${text(words)}\n`],
  ["SRT", "srt", "application/x-subrip", subRip],
  ["VTT", "vtt", "text/vtt", webVtt],
  ["JSON", "json", "application/json", (words) => `${JSON.stringify({ text: text(words), words }, null, 2)}\n`],
  ["CSV", "csv", "text/csv", csv],
];

/** The larger of these many comparisons is not made: the words in between share the time. */
const MAX_COMPARISONS = 4_000_000;

/** The words of an edited text, with the times of the words that it was made from. */
export function retime(words, edited) {
  const texts = edited.split(/\s+/).filter(Boolean);
  let head = 0;
  while (head < texts.length && head < words.length && texts[head] === words[head].word) head += 1;
  let tail = 0;
  const most = Math.min(texts.length, words.length) - head;
  while (tail < most && texts[texts.length - 1 - tail] === words[words.length - 1 - tail].word) tail += 1;
  const before = words.slice(head, words.length - tail);
  const after = texts.slice(head, texts.length - tail);
  const middle = [];
  let [from, at] = [0, 0];
  for (const [i, j] of [...common(before, after), [before.length, after.length]]) {
    const previous = words[head + from - 1];
    const next = words[head + i];
    middle.push(...spread(before.slice(from, i), after.slice(at, j), previous, next));
    if (i < before.length) middle.push(before[i]);
    [from, at] = [i + 1, j + 1];
  }
  return [...words.slice(0, head), ...middle, ...words.slice(words.length - tail)];
}

/** The longest common subsequence, as pairs of indices. */
function common(words, texts) {
  const [rows, columns] = [words.length + 1, texts.length + 1];
  if (rows * columns > MAX_COMPARISONS) return [];
  const lengths = new Uint16Array(rows * columns);
  for (let i = words.length - 1; i >= 0; i -= 1) {
    for (let j = texts.length - 1; j >= 0; j -= 1) {
      lengths[i * columns + j] =
        words[i].word === texts[j]
          ? lengths[(i + 1) * columns + j + 1] + 1
          : Math.max(lengths[(i + 1) * columns + j], lengths[i * columns + j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < words.length && j < texts.length; ) {
    if (words[i].word === texts[j]) pairs.push([i++, j++]);
    else if (lengths[(i + 1) * columns + j] >= lengths[i * columns + j + 1]) i += 1;
    else j += 1;
  }
  return pairs;
}

/** Gives `texts` the time of the words that they replace, or the gap between the neighbours, in equal parts. */
function spread(replaced, texts, previous, next) {
  const start = replaced[0]?.start ?? previous?.end ?? next?.start ?? 0;
  const end = replaced.at(-1)?.end ?? next?.start ?? previous?.end ?? start;
  const part = (end - start) / texts.length;
  const channel = (replaced[0] ?? previous ?? next)?.channel;
  const round = (seconds) => Math.round(seconds * 100) / 100;
  return texts.map((word, index) => ({
    word,
    start: round(start + index * part),
    end: round(start + (index + 1) * part),
    confidence: 1,
    ...(channel === undefined ? {} : { channel }),
  }));
}
