//! Connections to Redis: addresses, time limits, and their number.

use std::{sync::Arc, time::Duration};

use redis::{
    ConnectionInfo, IntoConnectionInfo, RedisError,
    aio::MultiplexedConnection,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a server may take to accept a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may take to answer. Commands that block, such as `BLPOP`, must ask for less.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Silence of a server after which the kernel probes the connection.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// A component's connection.
#[expect(unreachable_pub, reason = "the bindings re-export it")]
pub struct Connection {
    pub(super) inner: MultiplexedConnection,
    pub(super) _permits: [OwnedSemaphorePermit; 2],
}

/// The permits for up to `limit` connections of an application.
pub(crate) fn permits(limit: Option<usize>) -> Arc<Semaphore> {
    let limit = limit.unwrap_or(Semaphore::MAX_PERMITS);
    Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)))
}

/// Reads an address.
///
/// # Errors
/// When it does not have the form `redis://[user:password@]host[:port][/database]`. The error does not repeat the address,
/// which may contain a password.
pub(crate) fn parse(address: &str) -> Result<ConnectionInfo, RedisError> {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE / 3);
    let settings = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive);
    let info = address.into_connection_info()?;
    Ok(info.set_tcp_settings(settings))
}
