//! The life of a job, from the request to the result.

use runtime_tests::audio::example;
use runtime_tests::{Request, Response, app};
use serde_json::{Value, json};

use crate::stack::{Kind, Setup, Stack, check_factorization, factorize, id};
use crate::{HARD, on_both_stores};

on_both_stores!(
    a_result_is_what_the_route_answers_at_once,
    bad_input_is_refused_at_once,
    a_computation_that_fails_is_a_failed_job,
    what_is_forgotten_is_gone,
    an_input_is_gone_with_its_job,
);

/// One request of each kind that is answered with 2xx.
fn good() -> Vec<Request> {
    let flower = json!({
        "sepal_length": 5.9, "sepal_width": 3.2, "petal_length": 4.8, "petal_width": 1.8,
    });
    let speech = example("numbers.wav");
    let broken = example("weather.flac")[..20_000].to_vec();
    let words = [("response_format", "srt"), ("model", "whisper-1")];
    vec![
        factorize("408216"),
        factorize("340282366920938463463374607431768211457"),
        Request::post_json("/prediction", flower.to_string()),
        Request::new("POST", "/prediction")
            .header("content-type", "text/csv")
            .body("5.1,3.5,1.4,0.2\n6.0,2.7,5.1,1.6\n"),
        Request::new("POST", "/asr?timestamps=word")
            .header("content-type", "audio/wav")
            .body(speech.clone()),
        Request::upload("/asr", &example("light.opus"), &[]),
        Request::upload("/v1/audio/transcriptions", &speech, &[]),
        Request::upload("/v1/audio/transcriptions", &speech, &words),
        // A recording that breaks off, which a header tells.
        Request::upload("/asr?output=srt", &broken, &[]),
        Request::upload("/v1/audio/transcriptions", &broken, &[]),
    ]
}

fn a_result_is_what_the_route_answers_at_once(kind: Kind) {
    let stack = Setup::new(kind).runners(2).start();
    for request in good() {
        let at_once = stack.app.send(&request);
        assert_eq!(at_once.status, 200, "{at_once:?}");
        let submitted = stack.defer(&request);
        assert!(["queued", "running"].contains(&submitted["status"].as_str().unwrap()));
        let job = stack.wait(&id(&submitted), "succeeded");
        check_ended(&submitted, &job);
        assert!(job.get("problem").is_none(), "{job}");

        let later = stack.app.get(&format!("/jobs/{}/result", id(&job)));
        assert_eq!(later.body, at_once.body, "{request:?}");
        for name in ["content-type", "audio-warnings"] {
            assert_eq!(later.header(name), at_once.header(name), "{request:?}");
        }
        assert_eq!(later.status, 200);
        let content = serde_json::from_slice(&at_once.body);
        assert_eq!(
            job["result"],
            content.unwrap_or_else(|_| Value::from(at_once.text())),
            "{request:?}"
        );
    }
}

/// What holds for every job that has ended at its first attempt.
fn check_ended(submitted: &Value, ended: &Value) {
    for member in ["id", "route", "created_at"] {
        assert_eq!(submitted[member], ended[member], "{member}");
    }
    assert_eq!(ended["attempts"], 1, "{ended}");
    // RFC 3339 in UTC with as many digits each: in the order of time.
    let times = ["created_at", "started_at", "finished_at", "expires_at"];
    let times = times.map(|name| {
        ended[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name}: {ended}"))
    });
    assert!(
        times
            .iter()
            .all(|time| time.len() == 24 && time.ends_with('Z')),
        "{ended}"
    );
    assert!(times.is_sorted() && times[2] < times[3], "{ended}");
}

/// The parts of an answer that are the same each time.
fn essence(answer: &Response) -> (u16, Option<&str>, &str) {
    (answer.status, answer.header("content-type"), answer.text())
}

fn bad_input_is_refused_at_once(kind: Kind) {
    let stack = Setup::new(kind).start();
    let speech = example("numbers.wav");
    let bad = [
        factorize("2.5"),
        factorize("1"),
        Request::post_json("/factorize", "{"),
        Request::new("POST", "/factorize").body("number=6"),
        Request::post_json("/prediction", r#"{"sepal_length": 5.9}"#),
        Request::new("POST", "/asr")
            .header("content-type", "audio/wav")
            .body("These are words."),
        Request::new("POST", "/asr?timestamps=line")
            .header("content-type", "audio/wav")
            .body(speech.clone()),
        Request::upload("/v1/audio/transcriptions", b"These are words.", &[]),
        Request::upload(
            "/v1/audio/transcriptions",
            &speech,
            &[("response_format", "pdf")],
        ),
        Request::post_json("/factorize", "0".repeat(1_048_577)),
        Request::new("POST", "/nowhere"),
    ];
    for request in &bad {
        let at_once = stack.app.send(request);
        assert!((400..500).contains(&at_once.status), "{at_once:?}");
        let later = stack.try_defer(request);
        assert_eq!(essence(&later), essence(&at_once), "{request:?}");
    }
    assert_eq!(stack.all(), Vec::<Value>::new());
}

fn a_computation_that_fails_is_a_failed_job(kind: Kind) {
    let setup = Setup::new(kind).variable("factorize_job_time_limit", "0.5");
    let stack = setup.start();
    let submitted = stack.defer(&factorize(HARD));
    let job = stack.wait(&id(&submitted), "failed");
    check_ended(&submitted, &job);
    assert!(job.get("result").is_none(), "{job}");
    let answer = stack.app.get(&format!("/jobs/{}/result", id(&job)));
    assert_eq!(
        (answer.status, &*answer.problem()),
        (503, "time-limit-exceeded")
    );
    assert_eq!(answer.json(), job["problem"]);
    assert_eq!(job["problem"]["remaining"], json!([HARD]));
}

fn what_is_forgotten_is_gone(kind: Kind) {
    let stack = Setup::new(kind).start();
    let job = stack.defer(&factorize("6"));
    stack.wait(&id(&job), "succeeded");
    let deleted = stack.delete(&id(&job));
    assert_eq!(
        (deleted.status, deleted.body.len()),
        (204, 0),
        "{deleted:?}"
    );
    check_gone(&stack, &id(&job));
}

pub(crate) fn check_gone(stack: &Stack, id: &str) {
    for target in ["", "/result", "/events"] {
        let answer = stack.app.get(&format!("/jobs/{id}{target}"));
        assert_eq!((answer.status, &*answer.problem()), (404, "job-not-found"));
    }
    assert_eq!(stack.delete(id).problem(), "job-not-found");
    assert!(stack.all().iter().all(|job| job["id"] != id));
}

fn an_input_is_gone_with_its_job(kind: Kind) {
    let folder = tempfile::TempDir::new().unwrap();
    let setup = Setup::new(kind)
        .state(folder.path())
        .variable("redis_database", "3")
        .variable("redis_results_database", "5");
    let mut stack = setup.start();
    let speech = Request::new("POST", "/asr")
        .header("content-type", "audio/wav")
        .body(example("numbers.wav"));
    let job = stack.defer(&speech);
    stack.wait(&id(&job), "succeeded");
    if kind == Kind::Redis {
        let mut keys = |database| stack.redis().command(&["-n", database, "KEYS", "*"]);
        assert_eq!([keys("0"), keys("1")], ["", ""]);
        // What is counted outlives the jobs.
        assert_eq!(keys("3"), "routelets:counters");
        assert_ne!(keys("5"), "");
    } else {
        // No blob is left in any table.
        let script = "
import pathlib, sqlite3, sys
[file] = pathlib.Path(sys.argv[1]).rglob('*.db')
base = sqlite3.connect(file)
for table, in base.execute(\"SELECT name FROM sqlite_master WHERE type = 'table'\").fetchall():
    for row in base.execute(f'SELECT * FROM \"{table}\"'):
        assert all(len(value) < 20_000 for value in row if isinstance(value, (bytes, str))), table
";
        let output = std::process::Command::new("python3")
            .args(["-c", script])
            .arg(folder.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
    }
}

#[test]
fn other_preferences_change_nothing() {
    let six = factorize("6").header("prefer", "wait=10, return=minimal");
    let answer = app().send(&six);
    assert_eq!(answer.status, 200);
    check_factorization("6", &answer.json());
    assert_eq!(answer.header("preference-applied"), None);
}
