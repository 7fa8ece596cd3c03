//! Pages as JSON for programs and as HTML for browsers.

use axum::http::HeaderMap;
use axum::response::Response;
use http_api::negotiated;
use serde::Serialize;
use utoipa::ToSchema;

/// A page about the service.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page {
    /// The title of the page.
    pub(crate) title: String,
    /// A summary in one sentence.
    pub(crate) summary: String,
    /// The sections of the page.
    pub(crate) sections: Vec<Section>,
}

/// A section of a page.
#[derive(Serialize, ToSchema)]
pub(crate) struct Section {
    /// The heading of the section.
    pub(crate) heading: String,
    /// The paragraphs, as plain text.
    pub(crate) paragraphs: Vec<String>,
}

impl Page {
    pub(crate) fn new<const N: usize>(
        title: &str,
        summary: &str,
        sections: [(&str, &[&str]); N],
    ) -> Self {
        Self {
            title: title.to_owned(),
            summary: summary.to_owned(),
            sections: sections
                .map(|(heading, paragraphs)| Section {
                    heading: heading.to_owned(),
                    paragraphs: paragraphs.iter().map(ToString::to_string).collect(),
                })
                .into(),
        }
    }

    pub(crate) fn respond(&self, request: &HeaderMap) -> Response {
        negotiated(request, self, || self.html())
    }

    fn html(&self) -> String {
        let sections = self.sections.iter().map(|section| {
            let paragraphs = section
                .paragraphs
                .iter()
                .map(|text| format!("<p>{}</p>\n", escape(text)));
            format!(
                "<h2>{}</h2>\n{}",
                escape(&section.heading),
                paragraphs.collect::<String>()
            )
        });
        document(&self.title, &self.summary, &sections.collect::<String>())
    }
}

/// A whole HTML document around `body`.
pub(crate) fn document(title: &str, summary: &str, body: &str) -> String {
    include_str!("page.html")
        .replace("{{title}}", &escape(title))
        .replace("{{summary}}", &escape(summary))
        .replace("{{body}}", body)
}

/// `text` as HTML text or attribute value.
pub(crate) fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, character| {
            match character {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                other => out.push(other),
            }
            out
        })
}
