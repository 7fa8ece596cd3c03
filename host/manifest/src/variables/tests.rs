use super::*;

const MANIFEST: &str = r#"
    spin_manifest_version = 2
    application = { name = "app" }
    trigger.http = []

    [variables]
    plain = { default = "default" }
    secret = { default = "hunter2", secret = true }
    first = { required = true }
    second = { required = true }

    [component.a]
    source = "a.wasm"
    variables = { joined = "{{ plain }}/{{ first }}" }
"#;

fn manifest() -> Manifest {
    Manifest::parse(MANIFEST, "spin.toml".as_ref()).unwrap()
}

fn given(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    values
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

fn no_environment(_: &str) -> Result<String, VarError> {
    Err(VarError::NotPresent)
}

#[test]
fn the_command_line_beats_the_environment_and_that_the_default() {
    let environment = |name: &str| match name {
        "SPIN_VARIABLE_PLAIN" | "SPIN_VARIABLE_FIRST" | "SPIN_VARIABLE_SECOND" => Ok("env".into()),
        _ => Err(VarError::NotPresent),
    };
    let given = given(&[("plain", "cli")]);
    let variables = Variables::resolve(&manifest(), &given, environment).unwrap();
    assert_eq!(variables.get("a", "joined"), Ok("cli/env"));
    let all = Template::parse("{{ plain }} {{ secret }} {{ second }}").unwrap();
    assert_eq!(variables.expand(&all).unwrap(), "cli hunter2 env");
}

#[test]
fn a_value_may_be_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, " a\nb\r\n\n").unwrap();
    let resolve = |variable: &'static str, value: &str, given_first: &str| {
        let environment = |name: &str| match name {
            "SPIN_VARIABLE_FIRST_FILE" => Ok(value.to_owned()),
            "SPIN_VARIABLE_SECOND" => Ok("env".to_owned()),
            name if name == variable => Ok("env".to_owned()),
            _ => Err(VarError::NotPresent),
        };
        let values = [("first", given_first)];
        let given = given(&values[usize::from(given_first.is_empty())..]);
        Variables::resolve(&manifest(), &given, environment)
            .map(|variables| variables.of_application("first").unwrap().to_owned())
            .map_err(|error| error.to_string())
    };
    let path = file.to_str().unwrap();
    assert_eq!(resolve("", path, "").unwrap(), " a\nb");
    assert_eq!(resolve("", path, "cli").unwrap(), "cli");
    assert_eq!(
        resolve("SPIN_VARIABLE_FIRST", path, "").unwrap_err(),
        "SPIN_VARIABLE_FIRST and SPIN_VARIABLE_FIRST_FILE are both in the environment; give one of them"
    );
    let error = resolve("", "/nowhere/at/all", "").unwrap_err();
    assert!(error.contains("cannot read /nowhere/at/all"), "{error}");
}

#[test]
fn an_empty_value_is_a_value() {
    let given = given(&[("first", ""), ("second", "")]);
    let variables = Variables::resolve(&manifest(), &given, no_environment).unwrap();
    assert_eq!(variables.get("a", "joined"), Ok("default/"));
}

#[test]
fn all_missing_variables_are_named() {
    let error = Variables::resolve(&manifest(), &given(&[]), no_environment).unwrap_err();
    assert_eq!(
        error.to_string(),
        "required variables without a value: first, second (give them with --variable name=value, \
         or in the environment as SPIN_VARIABLE_FIRST, SPIN_VARIABLE_SECOND)"
    );
}

#[test]
fn an_unknown_variable_is_an_error() {
    let given = given(&[("api_kye", "x")]);
    let error = Variables::resolve(&manifest(), &given, no_environment).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the application has no variable 'api_kye'"
    );
}

#[test]
fn an_environment_that_is_no_text_is_an_error() {
    let environment = |_: &str| Err(VarError::NotUnicode("\u{fffd}".into()));
    let error = Variables::resolve(&manifest(), &given(&[]), environment).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the environment variable SPIN_VARIABLE_FIRST is not UTF-8"
    );
}

#[test]
fn debug_shows_no_secret() {
    let manifest = manifest();
    let given = given(&[("first", "s3cr3t"), ("second", "")]);
    let variables = Variables::resolve(&manifest, &given, no_environment).unwrap();
    let source: VariableSource = "secret=s3cr3t".parse().unwrap();
    let shown = format!("{manifest:?} {variables:?} {source:?}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("s3cr3t"),
        "{shown}"
    );
    assert!(
        shown.contains("[secret]") && shown.contains("secret=[hidden]"),
        "{shown}"
    );
}

#[test]
fn sources_have_the_forms_that_spin_up_takes() {
    for (argument, expected) in [
        (
            "k=v",
            VariableSource::Literal {
                name: "k".into(),
                value: "v".into(),
            },
        ),
        (
            "k=v=w",
            VariableSource::Literal {
                name: "k".into(),
                value: "v=w".into(),
            },
        ),
        (
            "k=",
            VariableSource::Literal {
                name: "k".into(),
                value: String::new(),
            },
        ),
        (
            "k=@v.txt",
            VariableSource::FileContent {
                name: "k".into(),
                path: "v.txt".into(),
            },
        ),
        ("@v.json", VariableSource::Json("v.json".into())),
        ("@v.toml", VariableSource::Toml("v.toml".into())),
    ] {
        assert_eq!(
            argument.parse::<VariableSource>().unwrap(),
            expected,
            "{argument}"
        );
    }
    for bad in ["", "nope", "@nope", "@nope.yaml"] {
        assert!(bad.parse::<VariableSource>().is_err(), "{bad}");
    }
}

#[test]
fn sources_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let argument = |prefix: &str, name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        format!("{prefix}@{}", path.display())
            .parse::<VariableSource>()
            .unwrap()
    };
    for (source, expected) in [
        ("k=v".parse().unwrap(), given(&[("k", "v")])),
        (argument("k=", "v.txt", "v\n"), given(&[("k", "v\n")])),
        (
            argument("", "v.json", r#"{"k": "v", "l": ""}"#),
            given(&[("k", "v"), ("l", "")]),
        ),
        (argument("", "v.toml", "k = 'v'"), given(&[("k", "v")])),
    ] {
        assert_eq!(source.read().unwrap(), expected, "{source:?}");
    }
    for bad in [
        argument("", "number.json", r#"{"k": 1}"#),
        argument("", "array.json", "[]"),
        argument("", "number.toml", "k = 1"),
        argument("", "table.toml", "[k]"),
        "k=@/nowhere/at/all".parse().unwrap(),
    ] {
        assert!(bad.read().is_err(), "{bad:?}");
    }
}
