//! Users with passwords.

use access_settings::{UserError, is_name};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

/// The longest password that is looked at, in bytes.
const MAX_PASSWORD: usize = 1024;

/// Users, each with the hash of a password.
#[derive(Default)]
pub struct Users(Vec<User>);

struct User {
    name: String,
    hash: PasswordHash,
}

impl Users {
    /// Reads a list; [`access_settings::users`] explains its form.
    ///
    /// # Errors
    /// The first user that cannot be used.
    pub fn new(text: &str) -> Result<Self, UserError> {
        let entries = access_settings::users(text)?.into_iter();
        let users = entries.map(|entry| {
            let hash = PasswordHash::new(entry.hash);
            Ok(User {
                hash: hash.map_err(|_| UserError::BadHash(entry.name.to_owned()))?,
                name: entry.name.to_owned(),
            })
        });
        Ok(Self(users.collect::<Result<_, _>>()?))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a user with this name and password. For unknown names it takes as long.
    #[must_use]
    pub fn verify(&self, name: &str, password: &str) -> bool {
        let user = self.0.iter().find(|user| user.name == name);
        let Some(compared) = user.or(self.0.first()) else {
            return false;
        };
        let password = password.as_bytes();
        let fits = password.len() <= MAX_PASSWORD
            && Argon2::default()
                .verify_password(password, &compared.hash)
                .is_ok();
        fits && user.is_some()
    }
}

/// The entry of a user for [`Users`]: argon2id with 19 MiB of memory and two passes, as OWASP recommends.
///
/// # Errors
/// The name has other characters, or the password is empty or has over 1,024 bytes.
pub fn user_entry(name: &str, password: &str, salt: &[u8; 16]) -> Result<String, UserError> {
    if !is_name(name) {
        return Err(UserError::BadName(1));
    }
    let bad = || UserError::BadHash(name.to_owned());
    if !(1..=MAX_PASSWORD).contains(&password.len()) {
        return Err(bad());
    }
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT);
    let hash = argon2.hash_password_with_salt(password.as_bytes(), salt);
    Ok(format!("{name}:{}", hash.map_err(|_| bad())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, password: &str) -> String {
        user_entry(name, password, &[7; 16]).expect("an entry")
    }

    #[test]
    fn a_user_has_a_password() {
        let text = format!(
            "{}\n{}\n",
            entry("ada", "first"),
            entry("bob@x.org", "zwölf")
        );
        let users = Users::new(&text).expect("users");
        assert!(users.verify("ada", "first") && users.verify("bob@x.org", "zwölf"));
        for (name, password) in [
            ("ada", "zwölf"),
            ("ada", ""),
            ("Ada", "first"),
            ("eve", "first"),
            ("", "first"),
            ("ada", &"x".repeat(2000)),
        ] {
            assert!(!users.verify(name, password), "{name}");
        }
        assert!(!Users::default().verify("ada", ""));
    }

    #[test]
    fn other_programs_make_hashes_too() {
        // By argon2-cffi 25.1: PasswordHasher(memory_cost=64, time_cost=1, parallelism=1).hash("correct horse").
        let users = Users::new("ada:$argon2id$v=19$m=64,t=1,p=1$kXgoXg6R+pRNdHCL/zBCOw$RuGSRq8q05J+Rx7LksRh3SQqbvjRR4Od1/yneRv2Nfg").expect("users");
        assert!(users.verify("ada", "correct horse") && !users.verify("ada", "correct  horse"));
    }

    #[test]
    fn what_cannot_be_a_user_is_refused() {
        assert!(user_entry("a b", "x", &[0; 16]).is_err());
        assert!(user_entry("ada", "", &[0; 16]).is_err());
        assert!(user_entry("ada", &"x".repeat(2000), &[0; 16]).is_err());
    }
}
