//! The language as tables: what every map of a flow may hold. The loader takes keys by them (`yaml::Fields`), and out of
//! them come the schema for editors and the reference for authors. The table of a verb is in the verb's file.

mod reference;
pub mod tables;
#[cfg(test)]
mod tests;

pub use reference::reference;

use super::load::limits::MAX_NEEDS;
use super::step::SHAPES;
use crate::yaml::schema;
use crate::yaml::shape::Takes;
use serde_json::Value;

/// A block, `continue` or `return`.
pub const TARGET: Takes = Takes::Any(&[
    Takes::Words(&[("continue", "the next step of this block"), ("return", "back behind the `run` that led here")]),
    BLOCK,
]);
pub const BLOCK: Takes = Takes::Name("block");
pub const FACT: Takes = Takes::Name("fact");
/// With a `?` one that may be unasked.
pub const FACTS: Takes =
    Takes::List(&Takes::Text("a fact, with a `?` one that may be unasked", r"^[A-Za-z][\w.-]*\??$"), MAX_NEEDS);
pub const LOOKUP: Takes = Takes::Name("lookup");
/// Outright, or by a parameter as `with.desk`.
pub const QUEUE: Takes = Takes::Name("queue");
pub const SAID: Takes = Takes::Name("prompt");
pub const PROMPT: Takes = Takes::Name("prompt");
pub const DESTINATION: Takes = Takes::Name("destination of the configuration");
pub const GIVEN: Takes = Takes::Text("LOOKUP.NAME, a value of its `gives:`", r"^[A-Za-z][\w-]*(\.[A-Za-z][\w-]*)+$");
pub const CONDITION: Takes = Takes::Text("a condition", "");
pub const STEP: Takes = Takes::One(SHAPES);

/// A key of the keypad.
pub const KEY: Takes =
    Takes::Any(&[Takes::Number(0, 9), Takes::Words(&[("star", ""), ("pound", ""), ("*", ""), ("#", "")])]);

/// Which file a schema is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    Flow,
    Module,
    Prompts,
}

/// The JSON Schema (draft 7) of a file.
pub fn of(file: File) -> Value {
    match file {
        File::Flow => schema::of("An askonce flow", &Takes::Of(tables::FLOW)),
        File::Module => schema::of("A module of askonce flows", &Takes::Of(tables::MODULE)),
        File::Prompts => schema::of("The prompts of one language", &tables::PROMPTS),
    }
}
