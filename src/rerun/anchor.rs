//! What an input of a recording answers to. A caller presses a key some time after a prompt began, not so many seconds into
//! the call: where the flow was edited, the key is to follow its prompt.

use crate::audio::Utterance;
use crate::record::fixture::{Line, Step};
use crate::record::seam::{In, Leg, Out};
use std::collections::HashMap;

/// Something that a call does and the world answers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The INVITE.
    Start,
    /// A prompt by its clips, values left out.
    Play(Leg, String),
    /// A prompt that asks for that fact.
    Asked(String),
    /// A prompt of that block's step, which is of that verb.
    Placed(String, usize, String),
    Early,
    Mint,
    Store,
    Lookup(String),
    Resolve(String),
    Agent(String),
    Refer(String),
    Join(String),
    Bridge,
    Record,
    Take,
    EndTake,
    Announce,
}

/// The first, second ... time of a cause.
pub type Occurrence = (Cause, u32);

/// A recorded input and what it answers to.
#[derive(Clone, Debug)]
pub struct Stimulus {
    /// When it came, in the recording.
    pub t: u64,
    pub input: In,
    /// The best first; another one only counts where the ones before it never happen.
    pub causes: Vec<Occurrence>,
    /// How long after its cause it came.
    pub after: u64,
}

/// Counts causes as they happen.
#[derive(Default)]
pub struct Counter {
    counts: HashMap<Cause, u32>,
    place: Option<Cause>,
    /// What the step under way asks for.
    fact: Option<String>,
}

impl Counter {
    /// A step begins, which asks for that fact.
    pub fn step(&mut self, block: &str, step: usize, verb: &str, fact: Option<String>) {
        (self.place, self.fact) = (Some(Cause::Placed(block.to_owned(), step, verb.to_owned())), fact);
    }

    /// What an output is the occurrence of; the most telling first.
    pub fn of(&mut self, out: &Out) -> Vec<Occurrence> {
        let causes = match out {
            Out::Play { leg, say, .. } => {
                let mut causes = vec![Cause::Play(*leg, clips(say))];
                if *leg == Leg::Caller {
                    causes.extend(self.fact.clone().map(Cause::Asked));
                    causes.extend(self.place.clone());
                }
                causes
            }
            Out::Early { .. } => vec![Cause::Early],
            Out::Mint => vec![Cause::Mint],
            Out::Store { .. } => vec![Cause::Store],
            Out::Lookup { name, .. } => vec![Cause::Lookup(name.clone())],
            Out::Resolve { uri, .. } => vec![Cause::Resolve(uri.clone())],
            Out::Agent { destination, .. } => vec![Cause::Agent(destination.clone())],
            Out::Refer { destination, .. } => vec![Cause::Refer(destination.clone())],
            Out::Join { queue, .. } => vec![Cause::Join(queue.clone())],
            Out::Bridge => vec![Cause::Bridge],
            Out::Record { .. } => vec![Cause::Record],
            Out::Take { .. } => vec![Cause::Take],
            Out::EndTake { .. } => vec![Cause::EndTake],
            Out::Announce { .. } => vec![Cause::Announce],
            _ => Vec::new(),
        };
        causes.into_iter().map(|cause| self.count(cause)).collect()
    }

    fn count(&mut self, cause: Cause) -> Occurrence {
        let count = self.counts.entry(cause.clone()).or_default();
        *count += 1;
        (cause, *count)
    }
}

/// The clips of a play: what it is known by.
pub fn clips(say: &[Utterance]) -> String {
    let names = say.iter().map(|utterance| match utterance {
        Utterance::Clip(name) => name.as_str(),
        Utterance::Value { .. } => "*",
    });
    names.collect::<Vec<_>>().join(" ")
}

/// What happened last towards a side, and when.
type Last = (u64, Vec<Occurrence>);

/// All that a recording's outputs were, and what its inputs, but for the INVITE, answer to.
pub struct Anchored {
    pub stimuli: Vec<Stimulus>,
    pub happened: HashMap<Occurrence, u64>,
    /// How long a play was heard that did not come to its end.
    pub heard: HashMap<Occurrence, u64>,
}

pub fn anchor(lines: &[Line]) -> Anchored {
    let mut counter = Counter::default();
    let mut happened = HashMap::new();
    let mut stimuli = Vec::new();
    let start: Last = (0, vec![(Cause::Start, 0)]);
    let mut last: [Last; 2] = [start.clone(), start.clone()];
    // What numbers stand for, by the kind of thing that is numbered.
    let mut numbered: HashMap<(u8, u32), Last> = HashMap::new();
    let mut latest: HashMap<u8, Last> = HashMap::new();
    let mut playing: [Option<(u64, Occurrence)>; 2] = [None, None];
    let mut heard = HashMap::new();
    for (at, line) in lines.iter().enumerate() {
        let out = match &line.step {
            Step::Out(out) => out,
            Step::In(In::Invite(_)) => continue,
            Step::In(input) => {
                let cause = match asked(input) {
                    Asked::Side(leg) => Some(&last[leg as usize]),
                    Asked::Numbered(kind, number) => numbered.get(&(kind, number)),
                    Asked::Latest(kind) => latest.get(&kind),
                    Asked::Clock => None,
                };
                let (since, mut causes) = cause.unwrap_or(&start).clone();
                if let In::Bye { leg: Leg::Caller } | In::Lost { leg: Leg::Caller, .. } = input {
                    // Callers hang up some time, whatever they hear.
                    causes.extend(start.1.clone());
                }
                stimuli.push(Stimulus { t: line.t, input: input.clone(), causes, after: line.t.saturating_sub(since) });
                continue;
            }
        };
        if let Out::Play { leg, .. } | Out::Stop { leg } = out {
            let cut = playing[*leg as usize].take();
            heard.extend(cut.map(|(since, play)| (play, line.t - since)));
        }
        if let Out::Step { block, step, verb, .. } = out {
            counter.step(block, *step, verb, fact_of(&lines[at + 1..]));
        }
        let causes = counter.of(out);
        if causes.is_empty() {
            continue;
        }
        happened.extend(causes.iter().map(|cause| (cause.clone(), line.t)));
        let caused: Last = (line.t, causes);
        match out {
            Out::Play { leg, .. } => {
                last[*leg as usize] = caused.clone();
                playing[*leg as usize] = Some((line.t, caused.1[0].clone()));
            }
            Out::Agent { .. } | Out::Refer { .. } => last[Leg::Agent as usize] = caused.clone(),
            Out::Bridge => last = [caused.clone(), caused.clone()],
            _ => {}
        }
        if let Some((kind, number)) = number(out) {
            numbered.insert((kind, number), caused.clone());
        }
        latest.insert(kind(out), caused);
    }
    Anchored { stimuli, happened, heard }
}

/// What an input answers to.
enum Asked {
    /// What that side heard last.
    Side(Leg),
    Numbered(u8, u32),
    Latest(u8),
    /// Nothing: the world's own time.
    Clock,
}

const PLAY: u8 = 0;
const STORE: u8 = 1;
const LOOKUP: u8 = 2;
const RESOLVE: u8 = 3;
const ANNOUNCE: u8 = 4;
const MINT: u8 = 5;
const PERSON: u8 = 6;
const LINE: u8 = 7;
const EARLY: u8 = 8;
const RECORD: u8 = 9;
const TAKE: u8 = 10;
const OTHER: u8 = 11;

fn number(out: &Out) -> Option<(u8, u32)> {
    match out {
        Out::Play { play, .. } => Some((PLAY, *play)),
        Out::Store { store, .. } => Some((STORE, *store)),
        Out::Lookup { lookup, .. } => Some((LOOKUP, *lookup)),
        Out::Resolve { resolve, .. } => Some((RESOLVE, *resolve)),
        Out::Announce { announce, .. } => Some((ANNOUNCE, *announce)),
        _ => None,
    }
}

fn kind(out: &Out) -> u8 {
    match out {
        Out::Mint => MINT,
        Out::Agent { .. } | Out::Refer { .. } => PERSON,
        Out::Join { .. } => LINE,
        Out::Early { .. } => EARLY,
        Out::Record { .. } => RECORD,
        Out::Take { .. } | Out::EndTake { .. } => TAKE,
        _ => OTHER,
    }
}

fn asked(input: &In) -> Asked {
    match input {
        In::Key { leg, .. } | In::Bye { leg } | In::Lost { leg, .. } | In::Refer { leg, .. } => Asked::Side(*leg),
        In::Reoffer { leg: Leg::Agent, .. } | In::LateAnswer { leg: Leg::Agent, .. } => Asked::Side(Leg::Agent),
        In::PlayEnded { play } => Asked::Numbered(PLAY, *play),
        In::Store { store, .. } => Asked::Numbered(STORE, *store),
        In::LookedUp { lookup, .. } => Asked::Numbered(LOOKUP, *lookup),
        In::Resolved { resolve, .. } => Asked::Numbered(RESOLVE, *resolve),
        In::Announced { announce, .. } => Asked::Numbered(ANNOUNCE, *announce),
        In::Ref { .. } => Asked::Latest(MINT),
        In::Progress { .. } | In::Answered { .. } | In::Refused { .. } | In::Referred { .. } | In::Transfer { .. } => {
            Asked::Latest(PERSON)
        }
        In::Line(_) => Asked::Latest(LINE),
        In::Shown => Asked::Latest(EARLY),
        In::Recorded { .. } => Asked::Latest(RECORD),
        In::Taken { .. } => Asked::Latest(TAKE),
        In::Invite(_) | In::Reoffer { .. } | In::LateAnswer { .. } | In::Switch { .. } => Asked::Clock,
    }
}

/// The fact that a step came to, from the lines behind its beginning.
fn fact_of(behind: &[Line]) -> Option<String> {
    let within = behind.iter().take_while(|line| !matches!(line.step, Step::Out(Out::Step { .. })));
    within.into_iter().find_map(|line| match &line.step {
        Step::Out(Out::Fact(fact)) => Some(fact.name.clone()),
        _ => None,
    })
}
