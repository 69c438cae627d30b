//! A recorded call again on a flow that may have been edited: each input comes as long after what it answers to as it did in
//! the recording. A prompt that is longer now moves what follows and nothing else.

use super::anchor::{self, Anchored, Cause, Counter, Occurrence, Stimulus};
use super::sounds::Sounds;
use super::{Unplayable, birth};
use crate::call::{Call, Program};
use crate::context::{Context, Outcome};
use crate::flow::step::Step as Verb;
use crate::media::FRAME_TIME;
use crate::random::Random;
use crate::record::compare::prompt;
use crate::record::fixture::{Fixture, Line, Step};
use crate::record::seam::{Arrival, In, Leg, LineTold, Out};
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What the recording cannot answer is answered by the world after so long.
const MADE_UP: Duration = Duration::from_millis(2);
/// A call that has so many lines goes on for ever: the engine's journal holds as many.
const LINES: usize = 20_000;

/// Something that the flow asked, and the recording never answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Microseconds since the INVITE.
    pub t: u64,
    /// Block, step, and the line in its file.
    pub place: Option<(String, usize, usize)>,
    pub what: Wanted,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// An answer of the caller's, to that prompt.
    Entry { fact: String, prompt: String },
    /// What a system of the business says.
    Lookup { name: String, values: Vec<String> },
    /// What becomes of a person who is called there, or of a caller who is sent there.
    Person { destination: String },
    /// How a line moves.
    Line { queue: String },
    /// Where a URI leads.
    Name { uri: String },
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wanted::Entry { fact, prompt } => {
                write!(f, "the caller is asked for `{fact}` by {prompt}, and the recorded caller never was")
            }
            Wanted::Lookup { name, .. } => {
                write!(f, "the lookup `{name}` is made, and the recording has no answer to it")
            }
            Wanted::Person { destination } => {
                write!(f, "`{destination}` is called, and the recording does not say who answers there")
            }
            Wanted::Line { queue } => write!(f, "the caller waits in `{queue}`, and the recording has no such wait"),
            Wanted::Name { uri } => write!(f, "{uri} is looked up, and the recording does not say where it leads"),
        }
    }
}

/// What a call did again.
#[derive(Debug)]
pub struct Ran {
    /// Inputs and outputs.
    pub lines: Vec<Line>,
    pub needs: Vec<Need>,
    /// Inputs of the recording for which there was no occasion: the line in the recording's order.
    pub unused: Vec<(u64, In)>,
}

/// Runs a recording on a flow as it is now.
pub fn run(fixture: &Fixture, program: &Program, sounds: &Sounds) -> Result<Ran, Unplayable> {
    watched(fixture, program, sounds, |_, _| {})
}

/// The same, and shows each line with what the call knows right after it.
pub fn watched(
    fixture: &Fixture,
    program: &Program,
    sounds: &Sounds,
    mut watch: impl FnMut(&Line, &Context),
) -> Result<Ran, Unplayable> {
    let Some(Line { step: Step::In(In::Invite(arrival)), .. }) = fixture.lines.first() else {
        return Err(Unplayable::NoInvite);
    };
    if !fixture.header.complete {
        return Err(Unplayable::Incomplete);
    }
    let Anchored { stimuli, happened, heard } = anchor::anchor(&fixture.lines);
    let setting = Setting { fixture, program, sounds, arrival, stimuli: &stimuli, happened: &happened, heard: &heard };
    // Where what an input answers to never happens, the next best is tried.
    let mut tiers = vec![0; stimuli.len()];
    loop {
        let play = Play::new(&setting, &tiers).run(|_, _| {})?;
        let mut moved = false;
        for at in play.idle() {
            let next = tiers[at] + 1;
            // It was not the cause that was missing: the call ended before the input was due.
            let missing = !play.seen(&causes(&stimuli[at])[tiers[at]]);
            if missing && next < causes(&stimuli[at]).len() {
                tiers[at] = next;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    Ok(Play::new(&setting, &tiers).run(&mut watch)?.ran())
}

/// What an input may answer to, the best first; in the end the time by the clock, for a caller hangs up some time.
fn causes(stimulus: &Stimulus) -> &[Occurrence] {
    match stimulus.input {
        In::Key { leg: Leg::Caller, .. } | In::Bye { .. } | In::Lost { .. } | In::Refer { .. } => &stimulus.causes,
        _ => &stimulus.causes[..1],
    }
}

struct Setting<'a> {
    fixture: &'a Fixture,
    program: &'a Program,
    sounds: &'a Sounds,
    arrival: &'a Arrival,
    stimuli: &'a [Stimulus],
    happened: &'a HashMap<Occurrence, u64>,
    heard: &'a HashMap<Occurrence, u64>,
}

/// One run.
struct Play<'a> {
    setting: &'a Setting<'a>,
    call: Call,
    counter: Counter,
    /// The stimuli by what they answer to.
    waiting: HashMap<Occurrence, Vec<usize>>,
    /// Inputs that are due; equal times in the order of the recording, what is made up behind them.
    due: BTreeMap<(Instant, usize), In>,
    made_up: usize,
    given: Vec<bool>,
    seen: HashSet<Occurrence>,
    /// By leg, the end of a play that the recording does not have.
    ends: [Option<(Instant, usize)>; 2],
    random: Random,
    asked: Question,
    lines: Vec<Line>,
    needs: Vec<Need>,
}

/// What a collect step has asked and got.
#[derive(Default)]
struct Question {
    place: Option<(String, usize, usize)>,
    fact: Option<String>,
    /// The first prompt, and when it began.
    prompt: Option<(u64, String)>,
    /// The recorded caller heard it too, or has answered.
    known: bool,
}

impl<'a> Play<'a> {
    fn new(setting: &'a Setting<'a>, tiers: &[usize]) -> Play<'a> {
        let call = Call::new(Instant::ZERO, birth(&setting.fixture.header, setting.program.clone()), setting.arrival);
        let mut waiting: HashMap<Occurrence, Vec<usize>> = HashMap::new();
        for (at, stimulus) in setting.stimuli.iter().enumerate() {
            let causes = causes(stimulus);
            waiting.entry(causes[tiers[at].min(causes.len() - 1)].clone()).or_default().push(at);
        }
        let mut play = Play {
            setting,
            call,
            counter: Counter::default(),
            waiting,
            due: BTreeMap::new(),
            made_up: setting.stimuli.len(),
            given: vec![false; setting.stimuli.len()],
            seen: HashSet::new(),
            ends: [None; 2],
            random: Random::from_seed(setting.fixture.header.seed ^ u64::MAX),
            asked: Question::default(),
            lines: Vec::new(),
            needs: Vec::new(),
        };
        play.happens(Instant::ZERO, &[(Cause::Start, 0)], |_| {});
        play
    }

    fn run(mut self, mut watch: impl FnMut(&Line, &Context)) -> Result<Play<'a>, Unplayable> {
        let first = Line { t: 0, step: Step::In(In::Invite(Box::new(self.setting.arrival.clone()))) };
        self.push(first, &mut watch);
        self.drain(&mut watch);
        loop {
            let due = self.due.first_key_value().map(|((at, _), _)| *at);
            match (due, self.call.next_deadline()) {
                _ if self.lines.len() > LINES => return Err(Unplayable::Endless),
                (Some(at), deadline) if deadline.is_none_or(|deadline| at < deadline) => {
                    let Some((_, input)) = self.due.pop_first() else { break };
                    if self.call.ended() {
                        continue;
                    }
                    self.asked.known |= matches!(input, In::Key { leg: Leg::Caller, .. });
                    if let In::Bye { leg } | In::Lost { leg, .. } = &input {
                        self.cut(*leg);
                    }
                    self.push(Line { t: at.as_micros(), step: Step::In(input.clone()) }, &mut watch);
                    self.call.handle(at, input);
                }
                (_, Some(deadline)) => self.call.advance(deadline),
                (_, None) => break,
            }
            self.drain(&mut watch);
        }
        self.answered_or_needed();
        Ok(self)
    }

    fn push(&mut self, line: Line, watch: &mut impl FnMut(&Line, &Context)) {
        watch(&line, self.call.context());
        self.lines.push(line);
    }

    fn drain(&mut self, watch: &mut impl FnMut(&Line, &Context)) {
        while let Some((at, out)) = self.call.poll() {
            self.observe(at, &out);
            self.push(Line { t: at.as_micros(), step: Step::Out(out) }, watch);
        }
    }

    /// What follows in the world from what the call does.
    fn observe(&mut self, at: Instant, out: &Out) {
        if let Out::Step { block, step, verb, line } = out {
            self.answered_or_needed();
            let fact = if verb == "collect" { self.fact(block, *step) } else { None };
            self.counter.step(block, *step, verb, fact.clone());
            self.asked = Question { place: Some((block.clone(), *step, *line)), fact, ..Question::default() };
        }
        let occurred = self.counter.of(out);
        let known = occurred.iter().any(|cause| self.setting.happened.contains_key(cause));
        match out {
            Out::Play { leg, play, say, looped, .. } => {
                let recorded = self.happens(at, &occurred, |input| renumber(input, out));
                if *leg == Leg::Caller && self.asked.fact.is_some() {
                    self.asked.prompt.get_or_insert_with(|| (at.as_micros(), prompt(say)));
                    self.asked.known |= known;
                }
                self.cut(*leg);
                if !looped && !recorded {
                    let heard = occurred.first().and_then(|cause| {
                        Some(Duration::from_micros(self.lasts(&cause.0, *self.setting.heard.get(cause)?)) + FRAME_TIME)
                    });
                    let length = self.setting.sounds.length(say);
                    let end = at + heard.map_or(length, |heard| heard.max(length));
                    self.ends[*leg as usize] = Some(self.make_up(end, In::PlayEnded { play: *play }));
                }
            }
            Out::Stop { leg } => self.cut(*leg),
            _ => {
                self.happens(at, &occurred, |input| renumber(input, out));
                if !known {
                    self.answer(at, out);
                }
            }
        }
    }

    /// The fact that a step of the flow as it is now asks for.
    fn fact(&self, block: &str, step: usize) -> Option<String> {
        let flow = &self.setting.program.flow;
        let block = flow.blocks.iter().find(|placed| placed.name.text == block)?;
        match &block.steps.get(step.checked_sub(1)?)?.step {
            Verb::Collect(collect) => Some(flow.facts[collect.fact()].name.text.clone()),
            _ => None,
        }
    }

    /// Lets come what answers to these. Says whether the end of a play is among it.
    fn happens(&mut self, at: Instant, occurred: &[Occurrence], number: impl Fn(&mut In)) -> bool {
        let mut ends = false;
        for cause in occurred {
            self.seen.insert(cause.clone());
            for stimulus in self.waiting.remove(cause).unwrap_or_default() {
                let Stimulus { input, after, t, .. } = &self.setting.stimuli[stimulus];
                let is_end = matches!(input, In::PlayEnded { .. });
                ends |= is_end;
                let after = if is_end { self.lasts(&cause.0, *after) } else { *after };
                // By the clock, it is due when it was.
                let by_clock = cause.0 == Cause::Start;
                let due = if by_clock { Instant::from_micros(*t) } else { at + Duration::from_micros(after) };
                let mut input = input.clone();
                number(&mut input);
                self.given[stimulus] = true;
                self.due.insert((due, stimulus), input);
            }
        }
        ends
    }

    /// How long after its beginning a play ends now, which ended so long after it in the recording: prompts that are spoken
    /// anew may be longer. What was read between them is as long as it was.
    fn lasts(&self, cause: &Cause, after: u64) -> u64 {
        let Cause::Play(_, clips) = cause else { return after };
        let lengths = clips.split(' ').filter_map(|name| {
            let was = self.setting.fixture.header.clips.get(name)?;
            Some((was.ms, self.setting.sounds.clip(name)?.ms))
        });
        let (was, is) = lengths.fold((0, 0), |(was, is), clip| (was + clip.0, is + clip.1));
        (after + is * 1_000).saturating_sub(was * 1_000)
    }

    fn make_up(&mut self, at: Instant, input: In) -> (Instant, usize) {
        self.made_up += 1;
        self.due.insert((at, self.made_up), input);
        (at, self.made_up)
    }

    /// What plays there ends without a word.
    fn cut(&mut self, leg: Leg) {
        if let Some(end) = self.ends[leg as usize].take() {
            self.due.remove(&end);
        }
    }

    /// What the recording does not answer.
    fn answer(&mut self, at: Instant, out: &Out) {
        let soon = at + MADE_UP;
        let wanted = match out {
            Out::Mint => {
                let reference = Secret::new(self.random.token() + &self.random.token());
                self.make_up(soon, In::Ref { reference });
                return;
            }
            Out::Store { store, .. } => {
                self.make_up(soon, In::Store { store: *store, kept: true });
                return;
            }
            Out::Announce { announce, .. } => {
                self.make_up(soon, In::Announced { announce: *announce, done: true });
                return;
            }
            Out::EndTake { take } => {
                self.make_up(soon, In::Taken { take: take.clone(), outcome: Outcome::Ok });
                return;
            }
            Out::Lookup { lookup, name, request } => {
                self.make_up(soon, In::LookedUp { lookup: *lookup, outcome: Outcome::Failed, values: Vec::new() });
                let values = request.wants.iter().map(|want| want.name.clone()).collect();
                Wanted::Lookup { name: name.clone(), values }
            }
            Out::Agent { destination, .. } => {
                let reason = "Temporarily Unavailable".to_owned();
                self.make_up(soon, In::Refused { status: 480, reason, contacts: Vec::new() });
                Wanted::Person { destination: destination.clone() }
            }
            Out::Refer { destination, .. } => {
                self.make_up(soon, In::Referred { status: 603 });
                Wanted::Person { destination: destination.clone() }
            }
            Out::Join { queue, .. } => {
                self.make_up(soon, In::Line(LineTold::Turn));
                Wanted::Line { queue: queue.clone() }
            }
            Out::Resolve { resolve, uri } => {
                self.make_up(soon, In::Resolved { resolve: *resolve, hops: Vec::new() });
                Wanted::Name { uri: uri.clone() }
            }
            _ => return,
        };
        self.needs.push(Need { t: at.as_micros(), place: self.asked.place.clone(), what: wanted });
    }

    /// The step is over, or the call.
    fn answered_or_needed(&mut self) {
        let Question { place, fact, prompt, known } = std::mem::take(&mut self.asked);
        if let (Some(fact), Some((t, prompt)), false) = (fact, prompt, known) {
            self.needs.push(Need { t, place, what: Wanted::Entry { fact, prompt } });
        }
    }

    fn seen(&self, cause: &Occurrence) -> bool {
        self.seen.contains(cause)
    }

    /// The stimuli that did not come.
    fn idle(&self) -> Vec<usize> {
        (0..self.given.len()).filter(|at| !self.given[*at]).collect()
    }

    fn ran(self) -> Ran {
        let unused = self.idle().into_iter().map(|at| &self.setting.stimuli[at]);
        let unused = unused.filter(|idle| !matches!(idle.input, In::PlayEnded { .. }));
        let unused = unused.map(|stimulus| (stimulus.t, stimulus.input.clone())).collect();
        Ran { lines: self.lines, needs: self.needs, unused }
    }
}

/// What answers to an output bears its number, or its name.
fn renumber(input: &mut In, out: &Out) {
    match (input, out) {
        (In::PlayEnded { play }, Out::Play { play: now, .. }) => *play = *now,
        (In::Store { store, .. }, Out::Store { store: now, .. }) => *store = *now,
        (In::LookedUp { lookup, .. }, Out::Lookup { lookup: now, .. }) => *lookup = *now,
        (In::Resolved { resolve, .. }, Out::Resolve { resolve: now, .. }) => *resolve = *now,
        (In::Announced { announce, .. }, Out::Announce { announce: now, .. }) => *announce = *now,
        (In::Taken { take, .. }, Out::Take { take: now, .. } | Out::EndTake { take: now }) => take.clone_from(now),
        (In::Recorded { file, .. }, Out::Record { file: now, .. }) => file.clone_from(now),
        _ => {}
    }
}
