//! How many cores are idle, for components that can share out their work.

use std::{
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::Full;
use rustix::time::{ClockId, clock_gettime};

/// How long the use of the cores is watched.
const WATCH: Duration = Duration::from_millis(50);

/// A core that is used this little counts as idle.
const LITTLE: f64 = 0.25;

/// Answers with the number of idle cores. The component that asks waits meanwhile, so its core is among them.
pub(crate) async fn answer() -> Response<Full<Bytes>> {
    let (began, before) = (Instant::now(), used());
    tokio::time::sleep(WATCH).await;
    let busy = (used() - before).as_secs_f64() / began.elapsed().as_secs_f64();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut response = Response::new(Full::from(idle(cores, busy).to_string()));
    let kind = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The processor time of this process.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::from_secs(seconds)
        + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or_default())
}

/// Of `cores`, those that are idle while `busy` are in use on average.
fn idle(cores: usize, busy: f64) -> usize {
    let idle = cores as f64 - busy + LITTLE;
    idle.clamp(0.0, cores as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_is_idle_if_it_is_hardly_used() {
        for (cores, busy, expected) in [
            (2, 0.0, 2),
            (2, 0.2, 2),
            (2, 0.5, 1),
            (2, 1.1, 1),
            (2, 2.1, 0),
            (1, 0.0, 1),
            (16, 3.2, 13),
        ] {
            assert_eq!(idle(cores, busy), expected, "{cores} {busy}");
        }
    }

    #[test]
    fn the_time_of_this_process_is_counted() {
        let before = used();
        let end = Instant::now() + Duration::from_millis(20);
        while Instant::now() < end {}
        assert!(used() >= before + Duration::from_millis(5));
    }
}
