//! Tasks whose jobs are cut into parts.

use futures_util::stream::{self, LocalBoxStream, Stream, StreamExt};
use http_api::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;

use axum::response::Response;

use crate::model::{Outcome, PartResult};
use crate::task::{Progress, Task, Whole, outcome_of, outdated, refused};

/// A task that several instances compute together.
///
/// A worker begins the job. If it [cuts](Step::Parts) the job into parts, workers compute these in any order, each under a lease
/// of its own; the first of them while the job is still being cut. When all are done, a worker joins their results. What is
/// stored is MessagePack, with field names.
///
/// For a client that waits, the instance that answers begins and joins; idle cores compute the parts.
#[allow(async_fn_in_trait)] // Guests have one thread: no future need be `Send`.
pub trait Parted: Task {
    /// What the join needs beside the results. It takes the place of the input.
    type Rest: Serialize + DeserializeOwned + 'static;
    /// What a part is computed from.
    type Part: Serialize + DeserializeOwned + 'static;
    /// The result of a part.
    type Found: Serialize + DeserializeOwned + 'static;

    /// The answer to a small input, or the parts of a large one.
    ///
    /// # Errors
    /// The problem that the job ends with.
    async fn begin(input: Self::Input, progress: &Progress) -> Result<Step<Self>, Problem>;

    /// The result of a part, and its weight, which counts towards [`Parts::enough`].
    ///
    /// # Errors
    /// The problem that the job ends with, at once.
    async fn part(part: Self::Part, progress: &Progress) -> Result<(Self::Found, u64), Problem>;

    /// The answer from the results of the parts, in the order of the parts, or more parts. The results are deleted when the
    /// job is cut again: what the next join needs of them belongs into its rest.
    ///
    /// # Errors
    /// The problem that the job ends with.
    async fn join(
        rest: Self::Rest,
        found: Vec<Self::Found>,
        progress: &Progress,
    ) -> Result<Step<Self>, Problem>;
}

/// What follows on the beginning or the join of a job.
pub enum Step<T: Parted + ?Sized> {
    /// Its end.
    Answer(Response),
    /// Parts, then a join.
    Parts(Parts<T>),
}

/// What a job is cut into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<P, R> {
    /// A part.
    Part(P),
    /// What the join needs beside the results. It comes once, after the parts.
    Rest(R),
}

/// Pieces, made one by one as they are stored. An error ends the job.
pub type Pieces<P, R, E> = LocalBoxStream<'static, Result<Piece<P, R>, E>>;

/// The parts of a job.
pub struct Parts<T: Parted + ?Sized> {
    /// The parts and the rest.
    pub pieces: Pieces<T::Part, T::Rest, Problem>,
    /// The sum of weights at which the remaining parts are dropped.
    pub enough: Option<u64>,
}

impl<T: Parted> Parts<T> {
    /// Parts that are all needed.
    pub fn new(rest: T::Rest, parts: impl IntoIterator<Item = T::Part> + 'static) -> Self {
        let parts = parts.into_iter().map(Piece::Part);
        Self::from_stream(stream::iter(parts.chain([Piece::Rest(rest)]).map(Ok)))
    }

    /// The same, from a stream of the parts and, after them, the rest.
    pub fn from_stream(
        pieces: impl Stream<Item = Result<Piece<T::Part, T::Rest>, Problem>> + 'static,
    ) -> Self {
        Self {
            pieces: pieces.fuse().boxed_local(),
            enough: None,
        }
    }

    /// The same, of which results of this weight in sum are enough.
    #[must_use]
    pub fn until(self, enough: u64) -> Self {
        Self {
            enough: Some(enough),
            ..self
        }
    }
}

/// What a runner is to compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The name of the [`Task`].
    pub task: String,
    /// The beginning, a part, or the join.
    pub stage: Stage,
}

/// A stage of a job, with what it is computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The beginning, from the input.
    Begin(Vec<u8>),
    /// A part.
    Part(Vec<u8>),
    /// The join.
    Join {
        /// What the job's last cut has left for it.
        rest: Vec<u8>,
        /// The results of the parts that were computed, in the order of the parts.
        results: Vec<Vec<u8>>,
    },
}

/// What a stage has come to.
pub enum Done {
    /// The end of the job.
    Outcome(Outcome),
    /// The result of a part.
    Part(PartResult),
    /// The parts of the job.
    Cut {
        /// The parts and the rest, or the outcome of a job that cannot be cut.
        pieces: Pieces<Vec<u8>, Vec<u8>, Outcome>,
        /// The sum of weights at which the remaining parts are dropped.
        enough: Option<u64>,
    },
}

/// Computes `T`, which has no parts, from the input of a job.
pub async fn run<T: Whole>(work: &Work, progress: &Progress) -> Done {
    let Stage::Begin(bytes) = &work.stage else {
        return Done::Outcome(outdated());
    };
    Done::Outcome(match rmp_serde::from_slice(bytes) {
        Ok(input) => match T::compute(input, progress).await {
            Ok(response) => outcome_of(response).await,
            Err(problem) => refused::<T>(problem, progress).await,
        },
        Err(_) => outdated(),
    })
}

/// Computes a stage of a job of `T`.
pub async fn run_parted<T: Parted + 'static>(work: &Work, progress: &Progress) -> Done {
    let done = match &work.stage {
        Stage::Begin(bytes) => match rmp_serde::from_slice(bytes) {
            Ok(input) => next(T::begin(input, progress).await, progress).await,
            Err(_) => return Done::Outcome(outdated()),
        },
        Stage::Part(bytes) => match rmp_serde::from_slice(bytes) {
            Ok(part) => T::part(part, progress).await.and_then(|(found, weight)| {
                let bytes = packed(&found)?;
                Ok(Done::Part(PartResult { bytes, weight }))
            }),
            Err(_) => return Done::Outcome(outdated()),
        },
        Stage::Join { rest, results } => {
            let found = results.iter().map(|bytes| rmp_serde::from_slice(bytes));
            match (rmp_serde::from_slice(rest), found.collect()) {
                (Ok(rest), Ok(found)) => next(T::join(rest, found, progress).await, progress).await,
                _ => return Done::Outcome(outdated()),
            }
        }
    };
    match done {
        Ok(done) => done,
        Err(problem) => Done::Outcome(refused::<T>(problem, progress).await),
    }
}

async fn next<T: Parted + 'static>(
    step: Result<Step<T>, Problem>,
    progress: &Progress,
) -> Result<Done, Problem> {
    let Parts { pieces, enough } = match step? {
        Step::Answer(response) => return Ok(Done::Outcome(outcome_of(response).await)),
        Step::Parts(parts) => parts,
    };
    let progress = progress.clone();
    let pieces = pieces.then(move |piece| {
        let progress = progress.clone();
        async move {
            let packed = piece.and_then(|piece| match piece {
                Piece::Part(part) => packed(&part).map(Piece::Part),
                Piece::Rest(rest) => packed(&rest).map(Piece::Rest),
            });
            match packed {
                Ok(piece) => Ok(piece),
                Err(problem) => Err(refused::<T>(problem, &progress).await),
            }
        }
    });
    Ok(Done::Cut {
        pieces: pieces.boxed_local(),
        enough,
    })
}

pub(crate) fn packed(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    rmp_serde::to_vec_named(value).map_err(Problem::internal)
}
