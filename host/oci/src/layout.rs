//! An [OCI image layout] in a folder.
//!
//! [OCI image layout]: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

const MARK: &str = "oci-layout";
const INDEX: &str = "index.json";
const BLOBS: &str = "blobs";

/// A descriptor, which refers to a blob.
///
/// Not that of the crate `oci-spec`, whose annotations are hash maps: their order, and with it the digest of the image,
/// would change from run to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: &'static str,
    pub(crate) digest: String,
    pub(crate) size: usize,
}

impl Descriptor {
    pub(crate) fn new(media_type: &'static str, bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            media_type,
            digest: format!("sha256:{digits}"),
            size: bytes.len(),
        }
    }
}

/// A layout that is being written.
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Begins a layout, and replaces an existing one.
    ///
    /// # Errors
    /// When the folder contains something else, which must not be lost.
    pub(crate) fn create(root: &Path) -> Result<Self> {
        let root = root.to_owned();
        fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        if fs::read_dir(&root)?.next().is_some() && !root.join(MARK).exists() {
            bail!(
                "{} holds something that is not an OCI layout: name another folder",
                root.display()
            );
        }
        for removed in [
            fs::remove_file(root.join(INDEX)),
            fs::remove_dir_all(root.join(BLOBS)),
        ] {
            match removed {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        fs::create_dir_all(root.join(BLOBS).join("sha256"))?;
        let layout = Self { root };
        // First, so that a run that was interrupted can be repeated.
        layout.write(MARK, &json!({"imageLayoutVersion": "1.0.0"}))?;
        Ok(layout)
    }

    /// Stores a blob.
    pub(crate) fn add(&self, media_type: &'static str, bytes: &[u8]) -> Result<Descriptor> {
        let descriptor = Descriptor::new(media_type, bytes);
        let name = descriptor.digest.replace(':', "/");
        let path = self.root.join(BLOBS).join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(descriptor)
    }

    /// Ends the layout: it holds this one image, under this name.
    pub(crate) fn finish(self, image: &Descriptor, name: &str) -> Result<()> {
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{
                "mediaType": image.media_type,
                "digest": image.digest,
                "size": image.size,
                "annotations": {"org.opencontainers.image.ref.name": name},
            }],
        });
        self.write(INDEX, &index)
    }

    fn write(&self, name: &str, content: &serde_json::Value) -> Result<()> {
        let path = self.root.join(name);
        fs::write(&path, content.to_string())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}
