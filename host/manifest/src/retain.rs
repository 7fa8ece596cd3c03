//! Running a part of an application: `--component-id`.

use crate::model::{Handler, Manifest};
use crate::outbound::chaining_host_of;

/// Why an application cannot run with the chosen components alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetainError {
    /// There is no component with this id.
    #[error("there is no component '{0}'")]
    NoSuchComponent(String),
    /// A chosen component calls one that was not chosen.
    #[error("'{component}' was chosen and may call '{host}', which was not")]
    ChainedToOther {
        /// The chosen component.
        component: String,
        /// The entry of its `allowed_outbound_hosts`.
        host: String,
    },
}

impl Manifest {
    /// Removes all components except those with the given ids, and the triggers of the removed ones.
    ///
    /// # Errors
    /// An id is unknown, or a component that stays may call one that goes. Hosts with variables
    /// in them are not looked at, as in Spin.
    pub fn retain_components(&mut self, ids: &[String]) -> Result<(), RetainError> {
        for id in ids {
            let Some(component) = self.components.get(id) else {
                return Err(RetainError::NoSuchComponent(id.clone()));
            };
            let entries = component.allowed_outbound_hosts.iter();
            for entry in entries
                .filter(|entry| entry.is_literal())
                .map(ToString::to_string)
            {
                let Some(target) = chaining_host_of(&entry) else {
                    continue;
                };
                if target == "*" || !ids.contains(&target) {
                    let component = id.clone();
                    return Err(RetainError::ChainedToOther {
                        component,
                        host: entry,
                    });
                }
            }
        }
        self.http_triggers.retain(|trigger| match &trigger.handler {
            Handler::Component(id) => ids.contains(id),
            Handler::Static(_) => false,
        });
        self.redis_triggers
            .retain(|trigger| ids.contains(&trigger.component));
        self.components.retain(|id, _| ids.contains(id));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let text = r#"
            spin_manifest_version = 2
            application = { name = "app" }
            trigger.http = [
                { route = "/a", component = "a" },
                { route = "/b", component = "b" },
                { route = "/c", component = "c" },
                { route = "/static", static_response = {} },
            ]
            trigger.redis = [
                { address = "redis://h", channel = "a", component = "a" },
                { address = "redis://h", channel = "c", component = "c" },
            ]
            [component]
            a = { source = "a.wasm", allowed_outbound_hosts = ["http://b.spin.internal"] }
            b = { source = "b.wasm", dependencies = { "x:y" = { component = "d" } } }
            c = { source = "c.wasm", allowed_outbound_hosts = ["http://*.spin.internal"] }
            d = { source = "d.wasm" }
        "#;
        Manifest::parse(text, "app/spin.toml".as_ref()).unwrap()
    }

    #[test]
    fn a_component_is_served_for_each_kind_of_its_triggers() {
        use crate::model::TriggerKind::{Http, Redis};

        let manifest = manifest();
        let served: Vec<_> = manifest
            .served()
            .into_iter()
            .map(|(id, kinds)| (id, kinds.into_iter().collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            served,
            [
                ("a", vec![Http, Redis]),
                ("b", vec![Http]),
                ("c", vec![Http, Redis]),
            ]
        );
    }

    fn retain(ids: &[&str]) -> Result<Manifest, String> {
        let mut manifest = manifest();
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        manifest
            .retain_components(&ids)
            .map_err(|error| error.to_string())?;
        Ok(manifest)
    }

    #[test]
    fn what_was_not_chosen_is_gone() {
        let manifest = retain(&["a", "b"]).unwrap();
        assert_eq!(manifest.components.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(manifest.http_triggers.len(), 2);
        assert_eq!(manifest.redis_triggers.len(), 1);
        assert!(manifest.router().route("/c").is_none());
    }

    #[test]
    fn a_dependency_keeps_its_file() {
        let manifest = retain(&["b"]).unwrap();
        let dependency = &manifest.components["b"].dependencies[0];
        assert_eq!(dependency.source, std::path::Path::new("app/d.wasm"));
    }

    #[test]
    fn a_choice_that_cannot_run_is_refused() {
        for (ids, expected) in [
            (["x"].as_slice(), "there is no component 'x'"),
            (
                &["a"],
                "'a' was chosen and may call 'http://b.spin.internal', which was not",
            ),
            (
                &["c"],
                "'c' was chosen and may call 'http://*.spin.internal', which was not",
            ),
        ] {
            assert_eq!(retain(ids).unwrap_err(), expected);
        }
    }
}
