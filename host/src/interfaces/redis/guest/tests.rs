use redis::VerbatimFormat;

use super::*;

#[test]
fn replies_are_flattened() {
    let mut results = Vec::new();
    let nested = Value::Array(vec![
        Value::Int(1),
        Value::Array(vec![
            Value::Nil,
            Value::Array(vec![]),
            Value::BulkString(vec![0, 255]),
        ]),
        Value::Okay,
        Value::SimpleString("PONG".into()),
        Value::Set(vec![Value::Boolean(true), Value::Double(0.5)]),
    ]);
    flatten(nested, &mut results).unwrap();
    let texts: Vec<_> = results.iter().map(|result| format!("{result:?}")).collect();
    assert!(
        matches!(
            results.as_slice(),
            [
                RedisResult::Int64(1),
                RedisResult::Nil,
                RedisResult::Binary(_),
                RedisResult::Status(_),
                RedisResult::Status(_),
                RedisResult::Int64(1),
                RedisResult::Binary(_),
            ]
        ),
        "{texts:?}"
    );
    for unsupported in [
        Value::Map(vec![]),
        Value::VerbatimString {
            format: VerbatimFormat::Text,
            text: String::new(),
        },
    ] {
        assert!(flatten(unsupported, &mut results).is_err());
    }
}

#[test]
fn only_allowed_servers_are_reached() {
    let text = r#"
        spin_manifest_version = 2
        application = { name = "app" }
        [[trigger.http]]
        route = "/..."
        component = "c"
        [component.c]
        source = "c.wasm"
        allowed_outbound_hosts = ["redis://a", "redis://[::1]:7000", "http://b:6379", "*://*:9"]
    "#;
    let manifest = manifest::Manifest::parse(text, "spin.toml".as_ref()).unwrap();
    let variables =
        manifest::Variables::resolve(&manifest, &Default::default(), |name| std::env::var(name))
            .unwrap();
    let allowed = AllowedHosts::resolve(&manifest.components["c"], &variables, ["c"]).unwrap();
    for (address, expected) in [
        ("redis://a", true),
        ("redis://a:6379/3", true),
        ("redis://user:secret@a", true),
        ("redis://[::1]:7000", true),
        ("redis://any:9", true),
        ("redis://a:6380", false),
        ("redis://a.evil", false),
        ("redis://[::1]", false),
        ("redis://b", false),
        ("redis://a@b", false),
        ("unix:///a", false),
        ("redis+unix:///a", false),
    ] {
        // An address that is none is not reached either.
        let reached = parse(address).is_ok_and(|info| is_allowed(&allowed, info.addr()));
        assert_eq!(reached, expected, "{address}");
    }
}

#[test]
fn an_address_that_is_none_is_not_repeated() {
    for address in [
        "",
        "secret",
        "http://secret",
        "redis://secret:x",
        "redis://h/secret",
    ] {
        let error = parse(address).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
