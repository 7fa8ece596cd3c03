//! Jobs: requests that are answered later, kept in SQLite or in Redis.
//!
//! Most tests are run on both, the latter with workers in processes of their own.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod asynchronous;
mod control;
mod events;
mod expiry;
mod fairness;
mod faults;
mod idempotency;
mod life;
mod list;
mod load;
mod recording;
mod restart;
mod stack;
mod store;
mod webhooks;

/// Makes of each function that takes a `Kind` a test on SQLite and one on Redis.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[test]
            fn $name() {
                super::$name(crate::stack::Kind::Sqlite);
            })*
        }

        mod on_redis {
            $(#[test]
            fn $name() {
                super::$name(crate::stack::Kind::Redis);
            })*
        }
    };
}
use on_both_stores;

/// The product of two primes of 40 digits, which takes hours.
const HARD: &str =
    "8641975230864197523086419904654319618277049243971604924397160521176681481514081";

/// Products of two primes: two that take seconds, and one that takes a part of one.
const SLOW: [&str; 3] = [
    "1605276796034577017286463858148698522998875663",
    "28830405234639320521726791884524993273464854678111",
    "417407182287052542630257070601567436719",
];
