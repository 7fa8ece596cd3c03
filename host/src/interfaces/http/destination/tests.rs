#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};

use http::header;
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::Runtime,
};

use super::*;

/// Where a request to `target` goes while its name has these addresses, and how often that was asked.
fn found(target: &str, addresses: &[&str]) -> (Result<Destination, Unreachable>, usize) {
    let asked = AtomicUsize::new(0);
    let target = target.parse().unwrap();
    let found = find_by(&target, None, |host, port| {
        asked.fetch_add(1, Ordering::Relaxed);
        assert_eq!(target.host(), Some(&*host));
        let address = |ip: &&str| SocketAddr::new(ip.parse().unwrap(), port);
        let addresses = addresses.iter().map(address).collect();
        async { Ok(addresses) }
    });
    let found = Runtime::new().unwrap().block_on(found);
    (found, asked.into_inner())
}

#[test]
fn a_name_does_not_lead_into_the_machine_or_its_cloud() {
    for inside in [
        "127.0.0.1",
        "127.8.0.1",
        "0.0.0.0",
        "169.254.169.254",
        "169.254.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::169.254.169.254",
    ] {
        for addresses in [&[inside][..], &["93.184.215.14", inside]] {
            for scheme in ["http", "https"] {
                let (found, _) = found(&format!("{scheme}://hooks.example/x"), addresses);
                match found {
                    Err(Unreachable::Inside(ip)) => {
                        assert_eq!(ip, inside.parse::<IpAddr>().unwrap());
                    }
                    other => panic!("{inside}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn a_name_leads_elsewhere() {
    for (target, ip, port) in [
        ("http://hooks.example/x", "93.184.215.14", 80),
        ("https://hooks.example/x", "2606:2800:21f::1", 443),
        // The network of a company, or of a cluster.
        ("http://hooks.default.svc:8080/", "10.96.0.7", 8080),
        ("http://hooks/", "fd12:3456::7", 80),
        ("http://localhost.example/", "192.168.1.2", 80),
        ("http://hooks.example/", "64:ff9b::93.184.215.14", 80),
    ] {
        let (found, asked) = found(target, &[ip]);
        let address = SocketAddr::new(ip.parse().unwrap(), port);
        assert_eq!(
            (found.unwrap(), asked),
            (Destination::Addresses(vec![address]), 1)
        );
    }
}

#[test]
fn what_the_operator_wrote_is_not_looked_up() {
    for target in [
        "http://127.0.0.1:8080/x",
        "http://169.254.169.254/",
        "http://[::1]:8080/",
        "https://10.0.0.1/",
        "http://localhost:8080/",
        "http://LOCALHOST./",
        "http://hooks.localhost/",
    ] {
        let (found, asked) = found(target, &["127.0.0.1"]);
        assert_eq!(
            (found.unwrap(), asked),
            (Destination::AsWritten, 0),
            "{target}"
        );
    }
}

#[test]
fn a_failed_lookup_is_an_error() {
    let runtime = Runtime::new().unwrap();
    let target = "http://hooks.example/".parse().unwrap();
    let found = find_by(&target, None, async |_, _| {
        Err(io::ErrorKind::NotFound.into())
    });
    let found = runtime.block_on(found);
    assert!(
        matches!(found, Err(Unreachable::Unknown(Error::Connect(_)))),
        "{found:?}"
    );
    let options = RequestOptions {
        connect_timeout: Some(Duration::from_millis(1)),
        ..RequestOptions::default()
    };
    let found = runtime
        .block_on(async { find_by(&target, Some(options), |_, _| std::future::pending()).await });
    assert!(
        matches!(found, Err(Unreachable::Unknown(Error::ConnectionTimeout))),
        "{found:?}"
    );
}

#[tokio::test]
async fn the_first_address_that_accepts_gets_the_request() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = [closed.local_addr().unwrap(), open.local_addr().unwrap()];
    drop(closed);
    let server = tokio::spawn(async move {
        let (mut stream, _) = open.accept().await.unwrap();
        let mut request = vec![0; 1024];
        let mut read = 0;
        while !request[..read].ends_with(b"told") {
            read += stream.read(&mut request[read..]).await.unwrap();
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
        stream.write_all(answer).await.unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let body = Full::from("told")
        .map_err(|never| match never {})
        .boxed_unsync();
    let request = Request::post("http://hooks.example/x?y")
        .header(header::HOST, "hooks.example")
        .body(body)
        .unwrap();
    let (response, completion) = send_to(request, None, &addresses).await.unwrap();
    tokio::spawn(Box::into_pin(completion));
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "hi");
    let request = server.await.unwrap();
    assert!(request.starts_with("POST /x?y HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("host: hooks.example\r\n"), "{request}");
}

#[tokio::test]
async fn without_a_server_the_last_failure_is_told() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let request = || {
        let body = Full::default()
            .map_err(|never| match never {})
            .boxed_unsync();
        Request::get("http://hooks.example/").body(body).unwrap()
    };
    let sent = send_to(request(), None, &[address, address]).await;
    assert!(matches!(sent, Err(Error::Connect(_))));
    let sent = send_to(request(), None, &[]).await;
    assert!(matches!(sent, Err(Error::DestinationNotFound)));
}
