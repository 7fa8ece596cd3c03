// Reads the text format of Prometheus; rates and quantiles come from two readings.

const REQUESTS = "routelets_http_requests_total";
const DURATION = "routelets_http_request_duration_seconds_bucket";
/** Its answers are as long as the jobs that they follow. */
const JOBS_ROUTE = "/jobs/...";
const ENDED = "routelets_jobs_ended_total";
const BUILD = "routelets_build_info";
const STARTED = "process_start_time_seconds";

/**
 * What the page shows of a reading: `runtime`, and `started`, in seconds since 1970; summed over all routes `requests`, and `jobs`,
 * those that ended; `buckets`, the cumulated counts of requests by the upper bound of their duration in seconds. What the server does
 * not tell is absent.
 */
export function read(text) {
  const buckets = new Map();
  // A server that has not ended any job yet does not name the counter.
  let jobs = text.includes("routelets_jobs") ? 0 : undefined;
  let requests;
  let runtime;
  let started;
  for (const line of text.split("\n")) {
    const [, name, labels = "", number] = /^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)/i.exec(line) ?? [];
    const label = (wanted) => new RegExp(`(?:^|,)${wanted}="([^"]*)"`).exec(labels)?.[1];
    if (name === ENDED) jobs += Number(number);
    if (name === REQUESTS) requests = (requests ?? 0) + Number(number);
    if (name === BUILD) runtime = label("runtime");
    if (name === STARTED) started = Number(number);
    if (name !== DURATION || label("route") === JOBS_ROUTE) continue;
    const bound = label("le");
    const limit = bound === "+Inf" ? Infinity : Number(bound);
    buckets.set(limit, (buckets.get(limit) ?? 0) + Number(number));
  }
  return { runtime, started, requests, buckets: [...buckets].sort(([a], [b]) => a - b), jobs };
}

/** What a counter grew by; absent while it is not told. One that fell began at zero with a new process. */
function growth(before = 0, after) {
  return after >= before ? after - before : after;
}

/** What happened between two readings: `rate` in requests a second, `p50` and `p99` in seconds; `jobs` a minute. */
export function between(before, after, seconds) {
  const known = new Map(before.buckets);
  const total = (buckets) => buckets.at(-1)?.[1] ?? 0;
  const isNew = total(after.buckets) < total(before.buckets);
  const grown = after.buckets.map(([bound, count]) => [bound, isNew ? count : count - (known.get(bound) ?? 0)]);
  return {
    rate: after.requests === undefined ? undefined : growth(before.requests, after.requests) / seconds,
    p50: quantile(grown, 0.5),
    p99: quantile(grown, 0.99),
    jobs: after.jobs === undefined ? undefined : (60 * growth(before.jobs, after.jobs)) / seconds,
  };
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
