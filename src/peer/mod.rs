//! Peers: phones that call us and phones that we call, with real SIP and RTP of the same rooms as the
//! server. Sans-IO like the engine; `net` drives them on sockets, the tests on the virtual clock.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the shells own what the core may not have")]

pub mod ear;
pub mod histogram;
pub mod http;
pub mod net;
mod phones;
mod script;

pub mod talk;
mod talks;
pub mod voice;
pub mod watch;

pub use phones::{Output, Phones, TalkId};
pub use script::{Act, Answering, Happened, Outgoing};
