//! Jobs that are being cut into parts.

use super::parts::{cut, finish_part};
use super::*;

pub(super) async fn computes_parts_while_more_are_added(backend: &impl Backend) {
    let store = backend.open();
    let cutter = begin(&store, "a").await;
    let add = async |number: u32| {
        let bytes = number.to_string().into_bytes();
        store.add_part(&cutter, number, bytes, NOW).await.unwrap()
    };
    assert!(add(0).await && add(1).await);
    let first = claim_at(&store, NOW).await;
    assert_eq!(first.input.as_ref().unwrap().bytes, b"0");
    // Their number is not known yet.
    assert_eq!((first.job.status, first.job.parts), (Status::Running, None));
    assert!(finish_part(&store, &first).await);
    assert!(add(0).await && add(1).await, "added before");
    let second = claim_at(&store, NOW).await;
    assert!(finish_part(&store, &second).await);
    let next = store.claim(LEASE, None, NOW).await.unwrap();
    assert_eq!(next, Next::Later(NOW + LEASE), "no join before the cut");
    assert!(add(2).await);
    let of = |parts, enough| Cut {
        rest: b"rest".to_vec(),
        parts,
        enough,
    };
    assert!(!store.cut(&cutter, of(2, None), NOW).await.unwrap());
    assert!(store.cut(&cutter, of(3, None), NOW).await.unwrap());
    let job = store.get("a", NOW).await.unwrap().unwrap();
    assert_eq!(job.parts, Some(PartsDone { done: 2, of: 3 }));
    let third = claim_at(&store, NOW).await;
    assert!(finish_part(&store, &third).await);
    let join = claim_at(&store, NOW).await;
    assert!(join.join);
    let results = store.results(&join.claim, NOW).await.unwrap();
    assert_eq!(results, [b"0", b"1", b"2"]);
    assert!(store.finish(&join.claim, ending("1"), NOW).await.unwrap());
    assert_eq!(backend.parts(), 0);
}

pub(super) async fn joins_at_once_what_was_done_before_the_cut(backend: &impl Backend) {
    let store = backend.open();
    for (id, parts, enough) in [("all", 2, None), ("enough", 3, Some(20))] {
        let cutter = begin(&store, id).await;
        let mut claims = Vec::new();
        for number in 0..parts {
            let bytes = number.to_string().into_bytes();
            let added = store.add_part(&cutter, number, bytes, NOW).await;
            assert!(added.unwrap());
            claims.push(claim_at(&store, NOW).await);
        }
        for claimed in &claims[..2] {
            assert!(finish_part(&store, claimed).await);
        }
        let cut = Cut {
            rest: b"rest".to_vec(),
            parts,
            enough,
        };
        assert!(store.cut(&cutter, cut, NOW).await.unwrap());
        for claimed in &claims[2..] {
            let lost = store.heartbeat(&claimed.claim, None, LEASE, NOW).await;
            assert_eq!(lost.unwrap(), Lease::Lost);
        }
        let join = claim_at(&store, NOW).await;
        assert!(join.join);
        let results = store.results(&join.claim, NOW).await.unwrap();
        assert_eq!(results, [b"0", b"1"]);
        assert!(store.finish(&join.claim, ending("1"), NOW).await.unwrap());
    }
    assert_eq!(backend.parts(), 0);
}

pub(super) async fn drops_the_parts_of_a_lost_beginning(backend: &impl Backend) {
    let store = backend.open();
    let cutter = begin(&store, "a").await;
    let mut claims = Vec::new();
    for number in 0..3 {
        let added = store.add_part(&cutter, number, vec![b'0'], NOW).await;
        assert!(added.unwrap());
        let part = store.claim(2 * LEASE, None, NOW).await.unwrap();
        let Next::Job(part) = part else {
            panic!("{part:?}")
        };
        claims.push(part);
    }
    assert!(finish_part(&store, &claims[0]).await);
    let again = claim_at(&store, NOW + LEASE).await;
    assert_eq!((again.claim.part, again.claim.attempt), (None, 2));
    assert_eq!(again.input, Some(job("a").input));
    assert_eq!(backend.parts(), 0);
    let now = NOW + LEASE;
    let lost = store.heartbeat(&claims[1].claim, None, LEASE, now).await;
    assert_eq!(lost.unwrap(), Lease::Lost);
    assert!(!finish_part(&store, &claims[2]).await);
    // The parts of the second beginning are its own.
    let added = store.add_part(&again.claim, 0, vec![b'1'], now).await;
    assert!(added.unwrap());
    let part = claim_at(&store, now).await;
    assert_eq!(part.claim.part, Some(PartId { cut: 2, number: 0 }));
    assert_eq!(part.input.unwrap().bytes, b"1");
}

pub(super) async fn ends_a_beginning_with_a_part(backend: &impl Backend) {
    let store = backend.open();
    let cutter = begin(&store, "a").await;
    let added = store.add_part(&cutter, 0, Vec::new(), NOW).await;
    assert!(added.unwrap());
    let part = claim_at(&store, NOW).await;
    let failed = Ending::Outcome(answer(422, b"no"));
    assert!(store.finish(&part.claim, failed, NOW).await.unwrap());
    let lost = store.heartbeat(&cutter, None, LEASE, NOW).await;
    assert_eq!(lost.unwrap(), Lease::Lost);
    let late = store.add_part(&cutter, 1, Vec::new(), NOW).await;
    assert!(!late.unwrap());
    assert_eq!(store.claim(LEASE, None, NOW).await.unwrap(), Next::Idle);
    assert_eq!((backend.parts(), backend.inputs()), (0, 0));
    let metrics = store.metrics(NOW).await.unwrap();
    let metrics = metrics.routes["POST /factorize"];
    assert_eq!((metrics.lost, metrics.failed, metrics.running), (0, 1, 0));
}

pub(super) async fn begins_again_what_was_not_cut(backend: &impl Backend) {
    let store = backend.open();
    let lost = begin(&store, "a").await;
    for number in 0..3 {
        let added = store.add_part(&lost, number, b"lost".to_vec(), NOW).await;
        assert!(added.unwrap());
    }
    let again = claim_at(&store, NOW + LEASE).await;
    assert!(!again.join);
    assert_eq!(again.input, Some(job("a").input));
    assert_eq!(backend.parts(), 0);
    let late = store.add_part(&lost, 3, b"lost".to_vec(), NOW).await;
    assert!(!late.unwrap());
    // A number that is added again stays as it was.
    for bytes in [b"0", b"1"] {
        let added = store.add_part(&again.claim, 0, bytes.to_vec(), NOW).await;
        assert!(added.unwrap());
    }
    let of_two = Cut {
        rest: Vec::new(),
        parts: 2,
        enough: None,
    };
    assert!(!store.cut(&again.claim, of_two, NOW).await.unwrap());
    cut(&store, &again.claim, 1, None).await;
    let part = claim_at(&store, NOW + LEASE).await;
    assert_eq!(part.input.unwrap().bytes, b"0");
}

pub(super) async fn does_not_cut_a_job_that_is_to_be_canceled(backend: &impl Backend) {
    let store = backend.open();
    let claim = begin(&store, "a").await;
    assert!(store.add_part(&claim, 0, Vec::new(), NOW).await.unwrap());
    let part = claim_at(&store, NOW).await;
    store.cancel("a", NOW).await.unwrap();
    // Who computes a part learns of it as soon as who cuts the job.
    let lost = store.heartbeat(&part.claim, None, LEASE, NOW).await;
    assert_eq!(lost.unwrap(), Lease::Lost);
    let cut = Cut {
        rest: Vec::new(),
        parts: 1,
        enough: None,
    };
    assert!(!store.cut(&claim, cut, NOW).await.unwrap());
    let held = store.heartbeat(&claim, None, LEASE, NOW).await.unwrap();
    assert_eq!(held, Lease::CancelRequested);
    assert!(store.finish(&claim, Ending::Canceled, NOW).await.unwrap());
    assert_eq!(backend.parts(), 0);
}
