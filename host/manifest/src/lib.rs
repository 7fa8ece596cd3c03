//! Reads a Spin application manifest (`spin.toml`, version 2) and works out everything about the
//! application that needs no WebAssembly engine: variables, routes, request headers, files and
//! the hosts that a component may call.
//!
//! Reading is strict. Keys that Spin does not know, and features of Spin that the embedded host does not support, are errors
//! that name the key, the file, the line and the column: a permission or a limit must not be ignored silently.
//!
//! ```
//! let text = r#"
//! spin_manifest_version = 2
//! [application]
//! name = "greeter"
//! [[trigger.http]]
//! route = "/hello/:name"
//! component = "hello"
//! [component.hello]
//! source = "hello.wasm"
//! "#;
//! let manifest = manifest::Manifest::parse(text, "app/spin.toml".as_ref())?;
//! let router = manifest.router();
//! let matched = router.route("/hello/world").ok_or("no route")?;
//! assert_eq!(matched.params().collect::<Vec<_>>(), [("name", "world")]);
//!
//! let misspelt = text.replace("route =", "rout =");
//! let error = manifest::Manifest::parse(&misspelt, "app/spin.toml".as_ref()).unwrap_err();
//! assert!(error.to_string().contains("app/spin.toml:6:1: unknown key 'rout' in [[trigger.http]]"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod component;
mod dependencies;
mod dependency;
mod diagnostic;
mod files;
mod headers;
mod id;
mod model;
mod outbound;
mod parse;
mod reader;
mod resolve;
mod retain;
mod route;
mod router;
mod template;
mod trigger;
mod variables;

pub use dependency::{DependencyName, InvalidDependencyName};
pub use diagnostic::{Diagnostic, Error};
pub use files::{FileMapping, FilesError, expand_files, stage_files};
pub use headers::{CHAINED_CLIENT, strip_forbidden_headers};
pub use model::{
    Application, Build, Component, Dependency, FilesEntry, Handler, HttpTrigger, Manifest,
    RedisTrigger, StaticResponse, TriggerKind, TriggerRoute, Variable,
};
pub use outbound::{AllowedHosts, OutboundError, chaining_target, requires_chaining};
pub use retain::RetainError;
pub use route::{Route, RouteError};
pub use router::{RouteMatch, Router, WELL_KNOWN_PREFIX};
pub use template::{Template, TemplateError};
pub use variables::{LookupError, VariableError, VariableSource, Variables, environment_name};
