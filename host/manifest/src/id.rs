//! Spin's identifiers: words of ASCII letters and digits between separators.

/// Checks a component id: words separated by `-`, each beginning with a letter and written in one
/// case.
pub(crate) fn check_kebab(id: &str) -> Result<(), String> {
    check_words(id, '-')
}

/// Checks a variable name: lower-case words separated by `_`, each beginning with a letter.
pub(crate) fn check_lower_snake(id: &str) -> Result<(), String> {
    check_words(id, '_')?;
    if id.contains(|c: char| c.is_ascii_uppercase()) {
        return Err("it must be lower-case".into());
    }
    Ok(())
}

fn check_words(id: &str, separator: char) -> Result<(), String> {
    if id.is_empty() {
        return Err("it is empty".into());
    }
    for word in id.split(separator) {
        let Some(first) = word.chars().next() else {
            return Err(format!("there is no word before or after a '{separator}'"));
        };
        if !first.is_ascii_alphabetic() {
            return Err(format!(
                "a word must begin with a letter, not with {first:?}"
            ));
        }
        if let Some(bad) = word.chars().find(|c| !c.is_ascii_alphanumeric()) {
            return Err(format!(
                "{bad:?} is neither a letter nor a digit (words are separated by '{separator}')"
            ));
        }
        let letters = || word.chars().filter(char::is_ascii_alphabetic);
        if letters().any(|c| c.is_ascii_uppercase() != first.is_ascii_uppercase()) {
            return Err(format!("'{word}' mixes upper and lower case"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kebab_as_spin_has_it() {
        for good in ["a", "abc", "a1-b2", "FOO-bar", "A"] {
            assert_eq!(check_kebab(good), Ok(()), "{good}");
        }
        for bad in [
            "", "-", "a-", "-a", "a--b", "1a", "a-1", "a_b", "aB", "a.b", "é", "a b",
        ] {
            assert!(check_kebab(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn snake_is_lower_case() {
        for good in ["a", "abc", "a1_b2"] {
            assert_eq!(check_lower_snake(good), Ok(()), "{good}");
        }
        for bad in ["", "_", "a_", "a__b", "a_1", "a-b", "A", "a_B", "x.y"] {
            assert!(check_lower_snake(bad).is_err(), "{bad}");
        }
    }
}
