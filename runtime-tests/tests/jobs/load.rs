//! The limit on waiting jobs.

use runtime_tests::audio::example;
use runtime_tests::{Request, Response};

use crate::stack::{Kind, Setup, Stack, factorize, id, wait_for};
use crate::{HARD, on_both_stores};

on_both_stores!(the_one_too_many_is_refused, a_thousand_may_wait_and_no_more,);

fn check_refused(answer: &Response, load: u64) {
    assert_eq!((answer.status, &*answer.problem()), (429, "too-many-jobs"));
    assert!(
        answer
            .header("retry-after")
            .unwrap()
            .parse::<u32>()
            .unwrap()
            > 0
    );
    assert_eq!(answer.json()["load"], load);
}

/// Keeps the only runner busy.
fn occupy(stack: &Stack) -> String {
    let running = id(&stack.defer(&factorize(HARD)));
    stack.wait(&running, "running");
    running
}

fn the_one_too_many_is_refused(kind: Kind) {
    let stack = Setup::new(kind).variable("max_waiting_jobs", "3").start();
    let running = occupy(&stack);
    let keyed = factorize("10").header("idempotency-key", "k");
    let first = id(&stack.defer(&keyed));
    stack.defer(&factorize("11"));
    assert_eq!(stack.ask("12").json()["load"], 3);
    check_refused(&stack.try_defer(&factorize("13")), 3);
    check_refused(&stack.ask("14"), 3);
    let path = "/v1/audio/transcriptions";
    let speech = Request::upload(path, &example("silence.wav"), &[]);
    let refused = stack.try_defer(&speech);
    let code = &refused.json()["error"]["code"];
    assert_eq!((refused.status, code), (429, &"too_many_jobs".into()));
    // What waits already is not one more.
    assert_eq!(id(&stack.defer(&keyed)), first);
    assert_eq!(stack.ask("12").json()["done"], false);
    // Nor is what is answered at once.
    assert_eq!(stack.app.send(&factorize("15")).status, 200);

    assert_eq!(stack.delete(&first).status, 200);
    let next = id(&stack.defer(&factorize("13")));
    check_refused(&stack.try_defer(&factorize("16")), 3);
    stack.delete(&running);
    stack.wait(&next, "succeeded");
    wait_for("room", || {
        (stack.try_defer(&factorize("16")).status == 202).then_some(())
    });
}

fn a_thousand_may_wait_and_no_more(kind: Kind) {
    let stack = Setup::new(kind).start();
    occupy(&stack);
    let mut connection = stack.app.connect();
    for i in 0..1000 {
        let request = factorize(&(1000 + i).to_string()).header("prefer", "respond-async");
        assert_eq!(connection.send(&request).unwrap().status, 202, "{i}");
    }
    check_refused(&stack.try_defer(&factorize("6")), 1000);
    check_refused(&stack.ask("6"), 1000);
}
