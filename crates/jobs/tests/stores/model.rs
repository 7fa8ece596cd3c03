//! What a store is: the reference that histories are held against.

mod parts;

use std::collections::BTreeMap;

use jobs::{
    Claim, Claimed, Delivery, Ending, Input, Job, Key, Lease, MAX_ATTEMPTS, Metrics, Millis,
    NewJob, Next, Outcome, PartId, RouteMetrics, Status, Submitted, worker_lost,
};

use parts::{Part, Parts, claimed_part};

struct Entry {
    job: Job,
    /// Claims before the last cut, and all claims.
    base: u32,
    claims: u32,
    /// What a join has added.
    added: BTreeMap<u32, Part>,
    parts: Option<Parts>,
    input: Input,
    key: Option<Key>,
    interest: Option<Millis>,
    expires_after: Millis,
    lease_until: Option<Millis>,
    outcome: Option<Outcome>,
    webhook_due: Option<Millis>,
    deliveries: u32,
}

impl Entry {
    fn end(
        &mut self,
        counters: &mut BTreeMap<String, RouteMetrics>,
        status: Status,
        outcome: Option<Outcome>,
        now: Millis,
    ) {
        let counters = counters.entry(self.job.route.clone()).or_default();
        match status {
            Status::Succeeded => counters.succeeded += 1,
            Status::Failed => counters.failed += 1,
            Status::Canceled => counters.canceled += 1,
            Status::Queued | Status::Running => panic!("{status:?} does not end a job"),
        }
        self.lease_until = None;
        self.added.clear();
        self.parts = None;
        self.job.parts = None;
        self.job.status = status;
        self.job.finished_at = Some(now);
        self.job.expires_at = Some(now + self.expires_after);
        self.outcome = outcome;
        self.webhook_due = self.job.webhook.as_ref().map(|_| now);
    }

    fn waits_for_join(&self) -> bool {
        self.lease_until.is_none() && self.parts.as_ref().is_some_and(Parts::are_done)
    }

    fn is_live(&self, now: Millis) -> bool {
        let wanted =
            self.job.status != Status::Queued || self.interest.is_none_or(|until| now < until);
        wanted && self.job.expires_at.is_none_or(|until| now < until)
    }
}

/// The job of a claim of itself.
fn claimed<'a>(entries: &'a mut BTreeMap<String, Entry>, claim: &Claim) -> Option<&'a mut Entry> {
    entries.get_mut(&claim.id).filter(|entry| {
        claim.part.is_none() && entry.lease_until.is_some() && entry.claims == claim.attempt
    })
}

/// The jobs by ID, and what has happened to those of each route.
#[derive(Default)]
pub(crate) struct Model(BTreeMap<String, Entry>, BTreeMap<String, RouteMetrics>);

impl Model {
    fn sweep(&mut self, now: Millis) {
        self.0.retain(|_, entry| entry.is_live(now));
    }

    pub(crate) fn submit(&mut self, new: NewJob, max_waiting: u64, now: Millis) -> Submitted {
        self.sweep(now);
        let mut id = new.id.clone();
        if let Some(key) = &new.key {
            let holds = |entry: &&Entry| entry.key.as_ref().is_some_and(|k| k.name == key.name);
            if let Some(entry) = self.0.values().find(holds) {
                if entry.key.as_ref() != Some(key) {
                    return Submitted::Conflict;
                }
                id.clone_from(&entry.job.id);
            }
        }
        if let Some(entry) = self.0.get_mut(&id) {
            if entry.job.finished_at.is_none() {
                entry.interest = entry
                    .interest
                    .zip(new.interest)
                    .map(|(held, renewed)| held.max(renewed));
            }
            return Submitted::Existing(entry.job.clone());
        }
        let waiting = self.load(now);
        if waiting >= max_waiting {
            return Submitted::Full { waiting };
        }
        let waiting = self.list(&new.owner, Some(Status::Queued), now).len() as u64;
        if new.share.is_some_and(|share| waiting >= share) {
            return Submitted::ShareFull { waiting };
        }
        let job = Job {
            id: new.id,
            route: new.route,
            owner: new.owner,
            trace: new.trace,
            status: Status::Queued,
            cancel_requested: false,
            progress: None,
            parts: None,
            attempts: 0,
            created_at: now,
            started_at: None,
            finished_at: None,
            expires_at: None,
            webhook: new.webhook,
        };
        let entry = Entry {
            job: job.clone(),
            base: 0,
            claims: 0,
            added: BTreeMap::new(),
            parts: None,
            input: new.input,
            key: new.key,
            interest: new.interest,
            expires_after: new.expires_after,
            lease_until: None,
            outcome: None,
            webhook_due: None,
            deliveries: 0,
        };
        self.0.insert(id, entry);
        self.1.entry(job.route.clone()).or_default().submitted += 1;
        Submitted::New(job)
    }

    /// Claims as `seen` did, which chose by chance, and panics where it could not have.
    pub(crate) fn claim(
        &mut self,
        seen: &Next,
        lease: Millis,
        max_running: Option<u64>,
        now: Millis,
    ) {
        for entry in self.0.values_mut() {
            if entry.lease_until.is_some_and(|until| until <= now) {
                self.1.entry(entry.job.route.clone()).or_default().lost += 1;
                if entry.job.cancel_requested {
                    entry.end(&mut self.1, Status::Canceled, None, now);
                } else if entry.claims - entry.base == MAX_ATTEMPTS {
                    entry.end(&mut self.1, Status::Failed, Some(worker_lost()), now);
                } else {
                    entry.lease_until = None;
                    entry.added.clear();
                    entry.parts.take_if(|parts| parts.open);
                    if entry.parts.is_none() {
                        entry.job.status = Status::Queued;
                        entry.job.progress = None;
                    }
                }
            }
            let mut fails = false;
            for part in entry
                .parts
                .iter_mut()
                .flat_map(|parts| parts.parts.values_mut())
            {
                if part.lease_until.is_some_and(|until| until <= now) {
                    part.lease_until = None;
                    fails |= part.attempts == MAX_ATTEMPTS;
                }
            }
            if fails {
                entry.end(&mut self.1, Status::Failed, Some(worker_lost()), now);
            }
        }
        self.sweep(now);
        let parts = || self.0.values().filter_map(|entry| entry.parts.as_ref());
        let leases: Vec<_> = parts()
            .flat_map(|parts| parts.parts.values().filter_map(|part| part.lease_until))
            .chain(self.0.values().filter_map(|entry| entry.lease_until))
            .collect();
        let first = leases.iter().copied().min();
        let joins = self.0.values().any(Entry::waits_for_join);
        let part_waits = parts().any(|parts| parts.parts.values().any(|part| parts.waits(part)));
        if self.load(now) == 0 && !joins && !part_waits {
            let webhooks = self.0.values().filter_map(|entry| entry.webhook_due);
            let expected = webhooks.chain(first).min().map_or(Next::Idle, Next::Later);
            assert_eq!(seen, &expected);
        } else if max_running.is_some_and(|max| leases.len() as u64 >= max) {
            if let Some(first) = first {
                assert_eq!(seen, &Next::Busy(first));
            } else {
                assert!(matches!(seen, Next::Busy(_)), "{seen:?}");
            }
        } else {
            let Next::Job(seen) = seen else {
                panic!("jobs wait, but {seen:?}");
            };
            assert!(seen.join || !joins, "joins come first");
            let expected = self.take(seen, now + lease, now);
            assert_eq!(**seen, expected);
        }
    }

    /// Claims the job or part that `seen` names.
    fn take(&mut self, seen: &Claimed, lease_until: Millis, now: Millis) -> Claimed {
        let entry = self.0.get_mut(&seen.claim.id).expect("an unknown job");
        let id = seen.claim.id.clone();
        if let Some(PartId { cut, number }) = seen.claim.part {
            let parts = entry.parts.as_mut().expect("it is not in parts");
            assert_eq!(cut, parts.cut);
            assert!(parts.waits(&parts.parts[&number]));
            let part = parts.parts.get_mut(&number).expect("it waits");
            part.attempts += 1;
            part.lease_until = Some(lease_until);
            return Claimed {
                claim: Claim {
                    id,
                    part: seen.claim.part,
                    attempt: part.attempts,
                },
                job: entry.job.clone(),
                join: false,
                input: Some(Input {
                    task: entry.input.task.clone(),
                    bytes: part.bytes.clone(),
                }),
            };
        }
        let join = entry.waits_for_join();
        if !join {
            assert_eq!(entry.job.status, Status::Queued);
            entry.job.started_at = Some(now);
        }
        entry.job.status = Status::Running;
        entry.claims += 1;
        entry.job.attempts = entry.claims - entry.base;
        entry.lease_until = Some(lease_until);
        let counters = self.1.entry(entry.job.route.clone()).or_default();
        counters.claimed += 1;
        counters.retried += u64::from(entry.job.attempts > 1);
        Claimed {
            claim: Claim {
                id,
                part: None,
                attempt: entry.claims,
            },
            job: entry.job.clone(),
            join,
            input: Some(entry.input.clone()),
        }
    }

    pub(crate) fn heartbeat(
        &mut self,
        claim: &Claim,
        progress: Option<&str>,
        lease: Millis,
        now: Millis,
    ) -> Lease {
        let mut entry = self.0.get_mut(&claim.id);
        entry.take_if(|entry| claim.part.is_some() && entry.job.cancel_requested);
        if let Some(part) = entry.and_then(|entry| claimed_part(entry, claim)) {
            part.lease_until = Some(now + lease);
            return Lease::Held;
        }
        let Some(entry) = claimed(&mut self.0, claim) else {
            return Lease::Lost;
        };
        entry.lease_until = Some(now + lease);
        if let Some(progress) = progress {
            entry.job.progress = Some(progress.to_owned());
        }
        if entry.job.cancel_requested {
            Lease::CancelRequested
        } else {
            Lease::Held
        }
    }

    pub(crate) fn finish(&mut self, claim: &Claim, ending: Ending, now: Millis) -> bool {
        let Self(entries, counters) = self;
        let of_part = entries
            .get_mut(&claim.id)
            .is_some_and(|entry| claimed_part(entry, claim).is_some());
        let entry = match of_part {
            true => entries.get_mut(&claim.id),
            false => claimed(entries, claim),
        };
        let Some(entry) = entry else {
            return false;
        };
        match ending {
            Ending::Outcome(outcome) => {
                entry.end(counters, outcome.job_status(), Some(outcome), now);
            }
            Ending::Canceled => entry.end(counters, Status::Canceled, None, now),
        }
        true
    }

    fn live(&self, id: &str, now: Millis) -> Option<&Entry> {
        self.0.get(id).filter(|entry| entry.is_live(now))
    }

    pub(crate) fn get(&self, id: &str, now: Millis) -> Option<Job> {
        Some(self.live(id, now)?.job.clone())
    }

    pub(crate) fn outcome(&self, id: &str, now: Millis) -> Option<Outcome> {
        self.live(id, now)?.outcome.clone()
    }

    pub(crate) fn cancel(&mut self, id: &str, now: Millis) -> Option<Job> {
        let entry = self.0.get_mut(id).filter(|entry| entry.is_live(now))?;
        if entry.job.finished_at.is_none() {
            entry.job.cancel_requested = true;
        }
        if entry.job.finished_at.is_none() && entry.lease_until.is_none() {
            entry.end(&mut self.1, Status::Canceled, None, now);
        }
        Some(entry.job.clone())
    }

    pub(crate) fn remove(&mut self, id: &str, now: Millis) -> bool {
        let ended = |entry: &Entry| entry.job.finished_at.is_some();
        self.live(id, now).is_some_and(ended) && self.0.remove(id).is_some()
    }

    pub(crate) fn list(&self, owner: &str, status: Option<Status>, now: Millis) -> Vec<Job> {
        let mut jobs: Vec<_> = self
            .0
            .values()
            .filter(|entry| entry.is_live(now) && entry.job.owner == owner)
            .filter(|entry| status.is_none_or(|status| entry.job.status == status))
            .map(|entry| entry.job.clone())
            .collect();
        jobs.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        jobs
    }

    pub(crate) fn load(&self, now: Millis) -> u64 {
        let waits = |entry: &&Entry| entry.is_live(now) && entry.job.status == Status::Queued;
        self.0.values().filter(waits).count() as u64
    }

    pub(crate) fn metrics(&self, now: Millis) -> Metrics {
        let mut metrics = Metrics {
            oldest_waiting: None,
            routes: self.1.clone(),
            ..Metrics::default()
        };
        for entry in self.0.values().filter(|entry| entry.is_live(now)) {
            let route = metrics.routes.entry(entry.job.route.clone()).or_default();
            if entry.job.status == Status::Running {
                route.running += 1;
            } else if entry.job.status == Status::Queued {
                route.waiting += 1;
                let oldest = &mut metrics.oldest_waiting;
                *oldest =
                    Some(oldest.map_or(entry.job.created_at, |at| at.min(entry.job.created_at)));
            }
        }
        metrics
    }

    pub(crate) fn next_delivery(&mut self, lease: Millis, now: Millis) -> Option<Delivery> {
        let (_, _, entry) = self
            .0
            .values_mut()
            .filter(|entry| entry.is_live(now))
            .filter_map(|entry| {
                let due = entry.webhook_due.filter(|due| *due <= now)?;
                Some((due, (entry.job.created_at, entry.job.id.clone()), entry))
            })
            .min_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)))?;
        entry.webhook_due = Some(now + lease);
        entry.deliveries += 1;
        Some(Delivery {
            id: entry.job.id.clone(),
            url: entry.job.webhook.clone().expect("it is due"),
            attempt: entry.deliveries,
        })
    }

    pub(crate) fn delivered(&mut self, delivery: &Delivery, retry_at: Option<Millis>) {
        if let Some(entry) = self.0.get_mut(&delivery.id)
            && entry.deliveries == delivery.attempt
            && entry.webhook_due.is_some()
        {
            entry.webhook_due = retry_at;
        }
    }
}
