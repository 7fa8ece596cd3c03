//! The parts of jobs in the model.

use std::collections::BTreeMap;

use jobs::{Claim, Cut, Millis, PartResult, PartsDone};

use super::{Entry, Model, claimed};

#[derive(Default)]
pub(super) struct Part {
    pub(super) bytes: Vec<u8>,
    pub(super) attempts: u32,
    pub(super) lease_until: Option<Millis>,
    pub(super) result: Option<PartResult>,
}

/// The last cut of a job.
pub(super) struct Parts {
    pub(super) cut: u32,
    /// Whether the beginning still adds parts.
    pub(super) open: bool,
    pub(super) enough: Option<u64>,
    pub(super) parts: BTreeMap<u32, Part>,
}

impl Parts {
    /// No parts so far.
    fn of(claim: &Claim) -> Self {
        Self {
            cut: claim.attempt,
            open: true,
            enough: None,
            parts: BTreeMap::new(),
        }
    }

    pub(super) fn done(&self) -> impl Iterator<Item = &PartResult> {
        self.parts.values().filter_map(|part| part.result.as_ref())
    }

    /// Whether the job waits for its join, or is joined.
    pub(super) fn are_done(&self) -> bool {
        let weight = || self.done().map(|done| done.weight).sum::<u64>();
        !self.open
            && (self.done().count() == self.parts.len()
                || self.enough.is_some_and(|enough| weight() >= enough))
    }

    pub(super) fn waits(&self, part: &Part) -> bool {
        part.result.is_none() && part.lease_until.is_none() && !self.are_done()
    }

    /// Takes the claims away once the parts are done.
    fn settle(&mut self) {
        if self.are_done() {
            for part in self.parts.values_mut() {
                part.lease_until = None;
            }
        }
    }

    pub(super) fn progress(&self) -> PartsDone {
        PartsDone {
            done: self.done().count().try_into().unwrap(),
            of: self.parts.len().try_into().unwrap(),
        }
    }
}

/// The part of a claim.
pub(super) fn claimed_part<'a>(entry: &'a mut Entry, claim: &Claim) -> Option<&'a mut Part> {
    let id = claim.part?;
    let parts = entry.parts.as_mut()?;
    if parts.cut != id.cut || parts.are_done() {
        return None;
    }
    let part = parts.parts.get_mut(&id.number)?;
    (part.lease_until.is_some() && part.attempts == claim.attempt).then_some(part)
}

impl Model {
    pub(crate) fn add_part(&mut self, claim: &Claim, number: u32, bytes: Vec<u8>) -> bool {
        let Some(entry) = claimed(&mut self.0, claim) else {
            return false;
        };
        let part = Part {
            bytes,
            ..Part::default()
        };
        let of_beginning = entry.parts.as_ref().is_none_or(|parts| parts.open);
        let parts = match of_beginning {
            true => &mut entry.parts.get_or_insert_with(|| Parts::of(claim)).parts,
            false => &mut entry.added,
        };
        parts.entry(number).or_insert(part);
        true
    }

    pub(crate) fn cut(&mut self, claim: &Claim, cut: Cut) -> bool {
        let Some(entry) = claimed(&mut self.0, claim) else {
            return false;
        };
        let added = match &entry.parts {
            Some(parts) if parts.open => &parts.parts,
            _ => &entry.added,
        };
        if entry.job.cancel_requested || added.len() != usize::try_from(cut.parts).unwrap() {
            return false;
        }
        let mut parts = entry.parts.take_if(|parts| parts.open).unwrap_or(Parts {
            parts: std::mem::take(&mut entry.added),
            ..Parts::of(claim)
        });
        parts.open = false;
        parts.enough = cut.enough;
        parts.settle();
        entry.job.parts = Some(parts.progress());
        entry.job.attempts = 1;
        entry.base = entry.claims;
        entry.lease_until = None;
        entry.input.bytes = cut.rest;
        entry.parts = Some(parts);
        true
    }

    pub(crate) fn finish_part(&mut self, claim: &Claim, result: PartResult) -> bool {
        let Some(entry) = self.0.get_mut(&claim.id) else {
            return false;
        };
        let Some(part) = claimed_part(entry, claim) else {
            return false;
        };
        part.lease_until = None;
        part.result = Some(result);
        if let Some(parts) = &mut entry.parts {
            if !parts.open {
                entry.job.parts = Some(parts.progress());
            }
            parts.settle();
        }
        true
    }

    pub(crate) fn results(&self, claim: &Claim) -> Vec<Vec<u8>> {
        let parts = self.0.get(&claim.id).and_then(|job| job.parts.as_ref());
        let done = parts.into_iter().flat_map(Parts::done);
        done.map(|result| result.bytes.clone()).collect()
    }
}
