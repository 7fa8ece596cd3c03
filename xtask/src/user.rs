//! `cargo xtask user NAME`: the entry of a user for the variable `users`.

use std::io::{IsTerminal, stdin};
use std::process::Command;

use access::user_entry;
use anyhow::{Context, Result, ensure};

/// Reads a password from standard input and prints the entry.
pub(crate) fn print(name: &str) -> Result<()> {
    let terminal = stdin().is_terminal();
    if terminal {
        eprint!("Password of {name}: ");
    }
    // The terminal would show what is typed.
    let echo = |mode| terminal.then(|| Command::new("stty").arg(mode).status());
    let hidden = echo("-echo");
    let mut password = String::new();
    let read = stdin().read_line(&mut password);
    if hidden.is_some() {
        echo("echo")
            .transpose()
            .context("cannot show what is typed again")?;
        eprintln!();
    }
    read.context("cannot read the password")?;
    let password = password.trim_end_matches(['\r', '\n']);
    ensure!(password.len() >= 8, "a password has 8 characters at least");
    println!(
        "{}",
        user_entry(name, password, uuid::Uuid::new_v4().as_bytes())?
    );
    Ok(())
}
