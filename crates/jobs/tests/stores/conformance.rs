//! What every store does.

use std::collections::HashSet;

use jobs::{
    Claim, Claimed, Ending, Error, Job, MAX_ATTEMPTS, Millis, NewJob, Next, Outcome, Request,
    Standing, Status, Store, Submitted, worker_lost,
};
use pollster::block_on;

use crate::backend::{Backend, KEPT, LEASE, MANY, NOW, Server, Sqlite, job, key};

macro_rules! conformance {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[test] fn $name() { pollster::block_on(super::$name(&<super::Sqlite as super::Backend>::start())); })*
        }
        mod redis {
            $(#[test] fn $name() { pollster::block_on(super::$name(&<super::Server as super::Backend>::start())); })*
        }
    };
}

conformance! {
    answers_a_job
    keeps_requests_and_answers_as_they_are
    takes_answers_other_than_success_as_failures
    finds_the_job_of_the_same_id
    finds_the_job_of_the_same_key
    forgets_a_key_with_its_job
    limits_how_many_wait
    drops_waiting_jobs_that_nobody_wants
    keeps_the_longer_interest
    drops_a_recovered_job_that_nobody_wants
    takes_back_the_jobs_of_lost_workers
    fails_a_job_whose_workers_were_lost
    renews_a_lease_that_nobody_saw_run_out
    cancels_a_waiting_job
    asks_a_running_job_to_stop
    cancels_a_job_that_was_asked_to_stop_and_lost_its_worker
    limits_how_many_run
    tells_when_there_will_be_something_to_do
    forgets_a_job_that_has_expired
    removes_only_ended_jobs
    lists_the_newest_first_by_pages
    lists_jobs_of_one_moment_and_goes_on_where_a_page_ended
    claims_in_random_order
    delivers_webhooks
    forgets_webhooks_with_their_job
    survives_the_greatest_numbers
    gives_each_job_to_one_of_many_claimants
    creates_one_of_many_equal_jobs
    leaves_nothing_behind
}

async fn submit(store: &impl Store, job: NewJob) -> Job {
    match store.submit(job, MANY, NOW).await.unwrap() {
        Submitted::New(job) => job,
        other => panic!("{other:?}"),
    }
}

async fn claim_at(store: &impl Store, now: Millis) -> Claimed {
    match store.claim(LEASE, None, now).await.unwrap() {
        Next::Job(claimed) => *claimed,
        other => panic!("{other:?}"),
    }
}

async fn begin(store: &impl Store, id: &str) -> Claim {
    submit(store, job(id)).await;
    claim_at(store, NOW).await.claim
}

async fn status(store: &impl Store, id: &str, now: Millis) -> Option<Status> {
    store.get(id, now).await.unwrap().map(|job| job.status)
}

fn answer(status: u16, body: &[u8]) -> Outcome {
    Outcome {
        status,
        content_type: Some("application/json".to_owned()),
        body: body.to_vec(),
    }
}

fn ending(body: &str) -> Ending {
    Ending::Outcome(answer(200, body.as_bytes()))
}

async fn answers_a_job(backend: &impl Backend) {
    let store = backend.open();
    let submitted = submit(&store, job("a")).await;
    assert_eq!(
        submitted,
        Job {
            id: "a".to_owned(),
            route: "POST /factorize".to_owned(),
            status: Status::Queued,
            cancel_requested: false,
            progress: None,
            attempts: 0,
            created_at: NOW,
            started_at: None,
            finished_at: None,
            expires_at: None,
            webhook: None,
        }
    );
    assert_eq!(store.load(NOW).await.unwrap(), 1);
    assert_eq!(store.get("a", NOW).await.unwrap(), Some(submitted.clone()));
    assert_eq!(store.outcome("a", NOW).await.unwrap(), None);

    let Claimed {
        claim,
        job: running,
        request,
    } = claim_at(&store, NOW + 1).await;
    assert_eq!((claim.id.as_str(), claim.attempt), ("a", 1));
    assert_eq!(request, job("a").request);
    assert_eq!(
        running,
        Job {
            status: Status::Running,
            attempts: 1,
            started_at: Some(NOW + 1),
            ..submitted.clone()
        }
    );
    assert_eq!(store.load(NOW).await.unwrap(), 0);

    let standing = store
        .heartbeat(&claim, Some("{\"done\":1}"), LEASE, NOW + 2)
        .await;
    assert_eq!(standing.unwrap(), Standing::Held);
    let standing = store.heartbeat(&claim, None, LEASE, NOW + 3).await;
    assert_eq!(standing.unwrap(), Standing::Held);
    let seen = store.get("a", NOW + 3).await.unwrap().unwrap();
    assert_eq!(seen.progress.as_deref(), Some("{\"done\":1}"));

    assert!(
        store
            .finish(&claim, ending("3 * 5"), NOW + 4)
            .await
            .unwrap()
    );
    let ended = store.get("a", NOW + 5).await.unwrap();
    assert_eq!(
        ended,
        Some(Job {
            status: Status::Succeeded,
            finished_at: Some(NOW + 4),
            expires_at: Some(NOW + 4 + KEPT),
            ..seen
        })
    );
    assert_eq!(
        store.outcome("a", NOW + 5).await.unwrap(),
        Some(answer(200, b"3 * 5"))
    );
    assert_eq!(backend.requests(), 0);

    let again = store.finish(&claim, ending("no"), NOW + 6).await;
    assert!(!again.unwrap(), "a job ends once");
    let late = store.heartbeat(&claim, Some("1"), LEASE, NOW + 6).await;
    assert_eq!(late.unwrap(), Standing::Lost);
    assert_eq!(store.get("a", NOW + 6).await.unwrap(), ended);
    assert_eq!(
        store.outcome("a", NOW + 6).await.unwrap(),
        Some(answer(200, b"3 * 5"))
    );
}

async fn keeps_requests_and_answers_as_they_are(backend: &impl Backend) {
    let store = backend.open();
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    for content_type in [
        None,
        Some(String::new()),
        Some("text/plain; charset=ü".to_owned()),
    ] {
        for body in [&b""[..], &bytes] {
            let request = Request {
                method: "PUT".to_owned(),
                target: "/a%00?ä=\u{1f980}".to_owned(),
                content_type: content_type.clone(),
                body: body.to_vec(),
            };
            let name = "id:with/\u{e9} 'quotes' and {braces}";
            submit(
                &store,
                NewJob {
                    request: request.clone(),
                    ..job(name)
                },
            )
            .await;
            let claimed = claim_at(&store, NOW).await;
            assert_eq!(claimed.claim.id, name);
            assert_eq!(claimed.request, request);
            let outcome = Outcome {
                status: 201,
                content_type: content_type.clone(),
                body: body.to_vec(),
            };
            let ending = Ending::Outcome(outcome.clone());
            assert!(store.finish(&claimed.claim, ending, NOW).await.unwrap());
            assert_eq!(store.outcome(name, NOW).await.unwrap(), Some(outcome));
            assert!(store.remove(name, NOW).await.unwrap());
        }
    }
}

async fn takes_answers_other_than_success_as_failures(backend: &impl Backend) {
    let store = backend.open();
    for (code, expected) in [
        (199, Status::Failed),
        (200, Status::Succeeded),
        (299, Status::Succeeded),
        (300, Status::Failed),
        (422, Status::Failed),
        (503, Status::Failed),
    ] {
        let id = code.to_string();
        let claim = begin(&store, &id).await;
        let outcome = answer(code, b"{}");
        store
            .finish(&claim, Ending::Outcome(outcome.clone()), NOW)
            .await
            .unwrap();
        assert_eq!(status(&store, &id, NOW).await, Some(expected), "{code}");
        assert_eq!(store.outcome(&id, NOW).await.unwrap(), Some(outcome));
    }
}

async fn finds_the_job_of_the_same_id(backend: &impl Backend) {
    let store = backend.open();
    let first = submit(&store, job("a")).await;
    let again = NewJob {
        route: "POST /other".to_owned(),
        ..job("a")
    };
    let found = store.submit(again.clone(), 0, NOW + 1).await.unwrap();
    assert_eq!(found, Submitted::Existing(first));
    assert_eq!(store.load(NOW).await.unwrap(), 1);

    let claim = claim_at(&store, NOW).await.claim;
    store.finish(&claim, ending("15"), NOW).await.unwrap();
    let Submitted::Existing(found) = store.submit(again, 0, NOW + 1).await.unwrap() else {
        panic!("an ended job is there until it expires")
    };
    assert_eq!(found.status, Status::Succeeded);
}

async fn finds_the_job_of_the_same_key(backend: &impl Backend) {
    let store = backend.open();
    let with_key = |id, name, fingerprint| NewJob {
        key: key(name, fingerprint),
        ..job(id)
    };
    let first = submit(&store, with_key("a", "key", "1")).await;
    for name in ["a", "b"] {
        let again = store.submit(with_key(name, "key", "1"), 0, NOW).await;
        assert_eq!(again.unwrap(), Submitted::Existing(first.clone()));
        let other = store.submit(with_key(name, "key", "2"), 0, NOW).await;
        assert_eq!(other.unwrap(), Submitted::Conflict);
    }
    submit(&store, with_key("c", "key of c", "1")).await;
    assert_eq!(store.load(NOW).await.unwrap(), 2);

    // An existing job takes no further key.
    let other = store.submit(with_key("a", "new", "1"), MANY, NOW).await;
    assert_eq!(other.unwrap(), Submitted::Existing(first));
    submit(&store, with_key("d", "new", "9")).await;
}

async fn forgets_a_key_with_its_job(backend: &impl Backend) {
    let store = backend.open();
    let with_key = |id: &str, fingerprint| NewJob {
        key: key("key", fingerprint),
        interest: Some(NOW + 10),
        ..job(id)
    };
    // Dropped.
    submit(&store, with_key("a", "1")).await;
    let next = store
        .submit(with_key("b", "2"), MANY, NOW + 10)
        .await
        .unwrap();
    assert!(matches!(next, Submitted::New(_)), "{next:?}");
    // Canceled and removed.
    store.cancel("b", NOW).await.unwrap();
    let other = store.submit(with_key("c", "3"), MANY, NOW).await.unwrap();
    assert_eq!(other, Submitted::Conflict);
    assert!(store.remove("b", NOW).await.unwrap());
    let job = submit(&store, with_key("c", "3")).await;
    // Expired.
    let claim = claim_at(&store, NOW).await.claim;
    assert_eq!(claim.id, job.id);
    store.finish(&claim, ending("1"), NOW).await.unwrap();
    let next = store
        .submit(with_key("d", "4"), MANY, NOW + KEPT)
        .await
        .unwrap();
    assert!(matches!(next, Submitted::New(_)), "{next:?}");
}

async fn limits_how_many_wait(backend: &impl Backend) {
    let store = backend.open();
    let full = Submitted::Full { waiting: 2 };
    for id in ["a", "b"] {
        let next = store.submit(job(id), 2, NOW).await.unwrap();
        assert!(matches!(next, Submitted::New(_)), "{next:?}");
    }
    assert_eq!(store.submit(job("c"), 2, NOW).await.unwrap(), full);
    assert_eq!(store.get("c", NOW).await.unwrap(), None);
    // A running one does not wait.
    let claim = claim_at(&store, NOW).await.claim;
    let next = store.submit(job("c"), 2, NOW).await.unwrap();
    assert!(matches!(next, Submitted::New(_)), "{next:?}");
    assert_eq!(store.submit(job("d"), 2, NOW).await.unwrap(), full);
    // One that is taken back waits, beyond the limit.
    assert_ne!(claim_at(&store, NOW + LEASE).await.claim, claim);
    let full = Submitted::Full { waiting: 2 };
    assert_eq!(store.submit(job("d"), 2, NOW + LEASE).await.unwrap(), full);
}

async fn drops_waiting_jobs_that_nobody_wants(backend: &impl Backend) {
    let store = backend.open();
    let wanted_until = |id, time| NewJob {
        interest: Some(time),
        ..job(id)
    };
    submit(&store, wanted_until("a", NOW + 10)).await;
    submit(&store, wanted_until("b", NOW + 20)).await;
    submit(&store, wanted_until("c", NOW + 20)).await;
    submit(&store, job("d")).await;
    let claimed: HashSet<_> = [
        claim_at(&store, NOW + 9).await.claim.id,
        claim_at(&store, NOW + 9).await.claim.id,
    ]
    .into();
    for id in ["a", "b", "c", "d"] {
        let now = NOW + 1_000;
        let expected = match (claimed.contains(id), id) {
            (true, _) => Some(Status::Running),
            (false, "d") => Some(Status::Queued),
            (false, _) => None,
        };
        assert_eq!(status(&store, id, now).await, expected, "{id}");
        let canceled = store.cancel(id, now).await.unwrap();
        assert_eq!(canceled.is_some(), expected.is_some(), "{id}");
    }
    assert_eq!(store.load(NOW + 1_000).await.unwrap(), 0);
    assert_eq!(
        store.claim(LEASE, None, NOW + 1_000).await.unwrap(),
        Next::Later(NOW + 9 + LEASE)
    );

    submit(&store, wanted_until("e", NOW + 10)).await;
    submit(&store, wanted_until("f", NOW + 11)).await;
    assert_eq!(store.load(NOW + 9).await.unwrap(), 2);
    assert_eq!(store.load(NOW + 10).await.unwrap(), 1);
    // Its place is free.
    let next = store.submit(job("g"), 2, NOW + 10).await.unwrap();
    assert!(matches!(next, Submitted::New(_)), "{next:?}");
    // And its name.
    let next = store.submit(job("e"), MANY, NOW + 10).await.unwrap();
    assert!(matches!(next, Submitted::New(_)), "{next:?}");
}

async fn keeps_the_longer_interest(backend: &impl Backend) {
    let store = backend.open();
    let wanted_until = |id, interest| NewJob {
        interest,
        ..job(id)
    };
    submit(&store, wanted_until("a", Some(NOW + 10))).await;
    for (interest, end) in [(20, 20), (15, 20), (40, 40)] {
        let again = wanted_until("a", Some(NOW + interest));
        store.submit(again, MANY, NOW).await.unwrap();
        assert_eq!(
            status(&store, "a", NOW + end - 1).await,
            Some(Status::Queued)
        );
        assert_eq!(status(&store, "a", NOW + end).await, None);
        assert_eq!(store.load(NOW + end - 1).await.unwrap(), 1);
        assert_eq!(store.load(NOW + end).await.unwrap(), 0);
    }
    store
        .submit(wanted_until("a", None), MANY, NOW)
        .await
        .unwrap();
    store
        .submit(wanted_until("a", Some(NOW + 1)), MANY, NOW)
        .await
        .unwrap();
    assert_eq!(store.load(NOW + KEPT).await.unwrap(), 1);
    assert_eq!(claim_at(&store, NOW + KEPT).await.claim.id, "a");
}

async fn drops_a_recovered_job_that_nobody_wants(backend: &impl Backend) {
    let store = backend.open();
    let wanted_until = |id, time| NewJob {
        interest: Some(time),
        ..job(id)
    };
    submit(&store, wanted_until("a", NOW + 10)).await;
    claim_at(&store, NOW).await;
    assert_eq!(
        store.claim(LEASE, None, NOW + LEASE).await.unwrap(),
        Next::Idle
    );
    assert_eq!(store.get("a", NOW + LEASE).await.unwrap(), None);
    assert_eq!(backend.records(), 0);

    // Unless somebody asked while it ran.
    submit(&store, wanted_until("b", NOW + 10)).await;
    claim_at(&store, NOW).await;
    let again = wanted_until("b", NOW + LEASE + 10);
    let found = store.submit(again, MANY, NOW + 5).await.unwrap();
    assert!(matches!(found, Submitted::Existing(_)), "{found:?}");
    assert_eq!(claim_at(&store, NOW + LEASE).await.claim.attempt, 2);
}

async fn takes_back_the_jobs_of_lost_workers(backend: &impl Backend) {
    let store = backend.open();
    let lost = begin(&store, "a").await;
    let progress = store.heartbeat(&lost, Some("50"), LEASE, NOW + 10).await;
    assert_eq!(progress.unwrap(), Standing::Held);
    let still = store.claim(LEASE, None, NOW + LEASE + 9).await.unwrap();
    assert_eq!(still, Next::Later(NOW + LEASE + 10));

    let claimed = claim_at(&store, NOW + LEASE + 10).await;
    assert_eq!(claimed.claim.attempt, 2);
    assert_eq!(claimed.request, job("a").request);
    assert_eq!(claimed.job.progress, None);
    assert_eq!(claimed.job.started_at, Some(NOW + LEASE + 10));

    // The lost one is back, and too late.
    let late = store.heartbeat(&lost, Some("100"), LEASE, NOW + LEASE + 11);
    assert_eq!(late.await.unwrap(), Standing::Lost);
    let late = store.finish(&lost, ending("late"), NOW + LEASE + 11).await;
    assert!(!late.unwrap());
    let job = store.get("a", NOW + LEASE + 11).await.unwrap().unwrap();
    assert_eq!(job, claimed.job);

    let end = store.finish(&claimed.claim, ending("right"), NOW + LEASE + 12);
    assert!(end.await.unwrap());
    let outcome = store.outcome("a", NOW + LEASE + 13).await.unwrap();
    assert_eq!(outcome, Some(answer(200, b"right")));
}

async fn fails_a_job_whose_workers_were_lost(backend: &impl Backend) {
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
    assert_eq!(backend.requests(), 0);
    for claim in claims {
        assert!(!store.finish(&claim, ending("late"), now).await.unwrap());
    }
    assert_eq!(store.outcome("a", now).await.unwrap(), Some(worker_lost()));
}

async fn renews_a_lease_that_nobody_saw_run_out(backend: &impl Backend) {
    let store = backend.open();
    let claim = begin(&store, "a").await;
    let late = store.heartbeat(&claim, None, LEASE, NOW + 2 * LEASE).await;
    assert_eq!(late.unwrap(), Standing::Held);
    let next = store.claim(LEASE, None, NOW + 2 * LEASE).await.unwrap();
    assert_eq!(next, Next::Later(NOW + 3 * LEASE));
    let end = store.finish(&claim, ending("1"), NOW + 9 * LEASE).await;
    assert!(end.unwrap());
}

async fn cancels_a_waiting_job(backend: &impl Backend) {
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
    assert_eq!(backend.requests(), 0);
    // Nothing changes any more.
    assert_eq!(store.cancel("a", NOW + 3).await.unwrap(), Some(canceled));
    assert_eq!(store.cancel("b", NOW + 3).await.unwrap(), None);
}

async fn asks_a_running_job_to_stop(backend: &impl Backend) {
    let store = backend.open();
    let claim = begin(&store, "a").await;
    let asked = store.cancel("a", NOW + 1).await.unwrap().unwrap();
    assert_eq!(asked.status, Status::Running);
    assert!(asked.cancel_requested);
    assert_eq!(asked.finished_at, None);
    let standing = store.heartbeat(&claim, None, LEASE, NOW + 2).await;
    assert_eq!(standing.unwrap(), Standing::CancelRequested);
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
    assert_eq!(backend.requests(), 0);

    // It may have been done already.
    let claim = begin(&store, "b").await;
    store.cancel("b", NOW).await.unwrap();
    assert!(store.finish(&claim, ending("1"), NOW).await.unwrap());
    assert_eq!(status(&store, "b", NOW).await, Some(Status::Succeeded));
    assert!(store.outcome("b", NOW).await.unwrap().is_some());
}

async fn cancels_a_job_that_was_asked_to_stop_and_lost_its_worker(backend: &impl Backend) {
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
    assert_eq!(backend.requests(), 0);
}

async fn limits_how_many_run(backend: &impl Backend) {
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

async fn tells_when_there_will_be_something_to_do(backend: &impl Backend) {
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

async fn forgets_a_job_that_has_expired(backend: &impl Backend) {
    let store = backend.open();
    let claim = begin(&store, "a").await;
    store.finish(&claim, ending("1"), NOW).await.unwrap();
    let (before, end) = (NOW + KEPT - 1, NOW + KEPT);
    assert!(store.get("a", before).await.unwrap().is_some());
    assert!(store.outcome("a", before).await.unwrap().is_some());
    assert_eq!(
        store.list(None, None, 9, before).await.unwrap().jobs.len(),
        1
    );

    assert_eq!(store.get("a", end).await.unwrap(), None);
    assert_eq!(store.outcome("a", end).await.unwrap(), None);
    assert_eq!(store.cancel("a", end).await.unwrap(), None);
    assert!(!store.remove("a", end).await.unwrap());
    let next = store.submit(job("a"), MANY, end).await.unwrap();
    assert!(matches!(next, Submitted::New(_)), "{next:?}");
    assert_eq!(store.outcome("a", end).await.unwrap(), None);
    assert!(!store.finish(&claim, ending("2"), end).await.unwrap());

    // A list forgets as well.
    let claim = claim_at(&store, end).await.claim;
    store.finish(&claim, ending("1"), end).await.unwrap();
    let page = store.list(None, None, 9, end + KEPT).await.unwrap();
    assert_eq!(page.jobs, []);
    assert_eq!(backend.records(), 0);
}

async fn removes_only_ended_jobs(backend: &impl Backend) {
    let store = backend.open();
    submit(&store, job("a")).await;
    assert!(!store.remove("a", NOW).await.unwrap());
    let claim = claim_at(&store, NOW).await.claim;
    assert!(!store.remove("a", NOW).await.unwrap());
    store.finish(&claim, ending("1"), NOW).await.unwrap();
    assert!(store.remove("a", NOW).await.unwrap());
    assert!(!store.remove("a", NOW).await.unwrap());
    assert_eq!(store.get("a", NOW).await.unwrap(), None);
    assert_eq!(store.outcome("a", NOW).await.unwrap(), None);
    assert_eq!(backend.records(), 0);
}

async fn list_all(store: &impl Store, status: Option<Status>, limit: u32) -> Vec<String> {
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = store
            .list(status, after.as_deref(), limit, NOW)
            .await
            .unwrap();
        assert!(page.jobs.len() <= limit as usize);
        ids.extend(page.jobs.into_iter().map(|job| job.id));
        match page.next {
            Some(next) => after = Some(next),
            None => return ids,
        }
    }
}

async fn lists_the_newest_first_by_pages(backend: &impl Backend) {
    let store = backend.open();
    assert_eq!(list_all(&store, None, 10).await, Vec::<String>::new());
    let mut expected = Vec::new();
    let mut of_status = vec![Vec::new(); Status::ALL.len()];
    for number in 0..25_u64 {
        let id = format!("{:02}", number * 7 % 25);
        store
            .submit(job(&id), MANY, NOW - 100 + number)
            .await
            .unwrap();
        // One after the other, so that the claim is the job's.
        let kind = usize::try_from(number % 5).unwrap();
        of_status[kind].insert(0, id.clone());
        expected.insert(0, id.clone());
        match Status::ALL[kind] {
            // Claims would take it: it is canceled later, and queued again.
            Status::Queued => {
                store.cancel(&id, NOW).await.unwrap();
                store.remove(&id, NOW).await.unwrap();
            }
            Status::Canceled => {
                store.cancel(&id, NOW).await.unwrap();
            }
            Status::Running => {
                claim_at(&store, NOW).await;
            }
            Status::Succeeded => {
                let claim = claim_at(&store, NOW).await.claim;
                store.finish(&claim, ending("1"), NOW).await.unwrap();
            }
            Status::Failed => {
                let claim = claim_at(&store, NOW).await.claim;
                let failed = Ending::Outcome(answer(500, b""));
                store.finish(&claim, failed, NOW).await.unwrap();
            }
        }
    }
    for number in (0..25_u64).step_by(5) {
        let id = format!("{:02}", number * 7 % 25);
        store
            .submit(job(&id), MANY, NOW - 100 + number)
            .await
            .unwrap();
    }
    for limit in [1, 2, 3, 24, 25, 26] {
        assert_eq!(list_all(&store, None, limit).await, expected, "by {limit}");
        for (status, expected) in Status::ALL.into_iter().zip(&of_status) {
            assert_eq!(&list_all(&store, Some(status), limit).await, expected);
        }
    }
    for cursor in [
        "",
        "a",
        ":",
        "17:a",
        "+763734000000000:a",
        "é763734000000000:a",
    ] {
        let refused = store.list(None, Some(cursor), 10, NOW).await;
        assert_eq!(refused, Err(Error::InvalidCursor(cursor.to_owned())));
    }
}

async fn lists_jobs_of_one_moment_and_goes_on_where_a_page_ended(backend: &impl Backend) {
    let store = backend.open();
    let mut expected = Vec::new();
    for id in ["b", "A", "é", "a", "ab", "a:b", "B", "_"] {
        submit(&store, job(id)).await;
        expected.push(id.to_owned());
    }
    expected.sort();
    expected.reverse();
    for limit in [1, 3, 8] {
        assert_eq!(list_all(&store, None, limit).await, expected, "by {limit}");
    }
    let page = store.list(None, None, 3, NOW).await.unwrap();
    // A newer one, and the end of the one that the cursor stands on.
    store.submit(job("new"), MANY, NOW + 1).await.unwrap();
    store.cancel(&expected[2], NOW).await.unwrap();
    store.remove(&expected[2], NOW).await.unwrap();
    let page = store.list(None, page.next.as_deref(), 9, NOW + 1);
    let ids: Vec<_> = page
        .await
        .unwrap()
        .jobs
        .into_iter()
        .map(|job| job.id)
        .collect();
    assert_eq!(ids, expected[3..]);
}

async fn claims_in_random_order(backend: &impl Backend) {
    let store = backend.open();
    let count = 400;
    for number in 0..count {
        submit(&store, job(&format!("{number:03}"))).await;
    }
    let mut order = Vec::new();
    for _ in 0..count {
        order.push(claim_at(&store, NOW).await.claim.id);
    }
    assert_eq!(order.iter().collect::<HashSet<_>>().len(), count);
    // About half: ten standard deviations lie between.
    let ascending = order.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!((142..=258).contains(&ascending), "{ascending} of {count}");
    // The first half of the jobs has about half of the first half of the claims.
    let early = order[..count / 2]
        .iter()
        .filter(|id| id.as_str() < "200")
        .count();
    assert!((50..=150).contains(&early), "{early}");
}

async fn delivers_webhooks(backend: &impl Backend) {
    let store = backend.open();
    let with_webhook = |id: &str| NewJob {
        webhook: Some(format!("https://example.org/{id}")),
        ..job(id)
    };
    submit(&store, with_webhook("a")).await;
    assert_eq!(store.next_delivery(LEASE, NOW).await.unwrap(), None);
    let claim = claim_at(&store, NOW).await.claim;
    assert_eq!(store.next_delivery(LEASE, NOW).await.unwrap(), None);
    store.finish(&claim, ending("1"), NOW + 1).await.unwrap();
    assert_eq!(store.next_delivery(LEASE, NOW).await.unwrap(), None);

    let first = store.next_delivery(LEASE, NOW + 1).await.unwrap().unwrap();
    assert_eq!((first.id.as_str(), first.attempt), ("a", 1));
    assert_eq!(first.url, "https://example.org/a");
    // Leased.
    let leased = store.next_delivery(LEASE, NOW + LEASE).await.unwrap();
    assert_eq!(leased, None);
    let second = store.next_delivery(LEASE, NOW + 1 + LEASE).await.unwrap();
    let second = second.unwrap();
    assert_eq!(second.attempt, 2);
    // The first is outdated.
    store
        .delivered(&first, None, NOW + 2 + LEASE)
        .await
        .unwrap();
    let retry_at = NOW + 5 * LEASE;
    store
        .delivered(&second, Some(retry_at), NOW + 2 + LEASE)
        .await
        .unwrap();
    assert_eq!(
        store.next_delivery(LEASE, retry_at - 1).await.unwrap(),
        None
    );
    let third = store.next_delivery(LEASE, retry_at).await.unwrap().unwrap();
    assert_eq!(third.attempt, 3);
    store.delivered(&third, None, retry_at).await.unwrap();
    // Done is done.
    store
        .delivered(&third, Some(retry_at), retry_at)
        .await
        .unwrap();
    assert_eq!(
        store.next_delivery(LEASE, retry_at + LEASE).await.unwrap(),
        None
    );
    assert_eq!(status(&store, "a", retry_at).await, Some(Status::Succeeded));

    // A canceled one and one of lost workers tell of it too, the first that is due first.
    submit(&store, with_webhook("b")).await;
    store.cancel("b", NOW + 2).await.unwrap();
    submit(&store, with_webhook("c")).await;
    store.cancel("c", NOW + 1).await.unwrap();
    submit(&store, with_webhook("d")).await;
    let mut now = NOW;
    for _ in 0..=MAX_ATTEMPTS {
        store.claim(LEASE, None, now).await.unwrap();
        now += LEASE;
    }
    for expected in ["c", "b", "d"] {
        let delivery = store.next_delivery(KEPT, now).await.unwrap().unwrap();
        assert_eq!(delivery.id, expected);
    }
}

async fn forgets_webhooks_with_their_job(backend: &impl Backend) {
    let store = backend.open();
    for id in ["a", "b", "c"] {
        submit(
            &store,
            NewJob {
                webhook: Some("https://example.org/".to_owned()),
                ..job(id)
            },
        )
        .await;
        store.cancel(id, NOW).await.unwrap();
    }
    store.remove("a", NOW).await.unwrap();
    let delivery = store.next_delivery(LEASE, NOW).await.unwrap().unwrap();
    assert_eq!(delivery.id, "b");
    store.remove("b", NOW).await.unwrap();
    store
        .delivered(&delivery, Some(NOW + 1), NOW)
        .await
        .unwrap();
    assert_eq!(store.next_delivery(LEASE, NOW + KEPT).await.unwrap(), None);
    assert_eq!(
        store.claim(LEASE, None, NOW + KEPT).await.unwrap(),
        Next::Idle
    );
    assert_eq!(backend.records(), 0);
}

async fn survives_the_greatest_numbers(backend: &impl Backend) {
    let store = backend.open();
    let submitted = store
        .submit(
            NewJob {
                interest: Some(u64::MAX),
                expires_after: u64::MAX,
                webhook: Some("https://example.org/".to_owned()),
                ..job("a")
            },
            u64::MAX,
            NOW,
        )
        .await
        .unwrap();
    assert!(matches!(submitted, Submitted::New(_)), "{submitted:?}");
    let Next::Job(claimed) = store.claim(u64::MAX, Some(u64::MAX), NOW).await.unwrap() else {
        panic!("a job waits")
    };
    let claim = claimed.claim;
    let late = NOW * 100;
    let next = store.claim(LEASE, None, late).await.unwrap();
    assert!(matches!(next, Next::Later(time) if time > late), "{next:?}");
    let standing = store.heartbeat(&claim, None, u64::MAX, late).await.unwrap();
    assert_eq!(standing, Standing::Held);
    assert!(store.finish(&claim, ending("1"), late).await.unwrap());
    let job = store.get("a", late).await.unwrap().unwrap();
    assert!(job.expires_at.unwrap() > late);
    let delivery = store.next_delivery(u64::MAX, late).await.unwrap().unwrap();
    store
        .delivered(&delivery, Some(u64::MAX), late)
        .await
        .unwrap();
    assert_eq!(store.next_delivery(LEASE, late).await.unwrap(), None);
    let nobody = Claim {
        id: "a".to_owned(),
        attempt: u32::MAX,
    };
    assert!(!store.finish(&nobody, ending("1"), late).await.unwrap());
    let page = store.list(None, None, u32::MAX, late).await.unwrap();
    assert_eq!(page.jobs.len(), 1);
}

async fn gives_each_job_to_one_of_many_claimants(backend: &impl Backend) {
    let store = backend.open();
    let count = 300;
    for number in 0..count {
        submit(&store, job(&number.to_string())).await;
    }
    let drain = || {
        let store = backend.open();
        let mut ids = Vec::new();
        while let Next::Job(claimed) = block_on(store.claim(LEASE, None, NOW)).unwrap() {
            assert_eq!(claimed.request, job(&claimed.claim.id).request);
            assert!(block_on(store.finish(&claimed.claim, ending("1"), NOW)).unwrap());
            ids.push(claimed.claim.id);
        }
        ids
    };
    let claimed: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(drain)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert_eq!(claimed.len(), count);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), count);
    assert_eq!(
        list_all(&store, Some(Status::Succeeded), 100).await.len(),
        count
    );
}

async fn creates_one_of_many_equal_jobs(backend: &impl Backend) {
    backend.open();
    let submit_all = |worker: usize| {
        let store = backend.open();
        let submitted = |number: usize| {
            // Half of them by their ID, half of them by their key.
            let new = if number.is_multiple_of(2) {
                job(&number.to_string())
            } else {
                NewJob {
                    key: key(&number.to_string(), "1"),
                    ..job(&format!("{number} of {worker}"))
                }
            };
            match block_on(store.submit(new, MANY, NOW)).unwrap() {
                Submitted::New(_) => 1,
                Submitted::Existing(_) => 0,
                other => panic!("{other:?}"),
            }
        };
        (0..60).map(submitted).sum::<usize>()
    };
    let created: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| scope.spawn(move || submit_all(worker)))
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum()
    });
    assert_eq!(created, 60);
    assert_eq!(backend.open().load(NOW).await.unwrap(), 60);
}

async fn leaves_nothing_behind(backend: &impl Backend) {
    let store = backend.open();
    for number in 0..60 {
        let id = number.to_string();
        submit(
            &store,
            NewJob {
                key: key(&id, "1"),
                webhook: (number % 2 == 0).then(|| "https://example.org/".to_owned()),
                interest: (number % 3 == 0).then_some(NOW + LEASE),
                ..job(&id)
            },
        )
        .await;
    }
    for number in 0..40 {
        let claim = claim_at(&store, NOW).await.claim;
        match number % 4 {
            0 => assert!(store.finish(&claim, ending("1"), NOW).await.unwrap()),
            1 => {
                store.cancel(&claim.id, NOW).await.unwrap();
            }
            2 => {
                store
                    .heartbeat(&claim, Some("1"), LEASE, NOW)
                    .await
                    .unwrap();
            }
            _ => {}
        }
    }
    // Every worker is lost, three times.
    let mut now = NOW;
    for _ in 0..=MAX_ATTEMPTS {
        while let Next::Job(_) = store.claim(LEASE, None, now).await.unwrap() {}
        now += LEASE;
    }
    assert_eq!(store.load(now).await.unwrap(), 0);
    assert_eq!(backend.requests(), 0);
    assert!(backend.records() > 0);
    let next = store.claim(LEASE, None, now + KEPT).await.unwrap();
    assert_eq!(next, Next::Idle);
    assert_eq!(backend.records(), 0);
}
