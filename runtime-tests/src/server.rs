//! A running application.

use std::net::SocketAddr;
use std::ops::Deref;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::http::{Connection, Request, Response};
use crate::launch::{Launch, kill_group, pid, signal_group};
use crate::output::Output;
use crate::runtime::Runtime;

/// An application that runs until this is dropped or the test process ends in any way.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    child: Child,
    guard: Child,
    output: Output,
    folder: TempDir,
    /// Where it listens, if it does.
    address: Option<SocketAddr>,
}

impl Server {
    pub(crate) fn new(
        runtime: Runtime,
        child: Child,
        output: Output,
        folder: TempDir,
        address: Option<SocketAddr>,
    ) -> Self {
        // The whole group: Spin's `up` has children.
        let guard = guard(&format!("-{}", pid(&child)));
        Self {
            runtime,
            child,
            guard,
            output,
            folder,
            address,
        }
    }

    /// What runs it.
    #[must_use]
    pub fn runtime(&self) -> Runtime {
        self.runtime
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address.expect("a server has an address once started")
    }

    /// A URL of the application.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// The folder of its components' log files.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.folder.path().join("logs")
    }

    /// Everything it has printed so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.text()
    }

    pub(crate) fn tail(&self) -> String {
        self.output.tail()
    }

    /// The first line that satisfies `wanted`, printed already or soon.
    ///
    /// # Panics
    /// When there is none within 10 seconds.
    #[must_use]
    pub fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
        let found = self.output.wait_for(Duration::from_secs(10), |line| {
            wanted(line).then(|| line.to_owned())
        });
        found.unwrap_or_else(|| panic!("no such line:\n{}", self.tail()))
    }

    /// A new connection.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::open(self.address())
            .unwrap_or_else(|error| panic!("cannot connect: {error}\n{}", self.tail()))
    }

    /// The answer to `request`, on a new connection.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn send(&self, request: &Request) -> Response {
        self.try_send(request)
            .unwrap_or_else(|error| panic!("{request:?}: {error}\n{}", self.tail()))
    }

    /// The answer to `request`, on a new connection.
    ///
    /// # Errors
    /// When there is none, or it is not HTTP.
    pub fn try_send(&self, request: &Request) -> std::io::Result<Response> {
        Connection::open(self.address())?.send(request)
    }

    /// The answer to `GET path`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn get(&self, path: &str) -> Response {
        self.send(&Request::get(path))
    }

    /// The memory of its processes, in KiB.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn resident(&self) -> u64 {
        let group = pid(&self.child).as_raw_nonzero().to_string();
        let processes = std::fs::read_dir("/proc").expect("processes");
        let resident = processes.filter_map(|process| {
            let folder = process.ok()?.path();
            let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
            // Behind the name, which may be anything: the state, the parent, the group.
            let (_, numbers) = stat.rsplit_once(") ")?;
            if numbers.split(' ').nth(2)? != group {
                return None;
            }
            let status = std::fs::read_to_string(folder.join("status")).ok()?;
            let (_, size) = status.split_once("VmRSS:")?;
            size.split_whitespace().next()?.parse::<u64>().ok()
        });
        let resident = resident.sum();
        assert!(resident > 0, "it has ended:\n{}", self.tail());
        resident
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        // A failure means that it has ended.
        let _ = rustix::process::kill_process(pid(&self.child), Signal::TERM);
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        kill_group(&self.child);
        let _ = self.wait();
    }

    /// Pauses it, with its connections open, until [`resume`](Self::resume).
    pub fn pause(&self) {
        signal_group(&self.child, Signal::STOP);
    }

    /// Continues it after a pause.
    pub fn resume(&self) {
        signal_group(&self.child, Signal::CONT);
    }

    /// Whether it has exited.
    ///
    /// # Panics
    /// When the system does not know.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within a minute.
    #[must_use]
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "it does not end:\n{}",
                self.tail()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The guard first: once the child is waited for, its number may be another process's.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        kill_group(&self.child);
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the application printed:\n{}", self.tail());
        }
    }
}

/// Kills a process, or with `-` in front of its number its group, when the test process ends.
/// Statics are never dropped and a test process may be killed: its end of the pipe is closed in any
/// case.
pub(crate) fn guard(process: &str) -> Child {
    Command::new("sh")
        .arg("-c")
        .arg(format!("cat; kill -KILL {process}"))
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        // Or Ctrl-C would end the guard first.
        .process_group(0)
        .spawn()
        .expect("sh runs")
}

/// The application with its default settings, started once for all tests of a process.
#[must_use]
pub fn app() -> Shared {
    static APP: OnceLock<Server> = OnceLock::new();
    Shared(APP.get_or_init(|| Launch::new(&crate::application()).start()))
}

/// The shared application; shows what it printed when a test that holds it fails.
#[derive(Debug)]
pub struct Shared(&'static Server);

impl Deref for Shared {
    type Target = Server;

    fn deref(&self) -> &Server {
        self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the application printed:\n{}", self.tail());
        }
    }
}
