//! The HTTP server: connections and their limits.

use std::{
    convert::Infallible, future::poll_fn, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use request_id::new_id;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
};
use tracing::warn;

use crate::{
    code::epoch::EpochClock,
    interfaces::body::Held,
    serving::{
        access,
        app::{App, Ends},
        shutdown::Shutdown,
        stream::{Exchange, Stream},
    },
};

/// Connections held at once; more wait in the kernel's queue.
const CONNECTIONS: u32 = 10_000;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// What the server allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of a request's head, and of the buffer for its body.
    pub(crate) buffer: usize,
    /// How long a client may take for a request's head, pause while it reads a response, or leave a connection idle.
    pub(crate) client: Duration,
    /// How long requests in flight may take after a stop.
    pub(crate) shutdown: Duration,
}

/// A bound address that does not accept connections yet.
pub(crate) struct Socket {
    socket: TcpSocket,
    address: SocketAddr,
    /// The flag that names the address.
    flag: &'static str,
}

impl Socket {
    /// Binds an address, which `flag` names.
    ///
    /// # Errors
    /// When it is taken, or is not one of this machine's.
    pub(crate) fn bind(address: SocketAddr, flag: &'static str) -> Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        };
        let socket = socket.context("cannot make a socket")?;
        // Lingering connections of an earlier run do not block the address.
        let bound = socket
            .set_reuseaddr(true)
            .and_then(|()| socket.bind(address));
        bound.map_err(|error| refused(address, flag, &error))?;
        Ok(Self {
            socket,
            address,
            flag,
        })
    }

    /// Begins to accept connections.
    ///
    /// # Errors
    /// When another program has bound the address in the meantime.
    pub(crate) fn listen(self) -> Result<TcpListener> {
        self.socket
            .listen(BACKLOG)
            .map_err(|error| refused(self.address, self.flag, &error))
    }
}

fn refused(address: SocketAddr, flag: &str, error: &io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::AddrInUse {
        anyhow!("{address} is already in use; name another address with {flag}")
    } else {
        anyhow!("cannot listen on {address}: {error}")
    }
}

/// Serves until a stop, and then until the requests in flight are done or their time is up.
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
                // Out of file descriptors or memory: some are freed when connections end.
                warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    // From here on the kernel refuses connections.
    drop(listener);
    let finished = async {
        // All permits are available when every connection has ended.
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
        warn!(
            "some requests did not finish within {:?} and were cut off",
            limits.shutdown
        );
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
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let ends = Ends { client, local };
    let exchange = Exchange::default();
    let (app, begins) = (&app, &exchange);
    let service = service_fn(move |request: Request<Incoming>| {
        let answering = begins.begin();
        // Pinned, so that the connection can be taken apart at its end.
        Box::pin(async move {
            let response = app.respond(request, ends).await;
            Ok::<_, Infallible>(response.map(|body| Held::new(body, answering)))
        })
    });
    let stream = Stream::new(stream, exchange.clone(), limits.client);
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.client)
        .max_buf_size(limits.buffer)
        .serve_connection(TokioIo::new(stream), service);
    // What goes wrong here is the client's doing, and it knows. The connection is polled first: a
    // request that has arrived before the stop is answered, even when this task starts after it.
    let ended = tokio::select! {
        biased;
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(ended),
        () = shutdown.requested() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    let mut stream = connection.into_parts().io.into_inner();
    match stream.refusal(&ended) {
        Some(refusal) => {
            let id = new_id();
            access::unread(&app.metrics, id.to_str().unwrap_or("-"), refusal.status());
            _ = stream.refuse(refusal, id).await;
        }
        None => _ = stream.shutdown().await,
    }
}
