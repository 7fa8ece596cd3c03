//! A Redis server for one test.

use std::net::TcpListener;
use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use tempfile::TempDir;

use crate::launch::pid;
use crate::output::Output;
use crate::server::guard;

/// How long a server may take to start; it may have a file to read.
const START: Duration = Duration::from_secs(30);

/// The ports for servers. The kernel does not use them for outgoing connections, which could take the port of a server that
/// will be restarted.
const PORTS: Range<u16> = 20_000..30_000;

/// A Redis server on the loopback interface. It runs until it is stopped, this is dropped, or the test process ends in any
/// way. It restarts on the same port.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    folder: TempDir,
    persistent: bool,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    guard: Child,
}

impl Redis {
    /// Starts a server that keeps everything in memory.
    ///
    /// # Panics
    /// When it does not start, as where Redis is not installed.
    #[must_use]
    pub fn start() -> Self {
        Self::with(false)
    }

    /// Starts a server that writes to disk before it acknowledges.
    ///
    /// # Panics
    /// When it does not start, as where Redis is not installed.
    #[must_use]
    pub fn persistent() -> Self {
        Self::with(true)
    }

    fn with(persistent: bool) -> Self {
        let mut redis = Self {
            port: 0,
            folder: TempDir::new().expect("a temporary folder"),
            persistent,
            running: None,
        };
        // Another process may take the port before the start.
        for _ in 0..5 {
            redis.port = free_port();
            if redis.try_start().is_ok() {
                return redis;
            }
        }
        redis.restart();
        redis
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address: `redis://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What `redis-cli` prints for a command: strings as they are, the items of an array line by
    /// line.
    ///
    /// # Panics
    /// When the server cannot be reached, or answers with an error.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-e", "--raw", "-p", &self.port.to_string()])
            .args(arguments)
            .output()
            .expect("redis-cli runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {text}{errors}");
        text.trim_end_matches('\n').to_owned()
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        // A paused one would not react.
        self.resume();
        if let Some(mut running) = self.running.take() {
            let _ = running.child.wait();
        }
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Pauses it, with its connections open, until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues it after a pause.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(running) = &self.running {
            // A failure means that it has ended.
            let _ = kill_process(pid(&running.child), signal);
        }
    }

    /// Starts it again, after it was stopped if it runs.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.stop();
        if let Err(output) = self.try_start() {
            panic!("redis-server does not start:\n{output}");
        }
    }

    /// Starts it; fails with what it printed.
    fn try_start(&mut self) -> Result<(), String> {
        let mut child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .arg("--dir")
            .arg(self.folder.path())
            .args(["--save", ""])
            .args(["--appendonly", if self.persistent { "yes" } else { "no" }])
            .args(["--appendfsync", "always"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("redis-server runs: `make setup-test` installs it");
        let output = Output::default();
        output.collect(child.stdout.take().expect("piped"));
        output.collect(child.stderr.take().expect("piped"));
        let guard = guard(&child.id().to_string());
        self.running = Some(Running { child, guard });
        let ready = |line: &str| line.contains("Ready to accept connections").then_some(());
        output.wait_for(START, ready).ok_or_else(|| {
            self.kill();
            output.tail()
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The guard first: once the child is waited for, its number may be another process's.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Test processes that run at once begin at different ports.
    let start = std::process::id().wrapping_mul(37) as u16;
    let mut candidates = std::iter::repeat_with(|| {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        PORTS.start + start.wrapping_add(tried) % (PORTS.end - PORTS.start)
    });
    let port = candidates
        .by_ref()
        .take(1_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    port.expect("a free port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_is_there_after_a_crash() {
        let mut redis = Redis::persistent();
        let address = redis.url();
        assert_eq!(redis.command(&["SET", "key", "value"]), "OK");
        redis.kill();
        redis.restart();
        assert_eq!(redis.command(&["GET", "key"]), "value");
        assert_eq!(redis.url(), address);
    }

    #[test]
    fn nothing_is_kept_where_nothing_is_to_be() {
        let mut redis = Redis::start();
        assert_eq!(redis.command(&["SET", "key", "value"]), "OK");
        redis.restart();
        assert_eq!(redis.command(&["EXISTS", "key"]), "0");
    }
}
