//! A job in parts while runners and stores fail: it ends once and with the right answer, and little is computed twice.

use jobs::{Millis, Status, Store, worker_lost};
use pollster::block_on;
use proptest::prelude::*;

use crate::backend::{NOW, Server, Sqlite};
use crate::line::Distant;
use crate::world::{Fault, LEASE, RUNNERS, Seen, Step, Who, World};

macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name::<super::Sqlite>(); })*
        }
        mod redis {
            $(#[test] fn $name() { super::$name::<super::Server>(); })*
        }
    };
}

on_both! {
    a_job_of_500_parts_outlives_its_runners_and_its_store
    a_join_that_is_lost_or_late_is_done_once
    a_cancellation_reaches_every_runner_within_a_second
}

/// The job ended once, with the right answer, and left nothing.
fn assert_answered<B: Distant>(world: &World<B>, seen: &Seen) {
    assert_eq!(seen.job.status, Status::Succeeded);
    assert_eq!(seen.outcome.as_ref().unwrap().body, world.answer());
    let metrics = block_on(world.backend.open().metrics(NOW)).unwrap();
    let metrics = metrics.routes["POST /factorize"];
    assert_eq!((metrics.succeeded, metrics.failed), (1, 0));
    assert_eq!((metrics.running, metrics.waiting), (0, 0));
    assert_eq!((world.backend.parts(), world.backend.inputs()), (0, 0));
}

/// How often parts were begun, in sum and at most.
fn parts_begun<B>(world: &World<B>) -> (u32, u32) {
    let begun = world.begun.borrow();
    let begun = begun.range(Step::Part(0)..=Step::Part(u32::MAX));
    begun.fold((0, 0), |(sum, most), (_, times)| {
        (sum + times, most.max(*times))
    })
}

/// Of the SQLite store the commands fail; Redis is killed and started again.
fn a_job_of_500_parts_outlives_its_runners_and_its_store<B: Distant>() {
    let world = World::<B>::new(500);
    let late = 2 * LEASE;
    let seen = world.run(
        &[
            (10_000, Fault::Kill(Who::InPart(0))),
            (25_000, Fault::Kill(Who::InPart(1))),
            (40_000, Fault::Kill(Who::InPart(2))),
            (55_000, Fault::Kill(Who::InPart(3))),
            (70_000, Fault::Pause(Who::InPart(0), late)),
            (90_000, Fault::LoseReplies(6)),
            (105_000, Fault::Outage(LEASE - 2_000)),
        ],
        None,
    );
    assert_answered(&world, &seen);
    let begun = world.begun.borrow();
    assert_eq!((begun[&Step::Begin], begun[&Step::Join]), (1, 1));
    assert_eq!(world.webhooks.borrow().len(), 1);
    // Those of four runners that were killed, and the one that was late, whose result came twice.
    assert_eq!(parts_begun(&world), (505, 2));
    let computed = world.computed.borrow();
    assert_eq!(computed.len(), 502);
    let twice = computed.values().filter(|times| **times == 2).count();
    assert_eq!((twice, computed.values().max()), (1, Some(&2)));
}

fn a_join_that_is_lost_or_late_is_done_once<B: Distant>() {
    let world = World::<B>::new(5);
    let seen = world.run(
        &[
            (0, Fault::Kill(Who::Joiner)),
            (0, Fault::Pause(Who::Joiner, 2 * LEASE)),
        ],
        None,
    );
    assert_answered(&world, &seen);
    assert_eq!(parts_begun(&world), (5, 1));
    assert_eq!(world.begun.borrow()[&Step::Join], 3);
    assert_eq!(world.computed.borrow()[&Step::Join], 2);
    assert_eq!(world.webhooks.borrow().len(), 1);
}

fn a_cancellation_reaches_every_runner_within_a_second<B: Distant>() {
    let world = World::<B>::new(500);
    let seen = world.run(&[], Some(20_000));
    assert_eq!(seen.job.status, Status::Canceled);
    let canceled_at = seen.canceled_at.unwrap();
    let worked_until = world.worked_until.get();
    assert!(worked_until > NOW + 20_000);
    // The heartbeat, and the way of its reply.
    assert!(
        worked_until <= canceled_at + 1_010,
        "{worked_until} {canceled_at}"
    );
    assert_eq!((world.backend.parts(), world.backend.inputs()), (0, 0));
    assert_eq!(world.webhooks.borrow().len(), 1);
}

fn fault() -> impl Strategy<Value = Fault> {
    let who = || {
        prop_oneof![
            4 => (0..RUNNERS).prop_map(Who::Runner),
            1 => Just(Who::Joiner),
        ]
    };
    prop_oneof![
        3 => who().prop_map(Fault::Kill),
        3 => (who(), 500..12_000_u64).prop_map(|(who, time)| Fault::Pause(who, time)),
        1 => (500..15_000_u64).prop_map(Fault::Outage),
        2 => (1..4_u32).prop_map(Fault::LoseReplies),
    ]
}

fn faults() -> impl Strategy<Value = Vec<(Millis, Fault)>> {
    prop::collection::vec((300..12_000_u64, fault()), 0..7).prop_map(|mut faults| {
        faults.sort_by_key(|(at, _)| *at);
        faults
    })
}

/// How many attempts of one thing, and how many computations in all, the faults can have cost.
fn costs(faults: &[(Millis, Fault)]) -> (u32, u32) {
    let costs = faults.iter().map(|(_, fault)| match fault {
        Fault::Kill(_) | Fault::Pause(..) => (1, 1),
        Fault::Outage(_) => (1, RUNNERS.try_into().unwrap()),
        Fault::LoseReplies(number) => (*number, *number),
    });
    costs.fold((0, 0), |sum, cost| (sum.0 + cost.0, sum.1 + cost.1))
}

fn check<B: Distant>(faults: &[(Millis, Fault)]) {
    const PARTS: u32 = 16;
    let world = World::<B>::new(PARTS);
    let seen = world.run(faults, None);
    let (attempts, computations) = costs(faults);
    if seen.job.status == Status::Failed && attempts >= jobs::MAX_ATTEMPTS {
        assert_eq!(seen.outcome, Some(worker_lost()));
        assert_eq!((world.backend.parts(), world.backend.inputs()), (0, 0));
    } else {
        assert_answered(&world, &seen);
    }
    let (sum, most) = parts_begun(&world);
    // A beginning that is lost takes its parts along.
    let beginnings = world.begun.borrow()[&Step::Begin];
    assert!(
        sum <= PARTS * beginnings + computations && most <= 1 + attempts,
        "{sum} {most}"
    );
    assert!(world.webhooks.borrow().len() <= 1 + usize::try_from(attempts).unwrap());
    let removed = block_on(world.backend.open().remove("a", NOW));
    assert_eq!((removed, world.backend.records()), (Ok(true), 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn random_faults_on_sqlite(faults in faults()) {
        check::<Sqlite>(&faults);
    }

    #[test]
    fn random_faults_on_redis(faults in faults()) {
        check::<Server>(&faults);
    }
}
