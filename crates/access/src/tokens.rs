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
mod tests;
