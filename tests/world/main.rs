//! Both ends on one virtual clock: callers, the engine with its media streams, and agents, over a network
//! that loses and doubles datagrams. Nothing here waits.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read the sources and run the program")]

mod attacks;
mod bridge;
mod carriers;
mod codecs;
mod desk;
mod early;
mod examples;
mod floods;
mod keys;
mod late_offer;
mod messages;
mod names;
mod network;
mod packets;
mod recorded;
mod rehearsed;
mod returning;
mod scenarios;
mod secure;
mod simulation;
mod traced;
mod transfer;
mod trunks;

pub use simulation::{Plan, World};
