//! The attacks of `attacks/*.toml`, each a test of its own, on an application with keys, tokens and a user.

#![allow(clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use runtime_tests::attack::{self, Attack, KEY, OTHER_KEY, SECRET};
use runtime_tests::{Launch, Request, Server, application};

/// The password is `correct horse`.
const ADA: &str = "ada:$argon2id$v=19$m=64,t=1,p=1$kXgoXg6R+pRNdHCL/zBCOw$RuGSRq8q05J+Rx7LksRh3SQqbvjRR4Od1/yneRv2Nfg";

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let keys = format!(
        "one:{KEY},two:{OTHER_KEY},old:an-expired-key-of-the-attacked-01;expires=2026-01-01,\
         narrow:a-narrow-key-of-the-attacked-0123;routes=/sum/*,\
         slow:a-key-that-uploads-slowly-0123456,slower:a-key-that-trickles-0123456789ab,\
         stuffer:a-key-that-stuffs-the-queue-01234"
    );
    SERVER.get_or_init(|| {
        Launch::new(&application())
            .variable("api_keys", &keys)
            .variable("jwt_secrets", SECRET)
            .variable("jwt_issuer", "https://login.example")
            .variable("jwt_audience", "routelets")
            .variable("users", ADA)
            .variable("factorize_time_limit", "2")
            .variable("factorize_job_time_limit", "2")
            .variable("max_waiting_jobs_per_caller", "20")
            .start()
    })
}

/// A job of the caller with the other key.
fn job() -> &'static str {
    static JOB: OnceLock<String> = OnceLock::new();
    JOB.get_or_init(|| {
        let job = Request::post_json("/factorize", r#"{"number": 6}"#)
            .header("prefer", "respond-async")
            .header("x-api-key", OTHER_KEY);
        let answer = server().send(&job).json();
        answer["id"].as_str().expect("a job").to_owned()
    })
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("attacks");
    let attacks = attack::load(&folder);
    assert!(attacks.len() >= 80, "{} attacks", attacks.len());
    let trials = attacks.iter().cloned().map(|(file, attack)| {
        let name = format!("{file}: {}", attack.name);
        Trial::test(name, move || {
            attack.run(server(), job()).map_err(Failed::from)
        })
    });
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials.collect());
    // All of them, not those that somebody has named.
    if conclusion.num_passed == attacks.len().try_into().unwrap_or(u64::MAX) {
        check_memory(&attacks);
    }
    conclusion.exit();
}

/// When all attacks are repeated, the server needs no more memory than it did before.
fn check_memory(attacks: &[(String, Attack)]) {
    let resident = || {
        // Until instances without work have ended.
        thread::sleep(Duration::from_secs(3));
        server().resident() >> 10
    };
    let before = resident();
    for (file, attack) in attacks {
        let again = attack.run(server(), job()).or_else(|_| {
            // The uploads of the attack before may still be counted.
            thread::sleep(Duration::from_secs(2));
            attack.run(server(), job())
        });
        again.unwrap_or_else(|error| {
            panic!("{file}: {}, in the second round: {error}", attack.name)
        });
    }
    // Memory that leaked stays; that of jobs which an attack began is freed when they end.
    let mut seen = Vec::new();
    while seen.len() < 5 && seen.last().is_none_or(|after| *after >= before + 50) {
        seen.push(resident());
    }
    println!("memory: {before} MiB, after a second round {seen:?} MiB");
    assert!(seen.last().is_some_and(|after| *after < before + 50));
}
