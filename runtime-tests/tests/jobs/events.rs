//! `GET /jobs/{id}/events`: server-sent events.

use runtime_tests::audio::repeated;
use runtime_tests::{Connection, Request};
use serde_json::{Value, json};

use crate::stack::{Kind, Setup, Stack, check_factorization, factorize, has_ended, id};
use crate::{HARD, SLOW, on_both_stores};

on_both_stores!(
    the_events_of_a_job_end_with_its_result,
    factors_are_told_as_they_are_found,
    a_canceled_job_ends_its_events,
    a_recording_tells_how_much_is_done,
    events_go_on_after_the_last_one_seen,
    an_ended_job_has_nothing_more_to_tell,
);

/// The events of a job as they come.
pub(crate) struct Events {
    connection: Connection,
    text: String,
    /// The id of the last event.
    last: Option<String>,
}

/// Its name, and the job.
type Event = (String, Value);

impl Events {
    pub(crate) fn of(stack: &Stack, id: &str) -> Self {
        Self::after(stack, id, None)
    }

    /// Those that come after the one with this id.
    fn after(stack: &Stack, id: &str, last: Option<&str>) -> Self {
        let mut connection = stack.app.connect();
        let mut request = Request::get(&format!("/jobs/{id}/events"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        connection.send_only(&request).unwrap();
        let head = connection.read_head().unwrap();
        assert_eq!(head.status, 200);
        assert_eq!(head.header("x-accel-buffering"), Some("no"));
        assert_eq!(
            head.header("content-type"),
            Some("text/event-stream; charset=utf-8")
        );
        assert_eq!(head.header("cache-control"), Some("no-cache"));
        Self {
            connection,
            text: String::new(),
            last: None,
        }
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                // What begins with a colon is a comment.
                if event.starts_with(':') {
                    continue;
                }
                let fields: Vec<&str> = event.lines().collect();
                let [name, id, data] = *fields else {
                    panic!("an event of three lines: {event}");
                };
                let name = name.strip_prefix("event: ").unwrap().to_owned();
                let id = id.strip_prefix("id: ").unwrap();
                assert_ne!(self.last.as_deref(), Some(id));
                self.last = Some(id.to_owned());
                let data = data.strip_prefix("data: ").unwrap();
                return Some((name, serde_json::from_str(data).unwrap()));
            }
            match self.connection.read_chunk().unwrap() {
                Some(chunk) => self.text += std::str::from_utf8(&chunk).unwrap(),
                None => {
                    assert_eq!(self.text, "", "an event is cut off");
                    return None;
                }
            }
        }
    }
}

/// Checks what holds for the events of every job.
fn check(events: &[Event], last: &str) {
    let order = ["queued", "running", last];
    let rank = |job: &Value| order.iter().position(|status| job["status"] == **status);
    let mut before: Option<&Value> = None;
    for (name, job) in events {
        let rank_now = rank(job).unwrap_or_else(|| panic!("{job}"));
        let changed = before.is_none_or(|before| before["status"] != job["status"]);
        assert_eq!(name, if changed { "status" } else { "progress" }, "{job}");
        assert!(before.is_none_or(|before| rank(before).unwrap() <= rank_now));
        assert_ne!(Some(job), before);
        before = Some(job);
    }
    let ended = events.iter().filter(|(_, job)| has_ended(job)).count();
    assert_eq!((ended, &before.unwrap()["status"]), (1, &last.into()));
}

fn the_events_of_a_job_end_with_its_result(kind: Kind) {
    let stack = Setup::new(kind).start();
    let job = id(&stack.defer(&factorize("408216")));
    let events: Vec<Event> = Events::of(&stack, &job).collect();
    check(&events, "succeeded");
    let (_, last) = events.last().unwrap();
    assert_eq!(*last, stack.job(&job));
    check_factorization("408216", &last["result"]);
    // Of a job that has ended there is nothing else to tell.
    let again: Vec<Event> = Events::of(&stack, &job).collect();
    assert_eq!(again, [("status".to_owned(), last.clone())]);
}

/// As a browser's EventSource asks again when a connection has ended.
fn events_go_on_after_the_last_one_seen(kind: Kind) {
    let stack = Setup::new(kind).start();
    let running = id(&stack.defer(&factorize(HARD)));
    stack.wait(&running, "running");
    let waiting = id(&stack.defer(&factorize("6")));
    let mut events = Events::of(&stack, &waiting);
    let (_, queued) = events.next().unwrap();
    assert_eq!(queued["status"], "queued");
    let queued = events.last.clone();
    drop(events);
    let mut events = Events::after(&stack, &waiting, queued.as_deref());
    assert_eq!(stack.delete(&waiting).status, 200);
    let (name, job) = events.next().unwrap();
    assert_eq!((&*name, &job["status"]), ("status", &"canceled".into()));
    assert!(events.next().is_none());

    // What a client missed is told, even when the job has ended meanwhile.
    let mut events = Events::after(&stack, &waiting, queued.as_deref());
    assert_eq!(events.next().unwrap(), (name, job));
    assert!(events.next().is_none());
    stack.delete(&running);
}

fn an_ended_job_has_nothing_more_to_tell(kind: Kind) {
    let stack = Setup::new(kind).start();
    let job = id(&stack.defer(&factorize("408216")));
    let mut events = Events::of(&stack, &job);
    assert!(events.by_ref().count() > 0);
    let last = events.last.unwrap();
    let again = Request::get(&format!("/jobs/{job}/events")).header("last-event-id", &last);
    let answer = stack.app.send(&again);
    assert_eq!((answer.status, answer.text()), (204, ""));
}

fn factors_are_told_as_they_are_found(kind: Kind) {
    let stack = Setup::new(kind).start();
    let number = (num_bigint::BigUint::from(12_u32) * HARD.parse::<num_bigint::BigUint>().unwrap())
        .to_string();
    let job = id(&stack.defer(&factorize(&number)));
    let mut events = Vec::new();
    for (name, job) in Events::of(&stack, &job) {
        let found = job["progress"]["found"] == json!([[2, 2], [3, 1]]);
        if found && !has_ended(&job) {
            stack.delete(&id(&job));
        }
        events.push((name, job));
    }
    check(&events, "canceled");
}

fn a_canceled_job_ends_its_events(kind: Kind) {
    let stack = Setup::new(kind).start();
    let running = id(&stack.defer(&factorize(HARD)));
    stack.wait(&running, "running");
    let waiting = id(&stack.defer(&factorize("6")));
    let mut events = Events::of(&stack, &waiting);
    let (name, job) = events.next().unwrap();
    assert_eq!((&*name, &job["status"]), ("status", &"queued".into()));
    assert_eq!(stack.delete(&waiting).status, 200);
    let (name, job) = events.next().unwrap();
    assert_eq!((&*name, &job["status"]), ("status", &"canceled".into()));
    assert!(events.next().is_none());
}

fn a_recording_tells_how_much_is_done(kind: Kind) {
    let stack = Setup::new(kind).start();
    let (recording, _) = repeated(120.0);
    let request = Request::new("POST", "/asr")
        .header("content-type", "audio/wav")
        .body(recording);
    let job = id(&stack.defer(&request));
    let events: Vec<Event> = Events::of(&stack, &job).collect();
    check(&events, "succeeded");
    let jobs: Vec<Value> = events.into_iter().map(|(_, job)| job).collect();
    let done = seconds_done(&jobs);
    assert!(done.len() > 1 && done.is_sorted(), "{done:?}");
    assert!(*done.last().unwrap() <= 130.0, "{done:?}");
}

/// How much of a recording was done in the states of its job, after all of it was decoded.
pub(crate) fn seconds_done(jobs: &[Value]) -> Vec<f64> {
    let member = |name: &str| -> Vec<f64> {
        let progress = jobs.iter().map(|job| &job["progress"]);
        progress.filter_map(|it| it[name].as_f64()).collect()
    };
    let decoded = member("seconds_decoded");
    assert!(decoded.is_sorted(), "{decoded:?}");
    member("seconds_done")
}

#[test]
fn many_may_watch() {
    let stack = Setup::new(Kind::Redis).start();
    let job = id(&stack.defer(&factorize(SLOW[0])));
    let watches: Vec<Events> = (0..40).map(|_| Events::of(&stack, &job)).collect();
    assert_eq!(stack.app.get("/ping").status, 200);
    for watch in watches {
        check(&watch.collect::<Vec<_>>(), "succeeded");
    }
}
