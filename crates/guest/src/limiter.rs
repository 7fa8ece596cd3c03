//! The private component `limiter`, which counts for the others, and is the only one with access to what is counted: what it is asked,
//! and how it answers.
//!
//! A limit applies to all instances, so it is counted in the store of the jobs: with SQLite for this process, with Redis for
//! all replicas. Counting takes a request within the runtime and one statement.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use access_settings::{Micros, Rate, Verdict};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use axum::response::IntoResponse;
use jobs::StoreKind;
use limits::{Error, Upload};

use crate::jobs::drivers::{SpinRedis, SpinSqlite};
use crate::{Response, variable};

const LIMITER: &str = "http://limiter.spin.internal/";

/// The name of the question.
const ASK: HeaderName = HeaderName::from_static("x-ask");
const BUCKET: HeaderName = HeaderName::from_static("x-bucket");
const RATE: HeaderName = HeaderName::from_static("x-rate");
/// Who sends an upload.
const UPLOADER: HeaderName = HeaderName::from_static("x-uploader");
/// The id of an upload.
const UPLOAD: HeaderName = HeaderName::from_static("x-upload");
/// How many uploads one caller may send at once.
const MOST: HeaderName = HeaderName::from_static("x-most");
const VERDICT: HeaderName = HeaderName::from_static("x-verdict");

/// What the limiter is asked, in the headers of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question<'a> {
    /// To take one request out of a bucket. The answer is a [`Verdict`].
    Take { bucket: &'a str, rate: Rate },
    /// To return one request to a bucket.
    PutBack { bucket: &'a str, rate: Rate },
    /// Whether an upload may begin or go on. The answer is a `bool`.
    Begin {
        upload: Upload<'a>,
        most: NonZeroU32,
    },
    /// To stop counting an upload.
    End { upload: Upload<'a> },
}

impl<'a> Question<'a> {
    fn request(self) -> axum::http::Result<Request<Bytes>> {
        let of_bucket = |name: &str, bucket: &str, rate: Rate| {
            let rate = format!("{} {}", rate.count(), rate.window().as_micros());
            let request = Request::post(LIMITER).header(ASK, name);
            request.header(BUCKET, bucket).header(RATE, rate)
        };
        let of_upload = |name: &str, Upload { caller, id }: Upload| {
            let request = Request::post(LIMITER).header(ASK, name);
            request.header(UPLOADER, caller).header(UPLOAD, id)
        };
        let request = match self {
            Self::Take { bucket, rate } => of_bucket("take", bucket, rate),
            Self::PutBack { bucket, rate } => of_bucket("put-back", bucket, rate),
            Self::Begin { upload, most } => of_upload("begin", upload).header(MOST, most.get()),
            Self::End { upload } => of_upload("end", upload),
        };
        request.body(Bytes::new())
    }

    fn of(headers: &'a HeaderMap) -> Option<Self> {
        let text = |name: HeaderName| headers.get(name)?.to_str().ok();
        let bucket = || {
            let (count, window) = text(RATE)?.split_once(' ')?;
            let window = Duration::from_micros(window.parse().ok()?);
            Some((text(BUCKET)?, Rate::new(count.parse().ok()?, window)?))
        };
        let upload = || {
            let (caller, id) = (text(UPLOADER)?, text(UPLOAD)?);
            Some(Upload { caller, id })
        };
        Some(match text(ASK)? {
            "take" => {
                let (bucket, rate) = bucket()?;
                Self::Take { bucket, rate }
            }
            "put-back" => {
                let (bucket, rate) = bucket()?;
                Self::PutBack { bucket, rate }
            }
            "begin" => Self::Begin {
                upload: upload()?,
                most: text(MOST)?.parse().ok()?,
            },
            "end" => Self::End { upload: upload()? },
            _ => return None,
        })
    }
}

/// An answer of the limiter, as text in a header.
pub(crate) trait Answer: Sized {
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;
}

impl Answer for bool {
    fn write(&self) -> String {
        u8::from(*self).to_string()
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        }
    }
}

impl Answer for Verdict {
    fn write(&self) -> String {
        let Self {
            allowed,
            remaining,
            reset,
            retry,
        } = self;
        let (reset, retry) = (reset.as_micros(), retry.as_micros());
        format!("{} {remaining} {reset} {retry}", allowed.write())
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        Some(Self {
            allowed: bool::read(words.next()?)?,
            remaining: words.next()?.parse().ok()?,
            reset: Duration::from_micros(words.next()?.parse().ok()?),
            retry: Duration::from_micros(words.next()?.parse().ok()?),
        })
    }
}

/// Asks the limiter. Not every question has an answer.
pub(crate) async fn ask<A: Answer>(question: Question<'_>) -> Result<Option<A>, String> {
    let request = question.request().map_err(|error| error.to_string())?;
    let response = crate::send(request).await;
    let response = response.map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Err(format!("the limiter answers {}", response.status()));
    }
    let answer = response.headers().get(VERDICT);
    Ok(answer.and_then(|answer| A::read(answer.to_str().ok()?)))
}

/// The limiter's response to a request with these headers.
pub async fn answer(headers: &HeaderMap) -> Response {
    let Some(question) = Question::of(headers) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match count(question).await {
        Ok(answer) => {
            let answer = answer.and_then(|answer| HeaderValue::try_from(answer).ok());
            let answer = answer.map(|answer| [(VERDICT, answer)]);
            (answer, StatusCode::NO_CONTENT).into_response()
        }
        Err(error) => {
            eprintln!("{error}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

async fn count(question: Question<'_>) -> Result<Option<String>, Error> {
    let now = now();
    match StoreKind::load(variable).await {
        StoreKind::Sqlite => {
            let driver = sqlite(now).await?;
            let counted = in_sqlite(&driver, question, now).await;
            if counted.is_err() {
                SQLITE.set(None);
            }
            counted
        }
        StoreKind::Redis { url, .. } => in_redis(&SpinRedis::new(url), question, now).await,
    }
}

async fn in_sqlite(
    driver: &SpinSqlite,
    question: Question<'_>,
    now: Micros,
) -> Result<Option<String>, Error> {
    Ok(match question {
        Question::Take { bucket, rate } => {
            let verdict = limits::take_sql(driver, bucket, rate, now).await?;
            Some(verdict.write())
        }
        Question::Begin { upload, most } => {
            let begun = limits::begin_sql(driver, upload, most, now).await?;
            Some(begun.write())
        }
        Question::PutBack { bucket, rate } => {
            limits::put_back_sql(driver, bucket, rate).await?;
            None
        }
        Question::End { upload } => {
            limits::end_sql(driver, upload).await?;
            None
        }
    })
}

async fn in_redis(
    driver: &SpinRedis,
    question: Question<'_>,
    now: Micros,
) -> Result<Option<String>, Error> {
    Ok(match question {
        Question::Take { bucket, rate } => {
            let verdict = limits::take_redis(driver, bucket, rate, now).await?;
            Some(verdict.write())
        }
        Question::Begin { upload, most } => {
            let begun = limits::begin_redis(driver, upload, most, now).await?;
            Some(begun.write())
        }
        Question::PutBack { bucket, rate } => {
            limits::put_back_redis(driver, bucket, rate).await?;
            None
        }
        Question::End { upload } => {
            limits::end_redis(driver, upload).await?;
            None
        }
    })
}

thread_local! {
    static SQLITE: RefCell<Option<Rc<SpinSqlite>>> = const { RefCell::new(None) };
}

async fn sqlite(now: Micros) -> Result<Rc<SpinSqlite>, Error> {
    if let Some(driver) = SQLITE.with_borrow(Clone::clone) {
        return Ok(driver);
    }
    let driver = Rc::new(SpinSqlite::open().await?);
    limits::prepare(&*driver, now).await?;
    SQLITE.set(Some(Rc::clone(&driver)));
    Ok(driver)
}

fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Micros::try_from(since.unwrap_or_default().as_micros()).unwrap_or(Micros::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_arrives_as_it_was_asked() {
        let rate = Rate::new(7, Duration::from_secs(600)).expect("a rate");
        let bucket = "sign-in:616461:203.0.113.1";
        let (caller, id) = ("user:ada", "7d44");
        let upload = Upload { caller, id };
        let most = NonZeroU32::new(32).expect("not zero");
        for question in [
            Question::Take { bucket, rate },
            Question::PutBack { bucket, rate },
            Question::Begin { upload, most },
            Question::End { upload },
        ] {
            let request = question.request().expect("a request");
            assert_eq!(Question::of(request.headers()), Some(question));
        }
        assert_eq!(Question::of(&HeaderMap::new()), None);
    }

    #[test]
    fn an_answer_arrives_as_it_was_given() {
        let verdict = Verdict {
            allowed: false,
            remaining: 3,
            reset: Duration::from_micros(1_500_000),
            retry: Duration::from_micros(1),
        };
        assert_eq!(Verdict::read(&verdict.write()), Some(verdict));
        for begun in [true, false] {
            assert_eq!(bool::read(&begun.write()), Some(begun));
        }
        assert_eq!((bool::read(""), Verdict::read("1 2 3")), (None, None));
    }
}
