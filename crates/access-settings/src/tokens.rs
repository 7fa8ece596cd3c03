//! What tokens are signed with.

/// The shortest secret, in bytes: as long as the digest (RFC 7518, section 3.2).
pub const MIN_SECRET: usize = 32;

/// The most secrets at once: the present one and, while it is replaced, the one before.
const MAX_SECRETS: usize = 2;

/// A list of secrets cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It can be guessed.
    #[error("secret {0} has {1} bytes; it takes {MIN_SECRET} at least")]
    TooShort(usize, usize),
    /// There are more than two.
    #[error(
        "there are {0} secrets; there may be {MAX_SECRETS}, the present one and the one before"
    )]
    TooMany(usize),
}

/// Reads secrets, with blanks, line breaks or commas between them.
///
/// # Errors
/// There are more than two, or one is too short.
pub fn secrets(text: &str) -> Result<Vec<&str>, SecretError> {
    let words = text.split(|c: char| c == ',' || c.is_ascii_whitespace());
    let secrets: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    if secrets.len() > MAX_SECRETS {
        return Err(SecretError::TooMany(secrets.len()));
    }
    let mut places = secrets.iter().enumerate();
    match places.find(|(_, secret)| secret.len() < MIN_SECRET) {
        Some((at, short)) => Err(SecretError::TooShort(at + 1, short.len())),
        None => Ok(secrets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_few() {
        let (one, two) = ("0123456789abcdef0123456789abcdef", "x".repeat(40));
        assert_eq!(secrets(" \n,"), Ok(vec![]));
        let both = format!("{one},\n{two}\n");
        assert_eq!(secrets(&both), Ok(vec![one, &two]));
        assert_eq!(secrets(&one[1..]), Err(SecretError::TooShort(1, 31)));
        let second = format!("{one} short");
        assert_eq!(secrets(&second), Err(SecretError::TooShort(2, 5)));
        let three = format!("{one} {two} {one}");
        assert_eq!(secrets(&three), Err(SecretError::TooMany(3)));
    }
}
