use proptest::prelude::*;

use super::*;

fn router(routes: &[&str]) -> Router {
    let trigger = |route: &&str| HttpTrigger {
        id: String::new(),
        route: TriggerRoute::Public(Route::parse(route).unwrap()),
        handler: Handler::Component((*route).into()),
    };
    Router::new(&routes.iter().map(trigger).collect::<Vec<_>>())
}

#[test]
fn the_most_specific_route_wins_in_any_order() {
    let mut routes = ["/...", "/one/...", "/one/two/...", "/one/two", "/one/:x"];
    for _ in 0..routes.len() {
        routes.rotate_left(1);
        let router = router(&routes);
        for (path, expected) in [
            ("/", "/..."),
            ("/zero", "/..."),
            ("/one", "/one/..."),
            ("/one/x", "/one/:x"),
            ("/one/x/y", "/one/..."),
            ("/one/two", "/one/two"),
            ("/one/two/three", "/one/two/..."),
        ] {
            let raw_route = router.route(path).unwrap().raw_route();
            assert_eq!(raw_route, expected, "{path} among {routes:?}");
        }
    }
}

#[test]
fn a_path_that_no_route_matches_has_no_match() {
    assert!(router(&["/a", "/b/:x"]).route("/c").is_none());
    assert!(router(&[]).route("/").is_none());
}

#[test]
fn other_components_reach_private_triggers_and_only_components_with_one() {
    let trigger = |route, handler| HttpTrigger {
        id: String::new(),
        route,
        handler,
    };
    let private = trigger(TriggerRoute::Private, Handler::Component("runner".into()));
    let router = Router::new(&[private]);
    assert!(router.route("/").is_none());
    let matched = router.chained("runner", "/jobs/1").unwrap();
    assert_eq!(*matched.handler(), Handler::Component("runner".into()));
    assert_eq!(matched.raw_route(), "/...");
    assert_eq!(matched.matched_route(), "/...");
    assert_eq!(matched.raw_route_or_prefix(), "");
    assert_eq!(matched.trailing_wildcard(), "/jobs/1");
    assert_eq!(matched.params().count(), 0);
    assert!(router.chained("factorizer", "/").is_none());
}

proptest! {
    /// The router itself panics on some patterns that it parses; none of them may get through.
    #[test]
    fn no_route_makes_matching_panic(
        routes in proptest::collection::vec("[/:*.a-bé]{0,12}|/(:[ab_]{0,2}|[ab.*]{0,3}|/){1,5}", 1..4),
        path in "(/[ab.é]{0,3}){0,5}|.{0,12}",
    ) {
        let routes: Vec<&str> =
            routes.iter().map(String::as_str).filter(|r| Route::parse(r).is_ok()).collect();
        let router = router(&routes);
        if let Some(matched) = router.route(&path) {
            prop_assert!(path.contains(matched.trailing_wildcard().trim_matches('/')));
            for (_, value) in matched.params() {
                prop_assert!(path.contains(value));
            }
        }
    }
}
