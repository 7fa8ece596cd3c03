//! Routes paths to triggers by Spin's rules, with the router that Spin uses.

use std::borrow::Cow;
use std::collections::BTreeMap;

use routefinder::Captures;

use crate::model::{Handler, HttpTrigger, Manifest, TriggerRoute};
use crate::route::Route;

/// Paths below this prefix belong to the host, such as `/.well-known/spin/health`.
pub const WELL_KNOWN_PREFIX: &str = "/.well-known/spin/";

/// The route that Spin reports for a request from another component.
const CHAINED_ROUTE: &str = "/...";

impl Manifest {
    /// The router over all public routes.
    pub fn router(&self) -> Router {
        Router::new(&self.http_triggers)
    }
}

/// Finds the trigger for a path.
#[derive(Debug)]
pub struct Router {
    finder: routefinder::Router<Entry>,
    /// The components that other components may call, by id.
    chained: BTreeMap<String, Handler>,
    unreachable: Vec<(usize, String)>,
}

#[derive(Debug)]
struct Entry {
    route: Route,
    handler: Handler,
}

impl Router {
    /// Builds the router. Of two triggers with the same route the last one wins, as in Spin.
    pub fn new(triggers: &[HttpTrigger]) -> Self {
        let mut unreachable = Vec::new();
        let mut reachable: Vec<(usize, &Route)> = Vec::new();
        for (trigger, HttpTrigger { route, .. }) in triggers.iter().enumerate() {
            let TriggerRoute::Public(route) = route else {
                continue;
            };
            if format!("{}/", route.based).starts_with(WELL_KNOWN_PREFIX) {
                let reason = format!("the host itself answers below '{WELL_KNOWN_PREFIX}'");
                unreachable.push((trigger, unreachable_message(route, &reason)));
            }
            let rival = reachable
                .iter()
                .position(|(_, other)| other.shape() == route.shape());
            match rival {
                None => reachable.push((trigger, route)),
                Some(i) if reachable[i].1.raw == route.raw => {
                    let reason = "a trigger below has the same route";
                    unreachable.push((reachable[i].0, unreachable_message(route, reason)));
                    reachable[i] = (trigger, route);
                }
                Some(i) => {
                    let reason = format!("'{}' matches the same paths", reachable[i].1.raw);
                    unreachable.push((trigger, unreachable_message(route, &reason)));
                }
            }
        }
        let entry = |(trigger, route): (usize, &Route)| {
            let handler = triggers[trigger].handler.clone();
            (
                route.spec.clone(),
                Entry {
                    route: route.clone(),
                    handler,
                },
            )
        };
        let chained = triggers
            .iter()
            .filter_map(|trigger| match &trigger.handler {
                Handler::Component(id) => Some((id.clone(), trigger.handler.clone())),
                Handler::Static(_) => None,
            });
        Self {
            finder: reachable.into_iter().map(entry).collect(),
            chained: chained.collect(),
            unreachable,
        }
    }

    /// The public trigger for a path: an exact route before one with parameters before a
    /// wildcard, a longer prefix before a shorter one.
    pub fn route<'a>(&'a self, path: &'a str) -> Option<RouteMatch<'a>> {
        let found = self.finder.best_match(path)?;
        let captures = found.captures();
        let trailing = captures.wildcard().map(|rest| trailing(rest, path));
        let Entry { route, handler } = found.handler();
        Some(RouteMatch {
            handler,
            raw_route: &route.raw,
            matched_route: &route.based,
            trailing: trailing.unwrap_or_default().into(),
            captures,
        })
    }

    /// The match of a request to `http://<component>.spin.internal<path>`, if that component has
    /// an HTTP trigger, public or private.
    pub fn chained<'a>(&'a self, component: &str, path: &'a str) -> Option<RouteMatch<'a>> {
        Some(RouteMatch {
            handler: self.chained.get(component)?,
            raw_route: CHAINED_ROUTE,
            matched_route: CHAINED_ROUTE,
            trailing: path.into(),
            captures: Captures::default(),
        })
    }

    /// Triggers that no request reaches: their index, and why.
    pub(crate) fn unreachable(&self) -> &[(usize, String)] {
        &self.unreachable
    }
}

fn unreachable_message(route: &Route, reason: &str) -> String {
    format!("route '{}' is never reached: {reason}", route.raw)
}

/// The part of `path` below the wildcard's prefix, with the slashes that the router drops.
fn trailing(rest: &str, path: &str) -> String {
    match (rest.is_empty(), path.ends_with('/')) {
        (true, false) => String::new(),
        (true, true) => "/".into(),
        (false, false) => format!("/{rest}"),
        (false, true) => format!("/{rest}/"),
    }
}

/// The match of a path.
#[derive(Debug)]
pub struct RouteMatch<'a> {
    handler: &'a Handler,
    raw_route: &'a str,
    matched_route: &'a str,
    trailing: Cow<'a, str>,
    captures: Captures<'a, 'a>,
}

impl<'a> RouteMatch<'a> {
    /// What answers the request.
    pub fn handler(&self) -> &'a Handler {
        self.handler
    }

    /// The route as written in the manifest.
    pub fn raw_route(&self) -> &'a str {
        self.raw_route
    }

    /// The route with a leading slash and without a trailing one.
    pub fn matched_route(&self) -> &'a str {
        self.matched_route
    }

    /// The route as written in the manifest, without a trailing `/...`.
    pub fn raw_route_or_prefix(&self) -> &'a str {
        self.raw_route
            .strip_suffix("/...")
            .unwrap_or(self.raw_route)
    }

    /// The path's part below a trailing `/...`, with its leading slash; else empty.
    pub fn trailing_wildcard(&self) -> &str {
        &self.trailing
    }

    /// The values of `:name` segments, percent-encoded as in the path, in their order.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.captures.iter()
    }
}

#[cfg(test)]
mod tests;
