//! A connection's bytes, and whose they are: those of a response, or of hyper itself.

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

/// How long a client may take none of a response that is ready for it.
const WRITE_PAUSE: Duration = Duration::from_secs(60);

/// How long a client that was refused may go on sending.
const LINGER: Duration = Duration::from_secs(2);

/// No request was read, or the response to the last one has left.
const IDLE: u8 = 0;
/// A request is being answered.
const BUSY: u8 = 1;
/// The end of a response is on its way.
const ENDING: u8 = 2;

/// Whether a request is being answered: told by the service, asked by the stream.
#[derive(Clone, Default)]
pub(crate) struct Exchange(Arc<AtomicU8>);

/// A request is being answered while this lives: until its response is through.
pub(crate) struct Answering(Exchange);

impl Exchange {
    /// A request has come.
    pub(crate) fn begin(&self) -> Answering {
        self.0.store(BUSY, Ordering::Release);
        Answering(self.clone())
    }

    fn is_idle(&self) -> bool {
        self.0.load(Ordering::Acquire) == IDLE
    }

    /// Everything that was written has left.
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

/// A stream that fails when its peer takes nothing for [`WRITE_PAUSE`].
///
/// What hyper answers by itself to a head that it cannot read has no body. The stream keeps that back, and knows its
/// status, so that a problem document takes its place.
pub(crate) struct Stream {
    stream: TcpStream,
    exchange: Exchange,
    /// Whether something has come since the last exchange.
    received: bool,
    refused: Option<StatusCode>,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Stream {
    pub(crate) fn new(stream: TcpStream, exchange: Exchange) -> Self {
        Self {
            stream,
            exchange,
            received: false,
            refused: None,
            deadline: None,
        }
    }

    /// Why the last head that came was refused, if it was: by hyper, or because of what the connection ended with.
    pub(crate) fn refusal(&self, ended: &hyper::Result<()>) -> Option<Refusal> {
        // A connection that nothing was sent on ends without a word.
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

    /// Sends a refusal, with an id for what came, and ends the connection.
    ///
    /// # Errors
    /// When the client has gone.
    pub(crate) async fn refuse(mut self, refusal: Refusal, id: HeaderValue) -> io::Result<()> {
        // No longer hyper's.
        let answering = self.exchange.begin();
        self.write_all(&refusal.wire(id)).await?;
        self.shutdown().await?;
        drop(answering);
        // Closed with bytes unread, the connection would be reset, and the response lost with it.
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
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_PAUSE)));
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
