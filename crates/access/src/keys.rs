//! API keys.

use std::time::SystemTime;

use access_settings::{Digest as Sum, KeyError, Pattern, Rate, Secret};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Caller;

/// An API key, of which only the SHA-256 digest is kept.
pub struct Key {
    caller: Caller,
    digest: Sum,
    expires: Option<SystemTime>,
    routes: Vec<Pattern>,
    rate: Option<Rate>,
}

impl Key {
    /// Who has it.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// How often its caller may call, if not as often as others.
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// Whether its time has passed.
    #[must_use]
    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    /// Whether it is for this path.
    #[must_use]
    pub fn reaches(&self, path: &str) -> bool {
        self.routes.is_empty() || self.routes.iter().any(|pattern| pattern.matches(path))
    }
}

/// API keys.
#[derive(Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Reads a list; [`access_settings::keys`] explains its form.
    ///
    /// # Errors
    /// The first key that cannot be used.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        let entries = access_settings::keys(text)?;
        let keys = entries.into_iter().map(|entry| Key {
            caller: Caller::key(entry.name),
            digest: match entry.secret {
                Secret::Plain(value) => Sha256::digest(value).into(),
                Secret::Sha256(digest) => digest,
            },
            expires: entry.expires,
            routes: entry.routes,
            rate: entry.rate,
        });
        Ok(Self(keys.collect()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of this value. It takes as long for each value of the same length, whether there is such a key or not.
    #[must_use]
    pub fn find(&self, value: &[u8]) -> Option<&Key> {
        let digest: Sum = Sha256::digest(value).into();
        // Each one is compared: the time does not tell the place of the one that fits.
        self.0.iter().fold(None, |found, key| {
            match bool::from(key.digest.ct_eq(&digest)) {
                true => Some(key),
                false => found,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // abc

    #[test]
    fn a_digest_stands_for_its_key() {
        let keys = Keys::new(&format!("a:1:2,b:sha256:{DIGEST}")).expect("keys");
        assert_eq!(
            keys.find(b"1:2").map(|key| key.caller().id()),
            Some("key:a")
        );
        assert_eq!(
            keys.find(b"abc").map(|key| key.caller().id()),
            Some("key:b")
        );
        for unknown in ["", "1", DIGEST, "sha256", &format!("sha256:{DIGEST}")] {
            assert!(keys.find(unknown.as_bytes()).is_none(), "{unknown}");
        }
    }

    #[test]
    fn a_key_expires_at_the_second() {
        let keys = Keys::new("a:b;expires=2027-01-31").expect("keys");
        let key = keys.find(b"b").expect("a key");
        let at = |text: &str| humantime::parse_rfc3339(text).expect(text);
        assert!(!key.has_expired(at("2027-01-30T23:59:59Z")));
        assert!(key.has_expired(at("2027-01-31T00:00:00Z")));
    }

    proptest! {
        #[test]
        fn a_key_is_found_by_its_value_alone(
            values in prop::collection::btree_set("[!-+\\--:<-~]{1,40}", 1..8),
            other in "[ -~]{0,40}",
        ) {
            let values: Vec<_> = values.into_iter().filter(|value| !value.starts_with("sha256:")).collect();
            let list: Vec<_> = values.iter().enumerate().map(|(at, value)| format!("k{at}:{value}")).collect();
            let keys = Keys::new(&list.join(",")).expect("keys");
            for (at, value) in values.iter().enumerate() {
                let id = format!("key:k{at}");
                prop_assert_eq!(keys.find(value.as_bytes()).map(|key| key.caller().id()), Some(&*id));
            }
            prop_assert_eq!(keys.find(other.as_bytes()).is_some(), values.contains(&other));
        }
    }
}
