//! Serving: requests and messages, from their arrival to their end.

mod access;
mod app;
mod cores;
mod link;
pub(crate) mod pool;
mod refusal;
pub(crate) mod scrape;
pub(crate) mod server;
pub(crate) mod shutdown;
mod spans;
pub(crate) mod start;
mod stream;
pub(crate) mod subscriber;
mod target;
