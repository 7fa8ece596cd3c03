//! The progress of a job that factorises.

use std::time::Instant;

use serde_json::{Value, json};

use crate::answer::json_pairs;
use crate::bindings::routelets::factorizer::factorizer::Findings;

/// Watches a factorisation, and estimates how long its sieve will take.
#[derive(Default)]
pub(crate) struct Watch(Option<Sieve>);

struct Sieve {
    /// When it was seen first, and what it had found by then.
    first: (Instant, u32),
    /// What it had found when it was seen last.
    last: u32,
}

impl Watch {
    /// What the job reports: `found` and, while a sieve runs, `sieve`.
    pub(crate) fn report(&mut self, findings: Findings, now: Instant) -> Value {
        let mut report = json!({"found": json_pairs(findings.found)});
        if let Some(sieve) = self.sieve(findings.relations, findings.needed, now) {
            report["sieve"] = sieve;
        }
        report
    }

    fn sieve(&mut self, relations: u32, needed: u32, now: Instant) -> Option<Value> {
        if needed == 0 {
            self.0 = None;
            return None;
        }
        // With fewer relations than before it is another sieve.
        let before = self.0.take().filter(|sieve| sieve.last <= relations);
        let first = before.map_or((now, relations), |sieve| sieve.first);
        self.0 = Some(Sieve {
            first,
            last: relations,
        });
        let elapsed = now.duration_since(first.0).as_secs_f64();
        let rate = f64::from(relations - first.1) / elapsed;
        let seconds_left = f64::from(needed.saturating_sub(relations)) / rate;
        let percent = u64::from(relations.min(needed)) * 100 / u64::from(needed);
        let mut sieve = json!({"relations": relations, "needed": needed, "percent": percent});
        // There is no rate until relations were found between two looks.
        if seconds_left.is_finite() {
            // Finite and not negative; the cast drops the fraction and saturates.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let seconds_left = seconds_left.ceil() as u64;
            sieve["seconds_left"] = seconds_left.into();
        }
        Some(sieve)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_time_left_follows_from_the_rate_of_the_sieve_that_runs() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::default();
        assert_eq!(watch.sieve(0, 0, at(0)), None);
        let begun = watch.sieve(0, 400, at(10));
        assert_eq!(
            begun,
            Some(json!({"relations": 0, "needed": 400, "percent": 0}))
        );
        assert_eq!(watch.sieve(0, 400, at(11)), begun);
        assert_eq!(
            watch.sieve(100, 400, at(20)),
            Some(json!({"relations": 100, "needed": 400, "percent": 25, "seconds_left": 30}))
        );
        assert_eq!(
            watch.sieve(410, 400, at(50)),
            Some(json!({"relations": 410, "needed": 400, "percent": 100, "seconds_left": 0}))
        );
        let another = json!({"relations": 50, "needed": 200, "percent": 25});
        assert_eq!(watch.sieve(50, 200, at(60)), Some(another));
        assert_eq!(
            watch.sieve(60, 200, at(65)),
            Some(json!({"relations": 60, "needed": 200, "percent": 30, "seconds_left": 70}))
        );
        assert_eq!(watch.sieve(0, 0, at(66)), None);
    }
}
