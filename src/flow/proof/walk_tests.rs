//! Calls of the examples at random, through what really runs: every place that one comes to, with its facts as they stand
//! there, is among the states that the proofs walk.

use super::explore::States;
use super::ground::Ground;
use super::standing::Status;
use crate::context::{Context, Inbound, Outcome, State};
use crate::flow::load::load_with;
use crate::flow::prompts::{PromptBook, Prompts};
use crate::flow::run::{self, Action, AgentEnd, Event, LineWord, Run};
use crate::flow::{Flow, proof};
use crate::key::Key;
use crate::random::Random;
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use crate::yaml::Source;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

const WALKS: u64 = 400;
const MAX_EVENTS: usize = 3_000;

/// Keyed in, and answered by lookups: some fit, some do not.
const VALUES: [&str; 12] = [
    "79927398713",
    "4111111111111111",
    "1234",
    "123456",
    "01021980",
    "true",
    "false",
    "en",
    "billing",
    "0",
    "2026-12-05",
    "12025550123",
];

fn example(name: &str, flow: &str, books: &[(&str, &str)]) -> (Flow, Prompts) {
    let file = |path: String, text: &str| Source { path, text: text.to_owned() };
    let book = |(language, text): &(&str, &str)| PromptBook::read(language, &file(format!("{language}.yaml"), text)).0;
    let mut books = books.iter().map(book);
    let prompts = Prompts::new(books.next().expect("a language"), books.collect());
    let (flow, _) = load_with(&file(format!("{name}.yaml"), flow), &[], &prompts).expect("it loads");
    (flow, prompts)
}

macro_rules! example {
    ($name:literal, $($language:literal),+) => {
        example(
            $name,
            include_str!(concat!("../../../flows/", $name, ".yaml")),
            &[$(($language, include_str!(concat!("../../../flows/", $name, "/", $language, ".yaml")))),+],
        )
    };
}

fn examples() -> Vec<(Flow, Prompts)> {
    vec![
        example!("contact-center", "en", "es"),
        example!("bank-card", "en"),
        example!("pharmacy", "en"),
        example!("multi-brand", "en"),
        example!("after-hours", "en"),
        example!("announce-desk", "en"),
    ]
}

struct Walk<'w> {
    ground: &'w Ground<'w>,
    states: &'w States,
    run: Run,
    context: Context,
    now: Instant,
    random: Random,
    playing: Option<u32>,
    looking: Option<u32>,
    taking: Option<String>,
    announcing: Option<u32>,
    in_line: bool,
    with_agent: bool,
    ended: bool,
    gone: bool,
    facts: Vec<Status>,
    steps: usize,
}

impl Walk<'_> {
    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.random.below(all.len() as u32) as usize]
    }

    fn event(&mut self, event: Event) {
        self.run.handle(self.now, &mut self.context, event);
        while let Some(action) = self.run.poll() {
            match action {
                Action::Play { play, .. } => self.playing = Some(play),
                Action::Stop => self.playing = None,
                Action::Lookup { lookup, .. } => self.looking = Some(lookup),
                Action::Agent { .. } | Action::Transfer { .. } => self.with_agent = true,
                Action::Join { .. } => self.in_line = true,
                Action::Leave => self.in_line = false,
                Action::Fact(fact) => self.changed(&fact.name, &fact.state),
                Action::Step { block, step, .. } => self.entered(&block, step - 1),
                Action::Hangup { .. } | Action::Reject(_) => self.ended = true,
                Action::Take { take, .. } => self.taking = Some(take),
                Action::Announce { announce, .. } => self.announcing = Some(announce),
                Action::Answer | Action::Record(_) | Action::EndTake { .. } | Action::Music(_) => {}
            }
        }
    }

    fn changed(&mut self, name: &str, state: &State) {
        let at = self.ground.flow.facts.iter().position(|fact| fact.name.text == *name).expect("a fact");
        self.facts[at] = match state {
            State::Unknown => Status::Unknown,
            State::Declined { .. } => Status::Declined,
            State::Filled { value, .. } => Status::Filled(self.ground.value(at, value.open())),
        };
    }

    fn entered(&mut self, block: &str, step: usize) {
        self.steps += 1;
        let at = self.ground.flow.blocks.iter().position(|known| known.name.text == *block).expect("a block");
        let known = self.states.has(self.ground, (at, step), &self.facts);
        assert!(known, "{}: nobody thought of {block}:{} with {:?}", self.ground.flow.name.text, step + 1, self.facts);
    }

    fn step(&mut self) {
        self.now = self.now + Duration::from_millis(u64::from(self.random.below(4_000)));
        if let Some(at) = self.run.next_deadline().filter(|at| *at <= self.now) {
            self.now = at;
            return self.event(Event::Deadline);
        }
        match self.random.below(12) {
            0..=2 => {
                let value = self.pick(&VALUES);
                for key in value.chars().chain(['#']).filter_map(Key::from_char) {
                    if !self.ended {
                        self.event(Event::Key(key));
                    }
                }
            }
            3..=4 => {
                let key = self.pick(&['1', '2', '3', '0', '*']);
                self.event(Event::Key(Key::from_char(key).expect("a key")));
            }
            5..=6 => {
                if let Some(play) = self.playing.take() {
                    self.event(Event::PlayEnded(play));
                }
            }
            7..=8 => self.answer(),
            9 if self.in_line && !self.with_agent => {
                let word = self.pick(&[LineWord::Place { position: 1, wait: None }, LineWord::Turn, LineWord::Full]);
                self.event(Event::Line(word));
            }
            10 if self.with_agent => {
                self.with_agent = false;
                let end = self.pick(&[AgentEnd::Failed, AgentEnd::Done, AgentEnd::Escalated]);
                self.event(Event::Agent(end));
            }
            11 if !self.gone && self.random.below(40) == 0 => {
                self.gone = true;
                self.event(Event::Gone);
            }
            _ => {}
        }
    }

    fn answer(&mut self) {
        if let Some(take) = self.taking.take() {
            let outcome = self.pick(&[Outcome::Ok, Outcome::Ok, Outcome::None, Outcome::Failed]);
            self.event(Event::Taken { take, outcome });
        }
        if let Some(announce) = self.announcing.take() {
            let done = self.random.below(2) == 0;
            self.event(Event::Announced { announce, done });
        }
        let Some(lookup) = self.looking.take() else { return };
        let outcomes =
            [Outcome::Ok, Outcome::Ok, Outcome::Ok, Outcome::None, Outcome::Refused, Outcome::Slow, Outcome::Failed];
        let outcome = self.pick(&outcomes);
        let names: Vec<String> = self.ground.flow.facts.iter().map(|fact| fact.name.text.clone()).collect();
        let given =
            self.ground.flow.lookups.iter().flat_map(|lookup| &lookup.gives).map(|given| given.name.text.clone());
        let names: Vec<String> = names.into_iter().chain(given).collect();
        let values = names.into_iter().filter_map(|name| {
            let value = self.pick(&VALUES);
            (self.random.below(2) == 0).then(|| (name, Secret::new(value)))
        });
        let values = values.collect();
        self.event(Event::LookedUp { lookup, outcome, values });
    }
}

fn context(flow: &Flow, at: Timestamp) -> Context {
    Context { caller_number: Some(Secret::new("+12025550123")), started: at, ..run::tests::context(flow) }
}

#[test]
fn wherever_a_call_comes_to_the_proofs_have_been() {
    for (flow, prompts) in examples() {
        let ground = Ground::new(&flow, &prompts, None);
        let Ok(states) = States::explore(&ground) else { panic!("too many states") };
        let (shared, spoken) = (Arc::new(flow.clone()), Arc::new(prompts.clone()));
        let mut steps = 0;
        for seed in 0..WALKS {
            let mut random = Random::from_seed(seed);
            let hours = SignedDuration::from_hours(i64::from(random.below(24 * 7)));
            let at = Timestamp::UNIX_EPOCH.checked_add(hours).expect("a time");
            let uui = flow
                .facts
                .iter()
                .filter(|_| random.below(3) == 0)
                .map(|fact| fact.name.text.clone())
                .collect::<Vec<_>>();
            let uui = uui
                .into_iter()
                .map(|name| (name, Secret::new(VALUES[random.below(VALUES.len() as u32) as usize])))
                .collect();
            let inbound = Inbound { uui, caller_number: Some(Secret::new("+12025550123")), ..Inbound::default() };
            let mut walk = Walk {
                ground: &ground,
                states: &states,
                run: Run::new(Arc::clone(&shared), Arc::clone(&spoken), inbound),
                context: context(&flow, at),
                now: Instant::from_micros(1),
                random,
                playing: None,
                looking: None,
                taking: None,
                announcing: None,
                in_line: false,
                with_agent: false,
                ended: false,
                gone: false,
                facts: vec![Status::Unknown; flow.facts.len()],
                steps: 0,
            };
            walk.event(Event::Begin);
            let events = (0..MAX_EVENTS).take_while(|_| {
                walk.step();
                !walk.ended
            });
            assert!(events.count() < MAX_EVENTS, "walk {seed} does not end");
            steps += walk.steps;
        }
        assert!(steps > 800, "{}: the walks come far enough: {steps}", flow.name.text);
        assert_eq!(proof::prove(&flow, &prompts, &|_| None).len(), 0, "{}", flow.name.text);
    }
}
