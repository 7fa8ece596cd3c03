//! Puts a model into the memory that a component starts with: a build step, so that no request waits for a model to be loaded.
//!
//! The component exports `init: func(model: list<u8>) -> result<string, string>`. It is called once, here; what the
//! component's memory holds afterwards is written into a copy of the component, which starts with these contents.

mod density;
mod snapshot;

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
Usage: preinitialise COMPONENT MODEL OUTPUT

Writes OUTPUT, the component with the model in its memory. The environment variable MODEL_FILE names
another model than MODEL.";

/// Bytes that each new instance may copy without a warning: 1.6 ms.
const COPIED: u64 = 8_000_000;

/// Makes the component that the arguments name, unless it is there and made from the same.
///
/// # Errors
/// When there are other arguments, a file cannot be read or written, or the component refuses the model.
pub fn preinitialise(arguments: Vec<OsString>) -> Result<()> {
    let Ok([component, model, output]) = <[OsString; 3]>::try_from(arguments) else {
        bail!("{USAGE}");
    };
    let model = env::var_os("MODEL_FILE")
        .filter(|path| !path.is_empty())
        .unwrap_or(model);
    let (component, model) = (read(component)?, read(model)?);
    let output = PathBuf::from(output);
    let inputs = inputs(&component.1, &model.1);
    if is_current(&output, &inputs) {
        return Ok(());
    }

    let (name, wasm) = snapshot::snapshot(&component.1, &model.1)
        .with_context(|| format!("{} in {}", model.0.display(), component.0.display()))?;
    let image = density::image(&wasm)?;
    if image.copied() > COPIED {
        eprintln!(
            "preinitialise: warning: {} will start slowly: each new instance copies {:.1} MB, at about 5 MB a millisecond",
            output.display(),
            image.copied() as f64 / 1e6,
        );
    }
    fs::write(&output, &wasm).with_context(|| format!("cannot write {}", output.display()))?;
    fs::write(inputs_path(&output), inputs)?;
    println!(
        "{}: {name}, {:.1} MB, {:.0} % of its {:.1} MB of initial memory in use",
        output.display(),
        wasm.len() as f64 / 1e6,
        image.density() * 100.0,
        image.range as f64 / 1e6,
    );
    Ok(())
}

fn read(path: OsString) -> Result<(PathBuf, Vec<u8>)> {
    let path = PathBuf::from(path);
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((path, bytes))
}

/// Identifies everything that the output is made from.
fn inputs(component: &[u8], model: &[u8]) -> String {
    let tool = env::current_exe()
        .and_then(fs::read)
        .map(|bytes| blake3::hash(&bytes).to_hex());
    format!(
        "tool {}\ncomponent {}\nmodel {}\n",
        tool.as_deref().unwrap_or("unknown"),
        blake3::hash(component).to_hex(),
        blake3::hash(model).to_hex()
    )
}

/// Whether the output exists and was made from these inputs.
fn is_current(output: &Path, inputs: &str) -> bool {
    output.exists() && fs::read_to_string(inputs_path(output)).is_ok_and(|found| found == inputs)
}

fn inputs_path(output: &Path) -> PathBuf {
    output.with_extension("inputs")
}
