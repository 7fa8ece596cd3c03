//! Which operations are open to everybody, as their declarations say.

use axum::http::Method;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{OpenApi, security::SecurityRequirement};

/// The operations of a component, read from its part of the OpenAPI document.
///
/// An operation that is declared with `security(())` is open: it requires nothing. Every other one is protected, and
/// so are the paths that are not declared. A component is open as a whole if it declares operations, and all are open.
#[derive(Clone, Debug)]
pub struct Operations {
    declared: Vec<Declared>,
    all_open: bool,
}

#[derive(Clone, Debug)]
struct Declared {
    method: Method,
    path: String,
    open: bool,
}

impl Operations {
    /// Reads what is declared.
    #[must_use]
    pub fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        let declared: Vec<_> = paths
            .flat_map(|(path, item)| {
                operations(item).map(|(method, operation)| Declared {
                    method,
                    path: path.clone(),
                    open: is_open(operation),
                })
            })
            .collect();
        Self {
            all_open: !declared.is_empty() && declared.iter().all(|operation| operation.open),
            declared,
        }
    }

    /// Whether everything is open here.
    #[must_use]
    pub fn are_all_open(&self) -> bool {
        self.all_open
    }

    /// Whether everybody may send this request.
    ///
    /// `OPTIONS` is open everywhere: browsers ask so beforehand, and cannot say who they are.
    #[must_use]
    pub fn is_open(&self, method: &Method, path: &str) -> bool {
        if self.all_open || *method == Method::OPTIONS {
            return true;
        }
        let method = match *method {
            Method::HEAD => &Method::GET,
            _ => method,
        };
        let mut matching = self
            .declared
            .iter()
            .filter(|operation| operation.method == *method && matches(&operation.path, path))
            .peekable();
        // Of two templates the router takes the more literal one. Where they differ, it is protected.
        matching.peek().is_some() && matching.all(|operation| operation.open)
    }
}

/// The methods that routes answer.
fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

fn is_open(operation: &Operation) -> bool {
    let nothing = SecurityRequirement::default();
    let requirements = operation.security.as_ref();
    requirements.is_some_and(|requirements| requirements.contains(&nothing))
}

/// Whether a path is one of a template such as `/hello/{name}`. Paths are compared as they were sent, as the router does.
fn matches(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(expected), Some(found)) if expected.starts_with('{') => {
                if found.is_empty() {
                    return false;
                }
            }
            (Some(expected), Some(found)) if expected == found => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use utoipa_axum::{router::OpenApiRouter, routes};

    #[utoipa::path(get, path = "/models/{model}/ready", responses((status = 200)), security(()))]
    async fn ready() {}

    #[utoipa::path(get, path = "/models/{model}/{other}", responses((status = 200)))]
    async fn other() {}

    #[utoipa::path(post, path = "/models/{model}/ready", responses((status = 200)))]
    async fn change() {}

    #[utoipa::path(get, path = "/health", responses((status = 200)), security(()))]
    async fn health() {}

    #[utoipa::path(get, path = "/models/iris/ready", responses((status = 200)))]
    async fn iris() {}

    fn operations(router: OpenApiRouter) -> Operations {
        Operations::of(&router.into_openapi())
    }

    #[test]
    fn what_is_not_declared_open_is_protected() {
        let operations = operations(
            OpenApiRouter::new()
                .routes(routes!(ready, change))
                .routes(routes!(other))
                .routes(routes!(health)),
        );
        assert!(!operations.are_all_open());
        for (method, path, open) in [
            ("GET", "/health", true),
            ("HEAD", "/health", true),
            ("OPTIONS", "/models/iris/ready", true),
            // The more literal template is open, the other one is not.
            ("GET", "/models/iris/ready", false),
            ("POST", "/health", false),
            ("GET", "/health/", false),
            ("GET", "//health", false),
            ("GET", "/HEALTH", false),
            ("GET", "/%68ealth", false),
            ("GET", "/nowhere", false),
            ("POST", "/models/iris/ready", false),
            ("TRACE", "/health", false),
        ] {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            assert_eq!(operations.is_open(&method, path), open, "{method} {path}");
        }
    }

    #[test]
    fn a_parameter_is_one_segment_that_is_not_empty() {
        let operations = operations(
            OpenApiRouter::new()
                .routes(routes!(ready, change))
                .routes(routes!(iris)),
        );
        let is_open = |path| operations.is_open(&Method::GET, path);
        assert!(is_open("/models/wine/ready") && is_open("/models/%2F/ready"));
        assert!(!is_open("/models//ready") && !is_open("/models/a/b/ready"));
        // Declared, and protected.
        assert!(!is_open("/models/iris/ready"));
    }

    #[test]
    fn where_all_is_open_what_is_not_declared_is_open_too() {
        let operations = operations(OpenApiRouter::new().routes(routes!(health)));
        assert!(operations.are_all_open());
        assert!(operations.is_open(&Method::GET, "/nowhere"));
    }

    #[test]
    fn a_component_that_declares_nothing_is_protected() {
        let operations = operations(OpenApiRouter::new());
        assert!(!operations.are_all_open());
        assert!(!operations.is_open(&Method::GET, "/"));
    }
}
