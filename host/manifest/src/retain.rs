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
    /// Drops every component but those with the given ids, and the triggers of what is dropped.
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
                if target == "*" || !ids.iter().any(|id| *id == target) {
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
        self.components.retain(|id, _| ids.contains(id));
        Ok(())
    }
}
