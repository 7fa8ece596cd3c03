//! Which jobs are taken on, and which of them are dropped.

use super::*;

pub(super) async fn finds_the_job_of_the_same_id(backend: &impl Backend) {
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

pub(super) async fn finds_the_job_of_the_same_key(backend: &impl Backend) {
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

pub(super) async fn forgets_a_key_with_its_job(backend: &impl Backend) {
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

pub(super) async fn limits_how_many_wait(backend: &impl Backend) {
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

pub(super) async fn limits_how_many_of_an_owner_wait(backend: &impl Backend) {
    let store = backend.open();
    let of = |id: &str, owner: &str| NewJob {
        owner: owner.to_owned(),
        share: Some(2),
        ..job(id)
    };
    let full = Submitted::ShareFull { waiting: 2 };
    for id in ["a", "b"] {
        submit(&store, of(id, "key:one")).await;
    }
    for round in 0..3 {
        let one_more = store.submit(of("c", "key:one"), MANY, NOW).await.unwrap();
        assert_eq!(one_more, full, "{round}");
        // The others have shares of their own.
        submit(&store, of("d", "key:two")).await;
        assert!(store.cancel("d", NOW).await.unwrap().is_some());
        assert!(store.remove("d", NOW).await.unwrap());
        // One that is canceled does not wait, nor does one that runs.
        if round == 0 {
            store.cancel("a", NOW).await.unwrap();
            assert!(store.remove("a", NOW).await.unwrap());
        } else {
            let claim = claim_at(&store, NOW).await.claim;
            store.finish(&claim, ending("1"), NOW).await.unwrap();
            assert!(store.remove(&claim.id, NOW).await.unwrap());
        }
        submit(&store, of(&format!("new{round}"), "key:one")).await;
    }
    // The limit of all is a limit of each.
    let refused = store.submit(of("e", "key:two"), 2, NOW).await.unwrap();
    assert_eq!(refused, Submitted::Full { waiting: 2 });
    // One that nobody wants any more has gone.
    let wanted = NewJob {
        interest: Some(NOW + 1),
        share: Some(1),
        ..of("f", "key:three")
    };
    submit(&store, wanted.clone()).await;
    let again = NewJob {
        id: "g".to_owned(),
        ..wanted
    };
    let refused = store.submit(again.clone(), MANY, NOW).await.unwrap();
    assert_eq!(refused, Submitted::ShareFull { waiting: 1 });
    let later = NewJob {
        interest: None,
        ..again
    };
    let taken = store.submit(later, MANY, NOW + 1).await.unwrap();
    assert!(matches!(taken, Submitted::New(_)), "{taken:?}");
}

pub(super) async fn drops_waiting_jobs_that_nobody_wants(backend: &impl Backend) {
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

pub(super) async fn keeps_the_longer_interest(backend: &impl Backend) {
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

pub(super) async fn drops_a_recovered_job_that_nobody_wants(backend: &impl Backend) {
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

pub(super) async fn creates_one_of_many_equal_jobs(backend: &impl Backend) {
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
