//! A recorded call as it is seen from outside: what its caller and its agents do, and what they hear and are sent, each with
//! the cause from which its time counts. A key follows the prompt that the caller heard, not the clock.

use super::handoff::HandOff;
use super::{Sounds, carrier_of};
use crate::audio::{Utterance, spoken};
use crate::context::carrier::uui;
use crate::peer::Act;
use crate::record::compare::prompt;
use crate::record::fixture::{Fixture, Step};
use crate::record::seam::{Arrival, In, KeyCarrier, Leg, Out};
use crate::sdp::Direction;
use crate::sip::{Message, wire};
use crate::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Something of the call that is seen from outside.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Microseconds since the INVITE, as recorded.
    pub t: u64,
    pub what: What,
    /// The mark that this one follows; `None`: the INVITE.
    pub cause: Option<usize>,
    /// How long after that.
    pub after: Duration,
    /// The block and the step that the call was in, and its line in the flow.
    pub place: Option<(String, usize)>,
    pub line: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    // What the other system does.
    Answers,
    Rejects(u16),
    /// A prompt by its name, and its clips, as far as they can be told; the first one says that it begins.
    Says {
        leg: Leg,
        prompt: String,
        words: Vec<String>,
    },
    /// That prompt is over: not seen, but known by its length.
    Said(Leg),
    Calls(HandOff),
    Withdraws,
    HangsUp(Leg),
    // What we do.
    Press {
        leg: Leg,
        key: char,
        by: KeyCarrier,
    },
    Rings,
    Takes,
    Refuses(u16),
    Acts(Leg, Act),
    Leaves(Leg),
}

impl What {
    /// Whether it is ours to do.
    pub fn is_ours(&self) -> bool {
        use What::{Acts, Leaves, Press, Refuses, Rings, Takes};
        matches!(self, Press { .. } | Rings | Takes | Refuses(_) | Acts(..) | Leaves(_))
    }

    /// The side that alone has to do with it; of what both may notice, none.
    pub fn side(&self) -> Option<Leg> {
        match self {
            What::Says { leg, .. } | What::Said(leg) | What::Press { leg, .. } | What::Acts(leg, _) => Some(*leg),
            What::Rings | What::Withdraws => Some(Leg::Agent),
            _ => None,
        }
    }
}

/// As a difference names it: without a value of the caller's.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = |leg: &Leg| if *leg == Leg::Caller { "the caller" } else { "the agent" };
        match self {
            What::Answers => f.write_str("the call is answered"),
            What::Rejects(status) => write!(f, "the call is refused with {status}"),
            What::Says { leg, prompt, .. } => write!(f, "{} hears {prompt}", who(leg)),
            What::Said(_) => f.write_str("the prompt is over"),
            What::Calls(handoff) => write!(f, "{} is called", handoff.user),
            What::Withdraws => f.write_str("the agent's phone stops ringing"),
            What::HangsUp(leg) => write!(f, "the system hangs up on {}", who(leg)),
            // Keys are the caller's own.
            What::Press { leg, .. } => write!(f, "{} presses a key", who(leg)),
            What::Rings => f.write_str("the agent's phone rings"),
            What::Takes => f.write_str("the agent answers"),
            What::Refuses(status) => write!(f, "the agent's phone refuses with {status}"),
            What::Acts(leg, Act::SendOn(_)) => write!(f, "{} sends the other one on", who(leg)),
            What::Acts(leg, _) => write!(f, "{} holds or resumes", who(leg)),
            What::Leaves(leg) => write!(f, "{} hangs up", who(leg)),
        }
    }
}

/// Whom the INVITE is from and what it brings along.
#[derive(Clone)]
pub struct Caller {
    /// `None`: withheld.
    pub number: Option<String>,
    /// The number is for the system alone: its network asserts it.
    pub private: bool,
    pub name: String,
    pub to: String,
    pub headers: Vec<(String, String)>,
    /// Telephone-event is offered.
    pub events: bool,
}

pub struct Plan {
    pub caller: Caller,
    pub marks: Vec<Mark>,
    /// What of the recording nobody outside can see or bring about, for a person.
    pub unjudged: BTreeSet<String>,
    /// From the INVITE to the last line.
    pub length: Duration,
}

impl Plan {
    /// `keys`: what carries them in place of what carried them then. The error is why the call cannot be had from outside.
    pub fn of(fixture: &Fixture, sounds: &Sounds, keys: Option<KeyCarrier>) -> Result<Plan, String> {
        let first = fixture.lines.first().map(|line| &line.step);
        let Some(Step::In(In::Invite(arrival))) = first else {
            return Err("the recording does not begin with the INVITE".to_owned());
        };
        if !fixture.header.complete {
            return Err("the recording is not complete: the call broke, or outgrew its journal".to_owned());
        }
        let mut reading = Reading {
            sounds,
            carriers: Leg::BOTH.map(|leg| carrier_of(fixture, leg)),
            keys,
            marks: Vec::new(),
            unjudged: BTreeSet::from(["facts: they are not seen from outside".to_owned()]),
            plays: BTreeMap::new(),
            place: None,
            line: None,
            ringing: false,
        };
        for line in &fixture.lines[1..] {
            match &line.step {
                Step::In(input) => reading.input(line.t, input)?,
                Step::Out(out) => reading.output(line.t, out)?,
            }
        }
        let by = keys.or(reading.carriers[Leg::Caller as usize]).unwrap_or(KeyCarrier::Rtp);
        if arrival.web.len() + arrival.last_call.len() + arrival.case.len() > 0 {
            reading.note("what was known before the call: it is not in an INVITE");
        }
        let Reading { marks, unjudged, .. } = reading;
        let length = Duration::from_micros(fixture.lines.last().map_or(0, |line| line.t));
        Ok(Plan { caller: caller(arrival, by != KeyCarrier::InBand), marks, unjudged, length })
    }
}

fn caller(arrival: &Arrival, events: bool) -> Caller {
    let open = |value: &Option<crate::secret::Secret>| value.as_ref().map(|value| value.open().to_owned());
    let mut headers = Vec::new();
    if !arrival.uui.is_empty() {
        headers.push(("User-to-User".to_owned(), uui::of_caller(&arrival.uui)));
    }
    headers.extend(arrival.headers.iter().map(|(name, value)| (name.clone(), value.open().to_owned())));
    let name = open(&arrival.name).unwrap_or_else(String::new);
    let (number, private) = (open(&arrival.from), arrival.private);
    Caller { number, private, name, to: arrival.to.clone(), headers, events }
}

struct Reading<'s> {
    sounds: &'s Sounds,
    /// By leg, the best carrier of keys that there was: lesser ones repeat what it says.
    carriers: [Option<KeyCarrier>; 2],
    keys: Option<KeyCarrier>,
    marks: Vec<Mark>,
    unjudged: BTreeSet<String>,
    /// The marks of prompts, by their play, and how long each is now.
    plays: BTreeMap<u32, (usize, Option<Duration>)>,
    place: Option<(String, usize)>,
    line: Option<usize>,
    /// An agent's phone has our INVITE and has not said its last word.
    ringing: bool,
}

impl Reading<'_> {
    fn input(&mut self, t: u64, input: &In) -> Result<(), String> {
        let cannot = |what: &str| Err(format!("{what} cannot be had from outside"));
        match input {
            In::Key { leg, key, by } if Some(*by) == self.carriers[*leg as usize] => {
                self.mark(t, What::Press { leg: *leg, key: key.to_char(), by: self.keys.unwrap_or(*by) });
            }
            In::PlayEnded { play } => {
                if let Some((mark, length)) = self.plays.remove(play) {
                    let after = length.unwrap_or(Duration::from_micros(t.saturating_sub(self.marks[mark].t)));
                    let (place, line) = (self.place.clone(), self.line);
                    let what = What::Said(self.marks[mark].what.side().unwrap_or(Leg::Caller));
                    self.marks.push(Mark { t, what, cause: Some(mark), after, place, line });
                }
            }
            In::Progress { status: 180.., .. } if self.ringing && !self.rings() => self.mark(t, What::Rings),
            In::Answered { answer: None } => return cannot("an answer without a usable description"),
            In::Answered { .. } if self.ringing => {
                self.ringing = false;
                self.mark(t, What::Takes);
            }
            In::Refused { contacts, .. } if self.ringing && !contacts.is_empty() => {
                return cannot("a 3xx to elsewhere");
            }
            In::Refused { status, .. } if self.ringing => {
                self.ringing = false;
                self.mark(t, What::Refuses(*status));
            }
            In::Refer { replaces: Some(_), .. } => return cannot("an attended transfer (Replaces)"),
            In::Refer { leg, to, .. } => self.mark(t, What::Acts(*leg, Act::SendOn(to.clone()))),
            In::Reoffer { leg, offer } => {
                let act = match offer.as_ref().map(|offer| offer.direction) {
                    Some(Direction::SendOnly) => Act::Hold,
                    Some(Direction::Inactive | Direction::RecvOnly) => Act::Park,
                    Some(Direction::SendRecv) | None => Act::Resume,
                };
                self.mark(t, What::Acts(*leg, act));
            }
            In::Bye { leg } => self.mark(t, What::Leaves(*leg)),
            In::Lost { .. } => return cannot("a phone that vanishes without a BYE"),
            In::LookedUp { .. } => self.note("lookups: that system asks its own endpoints"),
            In::Line(_) => self.note("turns in lines: that system has its own callers"),
            In::Switch { .. } => self.note("switches: set them there as they were"),
            In::Store { kept: false, .. } => self.note("a store that fails: that system's own keeps"),
            In::Taken { .. } | In::Announced { .. } => self.note("what the caller said: our phone says a hum"),
            _ => {}
        }
        Ok(())
    }

    fn output(&mut self, t: u64, out: &Out) -> Result<(), String> {
        match out {
            Out::Answer { .. } => self.mark(t, What::Answers),
            Out::Reject { status, .. } => self.mark(t, What::Rejects(*status)),
            Out::Step { block, step, line, .. } => {
                (self.place, self.line) = (Some((block.clone(), *step)), Some(*line))
            }
            Out::Play { leg, play, say, looped: false, .. } => {
                let mut words = words(say);
                words.retain(|word| self.sounds.knows.contains(word));
                let prompt = prompt(say);
                if words.is_empty() {
                    self.note(&format!("the prompt {prompt}: it is not among the flow's, or sounds like another"));
                    return Ok(());
                }
                let spans = self.sounds.arena.spans(say).ok();
                let length = spans.map(|spans| spans.into_iter().map(|span| span.time()).sum());
                self.mark(t, What::Says { leg: *leg, prompt, words });
                self.plays.insert(*play, (self.marks.len() - 1, length));
            }
            Out::Play { looped: true, .. } => self.note("music: each system has its own"),
            Out::Agent { invite, .. } => {
                let Ok(Message::Request(request)) = wire::read(invite.as_bytes()) else {
                    return Err("the recorded INVITE to the agent cannot be read".to_owned());
                };
                self.ringing = true;
                self.mark(t, What::Calls(HandOff::of(&request)));
            }
            Out::Refer { .. } => {
                return Err("a caller's phone that is sent elsewhere (REFER) cannot be had from outside".to_owned());
            }
            Out::Cancel => {
                self.ringing = false;
                self.mark(t, What::Withdraws);
            }
            Out::Hangup { leg } => self.mark(t, What::HangsUp(*leg)),
            _ => {}
        }
        Ok(())
    }

    /// The agent's phone rings already.
    fn rings(&self) -> bool {
        matches!(self.marks.last(), Some(Mark { what: What::Rings, .. }))
    }

    fn note(&mut self, what: &str) {
        self.unjudged.insert(what.to_owned());
    }

    fn mark(&mut self, t: u64, what: What) {
        let cause = self.marks.iter().rposition(|before| causes(&before.what, &what));
        let since = cause.map_or(0, |cause| self.marks[cause].t);
        let (place, line) = (self.place.clone(), self.line);
        self.marks.push(Mark { t, what, cause, after: Duration::from_micros(t.saturating_sub(since)), place, line });
    }
}

/// Whether something may be the cause of what comes next after it. A person acts upon what it hears begin, and upon what
/// it did last; the system goes on when a prompt is over as well.
fn causes(before: &What, next: &What) -> bool {
    let leg = match next {
        What::Rings | What::Takes | What::Refuses(_) => return matches!(before, What::Calls(_)),
        What::Press { leg, .. } | What::Acts(leg, _) | What::Leaves(leg) => Some(*leg),
        _ => None,
    };
    match (leg, before) {
        (None, before) => *before != What::Rings,
        (Some(Leg::Caller), What::Said(_)) => false,
        (Some(leg), before) => before.side().is_none_or(|side| side == leg),
    }
}

/// The clips of what is said, in their order.
fn words(say: &[Utterance]) -> Vec<String> {
    let mut words = Vec::new();
    for utterance in say {
        match utterance {
            Utterance::Clip(name) => words.push(name.clone()),
            Utterance::Value { language, reading, value } => {
                words.extend(spoken::clips(language, *reading, value.open()));
            }
        }
    }
    words
}
