//! `announcements:`: which flows may change what other callers hear, and where they put it.

use crate::yaml::{Faults, Fields, Node, Word};

const MAX_FLOWS: usize = 100;
const FOLDER: &str = "announcements";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcements {
    /// Relative to the configuration.
    pub folder: String,
    pub flows: Vec<Word>,
}

pub fn announcements(node: &Node, faults: &mut Faults) -> Option<Announcements> {
    let mut fields = Fields::of(node, "`announcements`", faults)?;
    let folder = fields
        .take("folder")
        .map_or_else(|| Some(FOLDER.to_owned()), |node| node.word("a folder", faults).map(|word| word.text));
    let flows = fields.need("flows", faults).and_then(|node| node.words("the flows that announce", MAX_FLOWS, faults));
    fields.finish(faults);
    Some(Announcements { folder: folder?, flows: flows? })
}
