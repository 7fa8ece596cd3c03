//! `spin:variables`: the configuration that a component sees.

use manifest::LookupError;
use wasmtime::{
    Result,
    component::{Accessor, HasSelf, Linker},
};

use crate::interfaces::{
    bindings::variables::{Error, Host, HostWithStore, add_to_linker},
    state::InstanceState,
};

/// Offers the interface to all components.
///
/// # Errors
/// When the linker has it already.
pub(crate) fn link(linker: &mut Linker<InstanceState>) -> Result<()> {
    add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

impl Host for InstanceState {}

impl HostWithStore<InstanceState> for HasSelf<InstanceState> {
    async fn get(accessor: &Accessor<InstanceState, Self>, name: String) -> Result<String, Error> {
        accessor.with(|mut access| {
            let sandbox = access.get().sandbox();
            match sandbox.variables.get(&sandbox.id, &name) {
                Ok(value) => Ok(value.to_owned()),
                Err(error @ LookupError::InvalidName { .. }) => {
                    Err(Error::InvalidName(error.to_string()))
                }
                Err(error @ LookupError::Undefined { .. }) => {
                    Err(Error::Undefined(error.to_string()))
                }
            }
        })
    }
}
