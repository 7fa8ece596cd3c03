use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::json;
use tracing::{error, info, warn};
use tracing_subscriber::{
    fmt::{MakeWriter, layer},
    layer::SubscriberExt,
};

use super::*;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What is written of what `say` says.
fn written(format: Format, say: impl FnOnce()) -> String {
    let kept = Kept::default();
    let lines = layer()
        .event_format(Lines(format))
        .with_writer(kept.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), say);
    let bytes = kept.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn parsed(say: impl FnOnce()) -> Value {
    let line = written(Format::Json, say);
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    serde_json::from_str(&line).unwrap()
}

fn access() {
    info!(
        target: ACCESS,
        request = "r-1",
        method = "GET",
        path = "/a",
        status = 200,
        ms = 1.25,
        component = "a",
        "GET /a 200 1.2ms a"
    );
}

#[test]
fn a_request_is_a_line_with_its_time() {
    let line = written(Format::Text, access);
    let (time, rest) = line.split_once(' ').unwrap();
    assert_eq!(rest, "r-1 GET /a 200 1.2ms a\n");
    assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    humantime::parse_rfc3339(time).unwrap();

    let mut object = parsed(access);
    object.as_object_mut().unwrap().remove("time").unwrap();
    let expected = json!({
        "request": "r-1", "method": "GET", "path": "/a", "status": 200, "ms": 1.25, "component": "a",
    });
    assert_eq!(object, expected);
}

#[test]
fn trouble_names_whom_it_is_about() {
    for (line, say) in [
        ("plain\n", (|| info!(component = "a", "plain")) as fn()),
        ("warning: careful\n", || warn!("careful")),
        ("error: component 'a': it failed\n", || {
            error!(component = "a", "it failed");
        }),
        ("error: component 'a', request r-1: it failed\n", || {
            error!(component = "a", request = Some("r-1"), "it failed");
        }),
        ("error: component 'a': it failed\n", || {
            error!(component = "a", request = None::<&str>, "it failed");
        }),
        ("error: request r-1: it failed\n", || {
            error!(request = "r-1", "it failed");
        }),
        ("warning: other::crate: it ran=3\n", || {
            warn!(target: "other::crate", ran = 3, "it");
        }),
    ] {
        assert_eq!(written(Format::Text, say), line);
    }
    let object = parsed(|| error!(component = "a", request = "r-1", "it failed"));
    for (key, value) in [
        ("level", "error"),
        ("component", "a"),
        ("request", "r-1"),
        ("message", "it failed"),
    ] {
        assert_eq!(object[key], value);
    }
}

#[test]
fn nothing_that_is_said_forges_a_line() {
    let forged = "it failed\nerror: forged\r\u{1b}[2J";
    let line = written(Format::Text, || error!(component = "a", "{forged}"));
    assert_eq!(
        line,
        "error: component 'a': it failed\n    error: forged\\r\\u{1b}[2J\n"
    );
    let line = written(Format::Text, || {
        info!(target: ACCESS, request = "r\nforged", "GET /\nforged");
    });
    assert!(line.ends_with(" r\\nforged GET /\\nforged\n"), "{line}");
    let object = parsed(|| error!("{forged}"));
    assert_eq!(object["message"], forged);
}

#[test]
fn a_list_is_carried_as_json() {
    let say = || {
        let routes = br#"[{"id":"a"}]"#.as_slice();
        info!(target: START, serving = "http://h", routes, "Serving http://h\nAvailable Routes:");
    };
    assert_eq!(
        written(Format::Text, say),
        "Serving http://h\nAvailable Routes:\n"
    );
    let object = parsed(say);
    assert_eq!(
        object["serving"], "http://h",
        "programs wait for it: {object}"
    );
    assert_eq!(object["routes"], json!([{"id": "a"}]));
    assert!(object.get("message").is_none());
}

#[test]
fn control_characters_are_escaped() {
    assert_eq!(
        Printable("/a\u{1b}[2J\u{7f}\u{85}é\n").to_string(),
        "/a\\u{1b}[2J\\u{7f}\\u{85}é\\n"
    );
    assert_eq!(Printable("/plain").to_string(), "/plain");
}
