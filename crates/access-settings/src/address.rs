//! Where a request comes from, for those who have no name.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use http::HeaderMap;
use ipnet::IpNet;

/// The proxies that are believed when they say for whom they ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

/// A text is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is neither an address such as 10.0.0.1 nor a network such as 10.0.0.0/8")]
pub struct ProxyError(pub String);

impl FromStr for Proxies {
    type Err = ProxyError;

    /// Addresses and networks, with commas or blanks between them.
    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let words = text.split(|c: char| c == ',' || c.is_ascii_whitespace());
        let networks = words.filter(|word| !word.is_empty()).map(|word| {
            let address = word.parse::<IpAddr>().map(IpNet::from).ok();
            let network = address.or_else(|| word.parse().ok());
            network.ok_or_else(|| ProxyError(word.to_owned()))
        });
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }
}

impl Proxies {
    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client of a request that `peer` has sent. Each proxy adds whom it heard from at the end of `Forwarded`
    /// (RFC 7239) or `X-Forwarded-For`, so the last one that is not a proxy of ours is the client.
    ///
    /// A proxy maintains one of the two headers and passes the other one on as the client sent it. Where they disagree,
    /// nobody knows which is which, and the client is `peer`.
    #[must_use]
    pub fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let peer = peer.to_canonical();
        let mut named = [forwarded(headers), forwarded_for(headers)]
            .into_iter()
            .filter(|hops| !hops.is_empty())
            .map(|hops| self.last_stranger(peer, hops));
        let client = named.next().unwrap_or(peer);
        if named.all(|other| other == client) {
            client
        } else {
            peer
        }
    }

    /// Follows the hops from the last to the first, as long as each was named by a proxy of ours.
    fn last_stranger(&self, peer: IpAddr, mut hops: Vec<Option<IpAddr>>) -> IpAddr {
        let mut client = peer;
        while self.contains(client) {
            match hops.pop() {
                Some(Some(address)) => client = address.to_canonical(),
                // What cannot be read may be anything that a client has sent.
                Some(None) | None => break,
            }
        }
        client
    }
}

/// The addresses in `Forwarded`, in their order; nothing for one that is not an address.
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = headers.get_all("forwarded").iter();
    let elements = values.flat_map(|value| {
        let elements = unquoted(value.to_str().unwrap_or("?"), ',');
        // Where a string does not end, nobody knows which part of the field a proxy has added.
        elements.map_or(vec![None], |elements| present(elements, of_forwarded))
    });
    elements.collect()
}

/// The addresses in `X-Forwarded-For`, likewise.
fn forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = headers.get_all("x-forwarded-for").iter();
    let elements = values.flat_map(|value| {
        let elements = value.to_str().unwrap_or("?").split(',');
        present(elements, address)
    });
    elements.collect()
}

/// The elements of a list that are not empty (RFC 9110, section 5.6.1.2).
fn present<'a>(
    elements: impl IntoIterator<Item = &'a str>,
    read: fn(&str) -> Option<IpAddr>,
) -> Vec<Option<IpAddr>> {
    let elements = elements.into_iter();
    let elements = elements.filter(|element| !element.trim().is_empty());
    elements.map(read).collect()
}

/// The parts of a text between separators that are outside quoted strings (RFC 9110, section 5.6.4); `None` if a string does
/// not end.
fn unquoted(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped, mut start) = (false, false, 0);
    let mut parts = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ if c == separator && !is_quoted => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!is_quoted).then_some(parts)
}

/// The `for` of `for=192.0.2.1;proto=http`.
fn of_forwarded(element: &str) -> Option<IpAddr> {
    let pairs = unquoted(element, ';')?.into_iter();
    let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(node.trim().trim_matches('"'))
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let of_socket = text.parse::<SocketAddr>().map(|socket| socket.ip());
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    of_socket.or_else(|_| bare.parse()).ok()
}

/// Who sent a request to the runtime. Spin adds its header behind what a client has sent, so the last one counts.
#[must_use]
pub fn peer(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("spin-client-addr").iter().next_back()?;
    address(last.to_str().ok()?)
}

/// What is taken for one client: an address, of IPv6 the network of 64 bits, all of which one subscriber has.
#[must_use]
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !0 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }

    #[test]
    fn only_a_proxy_of_ours_is_believed() {
        let proxies: Proxies = "10.0.0.0/8, 192.0.2.7 2001:db8::/32"
            .parse()
            .expect("proxies");
        for (peer, pairs, client) in [
            (
                "198.51.100.1",
                &[("x-forwarded-for", "203.0.113.1")][..],
                "198.51.100.1",
            ),
            ("10.0.0.1", &[], "10.0.0.1"),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "203.0.113.1")],
                "203.0.113.1",
            ),
            // What the client itself has sent stands in front.
            (
                "10.0.0.1",
                &[("x-forwarded-for", "127.0.0.1, 203.0.113.1")],
                "203.0.113.1",
            ),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "203.0.113.1, 192.0.2.7, 10.1.1.1")],
                "203.0.113.1",
            ),
            (
                "10.0.0.1",
                &[
                    ("x-forwarded-for", "203.0.113.1"),
                    ("x-forwarded-for", "10.9.9.9"),
                ],
                "203.0.113.1",
            ),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "203.0.113.1, nonsense")],
                "10.0.0.1",
            ),
            ("10.0.0.1", &[("x-forwarded-for", "10.0.0.2")], "10.0.0.2"),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "203.0.113.1:4711")],
                "203.0.113.1",
            ),
            (
                "10.0.0.1",
                &[("forwarded", "for=203.0.113.1;proto=https")],
                "203.0.113.1",
            ),
            (
                "10.0.0.1",
                &[("forwarded", "For=\"[2001:db9::1]:80\", for=10.0.0.3")],
                "2001:db9::1",
            ),
            (
                "10.0.0.1",
                &[
                    ("forwarded", "for=unknown"),
                    ("x-forwarded-for", "203.0.113.1"),
                ],
                "10.0.0.1",
            ),
            // A proxy that repeats the client's `Host` quotes it.
            (
                "10.0.0.1",
                &[("forwarded", "for=203.0.113.1;host=\"x,for=192.0.2.99\"")],
                "203.0.113.1",
            ),
            (
                "10.0.0.1",
                &[("forwarded", "host=\"x;for=192.0.2.99\";for=203.0.113.1")],
                "203.0.113.1",
            ),
            (
                "10.0.0.1",
                &[("forwarded", "for=\"x, for=203.0.113.1")],
                "10.0.0.1",
            ),
            // A proxy that adds to one of them passes on what the client sent as the other.
            (
                "10.0.0.1",
                &[
                    ("forwarded", "for=192.0.2.99"),
                    ("x-forwarded-for", "203.0.113.1"),
                ],
                "10.0.0.1",
            ),
            (
                "10.0.0.1",
                &[
                    ("forwarded", "for=203.0.113.1"),
                    ("x-forwarded-for", "203.0.113.1, 10.0.0.2"),
                ],
                "203.0.113.1",
            ),
            (
                "::ffff:10.0.0.1",
                &[("x-forwarded-for", "203.0.113.1")],
                "203.0.113.1",
            ),
        ] {
            let found = proxies.client(&headers(pairs), peer.parse().expect(peer));
            assert_eq!(
                found,
                client.parse::<IpAddr>().expect(client),
                "{peer} {pairs:?}"
            );
        }
        let error = ProxyError("10.0.0.0/99".to_owned());
        assert_eq!("10.0.0.1,10.0.0.0/99".parse::<Proxies>(), Err(error));
    }

    #[test]
    fn the_last_peer_is_the_runtime_s() {
        let sent = headers(&[
            ("spin-client-addr", "127.0.0.1:1"),
            ("spin-client-addr", "[2001:db8::1]:2"),
        ]);
        assert_eq!(peer(&sent), "2001:db8::1".parse().ok());
        assert_eq!(peer(&HeaderMap::new()), None);
    }

    #[test]
    fn a_subscriber_has_a_network() {
        let network = |text: &str| subscriber(text.parse().expect(text)).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
    }

    proptest! {
        #[test]
        fn a_stranger_cannot_choose(list in "[ -~]{0,80}") {
            let proxies: Proxies = "10.0.0.0/8".parse().expect("a proxy");
            let list = headers(&[("x-forwarded-for", &list), ("forwarded", &list)]);
            let stranger: IpAddr = "203.0.113.9".parse().expect("an address");
            prop_assert_eq!(proxies.client(&list, stranger), stranger);
        }

        #[test]
        fn a_client_behind_a_proxy_cannot_choose(
            sent in "[ -~]{0,40}",
            other in prop_oneof!["[ -~]{0,40}", "for=[1-9]{1,2}\\.0\\.0\\.1", "[1-9]{1,2}\\.0\\.0\\.1"],
            adds_to_forwarded: bool,
        ) {
            let proxies: Proxies = "10.0.0.0/8".parse().expect("a proxy");
            let (proxy, stranger) = ("10.0.0.1", "203.0.113.9");
            let (name, passed_on, added) = if adds_to_forwarded {
                ("forwarded", "x-forwarded-for", format!("for={stranger}"))
            } else {
                ("x-forwarded-for", "forwarded", stranger.to_owned())
            };
            let list = headers(&[(name, &sent), (name, &added), (passed_on, &other)]);
            let found = proxies.client(&list, proxy.parse().expect(proxy)).to_string();
            prop_assert!(found == proxy || found == stranger, "{}", found);
        }
    }
}
