//! Forms (RFC 7578), and how a case writes them.

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
    /// Bytes that are not text, two digits each.
    hex: Option<String>,
    /// Relative to the root of the repository.
    file: Option<PathBuf>,
    /// The name of the file in the form; by default its own.
    file_name: Option<String>,
    /// How many bytes of the file are sent; by default all.
    first: Option<usize>,
}

/// A form under construction.
#[derive(Clone, Debug)]
pub struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    /// A form without parts. Its boundary is a line that no part has.
    #[must_use]
    pub fn new(boundary: &str) -> Self {
        Self {
            boundary: boundary.to_owned(),
            body: Vec::new(),
        }
    }

    /// A recording, after text fields.
    #[must_use]
    pub fn upload(boundary: &str, recording: &[u8], fields: &[(&str, &str)]) -> Self {
        let add = |form: Self, (name, value): &(&str, &str)| form.text(name, value);
        let texts = fields.iter().fold(Self::new(boundary), add);
        texts.file("file", "speech", recording)
    }

    /// Adds a field with a text.
    #[must_use]
    pub fn text(self, name: &str, text: &str) -> Self {
        self.part(name, None, text.as_bytes())
    }

    /// Adds a field with a file of this name.
    #[must_use]
    pub fn file(self, name: &str, file_name: &str, content: &[u8]) -> Self {
        self.part(name, Some(file_name), content)
    }

    fn part(mut self, name: &str, file_name: Option<&str>, content: &[u8]) -> Self {
        let boundary = &self.boundary;
        let mut head = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"");
        if let Some(name) = file_name {
            head += &format!("; filename=\"{name}\"");
        }
        let pieces = [head.as_bytes(), b"\r\n\r\n", content, b"\r\n"];
        self.body.extend(pieces.concat());
        self
    }

    /// The media type, and the body.
    pub(crate) fn finish(mut self) -> (String, Vec<u8>) {
        let end = format!("--{}--\r\n", self.boundary);
        self.body.extend_from_slice(end.as_bytes());
        let media_type = format!("multipart/form-data; boundary={}", self.boundary);
        (media_type, self.body)
    }
}

/// Between the parts of a case's form.
const BOUNDARY: &str = "a-line-that-no-part-has";

/// The form that a case describes.
pub(crate) fn form(parts: &[Part]) -> Form {
    parts.iter().fold(Form::new(BOUNDARY), |form, part| {
        let own_name = || Some(part.file.as_ref()?.file_name()?.to_str()?.to_owned());
        let file_name = part.file_name.clone().or_else(own_name);
        let content = match (&part.file, &part.hex) {
            (Some(path), _) => read(path),
            (None, Some(hex)) => bytes(hex),
            (None, None) => expand(&part.text).into_bytes(),
        };
        let size = part.first.unwrap_or(content.len());
        form.part(&part.name, file_name.as_deref(), &content[..size])
    })
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
        struct Parts {
            parts: Vec<Part>,
        }
        let parts: Parts = toml::from_str(parts).unwrap();
        let head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=");
        let text = format!("{head}\"a\"\r\n\r\nxxx\r\n{head}\"b\"; filename=\"b.bin\"\r\n\r\n");
        let (media_type, body) = form(&parts.parts).finish();
        assert_eq!(
            media_type,
            format!("multipart/form-data; boundary={BOUNDARY}")
        );
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
