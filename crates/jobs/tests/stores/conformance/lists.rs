//! Lists by pages.

use super::*;

pub(super) async fn list_all(
    store: &impl Store,
    status: Option<Status>,
    limit: u32,
) -> Vec<String> {
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = store
            .list("", status, after.as_deref(), limit, NOW)
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

pub(super) async fn lists_the_newest_first_by_pages(backend: &impl Backend) {
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
        let refused = store.list("", None, Some(cursor), 10, NOW).await;
        assert_eq!(refused, Err(Error::InvalidCursor(cursor.to_owned())));
    }
}

pub(super) async fn lists_the_jobs_of_their_owner_alone(backend: &impl Backend) {
    let store = backend.open();
    let owners = ["", "key:one", "user:one"];
    for number in 0..90 {
        let new = NewJob {
            owner: owners[number % 3].to_owned(),
            ..job(&format!("{number:02}"))
        };
        let submitted = submit(&store, new).await;
        assert_eq!(submitted.owner, owners[number % 3]);
        if number >= 60 {
            store.cancel(&submitted.id, NOW).await.unwrap();
        }
    }
    for (place, owner) in owners.into_iter().enumerate() {
        for (status, from, to) in [
            (None, 0, 90),
            (Some(Status::Queued), 0, 60),
            (Some(Status::Canceled), 60, 90),
            (Some(Status::Running), 0, 0),
        ] {
            let mut expected: Vec<_> = (from..to).filter(|number| number % 3 == place).collect();
            expected.reverse();
            let mut found: Vec<usize> = Vec::new();
            let mut after = None;
            loop {
                let page = store.list(owner, status, after.as_deref(), 7, NOW).await;
                let page = page.unwrap();
                assert!(page.jobs.iter().all(|job| job.owner == owner));
                found.extend(page.jobs.iter().map(|job| job.id.parse::<usize>().unwrap()));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{owner} {status:?}");
        }
    }
    let nobody = store.list("key:two", None, None, 7, NOW).await.unwrap();
    assert!(nobody.jobs.is_empty() && nobody.next.is_none());
}

pub(super) async fn lists_jobs_of_one_moment_and_goes_on_where_a_page_ended(
    backend: &impl Backend,
) {
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
    let page = store.list("", None, None, 3, NOW).await.unwrap();
    // A newer one, and the end of the one that the cursor stands on.
    store.submit(job("new"), MANY, NOW + 1).await.unwrap();
    store.cancel(&expected[2], NOW).await.unwrap();
    store.remove(&expected[2], NOW).await.unwrap();
    let page = store.list("", None, page.next.as_deref(), 9, NOW + 1);
    let ids: Vec<_> = page
        .await
        .unwrap()
        .jobs
        .into_iter()
        .map(|job| job.id)
        .collect();
    assert_eq!(ids, expected[3..]);
}
