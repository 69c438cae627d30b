//! What of a flow calls have taken: its steps and the ways out of them, the tries of its questions, where its facts came from,
//! what its lookups answered, what callers heard. Told of recordings, which run again on the flow as it is now, and of the
//! records of a service.
//!
//! ```text
//! flow -> plan: all that there is to take, each with its place --+
//! recording -> rerun -> path, facts, sound --+                   +-> table, JSON, lcov, picture
//! record of a call -> path, facts -----------+-> counts ---------+
//! ```

mod count;
pub mod lcov;
mod plan;
pub mod records;
pub mod table;

pub use count::{Coverage, Taken};
pub use plan::{Item, Kind, Place, Plan, Planned};
