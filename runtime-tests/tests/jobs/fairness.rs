//! Jobs are claimed in random order: a client with a thousand does not keep the others waiting.

use std::collections::BTreeMap;

use crate::HARD;
use crate::on_both_stores;
use crate::stack::{Kind, Setup, Stack, factorize, id, wait_for};

on_both_stores!(a_thousand_numbers_do_not_starve_one);

const ROUNDS: usize = 3;
/// Clients with one number each, after the one with a thousand.
const SINGLE: usize = 5;

/// In the order of arrival every single number would come after all others: at rank 1. By chance the
/// median of these fifteen is outside of the bounds below once in a million times.
fn a_thousand_numbers_do_not_starve_one(kind: Kind) {
    let mut ranks: Vec<f64> = (0..ROUNDS).flat_map(|_| round(kind)).collect();
    ranks.sort_by(f64::total_cmp);
    let median = ranks[ranks.len() / 2];
    assert!((0.05..0.95).contains(&median), "{ranks:?}");
}

/// Where among all the tasks those of the single clients ended: 0 is the first, 1 the last.
fn round(kind: Kind) -> Vec<f64> {
    let stack = Setup::new(kind)
        .variable("max_waiting_jobs", "2000")
        .start();
    let running = id(&stack.defer(&factorize(HARD)));
    stack.wait(&running, "running");
    let mut connection = stack.app.connect();
    for i in 0..1000 {
        let request = factorize(&(1000 + i).to_string()).header("prefer", "respond-async");
        assert_eq!(connection.send(&request).unwrap().status, 202);
    }
    let singles: Vec<String> = (0..SINGLE)
        .map(|i| id(&stack.defer(&factorize(&(9000 + i).to_string()))))
        .collect();
    stack.delete(&running);
    let ended = wait_for("all of them", || {
        // Asking for one keeps the runners awake.
        stack.job(&singles[0]);
        ends(&stack)
    });
    let mut order: Vec<(&String, &String)> = ended.iter().map(|(id, end)| (end, id)).collect();
    order.sort();
    let place = |job| order.iter().position(|(_, id)| *id == job).unwrap();
    let last = (order.len() - 1) as f64;
    singles.iter().map(|job| place(job) as f64 / last).collect()
}

/// When each task ended, once all have.
fn ends(stack: &Stack) -> Option<BTreeMap<String, String>> {
    let page = stack.app.get("/jobs?status=queued&limit=1").json();
    if !page["jobs"].as_array().unwrap().is_empty() {
        return None;
    }
    let jobs = stack.all().into_iter();
    let jobs = jobs.filter(|job| job["status"] != "canceled");
    jobs.map(|job| Some((id(&job), job["finished_at"].as_str()?.to_owned())))
        .collect()
}
