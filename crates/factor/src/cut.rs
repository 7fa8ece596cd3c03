//! A search whose sieves are done in parts, by instances that share nothing.
use std::ops::{ControlFlow, Range};

use num_bigint::BigUint;
use pacer::Pacer;
use thiserror::Error;

use crate::{
    Boxed,
    factorization::{Factorization, Partial},
    number::Number,
    search::{Observe, Progress, Search},
    siqs::{self, Solved},
};

/// Bits from which a composite is worth parts: 67 digits, whose sieve takes more than ten seconds.
pub const CUT: u64 = 220;

/// Where a search stands.
#[derive(Debug)]
pub enum Step {
    /// At its end.
    Complete(Factorization),
    /// At a composite that is to be sieved.
    Cut(Cut),
}

/// A composite that is to be sieved in parts.
#[derive(Debug)]
pub struct Cut {
    /// What is known. The composite is among what remains.
    pub known: Partial,
    /// The composite.
    pub composite: BigUint,
    /// The parts that are probably needed, and some more: see [`part`]. They are disjoint, and ascend.
    pub parts: Vec<Range<u32>>,
    /// When the weights of the finished parts add up to this, they are probably enough.
    pub enough: u64,
}

/// The result of a [`part`].
#[derive(Debug)]
pub struct Part {
    /// The relations, for [`join`].
    pub relations: Vec<u8>,
    /// What they count for: see [`Cut::enough`].
    pub weight: u64,
}

/// Why a part has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PartError {
    /// `pause` broke.
    #[error("interrupted")]
    Interrupted,
    /// The number is not one that [`begin`] cuts, or has no such part.
    #[error("there is no such part of a sieve for this number")]
    Unknown,
}

/// Why parts could not be joined.
#[derive(Debug, Error)]
pub enum JoinError {
    /// `pause` broke: what is known.
    #[error("interrupted")]
    Interrupted(Partial),
    /// A result is not that of a part of the sieve for this composite.
    #[error("the results of the parts are damaged")]
    Corrupt,
}

/// Begins a search as [`factorize`](crate::factorize) does, and stops at a composite of at least `cut` bits that
/// needs the quadratic sieve.
///
/// # Errors
/// The [`Partial`] result if `pause` broke before all primes were found.
pub async fn begin(
    n: &Number,
    cut: u64,
    pause: impl AsyncFnMut() -> ControlFlow<()>,
    mut observe: impl FnMut(Progress<'_>),
) -> Result<Step, Partial> {
    let mut pacer = Pacer::new(crate::STEP, pause);
    begin_with(n, cut, &mut pacer, &mut observe).await
}

fn begin_with<'a>(
    n: &'a Number,
    cut: u64,
    pacer: &'a mut Pacer<'_>,
    observe: Observe<'a>,
) -> Boxed<'a, Result<Step, Partial>> {
    Box::pin(async move {
        let search = Search::of(n, pacer, observe).await;
        go_on(search, cut, pacer).await
    })
}

/// A part of the sieve for a composite. The same arguments give the same result, in whatever instance.
///
/// `observe` gets the number of relations among all that are needed that the part counts for so far.
///
/// # Errors
/// If `pause` broke, or [`begin`] and [`join`] do not cut this number into such parts.
pub async fn part(
    composite: &BigUint,
    part: Range<u32>,
    pause: impl AsyncFnMut() -> ControlFlow<()>,
    mut observe: impl FnMut(Progress<'_>),
) -> Result<Part, PartError> {
    let mut pacer = Pacer::new(crate::STEP, pause);
    part_with(composite, part, &mut pacer, &mut observe).await
}

fn part_with<'a>(
    composite: &'a BigUint,
    part: Range<u32>,
    pacer: &'a mut Pacer<'_>,
    observe: Observe<'a>,
) -> Boxed<'a, Result<Part, PartError>> {
    Box::pin(async move {
        let mut relations = |found, needed| observe(Progress::Relations { found, needed });
        match siqs::sieve(composite, part, pacer, &mut relations).await {
            Ok(Some(found)) => Ok(Part {
                weight: found.weight().into(),
                relations: found.into_bytes(),
            }),
            Ok(None) => Err(PartError::Unknown),
            Err(_) => Err(PartError::Interrupted),
        }
    })
}

/// Goes on with the results of all parts of the sieve for `composite` that are finished, in any order. Every relation is
/// checked. The parts that are asked for if they are not enough begin at `next`.
///
/// # Errors
/// If `pause` broke, or a result is not that of a part.
pub async fn join(
    known: Partial,
    composite: &BigUint,
    next: u32,
    results: &[impl AsRef<[u8]>],
    cut: u64,
    pause: impl AsyncFnMut() -> ControlFlow<()>,
    mut observe: impl FnMut(Progress<'_>),
) -> Result<Step, JoinError> {
    let mut pacer = Pacer::new(crate::STEP, pause);
    let search = Search::resume(known, &mut observe);
    let results: Vec<&[u8]> = results.iter().map(AsRef::as_ref).collect();
    join_with(search, composite, next, &results, cut, &mut pacer).await
}

fn join_with<'a>(
    mut search: Search<'a>,
    composite: &'a BigUint,
    next: u32,
    results: &'a [&'a [u8]],
    cut: u64,
    pacer: &'a mut Pacer<'_>,
) -> Boxed<'a, Result<Step, JoinError>> {
    Box::pin(async move {
        let solved = match siqs::solve(composite, results, pacer).await {
            Ok(Ok(solved)) => solved,
            Ok(Err(_)) => return Err(JoinError::Corrupt),
            Err(_) => return Err(JoinError::Interrupted(search.into_partial())),
        };
        let cut = match solved {
            Solved::Factor(factor) => {
                search.split(composite, factor, pacer).await;
                cut
            }
            Solved::Missing { numbers, weight } => {
                return Ok(Step::Cut(Cut {
                    known: search.into_partial(),
                    composite: composite.clone(),
                    parts: siqs::parts(composite, next, numbers),
                    enough: weight,
                }));
            }
            Solved::Unsuitable => u64::MAX,
        };
        go_on(search, cut, pacer)
            .await
            .map_err(JoinError::Interrupted)
    })
}

async fn go_on(mut search: Search<'_>, cut: u64, pacer: &mut Pacer<'_>) -> Result<Step, Partial> {
    match search.run(cut, pacer).await {
        Ok(None) => Ok(Step::Complete(search.primes.into())),
        Ok(Some(composite)) => Ok(Step::Cut(Cut {
            known: search.into_partial(),
            parts: siqs::parts(&composite, 0, siqs::expected(&composite)),
            enough: siqs::ENOUGH,
            composite,
        })),
        Err(_) => Err(search.into_partial()),
    }
}
