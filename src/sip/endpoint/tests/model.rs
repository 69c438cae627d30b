//! Random commands at both ends over a bad network: whatever happens, each dialog ends once, each request of an owner
//! has one outcome, and nothing is left behind.

use super::network::Network;
use super::*;
use std::collections::{BTreeMap, BTreeSet};

const SEQUENCES: u64 = 10_000;
const STEPS: u32 = 14;
/// Long enough for whatever still wanders in the network, or waits for an answer that never comes.
const AFTERWARDS: Duration = Duration::from_secs(200);

/// What an owner knows of a dialog.
#[derive(Debug, Default)]
struct Known {
    over: bool,
    caller: bool,
    answered: bool,
    /// An offer of ours within the dialog whose outcome is to come.
    offering: bool,
    /// An offer of the peer that waits for us.
    offered: bool,
}

struct Model {
    net: Network,
    known: [BTreeMap<DialogId, Known>; 2],
    random: Random,
    seed: u64,
}

impl Model {
    fn new(seed: u64) -> Model {
        let mut random = Random::from_seed(seed);
        let net = Network::new(random.below(25), random.below(10), random.below(400), seed);
        Model { net, known: Default::default(), random, seed }
    }

    fn run(mut self) {
        for _ in 0..STEPS {
            self.step();
            let span = Duration::from_millis(u64::from(self.random.below(3000)));
            let factor = if self.random.below(8) == 0 { 12 } else { 1 };
            self.pass(factor * span);
        }
        // The second time for an INVITE that came late.
        for _ in 0..2 {
            for who in [0, 1] {
                self.alive(who).into_iter().for_each(|id| self.let_go(who, id));
            }
            self.pass(AFTERWARDS);
        }
        let load = [self.net.ends[0].load(), self.net.ends[1].load()];
        assert_eq!(load, [(0, 0), (0, 0)], "seed {}: left behind", self.seed);
        self.one_final_an_invite();
    }

    fn pass(&mut self, span: Duration) {
        self.net.pass(span, None);
        for who in [0, 1] {
            for event in std::mem::take(&mut self.net.events[who]) {
                self.hear(who, &event);
            }
        }
    }

    /// Takes an event, which must be one that may happen to what its dialog is.
    fn hear(&mut self, who: usize, event: &Event) {
        let text = format!("seed {} end {who}: {event:?}", self.seed);
        let digits: String = text.rsplit('(').next().unwrap().chars().take_while(char::is_ascii_digit).collect();
        let id = DialogId(digits.parse().unwrap());
        if let Event::Invite { .. } = event {
            assert!(self.known[who].insert(id, Known::default()).is_none(), "{text}");
            return;
        }
        let known = self.known[who].get_mut(&id).unwrap_or_else(|| panic!("{text}: unknown"));
        assert_eq!(known.over, matches!(event, Event::Ended { .. }), "{text}: after its end, or before");
        match event {
            Event::Cancelled { .. } => assert!(!known.caller, "{text}"),
            Event::Refused { .. } => assert!(known.caller && !known.answered, "{text}"),
            Event::Answered { .. } => assert!(known.caller && !std::mem::replace(&mut known.answered, true), "{text}"),
            Event::Reanswered { .. } | Event::ReinviteRefused { .. } => {
                assert!(std::mem::take(&mut known.offering), "{text}: nothing was offered");
            }
            Event::Reinvite { .. } => assert!(!std::mem::replace(&mut known.offered, true), "{text}: two at once"),
            Event::Progress { .. } => assert!(known.caller && !known.answered, "{text}"),
            _ => {}
        }
        use Event::{Bye, Cancelled, Lost, Refused};
        known.over |= matches!(event, Bye { .. } | Cancelled { .. } | Lost { .. } | Refused { .. });
    }

    fn alive(&self, who: usize) -> Vec<DialogId> {
        self.known[who].iter().filter(|(_, known)| !known.over).map(|(id, _)| *id).collect()
    }

    fn let_go(&mut self, who: usize, id: DialogId) {
        let now = self.net.now;
        match self.random.below(4) {
            0 => self.net.ends[who].drop_dialog(now, id),
            _ => {
                let told = self.net.ends[who].bye(now, id);
                assert_eq!(told, Ok(()), "seed {} end {who}: {id:?} ended without a word", self.seed);
            }
        }
        self.known[who].get_mut(&id).unwrap().over = true;
    }

    fn step(&mut self) {
        let who = self.random.below(2) as usize;
        let alive = self.alive(who);
        if who == 0 && (alive.is_empty() || self.random.below(12) == 0) {
            let id = self.net.call();
            self.known[0].insert(id, Known { caller: true, ..Known::default() });
            return;
        }
        if alive.is_empty() {
            return;
        }
        let id = alive[self.random.below(alive.len() as u32) as usize];
        self.command(who, id);
    }

    /// A random command. It may be refused as out of place, and then it has changed nothing.
    fn command(&mut self, who: usize, id: DialogId) {
        let (now, kind) = (self.net.now, self.random.below(14));
        let sdp = if self.random.below(3) == 0 { Vec::new() } else { SDP.to_vec() };
        let end = &mut self.net.ends[who];
        let known = self.known[who].get_mut(&id).unwrap();
        match kind {
            0 | 1 => drop(end.ring(now, id, 183, sdp)),
            2..=4 => drop(end.accept(now, id, sdp)),
            5 => known.over = end.refuse(now, id, 486, &[]).is_ok(),
            6 => drop(end.cancel(now, id)),
            7 => known.offering |= end.reinvite(now, id, SDP.to_vec()).is_ok(),
            8 | 9 => known.offering |= end.update(now, id, SDP.to_vec()).is_ok(),
            10 => drop(end.info(now, id, "text/plain", b"x".to_vec())),
            11 | 12 => {
                let told = match self.random.below(3) {
                    0 => end.refuse_reinvite(now, id, if self.random.below(2) == 0 { 491 } else { 488 }),
                    _ => end.accept_reinvite(now, id, SDP.to_vec()),
                };
                known.offered &= told.is_err();
            }
            _ => self.let_go(who, id),
        }
    }

    /// On the wire: whoever answered an INVITE gave one final answer to it.
    fn one_final_an_invite(&self) {
        let mut finals: BTreeMap<(usize, &str), BTreeSet<&str>> = BTreeMap::new();
        for (who, text) in &self.net.texts {
            let status = text.strip_prefix("SIP/2.0 ").and_then(|text| text.get(..3)).filter(|status| *status >= "200");
            let invite = text.lines().any(|line| line.starts_with("CSeq: ") && line.ends_with(" INVITE"));
            let via = text.lines().find(|line| line.starts_with("Via: "));
            if let (Some(status), true, Some(via)) = (status, invite, via) {
                finals.entry((*who, via)).or_default().insert(status);
            }
        }
        for ((who, via), statuses) in finals {
            assert_eq!(statuses.len(), 1, "seed {} end {who}: {via} got {statuses:?}", self.seed);
        }
    }
}

#[test]
fn whatever_two_ends_do_every_dialog_ends_once_and_nothing_is_left() {
    for seed in 0..SEQUENCES {
        Model::new(seed).run();
    }
}
