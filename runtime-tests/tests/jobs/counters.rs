//! What operators see of jobs.

use runtime_tests::{Request, Response, Server, root};

use crate::stack::{Kind, Setup, factorize, id};
use crate::{HARD, on_both_stores};

on_both_stores!(
    jobs_are_counted_by_route_and_state,
    a_job_that_waits_is_seen,
    speech_is_counted_as_a_job_and_at_once
);

/// The value of a sample, as text.
fn value(answer: &Response, sample: &str) -> Option<String> {
    let text = answer.text();
    let found = text.lines().find_map(|line| line.strip_prefix(sample));
    found.map(|value| value.trim().to_owned())
}

fn count(app: &Server, name: &str, labels: &str) -> Option<String> {
    let sample = format!(r#"{name}{{route="POST /factorize"{labels}}}"#);
    value(&app.get("/metrics"), &sample)
}

fn jobs_are_counted_by_route_and_state(kind: Kind) {
    let stack = Setup::new(kind).start();
    for number in ["6", "408216"] {
        stack.wait(&id(&stack.defer(&factorize(number))), "succeeded");
    }
    for (name, labels, expected) in [
        ("routelets_jobs_submitted_total", "", "2"),
        ("routelets_jobs_claimed_total", "", "2"),
        ("routelets_jobs_retried_total", "", "0"),
        ("routelets_jobs_leases_lost_total", "", "0"),
        ("routelets_jobs_ended_total", r#",state="succeeded""#, "2"),
        ("routelets_jobs_ended_total", r#",state="failed""#, "0"),
        ("routelets_jobs", r#",state="queued""#, "0"),
        ("routelets_jobs", r#",state="running""#, "0"),
    ] {
        let found = count(&stack.app, name, labels);
        assert_eq!(found.as_deref(), Some(expected), "{name}{labels}");
    }
}

fn a_job_that_waits_is_seen(kind: Kind) {
    let stack = Setup::new(kind).start();
    let running = id(&stack.defer(&factorize(HARD)));
    stack.wait(&running, "running");
    let _waiting = stack.defer(&factorize(HARD));
    let state = |state: &str| {
        count(
            &stack.app,
            "routelets_jobs",
            &format!(r#",state="{state}""#),
        )
    };
    assert_eq!(state("running").as_deref(), Some("1"));
    assert_eq!(state("queued").as_deref(), Some("1"));
    let age = value(
        &stack.app.get("/metrics"),
        "routelets_jobs_oldest_waiting_seconds",
    );
    assert!(age.unwrap().parse::<f64>().unwrap() > 0.0);
}

fn speech_is_counted_as_a_job_and_at_once(kind: Kind) {
    let stack = Setup::new(kind).start();
    let seconds = |name: &str| {
        let found = value(&stack.app.get("/metrics"), name);
        found.unwrap().parse::<f64>().unwrap()
    };
    let counted = || {
        let sound = seconds("routelets_speech_seconds_total ");
        (
            sound,
            seconds("routelets_speech_recognition_seconds_total "),
        )
    };
    assert_eq!(counted(), (0.0, 0.0));
    let letter = std::fs::read(root().join("examples/letter.mp3")).unwrap();
    let request = Request::upload("/asr", &letter, &[]);
    assert_eq!(stack.app.send(&request).status, 200);
    let (sound, recognition) = counted();
    // The recording has 2.3 seconds.
    assert!(sound > 1.5 && sound < 2.5, "{sound}");
    assert!(recognition > 0.0, "{recognition}");
    stack.wait(&id(&stack.defer(&request)), "succeeded");
    let (twice, longer) = counted();
    assert!((twice - 2.0 * sound).abs() < 0.002, "{twice}, {sound}");
    assert!(longer > recognition, "{longer}, {recognition}");
}
