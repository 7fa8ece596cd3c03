//! Tokens: JSON Web Tokens (RFC 7519) signed with HMAC-SHA-256, and nothing else (RFC 8725, section 3.1).

use std::str;

use access_settings::SecretError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use sha2::Sha256;

/// By how many seconds the clock of who made a token may differ from this one.
pub const LEEWAY: u64 = 30;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8192;

/// The longest subject, in bytes.
const MAX_SUBJECT: usize = 255;

/// Makes tokens and checks them.
pub struct Tokens {
    /// The first one signs.
    secrets: Vec<Hmac<Sha256>>,
    issuer: Option<String>,
    audience: Option<String>,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is malformed, or not signed with one of our secrets.
    #[error("the token is not valid")]
    Invalid,
    /// Its time has passed.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// Somebody else made it.
    #[error("the token has another issuer")]
    OtherIssuer,
    /// It is meant for another service.
    #[error("the token is for another audience")]
    OtherAudience,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood (RFC 7515, section 4.1.11). None is supported.
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: serde_json::Number,
    nbf: Option<serde_json::Number>,
    iss: Option<String>,
    aud: Option<Audience>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(name) => name == wanted,
            Self::Many(names) => names.iter().any(|name| name == wanted),
        }
    }
}

#[derive(Serialize)]
struct NewClaims<'a> {
    sub: &'a str,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

impl Tokens {
    /// Reads secrets; [`access_settings::secrets`] explains their form. The first one signs, each one is believed. An empty
    /// issuer or audience is not asked for.
    ///
    /// # Errors
    /// There are more than two secrets, or one is too short.
    pub fn new(secrets: &str, issuer: &str, audience: &str) -> Result<Self, SecretError> {
        let secrets = access_settings::secrets(secrets)?.into_iter();
        // HMAC takes keys of any length.
        let secrets = secrets.filter_map(|secret| Hmac::new_from_slice(secret.as_bytes()).ok());
        let secrets = secrets.collect();
        let wanted = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Self {
            secrets,
            issuer: wanted(issuer),
            audience: wanted(audience),
        })
    }

    /// Whether there is no secret, so that no token is valid.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// The subject of a token, at a time in seconds since the Unix epoch.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn subject(&self, token: &[u8], now: u64) -> Result<String, TokenError> {
        let claims = self.claims(token)?;
        let time = |number: &serde_json::Number| number.as_f64().ok_or(TokenError::Invalid);
        // Seconds of this era are whole numbers of a double.
        #[allow(clippy::cast_precision_loss)]
        let (now, leeway) = (now as f64, LEEWAY as f64);
        if now >= time(&claims.exp)? + leeway {
            return Err(TokenError::Expired);
        }
        if let Some(begin) = &claims.nbf
            && now + leeway < time(begin)?
        {
            return Err(TokenError::NotYet);
        }
        if self.issuer.is_some() && claims.iss != self.issuer {
            return Err(TokenError::OtherIssuer);
        }
        if let Some(wanted) = &self.audience
            && !claims.aud.is_some_and(|names| names.contains(wanted))
        {
            return Err(TokenError::OtherAudience);
        }
        let subject = claims.sub;
        let is_plain = subject.bytes().all(|c| c.is_ascii_graphic());
        (is_plain && (1..=MAX_SUBJECT).contains(&subject.len()))
            .then_some(subject)
            .ok_or(TokenError::Invalid)
    }

    /// What a token says that is signed by one of the secrets. Nothing is read of it before that is known, but the
    /// name of the algorithm.
    fn claims(&self, token: &[u8]) -> Result<Claims, TokenError> {
        let invalid = TokenError::Invalid;
        if token.len() > MAX_TOKEN {
            return Err(invalid);
        }
        let token = str::from_utf8(token).map_err(|_| invalid)?;
        let (signed, signature) = token.rsplit_once('.').ok_or(invalid)?;
        let (header, claims) = signed.split_once('.').ok_or(invalid)?;
        let header: Header = decode(header).ok_or(invalid)?;
        if header.alg != "HS256" || header.crit.is_some() {
            return Err(invalid);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid)?;
        // The comparison takes as long for each signature.
        let is_signed = |secret: &Hmac<Sha256>| {
            let mac = secret.clone().chain_update(signed);
            mac.verify_slice(&signature).is_ok()
        };
        if !self.secrets.iter().any(is_signed) {
            return Err(invalid);
        }
        decode(claims).ok_or(invalid)
    }

    /// A token for a subject, which is valid for so many seconds from now; nothing without a secret.
    #[must_use]
    pub fn issue(&self, subject: &str, now: u64, seconds: u64) -> Option<String> {
        let claims = NewClaims {
            sub: subject,
            iat: now,
            exp: now.saturating_add(seconds),
            iss: self.issuer.as_deref(),
            aud: self.audience.as_deref(),
        };
        let encode = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
        let header = encode(br#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = encode(&serde_json::to_vec(&claims).ok()?);
        let signed = format!("{header}.{claims}");
        let mac = self.secrets.first()?.clone().chain_update(&signed);
        let signature = encode(&mac.finalize().into_bytes());
        Some(format!("{signed}.{signature}"))
    }
}

/// The object in a part of a token. A name that is there twice is an error.
fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    // Structs would be read from arrays, too.
    let is_object = json.trim_ascii_start().starts_with(b"{");
    is_object.then(|| serde_json::from_slice(&json).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "fedcba9876543210fedcba9876543210";
    const NOW: u64 = 1_795_824_000;

    fn tokens(secrets: &str) -> Tokens {
        Tokens::new(secrets, "", "").expect("secrets")
    }

    fn signed(secret: &str, header: &str, claims: &str) -> String {
        let encode = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
        let signed = format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(claims.as_bytes())
        );
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
        let mac = mac.chain_update(&signed).finalize().into_bytes();
        format!("{signed}.{}", encode(&mac))
    }

    const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    fn subject(claims: &Value) -> Result<String, TokenError> {
        let token = signed(SECRET, HS256, &claims.to_string());
        tokens(SECRET).subject(token.as_bytes(), NOW)
    }

    #[test]
    fn the_example_of_jwt_io_is_read() {
        let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0Ijox\
                     NTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
        // Its secret is shorter than ours may be, and it never expires.
        let mac = Hmac::new_from_slice(b"your-256-bit-secret").expect("a key");
        let tokens = Tokens {
            secrets: vec![mac],
            issuer: None,
            audience: None,
        };
        assert!(tokens.claims(token.as_bytes()).is_err());
        let (signed, _) = token.rsplit_once('.').expect("a signature");
        let mac = tokens.secrets[0].clone().chain_update(signed);
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        assert!(token.ends_with(&signature));
    }

    #[test]
    fn either_secret_is_believed_and_the_first_one_signs() {
        let old = tokens(OTHER).issue("ada", NOW, 60).expect("a token");
        let both = tokens(&format!("{SECRET} {OTHER}"));
        let new = both.issue("ada", NOW, 60).expect("a token");
        for token in [&old, &new] {
            assert_eq!(both.subject(token.as_bytes(), NOW), Ok("ada".to_owned()));
        }
        let subject = tokens(SECRET).subject(new.as_bytes(), NOW);
        assert_eq!(subject, Ok("ada".to_owned()));
        let subject = tokens(SECRET).subject(old.as_bytes(), NOW);
        assert_eq!(subject, Err(TokenError::Invalid));
        assert_eq!(tokens("").issue("ada", NOW, 60), None);
        assert_eq!(
            tokens("").subject(new.as_bytes(), NOW),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn times_have_a_leeway() {
        for (exp, nbf, expected) in [
            (NOW + 1, NOW, Ok("ada")),
            (NOW - LEEWAY + 1, NOW + LEEWAY, Ok("ada")),
            (NOW - LEEWAY, NOW, Err(TokenError::Expired)),
            (0, 0, Err(TokenError::Expired)),
            (NOW + 1, NOW + LEEWAY + 1, Err(TokenError::NotYet)),
        ] {
            let claims = json!({"sub": "ada", "exp": exp, "nbf": nbf});
            assert_eq!(subject(&claims), expected.map(str::to_owned), "{claims}");
        }
        assert!(subject(&json!({"sub": "ada", "exp": NOW as f64 + 0.5})).is_ok());
    }

    #[test]
    fn claims_are_what_they_have_to_be() {
        let exp = NOW + 60;
        for claims in [
            json!({"sub": "ada"}),
            json!({"exp": exp}),
            json!({"sub": "ada", "exp": exp.to_string()}),
            json!({"sub": "ada", "exp": null}),
            json!({"sub": "ada", "exp": exp, "nbf": "0"}),
            json!({"sub": 1, "exp": exp}),
            json!({"sub": "", "exp": exp}),
            json!({"sub": "a b", "exp": exp}),
            json!({"sub": "a\nb", "exp": exp}),
            json!({"sub": "\u{e4}", "exp": exp}),
            json!({"sub": "x".repeat(256), "exp": exp}),
            json!(["ada", exp]),
            json!("ada"),
        ] {
            assert_eq!(subject(&claims), Err(TokenError::Invalid), "{claims}");
        }
        for text in [
            format!(r#"{{"sub":"ada","sub":"root","exp":{exp}}}"#),
            format!(r#"{{"sub":"ada","exp":{exp},"exp":{exp}}}"#),
            format!(r#"{{"sub":"ada","exp":{exp}}} "#).repeat(2),
        ] {
            let token = signed(SECRET, HS256, &text);
            let subject = tokens(SECRET).subject(token.as_bytes(), NOW);
            assert_eq!(subject, Err(TokenError::Invalid), "{text}");
        }
    }

    #[test]
    fn issuer_and_audience_are_asked_for_where_they_are_set() {
        let tokens = Tokens::new(SECRET, "us", "api").expect("a secret");
        let own = tokens.issue("ada", NOW, 60).expect("a token");
        assert!(tokens.subject(own.as_bytes(), NOW).is_ok());
        for (iss, aud, expected) in [
            (json!("us"), json!("api"), Ok("ada".to_owned())),
            (json!("us"), json!(["web", "api"]), Ok("ada".to_owned())),
            (json!("them"), json!("api"), Err(TokenError::OtherIssuer)),
            (json!(null), json!("api"), Err(TokenError::OtherIssuer)),
            (json!("us"), json!("web"), Err(TokenError::OtherAudience)),
            (json!("us"), json!([]), Err(TokenError::OtherAudience)),
            (json!("us"), json!(null), Err(TokenError::OtherAudience)),
            (json!("us"), json!(1), Err(TokenError::Invalid)),
        ] {
            let claims = json!({"sub": "ada", "exp": NOW + 60, "iss": iss, "aud": aud});
            let token = signed(SECRET, HS256, &claims.to_string());
            assert_eq!(tokens.subject(token.as_bytes(), NOW), expected, "{claims}");
        }
    }

    #[test]
    fn no_other_algorithm_is_believed() {
        let claims = json!({"sub": "ada", "exp": NOW + 60}).to_string();
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":""}"#,
            r#"{"alg":"hs256"}"#,
            r#"{"alg":"HS384"}"#,
            r#"{"alg":"RS256"}"#,
            r#"{"alg":null}"#,
            r#"{"typ":"JWT"}"#,
            r#"{"alg":"none","alg":"HS256"}"#,
            r#"{"alg":"HS256","crit":["exp"]}"#,
            r#"["HS256"]"#,
            "",
        ] {
            let token = signed(SECRET, header, &claims);
            let subject = tokens(SECRET).subject(token.as_bytes(), NOW);
            assert_eq!(subject, Err(TokenError::Invalid), "{header}");
        }
        // Keys that a token brings along are not looked at.
        let header = r#"{"alg":"HS256","kid":"../../dev/null","jwk":{"kty":"oct","k":"AA"}}"#;
        let token = signed(OTHER, header, &claims);
        assert!(tokens(SECRET).subject(token.as_bytes(), NOW).is_err());
    }

    #[test]
    fn what_is_not_signed_is_not_believed() {
        let token = tokens(SECRET).issue("ada", NOW, 60).expect("a token");
        let (signed, signature) = token.rsplit_once('.').expect("a signature");
        for forged in [
            signed.to_owned(),
            format!("{signed}."),
            format!("{signed}.{}", &signature[1..]),
            format!("{token}="),
            format!("{token}."),
            format!(".{token}"),
            format!("{token} "),
            "..".to_owned(),
            String::new(),
            "a.b.c".to_owned(),
            format!("{token}{}", "A".repeat(MAX_TOKEN)),
        ] {
            let subject = tokens(SECRET).subject(forged.as_bytes(), NOW);
            assert_eq!(subject, Err(TokenError::Invalid), "{forged}");
        }
    }

    proptest! {
        #[test]
        fn each_bit_counts(at in 0usize..200, bit in 0u8..8) {
            let token = tokens(SECRET).issue("ada", NOW, 60).expect("a token");
            let mut bytes = token.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(tokens(SECRET).subject(&bytes, NOW).is_err());
        }

        #[test]
        fn what_is_issued_is_believed_until_it_expires(
            name in "[!-~]{1,255}", seconds in 0u64..1_000_000, later in 0u64..1_000_000,
        ) {
            let token = tokens(SECRET).issue(&name, NOW, seconds).expect("a token");
            let subject = tokens(SECRET).subject(token.as_bytes(), NOW + later);
            let expected = if later < seconds + LEEWAY { Ok(name) } else { Err(TokenError::Expired) };
            prop_assert_eq!(subject, expected);
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(tokens(SECRET).subject(&bytes, NOW).is_err());
        }
    }
}
