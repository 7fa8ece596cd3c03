//! Clients that send or read slowly, to keep the server busy with nothing (slowloris).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use runtime_tests::Server;

use crate::{launch, tell};

/// Longer than the host waits for a client that reads nothing.
const PATIENCE: Duration = Duration::from_secs(8);

/// More than the buffers of a connection take.
const BODY: usize = 16 << 20;

#[test]
#[cfg_attr(spin, ignore = "Spin waits for a client for as long as it takes")]
fn clients_that_read_slowly_are_cut_off_and_delay_nobody() {
    let app = launch("pair").arg("--client-timeout=3s").start();
    let mut resident = Vec::new();
    for _ in 0..2 {
        let mut reads_nothing: Vec<_> = (0..2).map(|_| large(&app)).collect();
        let mut reads_bytes: Vec<_> = (0..2).map(|_| large(&app)).collect();
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            for client in &mut reads_bytes {
                client.read_exact(&mut [0]).unwrap();
            }
            assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
            thread::sleep(Duration::from_millis(200));
        }
        for client in reads_nothing.iter_mut().chain(&mut reads_bytes) {
            let read = rest(client);
            assert!(0 < read && read < BODY, "{read} bytes");
        }
        // Until instances without work have ended.
        thread::sleep(Duration::from_secs(3));
        resident.push(app.resident() >> 10);
    }
    let (before, after) = (resident[0], resident[1]);
    assert!(after < before + 50, "{before} MiB became {after} MiB");
}

/// A client that has asked for a large answer.
fn large(app: &Server) -> TcpStream {
    let head = format!(
        "POST /steady/?do=echo HTTP/1.1\r\nhost: {}\r\ncontent-length: {BODY}\r\n\r\n",
        app.address()
    );
    let mut client = TcpStream::connect(app.address()).unwrap();
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&vec![b'x'; BODY]).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    client
}

/// How many bytes there are until the end: those that were on their way.
fn rest(client: &mut TcpStream) -> usize {
    let (mut rest, mut read) = ([0; 65_536], 0);
    loop {
        match client.read(&mut rest) {
            Ok(0) => return read,
            Ok(bytes) => read += bytes,
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                return read;
            }
        }
    }
}

#[test]
#[cfg_attr(spin, ignore = "Spin waits for a client for as long as it takes")]
fn heads_that_never_end_are_cut_off_and_delay_nobody() {
    let app = launch("pair").arg("--client-timeout=1s").start();
    let mut clients: Vec<_> = (0..50)
        .map(|_| TcpStream::connect(app.address()).unwrap())
        .collect();
    for client in &mut clients {
        client.write_all(b"GET /steady/ HTTP/1.1\r\n").unwrap();
    }
    let start = Instant::now();
    // A header now and then does not buy more time.
    while start.elapsed() < Duration::from_secs(3) {
        for client in &mut clients {
            let _ = client.write_all(b"x-a: b\r\n");
        }
        assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
        thread::sleep(Duration::from_millis(100));
    }
    for client in &mut clients {
        let mut answer = Vec::new();
        client
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        // Bytes that arrive after the end may reset the connection; then the answer may be lost.
        match client.read_to_end(&mut answer) {
            Ok(_) => assert!(answer.starts_with(b"HTTP/1.1 408 "), "{answer:?}"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
}
