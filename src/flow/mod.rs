//! The flow language: what a flow is (`model`), how it is loaded and proved (`load`), how it runs (`run`),
//! one file a verb (`step`).
//!
//! A flow declares facts about the caller; `collect` is the only verb that asks, and only for a fact that is
//! still unknown. So nothing is asked twice.

pub mod expr;
pub mod fact;
pub mod hours;
pub mod load;
pub mod lookup;
pub mod model;
pub mod prompts;
pub mod proof;
pub mod run;
pub mod script;
pub mod shape;
pub mod step;

pub use load::load;
pub use model::Flow;
pub use prompts::{PromptBook, Prompts};
pub use run::{Action, AgentEnd, Ending, Event, Heard, LineWord, Run};
