//! A factorisation as a job: where a sieve takes long, all workers sieve.

use std::time::Duration;

use axum::Json;
use axum::response::IntoResponse;
use bytes::Bytes;
use guest::Span;
use http_api::Problem;
use jobs::{Mode, Parted, Parts, Progress, Step};
use serde::{Deserialize, Serialize};

use crate::answer::FactorizeResponse;
use crate::bindings::routelets::factorizer::factorizer::{
    self, Cut, Error, Numbers, Partial, PrimePower,
};
use crate::request::Options;
use crate::{Factorize, FactorizeInput, limit_problem, reporting, time_limit};

/// The weight of a part that ends all others.
const LAST: u64 = 1 << 32;

/// What a job is to answer, and until when.
#[derive(Clone, Serialize, Deserialize)]
struct Question {
    number: String,
    options: Options,
    /// The time limit in seconds, and when it passes, in milliseconds since 1970. It includes the time that parts wait.
    seconds: f64,
    deadline: u64,
}

impl Question {
    async fn new(input: FactorizeInput, mode: Mode) -> Self {
        let seconds = time_limit(mode).await;
        let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        Self {
            number: input.number,
            options: input.options,
            seconds,
            deadline: jobs::now().saturating_add(limit),
        }
    }

    fn problem(&self, error: Error) -> Problem {
        limit_problem(&self.number, self.seconds, error)
    }

    /// The answer, or the parts of the next sieve. `relations` are those of the one before.
    fn follow(
        self,
        step: factorizer::Step,
        composite: &str,
        relations: Vec<Bytes>,
    ) -> Result<Step<Factorize>, Problem> {
        match step {
            factorizer::Step::Complete(found) => {
                let answer = FactorizeResponse::new(self.number, found, self.options)?;
                Ok(Step::Answer(Json(answer).into_response()))
            }
            factorizer::Step::Cut(cut) if cut.composite == composite => {
                Ok(self.cut(cut, relations))
            }
            factorizer::Step::Cut(cut) => Ok(self.cut(cut, Vec::new())),
        }
    }

    fn cut(self, cut: Cut, relations: Vec<Bytes>) -> Step<Factorize> {
        let deadline = self.deadline;
        let number = cut.composite.clone();
        let parts = cut.parts.clone().into_iter().map(move |numbers| SievePart {
            composite: number.clone(),
            start: numbers.start,
            end: numbers.end,
            deadline,
        });
        let rest = Sieving {
            question: self,
            next: cut.parts.last().map_or(0, |last| last.end),
            known: cut.known.into(),
            composite: cut.composite,
            relations,
        };
        Step::Parts(Parts::new(rest, parts).until(cut.enough))
    }
}

fn left(deadline: u64) -> u64 {
    deadline.saturating_sub(jobs::now())
}

/// Awaits a step of a factorisation, as a span of its trace.
async fn traced<T>(
    step: &'static str,
    number: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut span = Span::begin("factorization");
    span.set("factorization.step", step);
    span.set("factorization.digits", number.len());
    let result = work.await;
    match &result {
        Ok(_) => {}
        Err(Error::TimeLimitExceeded(_)) => span.failed("the time limit passed"),
        Err(Error::InvalidNumber(reason) | Error::InvalidPart(reason)) => span.failed(reason),
    }
    result
}

/// What a join needs beside the new relations.
#[derive(Serialize, Deserialize)]
pub struct Sieving {
    question: Question,
    known: Known,
    /// What is sieved.
    composite: String,
    /// Where further parts begin.
    next: u32,
    /// Relations for an earlier join, which were not enough.
    relations: Vec<Bytes>,
}

/// What is known of a number before a sieve.
#[derive(Clone, Serialize, Deserialize)]
struct Known {
    found: Vec<(String, u32)>,
    remaining: Vec<String>,
}

impl From<Partial> for Known {
    fn from(partial: Partial) -> Self {
        let found = partial.found.into_iter();
        Self {
            found: found.map(|power| (power.prime, power.exponent)).collect(),
            remaining: partial.remaining,
        }
    }
}

impl From<Known> for Partial {
    fn from(known: Known) -> Self {
        let found = known.found.into_iter();
        Self {
            found: found
                .map(|(prime, exponent)| PrimePower { prime, exponent })
                .collect(),
            remaining: known.remaining,
        }
    }
}

/// A part of a sieve.
#[derive(Serialize, Deserialize)]
pub struct SievePart {
    composite: String,
    start: u32,
    end: u32,
    deadline: u64,
}

impl Parted for Factorize {
    type Rest = Sieving;
    type Part = SievePart;
    /// The relations; empty when the time was over.
    type Found = Bytes;

    async fn begin(input: FactorizeInput, progress: &Progress) -> Result<Step<Self>, Problem> {
        let question = Question::new(input, progress.mode()).await;
        let begun = factorizer::begin(question.number.clone(), left(question.deadline));
        let begun = reporting(begun, &question.number, progress);
        match traced("begin", &question.number, begun).await {
            Ok(step) => question.follow(step, "", Vec::new()),
            Err(error) => Err(question.problem(error)),
        }
    }

    async fn part(part: SievePart, _: &Progress) -> Result<(Bytes, u64), Problem> {
        let left = left(part.deadline);
        if left == 0 {
            return Ok((Bytes::new(), LAST));
        }
        let numbers = Numbers {
            start: part.start,
            end: part.end,
        };
        let sieved = factorizer::sieve(part.composite.clone(), numbers, left);
        match traced("sieve", &part.composite, sieved).await {
            Ok(relations) => Ok((relations.bytes.into(), relations.weight)),
            Err(Error::TimeLimitExceeded(_)) => Ok((Bytes::new(), LAST)),
            Err(Error::InvalidNumber(reason) | Error::InvalidPart(reason)) => {
                Err(Problem::internal(reason))
            }
        }
    }

    async fn join(
        rest: Sieving,
        found: Vec<Bytes>,
        progress: &Progress,
    ) -> Result<Step<Self>, Problem> {
        let Sieving {
            question,
            known,
            composite,
            next,
            mut relations,
        } = rest;
        relations.extend(found.into_iter().filter(|bytes| !bytes.is_empty()));
        let left = left(question.deadline);
        if left == 0 {
            return Err(question.problem(Error::TimeLimitExceeded(known.into())));
        }
        let results = relations.iter().map(|bytes| bytes.to_vec()).collect();
        let joined = factorizer::join(known.into(), composite.clone(), next, results, left);
        let joined = reporting(joined, &composite, progress);
        match traced("join", &composite, joined).await {
            Ok(step) => question.follow(step, &composite, relations),
            Err(error) => Err(question.problem(error)),
        }
    }
}
