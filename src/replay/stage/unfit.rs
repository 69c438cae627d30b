//! A cue that is none for what the call waits for.

use super::{Awaits, Stage};
use crate::flow::script::Cue;
use crate::yaml::near::suggestion;
use std::fmt;

/// Which cue of the script, counted from 1 (0 of one that stands in none), and why it does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    pub number: usize,
    pub why: String,
}

impl Stage<'_> {
    /// It is of another kind than what the call waits for.
    pub(super) fn unfit(&self, cue: &Cue, awaits: &Awaits) -> Unfit {
        self.unfit_as(cue, &awaits.to_string())
    }

    pub(super) fn unfit_as(&self, cue: &Cue, why: &str) -> Unfit {
        Unfit { number: 0, why: format!("`{cue}` does not fit: {why} ({})", self.stands.place) }
    }
}

impl Unfit {
    pub(super) fn numbered(self, number: usize) -> Unfit {
        Unfit { number, ..self }
    }

    pub(super) fn because(self, why: &str) -> Unfit {
        Unfit { why: self.why + ", and " + why, ..self }
    }
}

/// A lookup wants no such value.
pub(super) fn unwanted(value: &str, wants: &[String]) -> String {
    format!("it wants no `{value}`: {}", suggestion(value, wants.iter().map(String::as_str)))
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.number > 0 {
            write!(f, "cue {}: ", self.number)?;
        }
        f.write_str(&self.why)
    }
}

impl std::error::Error for Unfit {}

impl fmt::Display for Awaits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Awaits::Key => f.write_str("the caller is asked, which is for `press` or `silence`"),
            Awaits::Lookup { name, .. } => write!(f, "the call waits for the lookup `{name}`, which is for `lookup`"),
            Awaits::Line { queue, offered: false } => {
                write!(f, "the caller is in the line of `{queue}`, which is for `line`")
            }
            Awaits::Line { queue, offered: true } => {
                write!(f, "the caller is in the line of `{queue}`, which is for `line` or `press`")
            }
            Awaits::Agent => f.write_str("a person is called, which is for `agent`"),
            Awaits::Nothing => f.write_str("the call goes on and on and waits for nobody"),
            Awaits::Over => f.write_str("the call is over"),
        }
    }
}
