//! Both stores, on real databases: one suite of behaviour, and random histories against a model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backend;
mod conformance;
mod deferral;
mod drivers;
mod fairness;
mod faults;
mod histories;
mod line;
mod model;
mod on_redis;
mod on_sqlite;
mod speed;
mod world;
