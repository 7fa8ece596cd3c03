//! `GET /jobs`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::stack::{Kind, Setup, factorize, id};
use crate::{HARD, on_both_stores};

on_both_stores!(
    pages_follow_one_another,
    jobs_are_found_by_their_status,
    results_are_left_out
);

fn pages_follow_one_another(kind: Kind) {
    let stack = Setup::new(kind).runners(2).start();
    let ids: Vec<String> = (0..25)
        .map(|i| id(&stack.defer(&factorize(&(100 + i).to_string()))))
        .collect();
    for job in &ids {
        stack.wait(job, "succeeded");
    }
    let newest_first: Vec<Value> = stack.all();
    let times: Vec<&str> = newest_first
        .iter()
        .map(|job| job["created_at"].as_str().unwrap())
        .collect();
    assert!(times.iter().rev().is_sorted(), "{times:?}");
    for limit in [1, 7, 25] {
        let mut target = format!("/jobs?limit={limit}");
        let mut seen = Vec::new();
        loop {
            let page = stack.app.get(&target).json();
            let jobs = page["jobs"].as_array().unwrap();
            assert!(!jobs.is_empty() && jobs.len() <= limit, "{page}");
            seen.extend(jobs.iter().cloned());
            let Some(next) = page.get("next") else { break };
            target = format!(
                "/jobs?limit={limit}&after={}",
                next.as_str().unwrap().replace(':', "%3A")
            );
        }
        assert_eq!(seen, newest_first, "{limit}");
    }
    let listed: BTreeSet<String> = newest_first.iter().map(id).collect();
    assert_eq!(listed, ids.into_iter().collect());
    let page = stack.app.get("/jobs").json();
    assert_eq!(page["jobs"].as_array().unwrap().len(), 20, "the default");
}

fn jobs_are_found_by_their_status(kind: Kind) {
    let setup = Setup::new(kind).variable("factorize_job_time_limit", "60");
    let stack = setup.start();
    let done = id(&stack.defer(&factorize("6")));
    stack.wait(&done, "succeeded");
    let running = id(&stack.defer(&factorize(HARD)));
    stack.wait(&running, "running");
    let waiting = id(&stack.defer(&factorize("8")));
    let canceled = id(&stack.defer(&factorize("9")));
    assert_eq!(stack.delete(&canceled).status, 200);
    for (status, expected) in [
        ("queued", vec![&waiting]),
        ("running", vec![&running]),
        ("succeeded", vec![&done]),
        ("failed", vec![]),
        ("canceled", vec![&canceled]),
    ] {
        let page = stack.app.get(&format!("/jobs?status={status}")).json();
        let jobs = page["jobs"].as_array().unwrap();
        let ids: Vec<String> = jobs.iter().map(id).collect();
        assert_eq!(ids.iter().collect::<Vec<_>>(), expected, "{status}");
        assert!(jobs.iter().all(|job| job["status"] == status), "{page}");
    }
}

fn results_are_left_out(kind: Kind) {
    let stack = Setup::new(kind).start();
    let job = id(&stack.defer(&factorize("6")));
    let mut job = stack.wait(&job, "succeeded");
    job.as_object_mut().unwrap().remove("result").unwrap();
    assert_eq!(stack.all(), [job]);
}
