//! Probes and metrics. `jobs/store.rs` has what they answer without the store, `jobs/counters.rs` what they count.

use runtime_tests::{Launch, Request, application};

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
