//! The record of a call as pure values: the seam's inputs and outputs, the fixture that holds them,
//! the comparison of two runs, and what a trace tells. Live and replay use the same ones.

pub mod clear;
pub mod compare;
pub mod fixture;
pub mod ladder;
mod outline;
pub mod pcap;
mod reading;
pub mod seam;
pub mod trace;

pub use fixture::{Fixture, Header, Line};
pub use seam::{In, Leg, Out};
