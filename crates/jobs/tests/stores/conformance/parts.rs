//! Jobs in parts.

use super::*;

/// Adds parts to a claimed job, whose bytes are their numbers, and cuts it.
pub(super) async fn cut(store: &impl Store, claim: &Claim, parts: u32, enough: Option<u64>) {
    for number in 0..parts {
        let bytes = number.to_string().into_bytes();
        assert!(store.add_part(claim, number, bytes, NOW).await.unwrap());
    }
    let cut = Cut {
        rest: b"rest".to_vec(),
        parts,
        enough,
    };
    assert!(store.cut(claim, cut, NOW).await.unwrap());
}

/// A job in parts.
async fn parted(store: &impl Store, id: &str, parts: u32) -> Claim {
    let claim = begin(store, id).await;
    cut(store, &claim, parts, None).await;
    claim
}

pub(super) async fn finish_part(store: &impl Store, claimed: &Claimed) -> bool {
    let Some(Input { bytes, .. }) = claimed.input.clone() else {
        panic!("a part has an input")
    };
    let result = PartResult { bytes, weight: 10 };
    let finished = store.finish_part(&claimed.claim, result, NOW).await;
    finished.unwrap()
}

pub(super) async fn joins_the_results_of_parts(backend: &impl Backend) {
    let store = backend.open();
    let claim = parted(&store, "a", 3).await;
    let job = store.get("a", NOW).await.unwrap().unwrap();
    assert_eq!((job.status, job.attempts), (Status::Running, 1));
    assert_eq!(job.parts, Some(PartsDone { done: 0, of: 3 }));
    // The claim has ended with the cut.
    let late = store.heartbeat(&claim, None, LEASE, NOW).await.unwrap();
    assert_eq!(late, Lease::Lost);
    assert!(!store.finish(&claim, ending("late"), NOW).await.unwrap());
    let late = store.add_part(&claim, 7, Vec::new(), NOW).await;
    assert!(!late.unwrap());

    let mut claims = Vec::new();
    for _ in 0..3 {
        claims.push(claim_at(&store, NOW).await);
    }
    let next = store.claim(LEASE, None, NOW).await.unwrap();
    assert_eq!(next, Next::Later(NOW + LEASE));
    let mut numbers = HashSet::new();
    for (number, claimed) in claims.iter().rev().enumerate() {
        let part = claimed.claim.part.unwrap();
        assert_eq!((part.cut, claimed.claim.attempt), (1, 1));
        assert!(!claimed.join);
        let input = claimed.input.as_ref().unwrap();
        assert_eq!(input.task, "factorize");
        assert_eq!(input.bytes, part.number.to_string().into_bytes());
        numbers.insert(part.number);
        let held = store.heartbeat(&claimed.claim, Some("1"), LEASE, NOW);
        assert_eq!(held.await.unwrap(), Lease::Held);
        assert!(finish_part(&store, claimed).await);
        assert!(!finish_part(&store, claimed).await, "it is done");
        let job = store.get("a", NOW).await.unwrap().unwrap();
        let done = u32::try_from(number + 1).unwrap();
        assert_eq!(job.parts, Some(PartsDone { done, of: 3 }));
        assert_eq!(job.progress, None);
    }
    assert_eq!(numbers.len(), 3);

    let joined = claim_at(&store, NOW + 5).await;
    assert!(joined.join && joined.claim.part.is_none());
    assert_eq!(joined.input.unwrap().bytes, b"rest");
    assert_eq!((joined.job.attempts, joined.job.started_at), (1, Some(NOW)));
    let results = store.results(&joined.claim, NOW).await.unwrap();
    assert_eq!(results, [b"0", b"1", b"2"]);
    let next = store.claim(LEASE, None, NOW + 5).await.unwrap();
    assert_eq!(next, Next::Later(NOW + 5 + LEASE), "one joins");
    assert!(!store.finish(&claim, ending("late"), NOW).await.unwrap());
    let end = store.finish(&joined.claim, ending("right"), NOW + 6).await;
    assert!(end.unwrap());
    let job = store.get("a", NOW + 7).await.unwrap().unwrap();
    assert_eq!((job.status, job.parts), (Status::Succeeded, None));
    let outcome = store.outcome("a", NOW + 7).await.unwrap();
    assert_eq!(outcome, Some(answer(200, b"right")));
    assert_eq!(backend.parts(), 0);
    assert!(store.remove("a", NOW + 8).await.unwrap());
    assert_eq!(backend.records(), 0);
}

pub(super) async fn hides_parts(backend: &impl Backend) {
    let store = backend.open();
    parted(&store, "a", 5).await;
    assert_eq!(store.load(NOW).await.unwrap(), 0);
    let page = store.list("", None, None, 10, NOW).await.unwrap();
    assert_eq!(page.jobs.len(), 1);
    let queued = store.list("", Some(Status::Queued), None, 10, NOW).await;
    assert_eq!(queued.unwrap().jobs, []);
    claim_at(&store, NOW).await;
    let metrics = store.metrics(NOW).await.unwrap();
    let expected = RouteMetrics {
        running: 1,
        submitted: 1,
        claimed: 1,
        ..RouteMetrics::default()
    };
    assert_eq!(metrics.oldest_waiting, None);
    assert_eq!(metrics.routes["POST /factorize"], expected);
}

pub(super) async fn shares_claims_between_jobs(backend: &impl Backend) {
    let store = backend.open();
    parted(&store, "large", 400).await;
    for number in 0..400 {
        submit(&store, job(&number.to_string())).await;
    }
    let mut parts = 0;
    for _ in 0..200 {
        parts += u32::from(claim_at(&store, NOW).await.claim.part.is_some());
    }
    // One in 200 to 400.
    assert!(parts < 20, "{parts} of 200 claims were of one job's parts");

    let mut left = 0;
    while let Next::Job(_) = store.claim(LEASE, None, NOW).await.unwrap() {
        left += 1;
    }
    assert_eq!(left, 600);
}

pub(super) async fn stops_at_enough(backend: &impl Backend) {
    let store = backend.open();
    let claim = begin(&store, "a").await;
    cut(&store, &claim, 10, Some(15)).await;
    let [first, second, third] = [
        claim_at(&store, NOW).await,
        claim_at(&store, NOW).await,
        claim_at(&store, NOW).await,
    ];
    assert!(finish_part(&store, &second).await);
    assert!(finish_part(&store, &third).await);
    let lost = store.heartbeat(&first.claim, None, LEASE, NOW).await;
    assert_eq!(lost.unwrap(), Lease::Lost);
    assert!(!finish_part(&store, &first).await);
    let joined = claim_at(&store, NOW).await;
    assert!(joined.join);
    let results = store.results(&joined.claim, NOW).await.unwrap();
    assert_eq!(results, [b"1", b"2"]);
    let next = store.claim(LEASE, None, NOW).await.unwrap();
    assert_eq!(next, Next::Later(NOW + LEASE));
}

pub(super) async fn cuts_a_job_again(backend: &impl Backend) {
    let store = backend.open();
    parted(&store, "a", 1).await;
    let first = claim_at(&store, NOW).await;
    assert!(finish_part(&store, &first).await);
    let join = claim_at(&store, NOW).await;
    assert!(join.join);
    cut(&store, &join.claim, 2, None).await;
    let [one, two] = [claim_at(&store, NOW).await, claim_at(&store, NOW).await];
    // Same number and attempt as a part of the first cut.
    assert!(!finish_part(&store, &first).await);
    assert!(finish_part(&store, &one).await && finish_part(&store, &two).await);
    let join = claim_at(&store, NOW).await;
    assert!(join.join);
    // The claim of a part is none of the job, even if the numbers are the same.
    let of_part = Claim {
        part: one.claim.part,
        ..join.claim.clone()
    };
    let added = store.add_part(&of_part, 0, Vec::new(), NOW).await;
    assert!(!added.unwrap());
    let none = Cut {
        rest: Vec::new(),
        parts: 0,
        enough: None,
    };
    assert!(!store.cut(&of_part, none, NOW).await.unwrap());
    assert_eq!(join.job.attempts, 1);
    let results = store.results(&join.claim, NOW).await.unwrap();
    assert_eq!(results, [b"0", b"1"], "those of the first cut are gone");
    assert!(store.finish(&join.claim, ending("1"), NOW).await.unwrap());
    assert_eq!(backend.parts(), 0);
}

pub(super) async fn cuts_a_job_into_nothing(backend: &impl Backend) {
    let store = backend.open();
    parted(&store, "a", 0).await;
    let join = claim_at(&store, NOW).await;
    assert!(join.join);
    let results = store.results(&join.claim, NOW).await.unwrap();
    assert_eq!(results, Vec::<Vec<u8>>::new());
}

pub(super) async fn takes_back_lost_parts(backend: &impl Backend) {
    let store = backend.open();
    parted(&store, "a", 2).await;
    let lost = claim_at(&store, NOW).await;
    let other = claim_at(&store, NOW + 10).await;
    assert!(finish_part(&store, &other).await);
    let again = claim_at(&store, NOW + LEASE).await;
    assert_eq!(again.claim.part, lost.claim.part);
    assert_eq!((again.claim.attempt, &again.input), (2, &lost.input));
    let late = store.heartbeat(&lost.claim, None, LEASE, NOW + LEASE).await;
    assert_eq!(late.unwrap(), Lease::Lost);
    assert!(!finish_part(&store, &lost).await);
    assert!(finish_part(&store, &again).await);
    assert!(claim_at(&store, NOW + LEASE).await.join);
}

pub(super) async fn takes_back_lost_joins(backend: &impl Backend) {
    let store = backend.open();
    parted(&store, "a", 1).await;
    let part = claim_at(&store, NOW).await;
    assert!(finish_part(&store, &part).await);
    let mut now = NOW;
    let mut lost = Vec::new();
    for attempt in 1..=MAX_ATTEMPTS {
        let join = claim_at(&store, now).await;
        assert!(join.join);
        assert_eq!(join.job.attempts, attempt);
        let results = store.results(&join.claim, now).await.unwrap();
        assert_eq!(results, [b"0"]);
        let unused = store.add_part(&join.claim, 9, Vec::new(), now).await;
        assert!(unused.unwrap());
        lost.push(join.claim);
        now += LEASE;
        assert_eq!(status(&store, "a", now).await, Some(Status::Running));
    }
    assert_eq!(store.claim(LEASE, None, now).await.unwrap(), Next::Idle);
    assert_eq!(store.outcome("a", now).await.unwrap(), Some(worker_lost()));
    for claim in lost {
        assert!(!store.finish(&claim, ending("late"), now).await.unwrap());
    }
    assert_eq!(backend.parts(), 0);
    let metrics = store.metrics(now).await.unwrap();
    let metrics = metrics.routes["POST /factorize"];
    assert_eq!((metrics.lost, metrics.failed), (3, 1));
    assert_eq!((metrics.claimed, metrics.retried), (4, 2));
}

pub(super) async fn fails_with_a_part(backend: &impl Backend) {
    let store = backend.open();
    parted(&store, "a", 3).await;
    let [one, two] = [claim_at(&store, NOW).await, claim_at(&store, NOW).await];
    let failed = Ending::Outcome(answer(422, b"no"));
    assert!(store.finish(&one.claim, failed, NOW + 1).await.unwrap());
    let job = store.get("a", NOW + 1).await.unwrap().unwrap();
    assert_eq!((job.status, job.parts), (Status::Failed, None));
    let outcome = store.outcome("a", NOW + 1).await.unwrap();
    assert_eq!(outcome, Some(answer(422, b"no")));
    let late = store.heartbeat(&two.claim, None, LEASE, NOW + 1).await;
    assert_eq!(late.unwrap(), Lease::Lost);
    assert!(!store.finish(&two.claim, ending("1"), NOW).await.unwrap());
    assert_eq!(store.claim(LEASE, None, NOW + 1).await.unwrap(), Next::Idle);
    assert_eq!(backend.parts(), 0);
    assert_eq!(backend.inputs(), 0);
}

pub(super) async fn fails_when_the_workers_of_a_part_were_lost(backend: &impl Backend) {
    let store = backend.open();
    parted(&store, "a", 1).await;
    let mut now = NOW;
    for attempt in 1..=MAX_ATTEMPTS {
        assert_eq!(claim_at(&store, now).await.claim.attempt, attempt);
        now += LEASE;
    }
    assert_eq!(store.claim(LEASE, None, now).await.unwrap(), Next::Idle);
    assert_eq!(status(&store, "a", now).await, Some(Status::Failed));
    assert_eq!(store.outcome("a", now).await.unwrap(), Some(worker_lost()));
    assert_eq!(backend.parts(), 0);
}

pub(super) async fn cancels_a_job_in_parts(backend: &impl Backend) {
    let store = backend.open();
    for waits_for_join in [false, true] {
        let id = waits_for_join.to_string();
        parted(&store, &id, 2).await;
        let [one, two] = [claim_at(&store, NOW).await, claim_at(&store, NOW).await];
        assert!(finish_part(&store, &one).await);
        if waits_for_join {
            assert!(finish_part(&store, &two).await);
        }
        let canceled = store.cancel(&id, NOW + 1).await.unwrap().unwrap();
        assert_eq!(canceled.status, Status::Canceled);
        assert_eq!(canceled.finished_at, Some(NOW + 1));
        assert_eq!(
            store.get(&id, NOW + 1).await.unwrap(),
            Some(canceled.clone())
        );
        let lost = store.heartbeat(&two.claim, None, LEASE, NOW + 1).await;
        assert_eq!(lost.unwrap(), Lease::Lost);
        assert!(!finish_part(&store, &two).await);
        assert_eq!(store.claim(LEASE, None, NOW + 1).await.unwrap(), Next::Idle);
        assert_eq!((backend.parts(), backend.inputs()), (0, 0));
    }
}

pub(super) async fn limits_how_many_parts_run(backend: &impl Backend) {
    let store = backend.open();
    parted(&store, "a", 3).await;
    let first = store.claim(LEASE, Some(1), NOW).await.unwrap();
    let Next::Job(first) = first else {
        panic!("{first:?}")
    };
    let busy = store.claim(LEASE, Some(1), NOW + 1).await.unwrap();
    assert_eq!(busy, Next::Busy(NOW + LEASE));
    assert!(finish_part(&store, &first).await);
    let second = store.claim(LEASE, Some(1), NOW + 2).await.unwrap();
    assert!(matches!(second, Next::Job(_)), "{second:?}");
}

pub(super) async fn joins_once_among_many_claimants(backend: &impl Backend) {
    parted(&backend.open(), "a", 60).await;
    let joined = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let store = backend.open();
                block_on(async {
                    let parts = loop {
                        match store.claim(LEASE, None, NOW).await.unwrap() {
                            Next::Job(claimed) if claimed.join => break *claimed,
                            Next::Job(claimed) => assert!(finish_part(&store, &claimed).await),
                            Next::Later(_) | Next::Idle => {
                                if status(&store, "a", NOW).await != Some(Status::Running) {
                                    return;
                                }
                            }
                            busy @ Next::Busy(_) => panic!("{busy:?}"),
                        }
                    };
                    let results = store.results(&parts.claim, NOW).await.unwrap();
                    let expected: Vec<_> = (0..60).map(|n| n.to_string().into_bytes()).collect();
                    assert_eq!(results, expected);
                    assert!(store.finish(&parts.claim, ending("1"), NOW).await.unwrap());
                    joined.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                });
            });
        }
    });
    assert_eq!(joined.into_inner(), 1);
}
