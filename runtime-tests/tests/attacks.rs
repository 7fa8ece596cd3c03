//! The attacks of `attacks/*.toml`, each a test of its own, on an application with keys, tokens and a user.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::OnceLock;

use libtest_mimic::{Arguments, Failed, Trial};
use runtime_tests::attack::{self, KEY, OTHER_KEY, SECRET};
use runtime_tests::{Launch, Server, application};

/// The password is `correct horse`.
const ADA: &str = "ada:$argon2id$v=19$m=64,t=1,p=1$kXgoXg6R+pRNdHCL/zBCOw$RuGSRq8q05J+Rx7LksRh3SQqbvjRR4Od1/yneRv2Nfg";

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let keys = format!(
        "one:{KEY},two:{OTHER_KEY},old:an-expired-key-of-the-attacked-01;expires=2026-01-01,\
         narrow:a-narrow-key-of-the-attacked-0123;routes=/sum/*"
    );
    SERVER.get_or_init(|| {
        Launch::new(&application())
            .variable("api_keys", &keys)
            .variable("jwt_secrets", SECRET)
            .variable("jwt_issuer", "https://login.example")
            .variable("jwt_audience", "routelets")
            .variable("users", ADA)
            .variable("factorize_time_limit", "2")
            .start()
    })
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("attacks");
    let attacks = attack::load(&folder);
    assert!(attacks.len() >= 80, "{} attacks", attacks.len());
    let trials = attacks.into_iter().map(|(file, attack)| {
        let name = format!("{file}: {}", attack.name);
        Trial::test(name, move || attack.run(server()).map_err(Failed::from))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}
