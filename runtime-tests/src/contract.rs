//! What the API document promises, so that no promise is left without a case.

use serde_json::Value;

use crate::case::Case;

/// What no request of a table can bring about, and where it is tested instead: a method, or a method and a path; a problem, or `success`.
const ELSEWHERE: [(&str, &str); 25] = [
    // The client breaks off: tests/app/uploads.rs.
    ("POST", "invalid-request-body"),
    ("POST", "invalid_request_body"),
    // Takes as long as the limit is: tests/app/settings.rs.
    ("POST", "time-limit-exceeded"),
    // There must be a job: tests/jobs/life.rs.
    ("GET /jobs/{id}", "success"),
    ("DELETE /jobs/{id}", "success"),
    ("GET /jobs/{id}/result", "success"),
    ("GET /jobs/{id}/events", "success"),
    ("GET /jobs/{id}/result", "job-not-ended"),
    ("GET /jobs/{id}/result", "job-canceled"),
    // Two requests: tests/jobs/idempotency.rs.
    ("POST", "idempotency-key-reused"),
    ("POST", "idempotency_key_reused"),
    // A store that is full or away, and workers that are lost: tests/jobs/load.rs, store.rs, faults.rs.
    ("POST", "too-many-jobs"),
    ("POST", "too_many_jobs"),
    ("POST", "store-unavailable"),
    ("POST", "store_unavailable"),
    ("GET", "store-unavailable"),
    ("DELETE", "store-unavailable"),
    ("POST", "worker-lost"),
    // The bundled model does not translate: tests/app/languages.rs.
    ("POST /v1/audio/translations", "success"),
    ("POST /v1/audio/translations", "empty_file"),
    ("POST /v1/audio/translations", "not_audio"),
    ("POST /v1/audio/translations", "unsupported_codec"),
    ("POST /v1/audio/translations", "corrupt_audio"),
    ("POST /v1/audio/translations", "audio_too_long"),
    ("POST /v1/audio/translations", "webhook_not_allowed"),
];

/// The operations and problems of an `OpenAPI` document that none of `cases` brings about.
#[must_use]
pub fn untested(document: &Value, cases: &[Case]) -> Vec<String> {
    let mut untested = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            let method = method.to_uppercase();
            let operation_name = format!("{method} {path}");
            let elsewhere = |what: &str| {
                let mut listed = ELSEWHERE.iter();
                listed.any(|(of, code)| (*of == method || *of == operation_name) && *code == what)
            };
            let of_operation: Vec<&Case> = cases
                .iter()
                .filter(|case| {
                    let (sent, target) = case.target();
                    sent == method && matches(path, &target)
                })
                .collect();
            let succeeds = of_operation.iter().any(|case| case.expect.status < 300);
            if !succeeds && !elsewhere("success") {
                untested.push(format!("{operation_name}: success"));
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
                    if !tested && !elsewhere(code) {
                        untested.push(format!("{operation_name}: {status} {code}"));
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
