//! Many requests at once.

use std::thread;

use num_bigint::BigUint;
use runtime_tests::{Launch, Request, Response, app, application};
use serde_json::json;

use crate::HARD_PRIMES;

#[test]
fn two_hundred_requests_at_once() {
    let app = app();
    thread::scope(|scope| {
        for i in 0..200_u64 {
            let app = &app;
            scope.spawn(move || match i % 5 {
                0 => assert_eq!(app.get(&format!("/sum/{i}/{i}")).json()["result"], i + i),
                1 => assert_eq!(app.get(&format!("/mult/{i}/3")).json()["result"], i * 3),
                2 => {
                    let answer = app.get(&format!("/hello/{i}"));
                    assert_eq!(answer.json(), json!({"message": format!("Hello, {i}!")}));
                }
                3 => {
                    // 8675309 is a prime above all i.
                    let n = 8_675_309 * (i + 2);
                    let answer = app.send(&Request::post_json(
                        "/factorize",
                        json!({"number": n}).to_string(),
                    ));
                    let answer = answer.json();
                    let last = answer["factorization"]
                        .as_array()
                        .unwrap()
                        .last()
                        .unwrap()
                        .clone();
                    assert_eq!(
                        (&answer["number"], last),
                        (&json!(n), json!([8_675_309, 1]))
                    );
                }
                _ => {
                    let id = format!("request-{i}");
                    let answer = app.send(&Request::get("/ping").header("x-request-id", &id));
                    assert_eq!(answer.header("x-request-id"), Some(&*id));
                    assert_eq!(answer.json(), json!({"message": "pong"}));
                }
            });
        }
    });
}

#[test]
fn hard_factorisations_do_not_stop_the_others() {
    let app = Launch::new(&application())
        .variable("factorize_time_limit", "4")
        .start();
    let numbers = [2_u32, 3, 5, 7].map(|small| {
        let product: BigUint = HARD_PRIMES.map(number).into_iter().product();
        (small, product * small * small)
    });
    let requests = numbers.each_ref().map(|(_, number)| {
        Request::post_json(
            "/factorize",
            json!({"number": number.to_string()}).to_string(),
        )
    });
    let answers = crate::under_load(&app, &requests);
    for (answer, (small, number)) in answers.iter().zip(&numbers) {
        check_hard(answer, *small, number);
    }
}

fn check_hard(answer: &Response, small: u32, n: &BigUint) {
    let primes = if answer.status == 200 {
        answer.json()["factorization"].clone()
    } else {
        assert_eq!(
            (answer.status, &*answer.problem()),
            (503, "time-limit-exceeded")
        );
        answer.json()["found"].clone()
    };
    let mut product = BigUint::from(1_u32);
    for pair in primes.as_array().unwrap() {
        let prime = number(&pair[0].to_string());
        assert!(
            prime == small.into() || HARD_PRIMES.map(number).contains(&prime),
            "{prime}"
        );
        product *= prime.pow(pair[1].to_string().parse().unwrap());
    }
    for rest in answer.json()["remaining"].as_array().into_iter().flatten() {
        product *= number(rest.as_str().unwrap());
    }
    assert_eq!(product, *n);
}

fn number(digits: &str) -> BigUint {
    digits.parse().unwrap()
}
