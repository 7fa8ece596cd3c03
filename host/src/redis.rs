//! `spin:redis`: connections of components to the Redis servers that they may reach.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use manifest::AllowedHosts;
use redis::{
    AsyncCommands, AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo,
    IntoConnectionInfo, RedisError, Value,
    aio::MultiplexedConnection,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use wasmtime::component::{Accessor, HasSelf, Linker, Resource};

use crate::{
    bindings::redis::{
        Connection as Bound, Error, Host, HostConnection, HostConnectionWithStore, RedisParameter,
        RedisResult, add_to_linker,
    },
    log,
    state::InstanceState,
};

/// How long a server may take to accept a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may take to answer. Commands that block, such as `BLPOP`, must ask for less.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// After what silence of a server the kernel asks whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Bytes of an answer.
const MAX_RESULT: usize = 128 << 20;

/// A component's connection.
#[expect(unreachable_pub, reason = "the bindings re-export it")]
pub struct Connection {
    inner: MultiplexedConnection,
    _permits: [OwnedSemaphorePermit; 2],
}

/// Offers the interface to all components.
///
/// # Errors
/// When the linker has it already.
pub(crate) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

/// The permits for the connections of an application, of which there may be `limit`.
pub(crate) fn permits(limit: Option<usize>) -> Arc<Semaphore> {
    let limit = limit.unwrap_or(Semaphore::MAX_PERMITS);
    Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)))
}

/// Reads an address.
///
/// # Errors
/// When it has not the form `redis://[user:password@]host[:port][/database]`. The error does not
/// repeat it, as it may hold a password.
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

/// Whether a component may connect there.
fn is_allowed(allowed: &AllowedHosts, address: &ConnectionAddr) -> bool {
    // There is no TLS, and no component reaches a socket in the file system.
    let ConnectionAddr::Tcp(host, port) = address else {
        return false;
    };
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.clone(),
    };
    allowed.allows("redis", &host, Some(*port))
}

impl InstanceState {
    fn redis(&mut self, connection: &Resource<Bound>) -> Result<MultiplexedConnection, Error> {
        let found = self.resources().get(connection);
        found
            .map(|connection| connection.inner.clone())
            .map_err(|error| other(&error))
    }
}

impl Host for InstanceState {
    fn convert_error(&mut self, error: Error) -> wasmtime::Result<Error> {
        Ok(error)
    }
}

impl HostConnection for InstanceState {
    async fn drop(&mut self, connection: Resource<Bound>) -> wasmtime::Result<()> {
        self.resources().delete(connection)?;
        Ok(())
    }
}

type Access = Accessor<InstanceState, HasSelf<InstanceState>>;

fn redis(accessor: &Access, connection: &Resource<Bound>) -> Result<MultiplexedConnection, Error> {
    accessor.with(|mut access| access.get().redis(connection))
}

impl HostConnectionWithStore<InstanceState> for HasSelf<InstanceState> {
    async fn open(accessor: &Access, address: String) -> Result<Resource<Bound>, Error> {
        let info = parse(&address).map_err(|_| Error::InvalidAddress)?;
        let (permit, permits) = accessor.with(|mut access| {
            let state = access.get();
            let sandbox = state.sandbox();
            if !is_allowed(&sandbox.allowed, info.addr()) {
                let host = info.addr();
                log::component_error(
                    &sandbox.id,
                    format_args!(
                        "it may not connect to redis://{host}: allowed_outbound_hosts does not \
                         name it"
                    ),
                );
                return Err(Error::InvalidAddress);
            }
            let permit = state.connection().ok_or(Error::TooManyConnections)?;
            Ok((permit, Arc::clone(&sandbox.redis)))
        })?;
        let Ok(Ok(shared)) = timeout(CONNECT_TIMEOUT, permits.acquire_owned()).await else {
            return Err(Error::TooManyConnections);
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let inner = Client::open(info)
            .map_err(|_| Error::InvalidAddress)?
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let connection = Connection {
            inner,
            _permits: [permit, shared],
        };
        accessor
            .with(|mut access| access.get().resources().push(connection))
            .map_err(|error| other(&error))
    }

    async fn publish(
        accessor: &Access,
        connection: Resource<Bound>,
        channel: String,
        payload: Vec<u8>,
    ) -> Result<(), Error> {
        let mut redis = redis(accessor, &connection)?;
        Ok(redis.publish(channel, payload).await?)
    }

    async fn get(
        accessor: &Access,
        connection: Resource<Bound>,
        key: String,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut redis = redis(accessor, &connection)?;
        let value: Option<Vec<u8>> = redis.get(key).await?;
        check_size(value.as_ref().map_or(0, Vec::len))?;
        Ok(value)
    }

    async fn set(
        accessor: &Access,
        connection: Resource<Bound>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Error> {
        let mut redis = redis(accessor, &connection)?;
        Ok(redis.set(key, value).await?)
    }

    async fn incr(
        accessor: &Access,
        connection: Resource<Bound>,
        key: String,
    ) -> Result<i64, Error> {
        let mut redis = redis(accessor, &connection)?;
        Ok(redis.incr(key, 1).await?)
    }

    async fn del(
        accessor: &Access,
        connection: Resource<Bound>,
        keys: Vec<String>,
    ) -> Result<u32, Error> {
        let mut redis = redis(accessor, &connection)?;
        Ok(redis.del(keys).await?)
    }

    async fn sadd(
        accessor: &Access,
        connection: Resource<Bound>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Error> {
        let mut redis = redis(accessor, &connection)?;
        Ok(redis.sadd(key, values).await?)
    }

    async fn smembers(
        accessor: &Access,
        connection: Resource<Bound>,
        key: String,
    ) -> Result<Vec<String>, Error> {
        let mut redis = redis(accessor, &connection)?;
        let members: Vec<String> = redis.smembers(key).await?;
        check_size(members.iter().map(String::len).sum())?;
        Ok(members)
    }

    async fn srem(
        accessor: &Access,
        connection: Resource<Bound>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Error> {
        let mut redis = redis(accessor, &connection)?;
        Ok(redis.srem(key, values).await?)
    }

    async fn execute(
        accessor: &Access,
        connection: Resource<Bound>,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Result<Vec<RedisResult>, Error> {
        let mut redis = redis(accessor, &connection)?;
        let mut command = redis::cmd(&command);
        for argument in arguments {
            match argument {
                RedisParameter::Int64(integer) => command.arg(integer),
                RedisParameter::Binary(bytes) => command.arg(bytes),
            };
        }
        let mut results = Vec::new();
        flatten(command.query_async(&mut redis).await?, &mut results)?;
        let content = results.iter().map(|result| match result {
            RedisResult::Status(text) => text.len(),
            RedisResult::Binary(bytes) => bytes.len(),
            RedisResult::Nil | RedisResult::Int64(_) => 0,
        });
        check_size(size_of_val(results.as_slice()) + content.sum::<usize>())?;
        Ok(results)
    }
}

/// Appends the innermost values of a reply, as Spin does: what has a form of its own in RESP3 is an
/// integer or text here, and what has none is an error.
fn flatten(value: Value, results: &mut Vec<RedisResult>) -> Result<(), Error> {
    let unsupported = |what| Err(Error::Other(format!("Redis {what} is not supported")));
    results.push(match value {
        Value::Nil => RedisResult::Nil,
        Value::Int(integer) => RedisResult::Int64(integer),
        Value::BulkString(bytes) => RedisResult::Binary(bytes),
        Value::SimpleString(text) => RedisResult::Status(text),
        Value::Okay => RedisResult::Status("OK".to_owned()),
        Value::Double(number) => RedisResult::Binary(number.to_string().into_bytes()),
        Value::Boolean(boolean) => RedisResult::Int64(boolean.into()),
        Value::BigNumber(digits) => RedisResult::Binary(digits),
        Value::Array(values) | Value::Set(values) => {
            return values
                .into_iter()
                .try_for_each(|value| flatten(value, results));
        }
        Value::ServerError(error) => return Err(other(&RedisError::from(error))),
        Value::Map(_) => return unsupported("Map type"),
        Value::Attribute { .. } => return unsupported("Attribute type"),
        Value::VerbatimString { .. } => return unsupported("string with format attribute"),
        Value::Push { .. } => return unsupported("Pub/Sub type"),
        _ => return unsupported("type"),
    });
    Ok(())
}

fn check_size(size: usize) -> Result<(), Error> {
    if size > MAX_RESULT {
        return Err(Error::Other(format!(
            "query result exceeds limit of {MAX_RESULT} bytes"
        )));
    }
    Ok(())
}

fn other(error: &impl ToString) -> Error {
    Error::Other(error.to_string())
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        other(&error)
    }
}

#[cfg(test)]
mod tests;
