//! The expiry of results.

use std::thread;
use std::time::Duration;

use runtime_tests::Server;

use crate::life::check_gone;
use crate::on_both_stores;
use crate::stack::{Kind, Setup, check_factorization, factorize, id, wait_for};

on_both_stores!(a_result_expires);

fn a_result_expires(kind: Kind) {
    let stack = Setup::new(kind).variable("job_result_seconds", "2").start();
    let request = factorize("6").header("idempotency-key", "k");
    let job = id(&stack.defer(&request));
    wait_for("its end", || {
        (stack.app.get(&format!("/jobs/{job}")).status == 404).then_some(())
    });
    check_gone(&stack, &job);
    // So has its key.
    assert_ne!(id(&stack.defer(&request)), job);
}

/// A client that polls sends a request every minute, or has gone. Both stores at the same time, because the test mostly sleeps.
#[test]
fn what_nobody_asks_for_any_more_is_dropped() {
    let stacks = [Kind::Sqlite, Kind::Redis].map(|kind| {
        let setup = Setup::new(kind).variable("job_lease_seconds", "300");
        let stack = setup.runners(1).start();
        let running = id(&stack.defer(&factorize(crate::HARD)));
        stack.wait(&running, "running");
        // It need not compute meanwhile, as far as that can be stopped.
        stack.workers.iter().for_each(Server::pause);
        assert_eq!(stack.ask("408216").json()["load"], 1);
        assert_eq!(stack.ask("408217").json()["load"], 2);
        (stack, running)
    });
    for _ in 0..2 {
        thread::sleep(Duration::from_secs(31));
        for (stack, _) in &stacks {
            assert_eq!(stack.ask("408217").json()["done"], false);
        }
    }
    for (stack, running) in &stacks {
        assert_eq!(stack.ask("408217").json()["load"], 1);
        let waiting = stack.app.get("/jobs?status=queued").json();
        assert_eq!(waiting["jobs"].as_array().unwrap().len(), 1, "{waiting}");
        stack.workers.iter().for_each(Server::resume);
        assert_eq!(stack.delete(running).status, 202);
        check_factorization("408217", &stack.ask_until_done("408217"));
    }
}
