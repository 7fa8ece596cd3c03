//! The parts of jobs in the model.

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
    pub(super) enough: Option<u64>,
    pub(super) parts: Vec<Part>,
}

impl Parts {
    pub(super) fn done(&self) -> impl Iterator<Item = &PartResult> {
        self.parts.iter().filter_map(|part| part.result.as_ref())
    }

    /// Whether the job waits for its join, or is joined.
    pub(super) fn are_done(&self) -> bool {
        self.done().count() == self.parts.len()
            || self
                .enough
                .is_some_and(|enough| self.done().map(|done| done.weight).sum::<u64>() >= enough)
    }

    pub(super) fn waits(&self, part: &Part) -> bool {
        part.result.is_none() && part.lease_until.is_none() && !self.are_done()
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
    let part = parts.parts.get_mut(usize::try_from(id.number).unwrap())?;
    (part.lease_until.is_some() && part.attempts == claim.attempt).then_some(part)
}

impl Model {
    pub(crate) fn add_part(&mut self, claim: &Claim, number: u32, bytes: Vec<u8>) -> bool {
        let Some(entry) = claimed(&mut self.0, claim) else {
            return false;
        };
        entry.added.entry(number).or_insert(bytes);
        true
    }

    pub(crate) fn cut(&mut self, claim: &Claim, cut: Cut) -> bool {
        let Some(entry) = claimed(&mut self.0, claim) else {
            return false;
        };
        if entry.job.cancel_requested || entry.added.len() != usize::try_from(cut.parts).unwrap() {
            return false;
        }
        let added = std::mem::take(&mut entry.added).into_values();
        let parts = Parts {
            cut: claim.attempt,
            enough: cut.enough,
            parts: added
                .map(|bytes| Part {
                    bytes,
                    ..Part::default()
                })
                .collect(),
        };
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
            entry.job.parts = Some(parts.progress());
            if parts.are_done() {
                for part in &mut parts.parts {
                    part.lease_until = None;
                }
            }
        }
        true
    }

    pub(crate) fn results(&self, claim: &Claim) -> Vec<Vec<u8>> {
        let parts = self.0.get(&claim.id).and_then(|job| job.parts.as_ref());
        let done = parts.into_iter().flat_map(Parts::done);
        done.map(|result| result.bytes.clone()).collect()
    }
}
