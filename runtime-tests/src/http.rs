//! A small HTTP/1.1 client with which a test controls the exact bytes of a request.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::form::Form;

/// How long an answer may take: longer than any time limit of the application.
const PATIENCE: Duration = Duration::from_secs(120);

/// A request.
#[derive(Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Body,
}

#[derive(Clone)]
enum Body {
    None,
    Whole(Vec<u8>),
    Chunks(Vec<Vec<u8>>),
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let target: String = self.target.chars().take(200).collect();
        write!(f, "{} {target}", self.method)
    }
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Body::None,
        }
    }

    /// `GET target`.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// `POST target` with JSON.
    #[must_use]
    pub fn post_json(target: &str, json: impl Into<String>) -> Self {
        Self::new("POST", target)
            .header("content-type", "application/json")
            .body(json.into())
    }

    /// `POST target` with a form.
    #[must_use]
    pub fn form(target: &str, form: Form) -> Self {
        let (media_type, body) = form.finish();
        Self::new("POST", target)
            .header("content-type", &media_type)
            .body(body)
    }

    /// `POST target` with a recording in a form, and text fields.
    #[must_use]
    pub fn upload(target: &str, recording: &[u8], fields: &[(&str, &str)]) -> Self {
        Self::form(target, Form::upload("X", recording, fields))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends this body, with its length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Whole(body.into());
        self
    }

    /// Sends this body in chunks (RFC 9112, section 7.1), without its length.
    #[must_use]
    pub fn chunks<C: Into<Vec<u8>>>(mut self, chunks: impl IntoIterator<Item = C>) -> Self {
        self.body = Body::Chunks(chunks.into_iter().map(Into::into).collect());
        self
    }

    /// The same request with another method.
    #[must_use]
    pub fn with_method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// The bytes of the request.
    fn encode(&self, host: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let has = |wanted: &str| {
            let mut names = self.headers.iter().map(|(name, _)| name);
            names.any(|name| name.eq_ignore_ascii_case(wanted))
        };
        if !has("host") {
            head += &format!("host: {host}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut wire;
        match &self.body {
            Body::None => wire = (head + "\r\n").into_bytes(),
            Body::Whole(body) => {
                head += &format!("content-length: {}\r\n\r\n", body.len());
                wire = head.into_bytes();
                wire.extend_from_slice(body);
            }
            Body::Chunks(chunks) => {
                wire = (head + "transfer-encoding: chunked\r\n\r\n").into_bytes();
                wire.extend(chunks.iter().flat_map(|bytes| chunk(bytes)));
                wire.extend_from_slice(LAST_CHUNK);
            }
        }
        wire
    }
}

/// What ends a chunked body.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The bytes of a chunk of a body.
#[must_use]
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", bytes.len());
    [size.as_bytes(), bytes, b"\r\n"].concat()
}

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, with names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header that is there once.
    ///
    /// # Panics
    /// When it was sent more than once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        let (_, value) = values.next()?;
        assert!(values.next().is_none(), "two headers {name}: {self:?}");
        Some(value)
    }

    /// The body as text.
    ///
    /// # Panics
    /// When it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The `code` of a problem document.
    ///
    /// # Panics
    /// When the body is not a problem document.
    #[must_use]
    pub fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        self.json()["code"].as_str().expect("a code").to_owned()
    }
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    peer: SocketAddr,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When the connection is not accepted.
    pub fn open(peer: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&peer, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: BufReader::new(stream),
            peer,
        })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the server has closed the connection.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    /// Closes the sending side.
    ///
    /// # Errors
    /// When the server has closed the connection.
    pub fn finish_writing(&mut self) -> io::Result<()> {
        self.stream.get_mut().shutdown(Shutdown::Write)
    }

    /// Sends a request and reads the answer to it.
    ///
    /// # Errors
    /// When there is none, or it is not HTTP.
    pub fn send(&mut self, request: &Request) -> io::Result<Response> {
        // A server that has answered need not read the rest of the request.
        let written = self.write(request.encode(self.peer));
        self.read(&request.method)
            .map_err(|error| written.err().unwrap_or(error))
    }

    /// Sends a request and leaves the answer for [`Connection::read`].
    ///
    /// # Errors
    /// When the server has closed the connection.
    pub fn send_only(&mut self, request: &Request) -> io::Result<()> {
        self.write(request.encode(self.peer))
    }

    /// Reads the answer to a request of this method. Interim answers (1xx) are left out.
    ///
    /// # Errors
    /// When the connection ends before it does, or it is not HTTP.
    pub fn read(&mut self, method: &str) -> io::Result<Response> {
        loop {
            let mut response = self.read_head()?;
            if response.status >= 200 {
                response.body = self.read_body(method, &response)?;
                return Ok(response);
            }
        }
    }

    /// Reads the head of a response.
    ///
    /// # Errors
    /// When the connection ends before it does, or it is not HTTP.
    pub fn read_head(&mut self) -> io::Result<Response> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if self.stream.read_until(b'\n', &mut head)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 128];
        let mut parsed = httparse::Response::new(&mut headers);
        parsed.parse(&head).map_err(io::Error::other)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Response {
            status: parsed.code.unwrap_or_default(),
            headers: parsed
                .headers
                .iter()
                .map(|header| (header.name.to_ascii_lowercase(), text(header.value)))
                .collect(),
            body: Vec::new(),
        })
    }

    /// RFC 9112, section 6.3.
    fn read_body(&mut self, method: &str, head: &Response) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if method == "HEAD" || matches!(head.status, 204 | 304) {
            return Ok(body);
        }
        if head.header("transfer-encoding") == Some("chunked") {
            while let size @ 1.. = self.chunk_size()? {
                self.read_exactly(size, &mut body)?;
                self.line()?;
            }
            while !self.line()?.is_empty() {}
        } else if let Some(length) = head.header("content-length") {
            let length = length.parse().map_err(io::Error::other)?;
            self.read_exactly(length, &mut body)?;
        } else {
            self.stream.read_to_end(&mut body)?;
        }
        Ok(body)
    }

    /// Reads the next chunk of a chunked body; nothing after the last.
    ///
    /// # Errors
    /// When the connection ends before it does, or it is not a chunk.
    pub fn read_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut chunk = Vec::new();
        let size = self.chunk_size()?;
        self.read_exactly(size, &mut chunk)?;
        self.line()?;
        Ok((size > 0).then_some(chunk))
    }

    /// Reads one byte, so that the server cannot send more than fits into the buffers of the connection.
    ///
    /// # Errors
    /// When the server has closed the connection.
    pub fn read_byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.stream.get_mut().read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// Whether the server has sent nothing more yet.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn is_waiting(&mut self) -> io::Result<bool> {
        if !self.stream.buffer().is_empty() {
            return Ok(false);
        }
        let stream = self.stream.get_mut();
        stream.set_nonblocking(true)?;
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        match peeked {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
            other => other.map(|_| false),
        }
    }

    /// The first of these on which the server sends something.
    ///
    /// # Errors
    /// When there is none within the time that an answer may take, or a connection is broken.
    pub fn first_answered(connections: &mut Vec<Self>) -> io::Result<Self> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            for at in 0..connections.len() {
                if !connections[at].is_waiting()? {
                    return Ok(connections.swap_remove(at));
                }
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(ErrorKind::TimedOut.into())
    }

    fn read_exactly(&mut self, size: usize, into: &mut Vec<u8>) -> io::Result<()> {
        let read = (&mut self.stream).take(size as u64).read_to_end(into)?;
        if read == size {
            Ok(())
        } else {
            Err(ErrorKind::UnexpectedEof.into())
        }
    }

    fn chunk_size(&mut self) -> io::Result<usize> {
        let line = self.line()?;
        usize::from_str_radix(&line, 16).map_err(io::Error::other)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Whether the server closes the connection without a further byte.
    ///
    /// # Errors
    /// When it neither closes it nor sends anything.
    pub fn is_closed(&mut self) -> io::Result<bool> {
        match self.stream.fill_buf() {
            Ok(bytes) => Ok(bytes.is_empty()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(true),
            Err(error) => Err(error),
        }
    }
}
