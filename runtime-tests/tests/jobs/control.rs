//! Canceling.

use serde_json::Value;

use crate::stack::{Kind, Setup, Stack, check_factorization, factorize, id};
use crate::{HARD, on_both_stores};

on_both_stores!(
    a_job_that_waits_is_canceled_at_once,
    a_job_that_runs_is_canceled_soon,
    a_canceled_task_may_be_asked_for_again,
);

/// A job that keeps the only runner busy.
fn busy(stack: &Stack) -> String {
    let job = id(&stack.defer(&factorize(HARD)));
    stack.wait(&job, "running");
    job
}

fn check_canceled(job: &Value) {
    assert_eq!(job["status"], "canceled", "{job}");
    assert!(
        job["finished_at"].is_string() && job["expires_at"].is_string(),
        "{job}"
    );
    assert!(
        job.get("result").is_none() && job.get("problem").is_none(),
        "{job}"
    );
}

fn a_job_that_waits_is_canceled_at_once(kind: Kind) {
    let stack = Setup::new(kind).start();
    let running = busy(&stack);
    let waiting = id(&stack.defer(&factorize("6")));
    let answer = stack.app.get(&format!("/jobs/{waiting}/result"));
    assert_eq!((answer.status, &*answer.problem()), (409, "job-not-ended"));
    let canceled = stack.delete(&waiting);
    assert_eq!(canceled.status, 200);
    check_canceled(&canceled.json());
    assert_eq!(canceled.json()["attempts"], 0);
    check_canceled(&stack.job(&waiting));
    let answer = stack.app.get(&format!("/jobs/{waiting}/result"));
    assert_eq!((answer.status, &*answer.problem()), (409, "job-canceled"));
    assert_eq!(stack.job(&running)["status"], "running");
    assert_eq!(stack.delete(&waiting).status, 204, "it had ended");
}

fn a_job_that_runs_is_canceled_soon(kind: Kind) {
    let stack = Setup::new(kind).start();
    let running = busy(&stack);
    let waiting = id(&stack.defer(&factorize("408216")));
    let answer = stack.delete(&running);
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (202, &"running".into())
    );
    check_canceled(&stack.wait(&running, "canceled"));
    // The runner goes on with what waited.
    let next = stack.wait(&waiting, "succeeded");
    check_factorization("408216", &next["result"]);
}

fn a_canceled_task_may_be_asked_for_again(kind: Kind) {
    let stack = Setup::new(kind).start();
    let running = busy(&stack);
    assert_eq!(stack.ask("408216").json()["done"], false);
    let jobs = stack.all();
    let task = jobs
        .iter()
        .find(|job| job["route"] == "POST /async/factorize");
    assert_eq!(stack.delete(&id(task.unwrap())).status, 200);
    stack.delete(&running);
    let answer = stack.ask_until_done("408216");
    check_factorization("408216", &answer);
}
