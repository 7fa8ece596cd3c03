//! `spin:sqlite`

pub(crate) mod database;
pub(crate) mod guest;
mod rows;
pub(crate) mod statements;

#[cfg(test)]
mod tests;
