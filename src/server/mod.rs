//! The live shell: sockets and threads around the engine.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the shells own what the core may not have")]

pub mod media_worker;
pub mod ports;
