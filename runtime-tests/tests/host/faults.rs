//! Components that trap, hang or use too much memory must not affect others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use runtime_tests::Runtime;

use crate::{launch, tell};

#[test]
fn a_trap_ends_its_request_and_nothing_else() {
    let app = launch("pair").start();
    for _ in 0..20 {
        let answer = app.get("/victim/?do=trap");
        assert_eq!(answer.status, 500);
        if Runtime::is_embedded() {
            assert_eq!(answer.problem(), "internal-error");
            assert!(answer.header("x-request-id").is_some());
        }
        assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
        assert_eq!(tell(&app, "/victim/", "sleep&ms=1").unwrap(), "slept");
    }
    if Runtime::is_embedded() {
        let line = app.line(|line| line.starts_with("error: component 'victim'"));
        assert!(line.contains("an instance failed"), "{line}");
    }
    // The panic's message.
    let _ = app.line(|line| line.contains("told to trap"));
}

#[test]
fn others_are_answered_while_one_traps_and_traps() {
    let app = launch("pair").start();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let traps = scope.spawn(|| {
            (0..100).for_each(|_| assert_eq!(app.get("/victim/?do=trap").status, 500));
            over.store(true, Ordering::SeqCst);
        });
        while !over.load(Ordering::SeqCst) && !traps.is_finished() {
            assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
        }
    });
}

#[test]
#[cfg_attr(spin, ignore = "Spin cannot interrupt a guest that computes")]
fn a_busy_loop_is_ended_by_the_request_timeout() {
    let app = launch("pair").arg("--request-timeout=300ms").start();
    thread::scope(|scope| {
        let busy: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| app.get("/victim/?do=burn&ms=3600000").status))
            .collect();
        while !busy.iter().all(thread::ScopedJoinHandle::is_finished) {
            assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
        }
        for busy in busy {
            assert_eq!(busy.join().unwrap(), 504);
        }
    });
    assert_eq!(tell(&app, "/victim/", "burn&ms=1").unwrap(), "burnt");
}

#[test]
fn a_request_that_waits_too_long_is_ended() {
    let app = launch("pair").arg("--request-timeout=300ms").start();
    let status = app.get("/victim/?do=sleep&ms=3600000").status;
    assert!((500..=504).contains(&status), "{status}");
    assert_eq!(tell(&app, "/victim/", "sleep&ms=1").unwrap(), "slept");
}

#[test]
#[cfg_attr(spin, ignore = "Spin's limit is not a flag of `spin up`")]
fn memory_is_limited() {
    let app = launch("pair").arg("--max-instance-memory=67108864").start();
    assert_eq!(tell(&app, "/victim/", "allocate&mib=32").unwrap(), 32 << 20);
    assert_eq!(app.get("/victim/?do=allocate&mib=128").status, 500);
    assert_eq!(tell(&app, "/victim/", "allocate&mib=32").unwrap(), 32 << 20);
}

#[test]
#[cfg_attr(
    spin,
    ignore = "`--max-concurrent-requests` is a flag of the embedded host"
)]
fn more_requests_than_are_answered_at_once_wait() {
    let app = launch("pair").arg("--max-concurrent-requests=2").start();
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(tell(&app, "/steady/", "sleep&ms=20").unwrap(), "slept"));
        }
    });
}

#[test]
fn instances_are_replaced_when_they_have_served_their_requests() {
    let app = launch("pair").arg("--max-instance-reuse-count=1").start();
    for _ in 0..20 {
        assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
    }
}
