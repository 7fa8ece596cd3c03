//! The request headers in which Spin describes the request's route to a component.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::header::{CONNECTION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::outbound::chaining_target;
use crate::route::param_header;
use crate::router::RouteMatch;

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
        // A value that is not a header value is left out, as Spin does.
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

/// Removes headers that components must not see in a request from outside: `Connection`, which concerns only the server, and a
/// `Host` that claims to be a component.
pub fn strip_forbidden_headers(headers: &mut HeaderMap) {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| chaining_target(host).is_some()) {
        headers.remove(HOST);
    }
    headers.remove(CONNECTION);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Manifest;
    use crate::router::Router;

    fn router() -> Router {
        let text = r#"
            spin_manifest_version = 2
            application = { name = "app" }
            trigger.http = [
                { route = "/foo/:user_ID/...", component = "a" },
                { route = "/", component = "a" },
            ]
            component.a = { source = "a.wasm" }
        "#;
        Manifest::parse(text, "spin.toml".as_ref())
            .unwrap()
            .router()
    }

    fn client() -> SocketAddr {
        "127.0.0.1:8777".parse().unwrap()
    }

    fn sorted(headers: &HeaderMap) -> Vec<(&str, &str)> {
        let mut sorted: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        sorted.sort_unstable();
        sorted
    }

    #[test]
    fn a_component_sees_how_it_was_reached() {
        let router = router();
        let matched = router.route("/foo/42/bar").unwrap();
        let mut headers = HeaderMap::new();
        matched.set_headers(
            &mut headers,
            "https",
            "app.dev:1",
            "/foo/42/bar?k=v",
            client(),
        );
        let expected = [
            ("spin-base-path", "/"),
            ("spin-client-addr", "127.0.0.1:8777"),
            ("spin-component-route", "/foo/:user_ID"),
            ("spin-full-url", "https://app.dev:1/foo/42/bar?k=v"),
            ("spin-matched-route", "/foo/:user_ID/..."),
            ("spin-path-info", "/bar"),
            ("spin-path-match-user-id", "42"),
            ("spin-raw-component-route", "/foo/:user_ID/..."),
        ];
        assert_eq!(sorted(&headers), expected);
    }

    #[test]
    fn the_root_is_spelt_as_spin_spells_it() {
        let router = router();
        let mut headers = HeaderMap::new();
        router
            .route("/")
            .unwrap()
            .set_headers(&mut headers, "http", "h", "/", client());
        assert_eq!(headers["spin-matched-route"], "");
        assert_eq!(headers["spin-raw-component-route"], "/");
        assert_eq!(headers["spin-component-route"], "/");
        assert_eq!(headers["spin-path-info"], "");
    }

    #[test]
    fn a_client_cannot_forge_them() {
        let router = router();
        let mut headers = HeaderMap::new();
        for name in ["spin-client-addr", "spin-path-match-admin", "spin-anything"] {
            headers.append(name, HeaderValue::from_static("forged"));
            headers.append(name, HeaderValue::from_static("forged twice"));
        }
        headers.append("accept", HeaderValue::from_static("*/*"));
        router
            .route("/")
            .unwrap()
            .set_headers(&mut headers, "http", "h", "/", client());
        assert!(
            headers
                .values()
                .all(|value| !value.to_str().unwrap().contains("forged"))
        );
        assert_eq!(headers["accept"], "*/*");
        assert_eq!(headers.get_all("spin-client-addr").iter().count(), 1);
    }

    #[test]
    fn hosts_that_claim_to_be_components_are_removed() {
        for (host, kept) in [
            ("a.spin.internal", false),
            ("a.spin.internal:80", false),
            ("spin.internal", true),
            ("a.spin.internal.org", true),
            ("example.com", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
            strip_forbidden_headers(&mut headers);
            assert_eq!(headers.contains_key(HOST), kept, "{host}");
            assert!(!headers.contains_key(CONNECTION));
        }
    }
}
