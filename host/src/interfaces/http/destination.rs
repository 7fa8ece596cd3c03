//! The addresses of other servers. Whoever owns a name that a component may call decides its addresses, and may point it into this
//! machine or its cloud (DNS rebinding): a name with such an address is refused.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    Request, Response, Uri,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, default_send_request};

use crate::interfaces::http::Completion;

/// How long a lookup may take, unless the component says so: as long as Wasmtime waits for a connection.
const PATIENCE: Duration = Duration::from_secs(600);

/// Addresses at which clouds answer their machines, and which are not link-local: those of Alibaba and Azure.
const METADATA: [Ipv4Addr; 2] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
];

/// The same of Amazon.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// The network in which NAT64 embeds IPv4 addresses, `64:ff9b::/96` (RFC 6052).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// Where its target says: that is an address or `localhost`, which are what they are.
    AsWritten,
    /// To one of the addresses of its name.
    Addresses(Vec<SocketAddr>),
}

/// Why a request goes nowhere.
#[derive(Debug)]
pub(super) enum Unreachable {
    /// The name has this address, which is inside this machine or its cloud.
    Inside(IpAddr),
    /// The name could not be looked up.
    Unknown(Error),
}

/// Finds out where a request goes.
///
/// # Errors
/// When the name cannot be looked up, or one of its addresses is refused.
pub(super) async fn find(
    target: &Uri,
    options: Option<RequestOptions>,
) -> Result<Destination, Unreachable> {
    find_by(target, options, look_up).await
}

async fn look_up(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let addresses = tokio::net::lookup_host((host, port)).await?;
    Ok(addresses.collect())
}

async fn find_by<L: Future<Output = io::Result<Vec<SocketAddr>>>>(
    target: &Uri,
    options: Option<RequestOptions>,
    look_up: impl FnOnce(String, u16) -> L,
) -> Result<Destination, Unreachable> {
    let host = target.host().unwrap_or_default();
    if is_literal(host) {
        return Ok(Destination::AsWritten);
    }
    let port = target.port_u16().unwrap_or(match is_https(target) {
        true => 443,
        false => 80,
    });
    let limit = options.and_then(|options| options.connect_timeout);
    let addresses = timeout(limit.unwrap_or(PATIENCE), look_up(host.to_owned(), port)).await;
    let addresses = addresses
        .map_err(|_| Unreachable::Unknown(Error::ConnectionTimeout))?
        .map_err(|error| Unreachable::Unknown(Error::Connect(error)))?;
    match addresses.iter().find(|address| is_inside(address.ip())) {
        Some(inside) => Err(Unreachable::Inside(inside.ip())),
        None => Ok(Destination::Addresses(addresses)),
    }
}

/// Whether a host stands for itself: no DNS server decides where it is.
fn is_literal(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok() || host == "localhost" || host.ends_with(".localhost")
}

fn is_https(target: &Uri) -> bool {
    target.scheme() == Some(&Scheme::HTTPS)
}

/// Whether an address is one of this machine, of its link, or of the services of its cloud.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            // All of 0.0.0.0/8 means this machine (RFC 1122, section 3.2.1.3).
            ip.is_loopback() || ip.is_link_local() || ip.octets()[0] == 0 || METADATA.contains(&ip)
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unicast_link_local()
                || ip == METADATA_V6
                || embedded(ip).is_some_and(|ip| is_inside(IpAddr::V4(ip)))
        }
    }
}

/// The IPv4 address that an IPv6 address stands for.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., high, low] = ip.segments();
    match ip.segments().starts_with(&NAT64) {
        true => Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        false => ip.to_ipv4(),
    }
}

/// Sends a request to its destination.
pub(super) async fn send(
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
    destination: Destination,
) -> Result<(Response<WasiBody>, Completion), Error> {
    match destination {
        // A connection with TLS looks the name up again. The certificate shows that the server is the one that is named.
        Destination::Addresses(addresses) if !is_https(request.uri()) => {
            send_to(request, options, &addresses).await
        }
        _ => send_as_written(request, options).await,
    }
}

/// Sends a request to the first address that accepts a connection.
async fn send_to(
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
    addresses: &[SocketAddr],
) -> Result<(Response<WasiBody>, Completion), Error> {
    let (head, body) = request.into_parts();
    let body = Shared(Arc::new(Mutex::new(body)));
    let mut failure = Error::DestinationNotFound;
    for address in addresses {
        let mut head = head.clone();
        head.uri = at(*address, &head.uri)?;
        match send_as_written(Request::from_parts(head, body.clone()), options).await {
            Err(error @ Error::Connect(_)) => failure = error,
            sent => return sent,
        }
    }
    Err(failure)
}

async fn send_as_written(
    request: Request<impl Body<Data = Bytes, Error = Error> + Send + 'static>,
    options: Option<RequestOptions>,
) -> Result<(Response<WasiBody>, Completion), Error> {
    let (response, completion) = default_send_request(request, options).await?;
    Ok((response.map(BodyExt::boxed_unsync), Box::new(completion)))
}

/// A target at an address in place of its name, which the header `Host` still has.
fn at(address: SocketAddr, target: &Uri) -> Result<Uri, Error> {
    let mut parts = target.clone().into_parts();
    parts.authority = Authority::try_from(address.to_string()).ok();
    parts
        .path_and_query
        .get_or_insert_with(|| PathAndQuery::from_static("/"));
    Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)
}

/// A body that outlives an attempt to connect.
#[derive(Clone)]
struct Shared(Arc<Mutex<WasiBody>>);

impl Shared {
    fn body(&self) -> MutexGuard<'_, WasiBody> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for Shared {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut *self.body()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}

#[cfg(test)]
mod tests;
