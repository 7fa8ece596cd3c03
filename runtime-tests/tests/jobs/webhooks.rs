//! Webhooks, as <https://www.standardwebhooks.com> describes them.

use std::collections::{BTreeMap, VecDeque};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit, Mac};
use runtime_tests::{Request, app};
use serde_json::Value;
use sha2::Sha256;

use crate::stack::{Kind, Setup, factorize, id, wait_for};
use crate::{HARD, on_both_stores};

on_both_stores!(
    the_end_of_a_job_is_told,
    a_call_that_fails_is_repeated,
    without_a_secret_nothing_is_signed,
    a_receiver_that_is_not_there_harms_nobody,
);

/// A call of a webhook.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) id: String,
    path: String,
    timestamp: String,
    signature: Option<String>,
    content_type: Option<String>,
    body: String,
}

impl Call {
    pub(crate) fn job(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The receiver of webhooks.
pub(crate) struct Receiver {
    origin: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Receiver {
    /// Answers the first calls with these, all others with 200.
    pub(crate) fn start(answers: &[u16]) -> Self {
        let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
        let address = server.server_addr();
        let origin = format!("http://{address}");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let mut answers: VecDeque<u16> = answers.iter().copied().collect();
        let told = Arc::clone(&calls);
        thread::spawn(move || {
            for mut request in server.incoming_requests() {
                let mut body = String::new();
                // Who is killed in the middle of a call has not told anything.
                if request.as_reader().read_to_string(&mut body).is_err() {
                    continue;
                }
                let header = |name: &str| {
                    let mut headers = request.headers().iter();
                    let found = headers
                        .find(|header| header.field.as_str().as_str().eq_ignore_ascii_case(name));
                    found.map(|header| header.value.to_string())
                };
                assert_eq!(request.method(), &tiny_http::Method::Post);
                told.lock().unwrap().push(Call {
                    id: header("webhook-id").unwrap(),
                    path: request.url().to_owned(),
                    timestamp: header("webhook-timestamp").unwrap(),
                    signature: header("webhook-signature"),
                    content_type: header("content-type"),
                    body,
                });
                let answer = answers.pop_front().unwrap_or(200);
                let elsewhere = format!("Location: http://{address}/elsewhere");
                let mut response = tiny_http::Response::empty(answer);
                if (300..400).contains(&answer) {
                    response.add_header(elsewhere.parse::<tiny_http::Header>().unwrap());
                }
                let _ = request.respond(response);
            }
        });
        Self { origin, calls }
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// A query that has it called at `path`.
    pub(crate) fn query(&self, path: &str) -> String {
        format!("?webhook={}{path}", self.origin)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// All calls, as soon as there are so many.
    pub(crate) fn wait(&self, count: usize) -> Vec<Call> {
        wait_for("webhooks", || {
            let calls = self.calls();
            (calls.len() >= count).then_some(calls)
        })
    }

    /// How often each job was told of.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.calls() {
            *counts.entry(call.id).or_default() += 1;
        }
        counts
    }
}

/// As libraries of receivers do it.
fn check_signature(call: &Call, key: &[u8]) {
    let signature = call.signature.as_deref().unwrap();
    let signature = signature.strip_prefix("v1,").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{}.{}.{}", call.id, call.timestamp, call.body).as_bytes());
    mac.verify_slice(&BASE64_STANDARD.decode(signature).unwrap())
        .unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let told: u64 = call.timestamp.parse().unwrap();
    assert!(now.abs_diff(told) < 300, "{told} is not now, {now}");
}

fn factorize_and_tell(number: &str, query: &str) -> Request {
    crate::stack::factorize_at(&format!("/factorize{query}"), number)
}

fn the_end_of_a_job_is_told(kind: Kind) {
    let receiver = Receiver::start(&[]);
    let stack = Setup::new(kind)
        .variable("webhook_origin", receiver.origin())
        .variable("webhook_secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .variable("factorize_job_time_limit", "2")
        .start();
    let key = BASE64_STANDARD
        .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .unwrap();
    let told_of = |path: &str, expected: &Value| {
        let call = wait_for("a webhook", || {
            let mut calls = receiver.calls().into_iter();
            calls.find(|call| call.path == path)
        });
        check_signature(&call, &key);
        assert_eq!(call.content_type.as_deref(), Some("application/json"));
        assert_eq!(call.id, id(expected));
        assert_eq!(call.job(), *expected);
    };

    let job = id(&stack.defer(&factorize_and_tell("408216", &receiver.query("/done"))));
    told_of("/done", &stack.wait(&job, "succeeded"));
    let job = id(&stack.defer(&factorize_and_tell(HARD, &receiver.query("/failed"))));
    stack.wait(&job, "running");
    let other = id(&stack.defer(&factorize_and_tell("6", &receiver.query("/canceled?a=%26"))));
    stack.delete(&other);
    told_of("/canceled?a=&", &stack.job(&other));
    told_of("/failed", &stack.wait(&job, "failed"));
    assert_eq!(receiver.calls().len(), 3, "each is told of once");
}

fn a_call_that_fails_is_repeated(kind: Kind) {
    let receiver = Receiver::start(&[500, 302]);
    let stack = Setup::new(kind)
        .variable("webhook_origin", receiver.origin())
        .variable("webhook_secret", "a secret in other words")
        .start();
    let job = id(&stack.defer(&factorize_and_tell("6", &receiver.query("/"))));
    stack.wait(&job, "succeeded");
    let calls = receiver.wait(3);
    for call in &calls {
        // Nobody follows the redirect, not even to the origin that is allowed.
        assert_eq!(call.path, "/");
        check_signature(call, b"a secret in other words");
        assert_eq!((&call.id, call.job()), (&job, stack.job(&job)));
    }
    // After the first that was answered with 2xx there is no other.
    let next = id(&stack.defer(&factorize_and_tell("8", &receiver.query("/next"))));
    stack.wait(&next, "succeeded");
    receiver.wait(4);
    thread::sleep(Duration::from_secs(4));
    assert_eq!(receiver.counts(), BTreeMap::from([(job, 3), (next, 1)]));
}

fn without_a_secret_nothing_is_signed(kind: Kind) {
    let receiver = Receiver::start(&[]);
    let stack = Setup::new(kind)
        .variable("webhook_origin", receiver.origin())
        .start();
    let speech = runtime_tests::audio::example("silence.wav");
    let target = format!("/v1/audio/transcriptions{}", receiver.query("/speech"));
    let job = id(&stack.defer(&Request::upload(&target, &speech, &[])));
    let calls = receiver.wait(1);
    assert_eq!(calls[0].signature, None);
    assert_eq!(calls[0].job(), stack.job(&job));
}

fn a_receiver_that_is_not_there_harms_nobody(kind: Kind) {
    // A port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let origin = format!("http://{free}");
    let stack = Setup::new(kind).variable("webhook_origin", &origin).start();
    for number in ["6", "8"] {
        let target = format!("?webhook={origin}/");
        let job = id(&stack.defer(&factorize_and_tell(number, &target)));
        stack.wait(&job, "succeeded");
    }
    let job = id(&stack.defer(&factorize("10")));
    stack.wait(&job, "succeeded");
}

#[test]
fn an_origin_may_be_localhost() {
    let receiver = Receiver::start(&[]);
    let origin = receiver.origin().replace("127.0.0.1", "localhost");
    let stack = Setup::new(Kind::Sqlite)
        .variable("webhook_origin", &origin)
        .start();
    let target = format!("?webhook={origin}/by-name");
    let job = id(&stack.defer(&factorize_and_tell("6", &target)));
    let call = receiver.wait(1).remove(0);
    assert_eq!((call.id, &*call.path), (job, "/by-name"));
}

#[test]
fn only_the_origin_of_the_operator_is_called() {
    let stack = Setup::new(Kind::Sqlite)
        .variable("webhook_origin", "https://*.hooks.example:8443")
        .start();
    for address in [
        "https://hooks.example:8443/",
        "https://evilhooks.example:8443/",
        "https://a.hooks.example/",
        "http://a.hooks.example:8443/",
        "https://user:word@a.hooks.example:8443/",
        "http://127.0.0.1:6379/",
        "file:///etc/passwd",
        "nonsense",
        "",
    ] {
        let request = factorize_and_tell("6", &format!("?webhook={address}"));
        let answer = stack.try_defer(&request);
        assert_eq!(
            (answer.status, &*answer.problem()),
            (403, "webhook-not-allowed"),
            "{address}"
        );
    }
    assert_eq!(stack.all(), Vec::<Value>::new());
}

#[test]
fn by_default_nobody_is_called() {
    let request = factorize_and_tell("6", "?webhook=http://127.0.0.1:9/");
    let answer = app().send(&request.header("prefer", "respond-async"));
    assert_eq!(answer.problem(), "webhook-not-allowed");
}
