//! Inputs whose clients wait, computed in parts by several instances of this process.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::ready;

use axum::response::Response;
use futures_util::StreamExt;
use http_api::Problem;

use crate::parts::{Parted, Parts, Piece, Step, packed};
use crate::platform::Platform;
use crate::task::Progress;

/// The answer to an input. Where it comes in parts, as many instances compute them as there are idle cores; with fewer than two
/// of these, this one does.
///
/// `platform` is called only for an answer in parts.
///
/// # Errors
/// The problem that the request ends with.
pub async fn together<T: Parted + 'static, P: Platform>(
    platform: impl AsyncFnOnce() -> P,
    input: T::Input,
) -> Result<Response, Problem> {
    let progress = Progress::waited();
    let mut parts = match T::begin(input, &progress).await? {
        Step::Answer(response) => return Ok(response),
        Step::Parts(parts) => parts,
    };
    let platform = platform().await;
    let cores = platform.idle_cores().await;
    loop {
        let (rest, found) = compute::<T, P>(&platform, cores, parts).await?;
        parts = match T::join(rest, found, &progress).await? {
            Step::Answer(response) => return Ok(response),
            Step::Parts(parts) => parts,
        };
    }
}

/// The results of enough parts, in the order of the parts, and what the join needs beside them.
async fn compute<T: Parted, P: Platform>(
    platform: &P,
    cores: usize,
    Parts { mut pieces, enough }: Parts<T>,
) -> Result<(T::Rest, Vec<T::Found>), Problem> {
    let rest = Cell::new(None);
    let part_of = |piece| match piece {
        Ok(Piece::Part(part)) => Some(Ok(part)),
        Ok(Piece::Rest(last)) => {
            rest.set(Some(last));
            None
        }
        Err(problem) => Some(Err(problem)),
    };
    let mut results = pieces
        .by_ref()
        .filter_map(|piece| ready(part_of(piece)))
        .enumerate()
        .map(async |(number, part)| {
            Ok((number, compute_one::<T, P>(platform, cores, part?).await?))
        })
        .buffer_unordered(cores.max(1));
    let (mut found, mut sum) = (BTreeMap::new(), 0_u64);
    while let Some(result) = results.next().await {
        let (number, (one, weight)) = result?;
        found.insert(number, one);
        sum = sum.saturating_add(weight);
        if enough.is_some_and(|enough| sum >= enough) {
            break;
        }
    }
    drop(results);
    // The rest comes after parts that are not needed.
    while let Some(piece) = pieces.next().await {
        part_of(piece).transpose()?;
    }
    let rest = rest.take();
    let rest = rest.ok_or_else(|| Problem::internal("a cut without what its join needs"))?;
    Ok((rest, found.into_values().collect()))
}

/// The result of a part and its weight, from another instance if there are cores for several.
async fn compute_one<T: Parted, P: Platform>(
    platform: &P,
    cores: usize,
    part: T::Part,
) -> Result<(T::Found, u64), Problem> {
    if cores > 1 {
        let result = platform
            .part(T::NAME, packed(&part)?)
            .await
            .and_then(|result| {
                let found = rmp_serde::from_slice(&result.bytes);
                Ok((found.map_err(|error| error.to_string())?, result.weight))
            });
        match result {
            Ok(result) => return Ok(result),
            // If it is the part's fault, this instance finds out.
            Err(reason) => eprintln!("{}: a part is computed here: {reason}", T::NAME),
        }
    }
    T::part(part, &Progress::waited()).await
}
