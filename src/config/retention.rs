//! `retention:`: how long what a call leaves behind is kept.

use super::optional;
use crate::time::Duration;
use crate::yaml::{Faults, Fields, Node};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// No call is as long, so that nothing of one under way is ever too old.
const SHORTEST: Duration = DAY;
const LONGEST: Duration = Duration::from_secs(3_660 * 24 * 3600);

/// From the beginning of the call; `None`: until somebody deletes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Call records in the database. Their file is whoever's who rotates it.
    pub cdr: Option<Duration>,
    pub context: Option<Duration>,
    /// The sound of calls.
    pub recordings: Option<Duration>,
    /// What the inbox and the journal have.
    pub fixtures: Option<Duration>,
}

pub fn retention(node: &Node, faults: &mut Faults) -> Option<Retention> {
    let mut fields = Fields::of(node, "`retention`", faults)?;
    let mut time = |key| optional(fields.take(key).map(|node| time(node, faults)));
    let (cdr, context) = (time("cdr"), time("context"));
    let (recordings, fixtures) = (time("recordings"), time("fixtures"));
    fields.finish(faults);
    Some(Retention { cdr: cdr?, context: context?, recordings: recordings?, fixtures: fixtures? })
}

fn time(node: &Node, faults: &mut Faults) -> Option<Duration> {
    let time = node.duration(faults)?;
    if time < SHORTEST || time > LONGEST {
        faults.error("out-of-range", node.span, "calls are kept for 1d to 3660d");
        return None;
    }
    Some(time)
}
