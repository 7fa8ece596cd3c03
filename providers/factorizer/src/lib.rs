//! The export of `routelets:factorizer/factorizer`, on the crate `factor`. Needs no permission.

mod convert;
mod running;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bindings::exports::routelets::factorizer::factorizer::{
    Error, Findings, Guest, Numbers, Partial, Relations, Step,
};
use convert::{composite, known, partial, prime_powers, step};
use factor::{CUT, JoinError, PartError};
use running::Running;

interfaces::export!("../../wit/factorizer", Factorizer);

struct Factorizer;

impl Guest for Factorizer {
    async fn begin(number: String, time_limit_ms: u64) -> Result<Step, Error> {
        let pause = pause(time_limit_ms);
        let running = Running::begin(&number);
        let number = convert::number(&number)?;
        match factor::begin(&number, CUT, pause, |progress| running.observe(progress)).await {
            Ok(begun) => Ok(step(begun)),
            Err(found) => Err(Error::TimeLimitExceeded(partial(found))),
        }
    }

    async fn sieve(number: String, part: Numbers, time_limit_ms: u64) -> Result<Relations, Error> {
        let pause = pause(time_limit_ms);
        let running = Running::begin(&number);
        let composite = composite(&number)?;
        let numbers = part.start..part.end;
        let observe = |progress: factor::Progress<'_>| running.observe(progress);
        match factor::part(&composite, numbers, pause, observe).await {
            Ok(part) => Ok(Relations {
                bytes: part.relations,
                weight: part.weight,
            }),
            Err(PartError::Interrupted) => Err(Error::TimeLimitExceeded(Partial {
                found: Vec::new(),
                remaining: vec![number],
            })),
            Err(error @ PartError::Unknown) => Err(Error::InvalidPart(error.to_string())),
        }
    }

    async fn join(
        found: Partial,
        number: String,
        next: u32,
        results: Vec<Vec<u8>>,
        time_limit_ms: u64,
    ) -> Result<Step, Error> {
        let pause = pause(time_limit_ms);
        let running = Running::begin(&number);
        let (known, composite) = (known(&found)?, composite(&number)?);
        let observe = |progress: factor::Progress<'_>| running.observe(progress);
        match factor::join(known, &composite, next, &results, CUT, pause, observe).await {
            Ok(joined) => Ok(step(joined)),
            Err(JoinError::Interrupted(found)) => Err(Error::TimeLimitExceeded(partial(found))),
            Err(error @ JoinError::Corrupt) => Err(Error::InvalidPart(error.to_string())),
        }
    }

    fn progress(number: String) -> Option<Findings> {
        let findings = running::findings(&number)?;
        Some(Findings {
            found: prime_powers(findings.found.into()),
            relations: findings.relations,
            needed: findings.needed,
        })
    }
}

/// Yields to other tasks, and breaks after the time limit.
fn pause(time_limit_ms: u64) -> impl AsyncFnMut() -> ControlFlow<()> {
    let started = Instant::now();
    let limit = Duration::from_millis(time_limit_ms);
    async move || {
        interfaces::yield_async().await;
        if started.elapsed() < limit {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}
