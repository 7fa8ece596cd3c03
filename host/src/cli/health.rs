//! `routelets health`: checks that a running application serves requests. For health checks in images without a shell and
//! curl.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use http::Uri;

/// The default URL.
pub const URL: &str = "http://127.0.0.1:8001/.well-known/spin/health";

/// How long the answer may take, for each address of the host.
const LIMIT: Duration = Duration::from_secs(3);

/// Bytes of a status line.
const LINE: usize = 1 << 10;

/// Requests `url`.
///
/// # Errors
/// When the status of the answer is not 200, or no answer comes in time.
pub fn check(url: &Uri) -> Result<()> {
    ensure!(
        url.scheme_str() == Some("http"),
        "'{url}' does not begin with http://, and nothing else can be asked"
    );
    let host = url.host().unwrap_or_default();
    let port = url.port_u16().unwrap_or(80);
    // Brackets of an IPv6 address belong to the URL.
    let addresses = (host.trim_matches(['[', ']']), port).to_socket_addrs();
    let addresses = addresses.with_context(|| format!("the address of '{host}' is unknown"))?;
    let path = url.path_and_query().map_or("/", |target| target.as_str());
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
    let mut result = Err(anyhow!("'{host}' has no address"));
    for address in addresses {
        result = ask(address, &request).with_context(|| format!("{url} at {address}"));
        if result.is_ok() {
            break;
        }
    }
    result
}

fn ask(address: SocketAddr, request: &str) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(request.as_bytes())?;
    let (mut line, mut end) = ([0; LINE], 0);
    while end < LINE && !line[..end].contains(&b'\n') {
        let left = deadline.saturating_duration_since(Instant::now());
        ensure!(!left.is_zero(), "no answer within {LIMIT:?}");
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut line[end..]) {
            Ok(0) => break,
            Ok(bytes) => end += bytes,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("no answer"),
        }
    }
    let line = line[..end]
        .split(|byte| *byte == b'\r' || *byte == b'\n')
        .next();
    let line = String::from_utf8_lossy(line.unwrap_or_default());
    // RFC 9112, section 4: version, status and perhaps a reason.
    let mut words = line.split(' ');
    let is_http = words
        .next()
        .is_some_and(|version| version.starts_with("HTTP/1."));
    ensure!(
        is_http && words.next() == Some("200"),
        "the answer is '{}'",
        line.escape_debug()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// Asks a server that answers with `answer`, and perhaps closes the connection.
    fn asked(answer: &'static [u8], close: bool) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/health?now", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 1024];
            let length = stream.read(&mut head).unwrap();
            assert!(head[..length].starts_with(b"GET /health?now HTTP/1.1\r\nHost: 127.0.0.1:"));
            for part in answer.chunks(7) {
                // The other side may have read enough.
                _ = stream.write_all(part);
            }
            if !close {
                _ = stream.read(&mut head);
            }
        });
        let result = check(&url.parse().unwrap());
        server.join().unwrap();
        result
    }

    #[test]
    fn a_server_is_well_when_it_says_so() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK"[..],
            b"HTTP/1.0 200\r\n\r\n",
        ] {
            for close in [true, false] {
                asked(answer, close).unwrap();
            }
        }
    }

    #[test]
    fn anything_else_is_a_failure_that_is_told() {
        for (answer, says) in [
            (&b"HTTP/1.1 503 Service Unavailable\r\n\r\n"[..], "503"),
            (b"HTTP/1.1 2000 \r\n\r\n", "2000"),
            (b"SSH-2.0-OpenSSH_9.2 200\r\n", "SSH"),
            (b"", "''"),
            (&[b'x'; 2 * LINE], "xxx"),
        ] {
            let error = format!("{:#}", asked(answer, true).unwrap_err());
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn who_says_nothing_is_not_waited_for() {
        let error = format!("{:#}", asked(b"HTTP/1.1 ", false).unwrap_err());
        assert!(error.contains("no answer"), "{error}");
    }

    #[test]
    fn nobody_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        for url in [url.as_str(), "https://localhost/", "/health"] {
            assert!(check(&url.parse().unwrap()).is_err(), "{url}");
        }
    }
}
