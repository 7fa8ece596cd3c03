//! What the API document promises, so that no promise is left without a case.

use serde_json::Value;

use crate::case::Case;

/// What no request of a table can bring about, and where it is tested instead.
const ELSEWHERE: [(&str, &str); 3] = [
    // The client breaks off: tests/app/uploads.rs.
    ("POST", "invalid-request-body"),
    ("POST", "invalid_request_body"),
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
                if status.starts_with('2') {
                    continue;
                }
                let contents = members(&response["content"]).map(|(_, content)| content);
                for (code, _) in contents.flat_map(|content| members(&content["examples"])) {
                    let tested = of_operation.iter().any(|case| {
                        let expected = [&case.expect.problem, &case.expect.error];
                        expected.contains(&&Some(code.clone()))
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
