//! Webhooks, which report the end of a job, by Standard Webhooks (<https://www.standardwebhooks.com>).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit, Mac};
use http_api::Problem;
use http_api::problem::WEBHOOK_NOT_ALLOWED;
use sha2::Sha256;
use url::Url;

use crate::model::Millis;

/// The delays after failed attempts; there is no attempt after the last.
const BACK_OFF: [Millis; 6] = [2_000, 10_000, 30_000, 120_000, 600_000, 1_800_000];

/// When to try again after `attempts` have failed.
pub(crate) fn retry_at(attempts: u32, now: Millis) -> Option<Millis> {
    let index = usize::try_from(attempts.saturating_sub(1)).ok()?;
    BACK_OFF.get(index).map(|pause| now + pause)
}

/// The address as the URL Standard writes it, if webhooks may be sent there.
///
/// What is checked here is what is called later: that parser repairs much that a client of HTTP refuses.
pub(crate) fn check(address: &str, allowed: &str) -> Result<String, Problem> {
    let refused = |why: &str| Problem::new(WEBHOOK_NOT_ALLOWED, format!("'{address}' {why}"));
    let url = Url::parse(address).map_err(|error| refused(&format!("is not a URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("has a user or a password in it"));
    }
    if is_allowed(&url, allowed) {
        return Ok(url.into());
    }
    Err(refused(match allowed {
        "" => "cannot be called: this service is not set up for webhooks",
        _ => "is not at an origin that webhooks may be sent to",
    }))
}

fn is_allowed(url: &Url, allowed: &str) -> bool {
    let Some((scheme, authority)) = allowed.split_once("://") else {
        return false;
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
        _ => (authority, None),
    };
    let default = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return false,
    };
    let Some(asked) = url.host_str() else {
        return false;
    };
    let same_host = match host.strip_prefix('*') {
        Some(suffix) => suffix.starts_with('.') && asked.ends_with(suffix),
        None => asked.eq_ignore_ascii_case(host),
    };
    url.scheme() == scheme
        && same_host
        && url.port_or_known_default() == Some(port.unwrap_or(default))
}

/// The headers that authenticate a message; the last only with a secret.
pub(crate) fn headers(
    id: &str,
    seconds: u64,
    body: &str,
    secret: &str,
) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
    ];
    if !secret.is_empty() {
        headers.push(("webhook-signature", sign(id, seconds, body, secret)));
    }
    headers
}

fn sign(id: &str, seconds: u64, body: &str, secret: &str) -> String {
    let key = match secret
        .strip_prefix("whsec_")
        .map(|text| BASE64_STANDARD.decode(text))
    {
        Some(Ok(key)) => key,
        _ => secret.as_bytes().to_vec(),
    };
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        return String::new();
    };
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Uri;
    use proptest::prelude::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        // The example of https://github.com/standard-webhooks/standard-webhooks.
        assert_eq!(
            sign(
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn only_the_origin_may_be_called() {
        for (address, allowed, expected) in [
            ("https://hooks.example/x?y", "https://hooks.example", true),
            ("https://hooks.example:443/", "https://hooks.example", true),
            ("https://HOOKS.example/", "https://hooks.example", true),
            ("https://a.hooks.example/", "https://*.hooks.example", true),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080", true),
            (
                "https://hooks.example:8443/",
                "https://hooks.example",
                false,
            ),
            ("http://hooks.example/", "https://hooks.example", false),
            ("https://evilhooks.example/", "https://hooks.example", false),
            (
                "https://evilhooks.example/",
                "https://*.hooks.example",
                false,
            ),
            (
                "https://user@hooks.example/",
                "https://hooks.example",
                false,
            ),
            ("https://hooks.example/", "", false),
            ("file:///etc/passwd", "https://hooks.example", false),
            ("nonsense", "https://hooks.example", false),
        ] {
            assert_eq!(
                check(address, allowed).is_ok(),
                expected,
                "{address} {allowed}"
            );
        }
    }

    #[test]
    fn what_is_accepted_can_be_called() {
        for (address, called) in [
            ("https://hooks.example", "https://hooks.example/"),
            ("https://hooks.example/a b", "https://hooks.example/a%20b"),
            (" https://hooks.example/x\t", "https://hooks.example/x"),
            ("https:hooks.example/x", "https://hooks.example/x"),
            ("https://hooks.example\\x", "https://hooks.example/x"),
            (
                "https://HOOKS.example/é?ü",
                "https://hooks.example/%C3%A9?%C3%BC",
            ),
            (
                "https://hooks.example/{a|b}?\"^`",
                "https://hooks.example/%7Ba|b%7D?%22^`",
            ),
        ] {
            let found = check(address, "https://hooks.example").expect(address);
            assert_eq!(found, called);
            assert!(found.parse::<Uri>().is_ok(), "{found}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_can_be_called(rest in "[ -~é]{0,30}") {
            if let Ok(found) = check(&format!("https://hooks.example{rest}"), "https://hooks.example") {
                prop_assert!(found.parse::<Uri>().is_ok(), "{}", found);
            }
        }
    }

    #[test]
    fn retries_end() {
        assert_eq!(retry_at(1, 5), Some(2_005));
        assert_eq!(retry_at(6, 0), Some(1_800_000));
        assert_eq!(retry_at(7, 0), None);
    }
}
