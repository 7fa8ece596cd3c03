//! `allowed_outbound_hosts`: which hosts a component may call.

use std::ops::Range;

use ipnet::IpNet;
use url::{Host, Url};

use crate::model::Component;
use crate::template::Template;
use crate::variables::{VariableError, Variables};

/// Hosts below this domain are components of the same application.
const CHAINING_SUFFIX: &str = ".spin.internal";

/// Why an entry of `allowed_outbound_hosts` is invalid.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// It does not have the form `scheme://host[:port]`.
    #[error(
        "'{entry}' is not an allowed outbound host, which has the form scheme://host[:port], each '*' \
         for any: {reason}"
    )]
    Invalid {
        /// The entry as it is written: the values of its variables may be secret.
        entry: String,
        /// The error.
        reason: String,
    },
    /// A variable in it has no value.
    #[error(transparent)]
    Variable(#[from] VariableError),
}

/// The hosts that a component may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts {
    hosts: Vec<AllowedHost>,
}

impl AllowedHosts {
    /// The hosts that `component` may call. `http://*.spin.internal` stands for the components `component_ids` of the
    /// application.
    ///
    /// # Errors
    /// An entry is invalid with the value of a variable.
    pub fn resolve<'a>(
        component: &Component,
        variables: &Variables,
        component_ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, OutboundError> {
        let component_ids: Vec<&str> = component_ids.into_iter().collect();
        let mut hosts = Vec::new();
        for template in &component.allowed_outbound_hosts {
            let Some(host) = parse_expanded(template, &variables.expand(template)?)? else {
                continue;
            };
            if host.host == HostPattern::Subdomains(CHAINING_SUFFIX.into()) {
                hosts.extend(component_ids.iter().map(|id| AllowedHost {
                    host: HostPattern::Exact(Host::Domain(format!("{id}{CHAINING_SUFFIX}"))),
                    ..host.clone()
                }));
            } else {
                hosts.push(host);
            }
        }
        Ok(Self { hosts })
    }

    /// Whether a connection is allowed. `host` is written as in a URL, an IPv6 address in
    /// brackets; the default `port` is that of the scheme.
    pub fn allows(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let Ok(host) = Host::parse(host) else {
            return false;
        };
        let port = port.or_else(|| well_known_port(scheme));
        self.hosts.iter().any(|allowed| {
            allowed.allows_scheme(scheme)
                && allowed.host.allows(&host)
                && allowed.ports.allows(port)
        })
    }

    /// Whether a request to `url` is allowed.
    pub fn allows_url(&self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else {
            return false;
        };
        url.host_str()
            .is_some_and(|host| self.allows(url.scheme(), host, url.port()))
    }

    /// Whether an HTTP request to the application itself is allowed: one without an authority, or
    /// to `self.alt`.
    pub fn allows_self(&self) -> bool {
        self.hosts.iter().any(|allowed| {
            matches!(allowed.host, HostPattern::Any | HostPattern::ToSelf)
                && ["http", "https"]
                    .iter()
                    .any(|scheme| allowed.allows_scheme(scheme))
        })
    }
}

/// The component that `host`, with or without a port, stands for: `api` in `api.spin.internal`.
pub fn chaining_target(host: &str) -> Option<&str> {
    let host = host.rsplit_once(':').map_or(host, |(host, _port)| host);
    host.strip_suffix(CHAINING_SUFFIX)
        .filter(|id| !id.contains('.'))
}

/// The component that a literal entry of `allowed_outbound_hosts` allows to call, `*` for all.
pub(crate) fn chaining_host_of(entry: &str) -> Option<String> {
    match AllowedHost::parse(entry).ok()?.host {
        HostPattern::Exact(Host::Domain(domain)) => chaining_target(&domain).map(Into::into),
        HostPattern::Subdomains(suffix) => (suffix == CHAINING_SUFFIX).then(|| "*".into()),
        _ => None,
    }
}

/// Whether `component` names other components of its application among the hosts that it may call. As in Spin, variables are
/// not resolved.
pub fn requires_chaining(component: &Component) -> bool {
    component
        .allowed_outbound_hosts
        .iter()
        .any(|entry| entry.is_literal() && chaining_host_of(&entry.to_string()).is_some())
}

/// Checks an entry whose variables were replaced by their values.
pub(crate) fn check(template: &Template, expanded: &str) -> Result<(), OutboundError> {
    parse_expanded(template, expanded).map(drop)
}

/// `None` if empty variables left nothing of the entry: that is how an optional host is written.
fn parse_expanded(
    template: &Template,
    expanded: &str,
) -> Result<Option<AllowedHost>, OutboundError> {
    if !template.is_literal() && matches!(expanded, "" | "http://" | "https://") {
        return Ok(None);
    }
    let host = AllowedHost::parse(expanded);
    let invalid = |reason| OutboundError::Invalid {
        entry: template.to_string(),
        reason,
    };
    host.map(Some).map_err(invalid)
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct AllowedHost {
    /// `None` allows any.
    scheme: Option<String>,
    host: HostPattern,
    ports: Ports,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    /// `*`
    Any,
    /// `*.example.com`, kept as `.example.com`
    Subdomains(String),
    /// `self`: the application itself.
    ToSelf,
    Exact(Host),
    /// `10.0.0.0/8`
    Network(IpNet),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ports {
    /// `*`
    Any,
    One(u16),
    /// `8000..9000`, without its end.
    Range(Range<u16>),
}

impl AllowedHost {
    fn parse(entry: &str) -> Result<Self, String> {
        let (scheme, rest) = entry
            .trim()
            .split_once("://")
            .ok_or("the scheme is missing")?;
        if rest.contains('@') {
            return Err("there must be no user and no password".into());
        }
        let (host, port) = split_port(rest)?;
        let ports = if port.is_empty() {
            let port = well_known_port(scheme);
            Ports::One(port.ok_or_else(|| format!("the scheme '{scheme}' needs a port"))?)
        } else {
            Ports::parse(port)?
        };
        Ok(Self {
            scheme: parse_scheme(scheme)?,
            host: HostPattern::parse(host)?,
            ports,
        })
    }

    fn allows_scheme(&self, scheme: &str) -> bool {
        self.scheme
            .as_ref()
            .is_none_or(|allowed| allowed.eq_ignore_ascii_case(scheme))
    }
}

/// Splits `host[:port][/]`, where the host may be an address that has colons itself.
fn split_port(rest: &str) -> Result<(&str, &str), String> {
    match rest.rsplit_once(':') {
        None => Ok((rest, "")),
        Some((host, "")) => Ok((host, "")),
        Some(_) if HostPattern::parse(rest).is_ok() => Ok((rest, "")),
        Some((host, tail)) => match tail.split_once('/') {
            None => Ok((host, tail)),
            Some((port, "")) => Ok((host, port)),
            Some(_) => Err("there must be no path".into()),
        },
    }
}

fn parse_scheme(scheme: &str) -> Result<Option<String>, String> {
    if scheme == "*" {
        return Ok(None);
    }
    if scheme.is_empty() || !scheme.chars().all(char::is_alphabetic) {
        return Err(format!("a scheme has letters only, unlike '{scheme}'"));
    }
    Ok(Some(scheme.into()))
}

impl HostPattern {
    fn parse(host: &str) -> Result<Self, String> {
        let host = host.trim();
        match host {
            "*" => return Ok(Self::Any),
            "self" | "self.alt" => return Ok(Self::ToSelf),
            _ => {}
        }
        if let Ok(network) = host.parse::<IpNet>() {
            return Ok(Self::Network(network));
        }
        if host.contains(['{', '}']) {
            return Err("there are no lists of hosts".into());
        }
        let host = host.strip_suffix('/').unwrap_or(host);
        if host.contains('/') {
            return Err("there must be no path".into());
        }
        let (name, wildcard) = match host.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (host, false),
        };
        if name.contains('*') {
            return Err("a wildcard stands for the whole host or for its subdomains".into());
        }
        match Host::parse(name).map_err(|error| format!("host '{name}': {error}"))? {
            Host::Domain(domain) if wildcard => Ok(Self::Subdomains(format!(".{domain}"))),
            _ if wildcard => Err("an address has no subdomains".into()),
            host => Ok(Self::Exact(host)),
        }
    }

    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Subdomains(suffix), Host::Domain(domain)) => domain.ends_with(suffix),
            (Self::Exact(exact), host) => exact == host,
            (Self::Network(network), Host::Ipv4(ip)) => {
                network.contains(&std::net::IpAddr::V4(*ip))
            }
            (Self::Network(network), Host::Ipv6(ip)) => {
                network.contains(&std::net::IpAddr::V6(*ip))
            }
            (Self::Subdomains(_) | Self::Network(_) | Self::ToSelf, _) => false,
        }
    }
}

impl Ports {
    fn parse(port: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.parse::<u16>()
                .map_err(|_| format!("'{text}' is not a port number"))
        };
        match port.split_once("..") {
            _ if port == "*" => Ok(Self::Any),
            Some((start, end)) => Ok(Self::Range(number(start)?..number(end)?)),
            None => number(port).map(Self::One),
        }
    }

    fn allows(&self, port: Option<u16>) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => port == Some(*one),
            Self::Range(range) => port.is_some_and(|port| range.contains(&port)),
        }
    }
}

/// Spin's default port for a scheme.
fn well_known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
