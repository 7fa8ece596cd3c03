//! `POST /async/factorize`, by polling.

use std::process::Command;

use runtime_tests::root;
use serde_json::{Value, json};

use crate::stack::{Kind, Setup, check_factorization, wait_for};
use crate::{HARD, on_both_stores};

on_both_stores!(
    a_number_is_asked_for_until_it_is_done,
    equal_numbers_are_one_task,
    a_task_that_failed_answers_with_its_problem,
    the_client_of_the_example_is_served,
);

fn a_number_is_asked_for_until_it_is_done(kind: Kind) {
    // Nobody works yet, or only on something else.
    let stack = Setup::new(kind).start();
    let running = stack.defer(&crate::stack::factorize(HARD));
    let running = crate::stack::id(&running);
    stack.wait(&running, "running");
    let number = "340282366920938463463374607431768211457";
    let answer = stack.ask(number);
    let expected = format!(
        r#"{{"done": false, "factorization": null, "factorization_str": null, "load": 1, "number": {number}}}"#
    );
    assert_eq!(
        answer.json(),
        serde_json::from_str::<Value>(&expected).unwrap()
    );
    stack.delete(&running);
    let answer = stack.ask_until_done(number);
    check_factorization(number, &answer);
    assert_eq!(answer["load"], 0);
    // The result is kept.
    assert_eq!(stack.ask(number).json(), answer);
}

fn equal_numbers_are_one_task(kind: Kind) {
    let stack = Setup::new(kind).start();
    for request in [
        json!({"number": 1000}).to_string(),
        json!({"number": "1000"}).to_string(),
        json!({"number": "0001000"}).to_string(),
        r#"{"number": 1e3}"#.to_owned(),
    ] {
        let request = runtime_tests::Request::post_json("/async/factorize", request);
        let answer = stack.app.send(&request);
        assert_eq!(answer.json()["number"], 1000, "{answer:?}");
    }
    assert_eq!(stack.all().len(), 1);
    check_factorization("1000", &stack.ask_until_done("1000"));
}

fn a_task_that_failed_answers_with_its_problem(kind: Kind) {
    let setup = Setup::new(kind).variable("factorize_job_time_limit", "0.5");
    let stack = setup.start();
    let answer = wait_for("the failure", || {
        let answer = stack.ask(HARD);
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(
        (answer.status, &*answer.problem()),
        (503, "time-limit-exceeded")
    );
    assert_eq!(answer.json()["remaining"], json!([HARD]));
}

/// Twenty numbers by the example's own client; on Redis with four workers.
fn the_client_of_the_example_is_served(kind: Kind) {
    let runners = match kind {
        Kind::Sqlite => 2,
        Kind::Redis => 4,
    };
    let stack = Setup::new(kind).runners(runners).start();
    let output = Command::new("python3")
        .arg(root().join("runtime-tests/clients/example_client.py"))
        .arg(stack.app.url("/async/factorize"))
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let last = printed.rsplit("\n\n").next().unwrap().trim();
    let mut numbers = 0;
    for line in last.lines() {
        let answer: Value = serde_json::from_str(line).unwrap();
        assert_eq!(answer["done"], true, "{line}");
        check_factorization(&answer["number"].to_string(), &answer);
        numbers += 1;
    }
    assert_eq!(numbers, 20, "{printed}");
}
