//! Collects the output of a running process.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The lines of a process so far, from both its outputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    open: usize,
}

impl Output {
    /// Collects the lines of `stream` in the background.
    pub(crate) fn collect(&self, stream: impl Read + Send + 'static) {
        self.change(|state| state.open += 1);
        let output = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n') {
                let Ok(line) = line else { break };
                let line = String::from_utf8_lossy(&line).into_owned();
                output.change(|state| state.lines.push(line));
            }
            output.change(|state| state.open -= 1);
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let (state, changed) = &*self.0;
        change(&mut state.lock().unwrap());
        changed.notify_all();
    }

    /// The first result of `find` on a line, now or within `patience`; `None` when the process closes its outputs before.
    pub(crate) fn wait_for<T>(
        &self,
        patience: Duration,
        mut find: impl FnMut(&str) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        let mut seen = 0;
        loop {
            if let Some(found) = state.lines[seen..].iter().find_map(|line| find(line)) {
                return Some(found);
            }
            seen = state.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if state.open == 0 || left.is_zero() {
                return None;
            }
            (state, _) = changed.wait_timeout(state, left).unwrap();
        }
    }

    /// Waits until the process has closed its outputs.
    pub(crate) fn wait_for_end(&self) {
        let (state, changed) = &*self.0;
        let state = state.lock().unwrap();
        drop(changed.wait_while(state, |state| state.open > 0).unwrap());
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        self.0.0.lock().unwrap().lines.join("\n")
    }

    /// The last lines, for the message of a failure.
    pub(crate) fn tail(&self) -> String {
        let state = self.0.0.lock().unwrap();
        let skipped = state.lines.len().saturating_sub(60);
        state.lines[skipped..].join("\n")
    }
}
