//! The address of the service, and its endpoints.

use axum::http::{HeaderMap, Uri, header, uri::Authority};
use axum::response::Response;
use contract::OPENAPI;
use http_api::negotiated;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::page::{document, escape};

/// The methods a path item of OpenAPI may have.
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// The ports and endpoints of this service.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ports {
    /// The address that this request was sent to.
    #[schema(example = "http://127.0.0.1:3000")]
    address: String,
    /// The ports of this service, as seen by this client.
    ports: Vec<Port>,
    /// Every endpoint.
    endpoints: Vec<Endpoint>,
}

/// A port.
#[derive(Serialize, ToSchema)]
struct Port {
    #[schema(example = 3000)]
    port: u16,
    #[schema(example = "http")]
    protocol: String,
}

/// A method on a path.
#[derive(Serialize, ToSchema)]
struct Endpoint {
    #[schema(example = "GET")]
    method: String,
    #[schema(example = "/ping")]
    path: String,
    /// What it does.
    summary: String,
}

impl Ports {
    /// From the address of the request: its URI, or the header `Host`.
    pub(crate) fn new(uri: &Uri, headers: &HeaderMap) -> Self {
        let protocol = uri.scheme_str().unwrap_or("http").to_owned();
        let host = headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let authority: Option<Authority> = uri.authority().cloned().or(host);
        let port = authority.as_ref().and_then(Authority::port_u16);
        let port = port.unwrap_or(if protocol == "https" { 443 } else { 80 });
        let authority = authority.map_or_else(|| "localhost".to_owned(), |it| it.to_string());
        Self {
            address: format!("{protocol}://{authority}"),
            ports: vec![Port { port, protocol }],
            endpoints: endpoints(),
        }
    }

    pub(crate) fn respond(&self, request: &HeaderMap) -> Response {
        negotiated(request, self, || self.html())
    }

    fn html(&self) -> String {
        let rows = self.endpoints.iter().map(|endpoint| {
            format!(
                "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td></tr>\n",
                escape(&endpoint.method),
                escape(&endpoint.path),
                escape(&endpoint.summary)
            )
        });
        let body = format!(
            "<table>\n<tr><th>Method</th><th>Path</th><th>What it does</th></tr>\n{}</table>",
            rows.collect::<String>()
        );
        document(
            "Ports",
            &format!("This service answers at {}.", self.address),
            &body,
        )
    }
}

/// Every operation of the OpenAPI document.
fn endpoints() -> Vec<Endpoint> {
    let document: Value = serde_json::from_str(OPENAPI).unwrap_or_default();
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| {
            METHODS.iter().filter_map(move |method| {
                let operation = item.get(method)?;
                Some(Endpoint {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    summary: operation["summary"].as_str().unwrap_or_default().to_owned(),
                })
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_port_is_the_one_in_use() {
        for (uri, host, address, port) in [
            (
                "http://127.0.0.1:3000/about/ports",
                None,
                "http://127.0.0.1:3000",
                3000,
            ),
            (
                "https://example.com/about/ports",
                None,
                "https://example.com",
                443,
            ),
            (
                "/about/ports",
                Some("[::1]:8001"),
                "http://[::1]:8001",
                8001,
            ),
            ("/about/ports", Some("not a host"), "http://localhost", 80),
            ("/about/ports", None, "http://localhost", 80),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(host.map(|host| (header::HOST, HeaderValue::from_static(host))));
            let ports = Ports::new(&Uri::from_static(uri), &headers);
            assert_eq!(
                (ports.address.as_str(), ports.ports[0].port),
                (address, port),
                "{uri}"
            );
        }
    }

    #[test]
    fn every_endpoint_of_the_document_is_listed() {
        let endpoints = endpoints();
        assert!(
            endpoints
                .iter()
                .any(|it| it.method == "GET" && it.path == "/ping")
        );
        assert!(
            endpoints
                .iter()
                .any(|it| it.method == "POST" && it.path == "/factorize")
        );
        assert!(endpoints.iter().all(|it| !it.summary.is_empty()));
    }
}
