//! The Redis trigger: passes the messages of channels to components.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use futures::{StreamExt, future};
use manifest::{RedisTrigger, Variables};
use redis::{
    Client, Msg, Value,
    aio::{PubSubSink, PubSubStream},
};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use wasmtime::Engine;

use crate::{
    interfaces::{
        bindings::handler::RedisHandlerPre,
        redis::connection::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, parse},
        state::{InstanceState, Sandbox},
    },
    log::{Printable, START},
    serving::{pool::Range, shutdown::Shutdown},
    traces::{Span, Tracer},
};

/// How often the server is pinged.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Messages that may wait to be handled. More are dropped, like all messages that are published without a subscriber.
const WAITING: usize = 10_000;

/// A component that receives messages, each in its own instance.
pub(crate) struct Receiver {
    pub(crate) engine: Engine,
    pub(crate) pre: RedisHandlerPre<InstanceState>,
    pub(crate) sandbox: Arc<Sandbox>,
    /// How long it may take for a message; unlimited when `None`.
    pub(crate) timeout: Option<Range<Duration>>,
    /// Makes the spans of messages.
    pub(crate) tracer: Tracer,
}

impl Receiver {
    async fn receive(&self, message: Vec<u8>, span: &Span) -> wasmtime::Result<()> {
        let handle = async {
            let mut store = self.sandbox.store(&self.engine)?;
            store.data().requests().begin_message(span.place());
            let handler = self.pre.instantiate_async(&mut store).await?;
            let guest = handler.spin_redis_inbound_redis();
            store
                .run_concurrent(async |accessor| guest.call_handle_message(accessor, message).await)
                .await??
                .map_err(|error| wasmtime::format_err!("it returned an error: {error}"))
        };
        match self.timeout.map(Range::<Duration>::pick) {
            Some(limit) => timeout(limit, handle)
                .await
                .unwrap_or_else(|_| Err(wasmtime::format_err!("it took more than {limit:?}"))),
            None => handle.await,
        }
    }
}

/// The receivers of each channel.
type Channels = BTreeMap<String, Vec<Arc<Receiver>>>;

/// The channels of each server, by its address.
pub(crate) type Servers = BTreeMap<String, Channels>;

/// Sorts the triggers by server and channel. `receivers` are the components, by id.
///
/// # Errors
/// When an address is invalid, or a component is missing.
pub(crate) fn servers(
    triggers: &[RedisTrigger],
    variables: &Variables,
    receivers: &BTreeMap<String, Arc<Receiver>>,
) -> Result<Servers> {
    let mut servers = Servers::new();
    for trigger in triggers {
        let id = trigger.component.as_str();
        let address = variables.expand(&trigger.address)?;
        parse(&address).map_err(|error| {
            anyhow!("the Redis trigger of component '{id}' has an invalid address: {error}")
        })?;
        let channel = variables.expand(&trigger.channel)?;
        let receiver = receivers
            .get(id)
            .with_context(|| format!("component '{id}' was not loaded"))?;
        let channels = servers.entry(address).or_default();
        let receivers = channels.entry(channel).or_default();
        receivers.push(Arc::clone(receiver));
    }
    Ok(servers)
}

/// Receives messages until a stop, and then until the current message is handled or `patience` is over.
///
/// # Errors
/// When a server cannot be reached, or the connection is lost.
pub(crate) async fn run(servers: Servers, shutdown: &Shutdown, patience: Duration) -> Result<()> {
    let subscribers = servers.into_iter().map(async |(address, channels)| {
        let info = parse(&address)?;
        let server = info.addr().clone();
        let connect = async {
            let pubsub = Client::open(info)?.get_async_pubsub().await?;
            let (mut sink, messages) = pubsub.split();
            for channel in channels.keys() {
                sink.subscribe(channel).await?;
                let address = format!("redis://{server}");
                // Programs wait for this line.
                info!(
                    target: START,
                    subscribed = channel, address,
                    "Subscribed to {} at {address}", Printable(channel)
                );
            }
            anyhow::Ok((sink, messages))
        };
        let (sink, messages) = tokio::select! {
            connected = timeout(CONNECT_TIMEOUT, connect) => connected
                .unwrap_or_else(|_| Err(anyhow!("it does not answer")))
                .with_context(|| format!("cannot subscribe to channels at redis://{server}"))?,
            () = shutdown.requested() => return Ok(()),
        };
        let (queue, waiting) = mpsc::channel(WAITING);
        let over = CancellationToken::new();
        let listen = async {
            // Also ends the handling, after the current message.
            let _over = over.clone().drop_guard();
            listen(sink, messages, queue, shutdown)
                .await
                .with_context(|| format!("lost the connection to redis://{server}"))
        };
        let handle = handle(&channels, waiting, &over, shutdown, patience);
        future::join(listen, handle).await.0
    });
    future::try_join_all(subscribers).await?;
    Ok(())
}

/// Reads messages from the connection until the stop.
///
/// # Errors
/// When the connection is lost, or the server no longer answers.
async fn listen(
    mut sink: PubSubSink,
    mut messages: PubSubStream,
    queue: mpsc::Sender<Msg>,
    shutdown: &Shutdown,
) -> Result<()> {
    let mut ping = tokio::time::interval(PING_INTERVAL);
    loop {
        tokio::select! {
            message = messages.next() => {
                let message = message.context("it was closed")?;
                if queue.try_send(message).is_err() {
                    warn!("a Redis message was dropped: {WAITING} are waiting already");
                }
            }
            _ = ping.tick() => timeout(RESPONSE_TIMEOUT, sink.ping::<Value>())
                .await
                .context("it does not answer")
                .map(drop)?,
            () = shutdown.requested() => return Ok(()),
        }
    }
}

/// Handles messages one after the other, each by all components of its channel at once.
async fn handle(
    channels: &Channels,
    mut waiting: mpsc::Receiver<Msg>,
    over: &CancellationToken,
    shutdown: &Shutdown,
    patience: Duration,
) {
    while let Some(Some(message)) = over.run_until_cancelled(waiting.recv()).await {
        let receivers = channels.get(message.get_channel_name());
        let handled = receivers.into_iter().flatten().map(|receiver| {
            let receiver = Arc::clone(receiver);
            let payload = message.get_payload_bytes().to_vec();
            let channel = message.get_channel_name();
            let span = receiver.tracer.message(channel, &receiver.sandbox.id);
            // In a task, so that a panic affects one message only.
            tokio::spawn(async move {
                if let Err(error) = receiver.receive(payload, &span).await {
                    span.failed("the message was not handled");
                    let component = &*receiver.sandbox.id;
                    span.say(|| error!(component, "a message was not handled: {error:#}"));
                }
            })
        });
        let out_of_patience = async {
            shutdown.requested().await;
            tokio::time::sleep(patience).await;
        };
        tokio::select! {
            _ = future::join_all(handled) => {}
            () = out_of_patience => {
                warn!("a Redis message was not handled within {patience:?} and was cut off");
            }
        }
    }
}
