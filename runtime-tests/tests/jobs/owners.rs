//! A job belongs to who made it.

use runtime_tests::Request;

use crate::stack::{Kind, Setup, Stack, factorize, id};
use crate::{HARD, on_both_stores};

on_both_stores!(
    others_cannot_see_a_job,
    a_key_of_idempotency_is_the_owner_s,
    nobody_fills_the_queue_for_the_others,
);

const ONE: &str = "first-secret";
const TWO: &str = "second-secret";

fn setup(kind: Kind) -> Setup {
    let keys = format!("one:{ONE},two:{TWO},one:its-successor");
    Setup::new(kind).variable("api_keys", &keys)
}

fn by(key: &str, request: Request) -> Request {
    request.header("x-api-key", key)
}

/// The ids that a caller sees.
fn listed(stack: &Stack, key: &str) -> Vec<String> {
    let page = stack.app.send(&by(key, Request::get("/jobs"))).json();
    let jobs = page["jobs"].as_array().unwrap().iter();
    jobs.map(|job| job["id"].as_str().unwrap().to_owned())
        .collect()
}

fn others_cannot_see_a_job(kind: Kind) {
    let stack = setup(kind).start();
    let job = id(&stack.defer(&by(ONE, factorize(HARD))));
    assert_eq!(listed(&stack, TWO), Vec::<String>::new());
    for (method, path) in [
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/result"),
        ("GET", "/events"),
    ] {
        let request = Request::new(method, &format!("/jobs/{job}{path}"));
        let answer = stack.app.send(&by(TWO, request.clone()));
        assert_eq!(
            (answer.status, &*answer.problem()),
            (404, "job-not-found"),
            "{method} {path}"
        );
        assert_eq!(stack.app.send(&request).status, 401);
    }
    // It goes on, and is still its owner's, whichever of the owner's keys is used.
    assert_eq!(listed(&stack, ONE), [&*job]);
    assert_eq!(listed(&stack, "its-successor"), [&*job]);
    let own = by(ONE, Request::new("DELETE", &format!("/jobs/{job}")));
    assert!(matches!(stack.app.send(&own).status, 200 | 202));
}

fn a_key_of_idempotency_is_the_owner_s(kind: Kind) {
    let stack = setup(kind).start();
    let keyed = |key, number| by(key, factorize(number)).header("idempotency-key", "k");
    let first = id(&stack.defer(&keyed(ONE, "6")));
    let second = id(&stack.defer(&keyed(TWO, "8")));
    assert_ne!(first, second);
    assert_eq!(id(&stack.defer(&keyed(ONE, "6"))), first);
    assert_eq!(id(&stack.defer(&keyed(TWO, "8"))), second);
    // Nor is a number that both ask for one job.
    let poll = |key| {
        let request = Request::post_json("/async/factorize", r#"{"number": 408216}"#);
        assert_eq!(stack.app.send(&by(key, request)).status, 200);
    };
    poll(ONE);
    assert_eq!(listed(&stack, TWO).len(), 1);
    poll(TWO);
    assert_eq!(
        (listed(&stack, ONE).len(), listed(&stack, TWO).len()),
        (2, 2)
    );
}

fn nobody_fills_the_queue_for_the_others(kind: Kind) {
    let stack = setup(kind)
        .variable("max_waiting_jobs_per_caller", "2")
        .start();
    let running = id(&stack.defer(&by(ONE, factorize(HARD))));
    until_it_runs(&stack, &running);
    for number in ["10", "11"] {
        stack.defer(&by(ONE, factorize(number)));
    }
    let refused = stack.try_defer(&by(ONE, factorize("12")));
    assert_eq!(
        (refused.status, &*refused.problem()),
        (429, "too-many-jobs")
    );
    assert_eq!(refused.json()["load"], 2);
    stack.defer(&by(TWO, factorize("12")));
}

/// Until it runs.
fn until_it_runs(stack: &Stack, job: &str) {
    crate::stack::wait_for("a runner", || {
        let request = by(ONE, Request::get(&format!("/jobs/{job}")));
        (stack.app.send(&request).json()["status"] == "running").then_some(())
    });
}
