//! Probes and metrics. `jobs/store.rs` has what they answer without the store, `jobs/counters.rs` what they count.

use runtime_tests::{Launch, Request, Runtime, application};

#[test]
fn the_operator_may_open_the_metrics_to_everybody() {
    let with_keys = || Launch::new(&application()).variable("api_keys", "ci:plain-secret");
    let app = with_keys().start();
    assert_eq!(app.get("/metrics").problem(), "missing-credentials");
    let scrape = Request::get("/metrics").header("authorization", "Bearer plain-secret");
    assert_eq!(app.send(&scrape).status, 200);

    let app = with_keys().variable("metrics_public", "true").start();
    assert_eq!(app.get("/metrics").status, 200);
    assert_eq!(app.get("/sum/1/2").status, 401);
}

#[test]
fn the_numbers_of_the_embedded_host_are_at_one_address() {
    if !Runtime::is_embedded() {
        return;
    }
    const OF_HOST: &str = "routelets_http_requests_in_progress 1\n";
    let app = Launch::new(&application()).start();
    let text = app.get("/metrics").text().to_owned();
    assert!(
        text.contains(OF_HOST) && text.contains("routelets_jobs_oldest"),
        "{text}"
    );

    let apart = Launch::new(&application())
        .arg("--metrics-listen=127.0.0.1:0")
        .start();
    let text = apart.get("/metrics").text().to_owned();
    assert!(!text.contains("routelets_http"), "{text}");
    assert!(text.contains("routelets_jobs_oldest"), "{text}");
}
