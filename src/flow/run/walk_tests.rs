//! Random walks: thousands of callers press, wait and hang about; what the language promises holds on every path.

use super::tests::{FLOW, context, world};
use super::*;
use crate::context::{Fact, State};
use crate::random::Random;
use crate::secret::Secret;
use crate::time::Duration;

const WALKS: u64 = 3_000;
/// Events of one walk; every caller is out of every flow long before.
const MAX_EVENTS: usize = 20_000;

const SURVEY: &str = "askonce: 1
flow: t
always: { error: sorry }
facts:
  account: { type: digits, length: 4, check: luhn, class: pii, known: [uui.account], ask: [ask, silent, last], confirm: readback }
  reason: { type: choice, keys: { 1: a, 2: b, star: c, pound: d }, ask: [menu] }
  score: { type: choice, keys: { 1: bad, 2: good }, known: [uui.score], ask: [rate], default: good }
queues: { desk: { to: support } }
blocks:
  start:
    - say: welcome
      barge: false
    - collect: reason
      else: number
    - goto: number
  number:
    - collect: account
    - collect: reason
    - collect: score
    - route: reason
      to: { a: number2, b: desk, c: desk, d: bye }
  number2:
    - collect: score
    - goto: desk
  desk:
    - agent: desk
      needs: [account]
      done: number2
      else: bye
  bye:
    - hangup
  sorry:
    - say: sorry
    - collect: account
      else: continue
    - hangup
";

struct Walk {
    run: Run,
    context: Context,
    now: Instant,
    random: Random,
    playing: Option<u32>,
    with_agent: bool,
    ended: bool,
    /// Prompts that ask for a fact: id, fact.
    asks: Vec<(String, usize)>,
    said: Vec<String>,
}

impl Walk {
    fn new(text: &str, seed: u64) -> Self {
        let mut random = Random::from_seed(seed);
        let (flow, prompts) = world(text);
        let context = context(&flow);
        let value = ["1234", "12", "0000", "good", "billing"][random.below(5) as usize];
        let names = ["account", "reason", "score", "none"];
        let uui = vec![(names[random.below(4) as usize].to_owned(), Secret::new(value))];
        let ids = ["ask", "silent", "invalid", "last"].map(|id| (id.to_owned(), 0));
        let menus = [("menu", 1), ("menu2", 1), ("rate", 2)].map(|(id, fact)| (id.to_owned(), fact));
        let run = Run::new(flow, prompts, Inbound { uui, ..Inbound::default() });
        let now = Instant::from_micros(1);
        let asks = ids.into_iter().chain(menus).collect();
        Self { run, context, now, random, playing: None, with_agent: false, ended: false, asks, said: Vec::new() }
    }

    fn event(&mut self, event: Event) {
        let before = self.context.facts.clone();
        self.run.handle(self.now, &mut self.context, event);
        let mut changed: Vec<String> = Vec::new();
        while let Some(action) = self.run.poll() {
            assert!(!self.ended, "nothing follows a hangup: {action:?}");
            match action {
                Action::Play { play, say } => {
                    assert_eq!(self.playing.replace(play), None, "one prompt at a time");
                    self.heard(&say);
                }
                Action::Stop => assert!(self.playing.take().is_some(), "only what plays is stopped"),
                Action::Fact(fact) => changed.push(fact.name),
                Action::Step { .. } | Action::Record(_) | Action::Answer => {}
                Action::Take { .. } | Action::EndTake { .. } | Action::Announce { .. } => {}
                Action::Agent { .. } | Action::Transfer { .. } => {
                    assert_eq!(self.playing, None, "no prompt plays into a hand-off");
                    self.with_agent = true;
                }
                Action::Lookup { .. } | Action::Music(_) | Action::Join { .. } | Action::Leave => {}
                Action::Hangup { .. } | Action::Reject(_) => self.ended = true,
            }
        }
        self.climbed(&before, &changed);
        assert!(self.run.next_deadline().is_none_or(|at| at >= self.now));
    }

    /// A question is put only for a fact that is unknown, and no prompt of it twice.
    fn heard(&mut self, say: &[Utterance]) {
        let [Utterance::Clip(clip)] = say else { return };
        let id = clip.trim_start_matches("en/");
        if let Some((_, fact)) = self.asks.iter().find(|(ask, _)| ask == id) {
            assert!(self.context.facts[*fact].is_unknown(), "{id} asks for what is known");
            assert!(!self.said.iter().any(|said| said == id), "{id} is asked twice");
            self.said.push(id.to_owned());
        }
    }

    /// States only climb, and every change is told once.
    fn climbed(&self, before: &[Fact], changed: &[String]) {
        for (at, (old, new)) in before.iter().zip(&self.context.facts).enumerate() {
            assert!(old.is_unknown() || old.state == new.state, "{} was overwritten", new.name);
            let told = changed.iter().filter(|name| **name == new.name).count();
            assert_eq!(told, usize::from(old.state != new.state), "{}", new.name);
            let fits = |value: &Secret| self.run.flow.facts[at].accepts(value.open());
            assert!(new.value().is_none_or(fits), "{} holds no value of its own", new.name);
        }
    }

    fn step(&mut self) {
        self.now = self.now + Duration::from_millis(u64::from(self.random.below(4_000)));
        if let Some(at) = self.run.next_deadline().filter(|at| *at <= self.now) {
            self.now = at;
            return self.event(Event::Deadline);
        }
        match self.random.below(10) {
            0..=3 => {
                let keys = b"1212120123456789*##A";
                let key = char::from(keys[self.random.below(keys.len() as u32) as usize]);
                if let Some(key) = Key::from_char(key) {
                    self.event(Event::Key(key));
                }
            }
            4..=6 => {
                if let Some(play) = self.playing.take() {
                    self.event(Event::PlayEnded(play));
                }
            }
            7 if self.with_agent => {
                self.with_agent = false;
                let end = if self.random.below(2) == 0 { AgentEnd::Failed } else { AgentEnd::Done };
                self.event(Event::Agent(end));
            }
            // A late report of a prompt that was stopped.
            8 => {
                let play = self.random.below(9);
                self.playing.take_if(|p| *p == play);
                self.event(Event::PlayEnded(play));
            }
            _ => {}
        }
    }
}

#[test]
fn on_every_path_nothing_is_asked_twice_and_every_call_ends() {
    let mut endings = [0; 3];
    for seed in 0..WALKS {
        let mut walk = Walk::new([FLOW, SURVEY][(seed % 2) as usize], seed);
        walk.event(Event::Begin);
        let events = (0..MAX_EVENTS).take_while(|_| {
            walk.step();
            !walk.ended
        });
        assert!(events.count() < MAX_EVENTS, "walk {seed} does not end");
        let facts = &walk.context.facts;
        for (count, is) in endings.iter_mut().zip([
            |f: &Fact| matches!(f.state, State::Unknown),
            |f: &Fact| f.value().is_some(),
            |f: &Fact| matches!(f.state, State::Declined { .. }),
        ]) {
            *count += facts.iter().filter(|f| is(f)).count();
        }
    }
    assert!(endings.iter().all(|count| *count > 100), "the walks reach every state: {endings:?}");
}
