//! A connection's bytes. Distinguishes responses from what hyper itself sends.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{HeaderValue, StatusCode};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::Sleep,
};

use crate::serving::refusal::Refusal;

/// How long a refused client may go on sending.
const LINGER: Duration = Duration::from_secs(2);

/// No request was read, or the response to the last one has left.
const IDLE: u8 = 0;
/// A request is being answered.
const BUSY: u8 = 1;
/// The end of a response is on its way.
const ENDING: u8 = 2;

/// Whether a request is being answered: set by the service, read by the stream.
#[derive(Clone, Default)]
pub(crate) struct Exchange(Arc<AtomicU8>);

/// A request is being answered while this exists: until its response has been sent.
pub(crate) struct Answering(Exchange);

impl Exchange {
    /// A request has arrived.
    pub(crate) fn begin(&self) -> Answering {
        self.0.store(BUSY, Ordering::Release);
        Answering(self.clone())
    }

    fn is_idle(&self) -> bool {
        self.0.load(Ordering::Acquire) == IDLE
    }

    /// Everything that was written has been sent.
    fn flushed(&self) -> bool {
        let ended = self
            .0
            .compare_exchange(ENDING, IDLE, Ordering::AcqRel, Ordering::Acquire);
        ended.is_ok()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.store(ENDING, Ordering::Release);
    }
}

/// A stream that fails when its peer reads nothing for too long.
///
/// Hyper's own answers to heads that it cannot read have no body. The stream holds them back and reads their status, so that a
/// problem document can replace them.
pub(crate) struct Stream {
    stream: TcpStream,
    exchange: Exchange,
    /// Whether bytes have arrived since the last exchange.
    received: bool,
    refused: Option<StatusCode>,
    /// How long the peer may read nothing.
    pause: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Stream {
    /// Lets the peer pause for at most `pause` while it reads a response.
    pub(crate) fn new(stream: TcpStream, exchange: Exchange, pause: Duration) -> Self {
        Self {
            stream,
            exchange,
            received: false,
            refused: None,
            pause,
            deadline: None,
        }
    }

    /// Why the last head was refused, if it was: by hyper, or because the connection ended within it.
    pub(crate) fn refusal(&self, ended: &hyper::Result<()>) -> Option<Refusal> {
        // A connection without any bytes ends without an answer.
        let begun = self.exchange.is_idle() && self.received;
        let error = ended.as_ref().err().filter(|_| begun);
        let status = error.and_then(|error| match error {
            error if error.is_timeout() => Some(StatusCode::REQUEST_TIMEOUT),
            error if error.is_parse_version_h2() => Some(StatusCode::HTTP_VERSION_NOT_SUPPORTED),
            error if error.is_incomplete_message() => Some(StatusCode::BAD_REQUEST),
            _ => None,
        });
        self.refused.or(status).map(Refusal::of_head)
    }

    /// Sends a refusal with a new request id, and ends the connection.
    ///
    /// # Errors
    /// When the client has gone.
    pub(crate) async fn refuse(mut self, refusal: Refusal, id: HeaderValue) -> io::Result<()> {
        // No longer from hyper.
        let answering = self.exchange.begin();
        self.write_all(&refusal.wire(id)).await?;
        self.shutdown().await?;
        drop(answering);
        // Closing with unread bytes would reset the connection and lose the response.
        let mut rest = [0; 8192];
        let drained = async { while self.read(&mut rest).await.is_ok_and(|read| read > 0) {} };
        _ = tokio::time::timeout(LINGER, drained).await;
        Ok(())
    }

    /// The status of a response that begins with `bytes`, if it is one that hyper has made.
    fn is_refusal(&mut self, bytes: &[u8]) -> bool {
        if self.refused.is_none() && self.exchange.is_idle() {
            let status = bytes.get(9..12);
            self.refused = status.and_then(|status| StatusCode::from_bytes(status).ok());
        }
        self.refused.is_some() && self.exchange.is_idle()
    }

    fn limit<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.deadline = None;
            return poll;
        }
        let pause = self.pause;
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.received |= buffer.filled().len() > before;
        poll
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_refusal(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.limit(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        if self.is_refusal(first.map_or(&[], |slice| slice)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.limit(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(poll, Poll::Ready(Ok(()))) && self.exchange.flushed() {
            self.received = false;
        }
        self.limit(cx, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.limit(cx, poll)
    }
}
