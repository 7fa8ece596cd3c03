use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::MAX_TEXT;
use super::*;

#[derive(Debug, Deserialize, PartialEq)]
struct Order {
    file: Bytes,
    size: Option<Size>,
    note: Option<String>,
    weight: Option<f32>,
    count: Option<u64>,
    express: Option<bool>,
    #[serde(default, rename = "topping_entries[]")]
    toppings: Vec<Size>,
    #[serde(default)]
    pictures: Vec<File>,
    #[serde(default, skip_serializing)]
    ignored: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Size {
    Small,
    Large,
}

#[derive(Debug, Deserialize, PartialEq)]
struct File {
    name: Option<String>,
    bytes: Bytes,
}

fn part(name: &str, content: impl Into<Bytes>) -> Part {
    Part {
        name: name.to_owned(),
        file_name: None,
        bytes: content.into(),
    }
}

fn file(name: &str, file_name: &str, content: &'static str) -> Part {
    Part {
        file_name: Some(file_name.to_owned()),
        ..part(name, content)
    }
}

/// The order with a file and these parts.
fn order(parts: Vec<Part>) -> Result<Order, Problem> {
    let mut all = vec![part("file", "RIFF")];
    all.extend(parts);
    Form(all).read()
}

fn refused(parts: Vec<Part>) -> (&'static str, String, String) {
    let problem = order(parts).expect_err("refused");
    let parameter = problem.member("parameter").and_then(|name| name.as_str());
    let parameter = parameter.unwrap_or_default().to_owned();
    (problem.code(), parameter, problem.detail().to_owned())
}

#[test]
fn values_are_read_from_text() {
    let read = order(vec![
        part("size", "large"),
        part("note", "café"),
        part("weight", "1e-1"),
        part("count", "3"),
        part("express", "True"),
        part("topping_entries[]", "small"),
        part("topping_entries", "large"),
        file("pictures", "a.png", "PNG"),
        part("pictures[]", "GIF"),
        part("ignored[x]", "1"),
        part("unknown", "x"),
    ])
    .expect("an order");
    let expected = Order {
        file: "RIFF".into(),
        size: Some(Size::Large),
        note: Some("café".to_owned()),
        weight: Some(0.1),
        count: Some(3),
        express: Some(true),
        toppings: vec![Size::Small, Size::Large],
        pictures: vec![
            File {
                name: Some("a.png".to_owned()),
                bytes: "PNG".into(),
            },
            File {
                name: None,
                bytes: "GIF".into(),
            },
        ],
        ignored: Some(IgnoredAny),
    };
    assert_eq!(read, expected);
}

#[test]
fn an_empty_text_is_one_that_is_left_out() {
    let read = order(vec![part("size", ""), part("note", ""), part("weight", "")]);
    let read = read.expect("an order");
    assert_eq!((read.size, read.note, read.weight), (None, None, None));
    #[derive(Debug, Deserialize)]
    struct Upload {
        file: Option<Bytes>,
    }
    let upload: Upload = Form(vec![file("file", "", "")]).read().expect("a file");
    assert_eq!(upload.file.as_deref(), Some(&b""[..]));
}

#[test]
fn each_mistake_names_its_field() {
    for (parts, code, parameter, detail) in [
        (
            vec![part("file", "RIFF")],
            "duplicate-field",
            "file",
            "the field 'file' was sent more than once",
        ),
        (
            vec![part("size", "huge")],
            "invalid-parameter",
            "size",
            "parameter 'size' cannot be 'huge'; send small or large",
        ),
        (
            vec![part("weight", "light")],
            "invalid-parameter",
            "weight",
            "parameter 'weight' must be a number",
        ),
        (
            vec![part("count", "-1")],
            "invalid-parameter",
            "count",
            "parameter 'count' must be a whole number",
        ),
        (
            vec![part("express", "yes")],
            "invalid-parameter",
            "express",
            "parameter 'express' must be true or false",
        ),
        (
            vec![part("topping_entries[]", "")],
            "invalid-parameter",
            "topping_entries",
            "parameter 'topping_entries' cannot be ''; send small or large",
        ),
        (
            vec![part("note", &b"a\xff"[..])],
            "invalid-text",
            "note",
            "the field 'note' is not UTF-8 at byte 1",
        ),
        (
            vec![part("note", "x".repeat(MAX_TEXT + 1))],
            "field-too-large",
            "note",
            "the field 'note' has more than 65536 bytes",
        ),
    ] {
        assert_eq!(
            refused(parts),
            (code, parameter.to_owned(), detail.to_owned())
        );
    }
    let problem = Form(Vec::new()).read::<Order>().expect_err("refused");
    assert_eq!(problem.code(), "missing-file");
    assert_eq!(problem.member("parameter"), Some(&"file".into()));
}

#[test]
fn misspelt_names_are_refused() {
    for name in ["Size", "SIZE", "si-ze", "size[]", "size[0]", "NOTE"] {
        let (code, parameter, detail) = refused(vec![part(name, "small")]);
        assert_eq!((code, &*parameter), ("invalid-parameter", name));
        assert!(detail.contains("; send '"), "{detail}");
    }
    for name in [
        "topping_entries[0]",
        "topping_entries[small]",
        "topping_entries[][]",
        "topping_entry",
        "toppingEntries[]",
    ] {
        let (_, parameter, detail) = refused(vec![part(name, "small")]);
        assert_eq!(parameter, name);
        assert!(
            detail.ends_with("send 'topping_entries[]', once for each value"),
            "{detail}"
        );
    }
    for name in ["sizes", "topping", "weigh", "é", "[", "[]"] {
        assert!(order(vec![part(name, "x")]).is_ok(), "{name}");
    }
}
