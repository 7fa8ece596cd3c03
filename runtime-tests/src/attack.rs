//! An attack: what a stranger may send, and the answers that are allowed. Described in `README.md`.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;

use crate::case::expand;
use crate::http::{Connection, Request, Response};
use crate::server::Server;

/// A key of the application under attack.
pub const KEY: &str = "a-key-of-the-attacked-0123456789";

/// A key of somebody else.
pub const OTHER_KEY: &str = "another-key-of-the-attacked-0123";

/// What the application signs tokens with.
pub const SECRET: &str = "a-secret-of-the-attacked-0123456789abcdef";

/// What a stranger may send, and the answers that are allowed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    /// What is tried, in words.
    pub name: String,
    /// Method and target.
    request: Option<String>,
    /// `Name: value`, each as often as it is listed.
    #[serde(default)]
    headers: Vec<String>,
    body: Option<String>,
    json: Option<String>,
    /// Bytes in hexadecimal digits.
    hex: Option<String>,
    /// Everything that goes over the wire, in place of the above.
    raw: Option<String>,
    /// On how many connections `raw` is sent, all of which stay open. The first answer is the one that counts.
    #[serde(default = "one")]
    connections: usize,
    /// How many bytes of the answers are read, one every tenth of a second, before the clients leave.
    reads: Option<usize>,
    /// How often the request is sent; the last answer is the one that counts.
    #[serde(default = "one")]
    times: usize,
    /// A token for `Authorization`.
    token: Option<Forgery>,
    /// A valid key comes along.
    #[serde(default)]
    with_key: bool,
    expect: Expected,
}

/// How a token is made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgery {
    #[serde(default = "header")]
    header: String,
    claims: String,
    #[serde(default = "secret")]
    secret: String,
    /// In place of the right signature.
    signature: Option<String>,
}

fn one() -> usize {
    1
}

fn header() -> String {
    r#"{"alg":"HS256","typ":"JWT"}"#.to_owned()
}

fn secret() -> String {
    SECRET.to_owned()
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Any of these; 0 where the connection may be closed without an answer.
    status: Vec<u16>,
    /// The code of the problem, if there is one: in OpenAI's form with hyphens, too.
    problem: Option<String>,
    /// What must not be in the answer.
    #[serde(default)]
    without: Vec<String>,
    /// The status of Spin, where it is another one.
    spin: Option<Vec<u16>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    attack: Vec<Attack>,
}

/// The attacks of every `*.toml` in `folder`, each with the name of its file.
///
/// # Panics
/// When a file is not a table of attacks, or two have the same name.
#[must_use]
pub fn load(folder: &Path) -> Vec<(String, Attack)> {
    let mut attacks = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder of attacks") {
        let path = entry.expect("a file of attacks").path();
        let text = fs::read_to_string(&path).expect("a file of attacks");
        let file: File =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let stem = path.file_stem().expect("a name").to_string_lossy();
        let of_file = file.attack.into_iter();
        attacks.extend(of_file.map(|attack| (stem.to_string(), attack)));
    }
    attacks.sort_by(|(a, x), (b, y)| (a, &x.name).cmp(&(b, &y.name)));
    for pair in attacks.windows(2) {
        let [(a, x), (b, y)] = pair else { continue };
        assert!(
            (a, &x.name) != (b, &y.name),
            "{a}: two attacks '{}'",
            x.name
        );
    }
    attacks
}

impl Attack {
    /// Sends it and judges the answer; then the application must still serve. `job` is a job of the caller with [`OTHER_KEY`].
    ///
    /// # Errors
    /// What is wrong.
    pub fn run(&self, server: &Server, job: &str) -> Result<(), String> {
        for _ in 1..self.times {
            self.send(server, job)?;
        }
        let answer = self.send(server, job)?;
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        let expected = match &self.expect.spin {
            Some(spin) if !crate::Runtime::is_embedded() => spin,
            _ => &self.expect.status,
        };
        let shown = || {
            let body = answer
                .as_ref()
                .map(|answer| String::from_utf8_lossy(&answer.body));
            let body = body.unwrap_or_default();
            body.chars().take(500).collect::<String>()
        };
        if !expected.contains(&status) {
            return Err(format!(
                "status {status}, expected {expected:?}\n{}",
                shown()
            ));
        }
        if let (Some(code), Some(answer)) = (&self.expect.problem, &answer) {
            let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let found = json["code"].as_str().or(json["error"]["code"].as_str());
            if found.map(|found| found.replace('_', "-")).as_ref() != Some(code) {
                return Err(format!("problem {found:?}, expected {code}\n{}", shown()));
            }
        }
        if let Some(answer) = &answer {
            let wire = format!(
                "{:?}\n{}",
                answer.headers,
                String::from_utf8_lossy(&answer.body)
            );
            let unwanted = self.expect.without.iter();
            let unwanted = unwanted.map(|text| text.replace("$JOB", job));
            if let Some(leaked) = unwanted
                .chain([KEY, SECRET].map(str::to_owned))
                .find(|text| wire.contains(text))
            {
                return Err(format!("the answer has {leaked:?}\n{}", shown()));
            }
        }
        match server.try_send(&Request::get("/ping")) {
            Ok(ping) if ping.status == 200 => Ok(()),
            other => Err(format!("afterwards /ping answers {other:?}")),
        }
    }

    /// The answer, if there is one.
    fn send(&self, server: &Server, job: &str) -> Result<Option<Response>, String> {
        let told = |error: io::Error| error.to_string();
        if let Some(bytes) = self.reads {
            return self.read_slowly(server, bytes).map(Some).map_err(told);
        }
        if self.connections > 1 {
            return self.send_and_wait(server).map(Some).map_err(told);
        }
        let mut connection = Connection::open(server.address()).map_err(told)?;
        let answer = match &self.raw {
            Some(raw) => {
                // The server may have seen enough before the end.
                let _ = connection.write(expand(&self.filled(raw)));
                let _ = connection.finish_writing();
                connection.read("GET")
            }
            None => connection.send(&self.request(job)),
        };
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => match error.kind() {
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                    Ok(None)
                }
                _ => Err(told(error)),
            },
        }
    }

    /// The first answer on many connections.
    fn send_and_wait(&self, server: &Server) -> io::Result<Response> {
        let mut connections = self.open(server)?;
        Connection::first_answered(&mut connections)?.read("GET")
    }

    /// The start of an answer, of which little is read on each connection. Meanwhile the application must serve.
    fn read_slowly(&self, server: &Server, bytes: usize) -> io::Result<Response> {
        let mut connections = self.open(server)?;
        let mut read = Vec::new();
        for _ in 0..bytes {
            thread::sleep(Duration::from_millis(100));
            read.push(connections[0].read_byte()?);
            for other in &mut connections[1..] {
                other.read_byte()?;
            }
        }
        let ping = server.try_send(&Request::get("/ping"))?;
        if ping.status != 200 {
            let message = format!("meanwhile /ping answers {}", ping.status);
            return Err(io::Error::other(message));
        }
        let line = String::from_utf8_lossy(&read);
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Ok(Response {
            status: status.ok_or(ErrorKind::InvalidData)?,
            headers: Vec::new(),
            body: read,
        })
    }

    /// Connections on which `raw` was sent.
    fn open(&self, server: &Server) -> io::Result<Vec<Connection>> {
        let raw = self.raw.as_ref().expect("what is raw");
        let raw = expand(&self.filled(raw));
        let open = (0..self.connections).map(|_| {
            let mut connection = Connection::open(server.address())?;
            connection.write(&raw)?;
            Ok(connection)
        });
        open.collect()
    }

    fn request(&self, job: &str) -> Request {
        let request = expand(self.request.as_ref().expect("a request or what is raw"));
        let request = request.replace("$JOB", job);
        let (method, target) = request.split_once(' ').expect("'METHOD target'");
        let mut request = Request::new(method, target);
        if self.with_key {
            request = request.header("x-api-key", KEY);
        }
        for header in &self.headers {
            let (name, value) = header.split_once(": ").expect("'Name: value'");
            request = request.header(name, &expand(&self.filled(value)));
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", &format!("Bearer {}", token.make()));
        }
        if let Some(json) = &self.json {
            return request
                .header("content-type", "application/json")
                .body(expand(json));
        }
        if let Some(hex) = &self.hex {
            let digits: Vec<u8> = expand(hex).bytes().filter(u8::is_ascii_hexdigit).collect();
            let byte = |pair: &[u8]| {
                let text = std::str::from_utf8(pair).expect("digits");
                u8::from_str_radix(text, 16).expect("digits")
            };
            return request.body(digits.chunks(2).map(byte).collect::<Vec<_>>());
        }
        match &self.body {
            Some(body) => request.body(expand(body)),
            None => request,
        }
    }

    /// `KEY` and `OTHER-KEY` in their places.
    fn filled(&self, text: &str) -> String {
        text.replace("$OTHER_KEY", OTHER_KEY).replace("$KEY", KEY)
    }
}

impl Forgery {
    fn make(&self) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let claims = in_time(&self.claims);
        let signed = format!("{}.{}", encode(&self.header), encode(&claims));
        if let Some(signature) = &self.signature {
            return format!("{signed}.{signature}");
        }
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("a key");
        let mac = mac.chain_update(&signed).finalize().into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
    }
}

/// `$SOON` is in a minute, `$BEFORE` an hour ago, `$LATER` in an hour.
fn in_time(text: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let now = now.as_secs();
    text.replace("$SOON", &(now + 60).to_string())
        .replace("$BEFORE", &(now - 3600).to_string())
        .replace("$LATER", &(now + 3600).to_string())
}
