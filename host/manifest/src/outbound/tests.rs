use proptest::prelude::*;

use super::*;

/// The entries that Spin's own tests accept.
#[test]
fn accepts_what_spin_accepts() {
    for good in [
        "http://spin.fermyon.dev",
        "http://spin.fermyon.dev/",
        "http://spin.fermyon.dev:4444",
        "http://spin.fermyon.dev:4444/",
        "http://spin.fermyon.dev:",
        "http://spin.fermyon.dev:4444..5555",
        "*://spin.fermyon.dev:7777",
        "http://self",
        "http://self.alt",
        "http://localhost",
        "http://*.example.com",
        "http://*.Example.COM",
        "http://192.168.1.1:3002",
        "http://[::1]:8001",
        "http://[::1]",
        "http://[::1]:*",
        "http://[::1]:8000..9000",
        "http://[::1]:8080/",
        "*://127.0.0.0/24:80",
        "*://127.0.0.1/24:80",
        "*://ff00::/8:80",
        "http://::1/128",
        "https://2001:db8::/32",
        "http://2001:db8::/32:443",
        "*://*:*",
        " http://example.com ",
        "custom://example.com:1",
        "postgres://db",
        "mysql://db",
        "mqtt://db",
    ] {
        assert!(
            AllowedHost::parse(good).is_ok(),
            "{good}: {:?}",
            AllowedHost::parse(good)
        );
    }
}

/// The entries that Spin's own tests refuse.
#[test]
fn refuses_what_spin_refuses() {
    for bad in [
        "",
        "*",
        ":",
        "?",
        "insecure:allow-all",
        "example.com",
        "spin.fermyon.dev:80",
        "http://",
        "*://127.0.0.0/24",
        "*://example.com",
        "custom://example.com",
        "{http,https}://example.com:80",
        "http://{a,b}",
        "http://example.com:{80,81}",
        "http://example.com/a",
        "http://example.com:6666/a/b",
        "http://*.fermyon.dev/a",
        "http://example.com:notaport",
        "http://example.com:99999",
        "http://example.com:8080..70000",
        "http://self:notaport",
        "http://*:notaport",
        "http://[::1]:notaport",
        "http://*.example.com:8080..",
        "http://127.0.0.0/24/p",
        "http://[::1]/foo",
        "http://ff00::/8/extra",
        "http://[::1",
        "http://[::1]junk",
        "http://[::1]::80",
        "http://[v1.]",
        "[::1]:8080",
        "http://*.",
        "http://*.:8080",
        "http://a.*.example.com",
        "http://*example.com",
        "http://*.*.example.com",
        "http://example%.com",
        "http://example%GG.com",
        "http://exa[mple.com",
        r"http://exa\mple.com",
        "http://example.com:80:90",
        "http://example.com//",
        "http://self//",
        "http://[::1]//",
        "http://*.127.0.0.1",
        "http://*.192.168.001.001",
        "http://*.[::1]",
        "zootle! wurdl!",
    ] {
        assert!(
            AllowedHost::parse(bad).is_err(),
            "{bad}: {:?}",
            AllowedHost::parse(bad)
        );
    }
}

#[test]
fn service_chaining_targets() {
    for (host, target) in [
        ("api.spin.internal", Some("api")),
        ("api.spin.internal:80", Some("api")),
        ("spin.internal", None),
        ("a.b.spin.internal", None),
        ("api.spin.internal.example.com", None),
        ("apispin.internal", None),
    ] {
        assert_eq!(chaining_target(host), target, "{host}");
    }
    for (entry, target) in [
        ("http://api.spin.internal", Some("api")),
        ("http://*.spin.internal", Some("*")),
        ("http://*.example.com", None),
        ("http://self", None),
    ] {
        assert_eq!(chaining_host_of(entry).as_deref(), target, "{entry}");
    }
}

proptest! {
    #[test]
    fn no_entry_and_no_url_makes_it_panic(
        entry in "[a-z*]{0,5}(://)?[a-z0-9*.:/\\[\\]%é{}]{0,16}",
        url in "[a-z]{0,5}(://)?[a-z0-9.:/@\\[\\]%é]{0,16}",
    ) {
        let hosts = AllowedHosts { hosts: AllowedHost::parse(&entry).into_iter().collect() };
        // Nothing is allowed by an entry that was refused.
        prop_assert!(!hosts.hosts.is_empty() || !hosts.allows_url(&url));
        hosts.allows_url(&url);
    }

    /// What an exact entry allows is its own scheme, host and port, and nothing else.
    #[test]
    fn an_exact_entry_allows_itself_alone(
        host in "[a-z][a-z0-9]{0,8}\\.(com|org)",
        other in "[a-z][a-z0-9]{0,8}\\.(com|org)",
        port in 1u16..,
        other_port in 1u16..,
    ) {
        let hosts = AllowedHosts { hosts: vec![AllowedHost::parse(&format!("http://{host}:{port}")).unwrap()] };
        prop_assert!(hosts.allows("http", &host, Some(port)));
        prop_assert!(!hosts.allows("https", &host, Some(port)));
        prop_assert_eq!(hosts.allows("http", &other, Some(port)), host == other);
        prop_assert_eq!(hosts.allows("http", &host, Some(other_port)), port == other_port);
    }
}

#[test]
fn a_password_is_not_repeated() {
    for bad in [
        "redis://:s3cret@host:1",
        "redis://user:s3cret@host",
        "redis://s3cret@host",
    ] {
        let reason = AllowedHost::parse(bad).unwrap_err();
        assert!(!reason.contains("s3cret"), "{bad}: {reason}");
    }
}
