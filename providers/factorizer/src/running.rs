//! The progress of the factorisations in this instance.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use factor::Progress;
use num_bigint::BigUint;

thread_local! {
    static RUNNING: RefCell<Vec<Rc<Entry>>> = const { RefCell::new(Vec::new()) };
}

struct Entry {
    number: String,
    findings: RefCell<Findings>,
}

/// What a factorisation has found.
#[derive(Clone, Default)]
pub(crate) struct Findings {
    pub(crate) found: BTreeMap<BigUint, u32>,
    /// Relations of the sieve that is running; 0 of 0 if none is.
    pub(crate) relations: u32,
    pub(crate) needed: u32,
}

/// A factorisation, from its beginning until it has ended or was cancelled.
pub(crate) struct Running(Rc<Entry>);

impl Running {
    pub(crate) fn begin(number: &str) -> Self {
        let entry = Rc::new(Entry {
            number: number.to_owned(),
            findings: RefCell::default(),
        });
        RUNNING.with_borrow_mut(|running| running.push(Rc::clone(&entry)));
        Self(entry)
    }

    pub(crate) fn observe(&self, progress: Progress<'_>) {
        let mut findings = self.0.findings.borrow_mut();
        match progress {
            Progress::Found { prime, exponent } => {
                *findings.found.entry(prime.clone()).or_default() += exponent;
                // The factors that a sieve finds are usually prime.
                (findings.relations, findings.needed) = (0, 0);
            }
            Progress::Relations { found, needed } => {
                (findings.relations, findings.needed) = (found, needed);
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(|running| running.retain(|other| !Rc::ptr_eq(other, &self.0)));
    }
}

/// The progress of the factorisation of `number`; `None` if none is running.
pub(crate) fn findings(number: &str) -> Option<Findings> {
    RUNNING.with_borrow(|running| {
        let entry = running.iter().find(|entry| entry.number == number)?;
        Some(entry.findings.borrow().clone())
    })
}

#[cfg(test)]
mod tests {
    use factor::Factorization;

    use super::*;

    fn text(number: &str) -> Option<String> {
        findings(number).map(|findings| Factorization::from(findings.found).to_string())
    }

    #[test]
    fn each_number_has_its_findings_until_its_factorisation_ends() {
        let (twelve, again, ten) = (
            Running::begin("12"),
            Running::begin("12"),
            Running::begin("10"),
        );
        assert_eq!(text("12").as_deref(), Some(""));
        for (running, prime) in [
            (&twelve, 3u32),
            (&twelve, 2),
            (&twelve, 2),
            (&again, 3),
            (&ten, 5),
        ] {
            running.observe(Progress::Found {
                prime: &prime.into(),
                exponent: 1,
            });
        }
        assert_eq!(text("12").as_deref(), Some("2^2 3^1"));
        assert_eq!(text("10").as_deref(), Some("5^1"));
        drop(twelve);
        assert_eq!(text("12").as_deref(), Some("3^1"));
        drop((again, ten));
        assert_eq!((text("12"), text("10")), (None, None));
    }

    #[test]
    fn the_relations_of_a_sieve_are_told_until_it_has_found_a_prime() {
        let running = Running::begin("77");
        let relations = || findings("77").map(|findings| (findings.relations, findings.needed));
        assert_eq!(relations(), Some((0, 0)));
        running.observe(Progress::Relations {
            found: 3,
            needed: 9,
        });
        assert_eq!(relations(), Some((3, 9)));
        running.observe(Progress::Found {
            prime: &7u32.into(),
            exponent: 1,
        });
        assert_eq!(relations(), Some((0, 0)));
    }
}
