//! Loads the components of an application on all cores.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context, Result};
use manifest::Component as Description;
use wasmtime::{Engine, component::Component};

use crate::code::{
    progress::Progress,
    source::{Found, Source},
};

/// The components of an application, by id.
pub(crate) struct Loaded<'a, T> {
    /// What `ready` made of each.
    pub(crate) components: BTreeMap<&'a str, T>,
    /// How many had to be compiled.
    pub(crate) compiled: usize,
}

/// Loads components: first those that `source` has, then the others, which are compiled. Reports the progress, with `live` in
/// one line of the terminal. `ready` prepares each component.
///
/// # Errors
/// The first error, by component id, among those found before loading stopped.
pub(crate) fn load_all<'a, T: Send>(
    engine: &Engine,
    source: &Source,
    descriptions: &[(&'a str, &Description)],
    live: bool,
    ready: impl Fn(&str, &Component) -> Result<T> + Sync,
) -> Result<Loaded<'a, T>> {
    let found = on_all_cores(descriptions, |id, description| {
        Ok(match source.find(engine, id, description)? {
            Found::Code(component) => Ok(ready(id, &component)?),
            Found::Nothing(why) => Err((*description, why)),
        })
    })?;
    let mut components = BTreeMap::new();
    let mut missing = Vec::new();
    for (id, found) in found {
        match found {
            Ok(component) => _ = components.insert(id, component),
            Err(component) => missing.push((id, component)),
        }
    }
    let progress = Progress::new(missing.len(), live);
    components.extend(on_all_cores(&missing, |id, (description, why)| {
        progress.begin(id);
        let component = source.compile(engine, id, description, why.as_ref())?;
        ready(id, &component)
    })?);
    progress.finish();
    Ok(Loaded {
        components,
        compiled: missing.len(),
    })
}

/// Calls `work` for each component until one fails: then the application cannot start.
fn on_all_cores<'a, C: Sync, T: Send>(
    components: &[(&'a str, C)],
    work: impl Fn(&str, &C) -> Result<T> + Sync,
) -> Result<Vec<(&'a str, T)>> {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = || {
        let mut done = Vec::new();
        while let Some((id, component)) = components.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = work(id, component).with_context(|| format!("component '{id}'"));
            if result.is_err() {
                next.store(components.len(), Ordering::Relaxed);
            }
            done.push((*id, result));
        }
        done
    };
    let mut done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(components.len()))
            .map(|_| scope.spawn(share))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_default())
            .collect()
    });
    done.sort_by_key(|(id, _)| *id);
    done.into_iter()
        .map(|(id, result)| Ok((id, result?)))
        .collect()
}
