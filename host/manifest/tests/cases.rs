//! A test is a folder of `tests/cases`: a `spin.toml` and the expected results.
//!
//! - `error.txt`: the manifest is refused with exactly these lines.
//! - `warnings.txt`: it is read, with these warnings. Without the file there are none.
//! - `routes.txt`: a line for each path, `path = handler, raw route, trailing, name=value …`.
//! - `hosts.txt`: a line for each URL, `component url = allowed` or `denied`.
//! - `variables.txt`: a line for each value, `component name = value`.
//! - `redis.txt`: a line for each Redis trigger, `number = id, component, address, channel`.
//!
//! `SPIN_VARIABLE_GIVEN=from the environment` is set. A line of a table is compared with what is
//! written again from its left side, so that a failing test prints the table as it would have to be.

use std::collections::BTreeMap;
use std::env::VarError;
use std::fs;
use std::path::Path;

use manifest::{AllowedHosts, Handler, Manifest, Router, Variables};

/// Works out the right side of a table's line from its left side.
type RightSide<'a> = &'a dyn Fn(&str) -> Result<String, String>;

#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut failures = Vec::new();
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|case| case.unwrap().path())
        .collect();
    names.sort();
    for case in names {
        if let Err(failure) = run(&case) {
            failures.push(format!(
                "{}: {failure}",
                case.file_name().unwrap().display()
            ));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn run(case: &Path) -> Result<(), String> {
    let read = |name: &str| fs::read_to_string(case.join(name)).ok();
    let text = read("spin.toml").ok_or("has no spin.toml")?;
    let manifest = match (
        Manifest::parse(&text, Path::new("spin.toml")),
        read("error.txt"),
    ) {
        (Err(error), Some(expected)) => return compare("error.txt", &expected, &error.to_string()),
        (Ok(_), Some(_)) => return Err("was read, but error.txt expects an error".into()),
        (Err(error), None) => return Err(format!("was refused:\n{error}")),
        (Ok(manifest), None) => manifest,
    };
    let warnings: Vec<String> = manifest.warnings.iter().map(ToString::to_string).collect();
    compare(
        "warnings.txt",
        &read("warnings.txt").unwrap_or_default(),
        &warnings.join("\n"),
    )?;

    let variables = Variables::resolve(&manifest, &BTreeMap::new(), environment)
        .map_err(|error| error.to_string())?;
    let router = manifest.router();
    let tables: [(&str, RightSide<'_>); 4] = [
        ("routes.txt", &|path| Ok(route(&router, path))),
        ("hosts.txt", &|line| host(&manifest, &variables, line)),
        ("variables.txt", &|line| variable(&variables, line)),
        ("redis.txt", &|line| redis(&manifest, &variables, line)),
    ];
    let mut tested = false;
    for (name, right_side) in tables {
        let Some(expected) = read(name) else { continue };
        let mut actual = Vec::new();
        for line in expected.lines() {
            let (left, _) = line
                .split_once(" = ")
                .ok_or_else(|| format!("{name}: '{line}'"))?;
            actual.push(format!("{left} = {}", right_side(left)?));
        }
        compare(name, &expected, &actual.join("\n"))?;
        tested = true;
    }
    if tested {
        Ok(())
    } else {
        Err("expects nothing".into())
    }
}

fn compare(name: &str, expected: &str, actual: &str) -> Result<(), String> {
    if expected.trim_end() == actual.trim_end() {
        return Ok(());
    }
    Err(format!("{name} should be:\n{actual}\n"))
}

fn environment(name: &str) -> Result<String, VarError> {
    if name == "SPIN_VARIABLE_GIVEN" {
        return Ok("from the environment".into());
    }
    Err(VarError::NotPresent)
}

fn route(router: &Router, path: &str) -> String {
    let Some(matched) = router.route(path) else {
        return "none".into();
    };
    let handler = match matched.handler() {
        Handler::Component(id) => id.clone(),
        Handler::Static(response) => response.status.as_str().into(),
    };
    let mut found = vec![
        handler,
        matched.raw_route().into(),
        matched.trailing_wildcard().into(),
    ];
    found.extend(
        matched
            .params()
            .map(|(name, value)| format!("{name}={value}")),
    );
    found.join(", ")
}

fn host(manifest: &Manifest, variables: &Variables, line: &str) -> Result<String, String> {
    let (component, url) = line
        .split_once(' ')
        .ok_or("hosts.txt: 'component url' wanted")?;
    let ids = manifest.components.keys().map(String::as_str);
    let component = manifest
        .components
        .get(component)
        .ok_or("hosts.txt: no such component")?;
    let hosts =
        AllowedHosts::resolve(component, variables, ids).map_err(|error| error.to_string())?;
    let allowed = if url == "self" {
        hosts.allows_self()
    } else {
        hosts.allows_url(url)
    };
    Ok(if allowed { "allowed" } else { "denied" }.into())
}

fn variable(variables: &Variables, line: &str) -> Result<String, String> {
    let (component, name) = line
        .split_once(' ')
        .ok_or("variables.txt: 'component name' wanted")?;
    Ok(variables
        .get(component, name)
        .map_or_else(|error| error.to_string(), Into::into))
}

fn redis(manifest: &Manifest, variables: &Variables, number: &str) -> Result<String, String> {
    let index = number.parse::<usize>().map_err(|error| error.to_string())?;
    let triggers = &manifest.redis_triggers;
    let trigger = triggers.get(index).ok_or("redis.txt: no such trigger")?;
    let expand = |template| {
        let expanded = variables.expand(template);
        expanded.map_err(|error| error.to_string())
    };
    let (address, channel) = (expand(&trigger.address)?, expand(&trigger.channel)?);
    Ok(format!(
        "{}, {}, {address}, {channel}",
        trigger.id, trigger.component
    ))
}
