//! How often a caller may call, and how many bodies it may send at once.

use std::thread;
use std::time::{Duration, Instant};

use runtime_tests::http::{LAST_CHUNK, chunk};
use runtime_tests::{Connection, Launch, Redis, Request, Response, Server, application};

fn ask(app: &Server, key: &str) -> Response {
    app.send(&Request::get("/sum/1/2").header("x-api-key", key))
}

fn check_refused(answer: &Response, policy: &str) {
    assert_eq!(
        (answer.status, &*answer.problem()),
        (429, "too-many-requests")
    );
    let wait = answer.header("retry-after").unwrap().parse::<u32>();
    assert!((1..=60).contains(&wait.unwrap()));
    assert_eq!(answer.header("ratelimit-policy"), Some(policy));
    let left = answer.header("ratelimit").unwrap();
    assert!(left.starts_with(r#""default";r=0;t="#), "{left}");
}

#[test]
fn each_caller_has_a_bucket() {
    let app = Launch::new(&application())
        .variable(
            "api_keys",
            "one:first-secret,two:second-secret,three:third-secret;rate=2/h",
        )
        .variable("rate_limit", "4/min")
        .start();
    let policy = r#""default";q=4;w=60"#;
    for left in (0..4).rev() {
        let answer = ask(&app, "first-secret");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), Some(policy));
        let told = answer.header("ratelimit").unwrap();
        assert!(
            told.starts_with(&format!(r#""default";r={left};t="#)),
            "{told}"
        );
    }
    check_refused(&ask(&app, "first-secret"), policy);
    // Wherever the caller calls, but where nobody is asked.
    let elsewhere = Request::get("/v2").header("x-api-key", "first-secret");
    check_refused(&app.send(&elsewhere), policy);
    assert_eq!(app.get("/ping").status, 200);
    // Another caller, one with a rate of its own, and one who is nobody.
    assert_eq!(ask(&app, "second-secret").status, 200);
    for _ in 0..2 {
        assert_eq!(ask(&app, "third-secret").status, 200);
    }
    let refused = ask(&app, "third-secret");
    assert_eq!(
        refused.header("ratelimit-policy"),
        Some(r#""default";q=2;w=3600"#)
    );
    assert_eq!(refused.status, 429);
    assert_eq!(ask(&app, "wrong").status, 401);
}

#[test]
fn without_names_the_address_counts_and_only_proxies_of_ours_may_say_another() {
    let from = |app: &Server, address: &str| {
        let request = Request::get("/hello").header("x-forwarded-for", address);
        app.send(&request.header("spin-client-addr", "203.0.113.7:1"))
            .status
    };
    let app = Launch::new(&application())
        .variable("rate_limit", "2/h")
        .start();
    let answers = ["203.0.113.1", "203.0.113.2", "203.0.113.3"].map(|address| from(&app, address));
    assert_eq!(answers, [200, 200, 429]);
    let app = Launch::new(&application())
        .variable("rate_limit", "2/h")
        .variable("trusted_proxies", "127.0.0.0/8")
        .start();
    for _ in 0..2 {
        assert_eq!(from(&app, "198.51.100.1, 203.0.113.1"), 200);
    }
    assert_eq!(from(&app, "198.51.100.2, 203.0.113.1"), 429);
    assert_eq!(from(&app, "198.51.100.1, 203.0.113.2"), 200);
}

/// Two that share a limit.
fn replicas(redis: &Redis, limit: &str, value: &str) -> [Server; 2] {
    std::array::from_fn(|_| {
        Launch::new(&application())
            .variable("jobs_store", "redis")
            .variable("redis_url", &redis.url())
            .variable("api_keys", "one:first-secret")
            .variable(limit, value)
            .start()
    })
}

#[test]
fn replicas_share_a_limit_in_redis() {
    let redis = Redis::start();
    let replicas = replicas(&redis, "rate_limit", "3/h");
    let answers = [0, 1, 0, 1, 0].map(|at: usize| ask(&replicas[at], "first-secret").status);
    assert_eq!(answers, [200, 200, 200, 429, 429]);
}

#[test]
fn those_who_guess_passwords_are_slowed() {
    let app = crate::tokens::launch().start();
    let sign_in = |name, password| crate::tokens::sign_in(&app, name, password);
    // Who knows the password is not counted.
    for _ in 0..12 {
        assert_eq!(sign_in("ada", "correct+horse").status, 200);
    }
    for _ in 0..10 {
        assert_eq!(sign_in("ada", "wrong").status, 401);
    }
    let refused = sign_in("ada", "correct+horse");
    assert_eq!(
        (refused.status, &*refused.problem()),
        (429, "too-many-requests")
    );
    assert!(refused.header("retry-after").is_some());
    assert_eq!(sign_in("eve", "wrong").status, 401);
}

#[test]
fn a_client_cannot_try_many_names() {
    let app = crate::tokens::launch().start();
    let sign_in = |name: &str, password| crate::tokens::sign_in(&app, name, password);
    // An attempt comes back every twenty seconds.
    let mut attempts = 0..60;
    let refused = attempts.find(|i| sign_in(&format!("user-{i}"), "wrong").status == 429);
    assert!(refused.is_some_and(|attempt| attempt >= 30), "{refused:?}");
    let refused = sign_in("ada", "correct+horse");
    assert_eq!(
        (refused.status, &*refused.problem()),
        (429, "too-many-requests")
    );
}

/// Begins to send a body with this header, and pauses.
fn begin(app: &Server, header: &str, framing: &str) -> Connection {
    let mut connection = app.connect();
    let head = format!(
        "POST /factorize HTTP/1.1\r\nhost: h\r\n{header}\r\ncontent-type: application/json\r\n{framing}\r\n\r\n"
    );
    connection.write(head).unwrap();
    connection
}

/// The body's length is not known before its end.
fn upload(app: &Server, header: &str) -> Connection {
    let mut connection = begin(app, header, "transfer-encoding: chunked");
    connection.write(chunk(b"{\"number\": ")).unwrap();
    connection
}

/// Sends the rest of an [`upload`], unless it has been refused.
fn end(mut upload: Connection) -> Response {
    if upload.is_waiting().unwrap() {
        let rest = [&chunk(b"6}"), LAST_CHUNK].concat();
        upload.write(rest).unwrap();
    }
    upload.read("POST").unwrap()
}

/// The uploads that go on after one more has been begun than may be sent at once.
fn fill(most: usize, upload: impl Fn() -> Connection) -> Vec<Connection> {
    let mut uploads: Vec<_> = (0..=most).map(|_| upload()).collect();
    let refused = Connection::first_answered(&mut uploads).and_then(|mut one| one.read("POST"));
    let refused = refused.unwrap();
    let code = (refused.status, &*refused.problem());
    assert_eq!(code, (429, "too-many-requests"));
    let wait = refused.header("retry-after").unwrap().parse::<u32>();
    assert!((1..=60).contains(&wait.unwrap()));
    for other in &mut uploads {
        assert!(other.is_waiting().unwrap(), "another one was refused");
    }
    uploads
}

/// Asserts that soon one more upload is served; much sooner than a lease runs out.
fn check_room(upload: impl Fn() -> Connection) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let one = upload();
        thread::sleep(Duration::from_millis(500));
        let answer = end(one);
        if answer.status == 200 {
            return;
        }
        assert_eq!(answer.status, 429);
        assert!(Instant::now() < deadline, "no room again");
    }
}

#[test]
fn each_caller_may_send_so_many_bodies_at_once() {
    let app = Launch::new(&application())
        .variable("api_keys", "one:first-secret,two:second-secret")
        .variable("max_uploads_per_caller", "2")
        .start();
    let [one, two] = ["x-api-key: first-secret", "x-api-key: second-secret"];
    let mut held = fill(2, || upload(&app, one));
    // Others are served, and so is a body that arrives at once.
    assert_eq!(end(upload(&app, two)).status, 200);
    let whole = Request::post_json("/factorize", r#"{"number": 6}"#);
    let whole = app.send(&whole.header("x-api-key", "first-secret"));
    assert_eq!((whole.status, app.get("/ping").status), (200, 200));
    // One ends.
    assert_eq!(end(held.pop().unwrap()).json()["number"], 6);
    check_room(|| upload(&app, one));
    drop(held);
    // Clients break off.
    drop(fill(2, || upload(&app, two)));
    check_room(|| upload(&app, two));
}

#[test]
fn a_small_body_that_is_slow_is_an_upload() {
    let app = Launch::new(&application())
        .variable("max_uploads_per_caller", "2")
        .start();
    let slow = || begin(&app, "x-a: 1", "content-length: 13");
    let held = fill(2, slow);
    for mut one in held {
        one.write(r#"{"number": 6}"#).unwrap();
        assert_eq!(one.read("POST").unwrap().status, 200);
    }
}

#[test]
fn uploads_without_a_name_are_counted_by_address() {
    let app = Launch::new(&application())
        .variable("trusted_proxies", "127.0.0.0/8")
        .variable("max_uploads_per_caller", "1")
        .start();
    let held = fill(1, || upload(&app, "x-forwarded-for: 203.0.113.1"));
    let other = end(upload(&app, "x-forwarded-for: 203.0.113.2"));
    assert_eq!(other.status, 200);
    // Nobody needs a key for this one.
    let grant = || {
        let head = "POST /token HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 203.0.113.3\r\n\
            content-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut connection = app.connect();
        connection.write(head).unwrap();
        connection
    };
    drop(fill(1, grant));
    drop(held);
}

#[test]
fn without_a_limit_no_upload_is_counted() {
    let app = Launch::new(&application())
        .variable("max_uploads_per_caller", "")
        .start();
    let uploads: Vec<_> = (0..40).map(|_| upload(&app, "x-a: 1")).collect();
    for one in uploads {
        assert_eq!(end(one).status, 200);
    }
}

#[test]
fn replicas_share_the_uploads_of_a_caller() {
    let redis = Redis::start();
    let replicas = replicas(&redis, "max_uploads_per_caller", "2");
    let key = "x-api-key: first-secret";
    let held = fill(2, || upload(&replicas[0], key));
    let refused = upload(&replicas[1], key).read("POST").unwrap();
    assert_eq!(refused.status, 429);
    drop(held);
    check_room(|| upload(&replicas[1], key));
}

#[test]
#[cfg_attr(spin, ignore = "Spin does not know what the settings mean")]
fn a_limit_that_cannot_be_used_is_refused_at_the_start() {
    for (name, value) in [
        ("rate_limit", "many"),
        ("max_uploads_per_caller", "0"),
        ("trusted_proxies", "10.0.0.0/99"),
    ] {
        let (status, output) = Launch::new(&application()).variable(name, value).fail();
        assert!(!status.success() && output.contains(name), "{output}");
    }
}

#[test]
#[cfg_attr(spin, ignore = "Spin does not know what the settings mean")]
fn settings_that_would_be_overlooked_end_the_start() {
    for (name, value, told) in [
        ("jobs_store", "Redis", "expected 'sqlite' or 'redis'"),
        (
            "max_waiting_jobs",
            "10k",
            "'10k', expected a whole number below",
        ),
        ("job_result_seconds", "1h", "expected a whole number"),
        ("factorize_time_limit", "0", "expected seconds from 0.001"),
        ("metrics_public", "yes", "expected 'true' or 'false'"),
    ] {
        let (status, output) = Launch::new(&application()).variable(name, value).fail();
        let named = output.contains(name) && output.contains(told);
        assert!(!status.success() && named, "{output}");
    }
}
