//! `Idempotency-Key`.

use std::collections::BTreeSet;
use std::thread;

use runtime_tests::audio::example;
use runtime_tests::{Form, Request, app};

use crate::on_both_stores;
use crate::stack::{Kind, Setup, factorize, id};

on_both_stores!(
    the_same_request_is_the_same_job,
    of_many_at_once_one_is_kept,
    a_form_may_have_another_boundary,
    a_key_of_openai_s_routes_may_not_be_reused,
);

fn with(key: &str, request: Request) -> Request {
    request.header("idempotency-key", key)
}

fn the_same_request_is_the_same_job(kind: Kind) {
    let stack = Setup::new(kind).start();
    let job = stack.defer(&with("a", factorize("6")));
    assert_eq!(stack.defer(&with("a", factorize("6")))["id"], job["id"]);
    // Also once it has ended: the result is not computed again.
    stack.wait(&id(&job), "succeeded");
    let again = stack.defer(&with("a", factorize("6")));
    assert_eq!(again["id"], job["id"]);
    assert_eq!(
        (&again["status"], &again["attempts"]),
        (&"succeeded".into(), &1.into())
    );

    let other = stack.try_defer(&with("a", factorize("8")));
    assert_eq!(
        (other.status, &*other.problem()),
        (422, "idempotency-key-reused")
    );
    // A key belongs to a route.
    let flower =
        r#"{"sepal_length": 5.9, "sepal_width": 3.2, "petal_length": 4.8, "petal_width": 1.8}"#;
    let flower = with("a", Request::post_json("/prediction", flower));
    assert_ne!(stack.defer(&flower)["id"], job["id"]);
    assert_ne!(stack.defer(&with("b", factorize("6")))["id"], job["id"]);
    assert_ne!(stack.defer(&factorize("6"))["id"], job["id"]);

    // With the job its key is forgotten.
    assert_eq!(stack.delete(&id(&job)).status, 204);
    let new = stack.defer(&with("a", factorize("8")));
    assert_ne!(new["id"], job["id"]);
}

fn of_many_at_once_one_is_kept(kind: Kind) {
    let stack = Setup::new(kind).start();
    let ids: BTreeSet<String> = thread::scope(|scope| {
        let requests: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| id(&stack.defer(&with("key", factorize("408216"))))))
            .collect();
        let ids = requests.into_iter().map(|request| request.join().unwrap());
        ids.collect()
    });
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(stack.all().len(), 1);
}

fn a_form_may_have_another_boundary(kind: Kind) {
    let stack = Setup::new(kind).start();
    let speech = example("silence.wav");
    let upload = |boundary, fields| {
        with(
            "form",
            Request::form("/asr", Form::upload(boundary, &speech, fields)),
        )
    };
    let job = stack.defer(&upload("first", &[]));
    assert_eq!(stack.defer(&upload("second", &[]))["id"], job["id"]);
    let other = stack.try_defer(&upload("first", &[("note", "more")]));
    assert_eq!(other.problem(), "idempotency-key-reused");
}

fn a_key_of_openai_s_routes_may_not_be_reused(kind: Kind) {
    let stack = Setup::new(kind).start();
    let speech = example("silence.wav");
    let upload = |fields: &[_]| {
        with(
            "key",
            Request::upload("/v1/audio/transcriptions", &speech, fields),
        )
    };
    stack.defer(&upload(&[]));
    let other = stack.try_defer(&upload(&[("response_format", "text")]));
    let code = &other.json()["error"]["code"];
    assert_eq!(
        (other.status, code),
        (400, &"idempotency_key_reused".into())
    );
}

#[test]
fn a_key_has_a_length() {
    let app = app();
    for key in [String::new(), "k".repeat(256), "caf\u{e9}".to_owned()] {
        // Also where it is not needed: a client that sends it should learn of its mistake.
        let now = with(&key, factorize("6"));
        let later = with(&key, factorize("6")).header("prefer", "respond-async");
        for request in [now, later] {
            let answer = app.send(&request);
            assert_eq!(
                (answer.status, &*answer.problem()),
                (422, "invalid-parameter"),
                "{key:?}"
            );
        }
    }
    let request = with("a key", factorize("6"));
    assert_eq!(app.send(&request).status, 200);
}
