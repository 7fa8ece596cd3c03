//! Writes a Spin application as an OCI image layout: the artifact that `spin registry push` makes,
//! without Spin and without a registry. What speaks to registries (skopeo, oras, crane) pushes it.

mod artifact;
mod layout;
mod locked;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use manifest::Manifest;

/// Writes a Spin application as an OCI image layout.
#[derive(Parser)]
struct Arguments {
    /// The application: a manifest, or a folder with a spin.toml
    #[arg(short, long, value_name = "FILE", default_value = "spin.toml")]
    from: PathBuf,
    /// An annotation of the image; goes before what the manifest says
    #[arg(long = "annotation", value_name = "NAME=VALUE", value_parser = annotation)]
    annotations: Vec<(String, String)>,
    /// The folder of the layout; what an earlier run left there is replaced
    #[arg(value_name = "FOLDER")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oci: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let manifest = Manifest::load(&arguments.from)?;
    for warning in &manifest.warnings {
        eprintln!("oci: {warning}");
    }
    let annotations = arguments.annotations.into_iter().collect();
    let digest = artifact::write(&manifest, annotations, &arguments.out)?;
    println!("{}: {digest}", arguments.out.display());
    Ok(())
}

fn annotation(argument: &str) -> Result<(String, String)> {
    let (name, value) = argument.split_once('=').context("it is not a NAME=VALUE")?;
    Ok((name.into(), value.into()))
}
