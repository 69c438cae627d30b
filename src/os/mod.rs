//! The operating system, as far as we need more of it than the standard library gives: one clock, a few calls.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the shells own what the core may not have")]

pub mod bell;
pub mod clock;
pub mod machine;
pub mod notify;
pub mod sys;
