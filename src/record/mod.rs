//! The record of a call as pure values: the seam's inputs and outputs, the fixture that holds them, and
//! the comparison of two runs. Live and replay use the same ones.

pub mod clear;
pub mod compare;
pub mod fixture;
pub mod seam;

pub use fixture::{Fixture, Header, Line};
pub use seam::{In, Leg, Out};
