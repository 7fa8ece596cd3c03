//! Users with passwords.

use crate::keys::is_name;

/// The most memory that the hash of a password may take, in KiB.
const MAX_MEMORY: u32 = 1 << 17;

/// The most passes over that memory.
const MAX_PASSES: u32 = 20;

/// The most lanes in it.
const MAX_LANES: u32 = 16;

/// A user, as it is written.
pub struct UserEntry<'a> {
    /// The name.
    pub name: &'a str,
    /// The hash of the password by argon2id, as a PHC string.
    pub hash: &'a str,
}

/// A list of users cannot be used. A user is named by its name, or by its place from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// A name is missing, or has other characters.
    #[error(
        "user {0} is not of the form name:hash, with a name of 1 to 64 letters, digits, '-', '_', '.' and '@'"
    )]
    BadName(usize),
    /// Two users have the same name.
    #[error("there are two users '{0}'")]
    SameName(String),
    /// The hash is another one, or takes too much memory or time.
    #[error("the hash of user '{0}' is not one of argon2id as `make user` prints it")]
    BadHash(String),
}

/// Reads users: `name:hash`, as `make user` prints it, with blanks or line breaks between them.
///
/// # Errors
/// The first user that cannot be used.
pub fn users(text: &str) -> Result<Vec<UserEntry<'_>>, UserError> {
    let mut users = Vec::<UserEntry>::new();
    for (at, entry) in text.split_ascii_whitespace().enumerate() {
        let (name, hash) = entry.split_once(':').unwrap_or_default();
        if !is_name(name) {
            return Err(UserError::BadName(at + 1));
        }
        if users.iter().any(|user| user.name == name) {
            return Err(UserError::SameName(name.to_owned()));
        }
        if !is_hash(hash) {
            return Err(UserError::BadHash(name.to_owned()));
        }
        users.push(UserEntry { name, hash });
    }
    Ok(users)
}

/// Whether it is a PHC string of argon2id with costs that a server can bear.
fn is_hash(text: &str) -> bool {
    let parts: Vec<_> = text.split('$').collect();
    let ["", "argon2id", "v=19", costs, salt, hash] = *parts else {
        return false;
    };
    let costs: Vec<_> = costs
        .split(',')
        .filter_map(|cost| cost.split_once('='))
        .collect();
    let [("m", memory), ("t", passes), ("p", lanes)] = *costs else {
        return false;
    };
    let within = |text: &str, most| {
        text.parse::<u32>()
            .ok()
            .filter(|cost| (1..=most).contains(cost))
    };
    let (Some(memory), Some(_), Some(lanes)) = (
        within(memory, MAX_MEMORY),
        within(passes, MAX_PASSES),
        within(lanes, MAX_LANES),
    ) else {
        return false;
    };
    let is_base64 = |text: &str| {
        let mut characters = text.bytes();
        characters.all(|c| c.is_ascii_alphanumeric() || c == b'+' || c == b'/')
    };
    // RFC 9106, section 3.1.
    memory >= 8 * lanes
        && [salt, hash]
            .iter()
            .all(|text| text.len() >= 11 && is_base64(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$p8pJm1kWvE+7H5Y6hVQ8q3m1u3e7m8d0J8vF1s3r0hA";

    #[test]
    fn users_are_names_and_hashes() {
        let text = format!("ada:{HASH}\n bob@x.org:{HASH} ");
        let users = users(&text).expect("users");
        let names: Vec<_> = users.iter().map(|user| user.name).collect();
        assert_eq!(names, ["ada", "bob@x.org"]);
        assert!(users.iter().all(|user| user.hash == HASH));
    }

    #[test]
    fn mistakes_are_told_without_the_hash() {
        let name = || "ada".to_owned();
        let ada = format!("ada:{HASH}");
        for (text, expected) in [
            ("ada".to_owned(), UserError::BadName(1)),
            (HASH.to_owned(), UserError::BadName(1)),
            (format!("{ada} :x"), UserError::BadName(2)),
            (format!("{ada} {ada}"), UserError::SameName(name())),
            ("ada:first".to_owned(), UserError::BadHash(name())),
            (
                ada.replace("argon2id", "argon2i"),
                UserError::BadHash(name()),
            ),
            (
                ada.replace("m=19456", "m=4194304"),
                UserError::BadHash(name()),
            ),
            (ada.replace("t=2", "t=1000"), UserError::BadHash(name())),
            (ada.replace("t=2", "t=0"), UserError::BadHash(name())),
            (ada.replace("m=19456", "m=7"), UserError::BadHash(name())),
            (ada.replace("p=1", "p=0"), UserError::BadHash(name())),
            (ada.replace("$BwcH", "$Bw.H"), UserError::BadHash(name())),
            (format!("{ada}$x"), UserError::BadHash(name())),
            (
                "ada:$2b$12$abcdefghijklmnopqrstuv".to_owned(),
                UserError::BadHash(name()),
            ),
        ] {
            let error = users(&text).map(|_| ()).expect_err(&text);
            assert_eq!(error, expected, "{text}");
        }
    }
}
