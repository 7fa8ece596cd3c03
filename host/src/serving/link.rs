//! From a component's code to something that can be instantiated.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use manifest::TriggerKind;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime_wasi_http::{handler::ProxyPre, p2, p3};

use crate::interfaces::{bindings::handler::RedisHandlerPre, state::InstanceState};

/// A component that can be instantiated, by the kind of its trigger.
pub(crate) struct Linked {
    pub(crate) http: Option<ProxyPre<InstanceState>>,
    pub(crate) redis: Option<RedisHandlerPre<InstanceState>>,
}

/// Links the imports of a component, and looks up the exports that its triggers call.
///
/// # Errors
/// When one of the two is missing.
pub(crate) fn link(
    linker: &Linker<InstanceState>,
    component: &Component,
    triggers: &BTreeSet<TriggerKind>,
) -> Result<Linked> {
    let pre = linker.instantiate_pre(component).map_err(|error| {
        anyhow!("it needs something that this host does not provide: {error:#}")
    })?;
    let (mut http, mut redis) = (None, None);
    for trigger in triggers {
        match trigger {
            TriggerKind::Http => http = Some(answering(pre.clone())?),
            TriggerKind::Redis => redis = Some(receiving(pre.clone())?),
        }
    }
    Ok(Linked { http, redis })
}

fn answering(pre: InstancePre<InstanceState>) -> Result<ProxyPre<InstanceState>> {
    if let Ok(service) = p3::bindings::ServicePre::new(pre.clone()) {
        return Ok(ProxyPre::P3(service));
    }
    match p2::bindings::ProxyPre::new(pre) {
        Ok(proxy) => Ok(ProxyPre::P2(proxy)),
        Err(_) => Err(anyhow!(
            "it answers no HTTP requests: it exports neither wasi:http/handler@0.3 nor \
             wasi:http/incoming-handler@0.2"
        )),
    }
}

fn receiving(pre: InstancePre<InstanceState>) -> Result<RedisHandlerPre<InstanceState>> {
    RedisHandlerPre::new(pre).map_err(|_| {
        anyhow!("it receives no Redis messages: it does not export spin:redis/inbound-redis@3.0.0")
    })
}

#[cfg(test)]
mod tests;
