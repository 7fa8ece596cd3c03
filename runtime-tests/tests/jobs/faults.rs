//! Workers that are killed or paused: no job is lost, each ends once.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::stack::{
    Kind, Setup, Stack, check_factorization, factorize_at, has_ended, id, wait_for,
};
use crate::webhooks::Receiver;
use crate::{HARD, SLOW};

/// Seconds until a silent worker has lost its job: enough for one that lives on a busy machine.
const LEASE: &str = "5";

fn slow_and_tell(stack: &Stack, number: &str, receiver: &Receiver) -> String {
    let target = format!("/factorize{}", receiver.query("/"));
    id(&stack.defer(&factorize_at(&target, number)))
}

fn setup(receiver: &Receiver) -> Setup {
    Setup::new(Kind::Redis)
        .variable("job_lease_seconds", LEASE)
        .variable("webhook_origin", receiver.origin())
}

/// The workers that work on the jobs: of one worker for each, all of them.
fn wait_until_running(stack: &Stack, jobs: &[String]) {
    for job in jobs {
        stack.wait(job, "running");
    }
}

#[test]
fn the_job_of_a_killed_worker_is_done_by_another() {
    let receiver = Receiver::start(&[]);
    let mut stack = setup(&receiver).start();
    let job = slow_and_tell(&stack, SLOW[0], &receiver);
    wait_until_running(&stack, std::slice::from_ref(&job));
    stack.workers[0].kill();
    assert_eq!(stack.job(&job)["status"], "running", "nobody knows yet");
    stack.add_worker();
    let ended = stack.wait(&job, "succeeded");
    assert_eq!(ended["attempts"], 2);
    check_factorization(SLOW[0], &ended["result"]);
    receiver.wait(1);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(receiver.counts(), [(job, 1)].into());
}

/// The other workers take over without a signal.
#[test]
fn a_worker_that_is_there_already_takes_over() {
    let receiver = Receiver::start(&[]);
    let mut stack = setup(&receiver).runners(2).start();
    let jobs: Vec<String> = SLOW[..2]
        .iter()
        .map(|number| slow_and_tell(&stack, number, &receiver))
        .collect();
    wait_until_running(&stack, &jobs);
    stack.workers[0].kill();
    // Nobody asks for the jobs, which would wake a worker.
    receiver.wait(2);
    let mut attempts = Vec::new();
    for (job, number) in jobs.iter().zip(SLOW) {
        let ended = stack.job(job);
        check_factorization(number, &ended["result"]);
        attempts.push(ended["attempts"].as_u64().unwrap());
    }
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 2]);
    assert_eq!(receiver.counts().len(), 2);
    assert_eq!(receiver.calls().len(), 2);
}

#[test]
fn a_job_that_loses_three_workers_fails() {
    let receiver = Receiver::start(&[]);
    let mut stack = setup(&receiver).runners(0).start();
    let job = slow_and_tell(&stack, HARD, &receiver);
    for attempt in 1..=3 {
        stack.add_worker();
        wait_for("the attempt", || {
            let job = stack.job(&job);
            (job["attempts"] == attempt && job["status"] == "running").then_some(())
        });
        stack.workers.pop().unwrap().kill();
    }
    stack.add_worker();
    let ended = stack.wait(&job, "failed");
    assert_eq!(ended["attempts"], 3);
    assert_eq!(ended["problem"]["code"], "worker-lost");
    let answer = stack.app.get(&format!("/jobs/{job}/result"));
    assert_eq!((answer.status, &*answer.problem()), (500, "worker-lost"));
    let explained = stack.app.get(ended["problem"]["type"].as_str().unwrap());
    assert_eq!(explained.status, 200);
    assert_eq!(receiver.wait(1)[0].job(), ended);
    // The worker goes on with others.
    check_factorization("6", &stack.ask_until_done("6"));
}

/// Polling by number gives the same result.
#[test]
fn a_task_that_loses_three_workers_answers_with_that() {
    let setup = Setup::new(Kind::Redis).variable("job_lease_seconds", LEASE);
    let mut stack = setup.runners(0).start();
    for attempt in 1..=3 {
        stack.add_worker();
        wait_for("the claim", || {
            // Each look also wakes the worker.
            assert_eq!(stack.ask(HARD).status, 200);
            let running = stack.app.get("/jobs?status=running").json();
            (running["jobs"][0]["attempts"] == attempt).then_some(())
        });
        stack.workers.remove(0).kill();
    }
    stack.add_worker();
    let answer = wait_for("the failure", || {
        Some(stack.ask(HARD)).filter(|answer| answer.status != 200)
    });
    assert_eq!((answer.status, &*answer.problem()), (500, "worker-lost"));
}

#[test]
fn a_worker_that_was_paused_too_long_changes_nothing() {
    let receiver = Receiver::start(&[]);
    let mut stack = setup(&receiver).start();
    let job = slow_and_tell(&stack, SLOW[0], &receiver);
    wait_until_running(&stack, std::slice::from_ref(&job));
    stack.workers[0].pause();
    stack.add_worker();
    let ended = stack.wait(&job, "succeeded");
    assert_eq!(ended["attempts"], 2);
    check_factorization(SLOW[0], &ended["result"]);
    receiver.wait(1);

    // The paused worker continues, and learns that it has lost the job.
    stack.workers[0].resume();
    stack.workers[1].kill();
    check_factorization(SLOW[1], &stack.ask_until_done(SLOW[1]));
    assert_eq!(stack.job(&job), ended);
    assert_eq!(receiver.counts(), [(job, 1)].into());
}

/// While many small jobs are done, workers are killed again and again.
#[test]
fn workers_that_are_killed_under_load_lose_nothing() {
    let receiver = Receiver::start(&[]);
    let mut stack = setup(&receiver).runners(3).start();
    let target = format!("/factorize{}", receiver.query("/"));
    let mut jobs = Vec::new();
    for i in 0..300_u32 {
        // Some that are not done at once among many that are.
        let number = if i % 60 == 7 {
            SLOW[2].to_owned()
        } else {
            (1_000_000 + i).to_string()
        };
        jobs.push((id(&stack.defer(&factorize_at(&target, &number))), number));
        if i % 60 == 30 {
            stack.workers.remove(0).kill();
            stack.add_worker();
        }
    }
    check_all(&stack, &jobs);
    // A worker that is killed between the call of a webhook and the word that it was heard calls again.
    wait_for("the webhooks", || {
        (receiver.counts().len() == jobs.len()).then_some(())
    });
}

/// Every job has succeeded with the right result.
pub(crate) fn check_all(stack: &Stack, jobs: &[(String, String)]) {
    for (job, number) in jobs {
        let ended: Value = wait_for(job, || {
            let job = stack.job(job);
            has_ended(&job).then_some(job)
        });
        assert_eq!(ended["status"], "succeeded", "{ended}");
        check_factorization(number, &ended["result"]);
    }
    for status in ["queued", "running", "failed", "canceled"] {
        let page = stack.app.get(&format!("/jobs?status={status}")).json();
        assert_eq!(page["jobs"].as_array().unwrap().len(), 0, "{page}");
    }
    assert_eq!(stack.all().len(), jobs.len());
}
