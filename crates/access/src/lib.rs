//! Who may call the API.
//!
//! An operator names API keys in one setting, [`Settings::api_keys`]. A request brings a key in `X-API-Key`, or in
//! `Authorization: Bearer`, where the clients of OpenAI put it. Whoever has one of the [`Settings::jwt_secrets`] makes
//! tokens, which come in `Authorization: Bearer` as well; this service makes them for its [`Users`].
//! [`Access::admit`] finds out who calls.
//!
//! Nothing here knows Spin, routes or answers: `http-api` makes problems of what is [`Denied`], `guest` reads the settings.

mod caller;
mod credentials;
mod keys;
mod tokens;
mod users;

use std::time::{SystemTime, UNIX_EPOCH};

use access_settings::{KeyError, Rate, SecretError};
use http::HeaderMap;

pub use caller::Caller;
pub use credentials::{API_KEY, Credentials};
pub use keys::{Key, Keys};
pub use tokens::{LEEWAY, TokenError, Tokens};
pub use users::{Users, user_entry};

/// What the operator decides about access. Its `Debug` would show secrets, so it has none.
#[derive(Clone, Copy, Default)]
pub struct Settings<'a> {
    /// The API keys; [`access_settings::keys`] explains their form.
    pub api_keys: &'a str,
    /// What tokens are signed with; see [`Tokens::new`].
    pub jwt_secrets: &'a str,
    /// Who makes the tokens, if that is asked for.
    pub jwt_issuer: &'a str,
    /// Whom they are for, if that is asked for.
    pub jwt_audience: &'a str,
}

/// A setting cannot be used. No message repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The API keys.
    #[error("api_keys: {0}")]
    Keys(#[from] KeyError),
    /// What tokens are signed with.
    #[error("jwt_secrets: {0}")]
    Secrets(#[from] SecretError),
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It has no credentials.
    #[error("send an API key in X-API-Key, or in Authorization as 'Bearer KEY'")]
    Missing,
    /// It has the same header twice, so that it is unclear who calls.
    #[error("the header {0} was sent more than once")]
    Repeated(&'static str),
    /// Nobody has these credentials.
    #[error("the API key is not known")]
    Unknown,
    /// They were somebody's.
    #[error("the API key has expired")]
    Expired,
    /// They are a token that is not valid.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// They are not for this path.
    #[error("the API key is not for this route")]
    OtherRoute,
}

/// Whose request it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Who sends it.
    pub caller: Caller,
    /// How often this caller may call, if not as often as others.
    pub rate: Option<Rate>,
}

/// Who may call, as the settings say.
pub struct Access {
    keys: Keys,
    tokens: Tokens,
}

impl Access {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        Ok(Self {
            keys: Keys::new(settings.api_keys)?,
            tokens: Tokens::new(
                settings.jwt_secrets,
                settings.jwt_issuer,
                settings.jwt_audience,
            )?,
        })
    }

    /// Whether everybody may call, because nothing says who may.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.keys.is_empty() && self.tokens.is_empty()
    }

    /// Finds out who sends a request with these headers for this path.
    ///
    /// # Errors
    /// Why it is refused. Open access refuses no request.
    pub fn admit(
        &self,
        headers: &HeaderMap,
        path: &str,
        now: SystemTime,
    ) -> Result<Admitted, Denied> {
        if self.is_open() {
            return Ok(Admitted::default());
        }
        let (key, token) = match Credentials::of(headers)? {
            Credentials::Key(secret) => (self.keys.find(secret), None),
            Credentials::Bearer(secret) => (self.keys.find(secret), Some(secret)),
        };
        let Some(key) = key else {
            let token = token.filter(|token| !self.tokens.is_empty() && token.contains(&b'.'));
            let token = token.ok_or(Denied::Unknown)?;
            let subject = self.tokens.subject(token, seconds(now))?;
            return Ok(Admitted {
                caller: Caller::user(&subject),
                rate: None,
            });
        };
        if key.has_expired(now) {
            return Err(Denied::Expired);
        }
        if !key.reaches(path) {
            return Err(Denied::OtherRoute);
        }
        Ok(Admitted {
            caller: key.caller().clone(),
            rate: key.rate(),
        })
    }
}

/// Since the Unix epoch.
fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use std::time::Duration;

    /// 2026-11-28
    const NOW: u64 = 1_795_824_000;

    const KEYS: &str = "ci:first-secret, ci:second-secret,\n\
        old:third-secret;expires=2026-01-01, speech:fourth-secret;routes=/asr|/v1/*";

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn admit(keys: &str, headers: &[(&'static str, &str)], path: &str) -> Result<Caller, Denied> {
        let settings = Settings {
            api_keys: keys,
            ..Settings::default()
        };
        ask(&settings, headers, path)
    }

    fn ask(
        settings: &Settings,
        headers: &[(&'static str, &str)],
        path: &str,
    ) -> Result<Caller, Denied> {
        let access = Access::new(settings).expect("settings");
        let headers = headers.iter().map(|(name, value)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            (HeaderName::from_static(name), value)
        });
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        let admitted = access.admit(&map, path, now);
        admitted.map(|admitted| admitted.caller)
    }

    #[test]
    fn without_settings_everybody_may_call() {
        for keys in ["", " \n", ",, ,"] {
            assert_eq!(admit(keys, &[], "/asr"), Ok(Caller::default()));
            let wrong = [("x-api-key", "whatever")];
            assert_eq!(admit(keys, &wrong, "/asr"), Ok(Caller::default()));
        }
    }

    #[test]
    fn a_key_is_taken_from_either_header() {
        for headers in [
            &[("x-api-key", "first-secret")][..],
            &[("x-api-key", "second-secret")],
            &[("authorization", "Bearer first-secret")],
            &[("authorization", "bearer   first-secret")],
            // A proxy in front has a password of its own.
            &[
                ("x-api-key", "first-secret"),
                ("authorization", "Basic eDp5"),
            ],
        ] {
            assert_eq!(
                admit(KEYS, headers, "/asr"),
                Ok(Caller::key("ci")),
                "{headers:?}"
            );
        }
    }

    #[test]
    fn a_token_is_taken_as_bearer_beside_the_keys() {
        let both = Settings {
            api_keys: KEYS,
            jwt_secrets: SECRET,
            ..Settings::default()
        };
        let issue = |now| {
            let tokens = Tokens::new(SECRET, "", "").expect("a secret");
            tokens.issue("ada", now, 60).expect("a token")
        };
        let token = issue(NOW);
        let bearer = format!("Bearer {token}");
        let ada = || Ok(Caller::user("ada"));
        assert_eq!(ask(&both, &[("authorization", &bearer)], "/asr"), ada());
        let only_tokens = Settings {
            api_keys: "",
            ..both
        };
        assert_eq!(
            ask(&only_tokens, &[("authorization", &bearer)], "/asr"),
            ada()
        );
        assert_eq!(ask(&only_tokens, &[], "/asr"), Err(Denied::Missing));
        let key = [("authorization", "Bearer first-secret")];
        assert_eq!(ask(&both, &key, "/asr"), Ok(Caller::key("ci")));
        assert_eq!(ask(&only_tokens, &key, "/asr"), Err(Denied::Unknown));
        // A token is not a key.
        let misplaced = [("x-api-key", &*token)];
        assert_eq!(ask(&both, &misplaced, "/asr"), Err(Denied::Unknown));
        let old = format!("Bearer {}", issue(NOW - 3600));
        let expired = Err(Denied::Token(TokenError::Expired));
        assert_eq!(ask(&both, &[("authorization", &old)], "/asr"), expired);
        // Without a secret there are no tokens.
        let keys = Settings {
            jwt_secrets: "",
            ..both
        };
        let unknown = Err(Denied::Unknown);
        assert_eq!(ask(&keys, &[("authorization", &bearer)], "/asr"), unknown);
    }

    #[test]
    fn everything_else_is_refused() {
        for (headers, path, denied) in [
            (&[][..], "/asr", Denied::Missing),
            (
                &[("authorization", "Basic Zmlyc3Qtc2VjcmV0")],
                "/asr",
                Denied::Missing,
            ),
            (
                &[("authorization", "first-secret")],
                "/asr",
                Denied::Missing,
            ),
            (&[("authorization", "Bearer")], "/asr", Denied::Missing),
            (&[("authorization", "Bearer ")], "/asr", Denied::Missing),
            (&[("x-api-key", "")], "/asr", Denied::Unknown),
            (&[("x-api-key", "first-secre")], "/asr", Denied::Unknown),
            (&[("x-api-key", "first-secret2")], "/asr", Denied::Unknown),
            (&[("x-api-key", "FIRST-SECRET")], "/asr", Denied::Unknown),
            (&[("x-api-key", "ci:first-secret")], "/asr", Denied::Unknown),
            (&[("x-api-key", "\u{fc}")], "/asr", Denied::Unknown),
            // The header that decides is X-API-Key.
            (
                &[
                    ("x-api-key", "wrong"),
                    ("authorization", "Bearer first-secret"),
                ],
                "/asr",
                Denied::Unknown,
            ),
            (
                &[("x-api-key", "first-secret"), ("x-api-key", "first-secret")],
                "/asr",
                Denied::Repeated("X-API-Key"),
            ),
            (
                &[
                    ("authorization", "Bearer first-secret"),
                    ("authorization", "Bearer second-secret"),
                ],
                "/asr",
                Denied::Repeated("Authorization"),
            ),
            (&[("x-api-key", "third-secret")], "/asr", Denied::Expired),
            (
                &[("x-api-key", "fourth-secret")],
                "/factorize",
                Denied::OtherRoute,
            ),
        ] {
            assert_eq!(admit(KEYS, headers, path), Err(denied), "{headers:?}");
        }
        assert!(admit(KEYS, &[("x-api-key", "fourth-secret")], "/v1/models").is_ok());
    }
}
