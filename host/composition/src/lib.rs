//! Joins a component and its dependencies into one component, as Spin does.

mod isolation;

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use manifest::{Component, Dependency};
use wac_graph::{
    CompositionGraph, EncodeOptions, NodeId,
    types::{Package, SubtypeChecker, WorldId},
};

use isolation::Isolation;

/// Part of the keys of caches: changes whenever [`compose`] changes its result for the same components.
pub const REVISION: u32 = 2;

/// What a component is made from.
pub struct Parts<'a> {
    /// The component itself.
    pub wasm: Vec<u8>,
    /// Its dependencies.
    pub dependencies: Vec<(&'a Dependency, Vec<u8>)>,
}

impl<'a> Parts<'a> {
    /// Reads the files with `read`.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read(component: &'a Component, read: impl Fn(&Path) -> Result<Vec<u8>>) -> Result<Self> {
        let dependencies = component.dependencies.iter();
        Ok(Self {
            wasm: read(&component.source)?,
            dependencies: dependencies
                .map(|dependency| Ok((dependency, read(&dependency.source)?)))
                .collect::<Result<_>>()?,
        })
    }

    /// The component with its dependencies inside: see [`compose`].
    ///
    /// # Errors
    /// When they cannot be composed.
    pub fn whole(self, id: &str) -> Result<Vec<u8>> {
        compose(id, self.wasm, self.dependencies)
    }
}

/// Composes the component `id` with its dependencies, given with their bytes. Without dependencies it stays unchanged.
///
/// The result is not validated: compiling it does that.
///
/// # Errors
/// When a dependency satisfies no import, an export is missing or has another type, or a
/// dependency that inherits no permissions asks for the network, storage or variables.
pub fn compose(
    id: &str,
    wasm: Vec<u8>,
    dependencies: Vec<(&Dependency, Vec<u8>)>,
) -> Result<Vec<u8>> {
    if dependencies.is_empty() {
        return Ok(wasm);
    }
    let mut graph = CompositionGraph::new();
    let mut isolation = Isolation::default();
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
            isolation
                .apply(&mut graph, provided, instance)
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
    let options = EncodeOptions {
        validate: false,
        ..EncodeOptions::default()
    };
    graph
        .encode(options)
        .with_context(|| format!("component '{id}' cannot be composed with its dependencies"))
}

/// Adds an instance of a component.
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
