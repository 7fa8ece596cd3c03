//! What components share that start with a model in their memory: an allocator that leaves no garbage between the parts of
//! the model, and errors as text, since nothing may be printed before the memory is saved.

mod heaps;
#[cfg(target_family = "wasm")]
mod linear;
#[cfg(test)]
mod tests;

use std::error::Error;

pub use heaps::{Heaps, Memory};
#[cfg(target_family = "wasm")]
pub use linear::Linear;

/// An error with its causes.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
