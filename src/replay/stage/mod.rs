//! A told call performed on the real one: `call::Call` in virtual time, and around it a made-up world that answers what it
//! asks for. What comes of it is a recording like any other, and runs again as one.
//!
//! ```text
//! script -> the call waits for a cue of this kind? -- no --> let what is due happen: prompts end, deadlines fall, the
//!    ^                 |                                      store keeps, names resolve
//!    |                 yes: the cue as inputs, in its own rhythm
//!    +-----------------+
//! the script is at its end: the caller hangs up
//! ```

mod acts;
pub mod keep;
mod place;
pub(super) mod rhythm;
mod timed;
mod unfit;
mod words;
mod world;

pub(super) use place::birth;
pub use place::{Place, agent_sdp};
pub use timed::{Need, Reheard, Scene, Timed};
pub use unfit::Unfit;
pub use words::Words;

use crate::audio::Arena;
use crate::call::{Birth, Call, Program};
use crate::context::Context;
use crate::flow::script::{Cue, Opening, Script};
use crate::key::Key;
use crate::random::Random;
use crate::record::fixture::{Fixture, Header, Line, Step};
use crate::record::seam::{Arrival, In, KeyCarrier, Leg, Out};
use crate::rerun::sounds;
use crate::time::{Duration, Instant};
use rhythm::{PAUSE, RHYTHM, TALKS};
use std::collections::BTreeMap;
use world::{Calling, Stands};

/// A call that has so many lines goes on for ever: the engine's journal holds as many.
const LINES: usize = 20_000;
/// A caller who only listens, and is neither asked nor handed on, stays so long.
const LISTENS: Duration = Duration::from_secs(600);

/// What a call waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// The caller is asked, and hears nothing any more.
    Key,
    /// The lookup of that name, and the values that it wants.
    Lookup { name: String, wants: Vec<String> },
    /// A word of that queue's line; `offered`: its way out was offered, and a key would be heard.
    Line { queue: String, offered: bool },
    /// What becomes of the person who is called, or of the caller who was sent away.
    Agent,
    /// It talks on and on, to a caller who has listened for long.
    Nothing,
    /// It is over.
    Over,
}

/// What a performance was.
pub struct Performed {
    pub fixture: Fixture,
    pub said: Vec<Said>,
}

/// What one side heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Microseconds since the INVITE.
    pub t: u64,
    pub leg: Leg,
    pub text: String,
}

/// Performs a script from its opening to the end of the call.
pub fn perform(program: &Program, arena: &Arena, place: &Place, script: &Script) -> Result<Performed, Unfit> {
    let mut stage = Stage::open(program, arena, place, &script.opening);
    for (number, cue) in script.cues.iter().enumerate() {
        stage.give(cue).map_err(|unfit| unfit.numbered(number + 1))?;
    }
    stage.close();
    let said = stage.said();
    Ok(Performed { fixture: stage.into_fixture(), said })
}

/// A call under way, and its world.
pub struct Stage<'p> {
    program: &'p Program,
    arena: &'p Arena,
    words: Words,
    header: Header,
    call: Call,
    now: Instant,
    lines: Vec<Line>,
    /// Draws what the shell would: references of contexts.
    random: Random,
    /// What the world answers, and when; equal times in the order in which it was asked.
    due: BTreeMap<(Instant, u64), In>,
    asked: u64,
    stands: Stands,
    /// How long a person talks with the caller.
    talks: Duration,
}

impl<'p> Stage<'p> {
    /// The call comes in.
    pub fn open(program: &'p Program, arena: &'p Arena, place: &Place, opening: &Opening) -> Stage<'p> {
        let (birth, arrival) = place::birth(program, place, opening);
        Stage::begin(program, arena, birth, arrival, "stage")
    }

    /// A call that is made from this, and comes in so; `source`: what made the recording.
    fn begin(program: &'p Program, arena: &'p Arena, birth: Birth, arrival: Arrival, source: &str) -> Stage<'p> {
        let now = Instant::ZERO;
        let header = birth.header(source);
        let random = Random::from_seed(birth.seed ^ u64::MAX);
        let call = Call::new(now, birth, &arrival);
        let mut stage = Stage {
            program,
            arena,
            words: Words::of(&program.prompts),
            header,
            call,
            now,
            lines: vec![Line { t: 0, step: Step::In(In::Invite(Box::new(arrival))) }],
            random,
            due: BTreeMap::new(),
            asked: 0,
            stands: Stands::default(),
            talks: TALKS,
        };
        stage.drain();
        stage
    }

    /// Lets happen what happens by itself, an entry under way included, until the call waits for a cue.
    pub fn settle(&mut self) -> Awaits {
        self.go_on(false)
    }

    /// The same, but that more keys of an entry may come.
    pub fn listen(&mut self) -> Awaits {
        self.go_on(true)
    }

    /// Gives a cue, once the call waits for one of its kind.
    pub fn give(&mut self, cue: &Cue) -> Result<(), Unfit> {
        let awaits = self.settle();
        match (cue, &awaits) {
            (_, Awaits::Over) => return Err(self.unfit(cue, &awaits)),
            (Cue::HangUp, _) if !self.stands.gone => self.hang_up(),
            (Cue::Press(keys), Awaits::Key | Awaits::Line { offered: true, .. }) => {
                self.pass(PAUSE - RHYTHM);
                keys.chars().filter_map(Key::from_char).for_each(|key| self.key(key));
            }
            (Cue::Silence, Awaits::Key) => self.be_silent(),
            (Cue::Lookup { outcome, values }, Awaits::Lookup { wants, .. }) => {
                if let Some((foreign, _)) = values.iter().find(|(name, _)| !wants.contains(name)) {
                    return Err(self.unfit(cue, &awaits).because(&unfit::unwanted(foreign, wants)));
                }
                self.found(*outcome, values);
            }
            (Cue::Agent(end), Awaits::Agent) => return self.agent(cue, *end),
            (Cue::Line(word), Awaits::Line { .. }) => return self.line(cue, *word),
            _ => return Err(self.unfit(cue, &awaits)),
        }
        Ok(())
    }

    /// One key of the caller's, a moment after what was before.
    pub fn key(&mut self, key: Key) {
        self.pass(RHYTHM);
        self.input(In::Key { leg: Leg::Caller, key, by: KeyCarrier::Rtp });
    }

    /// The caller waits so long.
    pub fn wait(&mut self, time: Duration) {
        self.pass(time);
    }

    /// From now on a person who is called talks with the caller for so long.
    pub fn talk_for(&mut self, time: Duration) {
        self.talks = time;
    }

    /// The call to its end: the caller hangs up, and what the flow does after that nobody answers.
    pub fn close(&mut self) {
        if self.settle() != Awaits::Over && !self.stands.gone {
            self.hang_up();
        }
        while !self.call.ended() {
            self.step();
        }
    }

    pub fn context(&self) -> &Context {
        self.call.context()
    }

    /// Whether keys of an entry have come, and more may.
    pub fn is_entering(&self) -> bool {
        self.call.is_entering()
    }

    /// Whether the caller is asked for what nobody may see.
    pub fn asks_in_private(&self) -> bool {
        self.call.asks_in_private()
    }

    /// Whether the caller has hung up.
    pub fn is_gone(&self) -> bool {
        self.stands.gone
    }

    /// What happened so far.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub fn words(&self) -> &Words {
        &self.words
    }

    /// What was said so far, music left out.
    pub fn said(&self) -> Vec<Said> {
        let said = self.lines.iter().filter_map(|line| match &line.step {
            Step::Out(Out::Play { leg, say, looped: false, .. }) => {
                Some(Said { t: line.t, leg: *leg, text: self.words.text(say) })
            }
            _ => None,
        });
        said.collect()
    }

    pub fn into_fixture(self) -> Fixture {
        let header = Header { clips: sounds::heard(self.arena, &self.lines), ..self.header };
        Fixture { header, lines: self.lines, sip: Vec::new() }
    }

    fn go_on(&mut self, keying: bool) -> Awaits {
        let until = self.now + LISTENS;
        loop {
            match self.awaits() {
                Some(Awaits::Key) if self.call.is_entering() && !keying => {}
                Some(awaits) => return awaits,
                None if self.now > until || self.lines.len() >= LINES => return Awaits::Nothing,
                None => {}
            }
            self.step();
        }
    }

    /// What the call waits for; `None`: for what happens by itself.
    fn awaits(&self) -> Option<Awaits> {
        let stands = &self.stands;
        if self.call.ended() {
            return Some(Awaits::Over);
        }
        if let Some(lookup) = &stands.lookup {
            return Some(Awaits::Lookup { name: lookup.name.clone(), wants: lookup.wants.clone() });
        }
        if let Some(line) = &stands.line {
            return Some(Awaits::Line { queue: line.queue.clone(), offered: line.offered });
        }
        match stands.calling {
            Some(Calling::Asked) => None,
            Some(_) => Some(Awaits::Agent),
            None if stands.verb == "collect"
                && !stands.gone
                && !stands.spoken
                && stands.playing[Leg::Caller as usize].is_none() =>
            {
                Some(Awaits::Key)
            }
            None => None,
        }
    }

    /// The next thing that happens by itself: something of the world's, or a deadline of the call's.
    fn step(&mut self) {
        let world = self.due.first_key_value().map(|((at, _), _)| *at);
        match (world, self.call.next_deadline()) {
            (Some(at), deadline) if deadline.is_none_or(|deadline| at <= deadline) => {
                let Some((_, input)) = self.due.pop_first() else { return };
                self.now = self.now.max(at);
                self.input(input);
            }
            (_, Some(deadline)) => {
                self.now = self.now.max(deadline);
                self.call.advance(deadline);
                self.drain();
            }
            (_, None) => {}
        }
    }

    /// So much time, and what happens in it.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let due = |stage: &Stage| {
            let world = stage.due.first_key_value().map(|((at, _), _)| *at);
            [world, stage.call.next_deadline()].into_iter().flatten().min().is_some_and(|at| at <= until)
        };
        while !self.call.ended() && due(self) {
            self.step();
        }
        self.now = self.now.max(until);
    }

    /// What the call learns now. As the engine does it: what is due comes first, and a call that has ended learns nothing.
    fn input(&mut self, input: In) {
        self.call.advance(self.now);
        self.drain();
        if self.call.ended() {
            return;
        }
        self.told(&input);
        self.lines.push(Line { t: self.now.as_micros(), step: Step::In(input.clone()) });
        self.call.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some((at, out)) = self.call.poll() {
            self.observe(at, &out);
            self.lines.push(Line { t: at.as_micros(), step: Step::Out(out) });
        }
    }
}
