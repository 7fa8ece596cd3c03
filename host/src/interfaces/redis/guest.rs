//! `spin:redis`: components' connections to the Redis servers that they may reach.

use std::sync::Arc;

use manifest::AllowedHosts;
use redis::{
    AsyncCommands, AsyncConnectionConfig, Client, ConnectionAddr, RedisError, Value,
    aio::MultiplexedConnection,
};
use tokio::time::timeout;
use tracing::error;
use wasmtime::component::{Accessor, HasSelf, Linker, Resource};

use crate::interfaces::{
    bindings::redis::{
        Error, Host, HostConnection, HostConnectionWithStore, RedisParameter, RedisResult,
        add_to_linker,
    },
    redis::connection::{CONNECT_TIMEOUT, Connection, RESPONSE_TIMEOUT, parse},
    state::InstanceState,
};

/// Bytes of an answer.
const MAX_RESULT: usize = 128 << 20;

/// Offers the interface to all components.
///
/// # Errors
/// When the linker has it already.
pub(crate) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    add_to_linker::<_, HasSelf<_>>(linker, |state| state)
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
    fn redis(&mut self, connection: &Resource<Connection>) -> Result<MultiplexedConnection, Error> {
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
    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.resources().delete(connection)?;
        Ok(())
    }
}

type Access = Accessor<InstanceState, HasSelf<InstanceState>>;

fn redis(
    accessor: &Access,
    connection: &Resource<Connection>,
) -> Result<MultiplexedConnection, Error> {
    accessor.with(|mut access| access.get().redis(connection))
}

impl HostConnectionWithStore<InstanceState> for HasSelf<InstanceState> {
    async fn open(accessor: &Access, address: String) -> Result<Resource<Connection>, Error> {
        let info = parse(&address).map_err(|_| Error::InvalidAddress)?;
        let (permit, permits) = accessor.with(|mut access| {
            let state = access.get();
            let sandbox = state.sandbox();
            if !is_allowed(&sandbox.outbound.allowed, info.addr()) {
                let (component, host) = (&*sandbox.id, info.addr());
                state.requests().say(|request| {
                    error!(
                        component,
                        request,
                        "it may not connect to redis://{host}: allowed_outbound_hosts does not name it"
                    );
                });
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
        connection: Resource<Connection>,
        channel: String,
        payload: Vec<u8>,
    ) -> Result<(), Error> {
        let mut redis = redis(accessor, &connection)?;
        Ok(redis.publish(channel, payload).await?)
    }

    async fn get(
        accessor: &Access,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut redis = redis(accessor, &connection)?;
        let value: Option<Vec<u8>> = redis.get(key).await?;
        check_size(value.as_ref().map_or(0, Vec::len))?;
        Ok(value)
    }

    async fn set(
        accessor: &Access,
        connection: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Error> {
        let mut redis = redis(accessor, &connection)?;
        Ok(redis.set(key, value).await?)
    }

    async fn incr(
        accessor: &Access,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<i64, Error> {
        let mut redis = redis(accessor, &connection)?;
        Ok(redis.incr(key, 1).await?)
    }

    async fn del(
        accessor: &Access,
        connection: Resource<Connection>,
        keys: Vec<String>,
    ) -> Result<u32, Error> {
        let mut redis = redis(accessor, &connection)?;
        Ok(redis.del(keys).await?)
    }

    async fn sadd(
        accessor: &Access,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Error> {
        let mut redis = redis(accessor, &connection)?;
        Ok(redis.sadd(key, values).await?)
    }

    async fn smembers(
        accessor: &Access,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<Vec<String>, Error> {
        let mut redis = redis(accessor, &connection)?;
        let members: Vec<String> = redis.smembers(key).await?;
        check_size(members.iter().map(String::len).sum())?;
        Ok(members)
    }

    async fn srem(
        accessor: &Access,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Error> {
        let mut redis = redis(accessor, &connection)?;
        Ok(redis.srem(key, values).await?)
    }

    async fn execute(
        accessor: &Access,
        connection: Resource<Connection>,
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

/// Appends the innermost values of a reply, as Spin does: RESP3's own types become integers or text, and values without such a
/// form are errors.
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
