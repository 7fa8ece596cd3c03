//! Composed components run, and reach only what they may.

use std::path::Path;

use composition::compose;
use manifest::{Dependency, Manifest};
use wasmtime::{Engine, Store, component::Component};

use super::*;
use crate::{
    code::engine::{Limits, engine},
    interfaces,
};

/// Answers 42 through the import `test:dep/answer@1.0.0`.
const MAIN: &str = r#"(component
    (import "test:dep/answer@1.0.0" (instance $dep (export "get" (func (result u32)))))
    (alias export $dep "get" (func $get))
    (core func $lowered (canon lower (func $get)))
    (core module $m
        (import "" "get" (func $get (result i32)))
        (func (export "run") (result i32) (i32.add (call $get) (i32.const 1))))
    (core instance $i (instantiate $m (with "" (instance (export "get" (func $lowered))))))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))"#;

/// Exports `test:dep/answer@1.0.0`, with `imports` in front.
fn dependency(imports: &str, result: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component {imports}
            (core module $m (func (export "get") (result i32) (i32.const 41)))
            (core instance $i (instantiate $m))
            (func $get (result {result}) (canon lift (core func $i "get")))
            (instance $answer (export "get" (func $get)))
            (export "test:dep/answer@1.0.0" (instance $answer)))"#
    ))
    .unwrap()
}

fn dependencies(table: &str) -> Vec<Dependency> {
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"t\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"main\"\n\
         [component.main]\nsource = \"main.wasm\"\n[component.main.dependencies]\n{table}"
    );
    let manifest = Manifest::parse(&text, Path::new("spin.toml")).unwrap();
    manifest.components["main"].dependencies.clone()
}

fn composed(table: &str, wasm: &[Vec<u8>]) -> Result<Vec<u8>> {
    let dependencies = dependencies(table);
    let parts = dependencies.iter().zip(wasm.iter().cloned()).collect();
    compose("main", wat::parse_str(MAIN).unwrap(), parts)
}

fn refusal(table: &str, wasm: &[Vec<u8>]) -> String {
    format!("{:#}", composed(table, wasm).unwrap_err())
}

const ONE: &str = r#""test:dep/answer@1.0.0" = { path = "dep.wasm" }"#;

fn on_demand() -> Engine {
    engine(Limits {
        instances: 10,
        pooling: false,
    })
    .unwrap()
}

fn run(engine: &Engine, wasm: &[u8]) -> u32 {
    let component = Component::new(engine, wasm).unwrap();
    let mut store = Store::new(engine, ());
    store.set_epoch_deadline(1);
    let instance = Linker::new(engine)
        .instantiate(&mut store, &component)
        .unwrap();
    let run = instance
        .get_typed_func::<(), (u32,)>(&mut store, "run")
        .unwrap();
    run.call(&mut store, ()).unwrap().0
}

#[test]
fn an_import_is_satisfied_by_an_export() {
    let engine = on_demand();
    for table in [ONE, r#""test:dep" = { path = "dep.wasm" }"#] {
        assert_eq!(
            run(&engine, &composed(table, &[dependency("", "u32")]).unwrap()),
            42
        );
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let dep = dependency("", "u32");
    for (table, wasm, expected) in [
        (
            r#""test:other" = { path = "dep.wasm" }"#,
            vec![dep.clone()],
            "dependency 'test:other' does not match any import of component 'main'",
        ),
        (
            "\"test:dep/answer@1.0.0\" = \
             { path = \"dep.wasm\", export = \"test:dep/question@1.0.0\" }",
            vec![dep],
            "it does not export 'test:dep/question@1.0.0'",
        ),
        (
            ONE,
            vec![dependency("", "s32")],
            "has another type than the import",
        ),
    ] {
        let refusal = refusal(table, &wasm);
        assert!(refusal.contains(expected), "{refusal}");
    }
}

#[test]
fn a_dependency_inherits_nothing_unless_it_is_said() {
    let inheriting = r#""test:dep" = { path = "dep.wasm", inherit_configuration = true }"#;
    for import in [
        "spin:variables/variables@3.0.0",
        "wasi:http/client@0.3.0",
        "wasi:http/outgoing-handler@0.2.6",
        "wasi:sockets/tcp@0.2.6",
    ] {
        let dep = dependency(&format!("(import \"{import}\" (instance))"), "u32");
        let refusal = refusal(ONE, std::slice::from_ref(&dep));
        assert!(
            refusal.contains(&format!("it wants '{import}'")),
            "{refusal}"
        );
        composed(inheriting, &[dep]).unwrap();
    }
}

#[test]
fn a_dependency_sees_no_environment_and_no_files() {
    let dep = dependency(
        r#"(import "wasi:cli/environment@0.2.6" (instance
            (export "get-environment" (func (result (list (tuple string string)))))
            (export "get-arguments" (func (result (list string))))
            (export "initial-cwd" (func (result (option string))))))
        (import "wasi:filesystem/types@0.2.6" (instance $types
            (export "descriptor" (type (sub resource)))))
        (alias export $types "descriptor" (type $descriptor))
        (import "wasi:filesystem/preopens@0.2.6" (instance
            (export "descriptor" (type (eq $descriptor)))
            (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
        (import "wasi:cli/environment@0.3.0" (instance
            (export "get-initial-cwd" (func (result (option string))))))"#,
        "u32",
    );
    let wasm = composed(ONE, &[dep]).unwrap();
    let engine = on_demand();
    let component = Component::new(&engine, wasm).unwrap();
    let ty = component.component_type();
    let imports: Vec<_> = ty
        .imports(&engine)
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(imports, ["wasi:filesystem/types@0.2.6"]);
    let linker = interfaces::linker(&engine).unwrap();
    linker.instantiate_pre(&component).unwrap();
}
