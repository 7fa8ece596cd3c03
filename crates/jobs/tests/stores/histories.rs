//! Random histories, the same on a store and on the model.

use jobs::{
    Claim, Cut, Delivery, Ending, Millis, NewJob, Next, Outcome, PartResult, Status, Store,
};
use pollster::block_on;
use proptest::option;
use proptest::prelude::*;

use crate::backend::{Backend, NOW, Server, Sqlite, job, key};
use crate::model::Model;

/// The unit of the histories' times: so long that no time to live of a key ends while a test runs.
const MINUTE: Millis = 60_000;

/// So few that they meet.
const IDS: u8 = 5;

#[derive(Clone, Debug)]
enum Step {
    Submit {
        id: u8,
        owner: Option<(u8, u64)>,
        key: Option<(u8, u8)>,
        interest: Option<u64>,
        webhook: bool,
        expires_after: u64,
        max_waiting: u64,
    },
    Claim {
        lease: u64,
        max_running: Option<u64>,
    },
    Heartbeat {
        claim: prop::sample::Index,
        progress: Option<u8>,
        lease: u64,
    },
    Finish {
        claim: prop::sample::Index,
        status: Option<u16>,
    },
    AddPart {
        claim: prop::sample::Index,
        number: u32,
    },
    Cut {
        claim: prop::sample::Index,
        parts: u32,
        enough: Option<u64>,
    },
    FinishPart {
        claim: prop::sample::Index,
        weight: u64,
    },
    Cancel {
        id: u8,
    },
    Remove {
        id: u8,
    },
    NextDelivery {
        lease: u64,
    },
    Delivered {
        delivery: prop::sample::Index,
        retry_after: Option<u64>,
    },
    Wait {
        minutes: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        4 => (
            0..IDS,
            option::of((0..2_u8, 1..3_u64)),
            option::of((0..3_u8, 0..2_u8)),
            option::of(1..6_u64),
            any::<bool>(),
            1..6_u64,
            1..5_u64,
        )
            .prop_map(|(id, owner, key, interest, webhook, expires_after, max_waiting)| Step::Submit {
                id, owner, key, interest, webhook, expires_after, max_waiting,
            }),
        4 => (1..4_u64, option::of(0..3_u64))
            .prop_map(|(lease, max_running)| Step::Claim { lease, max_running }),
        2 => (index(), option::of(any::<u8>()), 1..4_u64)
            .prop_map(|(claim, progress, lease)| Step::Heartbeat { claim, progress, lease }),
        2 => (index(), option::of(prop::sample::select(vec![200, 204, 404, 500])))
            .prop_map(|(claim, status)| Step::Finish { claim, status }),
        1 => (index(), 0..3_u32).prop_map(|(claim, number)| Step::AddPart { claim, number }),
        3 => (index(), 0..4_u32, option::of(1..5_u64))
            .prop_map(|(claim, parts, enough)| Step::Cut { claim, parts, enough }),
        4 => (index(), 0..4_u64).prop_map(|(claim, weight)| Step::FinishPart { claim, weight }),
        1 => (0..IDS).prop_map(|id| Step::Cancel { id }),
        1 => (0..IDS).prop_map(|id| Step::Remove { id }),
        1 => (1..4_u64).prop_map(|lease| Step::NextDelivery { lease }),
        1 => (index(), option::of(0..4_u64))
            .prop_map(|(delivery, retry_after)| Step::Delivered { delivery, retry_after }),
        2 => (1..4_u64).prop_map(|minutes| Step::Wait { minutes }),
    ]
}

/// One of two routes: an id is used again only for the same request.
fn route(id: &str) -> String {
    let odd = id.bytes().last().is_some_and(|digit| digit % 2 == 1);
    format!("POST /{}", if odd { "odd" } else { "even" })
}

struct History<S> {
    store: S,
    model: Model,
    now: Millis,
    claims: Vec<Claim>,
    deliveries: Vec<Delivery>,
}

impl<S: Store> History<S> {
    fn new(store: S) -> Self {
        Self {
            store,
            model: Model::default(),
            now: NOW,
            claims: Vec::new(),
            deliveries: Vec::new(),
        }
    }

    async fn take(&mut self, step: Step) {
        let Self {
            store,
            model,
            now,
            claims,
            deliveries,
        } = self;
        // Two steps seldom come in the same millisecond.
        *now += 1;
        let now = *now;
        match step {
            Step::Submit {
                id,
                owner,
                key: name,
                interest,
                webhook,
                expires_after,
                max_waiting,
            } => {
                let id = id.to_string();
                let new = NewJob {
                    owner: owner.map_or(String::new(), |(owner, _)| format!("key:{owner}")),
                    share: owner.map(|(_, share)| share),
                    key: name.and_then(|(name, print)| key(&name.to_string(), &print.to_string())),
                    interest: interest.map(|minutes| now + minutes * MINUTE),
                    webhook: webhook.then(|| format!("https://example.org/{id}")),
                    expires_after: expires_after * MINUTE,
                    route: route(&id),
                    ..job(&id)
                };
                let expected = model.submit(new.clone(), max_waiting, now);
                let submitted = store.submit(new, max_waiting, now).await.unwrap();
                assert_eq!(submitted, expected);
            }
            Step::Claim { lease, max_running } => {
                let lease = lease * MINUTE;
                let next = store.claim(lease, max_running, now).await.unwrap();
                model.claim(&next, lease, max_running, now);
                if let Next::Job(claimed) = next {
                    claims.push(claimed.claim);
                }
            }
            Step::Heartbeat {
                claim,
                progress,
                lease,
            } if !claims.is_empty() => {
                let (claim, lease) = (claim.get(claims), lease * MINUTE);
                let progress = progress.map(|progress| progress.to_string());
                let expected = model.heartbeat(claim, progress.as_deref(), lease, now);
                let standing = store.heartbeat(claim, progress.as_deref(), lease, now);
                assert_eq!(standing.await.unwrap(), expected);
            }
            Step::Finish { claim, status } if !claims.is_empty() => {
                let claim = claim.get(claims);
                let ending = status.map_or(Ending::Canceled, |status| {
                    Ending::Outcome(Outcome {
                        status,
                        content_type: None,
                        headers: Vec::new(),
                        body: now.to_string().into_bytes(),
                    })
                });
                let expected = model.finish(claim, ending.clone(), now);
                assert_eq!(store.finish(claim, ending, now).await.unwrap(), expected);
            }
            Step::AddPart { claim, number } if !claims.is_empty() => {
                let claim = claim.get(claims);
                let bytes = now.to_string().into_bytes();
                let expected = model.add_part(claim, number, bytes.clone());
                let added = store.add_part(claim, number, bytes, now).await.unwrap();
                assert_eq!(added, expected);
            }
            Step::Cut {
                claim,
                parts,
                enough,
            } if !claims.is_empty() => {
                let claim = claim.get(claims);
                for number in 0..parts {
                    let bytes = format!("{now} {number}").into_bytes();
                    let expected = model.add_part(claim, number, bytes.clone());
                    let added = store.add_part(claim, number, bytes, now).await.unwrap();
                    assert_eq!(added, expected);
                }
                let cut = Cut {
                    rest: now.to_string().into_bytes(),
                    parts,
                    enough,
                };
                let expected = model.cut(claim, cut.clone());
                assert_eq!(store.cut(claim, cut, now).await.unwrap(), expected);
            }
            Step::FinishPart { claim, weight } if !claims.is_empty() => {
                let claim = claim.get(claims);
                let bytes = now.to_string().into_bytes();
                let result = PartResult { bytes, weight };
                let expected = model.finish_part(claim, result.clone());
                let finished = store.finish_part(claim, result, now).await.unwrap();
                assert_eq!(finished, expected);
            }
            Step::Cancel { id } => {
                let id = id.to_string();
                let expected = model.cancel(&id, now);
                assert_eq!(store.cancel(&id, now).await.unwrap(), expected);
            }
            Step::Remove { id } => {
                let id = id.to_string();
                let expected = model.remove(&id, now);
                assert_eq!(store.remove(&id, now).await.unwrap(), expected);
            }
            Step::NextDelivery { lease } => {
                let lease = lease * MINUTE;
                let expected = model.next_delivery(lease, now);
                let delivery = store.next_delivery(lease, now).await.unwrap();
                assert_eq!(delivery, expected);
                deliveries.extend(delivery);
            }
            Step::Delivered {
                delivery,
                retry_after,
            } if !deliveries.is_empty() => {
                let delivery = delivery.get(deliveries);
                let retry_at = retry_after.map(|minutes| now + minutes * MINUTE);
                model.delivered(delivery, retry_at);
                store.delivered(delivery, retry_at, now).await.unwrap();
            }
            Step::Wait { minutes } => self.now += minutes * MINUTE,
            Step::Heartbeat { .. }
            | Step::Finish { .. }
            | Step::AddPart { .. }
            | Step::Cut { .. }
            | Step::FinishPart { .. }
            | Step::Delivered { .. } => {}
        }
    }

    /// Compares everything that can be seen. It is not part of a step: a list forgets what is gone.
    async fn compare(&self) {
        let now = self.now;
        for id in (0..IDS).map(|id| id.to_string()) {
            let job = self.store.get(&id, now).await.unwrap();
            assert_eq!(job, self.model.get(&id, now));
            let outcome = self.store.outcome(&id, now).await.unwrap();
            assert_eq!(outcome, self.model.outcome(&id, now));
        }
        for claim in &self.claims {
            let results = self.store.results(claim, now).await.unwrap();
            assert_eq!(results, self.model.results(claim));
        }
        let load = self.store.load(now).await.unwrap();
        assert_eq!(load, self.model.load(now));
        let metrics = self.store.metrics(now).await.unwrap();
        assert_eq!(metrics, self.model.metrics(now));
    }

    async fn compare_lists(&self) {
        let statuses = || Status::ALL.into_iter().map(Some).chain([None]);
        let owners = ["", "key:0", "key:1"];
        for (owner, status) in owners
            .into_iter()
            .flat_map(|owner| statuses().map(move |status| (owner, status)))
        {
            let expected = self.model.list(owner, status, self.now);
            let mut listed = Vec::new();
            let mut after = None;
            loop {
                let page = self
                    .store
                    .list(owner, status, after.as_deref(), 2, self.now)
                    .await
                    .unwrap();
                listed.extend(page.jobs);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(listed, expected);
        }
    }
}

fn check<B: Backend>(backend: &B, steps: Vec<Step>) {
    block_on(async {
        let mut history = History::new(backend.open());
        for (number, step) in steps.into_iter().enumerate() {
            history.take(step).await;
            history.compare().await;
            if number % 7 == 0 {
                history.compare_lists().await;
            }
        }
        // Everything ends and is forgotten.
        for _ in 0..5 {
            history.now += 10 * MINUTE;
            let step = Step::Claim {
                lease: 1,
                max_running: Some(0),
            };
            history.take(step).await;
            for id in 0..IDS {
                history.take(Step::Cancel { id }).await;
            }
        }
        history.compare_lists().await;
    });
    assert_eq!(backend.records(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn on_sqlite(steps in prop::collection::vec(step(), 1..60)) {
        check(&Sqlite::start(), steps);
    }
}

#[test]
fn on_redis() {
    let server = Server::start();
    proptest!(
        ProptestConfig { cases: 200, ..ProptestConfig::default() },
        |(steps in prop::collection::vec(step(), 1..60))| {
            server.driver().run("FLUSHALL", &[]);
            check(&server, steps);
        }
    );
}
