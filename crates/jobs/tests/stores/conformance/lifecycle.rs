//! The way of a job from its submission until it is forgotten.

use super::*;

pub(super) async fn answers_a_job(backend: &impl Backend) {
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
            parts: None,
            attempts: 0,
            created_at: NOW,
            started_at: None,
            finished_at: None,
            expires_at: None,
            owner: String::new(),
            trace: Some("trace of a".to_owned()),
            webhook: None,
        }
    );
    assert_eq!(store.load(NOW).await.unwrap(), 1);
    assert_eq!(store.get("a", NOW).await.unwrap(), Some(submitted.clone()));
    assert_eq!(store.outcome("a", NOW).await.unwrap(), None);

    let Claimed {
        claim,
        job: running,
        join: false,
        input,
    } = claim_at(&store, NOW + 1).await
    else {
        panic!("it has no parts")
    };
    assert_eq!((claim.id.as_str(), claim.attempt), ("a", 1));
    assert_eq!(input, Some(job("a").input));
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
    assert_eq!(standing.unwrap(), Lease::Held);
    let standing = store.heartbeat(&claim, None, LEASE, NOW + 3).await;
    assert_eq!(standing.unwrap(), Lease::Held);
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
    assert_eq!(backend.inputs(), 0);

    let again = store.finish(&claim, ending("no"), NOW + 6).await;
    assert!(!again.unwrap(), "a job ends once");
    let late = store.heartbeat(&claim, Some("1"), LEASE, NOW + 6).await;
    assert_eq!(late.unwrap(), Lease::Lost);
    assert_eq!(store.get("a", NOW + 6).await.unwrap(), ended);
    assert_eq!(
        store.outcome("a", NOW + 6).await.unwrap(),
        Some(answer(200, b"3 * 5"))
    );
}

pub(super) async fn keeps_inputs_and_answers_as_they_are(backend: &impl Backend) {
    let store = backend.open();
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    for (content_type, headers) in [
        (None, Vec::new()),
        (Some(String::new()), vec![(String::new(), String::new())]),
        (
            Some("text/plain; charset=ü".to_owned()),
            vec![
                (
                    "audio-warnings".to_owned(),
                    "truncated;at=\"3\", ä".to_owned(),
                ),
                ("audio-warnings".to_owned(), "more".to_owned()),
            ],
        ),
    ] {
        for body in [&b""[..], &bytes] {
            let input = Input {
                task: "a%00?ä=\u{1f980}".to_owned(),
                bytes: body.to_vec(),
            };
            let name = "id:with/\u{e9} 'quotes' and {braces}";
            submit(
                &store,
                NewJob {
                    input: input.clone(),
                    ..job(name)
                },
            )
            .await;
            let claimed = claim_at(&store, NOW).await;
            assert_eq!(claimed.claim.id, name);
            assert_eq!(claimed.input, Some(input));
            let outcome = Outcome {
                status: 201,
                content_type: content_type.clone(),
                headers: headers.clone(),
                body: body.to_vec(),
            };
            let ending = Ending::Outcome(outcome.clone());
            assert!(store.finish(&claimed.claim, ending, NOW).await.unwrap());
            assert_eq!(store.outcome(name, NOW).await.unwrap(), Some(outcome));
            assert!(store.remove(name, NOW).await.unwrap());
        }
    }
}

pub(super) async fn takes_answers_other_than_success_as_failures(backend: &impl Backend) {
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

pub(super) async fn forgets_a_job_that_has_expired(backend: &impl Backend) {
    let store = backend.open();
    let claim = begin(&store, "a").await;
    store.finish(&claim, ending("1"), NOW).await.unwrap();
    let (before, end) = (NOW + KEPT - 1, NOW + KEPT);
    assert!(store.get("a", before).await.unwrap().is_some());
    assert!(store.outcome("a", before).await.unwrap().is_some());
    assert_eq!(
        store
            .list("", None, None, 9, before)
            .await
            .unwrap()
            .jobs
            .len(),
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
    let page = store.list("", None, None, 9, end + KEPT).await.unwrap();
    assert_eq!(page.jobs, []);
    assert_eq!(backend.records(), 0);
}

pub(super) async fn removes_only_ended_jobs(backend: &impl Backend) {
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

pub(super) async fn claims_in_random_order(backend: &impl Backend) {
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

pub(super) async fn survives_the_greatest_numbers(backend: &impl Backend) {
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
    assert_eq!(standing, Lease::Held);
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
        part: None,
        attempt: u32::MAX,
    };
    assert!(!store.finish(&nobody, ending("1"), late).await.unwrap());
    let page = store.list("", None, None, u32::MAX, late).await.unwrap();
    assert_eq!(page.jobs.len(), 1);
}

pub(super) async fn gives_each_job_to_one_of_many_claimants(backend: &impl Backend) {
    let store = backend.open();
    let count = 300;
    for number in 0..count {
        submit(&store, job(&number.to_string())).await;
    }
    let drain = || {
        let store = backend.open();
        let mut ids = Vec::new();
        while let Next::Job(claimed) = block_on(store.claim(LEASE, None, NOW)).unwrap() {
            assert_eq!(claimed.input, Some(job(&claimed.claim.id).input));
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
        lists::list_all(&store, Some(Status::Succeeded), 100)
            .await
            .len(),
        count
    );
}

pub(super) async fn leaves_nothing_behind(backend: &impl Backend) {
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
    assert_eq!(backend.inputs(), 0);
    assert!(backend.records() > 0);
    let next = store.claim(LEASE, None, now + KEPT).await.unwrap();
    assert_eq!(next, Next::Idle);
    assert_eq!(backend.records(), 0);
}
