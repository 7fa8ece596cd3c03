//! The export of `routelets:factorizer/factorizer`, on the crate `factor`. Needs no permission.

mod running;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bindings::exports::routelets::factorizer::factorizer::{
    Error, Findings, Guest, Partial, PrimePower,
};
use running::Running;

interfaces::export!("../../wit/factorizer", Factorizer);

struct Factorizer;

impl Guest for Factorizer {
    async fn factorize(number: String, time_limit_ms: u64) -> Result<Vec<PrimePower>, Error> {
        let started = Instant::now();
        let limit = Duration::from_millis(time_limit_ms);
        let running = Running::begin(&number);
        let number = number
            .parse()
            .map_err(|error: factor::ParseNumberError| Error::InvalidNumber(error.to_string()))?;
        let pause = async || {
            interfaces::yield_async().await;
            if started.elapsed() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        match factor::factorize(&number, pause, |progress| running.observe(progress)).await {
            Ok(factorization) => Ok(prime_powers(factorization)),
            Err(partial) => Err(Error::TimeLimitExceeded(Partial {
                found: prime_powers(partial.found),
                remaining: partial.remaining.iter().map(ToString::to_string).collect(),
            })),
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

fn prime_powers(factorization: factor::Factorization) -> Vec<PrimePower> {
    factorization
        .into_iter()
        .map(|power| PrimePower {
            prime: power.prime.to_string(),
            exponent: power.exponent,
        })
        .collect()
}
