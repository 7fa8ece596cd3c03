//! Users with passwords.

use access_settings::{UserEntry, UserError, is_name};
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
    /// What it takes to compare a password with the hash.
    cost: Params,
}

impl User {
    fn new(entry: &UserEntry) -> Result<Self, UserError> {
        let bad = || UserError::BadHash(entry.name.to_owned());
        let hash = PasswordHash::new(entry.hash).map_err(|_| bad())?;
        Ok(Self {
            name: entry.name.to_owned(),
            cost: Params::try_from(&hash).map_err(|_| bad())?,
            hash,
        })
    }
}

impl Users {
    /// Reads a list; [`access_settings::users`] explains its form.
    ///
    /// # Errors
    /// The first user that cannot be used.
    pub fn new(text: &str) -> Result<Self, UserError> {
        let entries = access_settings::users(text)?;
        let users = entries.iter().map(User::new);
        Ok(Self(users.collect::<Result<_, _>>()?))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a user with this name and password. It takes as long for every name: the password is compared with one
    /// hash of each cost that users have.
    #[must_use]
    pub fn verify(&self, name: &str, password: &str) -> bool {
        let argon2 = Argon2::default();
        self.verify_by(name, password, |password, hash| {
            argon2.verify_password(password, hash).is_ok()
        })
    }

    fn verify_by(
        &self,
        name: &str,
        password: &str,
        mut fits: impl FnMut(&[u8], &PasswordHash) -> bool,
    ) -> bool {
        if password.len() > MAX_PASSWORD {
            return false;
        }
        let user = self.0.iter().find(|user| user.name == name);
        let mut verified = false;
        for compared in self.compared(user) {
            let fits = fits(password.as_bytes(), &compared.hash);
            verified |= fits && compared.name == name;
        }
        verified
    }

    /// A user for each cost: `user` for its own.
    fn compared<'a>(&'a self, user: Option<&'a User>) -> Vec<&'a User> {
        let mut compared = Vec::<&User>::new();
        for first in &self.0 {
            if compared.iter().all(|other| other.cost != first.cost) {
                let user = user.filter(|user| user.cost == first.cost);
                compared.push(user.unwrap_or(first));
            }
        }
        compared
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

    /// An entry whose hash takes so many KiB and passes.
    fn entry_of(name: &str, memory: u32, passes: u32) -> String {
        let params = Params::new(memory, passes, 1, None).expect("costs");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password_with_salt(name.as_bytes(), &[7; 16]);
        format!("{name}:{}", hash.expect("a hash"))
    }

    #[test]
    fn the_same_work_is_done_for_every_name() {
        let users = [
            ("ada", 64, 1),
            ("bob", 32, 2),
            ("cyd", 64, 1),
            ("dan", 64, 2),
        ];
        let text = users.map(|(name, memory, passes)| entry_of(name, memory, passes));
        let users = Users::new(&text.join("\n")).expect("users");
        for name in ["ada", "bob", "cyd", "dan", "eve", ""] {
            for password in ["ada", "bob", "cyd", "dan", "wrong"] {
                let mut work = Vec::new();
                let verified = users.verify_by(name, password, |password, hash| {
                    let cost = Params::try_from(hash).expect("costs");
                    work.push((cost.m_cost(), cost.t_cost(), cost.p_cost()));
                    Argon2::default().verify_password(password, hash).is_ok()
                });
                assert_eq!(
                    work,
                    [(64, 1, 1), (32, 2, 1), (64, 2, 1)],
                    "{name} {password}"
                );
                assert_eq!(verified, name == password, "{name} {password}");
                assert_eq!(users.verify(name, password), verified);
            }
        }
        let too_long = "x".repeat(MAX_PASSWORD + 1);
        for name in ["ada", "eve"] {
            assert!(!users.verify_by(name, &too_long, |_, _| panic!("nothing is compared")));
        }
    }

    #[test]
    fn a_password_is_compared_once_where_all_hashes_cost_the_same() {
        let text = ["ada", "bob", "cyd"].map(|name| entry_of(name, 64, 1));
        let users = Users::new(&text.join(" ")).expect("users");
        for (name, compared) in [("ada", "ada"), ("cyd", "cyd"), ("eve", "ada")] {
            let user = users.0.iter().find(|user| user.name == name);
            let names = users.compared(user).into_iter().map(|user| &*user.name);
            assert_eq!(names.collect::<Vec<_>>(), [compared]);
        }
    }

    #[test]
    fn what_cannot_be_a_user_is_refused() {
        assert!(user_entry("a b", "x", &[0; 16]).is_err());
        assert!(user_entry("ada", "", &[0; 16]).is_err());
        assert!(user_entry("ada", &"x".repeat(2000), &[0; 16]).is_err());
    }
}
