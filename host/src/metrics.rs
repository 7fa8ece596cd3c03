//! What the host counts: requests, instances and their memory, failures, and where the machine code came from.
//!
//! Labels are routes of the manifest, ids of components and status codes, so that requests cannot add any number of them.

mod instruments;

use std::{
    collections::HashMap,
    fmt, fs,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, SystemTime},
};

use http::{Method, StatusCode};
use opentelemetry::metrics::Meter;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{
        counter::Counter, family::Family, gauge::ConstGauge, gauge::Gauge, histogram::Histogram,
    },
    registry::Registry,
};

use self::instruments::Instruments;

/// The route in labels where the manifest has none for a path, or the request could not be read.
const UNMATCHED: &str = "unmatched";

/// Upper bounds of the buckets of durations, in seconds.
const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    120.0,
];

type Label<T> = (&'static str, T);

/// A metric for each value of one label.
type By<T, M> = Family<[Label<T>; 1], M, fn() -> M>;

/// A route and a status.
type Answered = ([Label<Arc<str>>; 1], [Label<u16>; 1]);

/// The numbers of a process.
pub(crate) struct Metrics {
    registry: Registry,
    routes: HashMap<Arc<str>, Route>,
    unmatched: Route,
    /// Requests by route and status.
    requests: Family<Answered, Counter>,
    /// Their durations.
    seconds: Family<Answered, Histogram, fn() -> Histogram>,
    /// Requests that are being answered.
    in_progress: Gauge,
    instances: By<Arc<str>, Gauge>,
    memory: By<Arc<str>, Gauge>,
    failures: By<Arc<str>, Counter>,
    components: By<&'static str, Gauge>,
    /// The same for a collector, if there is one.
    instruments: Option<Instruments>,
}

/// The numbers of a route.
#[derive(Clone)]
pub(crate) struct Route {
    name: Arc<str>,
    bytes: Counter,
}

/// The numbers of a component.
#[derive(Clone, Default)]
pub(crate) struct Component {
    /// Its instances that are alive.
    pub(crate) instances: Gauge,
    /// Bytes of their linear memories.
    pub(crate) memory: Gauge,
    /// Instances that failed.
    pub(crate) failures: Counter,
}

impl Route {
    /// The route as the manifest has it; `None` where nothing matched.
    pub(crate) fn name(&self) -> Option<&str> {
        Some(&*self.name).filter(|name| *name != UNMATCHED)
    }
}

impl Metrics {
    /// Begins to count, for an application with these routes, and to export with this meter.
    pub(crate) fn new<'a>(
        routes: impl IntoIterator<Item = &'a str>,
        meter: Option<Meter>,
    ) -> Arc<Self> {
        let mut registry = Registry::default();
        let requests = Family::default();
        registry.register(
            "routelets_http_requests",
            "Requests that were answered, by the route of the manifest and the status",
            requests.clone(),
        );
        let seconds: Family<Answered, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(SECONDS));
        registry.register(
            "routelets_http_request_duration_seconds",
            "Time from the head of a request to the end of its response",
            seconds.clone(),
        );
        let bytes = By::<Arc<str>, Counter>::default();
        registry.register(
            "routelets_http_response_bytes",
            "Bytes of the bodies of responses",
            bytes.clone(),
        );
        let in_progress = Gauge::default();
        registry.register(
            "routelets_http_requests_in_progress",
            "Requests that are being answered",
            in_progress.clone(),
        );
        let instances = Family::default();
        registry.register(
            "routelets_instances",
            "Instances that are alive, by component",
            instances.clone(),
        );
        let memory = Family::default();
        registry.register(
            "routelets_instance_memory_bytes",
            "Linear memory of the instances that are alive; untouched pages take none of the machine's",
            memory.clone(),
        );
        let failures = Family::default();
        registry.register(
            "routelets_instance_failures",
            "Instances that ended with a trap, a panic of the host or a time limit, by component",
            failures.clone(),
        );
        let components = Family::default();
        registry.register(
            "routelets_components",
            "Components by whether their machine code was found at the start, or had to be compiled",
            components.clone(),
        );
        let build = [
            ("runtime", "embedded"),
            ("version", env!("CARGO_PKG_VERSION")),
        ];
        let info = Family::<[Label<&str>; 2], Gauge>::default();
        info.get_or_create(&build).set(1);
        registry.register(
            "routelets_build_info",
            "The runtime of the application, and its version",
            info,
        );
        let started = Gauge::<f64, AtomicU64>::default();
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        started.set(since_epoch.unwrap_or_default().as_secs_f64());
        registry.register(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970",
            started,
        );
        registry.register_collector(Box::new(Process));
        let route = |name: &str| {
            let name: Arc<str> = name.into();
            let label = [("route", Arc::clone(&name))];
            Route {
                name,
                bytes: bytes.get_or_create_owned(&label),
            }
        };
        Arc::new(Self {
            routes: routes
                .into_iter()
                .map(route)
                .map(|route| (Arc::clone(&route.name), route))
                .collect(),
            unmatched: route(UNMATCHED),
            registry,
            requests,
            seconds,
            in_progress,
            instances,
            memory,
            failures,
            components,
            instruments: meter.map(Instruments::new),
        })
    }

    /// A route of the manifest, as it is written there; without one, the place of all other requests.
    pub(crate) fn route(&self, name: Option<&str>) -> Route {
        let known = name.and_then(|name| self.routes.get(name));
        known.unwrap_or(&self.unmatched).clone()
    }

    /// A component.
    pub(crate) fn component(&self, id: &Arc<str>) -> Component {
        let label = [("component", Arc::clone(id))];
        let component = Component {
            instances: self.instances.get_or_create_owned(&label),
            memory: self.memory.get_or_create_owned(&label),
            failures: self.failures.get_or_create_owned(&label),
        };
        if let Some(instruments) = &self.instruments {
            instruments.component(id, &component);
        }
        component
    }

    /// A request begins.
    pub(crate) fn begin(&self, method: &Method) {
        self.in_progress.inc();
        if let Some(instruments) = &self.instruments {
            instruments.begin(method);
        }
    }

    /// A request that began has ended.
    pub(crate) fn end(
        &self,
        method: &Method,
        route: &Route,
        status: StatusCode,
        took: Duration,
        bytes: u64,
    ) {
        self.in_progress.dec();
        let seconds = took.as_secs_f64();
        let labels = answered(route, status);
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&labels).observe(seconds);
        route.bytes.inc_by(bytes);
        if let Some(instruments) = &self.instruments {
            instruments.end(method, route, status, took, bytes);
        }
    }

    /// A request that could not be read was refused.
    pub(crate) fn unread(&self, status: StatusCode) {
        let labels = answered(&self.unmatched, status);
        self.requests.get_or_create(&labels).inc();
        if let Some(instruments) = &self.instruments {
            instruments.unread(status);
        }
    }

    /// The machine code of so many components was found, in the cache or compiled ahead of time; so many were compiled.
    pub(crate) fn loaded(&self, found: usize, compiled: usize) {
        for (code, number) in [("found", found), ("compiled", compiled)] {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            self.components.get_or_create(&[("code", code)]).set(number);
            if let Some(instruments) = &self.instruments {
                instruments.loaded(code, number);
            }
        }
    }

    /// The numbers, for an encoder.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }
}

fn answered(route: &Route, status: StatusCode) -> Answered {
    let route = ("route", Arc::clone(&route.name));
    ([route], [("status", status.as_u16())])
}

/// The numbers that Prometheus' libraries have of every process.
struct Process;

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Process")
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(bytes) = resident_bytes() else {
            return Ok(());
        };
        let gauge = ConstGauge::new(bytes);
        let encoder = encoder.encode_descriptor(
            "process_resident_memory_bytes",
            "Resident memory of the process.",
            None,
            gauge.metric_type(),
        )?;
        gauge.encode(encoder)
    }
}

/// The resident memory of this process. `None` on systems without `/proc`.
fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some(resident(&status)?.saturating_mul(1024))
}

/// The resident memory in `/proc/self/status`, in KiB.
fn resident(status: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use exposition::Format;

    use super::*;

    fn text(metrics: &Metrics) -> String {
        Format::Prometheus.encode(metrics.registry())
    }

    #[test]
    fn requests_are_counted_by_the_route_of_the_manifest() {
        let metrics = Metrics::new(["/a/...", "/b"], None);
        for (route, status) in [
            (Some("/a/..."), StatusCode::OK),
            (Some("/a/..."), StatusCode::OK),
            (Some("/a/secret"), StatusCode::NOT_FOUND),
            (None, StatusCode::NOT_FOUND),
        ] {
            metrics.begin(&Method::GET);
            let (route, took) = (metrics.route(route), Duration::from_millis(3));
            metrics.end(&Method::GET, &route, status, took, 10);
        }
        metrics.begin(&Method::GET);
        metrics.unread(StatusCode::BAD_REQUEST);
        let text = text(&metrics);
        for sample in [
            r#"routelets_http_requests_total{route="/a/...",status="200"} 2"#,
            r#"routelets_http_requests_total{route="unmatched",status="404"} 2"#,
            r#"routelets_http_requests_total{route="unmatched",status="400"} 1"#,
            r#"routelets_http_request_duration_seconds_count{route="/a/...",status="200"} 2"#,
            r#"routelets_http_request_duration_seconds_bucket{route="/a/...",status="200",le="0.0025"} 0"#,
            r#"routelets_http_request_duration_seconds_bucket{route="/a/...",status="200",le="0.005"} 2"#,
            r#"routelets_http_response_bytes_total{route="/a/..."} 20"#,
            "routelets_http_requests_in_progress 1",
        ] {
            assert!(text.contains(&format!("\n{sample}\n")), "{sample}:\n{text}");
        }
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn the_process_says_what_it_is_and_when_it_started() {
        let before = SystemTime::now();
        let text = text(&Metrics::new([], None));
        let version = env!("CARGO_PKG_VERSION");
        let info =
            format!("\nroutelets_build_info{{runtime=\"embedded\",version=\"{version}\"}} 1\n");
        assert!(text.contains(&info), "{text}");
        let started = text
            .lines()
            .find_map(|line| line.strip_prefix("process_start_time_seconds "));
        let started = Duration::from_secs_f64(started.unwrap().parse().unwrap());
        let started = SystemTime::UNIX_EPOCH + started;
        // A float has less than nanoseconds of it.
        let leeway = Duration::from_millis(1);
        assert!(before - leeway <= started && started <= SystemTime::now() + leeway);
    }

    #[test]
    fn the_resident_memory_is_that_of_this_process() {
        assert_eq!(
            resident("Name:\tx\nVmRSS:\t   1234 kB\nRssAnon: 1 kB\n"),
            Some(1234)
        );
        assert_eq!(resident(""), None);
        let text = text(&Metrics::new([], None));
        let has = text.contains("\nprocess_resident_memory_bytes ");
        assert_eq!(has, cfg!(target_os = "linux"), "{text}");
    }
}
