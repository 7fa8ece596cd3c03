//! What the API document promises, so that no promise is left without a case.

use serde_json::Value;

use crate::case::Case;

/// What no request of a table can bring about, and where it is tested instead.
const ELSEWHERE: [(&str, &str); 2] = [
    // The client breaks off: tests/app/uploads.rs.
    ("POST", "invalid-request-body"),
    // Takes as long as the limit is: tests/app/settings.rs.
    ("POST", "time-limit-exceeded"),
];

/// The operations and problems of an `OpenAPI` document that none of `cases` brings about.
#[must_use]
pub fn untested(document: &Value, cases: &[Case]) -> Vec<String> {
    let mut untested = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            let method = method.to_uppercase();
            let of_operation: Vec<&Case> = cases
                .iter()
                .filter(|case| {
                    let (sent, target) = case.target();
                    sent == method && matches(path, &target)
                })
                .collect();
            if !of_operation.iter().any(|case| case.expect.status < 300) {
                untested.push(format!("{method} {path}: success"));
            }
            for (status, response) in members(&operation["responses"]) {
                let examples = &response["content"]["application/problem+json"]["examples"];
                for (code, _) in members(examples) {
                    let tested = of_operation.iter().any(|case| {
                        case.expect.problem.as_ref() == Some(code)
                            && case.expect.status.to_string() == *status
                    });
                    if !tested && !ELSEWHERE.contains(&(&method, code)) {
                        untested.push(format!("{method} {path}: {status} {code}"));
                    }
                }
            }
        }
    }
    untested
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// Whether a target is one of the paths of a template such as `/hello/{name}`.
fn matches(template: &str, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let (template, path): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(expected, found)| expected.starts_with('{') || expected == found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_match_their_paths() {
        assert!(matches("/sum/{a}/{b}", "/sum/1/2?x=1"));
        assert!(!matches("/sum/{a}/{b}", "/sum/1"));
        assert!(!matches("/ping", "/pong"));
    }
}
