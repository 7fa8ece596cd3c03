//! The files of the page.

use std::hash::{DefaultHasher, Hasher};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use guest::Response;
use http_api::problem::NOT_FOUND;
use http_api::{Path, Problem};

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of the page, with its media type.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static str,
}

/// Scripts, by name.
macro_rules! scripts {
    ($($name:literal),* $(,)?) => {
        [$(Asset {
            name: $name,
            media_type: JAVASCRIPT,
            content: include_str!(concat!("../assets/", $name)),
        }),*]
    };
}

const SCRIPTS: [Asset; 21] = scripts![
    "api.js",
    "dom.js",
    "early.js",
    "expression.js",
    "factorise.js",
    "formats.js",
    "jobs.js",
    "main.js",
    "metrics.js",
    "predict.js",
    "recorder-worklet.js",
    "recorder.js",
    "recording.js",
    "sign-in.js",
    "sounds.js",
    "speech.js",
    "status.js",
    "traffic.js",
    "transcript.js",
    "try.js",
    "wave.js",
];

const OTHERS: [Asset; 3] = [
    Asset {
        name: "page.css",
        media_type: "text/css; charset=utf-8",
        content: include_str!("../assets/page.css"),
    },
    Asset {
        name: "icon.svg",
        media_type: "image/svg+xml",
        content: include_str!("../assets/icon.svg"),
    },
    // The flowers that the forest was trained on.
    Asset {
        name: "iris.csv",
        media_type: "text/csv; charset=utf-8",
        content: include_str!("../../../models/iris/reference.csv"),
    },
];

fn all() -> impl Iterator<Item = &'static Asset> {
    SCRIPTS.iter().chain(&OTHERS)
}

/// A hash of all files.
fn version() -> String {
    let mut hasher = DefaultHasher::new();
    for asset in all() {
        hasher.write(asset.content.as_bytes());
    }
    format!("{:016x}", hasher.finish())
}

/// The folder of the files. Its name changes with their content, so that browsers may keep them.
pub(crate) fn folder() -> String {
    format!("/assets/{}", version())
}

/// Answers with a file. One that is asked for by another version of the page is not kept by the browser.
pub(crate) async fn asset(
    Path((asked, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asset = all()
        .find(|asset| asset.name == name)
        .ok_or_else(|| Problem::new(NOT_FOUND, format!("the page has no file '{name}'")))?;
    let version = version();
    let cache_control = match asked == version {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let tag = format!("\"{version}\"");
    let known = headers.get(header::IF_NONE_MATCH);
    let is_known = known.is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let tag = HeaderValue::try_from(tag).map_err(|error| Problem::internal(error.to_string()))?;
    let caching = [
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static(cache_control),
        ),
        (header::ETAG, tag),
    ];
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let media_type = [(header::CONTENT_TYPE, asset.media_type)];
    Ok((caching, media_type, asset.content).into_response())
}

/// The icon where browsers look for it beside an answer that names none, such as JSON.
pub(crate) async fn icon(headers: HeaderMap) -> Result<Response, Problem> {
    asset(Path((String::new(), "icon.svg".into())), headers).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_and_style_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets");
        let served: Vec<&str> = all().map(|asset| asset.name).collect();
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            // Its text is in the page.
            if !name.ends_with(".html") {
                assert!(served.contains(&&*name), "{name}");
            }
        }
    }

    /// What a browser fetches for the page as a whole, in bytes, without compression.
    #[test]
    fn the_page_is_small() {
        let assets: usize = all().map(|asset| asset.content.len()).sum();
        let page = crate::page::html().len();
        assert!(assets + page <= 150_000, "{assets} + {page}");
    }
}
