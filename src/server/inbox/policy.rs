//! Which calls are kept, and why.

use crate::config::{Keep, Keeping};
use crate::engine::Finished;
use crate::record::fixture::{Fixture, Step};
use crate::record::seam::{Disposition, In, Out};
use crate::rerun::judge::Violation;
use sha2::{Digest as _, Sha256};

/// Why a call is kept, in a word; `None`: it is not.
pub fn why(keeping: &Keeping, finished: &Finished, violations: &[Violation]) -> Option<&'static str> {
    if !violations.is_empty() {
        return Some("it broke a promise");
    }
    let fixture = &finished.fixture;
    let flow = keeping.flows.is_empty() || keeping.flows.iter().any(|flow| flow.text == fixture.header.flow);
    let number =
        keeping.numbers.is_empty() || keeping.numbers.iter().any(|number| called(fixture) == Some(&number.text));
    if !flow || !number {
        return None;
    }
    match keeping.keep {
        Keep::All => Some("all are"),
        Keep::EndedBadly => ended_badly(finished),
        Keep::OneIn(many) => is_drawn(&fixture.header.call, many).then_some("it was drawn"),
        Keep::None => None,
    }
}

fn called(fixture: &Fixture) -> Option<&str> {
    fixture.lines.iter().find_map(|line| match &line.step {
        Step::In(In::Invite(arrival)) => Some(arrival.to.as_str()),
        _ => None,
    })
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

/// One in so many calls; always the same ones, whoever asks.
fn is_drawn(call: &str, many: u32) -> bool {
    let digest = Sha256::digest(call);
    let (first, _) = digest.split_at(8);
    let drawn = first.iter().fold(0_u64, |drawn, octet| drawn << 8 | u64::from(*octet));
    drawn.is_multiple_of(u64::from(many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_one_in_so_many_is_drawn_and_the_same_ones_again() {
        let drawn = |many| (0..10_000).filter(|n| is_drawn(&format!("call-{n}"), many)).collect::<Vec<_>>();
        for (many, least, most) in [(2, 4_800, 5_200), (20, 440, 560), (1_000, 3, 20)] {
            let first = drawn(many);
            assert!((least..=most).contains(&first.len()), "1/{many}: {}", first.len());
            assert_eq!(first, drawn(many));
        }
        // As another program computes it: the first eight octets of SHA-256, as a number.
        let hundred: Vec<u32> = (0..100).filter(|n| is_drawn(&format!("call-{n}"), 20)).collect();
        assert_eq!(hundred, [7, 20, 34, 51, 73, 74, 92]);
    }
}
