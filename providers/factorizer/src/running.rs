//! What the factorisations of this instance have found so far.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use factor::Factorization;
use num_bigint::BigUint;

thread_local! {
    static RUNNING: RefCell<Vec<Rc<Findings>>> = const { RefCell::new(Vec::new()) };
}

struct Findings {
    number: String,
    found: RefCell<BTreeMap<BigUint, u32>>,
}

/// A factorisation, from its beginning until it has ended or was cancelled.
pub(crate) struct Running(Rc<Findings>);

impl Running {
    pub(crate) fn begin(number: &str) -> Self {
        let findings = Rc::new(Findings {
            number: number.to_owned(),
            found: RefCell::default(),
        });
        RUNNING.with_borrow_mut(|running| running.push(Rc::clone(&findings)));
        Self(findings)
    }

    pub(crate) fn found(&self, prime: &BigUint, exponent: u32) {
        let mut found = self.0.found.borrow_mut();
        *found.entry(prime.clone()).or_default() += exponent;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(|running| running.retain(|other| !Rc::ptr_eq(other, &self.0)));
    }
}

/// What a running factorisation of `number` has found; nothing when there is none.
pub(crate) fn found(number: &str) -> Factorization {
    RUNNING.with_borrow(|running| {
        let findings = running.iter().find(|findings| findings.number == number);
        let found = findings.map(|findings| findings.found.borrow().clone());
        found.unwrap_or_default().into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_findings_until_its_factorisation_ends() {
        let text = |number| found(number).to_string();
        let (twelve, again, ten) = (
            Running::begin("12"),
            Running::begin("12"),
            Running::begin("10"),
        );
        assert_eq!(text("12"), "");
        for (running, prime) in [
            (&twelve, 3u32),
            (&twelve, 2),
            (&twelve, 2),
            (&again, 3),
            (&ten, 5),
        ] {
            running.found(&prime.into(), 1);
        }
        assert_eq!((&*text("12"), &*text("10")), ("2^2 3^1", "5^1"));
        drop(twelve);
        assert_eq!(text("12"), "3^1");
        drop((again, ten));
        assert_eq!((&*text("12"), &*text("10")), ("", ""));
    }
}
