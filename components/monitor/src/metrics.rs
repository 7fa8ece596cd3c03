//! What the job store counts, and the runtime, for Prometheus.

use std::sync::atomic::AtomicU64;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse;
use exposition::Format;
use futures_util::future::join;
use guest::runtime::METRICS;
use guest::{LocalFuture, Response};
use http_api::problem::STORE_UNAVAILABLE;
use http_api::{CalledBy, Problem, problem_responses};
use jobs::{Metrics, Millis, RouteMetrics};
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};
use prometheus_client::registry::Registry;

problem_responses!(Problems = &[STORE_UNAVAILABLE]);

/// Metrics in the text format of Prometheus, or as OpenMetrics.
///
/// Those of jobs are about all processes that share the job store. The embedded host adds those of its own process.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    responses(
        (status = 200, description = "The metrics", content(
            (String = "text/plain"),
            (String = "application/openmetrics-text"),
        )),
        Problems,
    )
)]
pub(crate) async fn metrics(
    CalledBy(caller): CalledBy,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accept = headers.get_all(header::ACCEPT).iter();
    let format = Format::accepted(accept.filter_map(|value| value.to_str().ok()));
    let read = async { guest::jobs::queue(caller).await?.metrics().await };
    let runtime = guest::runtime::ask(METRICS, format.content_type());
    let (metrics, of_runtime) = LocalFuture::new(join(read, runtime)).await;
    let metrics = metrics?;
    let headers = [
        (header::CONTENT_TYPE, format.content_type()),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept"),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)));
    let text = format.encode(&registry(&metrics, jobs::now()));
    let text = match of_runtime.and_then(|text| String::from_utf8(text.into()).ok()) {
        Some(of_runtime) => format.join(of_runtime, &text),
        None => text,
    };
    Ok((headers, text).into_response())
}

type Labels = Vec<(&'static str, String)>;

/// A counter by route, and how its value is found.
type Count = (&'static str, &'static str, fn(&RouteMetrics) -> u64);

const COUNTS: [Count; 4] = [
    (
        "routelets_jobs_submitted",
        "Jobs that were submitted",
        |route| route.submitted,
    ),
    (
        "routelets_jobs_claimed",
        "Attempts that began: claims of a runner",
        |route| route.claimed,
    ),
    (
        "routelets_jobs_retried",
        "Attempts after the first of a job",
        |route| route.retried,
    ),
    (
        "routelets_jobs_leases_lost",
        "Leases that ran out because their runner was silent",
        |route| route.lost,
    ),
];

fn registry(metrics: &Metrics, now: Millis) -> Registry {
    let mut registry = Registry::default();
    let jobs = Family::<Labels, Gauge>::default();
    registry.register(
        "routelets_jobs",
        "Jobs that wait or run now, by state",
        jobs.clone(),
    );
    let ended = Family::<Labels, Counter>::default();
    registry.register(
        "routelets_jobs_ended",
        "Jobs that ended, by state",
        ended.clone(),
    );
    for (route, numbers) in &metrics.routes {
        let labels = |state: &str| vec![("route", route.clone()), ("state", state.to_owned())];
        for (state, number) in [("queued", numbers.waiting), ("running", numbers.running)] {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            jobs.get_or_create(&labels(state)).set(number);
        }
        for (state, number) in [
            ("succeeded", numbers.succeeded),
            ("failed", numbers.failed),
            ("canceled", numbers.canceled),
        ] {
            ended.get_or_create(&labels(state)).inc_by(number);
        }
    }
    for (name, help, value) in COUNTS {
        let counts = Family::<Labels, Counter>::default();
        registry.register(name, help, counts.clone());
        for (route, numbers) in &metrics.routes {
            let labels = vec![("route", route.clone())];
            counts.get_or_create(&labels).inc_by(value(numbers));
        }
    }
    for (name, help, milliseconds) in [
        (
            "routelets_speech_seconds",
            "Seconds of speech that were recognised",
            metrics.speech.sound,
        ),
        (
            "routelets_speech_recognition_seconds",
            "Seconds that its recognition took",
            metrics.speech.recognition,
        ),
    ] {
        let seconds = Counter::<f64, AtomicU64>::default();
        seconds.inc_by(milliseconds as f64 / 1e3);
        registry.register(name, help, seconds);
    }
    let oldest = Gauge::<f64, AtomicU64>::default();
    let age = metrics
        .oldest_waiting
        .map(|since| now.saturating_sub(since));
    oldest.set(age.unwrap_or_default() as f64 / 1e3);
    registry.register(
        "routelets_jobs_oldest_waiting_seconds",
        "Age of the oldest job that waits; 0 if none does",
        oldest,
    );
    registry
}

#[cfg(test)]
mod tests {
    use jobs::Speech;

    use super::*;

    #[test]
    fn each_number_has_its_place() {
        let numbers = RouteMetrics {
            waiting: 1,
            running: 2,
            submitted: 3,
            claimed: 4,
            retried: 5,
            lost: 6,
            succeeded: 7,
            failed: 8,
            canceled: 9,
        };
        let metrics = Metrics {
            oldest_waiting: Some(1_000),
            routes: [("POST /asr".to_owned(), numbers)].into(),
            speech: Speech {
                sound: 30_000,
                recognition: 750,
            },
        };
        let text = Format::Prometheus.encode(&registry(&metrics, 2_500));
        let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let mut expected = vec![
            r#"routelets_jobs_oldest_waiting_seconds 1.5"#,
            r#"routelets_speech_seconds_total 30.0"#,
            r#"routelets_speech_recognition_seconds_total 0.75"#,
            r#"routelets_jobs_claimed_total{route="POST /asr"} 4"#,
            r#"routelets_jobs_ended_total{route="POST /asr",state="canceled"} 9"#,
            r#"routelets_jobs_ended_total{route="POST /asr",state="failed"} 8"#,
            r#"routelets_jobs_ended_total{route="POST /asr",state="succeeded"} 7"#,
            r#"routelets_jobs_leases_lost_total{route="POST /asr"} 6"#,
            r#"routelets_jobs_retried_total{route="POST /asr"} 5"#,
            r#"routelets_jobs_submitted_total{route="POST /asr"} 3"#,
            r#"routelets_jobs{route="POST /asr",state="queued"} 1"#,
            r#"routelets_jobs{route="POST /asr",state="running"} 2"#,
        ];
        expected.sort_unstable();
        let mut samples = samples;
        samples.sort_unstable();
        assert_eq!(samples, expected);
    }

    #[test]
    fn without_jobs_nothing_waits() {
        let text = Format::OpenMetrics.encode(&registry(&Metrics::default(), 1));
        assert!(
            text.contains("\nroutelets_jobs_oldest_waiting_seconds 0.0\n"),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"));
    }
}
