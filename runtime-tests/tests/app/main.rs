//! What the application does that fits no table: streams, connections, load, settings, its end.

#![allow(clippy::unwrap_used, clippy::panic)]

mod concurrency;
mod connections;
mod headers;
mod languages;
mod people;
mod requests;
mod settings;
mod shutdown;
mod speech;
mod uploads;

/// Two primes of 40 digits, whose product takes hours.
const HARD_PRIMES: [&str; 2] = [
    "1234567890123456789012345678901234568123",
    "7000000000000000000000000123400000000147",
];

/// Their product.
const HARD: &str =
    "8641975230864197523086419904654319618277049243971604924397160521176681481514081";
