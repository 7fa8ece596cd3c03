//! The HTTP server: connections, their limits and their end.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
    time::Sleep,
};

use crate::{app::App, epoch::EpochClock, log, shutdown::Shutdown};

/// Connections held at once; more wait in the kernel's queue.
const CONNECTIONS: u32 = 10_000;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// How long a client may take for a request's head, or leave a connection idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a client may take none of a response that is ready for it.
const WRITE_PAUSE: Duration = Duration::from_secs(60);

/// What the server allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of a request's head, and of the buffer for its body.
    pub(crate) buffer: usize,
    /// How long requests in flight may take after a stop was asked for.
    pub(crate) shutdown: Duration,
}

/// An address that is ours and answers nobody yet.
pub(crate) struct Socket {
    socket: TcpSocket,
    address: SocketAddr,
}

impl Socket {
    /// Takes an address.
    ///
    /// # Errors
    /// When it is taken, or is not one of this machine's.
    pub(crate) fn bind(address: SocketAddr) -> Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        };
        let socket = socket.context("cannot make a socket")?;
        // Connections of an earlier run that linger do not make the address taken.
        let bound = socket
            .set_reuseaddr(true)
            .and_then(|()| socket.bind(address));
        bound.map_err(|error| refused(address, &error))?;
        Ok(Self { socket, address })
    }

    /// Begins to accept connections.
    ///
    /// # Errors
    /// When another program took the address for itself in the meantime.
    pub(crate) fn listen(self) -> Result<TcpListener> {
        self.socket
            .listen(BACKLOG)
            .map_err(|error| refused(self.address, &error))
    }
}

fn refused(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::AddrInUse {
        anyhow!("{address} is already in use; name another address with --listen")
    } else {
        anyhow!("cannot listen on {address}: {error}")
    }
}

/// Serves until a stop is asked for and what was in flight is done, or had its time.
pub(crate) async fn serve(
    app: Arc<App>,
    clock: &EpochClock,
    listener: TcpListener,
    limits: Limits,
    shutdown: &Shutdown,
) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS as usize));
    let mut stop = Box::pin(shutdown.requested());
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = async {
                // The semaphore is never closed.
                let permit = Arc::clone(&connections).acquire_owned().await.ok();
                (permit, listener.accept().await)
            } => accepted,
        };
        match accepted {
            (permit, Ok((stream, client))) => {
                let connection =
                    connection(Arc::clone(&app), stream, client, limits, shutdown.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            (_, Err(error)) => {
                // Out of file descriptors or memory: some come back when connections end.
                log::warn(format_args!("cannot accept a connection: {error}"));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    // From here on the kernel refuses connections.
    drop(listener);
    let finished = async {
        // Every connection has given back its permit when all can be had.
        _ = connections.acquire_many(CONNECTIONS).await;
        // Instances without work go at once; the others do what they began after their last
        // response.
        while clock.live() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(limits.shutdown, finished)
        .await
        .is_err()
    {
        log::warn(format_args!(
            "some requests did not finish within {:?} and were cut off",
            limits.shutdown
        ));
    }
}

async fn connection(
    app: Arc<App>,
    stream: TcpStream,
    client: SocketAddr,
    limits: Limits,
    shutdown: Shutdown,
) {
    // A response leaves in several writes; waiting for the client's acknowledgement between them
    // costs 40 ms.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let app = &app;
    let service = service_fn(move |request: Request<Incoming>| async move {
        Ok::<_, Infallible>(app.respond(request, client).await)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(limits.buffer)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    // What goes wrong here is the client's doing, and it knows. The connection is polled first: a
    // request that has arrived before the stop is answered, even when this task starts after it.
    tokio::select! {
        biased;
        _ = connection.as_mut() => {}
        () = shutdown.requested() => {
            connection.as_mut().graceful_shutdown();
            _ = connection.await;
        }
    }
}

/// A stream that fails when its peer takes nothing for [`WRITE_PAUSE`].
struct Patient {
    stream: TcpStream,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            deadline: None,
        }
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

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.limit(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.limit(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(cx);
        self.limit(cx, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.limit(cx, poll)
    }
}
