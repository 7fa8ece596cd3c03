//! Checks that every operation of the API document and every problem type is tested.

mod elsewhere;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::case::Case;
use elsewhere::ELSEWHERE;

/// The tags of the operations that Python functions and models of the user have. There may be none in a checkout.
const FUNCTIONS: &str = "functions";
const MODELS: &str = "models";

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
