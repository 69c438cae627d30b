//! Which calls are kept, and why.

use crate::config::{Keep, Keeping};
use crate::engine::Finished;
use crate::record::fixture::Step;
use crate::record::seam::{Disposition, Out};
use crate::rerun::judge::Violation;

/// Why a call is kept, in a word; `None`: it is not.
pub fn why(keeping: &Keeping, finished: &Finished, violations: &[Violation]) -> Option<&'static str> {
    if !violations.is_empty() {
        return Some("it broke a promise");
    }
    let fixture = &finished.fixture;
    if !keeping.may_keep(&fixture.header.call, &fixture.header.flow, fixture.called()) {
        return None;
    }
    match keeping.keep {
        Keep::All => Some("all are"),
        Keep::EndedBadly => ended_badly(finished),
        Keep::OneIn(_) => Some("it was drawn"),
        Keep::None => None,
    }
}

fn ended_badly(Finished { fixture, broke, asked_again, .. }: &Finished) -> Option<&'static str> {
    if *broke {
        return Some("it broke, or outgrew its journal");
    }
    if *asked_again {
        return Some("the caller was asked again");
    }
    let ended = fixture.lines.iter().rev().find_map(|line| match &line.step {
        Step::Out(Out::End { disposition, .. }) => Some(*disposition),
        _ => None,
    });
    match ended? {
        Disposition::AbandonedFlow | Disposition::AbandonedQueue => Some("the caller left"),
        Disposition::Failed => Some("it failed"),
        Disposition::Agent
        | Disposition::Transferred
        | Disposition::SelfServed
        | Disposition::Closed
        | Disposition::Rejected => None,
    }
}
