//! What is counted.

use super::*;

/// The routes with their numbers.
async fn routes(store: &impl Store, now: Millis) -> Vec<(String, RouteMetrics)> {
    let Metrics { routes, .. } = store.metrics(now).await.unwrap();
    routes.into_iter().collect()
}

async fn oldest(store: &impl Store, now: Millis) -> Option<Millis> {
    store.metrics(now).await.unwrap().oldest_waiting
}

pub(super) async fn counts_what_happens_to_the_jobs_of_each_route(backend: &impl Backend) {
    let store = backend.open();
    assert_eq!(store.metrics(NOW).await.unwrap(), Metrics::default());
    for (id, body, status) in [("a", "1", 200), ("b", "2", 200), ("c", "3", 404)] {
        let claim = begin(&store, id).await;
        let end = Ending::Outcome(answer(status, body.as_bytes()));
        assert!(store.finish(&claim, end.clone(), NOW).await.unwrap());
        assert!(!store.finish(&claim, end, NOW).await.unwrap(), "once");
    }
    let other = NewJob {
        route: "POST /a \"quoted\" route".to_owned(),
        ..job("d")
    };
    submit(&store, other.clone()).await;
    let again = store.submit(other, MANY, NOW).await.unwrap();
    assert!(matches!(again, Submitted::Existing(_)));
    store.cancel("d", NOW).await.unwrap();
    let running = begin(&store, "e").await;
    store.cancel("e", NOW).await.unwrap();
    let expected = |canceled, running| {
        let others = RouteMetrics {
            submitted: 1,
            canceled: 1,
            ..RouteMetrics::default()
        };
        let factorize = RouteMetrics {
            submitted: 4,
            claimed: 4,
            succeeded: 2,
            failed: 1,
            canceled,
            running,
            ..RouteMetrics::default()
        };
        vec![
            ("POST /a \"quoted\" route".to_owned(), others),
            ("POST /factorize".to_owned(), factorize),
        ]
    };
    assert_eq!(routes(&store, NOW).await, expected(0, 1));
    let end = store.finish(&running, Ending::Canceled, NOW).await;
    assert!(end.unwrap());
    assert_eq!(routes(&store, NOW).await, expected(1, 0));

    // The counters outlive the jobs, and are those of all connections.
    assert_eq!(
        store.claim(LEASE, None, NOW + KEPT).await.unwrap(),
        Next::Idle
    );
    assert_eq!(routes(&backend.open(), NOW + KEPT).await, expected(1, 0));
}

pub(super) async fn counts_leases_that_were_lost(backend: &impl Backend) {
    let store = backend.open();
    let numbers = async |now| routes(&store, now).await[0].1;
    begin(&store, "a").await;
    let mut now = NOW;
    for _ in 1..MAX_ATTEMPTS {
        now += LEASE;
        claim_at(&store, now).await;
    }
    let attempts = u64::from(MAX_ATTEMPTS);
    let expected = RouteMetrics {
        running: 1,
        submitted: 1,
        claimed: attempts,
        retried: attempts - 1,
        lost: attempts - 1,
        ..RouteMetrics::default()
    };
    assert_eq!(numbers(now).await, expected);
    now += LEASE;
    assert_eq!(store.claim(LEASE, None, now).await.unwrap(), Next::Idle);
    let expected = RouteMetrics {
        running: 0,
        lost: attempts,
        failed: 1,
        ..expected
    };
    assert_eq!(numbers(now).await, expected);

    // A job that was to be canceled is lost, too; one that ends late but unnoticed is not.
    begin(&store, "b").await;
    store.cancel("b", NOW).await.unwrap();
    assert_eq!(store.claim(LEASE, None, now).await.unwrap(), Next::Idle);
    let late = begin(&store, "c").await;
    assert!(store.finish(&late, ending("1"), now).await.unwrap());
    let expected = RouteMetrics {
        submitted: 3,
        claimed: attempts + 2,
        lost: attempts + 1,
        canceled: 1,
        succeeded: 1,
        ..expected
    };
    assert_eq!(numbers(now).await, expected);
}

pub(super) async fn shows_what_waits_now(backend: &impl Backend) {
    let store = backend.open();
    assert_eq!(oldest(&store, NOW).await, None);
    for (id, after, interest) in [("a", 0, Some(NOW + 10)), ("b", 2, None), ("c", 1, None)] {
        let new = NewJob {
            interest,
            ..job(id)
        };
        let submitted = store.submit(new, MANY, NOW + after).await.unwrap();
        assert!(matches!(submitted, Submitted::New(_)));
    }
    let waiting = async |now| routes(&store, now).await[0].1.waiting;
    assert_eq!(
        (waiting(NOW + 5).await, oldest(&store, NOW + 5).await),
        (3, Some(NOW))
    );
    // Nobody is interested in the first one any more.
    assert_eq!(
        (waiting(NOW + 10).await, oldest(&store, NOW + 10).await),
        (2, Some(NOW + 1))
    );
    for left in [1, 0] {
        claim_at(&store, NOW + 11).await;
        assert_eq!(waiting(NOW + 11).await, left);
    }
    assert_eq!(oldest(&store, NOW + 11).await, None);
    // What is taken back waits again, since it was submitted.
    claim_at(&store, NOW + 11 + LEASE).await;
    let now = NOW + 11 + LEASE;
    assert_eq!(waiting(now).await, 1);
    assert!(
        oldest(&store, now)
            .await
            .is_some_and(|oldest| oldest <= NOW + 2)
    );
}

pub(super) async fn counts_recognised_speech(backend: &impl Backend) {
    let store = backend.open();
    let of = |sound, recognition| Speech { sound, recognition };
    for speech in [of(30_000, 900), of(1, 0)] {
        backend.open().recognised(speech, NOW).await.unwrap();
    }
    let expected = Metrics {
        speech: of(30_001, 900),
        ..Metrics::default()
    };
    assert_eq!(store.metrics(NOW).await.unwrap(), expected);
}
