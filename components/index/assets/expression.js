// Evaluates the expressions of POST /factorize while they are typed. The server has the last word.

/** Bits up to which an intermediate result is computed here: about 4,096 digits. */
const MAX_BITS = 13_600;

/** A mistake in an expression, with the column where it is, from 1. */
export class Mistake extends Error {
  constructor(column, message) {
    super(message);
    this.column = column;
  }
}

/** The expression is right so far as this page can tell: it is too large, or takes too long, to be computed here. */
export class Unknown extends Error {}

const bits = (value) => (value < 0n ? -value : value).toString(16).length * 4;

function limited(value) {
  if (bits(value) > MAX_BITS) throw new Unknown();
  return value;
}

function small(value, most) {
  if (value < 0n || value > BigInt(most)) throw new Unknown();
  return Number(value);
}

function power(base, exponent, column) {
  if (exponent < 0n) throw new Mistake(column, "the exponent is negative");
  if (base >= -1n && base <= 1n) return exponent % 2n || base === 0n ? (exponent ? base : 1n) : 1n;
  const times = small(exponent, MAX_BITS);
  if (times * (bits(base) - 4) > MAX_BITS) throw new Unknown();
  return limited(base ** BigInt(times));
}

function factorial(value, column) {
  if (value < 0n) throw new Mistake(column, "the factorial of a negative number");
  let result = 1n;
  for (let factor = small(value, 1500); factor > 1; factor -= 1) result *= BigInt(factor);
  return limited(result);
}

function primorial(value, column) {
  if (value < 0n) throw new Mistake(column, "the primorial of a negative number");
  const most = small(value, 9000);
  const composite = new Uint8Array(most + 1);
  let result = 1n;
  for (let n = 2; n <= most; n += 1) {
    if (composite[n]) continue;
    result *= BigInt(n);
    for (let multiple = n * n; multiple <= most; multiple += n) composite[multiple] = 1;
  }
  return limited(result);
}

function fibonacci(value, column) {
  if (value < 0n) throw new Mistake(column, "the index of a Fibonacci number is negative");
  let [a, b] = [0n, 1n];
  for (let index = small(value, 19_000); index > 0; index -= 1) [a, b] = [b, a + b];
  return limited(a);
}

const TOKEN = /\s*(?:(\d+)|(fib)|(\*\*|[-+*/%^!#()]))/y;

/** A parser by recursive descent; each method takes what binds at least as tightly as its name says. */
class Parser {
  constructor(text) {
    this.tokens = [];
    TOKEN.lastIndex = 0;
    const end = text.trimEnd().length;
    while (TOKEN.lastIndex < end) {
      const from = TOKEN.lastIndex;
      const match = TOKEN.exec(text);
      const column = from + (text.slice(from).match(/^\s*/)[0].length + 1);
      if (!match) throw new Mistake(column, `“${text[column - 1]}” is not expected`);
      const [, number, name, operator] = match;
      this.tokens.push({ number, operator: operator === "**" ? "^" : (operator ?? name), column });
    }
    this.at = 0;
    this.end = end + 1;
  }

  take(...operators) {
    const token = this.tokens[this.at];
    if (!token || token.number !== undefined || !operators.includes(token.operator)) return null;
    this.at += 1;
    return token;
  }

  column() {
    return this.tokens[this.at]?.column ?? this.end;
  }

  sum() {
    let left = this.product();
    for (let token; (token = this.take("+", "-")); ) {
      const right = this.product();
      left = limited(token.operator === "+" ? left + right : left - right);
    }
    return left;
  }

  product() {
    let left = this.sign();
    for (let token; (token = this.take("*", "/", "%")); ) {
      const right = this.sign();
      if (token.operator !== "*" && right === 0n) throw new Mistake(token.column, "a division by zero");
      if (token.operator === "*") left = limited(left * right);
      else if (token.operator === "%") left = (left % right + right) % right;
      else {
        if (left % right) throw new Mistake(token.column, "the division leaves a remainder");
        left /= right;
      }
    }
    return left;
  }

  sign() {
    if (this.take("-")) return -this.sign();
    return this.power();
  }

  power() {
    const base = this.postfix();
    const token = this.take("^");
    // From the right; an exponent may have a sign.
    return token ? power(base, this.sign(), token.column) : base;
  }

  postfix() {
    let value = this.atom();
    for (let token, before; (token = this.take("!", "#")); before = token.operator) {
      // A double factorial, or the factorial of a factorial.
      if (token.operator === "!" && before === "!") throw new Mistake(token.column, "“!!” is ambiguous; write (3!)!");
      value = token.operator === "!" ? factorial(value, token.column) : primorial(value, token.column);
    }
    return value;
  }

  atom() {
    const token = this.tokens[this.at];
    if (token?.number !== undefined) {
      this.at += 1;
      return limited(BigInt(token.number));
    }
    const name = this.take("fib");
    if (name && this.tokens[this.at]?.operator !== "(") throw new Mistake(this.column(), "fib needs a number in parentheses");
    if (this.take("(")) {
      const value = this.sum();
      if (!this.take(")")) throw new Mistake(this.column(), "a parenthesis is not closed");
      return name ? fibonacci(value, name.column) : value;
    }
    throw new Mistake(this.column(), token ? `“${token.operator}” is not expected` : "something is missing at the end");
  }
}

/** The value of an expression. Throws a `Mistake`, or `Unknown`. */
export function evaluate(text) {
  const parser = new Parser(text);
  const value = parser.sum();
  if (parser.at < parser.tokens.length) throw new Mistake(parser.column(), "an operator is missing");
  return value;
}
