//! Withholds its importer's permissions from a dependency.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use wac_graph::{CompositionGraph, NodeId, types::WorldId};

use crate::add;

/// Interfaces that a dependency without its importer's permissions must not import.
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

const ENVIRONMENT: &str = "wasi:cli/environment";
const PREOPENS: &str = "wasi:filesystem/preopens";

/// The instances that stand in for what every Rust program imports, whether it uses it or not:
/// an empty environment and no files. By the name of the import, for all dependencies together.
#[derive(Default)]
pub(crate) struct Isolation(BTreeMap<String, NodeId>);

impl Isolation {
    /// Withholds its importer's permissions from an instance.
    ///
    /// # Errors
    /// When it imports an interface that cannot be withheld.
    pub(crate) fn apply(
        &mut self,
        graph: &mut CompositionGraph,
        world: WorldId,
        instance: NodeId,
    ) -> Result<()> {
        let imports: Vec<String> = graph.types()[world].imports.keys().cloned().collect();
        for import in imports {
            if FORBIDDEN.iter().any(|prefix| import.starts_with(prefix)) {
                bail!(
                    "it wants '{import}', and inherits no permissions \
                     (dependencies_inherit_configuration would let it)"
                );
            }
            let empty = match import.split_once('@') {
                Some((ENVIRONMENT, version)) => environment(version),
                Some((PREOPENS, version)) => preopens(version),
                _ => continue,
            };
            let stand_in = match self.0.get(&import) {
                Some(node) => *node,
                None => {
                    let name = format!("empty:{}", self.0.len());
                    let (_, node) = add(graph, &name, wat::parse_str(empty)?)?;
                    self.0.insert(import.clone(), node);
                    node
                }
            };
            let node = graph.alias_instance_export(stand_in, &import)?;
            graph.set_instantiation_argument(instance, &import, node)?;
        }
        Ok(())
    }
}

/// Zeroes stand for an empty list as well as an absent option.
const NOTHING: &str = r#"
    (core module $module
        (memory (export "memory") 1)
        (func (export "nothing") (result i32) (i32.const 0)))
    (core instance $core (instantiate $module))
    (alias core export $core "memory" (core memory $memory))
    (alias core export $core "nothing" (core func $nothing))"#;

/// The functions of WASI 0.2 and 0.3 together: unused ones do no harm.
fn environment(version: &str) -> String {
    format!(
        r#"(component {NOTHING}
    (func $variables (result (list (tuple string string)))
        (canon lift (core func $nothing) (memory $memory)))
    (func $arguments (result (list string)) (canon lift (core func $nothing) (memory $memory)))
    (func $directory (result (option string)) (canon lift (core func $nothing) (memory $memory)))
    (instance $environment
        (export "get-environment" (func $variables))
        (export "get-arguments" (func $arguments))
        (export "initial-cwd" (func $directory))
        (export "get-initial-cwd" (func $directory)))
    (export "{ENVIRONMENT}@{version}" (instance $environment)))"#
    )
}

fn preopens(version: &str) -> String {
    format!(
        r#"(component
    (import "wasi:filesystem/types@{version}" (instance $types
        (export "descriptor" (type (sub resource)))))
    (alias export $types "descriptor" (type $descriptor)) {NOTHING}
    (func $directories (result (list (tuple (own $descriptor) string)))
        (canon lift (core func $nothing) (memory $memory)))
    (instance $preopens
        (export "descriptor" (type $descriptor))
        (export "get-directories" (func $directories)))
    (export "{PREOPENS}@{version}" (instance $preopens)))"#
    )
}
