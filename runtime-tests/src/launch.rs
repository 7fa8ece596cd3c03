//! Starting an application.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::output::Output;
use crate::runtime::Runtime;
use crate::server::Server;

/// How long an application may take to start. The first start compiles all its components.
const START: Duration = Duration::from_secs(300);

/// An application that is about to start, with its own folders for state and logs.
#[derive(Debug)]
pub struct Launch {
    runtime: Runtime,
    command: Command,
    folder: TempDir,
    /// Where state is kept, if not in the folder.
    state: Option<PathBuf>,
    listen: String,
}

impl Launch {
    /// The application of `manifest`, on a free port of the loopback interface.
    ///
    /// # Panics
    /// When a component is not built.
    #[must_use]
    pub fn new(manifest: &Path) -> Self {
        let runtime = Runtime::current();
        let folder = TempDir::new().expect("a temporary folder");
        let mut command = runtime.up();
        command.arg("--from").arg(manifest);
        command.arg("--log-dir").arg(folder.path().join("logs"));
        check_components(manifest);
        Self {
            runtime,
            command,
            folder,
            state: None,
            listen: "127.0.0.1:0".to_owned(),
        }
    }

    /// Adds a flag of `up`.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Gives a variable of the application its value, on the command line.
    #[must_use]
    pub fn variable(self, name: &str, value: &str) -> Self {
        self.arg("--variable").arg(format!("{name}={value}"))
    }

    /// Sets a variable of the runtime's own environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Listens on this address.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address.to_string();
        self
    }

    /// Stores its state in this folder, which is not deleted; with an empty path, nowhere.
    #[must_use]
    pub fn state(mut self, folder: &Path) -> Self {
        self.state = Some(folder.to_owned());
        self
    }

    /// Starts the application and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start(mut self) -> Server {
        self.command.arg("--listen").arg(&self.listen);
        let (child, output) = self.spawn();
        let address = output.wait_for(START, |line| {
            let (_, url) = line.split_once("http://")?;
            let end = url.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
            line.to_ascii_lowercase()
                .contains("serving")
                .then(|| url[..end.unwrap_or(url.len())].parse().ok())?
        });
        let server = Server::new(self.runtime, child, output, self.folder, address);
        assert!(
            address.is_some(),
            "the application did not start:\n{}",
            server.tail()
        );
        assert_eq!(server.get("/.well-known/spin/health").text(), "OK");
        server
    }

    /// Starts an application that serves no HTTP, and does not wait for anything.
    #[must_use]
    pub fn start_unserved(mut self) -> Server {
        let (child, output) = self.spawn();
        Server::new(self.runtime, child, output, self.folder, None)
    }

    /// Starts an application that has Redis triggers only, and waits until it is subscribed to
    /// `channels` of them.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn subscribe(mut self, channels: usize) -> Server {
        let (child, output) = self.spawn();
        let mut subscribed = 0;
        let ready = output.wait_for(START, |line| {
            // The host of this workspace, and Spin.
            let one = line.starts_with("Subscribed to ") || line.starts_with('\t');
            subscribed += usize::from(one);
            (subscribed == channels).then_some(())
        });
        let server = Server::new(self.runtime, child, output, self.folder, None);
        assert!(
            ready.is_some(),
            "the application did not subscribe:\n{}",
            server.tail()
        );
        server
    }

    /// Starts an application that must fail at once. Returns its exit status and output.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn fail(mut self) -> (ExitStatus, String) {
        self.command.arg("--listen").arg(&self.listen);
        let (mut child, output) = self.spawn();
        let deadline = Instant::now() + START;
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child of ours") {
                break status;
            }
            if Instant::now() > deadline {
                kill_group(&child);
                panic!("the application did not end:\n{}", output.tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        output.wait_for_end();
        (status, output.text())
    }

    fn spawn(&mut self) -> (Child, Output) {
        let state = self.state.clone();
        let state = state.unwrap_or_else(|| self.folder.path().join("state"));
        self.command.arg("--state-dir").arg(state);
        // Spin's `up` has children: killing the group ends them, too.
        self.command.process_group(0);
        self.command.stdin(Stdio::null());
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|error| {
            let program = self.command.get_program().display();
            panic!("cannot run {program}: {error}")
        });
        let output = Output::default();
        output.collect(child.stdout.take().expect("piped"));
        output.collect(child.stderr.take().expect("piped"));
        (child, output)
    }
}

/// Sends a signal to a child and its own children.
pub(crate) fn signal_group(child: &Child, signal: Signal) {
    // A failure means that it has ended.
    let _ = rustix::process::kill_process_group(pid(child), signal);
}

/// Ends a child and its own children.
pub(crate) fn kill_group(child: &Child) {
    signal_group(child, Signal::KILL);
}

pub(crate) fn pid(child: &Child) -> rustix::process::Pid {
    rustix::process::Pid::from_child(child)
}

/// A missing component would also fail the start, with a less helpful message.
fn check_components(manifest: &Path) {
    let text = fs::read_to_string(manifest)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", manifest.display()));
    // Some tests are about manifests that are not TOML.
    let Ok(parsed) = text.parse::<toml::Table>() else {
        return;
    };
    let components = parsed.get("component").and_then(toml::Value::as_table);
    for component in components.into_iter().flat_map(toml::Table::values) {
        let source = component.get("source").and_then(toml::Value::as_str);
        let folder = manifest.parent().unwrap_or(Path::new(""));
        let missing = source.map(|source| folder.join(source));
        if let Some(path) = missing.filter(|path: &PathBuf| !path.is_file()) {
            panic!("{} is missing: `make build` builds it", path.display());
        }
    }
}
