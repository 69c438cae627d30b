//! The strict YAML loader that flows and configurations share. The only door to the YAML crate.
//!
//! `read` gives a tree in which every scalar and every key knows its place; `fields` walks it and takes
//! nothing that it was not asked for; what is wrong is gathered in `Faults`, all of it in one go.

pub mod diagnostic;
pub mod fields;
mod format;
pub mod near;
pub mod node;
mod scalar;
pub mod schema;
pub mod shape;

pub use diagnostic::{Diagnostic, Faults, Severity, Source, Span};
pub use fields::Fields;
pub use format::format;
pub use node::{Node, Value, Word, is_misread, read};
