//! An unavailable store.

use std::net::TcpListener;

use runtime_tests::audio::example;
use runtime_tests::{Launch, Redis, Request, Response, Server, application};
use serde_json::json;

use crate::stack::{Kind, Setup, check_factorization, factorize, factorize_at, id, wait_for};

fn check_unavailable(answer: &Response) {
    assert_eq!(
        (answer.status, &*answer.problem()),
        (503, "store-unavailable")
    );
    assert!(
        answer
            .header("retry-after")
            .unwrap()
            .parse::<u32>()
            .unwrap()
            > 0
    );
}

/// The service is alive, and not ready.
fn check_unready(app: &Server) {
    let answer = app.get("/readyz");
    assert_eq!((answer.status, &*answer.problem()), (503, "not-ready"));
    assert_eq!(answer.json()["missing"], json!(["jobs"]));
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(app.get("/livez").status, 200);
}

/// All requests about jobs report it, and all others still work.
fn check_without_store(app: &Server) {
    let deferred = factorize("6").header("prefer", "respond-async");
    check_unavailable(&app.send(&deferred));
    check_unavailable(&app.send(&factorize_at("/async/factorize", "6")));
    let path = "/v1/audio/transcriptions";
    let speech = Request::upload(path, &example("silence.wav"), &[]);
    let answer = app.send(&speech.header("prefer", "respond-async"));
    let code = &answer.json()["error"]["code"];
    assert_eq!((answer.status, code), (503, &"store_unavailable".into()));
    for target in [
        "/jobs",
        "/jobs/x",
        "/jobs/x/result",
        "/jobs/x/events",
        "/metrics",
    ] {
        check_unavailable(&app.get(target));
    }
    check_unready(app);
    check_unavailable(&app.send(&Request::new("DELETE", "/jobs/x")));
    check_factorization("6", &app.send(&factorize("6")).json());
    assert_eq!(app.get("/ping").status, 200);
}

#[test]
fn the_application_starts_and_serves_without_its_redis() {
    // A port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let app = Launch::new(&application())
        .variable("jobs_store", "redis")
        .variable("redis_url", &format!("redis://{free}"))
        .start();
    check_without_store(&app);
}

#[test]
fn a_redis_that_went_away_is_used_again_when_it_is_back() {
    let mut stack = Setup::new(Kind::Redis).persistent().runners(0).start();
    let before = id(&stack.defer(&factorize("408216")));
    stack.redis().stop();
    check_without_store(&stack.app);
    stack.redis().restart();
    wait_for("the store", || {
        (stack.app.get("/jobs").status == 200).then_some(())
    });
    assert_eq!(stack.app.get("/readyz").status, 200);
    stack.add_worker();
    let after = id(&stack.defer(&factorize("408217")));
    for (job, number) in [(before, "408216"), (after, "408217")] {
        check_factorization(number, &stack.wait(&job, "succeeded")["result"]);
    }
}

#[test]
fn a_redis_that_is_silent_is_not_waited_for() {
    let mut stack = Setup::new(Kind::Redis).runners(0).start();
    assert_eq!(stack.app.get("/readyz").status, 200);
    stack.redis().pause();
    check_unready(&stack.app);
    stack.redis().resume();
    wait_for("the store", || {
        (stack.app.get("/readyz").status == 200).then_some(())
    });
}

#[test]
fn a_server_that_is_no_redis_is_a_store_that_is_away() {
    let stack = Setup::new(Kind::Sqlite).start();
    let url = format!("redis://{}", stack.app.address());
    let app = Launch::new(&application())
        .variable("jobs_store", "redis")
        .variable("redis_url", &url)
        .start();
    check_unavailable(&app.get("/jobs"));
}

/// Two applications with one store know each other's jobs.
#[test]
fn applications_share_a_redis() {
    let redis = Redis::start();
    let start = || {
        Launch::new(&application())
            .variable("jobs_store", "redis")
            .variable("redis_url", &redis.url())
            .start()
    };
    let (one, other) = (start(), start());
    let request = factorize("6").header("prefer", "respond-async");
    let job = one.send(&request.header("idempotency-key", "k")).json();
    assert_eq!(other.get(&format!("/jobs/{}", id(&job))).json(), job);
}
