//! The request headers by which Spin tells a component how it was reached.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::header::{CONNECTION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::outbound::chaining_target;
use crate::route::RouteMatch;

/// The client's address in a request from another component.
pub const CHAINED_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

const PREFIX: &str = "spin-";
const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
const MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
const RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
const COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");

/// The header for the parameter `:name` of a route.
pub(crate) fn param_header(name: &str) -> String {
    format!(
        "{PREFIX}path-match-{}",
        name.replace('_', "-").to_ascii_lowercase()
    )
}

impl RouteMatch<'_> {
    /// Sets Spin's headers, and nothing else that begins with `spin-`: unlike Spin, which puts
    /// its own behind those that the client sent, this lets no client forge one.
    ///
    /// `host` is the request's authority, `path_and_query` its target in origin form.
    pub fn set_headers(
        &self,
        headers: &mut HeaderMap,
        scheme: &str,
        host: &str,
        path_and_query: &str,
        client: SocketAddr,
    ) {
        let forged: Vec<HeaderName> = headers
            .keys()
            .filter(|name| name.as_str().starts_with(PREFIX))
            .cloned()
            .collect();
        for name in forged {
            headers.remove(name);
        }
        // A value that is no header value is left out, as Spin does.
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.insert(name, value);
            }
        };
        set(PATH_INFO, self.trailing_wildcard());
        set(FULL_URL, &format!("{scheme}://{host}{path_and_query}"));
        set(MATCHED_ROUTE, self.matched_route());
        set(BASE_PATH, "/");
        set(RAW_COMPONENT_ROUTE, self.raw_route());
        set(COMPONENT_ROUTE, self.raw_route_or_prefix());
        set(CLIENT_ADDR, &client.to_string());
        for (name, value) in self.params() {
            if let Ok(name) = HeaderName::from_bytes(param_header(name).as_bytes()) {
                set(name, value);
            }
        }
    }
}

/// Removes what no component gets to see of a request from outside: `Connection`, which concerns
/// the server alone, and a `Host` that claims to be a component.
pub fn strip_forbidden_headers(headers: &mut HeaderMap) {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| chaining_target(host).is_some()) {
        headers.remove(HOST);
    }
    headers.remove(CONNECTION);
}
