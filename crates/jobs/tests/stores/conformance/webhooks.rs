//! Webhooks.

use super::*;

pub(super) async fn delivers_webhooks(backend: &impl Backend) {
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

pub(super) async fn forgets_webhooks_with_their_job(backend: &impl Backend) {
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
