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
