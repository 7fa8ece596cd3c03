//! Shows the progress of compiling, which may take minutes.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use tracing::info;

/// Erases from here to the end of the terminal's line.
const ERASE: &str = "\u{1b}[K";

/// Counts the components that are compiled.
pub(crate) struct Progress {
    total: usize,
    begun: Mutex<usize>,
    start: Instant,
    /// Whether one line of the terminal is overwritten, instead of a line for each component.
    live: bool,
}

impl Progress {
    /// For `total` components.
    pub(crate) fn new(total: usize, live: bool) -> Self {
        Self {
            total,
            begun: Mutex::default(),
            start: Instant::now(),
            live,
        }
    }

    /// Reports that the compilation of a component begins.
    pub(crate) fn begin(&self, id: &str) {
        // Locked until it is printed, so that the numbers are in order.
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        *begun += 1;
        let line = self.line(id, *begun);
        if self.live {
            // Leaves the cursor at the beginning, so that other output overwrites the line.
            _ = write!(io::stderr(), "{line}{ERASE}\r");
        } else {
            info!(component = id, "{line}");
        }
    }

    fn line(&self, id: &str, number: usize) -> String {
        format!("Compiling component {id} ({number} of {})", self.total)
    }

    /// Reports that all are compiled.
    pub(crate) fn finish(&self) {
        self.clear();
        if self.total > 0 {
            let seconds = self.start.elapsed().as_secs_f64();
            info!("Compiled the components in {seconds:.1} s");
        }
    }

    fn clear(&self) {
        if self.live && self.total > 0 {
            _ = write!(io::stderr(), "{ERASE}");
        }
    }
}

impl Drop for Progress {
    /// Clears the line for an error message.
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_says_how_far_it_is() {
        let progress = Progress::new(2, false);
        assert_eq!(progress.line("asr", 1), "Compiling component asr (1 of 2)");
        assert_eq!(
            progress.line("docs", 2),
            "Compiling component docs (2 of 2)"
        );
    }
}
