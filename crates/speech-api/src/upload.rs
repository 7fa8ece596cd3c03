//! The recordings that a request brings: as files of a form, or as the body itself.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_api::extract::{content_type, unsupported_media_type};
use http_api::multipart::{Part, is_form};
use http_api::problem::{CONFLICTING_FILES, MISSING_FILE};
use http_api::{Body, Form, Problem};
use serde::{Deserialize, Serialize};

/// What a request brings.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Upload {
    /// A recording.
    One(Bytes),
    /// Recordings to be answered one by one.
    Many(Vec<File>),
}

/// One of several recordings.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct File {
    /// What the client calls it.
    pub(crate) name: Option<String>,
    pub(crate) bytes: Bytes,
}

impl From<&Part> for File {
    fn from(part: &Part) -> Self {
        Self {
            name: part.file_name.clone(),
            bytes: part.bytes.clone(),
        }
    }
}

impl Upload {
    /// Reads the body of a request.
    pub(crate) async fn read(request: Request) -> Result<Self, Problem> {
        if is_form(request.headers()) {
            return Self::from_form(&Form::from_request(request, &()).await?);
        }
        if !is_recording(request.headers()) {
            let expected = "multipart/form-data, application/octet-stream or a type of audio";
            return Err(unsupported_media_type(request.headers(), expected));
        }
        let Body(bytes) = Body::from_request(request, &()).await?;
        Ok(Self::One(bytes))
    }

    fn from_form(form: &Form) -> Result<Self, Problem> {
        let files: Vec<File> = form
            .all("files")
            .chain(form.all("files[]"))
            .map(File::from)
            .collect();
        match form.one("file")? {
            Some(_) if !files.is_empty() => Err(Problem::new(
                CONFLICTING_FILES,
                "the form has 'file' and 'files'; send one recording as 'file' or all as 'files'",
            )),
            Some(file) => Ok(Self::One(file.bytes.clone())),
            None if files.is_empty() => Err(Problem::new(
                MISSING_FILE,
                "the form has no 'file'; send the recording in a field of this name",
            )),
            None => Ok(Self::Many(files)),
        }
    }
}

/// Whether the body may be a recording, by its declared type. Recorders of browsers call sound alone
/// `video/webm` too. What it is, its content tells.
fn is_recording(headers: &HeaderMap) -> bool {
    if !headers.contains_key(header::CONTENT_TYPE) {
        return true;
    }
    content_type(headers).is_some_and(|mime| {
        matches!(mime.type_(), mime::AUDIO | mime::VIDEO)
            || matches!(
                mime.essence_str(),
                "application/octet-stream" | "application/ogg"
            )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use pollster::block_on;

    fn read(content_type: &str, body: &str) -> Result<Upload, Problem> {
        let mut request = Request::new(body.to_owned().into());
        if !content_type.is_empty() {
            let value = HeaderValue::try_from(content_type).expect("a header");
            request.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        block_on(Upload::read(request))
    }

    fn form(names: &[&str]) -> Result<Upload, Problem> {
        let parts: String = names
            .iter()
            .map(|name| {
                format!("--X\r\nContent-Disposition: form-data; name={name}\r\n\r\n{name}\r\n")
            })
            .collect();
        read("multipart/form-data; boundary=X", &(parts + "--X--"))
    }

    #[test]
    fn a_recording_is_a_file_files_or_the_body() {
        for content_type in [
            "",
            "audio/wav",
            "audio/x-anything; codecs=opus",
            "video/webm",
            "application/octet-stream",
            "application/ogg",
        ] {
            let upload = read(content_type, "RIFF").expect("an upload");
            assert!(matches!(upload, Upload::One(bytes) if bytes == "RIFF"));
        }
        assert!(matches!(form(&["file"]), Ok(Upload::One(bytes)) if bytes == "file"));
        assert!(
            matches!(form(&["x", "files", "files"]), Ok(Upload::Many(files)) if files.len() == 2)
        );
    }

    #[test]
    fn each_mistake_is_its_own_problem() {
        let code = |upload: Result<Upload, Problem>| upload.expect_err("refused").code();
        assert_eq!(code(form(&[])), "missing-file");
        assert_eq!(code(form(&["audio"])), "missing-file");
        assert_eq!(code(form(&["file", "file"])), "duplicate-field");
        assert_eq!(code(form(&["file", "files"])), "conflicting-files");
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "nonsense",
        ] {
            assert_eq!(code(read(content_type, "RIFF")), "unsupported-media-type");
        }
    }
}
