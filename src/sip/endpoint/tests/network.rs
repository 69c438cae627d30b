//! A network that loses, doubles and reorders, by a seed.

use super::*;
use crate::time::Deadlines;

/// Loss and duplication in percent; each datagram takes 5 ms, or up to `jitter` more.
pub(super) struct Network {
    pub(super) now: Instant,
    pub(super) ends: [Endpoint; 2],
    pub(super) events: [Vec<Event>; 2],
    /// Start words of everything that was sent, by whom.
    pub(super) sent: Vec<(usize, String)>,
    /// The same in full.
    pub(super) texts: Vec<(usize, String)>,
    /// Words of which the next datagram is to be lost.
    pub(super) lose: Vec<(usize, &'static str)>,
    flying: Deadlines<(usize, Vec<u8>)>,
    random: Random,
    loss: u32,
    doubled: u32,
    jitter: u32,
}

impl Network {
    pub(super) fn quiet() -> Network {
        Network::new(0, 0, 0, 1)
    }

    pub(super) fn new(loss: u32, doubled: u32, jitter: u32, seed: u64) -> Network {
        Network {
            now: Instant::from_micros(1_000_000),
            ends: [endpoint(0), endpoint(1)],
            events: [Vec::new(), Vec::new()],
            sent: Vec::new(),
            texts: Vec::new(),
            lose: Vec::new(),
            flying: Deadlines::default(),
            random: Random::from_seed(seed),
            loss,
            doubled,
            jitter,
        }
    }

    pub(super) fn call(&mut self) -> DialogId {
        let request = invite(self.random.u64());
        self.ends[0].invite(self.now, hop(1), request).unwrap()
    }

    /// Lets `span` pass, or less if `until` an event of that end is there.
    pub(super) fn pass(&mut self, span: Duration, until: Option<(usize, &str)>) -> bool {
        let end = self.now + span;
        loop {
            self.collect();
            let (who, what) = until.unwrap_or((0, "\0"));
            if self.events[who].iter().any(|event| format!("{event:?}").starts_with(what)) {
                return true;
            }
            let next = self.ends.iter().filter_map(Endpoint::next_deadline).chain(self.flying.next()).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            while let Some((_, (to, bytes))) = self.flying.due(self.now) {
                self.ends[to].on_message(self.now, hop(1 - to), &bytes, Door::Open);
            }
            self.ends.iter_mut().for_each(|end| end.on_deadline(self.now));
        }
        self.now = end;
        false
    }

    /// The last message of that end whose start line begins so, without `SIP/2.0`.
    pub(super) fn last(&self, who: usize, start: &str) -> &str {
        let found = self
            .texts
            .iter()
            .rfind(|(from, text)| *from == who && text.trim_start_matches("SIP/2.0 ").starts_with(start));
        found.map_or("", |(_, text)| text)
    }

    pub(super) fn words(&self, who: usize) -> Vec<&str> {
        self.sent.iter().filter(|(sender, _)| *sender == who).map(|(_, word)| word.as_str()).collect()
    }

    fn collect(&mut self) {
        for from in 0..2 {
            while let Some(output) = self.ends[from].poll() {
                match output {
                    Output::Event(event) => self.events[from].push(event),
                    Output::Send { bytes, .. } => self.carry(from, bytes),
                }
            }
        }
    }

    fn carry(&mut self, from: usize, bytes: Vec<u8>) {
        let text = String::from_utf8_lossy(&bytes);
        let word = text.trim_start_matches("SIP/2.0 ").split(' ').next().unwrap().to_owned();
        let doomed = self.lose.iter().position(|(who, what)| *who == from && *what == word);
        self.texts.push((from, text.to_string()));
        self.sent.push((from, word));
        if let Some(at) = doomed {
            self.lose.remove(at);
            return;
        }
        let copies = 1 + u32::from(self.random.below(100) < self.doubled);
        for _ in 0..copies {
            if self.random.below(100) >= self.loss {
                let delay = Duration::from_millis(u64::from(5 + self.random.below(self.jitter + 1)));
                self.flying.set(self.now + delay, (1 - from, bytes.clone()));
            }
        }
    }
}

#[test]
fn every_call_completes_over_a_bad_network() {
    for seed in 0..300 {
        let mut net = Network::new(10, 5, 300, seed);
        let caller = net.call();
        let Some(callee) = await_invite(&mut net) else { panic!("seed {seed}: no INVITE") };
        net.ends[1].ring(net.now, callee, 180, Vec::new()).unwrap();
        net.pass(SECOND, None);
        net.ends[1].accept(net.now, callee, b"v=0\r\n".to_vec()).unwrap();
        assert!(net.pass(40 * SECOND, Some((0, "Answered"))), "seed {seed}: {:?}", net.events);
        net.pass(40 * SECOND, Some((1, "Confirmed")));
        net.ends[0].info(net.now, caller, "application/dtmf-relay", b"Signal=5".to_vec()).unwrap();
        net.pass(40 * SECOND, Some((1, "Info")));
        net.ends[1].reinvite(net.now, callee, b"v=0\r\n".to_vec()).unwrap();
        assert!(net.pass(40 * SECOND, Some((0, "Reinvite"))), "seed {seed}: {:?}", net.events);
        net.ends[0].accept_reinvite(net.now, caller, b"v=0\r\n".to_vec()).unwrap();
        assert!(net.pass(40 * SECOND, Some((1, "Reanswered"))), "seed {seed}");
        net.pass(5 * SECOND, None);
        net.ends[0].bye(net.now, caller).unwrap();
        net.pass(100 * SECOND, None);
        let names: Vec<_> =
            net.events[1].iter().map(|e| format!("{e:?}")).map(|e| e.split('(').next().unwrap().to_owned()).collect();
        assert_eq!(names, ["Invite", "Confirmed", "Info", "Reanswered", "Bye"], "seed {seed}");
        assert_eq!([net.ends[0].load(), net.ends[1].load()], [(0, 0), (0, 0)], "seed {seed}: nothing is left behind");
    }
}

pub(super) fn await_invite(net: &mut Network) -> Option<DialogId> {
    net.pass(40 * SECOND, Some((1, "Invite")));
    net.events[1].iter().find_map(|event| match event {
        Event::Invite { dialog, .. } => Some(*dialog),
        _ => None,
    })
}
