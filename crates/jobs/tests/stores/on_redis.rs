//! What only the Redis store does.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jobs::{Ending, NewJob, Next, Outcome, RedisStore, Status, Store, Submitted, outdated};
use pollster::block_on;

use crate::backend::{Backend, LEASE, MANY, NOW, Server, job, key};

fn answer() -> Ending {
    Ending::Outcome(Outcome {
        status: 200,
        content_type: None,
        headers: Vec::new(),
        body: b"1".to_vec(),
    })
}

#[test]
fn keys_expire_by_themselves() {
    let server = Server::start();
    let store = server.open();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = now.as_millis().try_into().unwrap();
    for number in 0..20 {
        let id = number.to_string();
        let new = NewJob {
            key: key(&id, "1"),
            webhook: Some("https://example.org/".to_owned()),
            expires_after: 500,
            ..job(&id)
        };
        block_on(store.submit(new, MANY, now)).unwrap();
        match number % 3 {
            0 => {
                block_on(store.cancel(&id, now)).unwrap();
            }
            kind => {
                let Next::Job(claimed) = block_on(store.claim(LEASE, None, now)).unwrap() else {
                    panic!("a job waits")
                };
                let ending = if kind == 1 {
                    answer()
                } else {
                    Ending::Canceled
                };
                assert!(block_on(store.finish(&claimed.claim, ending, now)).unwrap());
            }
        }
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while !server.keys().is_empty() {
        assert!(Instant::now() < deadline, "{:?} are left", server.keys());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_script_is_sent_when_the_server_has_lost_it() {
    let server = Server::start();
    let store = server.open();
    block_on(store.submit(job("a"), MANY, NOW)).unwrap();
    server.driver().run("SCRIPT", &["FLUSH"]);
    assert!(block_on(store.get("a", NOW)).unwrap().is_some());
}

#[test]
fn one_database_may_serve_for_both() {
    let server = Server::start();
    let store = RedisStore::new(server.driver(), 3, 3);
    for id in ["a", "b", "c"] {
        block_on(store.submit(job(id), MANY, NOW)).unwrap();
    }
    let Next::Job(claimed) = block_on(store.claim(LEASE, None, NOW)).unwrap() else {
        panic!("a job waits")
    };
    assert!(block_on(store.finish(&claimed.claim, answer(), NOW)).unwrap());
    assert!(!block_on(store.finish(&claimed.claim, answer(), NOW)).unwrap());
    let ended = block_on(store.get(&claimed.claim.id, NOW))
        .unwrap()
        .unwrap();
    assert_eq!(ended.status, Status::Succeeded);
    let page = block_on(store.list("", None, None, 10, NOW)).unwrap();
    assert_eq!(page.jobs.len(), 3);
    let again = block_on(store.submit(job(&claimed.claim.id), MANY, NOW)).unwrap();
    assert_eq!(again, Submitted::Existing(ended));
    assert!(block_on(store.remove(&claimed.claim.id, NOW)).unwrap());
    assert_eq!(block_on(store.get(&claimed.claim.id, NOW)), Ok(None));
}

#[test]
fn stores_of_other_prefixes_and_databases_are_others() {
    let server = Server::start();
    let store = server.open();
    block_on(store.submit(job("a"), MANY, NOW)).unwrap();
    let others = [
        RedisStore::new(server.driver(), Server::INPUTS, Server::RESULTS).with_prefix("other:"),
        RedisStore::new(server.driver(), 5, 6),
    ];
    for other in others {
        assert_eq!(block_on(other.get("a", NOW)), Ok(None));
        assert_eq!(block_on(other.load(NOW)), Ok(0));
        block_on(other.submit(job("a"), MANY, NOW)).unwrap();
    }
    assert_eq!(block_on(store.load(NOW)), Ok(1));
    let prefixes = ["routelets:", "other:"];
    for key in server.keys() {
        assert!(
            prefixes.iter().any(|prefix| key.starts_with(prefix)),
            "{key}"
        );
    }
}

#[test]
fn what_was_acknowledged_survives_the_server() {
    let server = Server::start();
    let store = server.open();
    for number in 0..50 {
        block_on(store.submit(job(&number.to_string()), MANY, NOW)).unwrap();
    }
    let Next::Job(ended) = block_on(store.claim(LEASE, None, NOW)).unwrap() else {
        panic!("a job waits")
    };
    let Next::Job(running) = block_on(store.claim(LEASE, None, NOW)).unwrap() else {
        panic!("a job waits")
    };
    assert!(block_on(store.finish(&ended.claim, answer(), NOW)).unwrap());
    server.stop();
    server.resume();
    assert!(block_on(store.load(NOW)).is_err(), "the connection is gone");

    let store = server.open();
    assert_eq!(block_on(store.load(NOW)), Ok(48));
    assert!(
        block_on(store.outcome(&ended.claim.id, NOW))
            .unwrap()
            .is_some()
    );
    assert!(block_on(store.finish(&running.claim, answer(), NOW)).unwrap());
    let mut left = 0;
    while let Next::Job(claimed) = block_on(store.claim(LEASE, None, NOW)).unwrap() {
        assert!(block_on(store.finish(&claimed.claim, answer(), NOW)).unwrap());
        left += 1;
    }
    assert_eq!(left, 48);
}

/// Versions before this one kept the HTTP request of a job, in `request:ID`, and the answer without its headers.
#[test]
fn takes_over_what_an_earlier_version_has_kept() {
    let server = Server::start();
    let store = server.open();
    block_on(store.submit(job("ended"), MANY, NOW)).unwrap();
    let Next::Job(claimed) = block_on(store.claim(LEASE, None, NOW)).unwrap() else {
        panic!("a job waits")
    };
    assert!(block_on(store.finish(&claimed.claim, answer(), NOW)).unwrap());
    block_on(store.submit(job("waits"), MANY, NOW)).unwrap();
    let driver = server.driver();
    driver.run("SELECT", &[&Server::INPUTS.to_string()]);
    driver.run("DEL", &["routelets:input:waits"]);
    let request = ["method", "POST", "target", "/factorize", "body", "{}"];
    let command = [&["routelets:request:waits"][..], &request].concat();
    driver.run("HSET", &command);

    let store = server.open();
    assert!(block_on(store.outcome("ended", NOW)).unwrap().is_some());
    let Next::Job(claimed) = block_on(store.claim(LEASE, None, NOW)).unwrap() else {
        panic!("a job waits")
    };
    assert_eq!((&*claimed.claim.id, claimed.input), ("waits", None));
    let ending = Ending::Outcome(outdated());
    assert!(block_on(store.finish(&claimed.claim, ending, NOW)).unwrap());
    assert!(!server.keys().iter().any(|key| key.contains(":request:")));
}

/// Versions before the counters claim a job and leave it in the number of those that wait.
#[test]
fn the_number_of_waiting_jobs_is_right_again_when_none_waits() {
    let server = Server::start();
    let store = server.open();
    block_on(store.submit(job("a"), MANY, NOW)).unwrap();
    let driver = server.driver();
    driver.run("SELECT", &[&Server::INPUTS.to_string()]);
    driver.run("HINCRBY", &["routelets:routes", "POST /factorize", "1"]);
    let waiting = || {
        let metrics = block_on(store.metrics(NOW)).unwrap();
        metrics.routes["POST /factorize"].waiting
    };
    assert_eq!(waiting(), 2);
    for left in [1, 0] {
        block_on(store.claim(LEASE, None, NOW)).unwrap();
        assert_eq!(waiting(), left);
    }
}
