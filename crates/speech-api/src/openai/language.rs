//! Languages by their codes and their English names, as clients of OpenAI write them.

use http_api::Problem;
use http_api::problem::UNSUPPORTED_LANGUAGE;

/// The languages of Whisper: its code for each, and the English name in lower case.
const LANGUAGES: [(&str, &str); 100] = [
    ("en", "english"),
    ("zh", "chinese"),
    ("de", "german"),
    ("es", "spanish"),
    ("ru", "russian"),
    ("ko", "korean"),
    ("fr", "french"),
    ("ja", "japanese"),
    ("pt", "portuguese"),
    ("tr", "turkish"),
    ("pl", "polish"),
    ("ca", "catalan"),
    ("nl", "dutch"),
    ("ar", "arabic"),
    ("sv", "swedish"),
    ("it", "italian"),
    ("id", "indonesian"),
    ("hi", "hindi"),
    ("fi", "finnish"),
    ("vi", "vietnamese"),
    ("he", "hebrew"),
    ("uk", "ukrainian"),
    ("el", "greek"),
    ("ms", "malay"),
    ("cs", "czech"),
    ("ro", "romanian"),
    ("da", "danish"),
    ("hu", "hungarian"),
    ("ta", "tamil"),
    ("no", "norwegian"),
    ("th", "thai"),
    ("ur", "urdu"),
    ("hr", "croatian"),
    ("bg", "bulgarian"),
    ("lt", "lithuanian"),
    ("la", "latin"),
    ("mi", "maori"),
    ("ml", "malayalam"),
    ("cy", "welsh"),
    ("sk", "slovak"),
    ("te", "telugu"),
    ("fa", "persian"),
    ("lv", "latvian"),
    ("bn", "bengali"),
    ("sr", "serbian"),
    ("az", "azerbaijani"),
    ("sl", "slovenian"),
    ("kn", "kannada"),
    ("et", "estonian"),
    ("mk", "macedonian"),
    ("br", "breton"),
    ("eu", "basque"),
    ("is", "icelandic"),
    ("hy", "armenian"),
    ("ne", "nepali"),
    ("mn", "mongolian"),
    ("bs", "bosnian"),
    ("kk", "kazakh"),
    ("sq", "albanian"),
    ("sw", "swahili"),
    ("gl", "galician"),
    ("mr", "marathi"),
    ("pa", "punjabi"),
    ("si", "sinhala"),
    ("km", "khmer"),
    ("sn", "shona"),
    ("yo", "yoruba"),
    ("so", "somali"),
    ("af", "afrikaans"),
    ("oc", "occitan"),
    ("ka", "georgian"),
    ("be", "belarusian"),
    ("tg", "tajik"),
    ("sd", "sindhi"),
    ("gu", "gujarati"),
    ("am", "amharic"),
    ("yi", "yiddish"),
    ("lo", "lao"),
    ("uz", "uzbek"),
    ("fo", "faroese"),
    ("ht", "haitian creole"),
    ("ps", "pashto"),
    ("tk", "turkmen"),
    ("nn", "nynorsk"),
    ("mt", "maltese"),
    ("sa", "sanskrit"),
    ("lb", "luxembourgish"),
    ("my", "myanmar"),
    ("bo", "tibetan"),
    ("tl", "tagalog"),
    ("mg", "malagasy"),
    ("as", "assamese"),
    ("tt", "tatar"),
    ("haw", "hawaiian"),
    ("ln", "lingala"),
    ("ha", "hausa"),
    ("ba", "bashkir"),
    ("jw", "javanese"),
    ("su", "sundanese"),
    ("yue", "cantonese"),
];

/// Other names and codes of some of them.
const ALIASES: [(&str, &str); 18] = [
    ("eng", "en"),
    ("mandarin", "zh"),
    ("castilian", "es"),
    ("flemish", "nl"),
    ("valencian", "ca"),
    ("moldavian", "ro"),
    ("moldovan", "ro"),
    ("sinhalese", "si"),
    ("panjabi", "pa"),
    ("pushto", "ps"),
    ("burmese", "my"),
    ("haitian", "ht"),
    ("letzeburgesch", "lb"),
    ("iw", "he"),
    ("jv", "jw"),
    ("nb", "no"),
    ("fil", "tl"),
    ("farsi", "fa"),
];

/// The English name of a language; its code where the table does not have it.
pub(super) fn name(code: &str) -> &str {
    let found = LANGUAGES.iter().find(|(other, _)| *other == code);
    found.map_or(code, |(_, name)| name)
}

/// The language in `known` that a client means: by its code, by a tag that begins with the code (RFC 5646), or by its English
/// name.
pub(super) fn find<'k>(known: &'k [String], wanted: &str) -> Result<&'k str, Problem> {
    let lower = wanted.trim().to_lowercase();
    let tag = lower.split(['-', '_']).next().unwrap_or_default();
    let code_of = |name: &str| {
        let by_name = LANGUAGES.iter().find(|(_, other)| *other == name);
        let by_alias = ALIASES.iter().find(|(other, _)| *other == name);
        by_name
            .map(|(code, _)| *code)
            .or(by_alias.map(|(_, code)| *code))
    };
    let code = code_of(&lower).or(code_of(tag)).unwrap_or(tag);
    if let Some(found) = known.iter().find(|known| *known == code) {
        return Ok(found);
    }
    let detail = match known {
        [only] => format!(
            "the model knows only {}; send '{only}' as 'language', or leave it out",
            capitalised(name(only))
        ),
        _ => format!(
            "the model does not know the language '{wanted:.100}'; send a code such as '{}', or leave it out to have it detected",
            known.first().map_or("en", String::as_str)
        ),
    };
    Err(Problem::new(UNSUPPORTED_LANGUAGE, detail).with("parameter", "language"))
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(codes: &[&str]) -> Vec<String> {
        codes.iter().map(|code| (*code).to_owned()).collect()
    }

    #[test]
    fn languages_are_found_by_code_tag_and_name() {
        let known = known(&["en", "de", "zh", "jw", "yue"]);
        for (wanted, code) in [
            ("en", "en"),
            ("EN", "en"),
            ("en-GB", "en"),
            ("eng", "en"),
            ("English", "en"),
            (" german ", "de"),
            ("zh_TW", "zh"),
            ("mandarin", "zh"),
            ("jv", "jw"),
            ("Cantonese", "yue"),
        ] {
            assert_eq!(find(&known, wanted).expect("known"), code, "{wanted}");
        }
    }

    #[test]
    fn what_the_model_does_not_know_is_refused() {
        let one = find(&known(&["en"]), "de").expect_err("refused");
        assert_eq!(one.code(), "unsupported-language");
        assert!(one.detail().contains("only English"), "{}", one.detail());
        let many = known(&["en", "de"]);
        for wanted in ["fr", "klingon", "engl", "-", "deutsch"] {
            let refused = find(&many, wanted).expect_err("refused");
            assert_eq!(refused.member("parameter"), Some(&"language".into()));
            assert!(refused.detail().contains(wanted), "{}", refused.detail());
        }
    }

    #[test]
    fn every_code_has_one_name() {
        for (i, (code, language)) in LANGUAGES.iter().enumerate() {
            assert_eq!(name(code), *language);
            let others = &LANGUAGES[i + 1..];
            assert!(
                others.iter().all(|other| other.1 != *language),
                "{language}"
            );
        }
        for (alias, code) in ALIASES {
            assert!(LANGUAGES.iter().any(|(other, _)| *other == code), "{alias}");
            assert!(LANGUAGES.iter().all(|(other, _)| *other != alias));
        }
        assert_eq!(name("tlh"), "tlh");
    }
}
