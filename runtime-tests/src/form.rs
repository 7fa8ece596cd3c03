//! Forms with files, as a case writes them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::case::expand;

/// A part of a form: a text, or a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    name: String,
    #[serde(default)]
    text: String,
    /// Bytes that are no text, two digits each.
    hex: Option<String>,
    /// Relative to the root of the repository.
    file: Option<PathBuf>,
    /// What the file is called; by default as it is.
    file_name: Option<String>,
    /// How many bytes of the file are sent; by default all.
    first: Option<usize>,
}

/// Between the parts of a form.
pub(crate) const BOUNDARY: &str = "a-line-that-no-part-has";

/// `parts` as a form (RFC 7578).
pub(crate) fn encode(parts: &[Part]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        let mut head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; ");
        head += &format!("name=\"{}\"", part.name);
        let own_name = || Some(part.file.as_ref()?.file_name()?.to_str()?.to_owned());
        if let Some(name) = part.file_name.clone().or_else(own_name) {
            head += &format!("; filename=\"{name}\"");
        }
        body.extend_from_slice((head + "\r\n\r\n").as_bytes());
        let content = match (&part.file, &part.hex) {
            (Some(path), _) => read(path),
            (None, Some(hex)) => bytes(hex),
            (None, None) => expand(&part.text).into_bytes(),
        };
        let size = part.first.unwrap_or(content.len());
        body.extend_from_slice(&content[..size]);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// A file of the repository.
pub(crate) fn read(path: &Path) -> Vec<u8> {
    let path = crate::root().join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(char::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs
        .map(|pair| u8::from_str_radix(&pair, 16).expect("two digits"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_written_out() {
        let parts = r#"
            parts = [
                { name = "a", text = "{{x*3}}" },
                { name = "b", hex = "00 ff", file_name = "b.bin" },
                { name = "c", file = "README.md", first = 2 },
            ]"#;
        #[derive(Deserialize)]
        struct Form {
            parts: Vec<Part>,
        }
        let form: Form = toml::from_str(parts).unwrap();
        let head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=");
        let text = format!("{head}\"a\"\r\n\r\nxxx\r\n{head}\"b\"; filename=\"b.bin\"\r\n\r\n");
        let body = encode(&form.parts);
        assert!(body.starts_with(text.as_bytes()));
        assert_eq!(body[text.len()..text.len() + 4], *b"\x00\xff\r\n");
        let readme = format!("{head}\"c\"; filename=\"README.md\"\r\n\r\n# \r\n--{BOUNDARY}--\r\n");
        assert!(
            body.ends_with(readme.as_bytes()),
            "{}",
            String::from_utf8_lossy(&body)
        );
    }
}
