use super::*;
use axum::extract::{FromRequest, Request};
use futures_util::future::join;
use pollster::block_on;
use std::cell::RefCell;

/// Gives way to whatever else is awaited.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A body of as many frames as were said, with pauses before each and before its end.
struct Frames {
    frames: u32,
    pauses: u32,
    paused: u32,
    breaks_off: bool,
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.paused < self.pauses {
            self.paused += 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.paused = 0;
        if self.frames == 0 {
            let broken = self.breaks_off.then(|| Err("the client has gone".into()));
            return Poll::Ready(broken);
        }
        self.frames -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
    }
}

fn frames(frames: u32, pauses: u32) -> Frames {
    Frames {
        frames,
        pauses,
        paused: 0,
        breaks_off: false,
    }
}

/// Writes down what it is asked.
struct Notes<'a> {
    asked: &'a RefCell<Vec<String>>,
    /// The answers to `begin`, and then `Ok(true)`.
    answers: RefCell<Vec<Result<bool, String>>>,
    /// How many pauses a sleep takes.
    sleep: u32,
}

impl Counter for Notes<'_> {
    async fn begin(&self, id: &str) -> Result<bool, String> {
        assert_eq!(id.len(), 36);
        self.asked.borrow_mut().push("begin".to_owned());
        for _ in 0..3 {
            pause().await;
        }
        let mut answers = self.answers.borrow_mut();
        match answers.is_empty() {
            true => Ok(true),
            false => answers.remove(0),
        }
    }

    async fn end(&self, _: &str) -> Result<(), String> {
        self.asked.borrow_mut().push("end".to_owned());
        Ok(())
    }

    fn too_many(&self) -> Problem {
        Problem::new(RATE_LIMITED, "too many")
    }

    async fn sleep(&self, _: Duration) {
        for _ in 0..self.sleep {
            pause().await;
        }
    }
}

/// What became of a body, and what was asked meanwhile.
fn run(
    body: Frames,
    patience: Option<Duration>,
    sleep: u32,
    answers: Vec<Result<bool, String>>,
) -> (Result<usize, &'static str>, String) {
    let (watched, arrival) = watched(Body::new(body));
    let asked = RefCell::default();
    let notes = Notes {
        asked: &asked,
        answers: RefCell::new(answers),
        sleep,
    };
    let read = async {
        let request = Request::new(Body::new(watched));
        let http_api::Body(bytes) = http_api::Body::from_request(request, &())
            .await
            .map_err(|problem| problem.code())?;
        Ok(bytes.len())
    };
    let (read, ()) = block_on(join(read, count(notes, arrival, patience)));
    (read, asked.into_inner().join(" "))
}

#[test]
fn what_is_there_at_once_is_not_counted() {
    for patience in [None, Some(PATIENCE)] {
        let (read, asked) = run(frames(3, 0), patience, 1, vec![]);
        assert_eq!((read, &*asked), (Ok(3), ""));
    }
}

#[test]
fn what_is_large_is_counted_while_it_arrives() {
    let (read, asked) = run(frames(3, 5), None, 1_000, vec![]);
    assert_eq!((read, &*asked), (Ok(3), "begin end"));
}

#[test]
fn what_is_small_is_counted_only_if_it_is_slow() {
    let (read, asked) = run(frames(3, 5), Some(PATIENCE), 1_000, vec![]);
    assert_eq!((read, &*asked), (Ok(3), ""));
    let (read, asked) = run(frames(3, 300), Some(PATIENCE), 1_000, vec![]);
    assert_eq!((read, &*asked), (Ok(3), "begin end"));
}

#[test]
fn a_lease_is_renewed_as_long_as_it_takes() {
    let (read, asked) = run(frames(3, 100), None, 100, vec![]);
    let asked: Vec<_> = asked.split(' ').collect();
    assert_eq!(read, Ok(3));
    let (end, begun) = asked.split_last().expect("questions");
    assert_eq!(*end, "end");
    assert!((3..=5).contains(&begun.len()), "{asked:?}");
    assert!(begun.iter().all(|asked| *asked == "begin"));
}

#[test]
fn too_many_are_refused() {
    let (read, asked) = run(frames(3, 100), None, 10, vec![Ok(false)]);
    assert_eq!((read, &*asked), (Err("too-many-requests"), "begin"));
    // So is one whose lease was lost to others.
    let (read, asked) = run(frames(3, 100), None, 10, vec![Ok(true), Ok(false)]);
    assert_eq!((read, &*asked), (Err("too-many-requests"), "begin begin"));
}

#[test]
fn what_has_arrived_before_the_verdict_is_not_refused() {
    let (read, asked) = run(frames(1, 1), None, 10, vec![Ok(false)]);
    assert_eq!((read, &*asked), (Ok(1), "begin"));
}

#[test]
fn what_cannot_be_counted_passes() {
    let down = || Err("the limiter answers 503".to_owned());
    let (read, asked) = run(frames(3, 100), None, 1_000, vec![down()]);
    assert_eq!((read, &*asked), (Ok(3), "begin end"));
}

#[test]
fn a_client_that_breaks_off_is_not_counted_any_longer() {
    let body = Frames {
        breaks_off: true,
        ..frames(3, 5)
    };
    let (read, asked) = run(body, None, 1_000, vec![]);
    assert_eq!((read, &*asked), (Err("invalid-request-body"), "begin end"));
}

#[test]
fn a_body_that_is_not_read_is_not_counted() {
    let (unread, arrival) = watched(Body::new(frames(3, 5)));
    drop(unread);
    let asked = RefCell::default();
    let notes = Notes {
        asked: &asked,
        answers: RefCell::default(),
        sleep: 1,
    };
    block_on(count(notes, arrival, None));
    assert!(asked.borrow().is_empty());
}
