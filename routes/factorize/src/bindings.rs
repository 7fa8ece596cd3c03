//! The import of `routelets:factorizer/factorizer`.

// Generated code keeps its own rules.
#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::pedantic
)]

spin_sdk::wit_bindgen::generate!({
    path: "../../wit/factorizer",
    world: "consumer",
    runtime_path: "::spin_sdk::wit_bindgen::rt",
    generate_all,
});
