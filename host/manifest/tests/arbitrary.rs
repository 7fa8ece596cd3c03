//! Reading any manifest ends in a manifest or in errors that point into it.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::BTreeMap;
use std::env::VarError;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use manifest::{AllowedHosts, Error, Manifest, Variables};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// The manifests of the cases.
static MANIFESTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let read = |case: fs::DirEntry| fs::read_to_string(case.path().join("spin.toml")).unwrap();
    let mut manifests: Vec<String> = fs::read_dir(cases)
        .unwrap()
        .map(|case| read(case.unwrap()))
        .collect();
    manifests.sort();
    manifests
});

/// What is put in place of a piece of a manifest.
const PIECES: [&str; 24] = [
    "",
    " ",
    "\n",
    "\"",
    "'",
    "[",
    "]",
    "[[",
    "{",
    "}",
    "{{",
    "}}",
    "=",
    ".",
    "/...",
    ":",
    "*",
    "#",
    "1",
    "true",
    "é",
    "\0",
    "component",
    "trigger.http",
];

/// Reads `text` and uses all that can be used of the result.
fn use_all(text: &str) -> Result<(), TestCaseError> {
    let manifest = match Manifest::parse(text, Path::new("spin.toml")) {
        Ok(manifest) => manifest,
        Err(Error::Read { .. }) => return Err(TestCaseError::fail("parsing reads no file")),
        Err(Error::Invalid(diagnostics)) => {
            prop_assert!(!diagnostics.is_empty());
            for found in diagnostics {
                prop_assert!(found.column >= 1 && !found.message.is_empty());
                prop_assert!((1..=text.matches('\n').count() + 1).contains(&found.line));
            }
            return Ok(());
        }
    };
    let router = manifest.router();
    for path in ["/", "/hello/you/", "/sum/1/2", "/a.b/:c/*", "/é"] {
        router.route(path);
    }
    let given = BTreeMap::new();
    if let Ok(variables) = Variables::resolve(&manifest, &given, |_| Err(VarError::NotPresent)) {
        for component in manifest.components.values() {
            let ids = manifest.components.keys().map(String::as_str);
            if let Ok(hosts) = AllowedHosts::resolve(component, &variables, ids) {
                hosts.allows_url("http://example.com:8080/");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text(text in any::<String>()) {
        use_all(&text)?;
    }

    #[test]
    fn any_toml_of_a_few_words(
        words in proptest::collection::vec(select(&PIECES[..]), 0..40),
    ) {
        use_all(&format!("spin_manifest_version = 2\n{}", words.concat()))?;
    }

    #[test]
    fn a_manifest_with_pieces_replaced(
        manifest in any::<Index>(),
        edits in proptest::collection::vec((any::<Index>(), 0usize..12, select(&PIECES[..])), 1..4),
    ) {
        let mut text = manifest.get(&MANIFESTS).clone();
        for (at, length, piece) in edits {
            let start = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, piece);
        }
        use_all(&text)?;
    }

    #[test]
    fn a_manifest_cut_short(manifest in any::<Index>(), at in any::<Index>()) {
        let text = manifest.get(&MANIFESTS);
        use_all(&text[..text.floor_char_boundary(at.index(text.len() + 1))])?;
    }
}
