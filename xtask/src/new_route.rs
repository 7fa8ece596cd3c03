//! `cargo xtask new-route NAME`: adds a component in every place that lists components.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::manifests;

/// The files of a new component: their paths and contents.
const NEW_FILES: &[(&str, &str)] = &[
    (
        "components/{{name}}/Cargo.toml",
        include_str!("../templates/Cargo.toml.in"),
    ),
    (
        "components/{{name}}/src/lib.rs",
        include_str!("../templates/lib.rs.in"),
    ),
    (
        "runtime-tests/cases/{{name}}.toml",
        include_str!("../templates/case.toml.in"),
    ),
];

/// The component's trigger and permissions, for the end of `spin.toml`.
const MANIFEST: &str = include_str!("../templates/spin.toml.in");

/// What components may reach, as a test compares it; where the worker's begin; and what a new component may reach.
const PERMISSIONS: &str = "runtime-tests/tests/app/permissions.toml";
const WORKER: &str = "\n[\"spin.worker.toml\"]";
const GRANTS: &str = r#"{{name}} = ["allowed_outbound_hosts: http://limiter.spin.internal", "secret: api_keys", "secret: jwt_secrets"]"#;

/// Words that Cargo refuses as a package name, as far as they pass as a path segment.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Adds the component `name` to the repository at `root`.
pub(crate) fn add(root: &Path, name: &str) -> Result<()> {
    let name = Name::parse(name)?;
    ensure!(
        !is_taken(root, name.0)?,
        "there is a package called '{}' already",
        name.0
    );

    for (path, template) in NEW_FILES {
        let path = root.join(name.fill(path));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, name.fill(template))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    edit(root, "spin.toml", |text| Ok(text + &name.fill(MANIFEST)))?;
    manifests::write(root)?;
    edit(root, PERMISSIONS, |text| {
        let (application, worker) = text
            .split_once(WORKER)
            .context("no permissions of the worker")?;
        Ok(format!(
            "{application}{}\n{WORKER}{worker}",
            name.fill(GRANTS)
        ))
    })?;
    edit(root, "xtask/Cargo.toml", |text| {
        insert_sorted(
            &text,
            " = { path = \"../components/",
            &name.fill("{{name}} = { path = \"../components/{{name}}\" }"),
        )
    })?;
    edit(root, "xtask/src/openapi.rs", |text| {
        insert_sorted(&text, "::routes,", &name.fill("    {{module}}::routes,"))
    })?;
    println!("{}", name.fill("components/{{name}} answers GET /{{name}}; its test is runtime-tests/cases/{{name}}.toml"));
    Ok(())
}

/// A name that is valid as a path segment, a Spin component id and a Cargo package.
struct Name<'a>(&'a str);

impl<'a> Name<'a> {
    fn parse(name: &'a str) -> Result<Self> {
        let words_are_good = name.split('-').all(|word| {
            word.starts_with(|first: char| first.is_ascii_lowercase())
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        });
        ensure!(
            words_are_good && name.len() <= 40,
            "'{name}' is not a name for a route: words of a-z and 0-9 that start with a letter, joined by single hyphens"
        );
        ensure!(
            !RESERVED.contains(&name),
            "'{name}' is a word of Rust's own"
        );
        Ok(Self(name))
    }

    /// The template with the name inserted as a path, a Rust module and a Rust type.
    fn fill(&self, template: &str) -> String {
        let type_name: String = self
            .0
            .split('-')
            .map(|word| word[..1].to_uppercase() + &word[1..])
            .collect();
        template
            .replace("{{name}}", self.0)
            .replace("{{module}}", &self.0.replace('-', "_"))
            .replace("{{type}}", &type_name)
    }
}

/// Whether a package of this workspace or a dependency has the name.
fn is_taken(root: &Path, name: &str) -> Result<bool> {
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
    Ok(lock
        .lines()
        .any(|line| line == format!("name = \"{name}\"")))
}

fn edit(root: &Path, file: &str, change: impl FnOnce(String) -> Result<String>) -> Result<()> {
    let path = root.join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {file}"))?;
    let changed = change(text).with_context(|| format!("cannot change {file}"))?;
    fs::write(&path, changed).with_context(|| format!("cannot write {file}"))
}

/// Inserts `line` among the lines that contain `mark`, in alphabetical order.
fn insert_sorted(text: &str, mark: &str, line: &str) -> Result<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines
        .iter()
        .rposition(|it| it.contains(mark))
        .context("no list of components")?;
    let place = lines
        .iter()
        .position(|it| it.contains(mark) && *it > line)
        .unwrap_or(last + 1);
    lines.insert(place, line);
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["ping", "greet-twice", "v2"] {
            assert!(Name::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-",
            "loop",
            "Ping",
            "a--b",
            "a-",
            "2x",
            "a_b",
            "a/b",
            "../x",
            "ünder",
            &"a".repeat(41),
        ] {
            assert!(Name::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lines_keep_their_order() {
        let list = "before\nb::routes,\nd::routes,\nafter\n";
        let with = |line| insert_sorted(list, "::routes,", line).expect("a list");
        assert_eq!(
            with("a::routes,"),
            "before\na::routes,\nb::routes,\nd::routes,\nafter\n"
        );
        assert_eq!(
            with("c::routes,"),
            "before\nb::routes,\nc::routes,\nd::routes,\nafter\n"
        );
        assert_eq!(
            with("e::routes,"),
            "before\nb::routes,\nd::routes,\ne::routes,\nafter\n"
        );
        assert!(insert_sorted("nothing", "::routes,", "a").is_err());
    }
}
