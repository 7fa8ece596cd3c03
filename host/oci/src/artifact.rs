//! The image: a layer for each component and file, and the locked application as the last one.
//! What `crates/oci` of Spin 4.1 writes and reads, composed as by `spin registry push`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use composition::Parts;
use manifest::{Application, Component, Manifest, expand_files};
use serde_json::json;

use crate::layout::{Descriptor, Layout};
use crate::locked::{self, Content};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const APPLICATION: &str = "application/vnd.fermyon.spin.application.v1+config";
const WASM: &str = "application/vnd.wasm.content.layer.v1+wasm";
const DATA: &str = "application/vnd.wasm.content.layer.v1+data";

/// Files of up to this many bytes are inside the locked application: some registries refuse such small layers.
const INLINE_BYTES: usize = 128;

/// More layers than some registries accept.
const MAX_LAYERS: usize = 500;

/// The first bytes of a component, by the component model's binary format; a module has another version.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// Writes the application into the layout in `folder`, and says its digest, which is the same
/// whenever the application and the annotations are.
///
/// # Errors
/// When a component or a file is missing, the composition fails, or the folder cannot be written.
pub(crate) fn write(
    manifest: &Manifest,
    annotations: BTreeMap<String, String>,
    folder: &Path,
) -> Result<String> {
    let layout = Layout::create(folder)?;
    let mut layers = Vec::new();
    let mut components = Vec::new();
    for (id, component) in &manifest.components {
        let named = || format!("component '{id}'");
        let wasm = composed(id, component).with_context(named)?;
        let source = layout.add(WASM, &wasm)?;
        let content = Content {
            digest: source.digest.clone(),
            inline: None,
        };
        push(&mut layers, source);
        let files = files(manifest, component, &layout, &mut layers).with_context(named)?;
        components.push(locked::component(manifest, id, component, &content, &files));
    }
    let application = locked::application(manifest, components);
    let application = layout.add(APPLICATION, &serde_json::to_vec(&application)?)?;
    // Without it the images of all applications would have one id.
    let labels = json!({"com.fermyon.spin.lockedAppDigest": application.digest});
    layers.push(application);
    ensure!(
        layers.len() <= MAX_LAYERS,
        "the application has {} components and files, and registries take {MAX_LAYERS} layers: \
         put files into fewer, or into a component",
        layers.len() - 1
    );

    let config = json!({
        "architecture": "wasm",
        "os": "Wasip1",
        "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    let config = layout.add(CONFIG, &serde_json::to_vec(&config)?)?;
    let image = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": layers,
        "annotations": annotated(&manifest.application, annotations),
    });
    let image = layout.add(MANIFEST, &serde_json::to_vec(&image)?)?;
    let name = match manifest.application.version.as_str() {
        "" => "latest",
        version => version,
    };
    layout.finish(&image, name)?;
    Ok(image.digest)
}

/// A component with its dependencies inside.
fn composed(id: &str, component: &Component) -> Result<Vec<u8>> {
    Parts::read(component, read_component)?.whole(id)
}

fn read_component(path: &Path) -> Result<Vec<u8>> {
    let wasm = fs::read(path).with_context(|| {
        format!(
            "cannot read {} (is it built? `make build` does)",
            path.display()
        )
    })?;
    if !wasm.starts_with(&COMPONENT) {
        bail!("{} is not a WebAssembly component", path.display());
    }
    Ok(wasm)
}

fn files(
    manifest: &Manifest,
    component: &Component,
    layout: &Layout,
    layers: &mut Vec<Descriptor>,
) -> Result<BTreeMap<PathBuf, Content>> {
    // A later one hides an earlier one of the same path.
    let found: BTreeMap<_, _> = expand_files(component, manifest.folder())?
        .into_iter()
        .map(|file| (file.guest, file.host))
        .collect();
    found
        .into_iter()
        .map(|(guest, host)| {
            let bytes =
                fs::read(&host).with_context(|| format!("cannot read {}", host.display()))?;
            let content = if bytes.len() <= INLINE_BYTES {
                Content {
                    digest: Descriptor::new(DATA, &bytes).digest,
                    inline: Some(bytes),
                }
            } else {
                let layer = layout.add(DATA, &bytes)?;
                let digest = layer.digest.clone();
                push(layers, layer);
                Content {
                    digest,
                    inline: None,
                }
            };
            Ok((guest, content))
        })
        .collect()
}

fn push(layers: &mut Vec<Descriptor>, layer: Descriptor) {
    if !layers.contains(&layer) {
        layers.push(layer);
    }
}

/// The annotations that were given, and what the application says about itself.
fn annotated(
    application: &Application,
    mut annotations: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    for (name, value) in [
        ("authors", application.authors.join(", ")),
        ("title", application.name.clone()),
        ("description", application.description.clone()),
        ("version", application.version.clone()),
    ] {
        if !value.is_empty() {
            let name = format!("org.opencontainers.image.{name}");
            annotations.entry(name).or_insert(value);
        }
    }
    annotations
}

#[cfg(test)]
mod tests;
