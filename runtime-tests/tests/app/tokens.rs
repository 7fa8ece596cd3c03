//! Tokens, and the users who get them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use runtime_tests::{Launch, Request, Response, Runtime, Server, application};
use serde_json::json;
use sha2::Sha256;

const SECRET: &str = "a-secret-of-the-tests-0123456789abcdef";
const FORMER: &str = "its-predecessor-0123456789abcdef0123456789";

/// The password is `correct horse`. `make user` takes more time and memory.
const ADA: &str = "ada:$argon2id$v=19$m=64,t=1,p=1$kXgoXg6R+pRNdHCL/zBCOw$RuGSRq8q05J+Rx7LksRh3SQqbvjRR4Od1/yneRv2Nfg";

/// An application with one user, and two secrets for tokens.
pub(crate) fn launch() -> Launch {
    Launch::new(&application())
        .variable("jwt_secrets", &format!("{SECRET} {FORMER}"))
        .variable("users", ADA)
}

pub(crate) fn sign_in(app: &Server, name: &str, password: &str) -> Response {
    let form = format!("grant_type=password&username={name}&password={password}&scope=");
    app.send(
        &Request::new("POST", "/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form),
    )
}

fn signed(secret: &str, claims: &serde_json::Value) -> String {
    let encode = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
    let header = encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", encode(claims.to_string().as_bytes()));
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let mac = mac.chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", encode(&mac))
}

fn now() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.unwrap().as_secs()
}

fn ask(app: &Server, token: &str) -> Response {
    let bearer = format!("Bearer {token}");
    app.send(&Request::get("/sum/1/2").header("authorization", &bearer))
}

#[test]
fn a_password_gets_a_token_and_the_token_gets_an_answer() {
    let app = launch().variable("token_seconds", "60").start();
    assert_eq!(app.get("/sum/1/2").status, 401);
    let answer = sign_in(&app, "ada", "correct+horse");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let token = answer.json();
    assert_eq!(token["token_type"], "bearer");
    assert_eq!(token["expires_in"], 60);
    let token = token["access_token"].as_str().unwrap();
    assert_eq!(ask(&app, token).status, 200);
    let claims = token.split('.').nth(1).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["sub"], "ada");
    let expires = claims["exp"].as_u64().unwrap();
    assert!((now() + 50..=now() + 60).contains(&expires));
    for secret in ["correct", SECRET, FORMER, token] {
        assert!(!app.output().contains(secret), "{}", app.output());
    }
}

#[test]
fn a_wrong_name_and_a_wrong_password_are_told_alike() {
    let app = launch().start();
    let unlike = |answer: Response| {
        let headers = answer.headers.iter();
        let headers: Vec<_> = headers
            .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
            .cloned()
            .collect();
        (answer.status, headers, answer.body)
    };
    let wrong_password = unlike(sign_in(&app, "ada", "wrong"));
    assert_eq!(wrong_password.0, 401);
    let document = String::from_utf8(wrong_password.2.clone()).unwrap();
    assert!(document.contains("invalid-credentials"), "{document}");
    assert!(document.contains("invalid_grant"), "{document}");
    for (name, password) in [
        ("eve", "wrong"),
        ("eve", "correct+horse"),
        ("", ""),
        ("ada", ""),
    ] {
        assert_eq!(unlike(sign_in(&app, name, password)), wrong_password);
    }
}

#[test]
fn tokens_of_others_are_believed_if_they_know_a_secret() {
    let app = launch()
        .variable("jwt_issuer", "https://login.example")
        .variable("jwt_audience", "routelets")
        .start();
    let claims = |exp: u64| json!({"sub": "auth0|1", "exp": exp, "iss": "https://login.example", "aud": ["routelets", "web"]});
    for secret in [SECRET, FORMER] {
        assert_eq!(ask(&app, &signed(secret, &claims(now() + 60))).status, 200);
    }
    let without = |member: &str| {
        let mut claims = claims(now() + 60);
        claims.as_object_mut().unwrap().remove(member);
        signed(SECRET, &claims)
    };
    for token in [
        signed("another-secret-0123456789abcdef012345", &claims(now() + 60)),
        signed(SECRET, &claims(now() - 3600)),
        without("iss"),
        without("aud"),
        without("exp"),
        without("sub"),
    ] {
        let answer = ask(&app, &token);
        assert_eq!(
            (answer.status, &*answer.problem()),
            (401, "invalid-credentials")
        );
    }
    let own = sign_in(&app, "ada", "correct+horse").json();
    assert_eq!(ask(&app, own["access_token"].as_str().unwrap()).status, 200);
}

#[test]
fn secrets_and_users_that_cannot_be_used_let_nobody_in() {
    if !Runtime::is_embedded() {
        let app = Launch::new(&application())
            .variable("jwt_secrets", "short")
            .start();
        assert_eq!(app.get("/sum/1/2").status, 500);
        return;
    }
    let good = [("jwt_secrets", SECRET), ("users", ADA)];
    for (name, value, told) in [
        ("jwt_secrets", "hush-hush", "secret 1 has 9 bytes"),
        ("jwt_secrets", "", "there are users"),
        ("users", "ada:hush-hush", "the hash of user 'ada'"),
    ] {
        let mut launch = Launch::new(&application());
        for (other, value) in good.iter().filter(|(other, _)| *other != name) {
            launch = launch.variable(other, value);
        }
        let (status, output) = launch.variable(name, value).fail();
        assert!(!status.success() && output.contains(told), "{output}");
        assert!(!output.contains("hush"), "{output}");
    }
}
