//! Many small jobs beside a large one in parts, in simulated time.

use jobs::{Claim, Claimed, Cut, Ending, Millis, Next, Outcome, PartResult, Store};
use pollster::block_on;

use crate::backend::{Backend, LEASE, MANY, NOW, Server, Sqlite, job};

const RUNNERS: usize = 4;

/// How long a claim takes, and how long a small job and a part of the large one.
const CLAIM: Millis = 2;
const SMALL: Millis = 20;
const PART: Millis = 200;

/// Cuts a job, which then waits.
async fn submit_large(store: &impl Store, parts: u32) {
    store.submit(job("large"), MANY, NOW).await.unwrap();
    let Next::Job(claimed) = store.claim(LEASE, None, NOW).await.unwrap() else {
        panic!("it waits")
    };
    let Claimed { claim, .. } = *claimed;
    for number in 0..parts {
        let added = store.add_part(&claim, number, Vec::new(), NOW).await;
        assert!(added.unwrap());
    }
    let cut = Cut {
        rest: Vec::new(),
        parts,
        enough: None,
    };
    assert!(store.cut(&claim, cut, NOW).await.unwrap());
}

async fn finish(store: &impl Store, claim: &Claim, now: Millis) {
    let finished = match claim.part {
        Some(_) => {
            let result = PartResult {
                bytes: Vec::new(),
                weight: 1,
            };
            store.finish_part(claim, result, now).await
        }
        None => {
            let outcome = Outcome {
                status: 200,
                content_type: None,
                headers: Vec::new(),
                body: Vec::new(),
            };
            store.finish(claim, Ending::Outcome(outcome), now).await
        }
    };
    assert!(finished.unwrap());
}

/// How long `jobs` small jobs, which all come at once, wait until they are claimed; and how many parts are claimed before the last.
async fn waits(store: &impl Store, jobs: usize) -> (Vec<Millis>, u32) {
    for number in 0..jobs {
        let new = job(&number.to_string());
        store.submit(new, MANY, NOW).await.unwrap();
    }
    let mut runners: [(Millis, Option<Claim>); RUNNERS] = std::array::from_fn(|_| (NOW, None));
    let (mut waits, mut parts) = (Vec::new(), 0);
    while waits.len() != jobs {
        let (time, claim) = runners.iter_mut().min_by_key(|(time, _)| *time).unwrap();
        if let Some(claim) = claim.take() {
            finish(store, &claim, *time).await;
        }
        let Next::Job(claimed) = store.claim(LEASE, None, *time).await.unwrap() else {
            panic!("jobs wait")
        };
        *time += CLAIM;
        if claimed.claim.part.is_some() {
            parts += 1;
            *time += PART;
        } else {
            waits.push(*time - claimed.job.created_at);
            *time += SMALL;
        }
        *claim = Some(claimed.claim);
    }
    waits.sort_unstable();
    (waits, parts)
}

fn check<B: Backend>(jobs: usize, parts: u32) {
    let median = |parts: u32| {
        let backend = B::start();
        let store = backend.open();
        block_on(async {
            if parts > 0 {
                submit_large(&store, parts).await;
            }
            let (waits, claimed) = waits(&store, jobs).await;
            (waits[jobs / 2], claimed)
        })
    };
    let (alone, _) = median(0);
    let (beside, claimed) = median(parts);
    println!(
        "median wait of {jobs} jobs: {alone} ms, {beside} ms beside one of {parts} parts, of which {claimed} were claimed"
    );
    assert!(2 * beside < 3 * alone, "{alone} {beside}");
    // One claim in as many as there are jobs: about the natural logarithm of their number.
    assert!((1..100).contains(&claimed), "{claimed}");
}

#[test]
fn small_jobs_hardly_wait_for_a_large_one_on_sqlite() {
    check::<Sqlite>(1_000, 200);
}

#[test]
fn small_jobs_hardly_wait_for_a_large_one_on_redis() {
    check::<Server>(1_000, 200);
}

#[test]
#[ignore = "takes minutes"]
fn ten_thousand_jobs_hardly_wait_for_a_large_one() {
    check::<Sqlite>(10_000, 2_000);
    check::<Server>(10_000, 2_000);
}
