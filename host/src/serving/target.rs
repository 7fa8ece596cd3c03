//! The absolute form of a request's target.

use std::net::SocketAddr;

use http::{
    HeaderMap, HeaderValue, Request, StatusCode, Uri, Version, header,
    uri::{Authority, Scheme},
};
use hyper::body::Incoming;

use crate::serving::refusal::Refusal;

/// Makes the request's target absolute, as components expect (RFC 9112, section 3.2). The host comes from the target or else
/// from the header `Host`. HTTP/1.0 may lack both; then it is `local`, the address that the client connected to.
///
/// # Errors
/// 400 when neither names a host.
pub(super) fn set_target(
    request: &mut Request<Incoming>,
    local: SocketAddr,
) -> Result<(), Refusal> {
    let host = host(request.headers())?;
    let mut parts = request.uri().clone().into_parts();
    let by_address = || (request.version() < Version::HTTP_11).then(|| local.to_string());
    let authority = match (parts.authority, host) {
        (Some(authority), _) | (None, Some(authority)) => authority,
        (None, None) => by_address()
            .and_then(|address| Authority::try_from(address).ok())
            .ok_or(bad_request("the request has no header 'Host'"))?,
    };
    if request.headers().contains_key(header::HOST) {
        // The characters of an authority are ones that a header may have.
        if let Ok(host) = HeaderValue::try_from(authority.as_str()) {
            request.headers_mut().insert(header::HOST, host);
        }
    }
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    // `CONNECT host:port` has no path.
    *request.uri_mut() = Uri::from_parts(parts)
        .map_err(|_| bad_request("the request's target is not a path or an address"))?;
    Ok(())
}

/// The value of the header `Host`.
///
/// # Errors
/// 400 when there are several, or it is not a host and a port.
pub(super) fn host(headers: &HeaderMap) -> Result<Option<Authority>, Refusal> {
    let mut values = headers.get_all(header::HOST).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match Authority::try_from(value.as_bytes()) {
        Ok(_) if values.next().is_some() => Err(bad_request("the request has two headers 'Host'")),
        Ok(authority) => Ok(Some(authority)),
        Err(_) => Err(bad_request("the header 'Host' is not a host and a port")),
    }
}

/// A request that is wrong because of `detail`.
pub(super) const fn bad_request(detail: &'static str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, detail)
}
