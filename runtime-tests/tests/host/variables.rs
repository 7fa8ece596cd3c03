//! Variables of the application and of the environment.

use serde_json::{Value, json};
use std::fs;

use crate::{launch, tell};

fn variable(app: &runtime_tests::Server, name: &str) -> Result<Value, String> {
    tell(app, "/", &format!("variable&name={name}"))
}

#[test]
fn a_component_reads_its_variables() {
    let app = launch("variables").variable("token", "s3cret").start();
    assert_eq!(variable(&app, "greeting").unwrap(), "hello, world");
    assert_eq!(variable(&app, "token").unwrap(), "s3cret");
    assert!(variable(&app, "undeclared").is_err());
    assert!(variable(&app, "No-Name").is_err());
}

#[test]
fn values_come_from_the_command_line_before_the_environment() {
    let app = launch("variables")
        .env("SPIN_VARIABLE_GREETING", "from the environment")
        .env("SPIN_VARIABLE_TOKEN", "from the environment")
        .variable("greeting", "salut")
        .start();
    assert_eq!(variable(&app, "greeting").unwrap(), "salut, world");
    assert_eq!(variable(&app, "token").unwrap(), "from the environment");
}

#[test]
fn values_come_from_a_file() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("values.toml");
    fs::write(&file, "greeting = \"moin\"\ntoken = \"t\"\n").unwrap();
    let app = launch("variables")
        .arg("--variable")
        .arg(format!("@{}", file.display()))
        .start();
    assert_eq!(variable(&app, "greeting").unwrap(), "moin, world");
}

#[test]
fn nothing_starts_without_a_required_variable() {
    let (status, output) = launch("variables").fail();
    assert!(!status.success());
    assert!(output.contains("token"), "{output}");
}

#[test]
fn a_secret_is_never_printed() {
    let app = launch("variables")
        .variable("token", "s3cret-value")
        .start();
    assert_eq!(variable(&app, "token").unwrap(), "s3cret-value");
    assert!(!app.output().contains("s3cret-value"), "{}", app.output());
}

#[test]
fn the_environment_is_the_manifests_and_nothing_of_the_host() {
    let app = launch("variables")
        .variable("token", "t")
        .env("HOST_SECRET", "hidden")
        .arg("--env")
        .arg("SHAPE=round")
        .start();
    let environment = tell(&app, "/", "environment").unwrap();
    assert_eq!(environment, json!({"COLOUR": "blue", "SHAPE": "round"}));
}
