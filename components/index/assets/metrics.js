// Reads the text format of Prometheus; rates and quantiles come from two readings.

const DURATION = "routelets_http_request_duration_seconds_bucket";
const ENDED = "routelets_jobs_ended_total";
const BUILD = "routelets_build_info";
const STARTED = "process_start_time_seconds";

/**
 * What the page shows of a reading: `runtime`, and `started`, in seconds since 1970; summed over all routes `buckets`, the cumulated
 * counts of requests by the upper bound of their duration in seconds, and `jobs`, those that ended. What the server does not tell is
 * absent.
 */
export function read(text) {
  const buckets = new Map();
  // A server that has not ended any job yet does not name the counter.
  let jobs = text.includes("routelets_jobs") ? 0 : undefined;
  let runtime;
  let started;
  for (const line of text.split("\n")) {
    const [, name, labels = "", number] = /^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)/i.exec(line) ?? [];
    const label = (wanted) => new RegExp(`(?:^|,)${wanted}="([^"]*)"`).exec(labels)?.[1];
    if (name === ENDED) jobs += Number(number);
    if (name === BUILD) runtime = label("runtime");
    if (name === STARTED) started = Number(number);
    if (name !== DURATION) continue;
    const bound = label("le");
    const limit = bound === "+Inf" ? Infinity : Number(bound);
    buckets.set(limit, (buckets.get(limit) ?? 0) + Number(number));
  }
  return { runtime, started, buckets: buckets.size ? [...buckets].sort(([a], [b]) => a - b) : undefined, jobs };
}

/** What a counter grew by. One that fell began at zero with a new process. */
const growth = (before, after) => (after >= before ? after - before : after);

/** What happened between two readings: `rate` in requests a second, `p50` and `p99` in seconds; `jobs` a second. */
export function between(before, after, seconds) {
  const jobs = after.jobs === undefined ? undefined : growth(before.jobs ?? 0, after.jobs) / seconds;
  if (!before.buckets || !after.buckets) return { jobs };
  const known = new Map(before.buckets);
  const total = (buckets) => buckets.at(-1)[1];
  const isNew = total(after.buckets) < total(before.buckets);
  const grown = after.buckets.map(([bound, count]) => [bound, isNew ? count : count - (known.get(bound) ?? 0)]);
  return { jobs, rate: total(grown) / seconds, p50: quantile(grown, 0.5), p99: quantile(grown, 0.99) };
}

/** A quantile of cumulated buckets, interpolated within its bucket; the highest finite bound if it lies beyond. */
export function quantile(buckets, share) {
  const rank = (buckets.at(-1)?.[1] ?? 0) * share;
  if (!rank) return undefined;
  let [low, below] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= rank) return bound === Infinity ? low : low + ((bound - low) * (rank - below)) / (count - below);
    [low, below] = [bound, count];
  }
  return low;
}
