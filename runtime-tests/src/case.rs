//! A case: a request and the expected answer. Described in `README.md`.

mod expect;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::form::{self, Part};
use crate::http::Request;
use crate::server::Server;
use expect::{always, complain, stable};

pub use expect::Expect;

/// A request and the expected answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A description.
    pub name: String,
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    json: Option<String>,
    /// The parts of a form; empty for a form without any.
    multipart: Option<Vec<Part>>,
    /// A file that is the body, relative to the root of the repository.
    file: Option<PathBuf>,
    #[serde(default)]
    chunked: bool,
    /// The expected answer.
    pub expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

/// The cases of every `*.toml` in `folder`, each with the name of its file.
///
/// # Panics
/// When a file is not a table of cases, or two cases of one have the same name.
#[must_use]
pub fn load(folder: &Path) -> Vec<(String, Case)> {
    let mut cases = Vec::new();
    let entries = fs::read_dir(folder).expect("the folder of cases");
    for entry in entries {
        let path = entry.expect("a file of cases").path();
        let text = fs::read_to_string(&path).expect("a file of cases");
        let file: File =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let stem = path.file_stem().expect("a name").to_string_lossy();
        cases.extend(file.case.into_iter().map(|case| (stem.to_string(), case)));
    }
    cases.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut names = std::collections::BTreeSet::new();
    for (file, case) in &cases {
        assert!(
            names.insert((file, &case.name)),
            "{file}: two cases '{}'",
            case.name
        );
    }
    cases
}

impl Case {
    /// The request's method and target.
    ///
    /// # Panics
    /// When the case does not have both.
    #[must_use]
    pub fn target(&self) -> (String, String) {
        let request = expand(&self.request);
        let (method, target) = request.split_once(' ').expect("request = 'METHOD target'");
        (method.to_owned(), target.to_owned())
    }

    fn to_request(&self) -> Request {
        let (method, target) = self.target();
        let mut request = Request::new(&method, &target);
        for (name, value) in &self.headers {
            request = request.header(name, &expand(value));
        }
        if self.json.is_some() {
            request = request.header("content-type", "application/json");
        }
        let text = self.json.as_ref().or(self.body.as_ref());
        let body = if let Some(parts) = &self.multipart {
            let (media_type, body) = form::form(parts).finish();
            request = request.header("content-type", &media_type);
            body
        } else if let Some(path) = &self.file {
            form::read(path)
        } else if let Some(text) = text {
            expand(text).into_bytes()
        } else {
            return request;
        };
        if self.chunked {
            request.chunks(body.chunks(1000))
        } else {
            request.body(body)
        }
    }

    /// Sends the request to `server` and compares.
    ///
    /// # Errors
    /// All differences from the expected answer.
    pub fn run(&self, server: &Server) -> Result<(), String> {
        let request = self.to_request();
        let response = server.try_send(&request).map_err(|e| e.to_string())?;
        let mut complaints = self.expect.compare(&response);
        complaints.extend(always(&response, &self.target().1));
        if let Ok(problem) = serde_json::from_slice::<Value>(&response.body)
            && let Some(uri) = problem["type"].as_str()
        {
            let explained = server.get(uri);
            complain(&mut complaints, explained.status == 200, || {
                format!(
                    "GET {uri}, its problem's type, answers {}",
                    explained.status
                )
            });
        }
        // If GET is not allowed, HEAD has its own 405.
        if self.target().0 == "GET" && response.status != 405 {
            let head = server
                .try_send(&request.with_method("HEAD"))
                .map_err(|e| format!("HEAD: {e}"))?;
            let stable = |response| stable(response, self.expect.changes);
            complain(&mut complaints, stable(&head) == stable(&response), || {
                format!("HEAD answers otherwise: {head:?}")
            });
        }
        if complaints.is_empty() {
            return Ok(());
        }
        let mut report = complaints.join("\n");
        let shown: String = String::from_utf8_lossy(&response.body)
            .chars()
            .take(2000)
            .collect();
        let _ = write!(
            report,
            "\nanswer: {} {:?}\n{shown}",
            response.status, response.headers
        );
        Err(report)
    }
}

/// Writes out each `{{text*count}}`.
pub(crate) fn expand(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (repeated, after) = after.split_once("}}").expect("'}}' after '{{'");
        let (unit, count) = repeated.rsplit_once('*').expect("{{text*count}}");
        out.push_str(before);
        out.push_str(&unit.repeat(count.parse().expect("a count")));
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_written_out() {
        assert_eq!(expand("a{{xy*3}}b{{-*2}}"), "axyxyxyb--");
        assert_eq!(expand("{}"), "{}");
    }
}
