//! What the application does that fits no table: streams, connections, load, settings, its end.

#![allow(clippy::unwrap_used, clippy::panic)]

mod access;
mod concurrency;
mod connections;
mod headers;
mod languages;
mod limits;
mod monitor;
mod people;
mod permissions;
mod requests;
mod settings;
mod shutdown;
mod speech;
mod tokens;
mod uploads;

use std::thread;

use runtime_tests::{Request, Response, Server};
use serde_json::json;

/// The answers to requests that take long and are sent at once. Meanwhile others must be answered: at least one ping
/// that was sent after all of them had been, before the first of them is answered.
fn under_load(app: &Server, requests: &[Request]) -> Vec<Response> {
    let connections: Vec<_> = requests
        .iter()
        .map(|request| {
            let mut connection = app.connect();
            connection.send_only(request).unwrap();
            connection
        })
        .collect();
    thread::scope(|scope| {
        let answers: Vec<_> = connections
            .into_iter()
            .map(|mut connection| scope.spawn(move || connection.read("POST").unwrap()))
            .collect();
        let mut while_all_ran = 0;
        while !answers.iter().all(thread::ScopedJoinHandle::is_finished) {
            assert_eq!(app.get("/ping").json(), json!({"message": "pong"}));
            let all_run = !answers.iter().any(thread::ScopedJoinHandle::is_finished);
            while_all_ran += u32::from(all_run);
        }
        assert!(while_all_ran > 0, "no ping came back while all of them ran");
        let answers = answers.into_iter().map(|answer| answer.join().unwrap());
        answers.collect()
    })
}

/// Two primes of 40 digits, whose product takes hours.
const HARD_PRIMES: [&str; 2] = [
    "1234567890123456789012345678901234568123",
    "7000000000000000000000000123400000000147",
];

/// Their product.
const HARD: &str =
    "8641975230864197523086419904654319618277049243971604924397160521176681481514081";
