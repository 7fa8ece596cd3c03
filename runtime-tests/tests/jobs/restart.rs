//! The application, or its Redis, ends in the middle of work and is restarted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::faults::check_all;
use crate::stack::{Kind, Setup, Stack, factorize, factorize_at, id, wait_for};
use crate::webhooks::Receiver;
use crate::{SLOW, on_both_stores};

/// 50 jobs wait and two run when the whole application is killed.
#[test]
fn the_embedded_application_is_killed() {
    let folder = TempDir::new().unwrap();
    let receiver = Receiver::start(&[]);
    let setup = Setup::new(Kind::Sqlite)
        .runners(2)
        .state(folder.path())
        .variable("job_lease_seconds", "5")
        .variable("webhook_origin", receiver.origin());
    let target = format!("/factorize{}", receiver.query("/"));
    let mut stack = setup.clone().start();
    let defer = |stack: &Stack, number: &str| {
        let job = id(&stack.defer(&factorize_at(&target, number)));
        (job, number.to_owned())
    };
    let mut jobs: Vec<_> = SLOW[..2]
        .iter()
        .map(|number| defer(&stack, number))
        .collect();
    for (job, _) in &jobs {
        stack.wait(job, "running");
    }
    for i in 0..50 {
        jobs.push(defer(&stack, &(408_216 + i).to_string()));
    }
    let waiting = stack.app.get("/jobs?status=queued&limit=100").json();
    assert_eq!(waiting["jobs"].as_array().unwrap().len(), 50);
    stack.app.kill();
    drop(stack);

    let stack = setup.start();
    check_all(&stack, &jobs);
    for (i, (job, _)) in jobs.iter().enumerate() {
        let attempts = if i < 2 { 2 } else { 1 };
        assert_eq!(stack.job(job)["attempts"], attempts);
    }
    receiver.wait(jobs.len());
    thread::sleep(Duration::from_secs(1));
    let counts = receiver.counts();
    assert_eq!(counts.len(), jobs.len());
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}

on_both_stores!(
    jobs_outlive_the_application,
    a_probe_resumes_what_a_restart_interrupts
);

/// Jobs of version 1 of the store: what had ended is still there, and what had not ends with a problem that says why.
#[test]
fn jobs_of_an_earlier_version_end() {
    let folder = TempDir::new().unwrap();
    let database = rusqlite::Connection::open(folder.path().join("sqlite_db.db")).unwrap();
    let jobs = include_str!("../../../crates/jobs/tests/stores/schema_1.sql");
    database.execute_batch(jobs).unwrap();
    drop(database);
    let stack = Setup::new(Kind::Sqlite).state(folder.path()).start();
    for job in ["waits", "runs"] {
        let ended = stack.wait(job, "failed");
        assert_eq!(ended["problem"]["code"], "job-outdated", "{ended}");
        let answer = stack.app.get(&format!("/jobs/{job}/result"));
        assert_eq!((answer.status, &*answer.problem()), (500, "job-outdated"));
    }
    let answer = stack.app.get("/jobs/succeeded/result");
    assert_eq!((answer.status, answer.text()), (200, "a text"));
    assert_eq!(stack.job("canceled")["status"], "canceled");
    stack.wait(&id(&stack.defer(&factorize("6"))), "succeeded");
}

/// Jobs that wait, run and have ended are there after a stop, too.
fn jobs_outlive_the_application(kind: Kind) {
    let folder = TempDir::new().unwrap();
    let setup = Setup::new(kind)
        .state(folder.path())
        .variable("job_lease_seconds", "5");
    let mut stack = setup.start();
    let ended = id(&stack.defer(&factorize("6")));
    let ended = stack.wait(&ended, "succeeded");
    let mut jobs = Vec::new();
    for number in [SLOW[2], "408216", "408217"] {
        jobs.push((id(&stack.defer(&factorize(number))), number.to_owned()));
    }
    stack.restart_app();
    assert_eq!(stack.job(&id(&ended)), ended);
    jobs.push((id(&ended), "6".to_owned()));
    check_all(&stack, &jobs);
}

/// A job waits, and the webhook of another one is to be repeated, when everything that runs jobs is killed. Nobody asks for the jobs
/// after that.
fn a_probe_resumes_what_a_restart_interrupts(kind: Kind) {
    let folder = TempDir::new().unwrap();
    let receiver = Receiver::start(&[500]);
    let setup = Setup::new(kind)
        .state(folder.path())
        .variable("job_lease_seconds", "2")
        .variable("webhook_origin", receiver.origin());
    let mut stack = setup.start();
    let target = |path| format!("/factorize{}", receiver.query(path));
    let first = id(&stack.defer(&factorize_at(&target("/repeated"), "6")));
    stack.wait(&first, "succeeded");
    receiver.wait(1);
    let running = id(&stack.defer(&factorize(SLOW[2])));
    stack.wait(&running, "running");
    let second = id(&stack.defer(&factorize_at(&target("/waits"), "408216")));
    stack.workers.clear();
    stack.kill_app();
    if kind == Kind::Redis {
        stack.add_worker();
    }
    wait_for("the webhooks", || {
        // It may be slow while a job computes.
        let _ = stack.app.get("/readyz");
        let counts = receiver.counts();
        (counts.get(&first) == Some(&2) && counts.get(&second) == Some(&1)).then_some(())
    });
}

/// Redis ends twice, once as in a crash, while jobs come in and are done. Workers that end with it are
/// started again, as a supervisor does.
#[test]
fn redis_is_restarted_under_load() {
    let mut stack = Setup::new(Kind::Redis).persistent().runners(2).start();
    let (mut redis, workers) = (
        stack.redis.take().unwrap(),
        std::mem::take(&mut stack.workers),
    );
    let stop = AtomicBool::new(false);
    let start = stack.worker_launch(&redis);
    thread::scope(|scope| {
        let supervisors: Vec<_> = workers
            .into_iter()
            .map(|mut worker| {
                let (stop, start) = (&stop, &start);
                scope.spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        if worker.has_ended() {
                            worker = start();
                        }
                        thread::sleep(Duration::from_millis(200));
                    }
                })
            })
            .collect();
        let client = scope.spawn(|| {
            let mut jobs = Vec::new();
            for i in 0..400_u32 {
                let number = if i % 100 == 50 {
                    SLOW[2].to_owned()
                } else {
                    (1_000_000 + i).to_string()
                };
                jobs.push((submit(&stack, i, &number), number));
                thread::sleep(Duration::from_millis(10));
            }
            jobs
        });
        thread::sleep(Duration::from_millis(1500));
        redis.kill();
        thread::sleep(Duration::from_millis(700));
        redis.restart();
        thread::sleep(Duration::from_millis(1500));
        redis.restart();
        let checked = client.join().map(|jobs| {
            // Asking wakes the workers that are there; one that has just been started must hear it, too.
            thread::scope(|scope| scope.spawn(|| check_all(&stack, &jobs)).join())
        });
        stop.store(true, Ordering::SeqCst);
        for supervisor in supervisors {
            supervisor.join().unwrap();
        }
        checked.unwrap().unwrap();
    });
}

/// Sends it until it is acknowledged.
fn submit(stack: &Stack, i: u32, number: &str) -> String {
    let request = factorize(number).header("idempotency-key", &format!("job {i}"));
    for _ in 0..600 {
        let answer = stack.try_defer(&request);
        if answer.status == 202 {
            return id(&answer.json());
        }
        assert_eq!(
            (answer.status, &*answer.problem()),
            (503, "store-unavailable")
        );
        thread::sleep(Duration::from_millis(100));
    }
    panic!("{number} was never acknowledged");
}
