//! `media:`: how the threads of the media run.

use crate::yaml::{Faults, Fields, Node};

/// `{ realtime: true }`.
pub fn realtime(node: &Node, faults: &mut Faults) -> Option<bool> {
    let mut fields = Fields::of(node, "`media`", faults)?;
    let realtime = fields.take("realtime").map_or(Some(false), |node| node.boolean(faults));
    fields.finish(faults);
    realtime
}
