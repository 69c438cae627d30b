//! Calls of these worlds once more, by their packets alone, through another engine.

use crate::World;
use crate::scenarios::{ACCOUNT, answers, caller, flow, ms, plan};
use askonce::engine::Service;
use askonce::peer::Act;
use askonce::record::compare;
use askonce::replay::world::wire::{Came, Wire};
use askonce::replay::world::{self};
use askonce::server::files::{self, Disk};
use askonce::time::Duration;
use jiff::Timestamp;
use std::path::Path;

/// The one call of a world comes in again by what was captured of it, and does the same to the byte.
pub fn again(world: &World, flow: &Path) {
    again_on(world, &files::load(&Disk, flow).0.expect("the flow loads"));
}

pub fn again_on(world: &World, service: &Service) {
    let [fixture] = &world.recordings[..] else { panic!("one recording") };
    let zero: Timestamp = "2026-12-01T10:15:00Z".parse().expect("a timestamp");
    let begun = (fixture.header.at.as_microsecond() - zero.as_microsecond()) as u64;
    let captured = world.captured.as_ref().expect("a capture").iter();
    let came = captured.map(|came| Came { t: came.t.saturating_sub(begun), ..came.clone() }).collect();
    let wire = Wire::of(&fixture.header, came).expect("the call");
    let performed = world::perform(fixture, &wire, service).expect("it comes in");
    assert_eq!(performed.unanswered, Vec::new());
    assert_eq!(compare::outputs(&fixture.lines, &performed.lines).first_difference, None);
    assert_eq!(fixture.lines.len(), performed.lines.len());
}

#[test]
fn a_call_comes_in_again_by_its_packets() {
    let mut world = World::new(plan(51, answers(&[Act::HearVoice, Act::Wait(ms(500)), Act::HangUp])));
    world.captured = Some(Vec::new());
    world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(60));
    again(&world, &flow());
}
