//! `switches:`: what flows read as `switch.NAME`, and where each stands until somebody sets it.

use crate::yaml::{Faults, Node, Word};

const MAX_SWITCHES: usize = 100;

pub fn switches(node: &Node, faults: &mut Faults) -> Option<Vec<(Word, bool)>> {
    let entries = node.map("switches as `{ storm: false }`", MAX_SWITCHES, faults)?;
    let switch = |(name, node): &(Word, Node)| {
        let named = name.is_name("the name of a switch", faults);
        Some((name.clone(), node.boolean(faults)?)).filter(|_| named)
    };
    // All are looked at before one that is wrong makes the list unknown.
    let switches: Vec<_> = entries.iter().map(switch).collect();
    switches.into_iter().collect()
}
