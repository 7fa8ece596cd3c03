//! `spin:redis`

pub(crate) mod connection;
pub(crate) mod guest;
