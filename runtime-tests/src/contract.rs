//! Checks that every operation of the API document and every problem type is tested.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::case::Case;

/// The tags of the operations that Python functions and models of the user have. There may be none in a checkout.
const FUNCTIONS: &str = "functions";
const MODELS: &str = "models";

/// What no request of a table can bring about, and the test that does: a method, or a method and a path,
/// or the tag of functions, or `*` for what no operation documents; a problem, or `success`; a file of `tests/` and a function in it.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    // The client breaks off.
    (
        "POST",
        "invalid-request-body",
        "app/uploads.rs: a_body_that_ends_early_is_no_body",
    ),
    (
        "POST",
        "invalid_request_body",
        "app/speech.rs: an_upload_that_ends_early_is_no_upload",
    ),
    // There must be a limit.
    (
        "GET",
        "too-many-requests",
        "app/limits.rs: each_caller_has_a_bucket",
    ),
    (
        "POST",
        "too-many-requests",
        "app/limits.rs: each_caller_has_a_bucket",
    ),
    (
        "DELETE",
        "too-many-requests",
        "app/limits.rs: each_caller_has_a_bucket",
    ),
    (
        "GET",
        "too_many_requests",
        "app/limits.rs: each_caller_has_a_bucket",
    ),
    (
        "POST",
        "too_many_requests",
        "app/limits.rs: each_caller_has_a_bucket",
    ),
    // There must be users.
    (
        "POST /token",
        "success",
        "app/tokens.rs: a_password_gets_a_token_and_the_token_gets_an_answer",
    ),
    // There must be keys.
    (
        "GET",
        "missing-credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "GET",
        "invalid-credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "GET",
        "route-not-allowed",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "POST",
        "missing-credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "POST",
        "invalid-credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "POST",
        "route-not-allowed",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "DELETE",
        "missing-credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "DELETE",
        "invalid-credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "DELETE",
        "route-not-allowed",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "GET",
        "missing_credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "GET",
        "invalid_credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "GET",
        "route_not_allowed",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "POST",
        "missing_credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "POST",
        "invalid_credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "POST",
        "route_not_allowed",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    // Takes as long as the limit is.
    (
        "POST",
        "time-limit-exceeded",
        "app/settings.rs: factorize_time_limit",
    ),
    (
        "GET /factorize/{n}",
        "time-limit-exceeded",
        "app/settings.rs: factorize_time_limit",
    ),
    // There must be a job.
    (
        "GET /jobs/{id}",
        "success",
        "jobs/life.rs: a_result_is_what_the_route_answers_at_once",
    ),
    (
        "DELETE /jobs/{id}",
        "success",
        "jobs/life.rs: what_is_forgotten_is_gone",
    ),
    (
        "GET /jobs/{id}/result",
        "success",
        "jobs/life.rs: a_result_is_what_the_route_answers_at_once",
    ),
    (
        "GET /jobs/{id}/events",
        "success",
        "jobs/events.rs: the_events_of_a_job_end_with_its_result",
    ),
    (
        "GET /jobs/{id}/result",
        "job-not-ended",
        "jobs/control.rs: a_job_that_waits_is_canceled_at_once",
    ),
    (
        "GET /jobs/{id}/result",
        "job-canceled",
        "jobs/control.rs: a_job_that_waits_is_canceled_at_once",
    ),
    // Two requests.
    (
        "POST",
        "idempotency-key-reused",
        "jobs/idempotency.rs: the_same_request_is_the_same_job",
    ),
    (
        "POST",
        "idempotency_key_reused",
        "jobs/idempotency.rs: a_key_of_openai_s_routes_may_not_be_reused",
    ),
    // A store that is full or away, and workers that are lost.
    (
        "POST",
        "too-many-jobs",
        "jobs/load.rs: the_one_too_many_is_refused",
    ),
    (
        "POST",
        "too_many_jobs",
        "jobs/load.rs: the_one_too_many_is_refused",
    ),
    (
        "POST",
        "store-unavailable",
        "jobs/store.rs: the_application_starts_and_serves_without_its_redis",
    ),
    (
        "POST",
        "store_unavailable",
        "jobs/store.rs: the_application_starts_and_serves_without_its_redis",
    ),
    (
        "GET",
        "store-unavailable",
        "jobs/store.rs: the_application_starts_and_serves_without_its_redis",
    ),
    (
        "DELETE",
        "store-unavailable",
        "jobs/store.rs: the_application_starts_and_serves_without_its_redis",
    ),
    (
        "GET /readyz",
        "not-ready",
        "jobs/store.rs: the_application_starts_and_serves_without_its_redis",
    ),
    (
        "POST",
        "worker-lost",
        "jobs/faults.rs: a_task_that_loses_three_workers_answers_with_that",
    ),
    // A job that another version has kept.
    (
        "POST",
        "job-outdated",
        "jobs/restart.rs: jobs_of_an_earlier_version_end",
    ),
    // A component that traps, which is a bug.
    (
        "*",
        "internal-error",
        "host/faults.rs: a_trap_ends_its_request_and_nothing_else",
    ),
    // What all functions share.
    (
        FUNCTIONS,
        "invalid-input",
        "host/functions.rs: how_a_call_ended_is_told_to_the_client_or_to_the_log",
    ),
    (
        FUNCTIONS,
        "time-limit-exceeded",
        "host/functions.rs: a_call_that_takes_too_long_is_ended",
    ),
    (
        FUNCTIONS,
        "invalid-parameter",
        "host/functions.rs: what_the_contract_does_not_allow_never_reaches_the_function",
    ),
    (
        FUNCTIONS,
        "invalid-body",
        "host/functions.rs: what_the_contract_does_not_allow_never_reaches_the_function",
    ),
    (
        FUNCTIONS,
        "invalid-json",
        "host/functions.rs: what_the_contract_does_not_allow_never_reaches_the_function",
    ),
    (
        FUNCTIONS,
        "content-too-large",
        "host/functions.rs: what_the_contract_does_not_allow_never_reaches_the_function",
    ),
    (
        FUNCTIONS,
        "unsupported-media-type",
        "host/functions.rs: what_the_contract_does_not_allow_never_reaches_the_function",
    ),
    (
        FUNCTIONS,
        "webhook-not-allowed",
        "host/functions.rs: a_call_may_be_deferred",
    ),
    // What all models of the user share.
    (
        MODELS,
        "invalid-parameter",
        "host/models.rs: rows_that_do_not_fit_are_refused",
    ),
    (
        MODELS,
        "invalid-body",
        "host/models.rs: rows_that_do_not_fit_are_refused",
    ),
    (
        MODELS,
        "invalid-json",
        "host/models.rs: rows_that_do_not_fit_are_refused",
    ),
    (
        MODELS,
        "content-too-large",
        "host/models.rs: rows_that_do_not_fit_are_refused",
    ),
    (
        MODELS,
        "unsupported-media-type",
        "host/models.rs: rows_that_do_not_fit_are_refused",
    ),
    (
        MODELS,
        "invalid-csv",
        "host/models.rs: a_table_has_a_column_for_each_element",
    ),
    (
        MODELS,
        "invalid-tensor",
        "host/models.rs: tensors_come_by_the_inference_protocol",
    ),
    // The bundled model does not translate.
    (
        "POST /v1/audio/translations",
        "success",
        "app/languages.rs: a_client_s_wishes_reach_the_recogniser",
    ),
    (
        "POST /v1/audio/translations",
        "empty_file",
        "app/languages.rs: recordings_to_translate_are_refused_as_those_to_transcribe",
    ),
    (
        "POST /v1/audio/translations",
        "not_audio",
        "app/languages.rs: recordings_to_translate_are_refused_as_those_to_transcribe",
    ),
    (
        "POST /v1/audio/translations",
        "unsupported_codec",
        "app/languages.rs: recordings_to_translate_are_refused_as_those_to_transcribe",
    ),
    (
        "POST /v1/audio/translations",
        "corrupt_audio",
        "app/languages.rs: recordings_to_translate_are_refused_as_those_to_transcribe",
    ),
    (
        "POST /v1/audio/translations",
        "audio_too_long",
        "app/languages.rs: recordings_to_translate_are_refused_as_those_to_transcribe",
    ),
    (
        "POST /v1/audio/translations",
        "webhook_not_allowed",
        "app/languages.rs: recordings_to_translate_are_refused_as_those_to_transcribe",
    ),
];

/// The operations and problems of an `OpenAPI` document that neither `cases` nor another test cause, and needless entries of
/// the list above.
#[must_use]
pub fn untested(document: &Value, cases: &[Case]) -> Vec<String> {
    let mut untested = Vec::new();
    let mut needed = BTreeSet::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            let method = method.to_uppercase();
            let operation_name = format!("{method} {path}");
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            let mut elsewhere = |what: &str| {
                let listed = ELSEWHERE.iter().position(|(of, code, _)| {
                    [method.as_str(), &operation_name, tag].contains(of) && *code == what
                });
                needed.extend(listed);
                listed.is_some()
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
    let listed = ELSEWHERE.iter().enumerate();
    let needless = listed
        .filter(|(at, (of, ..))| !["*", FUNCTIONS, MODELS].contains(of) && !needed.contains(at));
    untested.extend(needless.map(|(_, (of, what, _))| format!("{of}: {what} needs no exemption")));
    untested
}

/// The problems of `list`, the answer of `/about/problems`, that no test causes.
///
/// # Panics
/// When the list is empty.
#[must_use]
pub fn never_raised(list: &Value, cases: &[Case]) -> Vec<String> {
    let kebab = |code: &str| code.replace('_', "-");
    let of_cases = cases.iter().flat_map(|case| {
        let codes = [&case.expect.problem, &case.expect.error];
        codes.into_iter().flatten().map(|code| kebab(code))
    });
    let elsewhere = ELSEWHERE.iter().map(|(_, code, _)| kebab(code));
    let raised: BTreeSet<String> = of_cases.chain(elsewhere).collect();
    let published = list["sections"].as_array().expect("a list of problems");
    assert!(!published.is_empty());
    let codes = published
        .iter()
        .filter_map(|section| section["heading"].as_str());
    codes
        .filter(|code| !raised.contains(*code))
        .map(str::to_owned)
        .collect()
}

/// The lines of the list above whose test is not in the folder `tests`, or whose file does not name the problem.
#[must_use]
pub fn misnamed(tests: &Path) -> Vec<String> {
    let wrong = |code: &str, test: &str| {
        let Some((file, name)) = test.split_once(": ") else {
            return true;
        };
        let source = fs::read_to_string(tests.join(file)).unwrap_or_default();
        // One test, or one for each store of jobs.
        let of_all = format!("]\nfn {name}() {{");
        let of_each_store = format!("\nfn {name}(kind: Kind) {{");
        let exists = source.contains(&of_all) || source.contains(&of_each_store);
        let names = [code.to_owned(), code.replace('_', "-")];
        let says = code == "success"
            || names
                .iter()
                .any(|name| source.contains(&format!("\"{name}\"")));
        !exists || !says
    };
    let listed = ELSEWHERE.iter();
    listed
        .filter(|(_, code, test)| wrong(code, test))
        .map(|(of, code, test)| format!("{of}: {code}: {test}"))
        .collect()
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
    use serde_json::json;

    use super::*;

    #[test]
    fn what_functions_share_is_tested_elsewhere_for_functions_alone() {
        let promises = |tag: &str, code: &str| {
            let operation = json!({"tags": [tag], "responses": {"422": {"content": {
                "application/problem+json": {"examples": {code: {}}}
            }}}});
            let document = json!({"paths": {"/other": {"patch": operation}}});
            let untested = untested(&document, &[]);
            untested.contains(&format!("PATCH /other: 422 {code}"))
        };
        assert!(!promises("functions", "invalid-input"));
        assert!(promises("jobs", "invalid-input"));
        assert!(promises("functions", "internal-error"));
    }

    #[test]
    fn templates_match_their_paths() {
        assert!(matches("/sum/{a}/{b}", "/sum/1/2?x=1"));
        assert!(!matches("/sum/{a}/{b}", "/sum/1"));
        assert!(!matches("/ping", "/pong"));
    }
}
