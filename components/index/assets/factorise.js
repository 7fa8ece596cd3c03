// The section for prime factors.

import { Failure, call, follow, hasEnded, inWords, parseExact } from "./api.js";
import { $, el, roughly, say, store, stored } from "./dom.js";
import { Mistake, evaluate } from "./expression.js";

/** Numbers of more digits become jobs, which show their progress and can be canceled. */
const QUICK_DIGITS = 45;
const MAX_DIGITS = 200;
const HISTORY = "routelets.history";
const MAX_HISTORY = 12;
const TESTS = { "trial-division": "trial division", "miller-rabin": "Miller–Rabin, a proof", "baillie-psw": "Baillie–PSW" };

/** Starts the section. */
export function start(panel) {
  const form = $("#factorise-form", panel);
  const input = $("#number", panel);
  const check = $("#number-check", panel);
  const problem = $("#factorise-problem", panel);
  const running = $("#factorise-running", panel);
  const answer = $("#factorisation", panel);
  let work = null;

  function judge() {
    const text = input.value.trim();
    const { message, isWrong } = text ? judgement(text) : { message: "", isWrong: false };
    check.textContent = message;
    check.classList.toggle("wrong", isWrong);
    input.setAttribute("aria-invalid", String(isWrong));
    return !isWrong;
  }

  async function factorise(text) {
    input.value = text;
    if (!judge()) return;
    work?.abort();
    const current = new AbortController();
    work = current;
    say(problem, "");
    answer.hidden = true;
    show(running, null);
    const waiting = setTimeout(() => (running.hidden = false), 150);
    try {
      const result = await ask(text, current.signal, (progress) => show(running, progress));
      answer.replaceChildren(...typeset(result));
      answer.hidden = false;
      remember(text, result);
    } catch (error) {
      if (error.name !== "AbortError") say(problem, error.message);
    }
    clearTimeout(waiting);
    if (work === current) {
      work = null;
      running.hidden = true;
    }
  }

  function remember(text, { factors }) {
    const entries = stored(HISTORY, []).filter((entry) => entry.text !== text);
    entries.unshift({ text, factors: factors.length });
    store(HISTORY, entries.slice(0, MAX_HISTORY));
    list();
  }

  function list() {
    const entries = stored(HISTORY, []);
    $("#history", panel).hidden = !entries.length;
    const links = entries.map(({ text }) => el("li", {}, el("a", { href: address(text) }, shortened(text))));
    $("#history ul", panel).replaceChildren(...links);
  }

  input.addEventListener("input", judge);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (location.hash === address(text)) factorise(text);
    else location.hash = address(text);
  });
  $("[data-cancel]", running).addEventListener("click", () => work?.abort());
  $("[data-clear]", panel).addEventListener("click", () => {
    store(HISTORY, []);
    list();
    input.focus();
  });
  judge();
  list();
  return { show: (text) => text && factorise(text) };
}

const address = (text) => `#factorise/${encodeURIComponent(text)}`;

const shortened = (text) => (text.length > 24 ? `${text.slice(0, 14)}…${text.slice(-6)}` : text);

const digits = (count) => (count === 1 ? "1 digit" : `${count} digits`);

/** What to say about an expression while it is typed. */
function judgement(text) {
  try {
    const value = evaluate(text);
    const count = String(value).length;
    if (value < 2n) return { message: `This is ${shortened(String(value))}; the smallest number with prime factors is 2.`, isWrong: true };
    if (count > MAX_DIGITS) return { message: `${digits(count)}; at most ${MAX_DIGITS} can be factorised.`, isWrong: true };
    const shown = /^\d+$/.test(text) ? "" : `= ${shortened(String(value))}, `;
    return { message: `${shown}${digits(count)}`, isWrong: false };
  } catch (error) {
    if (error instanceof Mistake) return { message: `Column ${error.column}: ${error.message}.`, isWrong: true };
    return { message: "The server will compute this.", isWrong: false };
  }
}

function isQuick(text) {
  try {
    return String(evaluate(text)).length <= QUICK_DIGITS;
  } catch {
    return false;
  }
}

/** Asks the server for the factors; a job if that may take long. */
async function ask(text, signal, progressed) {
  const path = "/factorize?details=true";
  const json = { expression: text };
  if (isQuick(text)) {
    const response = await call(path, { method: "POST", json, signal });
    return read(parseExact(await response.text()));
  }
  const response = await call(path, { method: "POST", json, prefer: "respond-async", signal });
  const { id } = parseExact(await response.text());
  const cancel = () => call(`/jobs/${id}`, { method: "DELETE", quiet: true }).catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const job = await follow(id, (seen) => !hasEnded(seen) && progressed(seen), { signal, parse: parseExact });
    if (job.status === "canceled") throw new DOMException("cancelled", "AbortError");
    if (job.status === "failed") throw new Failure(inWords(job.problem));
    return read(job.result);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** The answer with its factors as texts: a double cannot hold them. */
function read({ number, factorization_str: factors, details }) {
  return { number: String(number), factors: factors.split(" ").map((factor) => factor.split("^")), details };
}

/** Shows how far a job has come. */
function show(running, job) {
  const bar = $("progress", running);
  const text = $("[role=status]", running);
  const { found = [], sieve } = job?.progress ?? {};
  bar.removeAttribute("value");
  const parts = [job?.status === "queued" ? "Waiting for its turn" : "Computing"];
  if (found.length) parts.push(`found ${found.map(([prime, exponent]) => prime + (exponent > 1 ? `^${exponent}` : "")).join(" · ")}`);
  if (sieve) {
    bar.max = 100;
    bar.value = sieve.percent;
    parts.push(`${sieve.relations.toLocaleString("en")} of ${sieve.needed.toLocaleString("en")} relations`);
    if (sieve.seconds_left) parts.push(`about ${roughly(sieve.seconds_left)} left`);
  }
  const line = parts.join(", ");
  if (text.textContent !== line) text.textContent = line;
}

/** Digits in groups of three, between which a line may end. The gaps are style: what is copied are digits. */
function grouped(number) {
  const element = el("span", { class: "digits" });
  const first = number.length % 3 || 3;
  for (let at = 0; at < number.length; at = at ? at + 3 : first) {
    if (at) element.append(el("wbr"));
    element.append(el("span", {}, number.slice(at, at ? at + 3 : first)));
  }
  return element;
}

/** The elements of an answer. */
function typeset({ number, factors, details }) {
  const isPrime = factors.length === 1 && factors[0][1] === "1";
  const product = el("p", { class: "product" });
  factors.forEach(([prime, exponent], index) => {
    const factor = el("span", { class: "factor" }, grouped(prime));
    if (exponent !== "1") factor.append(el("sup", {}, exponent));
    if (prime.length > 6) factor.append(el("small", {}, digits(prime.length)));
    if (index < factors.length - 1) factor.append(el("span", { class: "times" }, " ·"));
    product.append(factor, " ");
  });
  const facts = el("dl", { class: "facts" });
  const fact = (name, value) => facts.append(el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  fact("Digits", String(number.length));
  if (details) {
    fact("Divisors", grouped(String(details.divisor_count)));
    fact("Their sum", grouped(String(details.divisor_sum)));
    fact("Totient", grouped(String(details.totient)));
    fact("Primality test", TESTS[details.primality_test] ?? details.primality_test);
  }
  const heading = el("p", { class: "number" }, grouped(number), isPrime ? " is prime" : " =");
  return isPrime ? [heading, facts] : [heading, product, facts];
}
