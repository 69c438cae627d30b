//! The live shell: the only place with a clock, sockets and threads.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the shells own what the core may not have")]

pub mod clock;
pub mod media_worker;
pub mod ports;
mod sys;
