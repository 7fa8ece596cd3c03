//! How often a caller may call.

use runtime_tests::{Launch, Redis, Request, Response, Server, application};

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

#[test]
fn replicas_share_a_limit_in_redis() {
    let redis = Redis::start();
    let replica = || {
        Launch::new(&application())
            .variable("jobs_store", "redis")
            .variable("redis_url", &redis.url())
            .variable("api_keys", "one:first-secret")
            .variable("rate_limit", "3/h")
            .start()
    };
    let replicas = [replica(), replica()];
    let answers = [0, 1, 0, 1, 0].map(|at: usize| ask(&replicas[at], "first-secret").status);
    assert_eq!(answers, [200, 200, 200, 429, 429]);
}

#[test]
fn those_who_guess_passwords_are_slowed() {
    let app = Launch::new(&application())
        .variable("jwt_secrets", "a-secret-of-the-tests-0123456789abcdef")
        .variable("users", crate::tokens::ADA)
        .start();
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
