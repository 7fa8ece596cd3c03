//! The text of the pages.

use http_api::problem::{self, ProblemType};

use crate::Page;
use crate::page::Section;

pub(crate) fn service() -> Page {
    Page::new(
        "About Routelets",
        "An HTTP API in which every route is its own WebAssembly component.",
        [
            (
                "What it is for",
                &[
                    "Functions and models behind an HTTP API that documents itself: JSON in and out, \
                   each request in a sandbox that starts in milliseconds.",
                ],
            ),
            (
                "How it is built",
                &[
                    "Every route is a component written in Rust, compiled to WebAssembly. One HTTP \
                     trigger passes each request to the component of its path. A component can reach \
                     only what the manifest grants.",
                    "Parsing and computing are separate: POST /factorize and POST /asr read the request \
                     and call another component, which has no access to network, files or settings.",
                ],
            ),
            (
                "How it answers",
                &[
                    "JSON. An error is a problem document (RFC 9457) with a stable code; \
                     /about/problems lists them. Below /v1 errors have the form that OpenAI's clients expect.",
                    "Each answer has X-Request-Id: the client's, or a new one.",
                ],
            ),
        ],
    )
}

pub(crate) fn spin() -> Page {
    Page::new(
        "Spin",
        "The runtime for which the components are written.",
        [
            (
                "What it is",
                &[
                    "Spin is an open-source framework and runtime for serverless WebAssembly, a \
                   project of the Cloud Native Computing Foundation. It reads spin.toml, routes HTTP \
                   requests to components, and starts an instance when a request needs one.",
                ],
            ),
            (
                "How it is used here",
                &[
                    "spin.toml lists each route, its component, and what the component may use. Components \
                     speak wasi:http of WASI 0.3, which Spin has from version 4.1 on: spin build, \
                     then spin up.",
                    "An instance answers up to 16 requests at once and 128 in all, and is dropped \
                     after a second without work. A component that computes accepts no second \
                     request meanwhile, so that each computation has its own instance.",
                ],
            ),
            (
                "Without Spin",
                &[
                    "The embedded host of this project reads the same spin.toml and takes the same \
                   flags as spin up: routelets up.",
                ],
            ),
        ],
    )
}

pub(crate) fn container() -> Page {
    Page::new(
        "Container",
        "What this service needs in a container, and what it does not.",
        [
            (
                "What goes in",
                &[
                    "The compiled components, spin.toml and a runtime. There is no Python, no model \
                   server and no package manager: a model is part of its component, which is built \
                   with the model loaded.",
                ],
            ),
            (
                "What it needs",
                &[
                    "One port and no writable file system. Settings come as environment variables: \
                   SPIN_VARIABLE_ and the name of a variable in spin.toml in capitals, for example \
                   SPIN_VARIABLE_FACTORIZE_TIME_LIMIT=10.",
                ],
            ),
            (
                "How a host looks after it",
                &[
                    "GET /.well-known/spin/health answers 200 while the process serves. On SIGTERM \
                   the embedded host accepts no new connections, finishes running requests, and exits.",
                ],
            ),
        ],
    )
}

pub(crate) fn problems() -> Page {
    Page {
        title: "Problems".to_owned(),
        summary: "Every type of problem (RFC 9457) that this service can report.".to_owned(),
        sections: problem::ALL.iter().map(section).collect(),
    }
}

pub(crate) fn problem(kind: &ProblemType) -> Page {
    Page {
        title: kind.code.to_owned(),
        summary: format!("{}.", kind.title),
        sections: vec![section(kind)],
    }
}

fn section(kind: &ProblemType) -> Section {
    Section {
        heading: kind.code.to_owned(),
        paragraphs: vec![
            format!("{}.", kind.title),
            format!("Sent with status {}.", kind.status),
        ],
    }
}
