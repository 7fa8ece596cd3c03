//! The recordings in a request to `/asr`: files of a form, or the body itself.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_api::extract::{content_type, unsupported_media_type};
use http_api::multipart::is_form;
use http_api::problem::{CONFLICTING_FILES, MISSING_FILE};
use http_api::{Body, Form, Problem};
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, Object, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// The recordings of a request.
#[derive(Debug, Serialize, Deserialize)]
pub enum Upload {
    /// One recording.
    One(RecordingBytes),
    /// Recordings to be answered one by one.
    Many(Vec<File>),
}

/// A recording: WAV, FLAC, MP3, OGG Vorbis, Opus in OGG or WebM, M4A/AAC.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Binary)]
pub struct RecordingBytes(pub Bytes);

/// A recording in a form: either `file` or, for an answer to each of several, `files`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AsrForm {
    #[schema(nullable = false)]
    file: Option<RecordingBytes>,
    /// Recordings, to be answered one by one.
    #[serde(default)]
    files: Vec<File>,
}

/// A file of a form.
#[derive(Debug, Serialize, Deserialize)]
pub struct File {
    /// The name that the client gave it.
    pub name: Option<String>,
    /// Its content.
    pub bytes: Bytes,
}

impl PartialSchema for File {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        let file = Object::builder()
            .schema_type(Type::String)
            .format(Some(format));
        file.build().into()
    }
}

impl ToSchema for File {}

impl Upload {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// Those of [`Body`] and [`Form`]; `missing-file` and `conflicting-files` of a form that has no file, or both `file` and
    /// `files`.
    pub async fn read(request: Request) -> Result<Self, Problem> {
        if is_form(request.headers()) {
            let form = Form::from_request(request, &()).await?;
            return form.read::<AsrForm>()?.try_into();
        }
        if !is_recording(request.headers()) {
            let expected = "multipart/form-data, application/octet-stream or a type of audio";
            return Err(unsupported_media_type(request.headers(), expected));
        }
        let Body(bytes) = Body::from_request(request, &()).await?;
        Ok(Self::One(RecordingBytes(bytes)))
    }
}

impl TryFrom<AsrForm> for Upload {
    type Error = Problem;

    fn try_from(form: AsrForm) -> Result<Self, Problem> {
        match form.file {
            Some(_) if !form.files.is_empty() => Err(Problem::new(
                CONFLICTING_FILES,
                "the form has 'file' and 'files'; send one recording as 'file' or all as 'files'",
            )),
            Some(file) => Ok(Self::One(file)),
            None if form.files.is_empty() => Err(Problem::new(
                MISSING_FILE,
                "the form has no 'file'; send the recording in a field of this name",
            )),
            None => Ok(Self::Many(form.files)),
        }
    }
}

/// Whether the body may be a recording, by its declared type. The recorders of browsers declare sound without pictures as
/// `video/webm`, too. The content decides what it is.
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
            assert!(matches!(upload, Upload::One(bytes) if bytes.0 == "RIFF"));
        }
        assert!(matches!(form(&["file"]), Ok(Upload::One(bytes)) if bytes.0 == "file"));
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
