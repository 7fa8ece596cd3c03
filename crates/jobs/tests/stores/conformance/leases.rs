//! Lost workers, cancellation, and limits.

use super::*;

pub(super) async fn starts_no_job_before_it_came(backend: &impl Backend) {
    let store = backend.open();
    submit(&store, job("a")).await;
    let claimed = claim_at(&store, NOW - 1).await;
    assert_eq!(claimed.job.started_at, Some(NOW));
}

pub(super) async fn takes_back_the_jobs_of_lost_workers(backend: &impl Backend) {
    let store = backend.open();
    let lost = begin(&store, "a").await;
    let progress = store.heartbeat(&lost, Some("50"), LEASE, NOW + 10).await;
    assert_eq!(progress.unwrap(), Lease::Held);
    let still = store.claim(LEASE, None, NOW + LEASE + 9).await.unwrap();
    assert_eq!(still, Next::Later(NOW + LEASE + 10));

    let claimed = claim_at(&store, NOW + LEASE + 10).await;
    assert_eq!(claimed.claim.attempt, 2);
    assert_eq!(claimed.input, Some(job("a").input));
    assert_eq!(claimed.job.progress, None);
    assert_eq!(claimed.job.started_at, Some(NOW + LEASE + 10));

    // The lost one is back, and too late.
    let late = store.heartbeat(&lost, Some("100"), LEASE, NOW + LEASE + 11);
    assert_eq!(late.await.unwrap(), Lease::Lost);
    let late = store.finish(&lost, ending("late"), NOW + LEASE + 11).await;
    assert!(!late.unwrap());
    let job = store.get("a", NOW + LEASE + 11).await.unwrap().unwrap();
    assert_eq!(job, claimed.job);

    let end = store.finish(&claimed.claim, ending("right"), NOW + LEASE + 12);
    assert!(end.await.unwrap());
    let outcome = store.outcome("a", NOW + LEASE + 13).await.unwrap();
    assert_eq!(outcome, Some(answer(200, b"right")));
}

pub(super) async fn fails_a_job_whose_workers_were_lost(backend: &impl Backend) {
    let store = backend.open();
    let mut claims = vec![begin(&store, "a").await];
    let mut now = NOW;
    for _ in 1..MAX_ATTEMPTS {
        now += LEASE;
        claims.push(claim_at(&store, now).await.claim);
    }
    now += LEASE;
    assert_eq!(store.claim(LEASE, None, now).await.unwrap(), Next::Idle);
    let job = store.get("a", now).await.unwrap().unwrap();
    assert_eq!(job.status, Status::Failed);
    assert_eq!(job.attempts, MAX_ATTEMPTS);
    assert_eq!(job.finished_at, Some(now));
    assert_eq!(job.expires_at, Some(now + KEPT));
    assert_eq!(store.outcome("a", now).await.unwrap(), Some(worker_lost()));
    assert_eq!(backend.inputs(), 0);
    for claim in claims {
        assert!(!store.finish(&claim, ending("late"), now).await.unwrap());
    }
    assert_eq!(store.outcome("a", now).await.unwrap(), Some(worker_lost()));
}

pub(super) async fn renews_a_lease_that_nobody_saw_run_out(backend: &impl Backend) {
    let store = backend.open();
    let claim = begin(&store, "a").await;
    let late = store.heartbeat(&claim, None, LEASE, NOW + 2 * LEASE).await;
    assert_eq!(late.unwrap(), Lease::Held);
    let next = store.claim(LEASE, None, NOW + 2 * LEASE).await.unwrap();
    assert_eq!(next, Next::Later(NOW + 3 * LEASE));
    let end = store.finish(&claim, ending("1"), NOW + 9 * LEASE).await;
    assert!(end.unwrap());
}

pub(super) async fn cancels_a_waiting_job(backend: &impl Backend) {
    let store = backend.open();
    submit(&store, job("a")).await;
    let canceled = store.cancel("a", NOW + 1).await.unwrap().unwrap();
    assert_eq!(canceled.status, Status::Canceled);
    assert!(canceled.cancel_requested);
    assert_eq!(canceled.finished_at, Some(NOW + 1));
    assert_eq!(canceled.expires_at, Some(NOW + 1 + KEPT));
    assert_eq!(
        store.get("a", NOW + 2).await.unwrap(),
        Some(canceled.clone())
    );
    assert_eq!(store.outcome("a", NOW + 2).await.unwrap(), None);
    assert_eq!(store.load(NOW + 2).await.unwrap(), 0);
    assert_eq!(store.claim(LEASE, None, NOW + 2).await.unwrap(), Next::Idle);
    assert_eq!(backend.inputs(), 0);
    // Nothing changes any more.
    assert_eq!(store.cancel("a", NOW + 3).await.unwrap(), Some(canceled));
    assert_eq!(store.cancel("b", NOW + 3).await.unwrap(), None);
}

pub(super) async fn asks_a_running_job_to_stop(backend: &impl Backend) {
    let store = backend.open();
    let claim = begin(&store, "a").await;
    let asked = store.cancel("a", NOW + 1).await.unwrap().unwrap();
    assert_eq!(asked.status, Status::Running);
    assert!(asked.cancel_requested);
    assert_eq!(asked.finished_at, None);
    let standing = store.heartbeat(&claim, None, LEASE, NOW + 2).await;
    assert_eq!(standing.unwrap(), Lease::CancelRequested);
    assert!(
        store
            .finish(&claim, Ending::Canceled, NOW + 3)
            .await
            .unwrap()
    );
    let job = store.get("a", NOW + 4).await.unwrap().unwrap();
    assert_eq!(job.status, Status::Canceled);
    assert_eq!(job.finished_at, Some(NOW + 3));
    assert_eq!(store.outcome("a", NOW + 4).await.unwrap(), None);
    assert_eq!(backend.inputs(), 0);

    // It may have been done already.
    let claim = begin(&store, "b").await;
    store.cancel("b", NOW).await.unwrap();
    assert!(store.finish(&claim, ending("1"), NOW).await.unwrap());
    assert_eq!(status(&store, "b", NOW).await, Some(Status::Succeeded));
    assert!(store.outcome("b", NOW).await.unwrap().is_some());
}

pub(super) async fn cancels_a_job_that_was_asked_to_stop_and_lost_its_worker(
    backend: &impl Backend,
) {
    let store = backend.open();
    let claim = begin(&store, "a").await;
    store.cancel("a", NOW + 1).await.unwrap();
    let next = store.claim(LEASE, None, NOW + LEASE).await.unwrap();
    assert_eq!(next, Next::Idle);
    let job = store.get("a", NOW + LEASE).await.unwrap().unwrap();
    assert_eq!(job.status, Status::Canceled);
    assert_eq!(job.finished_at, Some(NOW + LEASE));
    let late = store.finish(&claim, ending("1"), NOW + LEASE).await;
    assert!(!late.unwrap());
    assert_eq!(backend.inputs(), 0);
}

pub(super) async fn limits_how_many_run(backend: &impl Backend) {
    let store = backend.open();
    for id in ["a", "b", "c"] {
        submit(&store, job(id)).await;
    }
    let none = store.claim(LEASE, Some(0), NOW).await.unwrap();
    assert!(matches!(none, Next::Busy(_)), "{none:?}");
    let first = claim_at(&store, NOW).await.claim;
    let second = store.claim(LEASE, Some(2), NOW + 5).await.unwrap();
    assert!(matches!(second, Next::Job(_)), "{second:?}");
    let third = store.claim(LEASE, Some(2), NOW + 6).await.unwrap();
    assert_eq!(third, Next::Busy(NOW + LEASE));

    assert!(store.finish(&first, ending("1"), NOW + 7).await.unwrap());
    let third = store.claim(LEASE, Some(2), NOW + 8).await.unwrap();
    assert!(matches!(third, Next::Job(_)), "{third:?}");
    // A lost worker leaves its place.
    submit(&store, job("d")).await;
    let busy = store.claim(LEASE, Some(2), NOW + 9).await.unwrap();
    assert_eq!(busy, Next::Busy(NOW + 5 + LEASE));
    let fourth = store.claim(LEASE, Some(2), NOW + 5 + LEASE).await.unwrap();
    assert!(matches!(fourth, Next::Job(_)), "{fourth:?}");
}

pub(super) async fn tells_when_there_will_be_something_to_do(backend: &impl Backend) {
    let store = backend.open();
    assert_eq!(store.claim(LEASE, None, NOW).await.unwrap(), Next::Idle);
    submit(
        &store,
        NewJob {
            webhook: Some("https://example.org/".to_owned()),
            ..job("a")
        },
    )
    .await;
    submit(&store, job("b")).await;
    let mut claims = [
        claim_at(&store, NOW).await.claim,
        claim_at(&store, NOW + 5).await.claim,
    ];
    let next = store.claim(LEASE, Some(2), NOW + 6).await.unwrap();
    assert_eq!(next, Next::Later(NOW + LEASE));
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    for claim in claims {
        assert!(store.finish(&claim, ending("1"), NOW + 7).await.unwrap());
    }
    let next = store.claim(LEASE, None, NOW + 8).await.unwrap();
    assert_eq!(next, Next::Later(NOW + 7), "a webhook is due");
    let delivery = store.next_delivery(LEASE, NOW + 8).await.unwrap().unwrap();
    let next = store.claim(LEASE, None, NOW + 9).await.unwrap();
    assert_eq!(next, Next::Later(NOW + 8 + LEASE));
    store.delivered(&delivery, None, NOW + 9).await.unwrap();
    let next = store.claim(LEASE, None, NOW + 9).await.unwrap();
    assert_eq!(next, Next::Idle);
}
