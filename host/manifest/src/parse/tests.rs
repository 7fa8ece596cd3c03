use http::StatusCode;

use super::*;
use crate::model::{Build, FilesEntry, Handler, TriggerRoute};

const FULL: &str = r#"
spin_manifest_version = 2

[application]
name = "app"
version = "1.2.3"
description = "An app"
authors = ["A <a@example.com>", "B"]
targets = ["spin-up:4.1"]

[application.trigger.http]
base = "/"

[application.tool.any]
thing = 1

[variables]
key = { default = "k", description = "A key", secret = true }

[[trigger.http]]
route = "/a/..."
component = "user"
executor = { type = "spin" }

[[trigger.http]]
id = "mine"
route = { private = true }
component = "user"

[[trigger.http]]
route = "/b"
component = "user"

[[trigger.http]]
route = "/gone"
static_response = { status_code = 410, headers = { Content-Type = "text/plain" }, body = "gone" }

[[trigger.http]]
route = "/plain"
static_response = {}

[component.user]
source = "target/user.wasm"
description = "Uses"
variables = { url = "https://{{ key }}" }
environment = { LOG = "debug" }
files = ["assets/*", { source = "x", destination = "/y" }]
exclude_files = ["**/.git"]
allowed_outbound_hosts = ["http://other.spin.internal", "https://*.{{ key }}.com"]
targets = ["spin-up:4.1"]
tool.any = { thing = 1 }

[component.user.build]
command = "cargo build"
workdir = "components/user"
watch = ["src/**/*.rs"]

[component.user.dependencies]
"app:provider/compute@0.1.0" = { component = "provider" }
"app:other" = { path = "deps/other.wasm", inherit_configuration = true }
"app:third/one" = { path = "deps/third.wasm", export = "x:y/one" }

[component.provider]
source = "target/provider.wasm"
build = { command = ["make", "make check"] }

[component.trusting]
source = "trusting.wasm"
dependencies_inherit_configuration = true
dependencies = { "app:other" = { path = "other.wasm" } }
"#;

fn full() -> Manifest {
    Manifest::parse(FULL, Path::new("app/spin.toml")).unwrap()
}

#[test]
fn the_application_is_read() {
    let manifest = full();
    let expected = Application {
        name: "app".into(),
        version: "1.2.3".into(),
        description: "An app".into(),
        authors: vec!["A <a@example.com>".into(), "B".into()],
    };
    assert_eq!(manifest.application, expected);
    let key = Variable {
        description: "A key".into(),
        default: Some("k".into()),
        secret: true,
    };
    assert_eq!(manifest.variables, [("key".to_owned(), key)].into());
    assert_eq!(manifest.folder(), Path::new("app"));
    assert_eq!(manifest.warnings, []);
}

#[test]
fn triggers_are_read_and_named_as_spin_names_them() {
    let manifest = full();
    let ids: Vec<&str> = manifest
        .http_triggers
        .iter()
        .map(|trigger| trigger.id.as_str())
        .collect();
    let expected = [
        "user-http-trigger",
        "mine",
        "http-trigger1",
        "http-trigger2",
        "http-trigger3",
    ];
    assert_eq!(ids, expected);
    assert!(matches!(
        manifest.http_triggers[1].route,
        TriggerRoute::Private
    ));
    let Handler::Static(gone) = &manifest.http_triggers[3].handler else {
        panic!("not static: {:?}", manifest.http_triggers[3]);
    };
    assert_eq!(gone.status, StatusCode::GONE);
    assert_eq!(gone.headers["content-type"], "text/plain");
    assert_eq!(gone.body, "gone");
    let Handler::Static(plain) = &manifest.http_triggers[4].handler else {
        panic!("not static: {:?}", manifest.http_triggers[4]);
    };
    assert_eq!((plain.status, plain.body.as_str()), (StatusCode::OK, ""));
}

#[test]
fn components_are_read() {
    let user = &full().components["user"];
    assert_eq!(user.source, Path::new("app/target/user.wasm"));
    assert_eq!(user.description, "Uses");
    assert_eq!(user.variables["url"].to_string(), "https://{{ key }}");
    assert_eq!(user.environment["LOG"], "debug");
    let placement = FilesEntry::Placement {
        source: "x".into(),
        destination: "/y".into(),
    };
    assert_eq!(
        user.files,
        [FilesEntry::Pattern("assets/*".into()), placement]
    );
    assert_eq!(user.exclude_files, ["**/.git"]);
    assert_eq!(
        user.allowed_outbound_hosts[1].to_string(),
        "https://*.{{ key }}.com"
    );
    let build = Build {
        commands: vec!["cargo build".into()],
        workdir: "app/components/user".into(),
        watch: vec!["src/**/*.rs".into()],
    };
    assert_eq!(user.build, Some(build));
    let build = full().components["provider"].build.clone().unwrap();
    assert_eq!(build.commands, ["make", "make check"]);
    assert_eq!(build.workdir, Path::new("app/"));
}

#[test]
fn dependencies_lead_to_files() {
    let manifest = full();
    let found: Vec<_> = manifest.components["user"]
        .dependencies
        .iter()
        .map(|dependency| {
            let component = dependency.component.as_deref();
            let export = dependency.export.as_deref();
            let source = dependency.source.to_str().unwrap();
            (
                dependency.name.to_string(),
                source,
                component,
                export,
                dependency.inherits_configuration,
            )
        })
        .collect();
    let expected = [
        (
            "app:other".to_owned(),
            "app/deps/other.wasm",
            None,
            None,
            true,
        ),
        (
            "app:provider/compute@0.1.0".to_owned(),
            "app/target/provider.wasm",
            Some("provider"),
            None,
            false,
        ),
        (
            "app:third/one".to_owned(),
            "app/deps/third.wasm",
            None,
            Some("x:y/one"),
            false,
        ),
    ];
    assert_eq!(found, expected);
    assert!(manifest.components["trusting"].dependencies[0].inherits_configuration);
}

#[test]
fn a_manifest_is_loaded_from_its_file_or_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("spin.toml");
    let missing = Manifest::load(folder.path()).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with(&format!("cannot read {}: ", file.display()))
    );
    fs::write(&file, FULL).unwrap();
    for path in [folder.path(), &file] {
        assert_eq!(Manifest::load(path).unwrap().path, file);
    }
    fs::write(&file, b"\xff").unwrap();
    assert!(matches!(Manifest::load(&file), Err(Error::Read { .. })));
}
