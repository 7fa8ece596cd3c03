//! Exact arithmetic on decimals.
