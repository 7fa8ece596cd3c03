//! What is read of forms, and what is refused.

use super::*;
use axum::http::{HeaderValue, StatusCode};
use pollster::block_on;

fn request(content_type: &str, body: impl Into<axum::body::Body>) -> Request {
    let mut request = Request::new(body.into());
    let value = HeaderValue::try_from(content_type).expect("a header");
    request.headers_mut().insert(header::CONTENT_TYPE, value);
    request
}

fn read(body: impl AsRef<[u8]>) -> Result<Form, Problem> {
    let body = body.as_ref().to_vec();
    let request = request("multipart/form-data; boundary=X", body);
    block_on(Form::from_request(request, &()))
}

/// The only part called `name`.
fn only<'f>(form: &'f Form, name: &str) -> &'f Part {
    let mut parts = form.parts().iter().filter(|part| part.name == name);
    let part = parts.next().expect(name);
    assert!(parts.next().is_none(), "{name}");
    part
}

fn part(head: &str, content: &str) -> String {
    format!("--X\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
}

#[test]
fn parts_come_with_their_names_in_their_order() {
    let body = [
        part("name=\"model\"", "whisper-1"),
        part("name=\"file\"; filename=\"a.wav\"", "RIFF\r\n--Y\r\n"),
        part("name=\"list[]\"", "a"),
        part("name=list", "b"),
        "--X--\r\n".to_owned(),
    ];
    let form = read(body.concat()).expect("a form");
    let names = form.parts().iter().map(|part| part.name.as_str());
    assert!(names.eq(["model", "file", "list[]", "list"]));
    assert_eq!(only(&form, "model").text().expect("text"), "whisper-1");
    let file = only(&form, "file");
    assert_eq!(file.file_name.as_deref(), Some("a.wav"));
    assert_eq!(file.bytes, &b"RIFF\r\n--Y\r\n"[..]);
    assert!(read("--X--\r\n").expect("a form").0.is_empty());
}

#[test]
fn each_mistake_is_its_own_problem() {
    let whole = part("name=a", "1") + "--X--";
    for (body, code) in [
        (String::new(), "truncated-multipart"),
        ("no boundary".to_owned(), "truncated-multipart"),
        (
            whole.replace("--X", "--Y") + "\r\n--Y--",
            "truncated-multipart",
        ),
        (part("name=a", "1"), "truncated-multipart"),
        (whole[..whole.len() - 5].to_owned(), "truncated-multipart"),
        ("--X\r\nContent-Disp".to_owned(), "truncated-multipart"),
        (
            "--X\r\nno header\r\n\r\n1\r\n--X--".to_owned(),
            "invalid-multipart",
        ),
        (
            whole.replace("Content-Disposition", "Content-Type"),
            "unnamed-part",
        ),
        (whole.replace("name=a", "name=\"\""), "unnamed-part"),
        (
            part("name=a", "1").repeat(MAX_PARTS + 1) + "--X--",
            "too-many-parts",
        ),
    ] {
        assert_eq!(
            read(&body).expect_err("refused").code(),
            code,
            "{body:.200}"
        );
    }
    let many = part("name=a", "1").repeat(MAX_PARTS) + "--X--";
    assert_eq!(read(many).expect("a form").0.len(), MAX_PARTS);
}

#[test]
fn texts_are_short_and_utf_8() {
    let code = |body: &[u8]| {
        let form = read([body, b"--X--"].concat()).expect("a form");
        only(&form, "a").text().expect_err("refused").code()
    };
    let long = part("name=a", &"x".repeat(MAX_TEXT + 1));
    assert_eq!(code(long.as_bytes()), "field-too-large");
    let broken = b"--X\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n";
    assert_eq!(code(broken), "invalid-text");
}

#[test]
fn the_content_type_has_to_be_one_with_a_boundary() {
    for (content_type, code) in [
        ("application/json", "unsupported-media-type"),
        ("multipart/mixed; boundary=X", "unsupported-media-type"),
        ("multipart/form-data", "missing-boundary"),
        ("multipart/form-data; boundary=", "missing-boundary"),
        ("Multipart/Form-Data; boundary=\"\"", "missing-boundary"),
        ("Multipart/Form-Data; boundary=a b", "missing-boundary"),
        (
            &format!("multipart/form-data; boundary={}", "x".repeat(71)),
            "missing-boundary",
        ),
    ] {
        let refused = block_on(Form::from_request(request(content_type, "--X--"), &()));
        assert_eq!(refused.expect_err("refused").code(), code, "{content_type}");
    }
    let quoted = request("multipart/form-data; boundary=\"a b\"", "--a b--");
    assert!(block_on(Form::from_request(quoted, &())).is_ok());
}

#[test]
fn a_form_over_the_limit_is_not_read() {
    let mut request = request("multipart/form-data; boundary=X", "--X--");
    let length = HeaderValue::from(3_000_000_u32);
    request.headers_mut().insert(header::CONTENT_LENGTH, length);
    let refused = block_on(Form::from_request(request, &())).expect_err("refused");
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

proptest::proptest! {
    #[test]
    fn what_goes_into_a_form_comes_out(
        contents in proptest::collection::vec(proptest::collection::vec(0_u8.., 0..200), 0..5),
    ) {
        let head = "--7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=a\r\n\r\n";
        let mut body = Vec::new();
        for content in &contents {
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--7MA4YWxkTrZu0gW--");
        let parsed = Form::parse(body.into(), "7MA4YWxkTrZu0gW".to_owned());
        let form = block_on(parsed).expect("a form");
        let read: Vec<&[u8]> = form.parts().iter().map(|part| &*part.bytes).collect();
        proptest::prop_assert_eq!(read, contents);
    }

    #[test]
    fn any_content_type_is_read_without_a_panic(
        parameters in "(;| |=|\"|\\\\|X|boundary|Boundary=|[^\\x00-\\x1f\\x7f]){0,20}",
        body in "(--X|--|\r|\n|X|;|\"|name=a|Content-Disposition: ){0,20}",
    ) {
        let _ = read_as(&format!("multipart/form-data{parameters}"), &body);
    }

    #[test]
    fn any_body_is_read_without_a_panic(body in "(--X|--|\r|\n|X|name=a|Content-Disposition: |:|\"|;|\\PC){0,40}") {
        let _ = read(body);
    }
}

fn read_as(content_type: &str, body: &str) -> Result<Form, Problem> {
    let request = request(content_type, body.to_owned());
    block_on(Form::from_request(request, &()))
}

#[test]
fn boundaries_are_found_however_they_are_written() {
    for (header, boundary) in [
        ("multipart/form-data; boundary=X ; charset=utf-8", "X"),
        ("multipart/form-data;charset=utf-8;boundary=X", "X"),
        ("multipart/form-data ; Boundary = \"X\"", "X"),
        ("MULTIPART/Form-Data; BOUNDARY=X;", "X"),
        ("multipart/form-data; boundary=a b", "a b"),
        ("multipart/form-data; boundary=\"a b\"; x=y", "a b"),
        ("multipart/form-data; boundary=(a:b/c=?)", "(a:b/c=?)"),
        ("multipart/form-data; boundary=a;b", "a;b"),
        ("multipart/form-data; boundary=a,b", "a,b"),
        ("multipart/form-data; boundary=<a@b>", "<a@b>"),
        ("multipart/form-data; boundary=\"open", "open"),
        ("multipart/form-data; boundary=\"open", "\"open"),
        ("multipart/form-data; codecs=a,b; boundary=X", "X"),
    ] {
        let part = "\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n";
        for preamble in ["", "\r\n", "This is a form.\r\n"] {
            let body = format!("{preamble}--{boundary}{part}--{boundary}--\r\n");
            let form = read_as(header, &body).expect(header);
            assert_eq!(only(&form, "a").bytes, "1", "{header}");
        }
    }
}

#[test]
fn a_boundary_that_is_not_found_is_told_with_its_fault() {
    for (header, body, code, detail) in [
        (
            "multipart/form-data; boundary=a b",
            "--X--",
            "missing-boundary",
            "the boundary 'a b' is not in the body, and ' ' needs quotes in it (RFC 2046); the body begins with '--X--'",
        ),
        (
            "multipart/form-data; boundary=<a>",
            "",
            "missing-boundary",
            "the boundary '<a>' is not in the body, and '<' is not allowed in it (RFC 2046)",
        ),
        (
            "multipart/form-data; boundary=X",
            "--XY\r\n",
            "truncated-multipart",
            "the boundary 'X' of the content type is not in the body; the body begins with '--XY'",
        ),
        (
            "multipart/form-data; boundary",
            "--X--",
            "missing-boundary",
            "the content type has no 'boundary'; let the HTTP client write the header",
        ),
    ] {
        let problem = read_as(header, body).expect_err(header);
        assert_eq!((problem.code(), problem.detail()), (code, detail));
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    let problem = read_as(&long, "").expect_err("refused");
    assert_eq!(
        problem.detail(),
        "the boundary has 71 characters; at most 70 are allowed (RFC 2046)"
    );
}

#[test]
fn a_part_that_was_encoded_for_mail_is_refused() {
    let part = |coding: &str| {
        let head = format!("name=a\r\nContent-Transfer-Encoding: {coding}");
        read(part(&head, "MQ==") + "--X--")
    };
    for coding in ["binary", "8BIT", "7bit", ""] {
        assert!(part(coding).is_ok(), "{coding}");
    }
    let problem = part("Base64").expect_err("refused");
    assert_eq!(problem.code(), "invalid-multipart");
    assert_eq!(
        problem.detail(),
        "the field 'a' is encoded as 'base64'; send it as it is (RFC 7578)"
    );
}

#[test]
fn names_are_found_however_they_are_written() {
    for (head, name, file_name) in [
        ("Content-Disposition: form-data; name=\"a\"", "a", None),
        ("CONTENT-DISPOSITION: Form-Data; NAME=a", "a", None),
        (
            "content-disposition:form-data ; Name = \"a\" ; FileName=b.wav",
            "a",
            Some("b.wav"),
        ),
        (
            "Content-Disposition: form-data; filename=\"a; name=b.wav\"; name=c",
            "c",
            Some("a; name=b.wav"),
        ),
        (
            "Content-Disposition: form-data; name=a; filename=\"cafe.wav\"; filename*=UTF-8''caf%C3%A9.wav",
            "a",
            Some("café.wav"),
        ),
        (
            "Content-Disposition: form-data; filename*=utf-8''%e2%82%ac.wav; name=a",
            "a",
            Some("€.wav"),
        ),
        (
            "Content-Disposition: form-data; name=a; filename=\"b.wav\"; filename*=broken",
            "a",
            Some("b.wav"),
        ),
        (
            "X-Name: name=z\r\nContent-Disposition: form-data; name=a",
            "a",
            None,
        ),
        (
            "Content-Disposition: form-data; name=a\r\nContent-Type: audio/x; x=,",
            "a",
            None,
        ),
    ] {
        let form = read(format!("--X\r\n{head}\r\n\r\n1\r\n--X--")).expect(head);
        assert_eq!(only(&form, name).file_name.as_deref(), file_name, "{head}");
    }
}
