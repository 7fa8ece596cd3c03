//! Where a component's standard output and error go: a log file, the terminal, a collector.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use anyhow::Context as _;
use bytes::Bytes;
use tokio::io::AsyncWrite;
use tracing::info;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

use crate::{
    interfaces::requests::AtWork,
    log::{self, Printed},
};

/// Longer lines go to the terminal in parts.
const LONGEST_LINE: usize = 8 << 10;

/// The most bytes of one write of a guest.
const WRITE_SIZE: usize = 64 << 10;

/// Where the output of components is stored, and whether it is shown.
#[derive(Debug)]
pub(crate) struct Logs {
    /// The folder for the logs of components, if there is to be one.
    pub(crate) folder: Option<PathBuf>,
    /// Whether their files are emptied first.
    pub(crate) truncate: bool,
    /// The components whose output is shown on the terminal; all if empty.
    pub(crate) follow: Vec<String>,
    /// Whether no output is shown.
    pub(crate) quiet: bool,
}

impl Logs {
    /// Makes the folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn open(&self) -> anyhow::Result<()> {
        if let Some(folder) = &self.folder {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the log folder {}", folder.display()))?;
            info!("Logging component stdio to {}", folder.display());
        }
        Ok(())
    }

    /// Opens one of the outputs of a component.
    ///
    /// # Errors
    /// When the log file cannot be opened.
    pub(crate) fn sink(&self, component: &str, stream: &'static str) -> anyhow::Result<Arc<Sink>> {
        let named = self.follow.is_empty() || self.follow.iter().any(|id| id == component);
        let follow = !self.quiet && named;
        let folder = self.folder.as_deref();
        Sink::open(folder, component, stream, follow, self.truncate)
            .with_context(|| format!("cannot open the log of component '{component}'"))
    }
}

/// One of a component's two outputs, shared by its instances.
pub(crate) struct Sink {
    component: String,
    stream: &'static str,
    file: Option<File>,
    follow: bool,
}

impl Sink {
    /// Opens `<component>_<stream>.txt` in `dir`; without `dir` everything goes to the terminal, as
    /// with Spin.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(crate) fn open(
        dir: Option<&Path>,
        component: &str,
        stream: &'static str,
        follow: bool,
        truncate: bool,
    ) -> io::Result<Arc<Self>> {
        let open = |dir: &Path| {
            let path = dir.join(format!("{component}_{stream}.txt"));
            let file = File::options().create(true).append(true).open(path)?;
            if truncate {
                file.set_len(0)?;
            }
            io::Result::Ok(file)
        };
        Ok(Arc::new(Self {
            component: component.to_owned(),
            stream,
            file: dir.map(open).transpose()?,
            follow: follow || dir.is_none(),
        }))
    }

    /// The output of one instance.
    pub(crate) fn instance(self: &Arc<Self>, requests: &AtWork) -> Output {
        Output(Arc::new(Lines {
            sink: Arc::clone(self),
            requests: requests.clone(),
            pending: Mutex::default(),
        }))
    }

    /// Whether anybody but the file gets whole lines.
    fn has_readers(&self) -> bool {
        self.follow || log::is_exported()
    }

    fn show(&self, requests: &AtWork, text: &[u8]) {
        requests.say(|requests| {
            let printed = Printed {
                component: &self.component,
                stream: self.stream,
                requests,
                text,
            };
            if self.follow {
                printed.write();
            }
            printed.export();
        });
    }
}

/// The output of one instance.
#[derive(Clone)]
pub(crate) struct Output(Arc<Lines>);

/// Collects whole lines for the terminal, so that lines of several instances do not mix.
struct Lines {
    sink: Arc<Sink>,
    requests: AtWork,
    pending: Mutex<Vec<u8>>,
}

impl Lines {
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        if let Some(mut file) = self.sink.file.as_ref() {
            file.write_all(bytes)?;
        }
        if self.sink.has_readers() {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            pending.extend_from_slice(bytes);
            let whole = match pending.iter().rposition(|byte| *byte == b'\n') {
                Some(newline) => newline + 1,
                None if pending.len() >= LONGEST_LINE => pending.len(),
                None => 0,
            };
            if whole > 0 {
                self.sink.show(&self.requests, &pending[..whole]);
                pending.drain(..whole);
            }
        }
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let pending = self
            .pending
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if !pending.is_empty() {
            pending.push(b'\n');
            self.sink.show(&self.requests, pending);
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    // Not the adapter for asynchronous streams: it writes in the background, and a trap, which ends
    // the instance, would lose the message that explains it.
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.0.write(bytes).map(|()| bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0
            .write(&bytes)
            .map_err(|error| StreamError::LastOperationFailed(error.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_SIZE)
    }
}

impl Pollable for Output {
    fn ready<'a, 'f>(&'a mut self) -> Pin<Box<dyn Future<Output = ()> + Send + 'f>>
    where
        'a: 'f,
        Self: 'f,
    {
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_file_gets_every_byte_of_every_instance() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api_stdout.txt");
        fs::write(&path, "before\n").unwrap();
        let sink = Sink::open(Some(dir.path()), "api", "stdout", false, false).unwrap();
        let (mut one, mut other) = (
            sink.instance(&AtWork::default()),
            sink.instance(&AtWork::default()),
        );
        OutputStream::write(&mut one, Bytes::from_static(b"a \xff")).unwrap();
        OutputStream::write(&mut other, Bytes::from_static(b"b\n")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before\na \xffb\n");
        Sink::open(Some(dir.path()), "api", "stdout", false, true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn the_terminal_gets_whole_lines() {
        let sink = Sink::open(None, "api", "stderr", true, false).unwrap();
        let mut output = sink.instance(&AtWork::default());
        let mut pending = |text: &'static str| {
            OutputStream::write(&mut output, Bytes::from_static(text.as_bytes())).unwrap();
            output.0.pending.lock().unwrap().clone()
        };
        assert_eq!(pending("one\ntw"), b"tw");
        assert_eq!(pending("o\n"), b"");
        let long: &'static str = "x".repeat(LONGEST_LINE).leak();
        assert_eq!(pending(long), b"", "a long line goes out in parts");
        assert_eq!(pending("end"), b"end");
    }
}
