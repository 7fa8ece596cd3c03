//! Joins a component and its dependencies into one component, as Spin does at load.

use anyhow::{Context, Result, anyhow, bail};
use manifest::Dependency;
use wac_graph::{
    CompositionGraph, EncodeOptions, NodeId,
    types::{Package, SubtypeChecker, WorldId},
};
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::Descriptor;

use crate::state::InstanceState;

/// What a dependency without its importer's permissions must not import.
const FORBIDDEN: [&str; 8] = [
    "wasi:http/client",
    "wasi:http/outgoing-handler",
    "wasi:sockets/",
    "wasi:keyvalue/",
    "wasi:config/",
    "spin:",
    "fermyon:",
    "wasi:blobstore/",
];

const EMPTY_ENVIRONMENT: &str = "routelets:empty/environment";
const EMPTY_PREOPENS: &str = "routelets:empty/preopens";

/// What every Rust program imports, whether it uses it or not: such a dependency gets an empty one
/// instead.
const PRIVATE: [(&str, &str); 2] = [
    ("wasi:cli/environment", EMPTY_ENVIRONMENT),
    ("wasi:filesystem/preopens", EMPTY_PREOPENS),
];

/// Offers the empty interfaces to dependencies.
///
/// # Errors
/// When the linker has them already.
pub(crate) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    type Directories = Vec<(Resource<Descriptor>, String)>;
    // A version of an interface satisfies all that are compatible with it and older.
    for version in ["0.2.999", "0.3.999"] {
        let mut environment = linker.instance(&format!("{EMPTY_ENVIRONMENT}@{version}"))?;
        environment.func_wrap("get-environment", |_, ()| {
            Ok((Vec::<(String, String)>::new(),))
        })?;
        environment.func_wrap("get-arguments", |_, ()| Ok((Vec::<String>::new(),)))?;
        environment.func_wrap("initial-cwd", |_, ()| Ok((None::<String>,)))?;
        environment.func_wrap("get-initial-cwd", |_, ()| Ok((None::<String>,)))?;
        let mut preopens = linker.instance(&format!("{EMPTY_PREOPENS}@{version}"))?;
        preopens.func_wrap("get-directories", |_, ()| Ok((Directories::new(),)))?;
    }
    Ok(())
}

/// Composes the component `id` with its dependencies, given with their bytes.
///
/// # Errors
/// When a dependency satisfies no import, an export is missing or has another type, or a
/// dependency that inherits no permissions asks for the network, storage or variables.
pub(crate) fn compose(
    id: &str,
    wasm: Vec<u8>,
    dependencies: Vec<(&Dependency, Vec<u8>)>,
) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let (world, main) = add(&mut graph, id, wasm)?;
    let imports: Vec<String> = graph.types()[world].imports.keys().cloned().collect();

    for (index, (dependency, wasm)) in dependencies.into_iter().enumerate() {
        let name = &dependency.name;
        let matched: Vec<&String> = imports
            .iter()
            .filter(|import| name.satisfies(import))
            .collect();
        if matched.is_empty() {
            bail!("dependency '{name}' does not match any import of component '{id}'");
        }
        // The graph wants a unique name for each package; two dependencies may come from one WIT
        // package.
        let (provided, instance) = add(&mut graph, &format!("{}-{index}", name.package()), wasm)
            .with_context(|| format!("dependency '{name}' ({})", dependency.source.display()))?;
        if !dependency.inherits_configuration {
            deny(&mut graph, provided, instance)
                .with_context(|| format!("dependency '{name}' of component '{id}'"))?;
        }
        for import in matched {
            let export = dependency.export.as_ref().unwrap_or(import);
            connect(
                &mut graph,
                (provided, instance, export),
                (world, main, import),
            )
            .with_context(|| format!("dependency '{name}' of component '{id}'"))?;
        }
    }

    let exports: Vec<String> = graph.types()[world].exports.keys().cloned().collect();
    for export in exports {
        let node = graph.alias_instance_export(main, &export)?;
        graph.export(node, &export)?;
    }
    // Wasmtime validates what it compiles.
    let options = EncodeOptions {
        validate: false,
        ..EncodeOptions::default()
    };
    graph
        .encode(options)
        .with_context(|| format!("component '{id}' cannot be composed with its dependencies"))
}

fn add(graph: &mut CompositionGraph, name: &str, wasm: Vec<u8>) -> Result<(WorldId, NodeId)> {
    let package = Package::from_bytes(name, None, wasm, graph.types_mut())?;
    let world = package.ty();
    let package = graph.register_package(package)?;
    Ok((world, graph.instantiate(package)))
}

/// Passes an export of one instance as an import of another.
fn connect(
    graph: &mut CompositionGraph,
    (from_world, from, export): (WorldId, NodeId, &str),
    (to_world, to, import): (WorldId, NodeId, &str),
) -> Result<()> {
    let types = graph.types();
    let offered = types[from_world]
        .exports
        .get(export)
        .ok_or_else(|| anyhow!("it does not export '{export}', which satisfies '{import}'"))?;
    let wanted = types[to_world]
        .imports
        .get(import)
        .with_context(|| format!("no import '{import}'"))?;
    SubtypeChecker::new(&mut Default::default())
        .is_subtype(*offered, types, *wanted, types)
        .with_context(|| {
            format!("its export '{export}' has another type than the import '{import}'")
        })?;
    let node = graph.alias_instance_export(from, export)?;
    Ok(graph.set_instantiation_argument(to, import, node)?)
}

/// Takes from an instance what only its importer may have.
fn deny(graph: &mut CompositionGraph, world: WorldId, instance: NodeId) -> Result<()> {
    let imports: Vec<_> = graph.types()[world]
        .imports
        .iter()
        .map(|(name, kind)| (name.clone(), *kind))
        .collect();
    for (import, kind) in imports {
        if FORBIDDEN.iter().any(|prefix| import.starts_with(prefix)) {
            bail!(
                "it wants '{import}', and inherits no permissions \
                 (dependencies_inherit_configuration would let it)"
            );
        }
        let (interface, version) = import.split_once('@').unwrap_or((&import, ""));
        if let Some((_, empty)) = PRIVATE.iter().find(|(private, _)| *private == interface) {
            let name = format!("{empty}@{version}");
            let existing = graph
                .imports()
                .find(|(import, ..)| *import == name)
                .and_then(|(.., node)| node);
            let node = match existing {
                Some(node) => node,
                None => graph.import(name, kind)?,
            };
            graph.set_instantiation_argument(instance, &import, node)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use manifest::Manifest;
    use wasmtime::{Engine, Store, component::Component};

    use super::*;
    use crate::engine::{Limits, engine};

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
        let engine = engine(Limits {
            instances: 10,
            pooling: false,
        })
        .unwrap();
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
    fn a_dependency_sees_no_environment() {
        let dep = dependency(
            r#"(import "wasi:cli/environment@0.2.6" (instance
                (export "get-arguments" (func (result (list string))))))"#,
            "u32",
        );
        let wasm = composed(ONE, &[dep]).unwrap();
        let engine = engine(Limits {
            instances: 10,
            pooling: false,
        })
        .unwrap();
        let component = Component::new(&engine, wasm).unwrap();
        let ty = component.component_type();
        let imports: Vec<_> = ty
            .imports(&engine)
            .map(|(name, _)| name.to_owned())
            .collect();
        assert_eq!(imports, ["routelets:empty/environment@0.2.6"]);
        let mut linker = Linker::new(&engine);
        link(&mut linker).unwrap();
        linker.instantiate_pre(&component).unwrap();
    }
}
