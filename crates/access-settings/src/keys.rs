//! The list of API keys.

use std::time::SystemTime;

use crate::pattern::{Pattern, PatternError};
use crate::rate::{Rate, RateError};

/// The longest name, in bytes.
const MAX_NAME: usize = 64;

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// What proves that a caller has a key. It has no `Debug`, which would show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Secret<'a> {
    /// The key itself.
    Plain(&'a str),
    /// Its digest.
    Sha256(Digest),
}

/// An API key, as it is written.
pub struct KeyEntry<'a> {
    /// Its name.
    pub name: &'a str,
    /// What proves that a caller has it.
    pub secret: Secret<'a>,
    /// From when on it is not valid.
    pub expires: Option<SystemTime>,
    /// The paths that it is for; all when there are none.
    pub routes: Vec<Pattern>,
    /// How often its caller may call, if not as often as others.
    pub rate: Option<Rate>,
}

/// A list of keys cannot be used. A key is named by its name, or by its place from 1; never is its value shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no colon.
    #[error("key {0} is not of the form name:value")]
    NoName(usize),
    /// A name has other characters, or too many.
    #[error("the name of key {0} is not 1 to {MAX_NAME} letters, digits, '-', '_', '.' and '@'")]
    BadName(usize),
    /// There is nothing behind the colon, or it has characters that no header may have.
    #[error("the value of key '{0}' is empty, or is not printable ASCII without blanks")]
    BadValue(String),
    /// A digest has other characters, or another length.
    #[error("the digest of key '{0}' is not 64 hexadecimal digits")]
    BadDigest(String),
    /// Nobody knows which caller it would be.
    #[error("keys '{0}' and '{1}' have the same value")]
    SameValue(String, String),
    /// An option has another name.
    #[error("key '{0}' has the option '{1}'; there are expires, rate and routes")]
    UnknownOption(String, String),
    /// An expiry has another form.
    #[error(
        "key '{0}' expires at a time that has neither the form 2027-01-31 nor 2027-01-31T12:00:00Z"
    )]
    BadExpiry(String),
    /// A list of routes has another form.
    #[error("key '{0}': {1}")]
    BadRoute(String, PatternError),
    /// A rate has another form.
    #[error("key '{0}': {1}")]
    BadRate(String, RateError),
}

/// Reads API keys: `name:value` or `name:sha256:digest`, with commas or line breaks between them.
///
/// Behind a key there may be `;expires=2027-01-31` or a time as RFC 3339 has it, `;routes=/asr|/v1/*`, and `;rate=100/min`. Two keys of one
/// name are one caller, so that a key can be replaced while its predecessor is still in use.
///
/// # Errors
/// The first key that cannot be used.
pub fn keys(text: &str) -> Result<Vec<KeyEntry<'_>>, KeyError> {
    let entries = text.split([',', '\n']).map(str::trim);
    let entries = entries.filter(|entry| !entry.is_empty());
    let mut keys = Vec::<KeyEntry>::new();
    for (at, entry) in entries.enumerate() {
        let key = parse(entry, at + 1)?;
        if let Some(other) = keys.iter().find(|other| other.secret == key.secret) {
            let names = [other.name, key.name].map(str::to_owned);
            let [first, second] = names;
            return Err(KeyError::SameValue(first, second));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn parse(entry: &str, place: usize) -> Result<KeyEntry<'_>, KeyError> {
    let mut parts = entry.split(';').map(str::trim);
    let credentials = parts.next().unwrap_or_default();
    let (name, value) = credentials.split_once(':').ok_or(KeyError::NoName(place))?;
    if !is_name(name) {
        return Err(KeyError::BadName(place));
    }
    let secret = match value.strip_prefix("sha256:") {
        Some(digits) => match hexadecimal(digits) {
            Some(digest) => Secret::Sha256(digest),
            None => return Err(KeyError::BadDigest(name.to_owned())),
        },
        None if value.is_empty() || !value.bytes().all(|c| c.is_ascii_graphic()) => {
            return Err(KeyError::BadValue(name.to_owned()));
        }
        None => Secret::Plain(value),
    };
    let mut key = KeyEntry {
        name,
        secret,
        expires: None,
        routes: Vec::new(),
        rate: None,
    };
    for option in parts.filter(|option| !option.is_empty()) {
        add_option(&mut key, option)?;
    }
    Ok(key)
}

/// Whether a text can name a key or a user.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.@".contains(&c);
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_plain)
}

fn add_option(key: &mut KeyEntry, option: &str) -> Result<(), KeyError> {
    let name = || key.name.to_owned();
    match option.split_once('=') {
        Some(("expires", time)) => {
            let end = time_of(time).ok_or_else(|| KeyError::BadExpiry(name()))?;
            key.expires = Some(end);
        }
        Some(("routes", list)) => {
            let patterns: Result<_, _> = list.split('|').map(|text| text.trim().parse()).collect();
            key.routes = patterns.map_err(|error| KeyError::BadRoute(name(), error))?;
        }
        Some(("rate", rate)) => {
            let rate = rate.parse();
            key.rate = Some(rate.map_err(|error| KeyError::BadRate(name(), error))?);
        }
        // What is behind the sign may be a part of the secret.
        Some((other, _)) => return Err(KeyError::UnknownOption(name(), other.to_owned())),
        None => return Err(KeyError::BadValue(name())),
    }
    Ok(())
}

/// A time in UTC, or the beginning of a day.
fn time_of(text: &str) -> Option<SystemTime> {
    let midnight = format!("{text}T00:00:00Z");
    humantime::parse_rfc3339(text)
        .or_else(|_| humantime::parse_rfc3339(&midnight))
        .ok()
}

fn hexadecimal(digits: &str) -> Option<Digest> {
    if digits.len() != 64 {
        return None;
    }
    let mut digest = Digest::default();
    for (byte, pair) in digest.iter_mut().zip(digits.as_bytes().chunks(2)) {
        // `from_str_radix` would take a sign.
        if !pair.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let digits = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_plain_or_digests() {
        let text = format!("a:1:2 ,\nb@c.d:sha256:{}\n,", "0aF9".repeat(16));
        let keys = keys(&text).expect("keys");
        let names: Vec<_> = keys.iter().map(|key| key.name).collect();
        assert_eq!(names, ["a", "b@c.d"]);
        assert!(keys[0].secret == Secret::Plain("1:2"));
        let digest: Vec<u8> = [0x0a, 0xf9].repeat(16);
        assert!(keys[1].secret == Secret::Sha256(digest.try_into().expect("32 bytes")));
        assert!(
            keys.iter()
                .all(|key| key.expires.is_none() && key.routes.is_empty())
        );
    }

    #[test]
    fn a_key_has_options() {
        let text = "a:b; expires=2027-01-31 ;routes=/asr|/v1/*;,c:d;expires=2027-01-31T12:00:00Z;rate=5/min";
        let keys = keys(text).expect("keys");
        let at = |text: &str| humantime::parse_rfc3339(text).ok();
        assert_eq!(keys[0].expires, at("2027-01-31T00:00:00Z"));
        assert_eq!(keys[0].routes.len(), 2);
        assert!(keys[0].secret == Secret::Plain("b"));
        assert_eq!(keys[1].expires, at("2027-01-31T12:00:00Z"));
        assert_eq!((keys[0].rate, keys[1].rate), (None, "5/min".parse().ok()));
    }

    #[test]
    fn mistakes_are_told_without_the_secret() {
        let name = || "ci".to_owned();
        let signs = format!("ci:sha256:{}", "+1".repeat(32));
        for (text, expected) in [
            ("hush-hush", KeyError::NoName(1)),
            ("a:b,hush-hush", KeyError::NoName(2)),
            (":hush", KeyError::BadName(1)),
            ("c i:hush", KeyError::BadName(1)),
            ("ü:hush", KeyError::BadName(1)),
            ("ci:", KeyError::BadValue(name())),
            ("ci:hush hush", KeyError::BadValue(name())),
            ("ci:hüsh", KeyError::BadValue(name())),
            ("ci:a;hush", KeyError::BadValue(name())),
            ("ci:sha256:hush", KeyError::BadDigest(name())),
            (&signs, KeyError::BadDigest(name())),
            ("ci:hush;expires=soon", KeyError::BadExpiry(name())),
            (
                "ci:hush;routes=asr",
                KeyError::BadRoute(name(), PatternError("asr".to_owned())),
            ),
            (
                "ci:hush;rate=5",
                KeyError::BadRate(name(), RateError("5".to_owned())),
            ),
            (
                "ci:hush;rout=/asr",
                KeyError::UnknownOption(name(), "rout".to_owned()),
            ),
            (
                "a:hush,ci:hush",
                KeyError::SameValue("a".to_owned(), name()),
            ),
        ] {
            let Err(found) = keys(text) else {
                panic!("{text} was read")
            };
            assert!(!found.to_string().contains("hush"), "{found}");
            assert_eq!(found, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "\\PC*") {
            let _ = keys(&text);
        }
    }
}
