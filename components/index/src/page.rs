//! The page: a frame, and a section for each route that the application has.

use axum::http::{HeaderValue, header};
use guest::Response;

use crate::assets;

/// What the page may do: run scripts and styles of this origin, send requests to it, and play recordings that it holds.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src blob:; connect-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// Only this page may use the microphone.
const PERMISSIONS: HeaderValue =
    HeaderValue::from_static("microphone=(self), camera=(), geolocation=()");

/// A part of the page.
struct Section {
    /// The path of the OpenAPI document without which the section is left out.
    path: &'static str,
    id: &'static str,
    /// Its name in the navigation.
    label: &'static str,
    html: &'static str,
}

const SECTIONS: [Section; 6] = [
    Section {
        path: "/v1/audio/transcriptions",
        id: "speech",
        label: "Speech",
        html: include_str!("../assets/speech.html"),
    },
    Section {
        path: "/factorize",
        id: "factorise",
        label: "Factorise",
        html: include_str!("../assets/factorise.html"),
    },
    Section {
        path: "/prediction",
        id: "predict",
        label: "Predict",
        html: include_str!("../assets/predict.html"),
    },
    Section {
        path: "/sum/{a}/{b}",
        id: "try",
        label: "Arithmetic",
        html: include_str!("../assets/try.html"),
    },
    Section {
        path: "/jobs",
        id: "jobs",
        label: "Jobs",
        html: include_str!("../assets/jobs.html"),
    },
    Section {
        path: "/about",
        id: "status",
        label: "Status",
        html: include_str!("../assets/status.html"),
    },
];

/// The page, with the sections whose routes `has` knows.
fn write(has: impl Fn(&str) -> bool) -> String {
    let (mut tabs, mut sections) = (String::new(), String::new());
    for section in SECTIONS.iter().filter(|section| has(section.path)) {
        let Section {
            id, label, html, ..
        } = section;
        tabs += &format!("    <li><a href=\"#{id}\">{label}</a></li>\n");
        sections += html;
    }
    include_str!("../assets/page.html")
        .replace("{{tabs}}", &tabs)
        .replace("{{sections}}", &sections)
        .replace("{{assets}}", &assets::folder())
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
}

/// The page of this application.
pub(crate) fn html() -> String {
    write(contract::has)
}

/// Adds the policy of the page. Browsers ask each time whether it has changed, as it names the versions of its assets.
pub(crate) fn protected(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let kind = headers.get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
        headers.insert("permissions-policy", PERMISSIONS);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_whose_route_is_not_there_is_left_out() {
        let page = write(|path| path != "/v1/audio/transcriptions");
        assert!(page.contains("id=\"factorise\"") && page.contains("href=\"#factorise\""));
        assert!(!page.contains("id=\"speech\"") && !page.contains("href=\"#speech\""));
    }

    #[test]
    fn everything_is_filled_in() {
        let page = html();
        assert!(!page.contains("{{"), "{page}");
        for Section { id, .. } in SECTIONS {
            assert_eq!(
                page.matches(&format!("<section id=\"{id}\"")).count(),
                usize::from(contract::has("/asr") || id != "speech"),
                "{id}"
            );
        }
    }

    /// The policy would refuse them.
    #[test]
    fn the_page_has_no_inline_script_or_style() {
        let page = html();
        for inline in ["<style", " style=", " onclick=", "javascript:"] {
            assert!(!page.contains(inline), "{inline}");
        }
        let scripts = page.matches("<script").count();
        assert_eq!(scripts, page.matches(" src=\"/assets/").count());
    }
}
