//! One call in plain words, line by line: for whoever tries a flow, and for whoever asks what happened to a caller.

use super::stage::Words;
use crate::audio::Utterance;
use crate::audio::spoken::Reading;
use crate::context::document::FactState;
use crate::context::{Class, Context, Document, Fact, Outcome, Source, State, Why};
use crate::record::fixture::{Line, Step};
use crate::record::seam::{Arrival, Disposition, EndedBy, FactChange, In, Leg, LineTold, Out};
use crate::secret::Secret;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Digits of a value or a number that are shown where it is masked.
const TAIL: usize = 2;
/// Of a card's number, to its own author.
const CARD_TAIL: usize = 4;
/// In place of a value that its reader may not see.
pub const WITHHELD: &str = "withheld";

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Whoever made the values up: all but what nobody may see.
    Author,
    /// Anybody: values are masked as in traces.
    Anybody,
}

/// What happened, and when and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Microseconds since the INVITE.
    pub t: u64,
    /// `start:2, line 30`.
    pub place: String,
    pub text: String,
}

impl Row {
    /// `  0:04.2  start:2, line 30          the caller presses 1`.
    pub fn render(&self) -> String {
        let tenths = self.t / 100_000;
        let time = format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10);
        format!("{time:>8}  {:<24}  {}", self.place, self.text)
    }
}

/// `start:2, line 30`.
pub fn place(block: &str, step: usize, line: usize) -> String {
    format!("{block}:{step}, line {line}")
}

/// Tells the lines of a call, one after the other.
pub struct Teller<'w> {
    reader: Reader,
    words: Option<&'w Words>,
    place: String,
    verb: String,
    lookups: BTreeMap<u32, String>,
    /// Keys that were pressed and not told yet: since when, and as they are shown.
    keys: Option<(u64, String)>,
    /// The last context that went to the store.
    stored: Option<Document>,
}

impl<'w> Teller<'w> {
    /// Without words a clip is told by its name.
    pub fn new(reader: Reader, words: Option<&'w Words>) -> Self {
        let (place, verb) = (String::new(), String::new());
        Self { reader, words, place, verb, lookups: BTreeMap::new(), keys: None, stored: None }
    }

    /// What there is to tell of a line. `context` is that of the call right after it, where there is one.
    pub fn tell(&mut self, line: &Line, context: Option<&Context>) -> Vec<Row> {
        let mut rows = Vec::new();
        if let Step::In(In::Key { leg: Leg::Caller, key, .. }) = &line.step {
            let shown = if matches!(key.to_char(), '#' | '*') { key.to_char() } else { '\u{2022}' };
            self.keys.get_or_insert_with(|| (line.t, String::new())).1.push(shown);
            return rows;
        }
        let told = match &line.step {
            Step::In(input) => self.input(input),
            Step::Out(out) => self.output(out, context),
        };
        if let Some(text) = told {
            // The author sees what it presses.
            if let Some((t, keys)) = self.keys.take().filter(|_| self.reader == Reader::Anybody) {
                rows.push(Row { t, place: self.place.clone(), text: format!("the caller presses {keys}") });
            }
            rows.push(Row { t: line.t, place: self.place.clone(), text });
        }
        if let Step::Out(Out::Step { block, step, verb, line }) = &line.step {
            (self.place, self.verb) = (place(block, *step, *line), verb.clone());
        }
        rows
    }

    fn input(&mut self, input: &In) -> Option<String> {
        Some(match input {
            In::LookedUp { lookup, outcome, values } => {
                let name = self.lookups.get(lookup).map_or("the lookup", String::as_str);
                let mut text = format!("{name} ends: {}", word(outcome));
                if !values.is_empty() {
                    let names = values.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
                    let _ = write!(text, ", with {}", names.join(", "));
                }
                text
            }
            In::Line(LineTold::Place { position, .. }) => format!("the caller is number {position} in the line"),
            In::Line(LineTold::Turn) => "it is the caller's turn".to_owned(),
            In::Line(LineTold::Full) => "the line is full".to_owned(),
            In::Switch { name, on } => format!("the switch {name} is {}", if *on { "on" } else { "off" }),
            In::Store { kept: false, .. } => "the context was not stored".to_owned(),
            In::Resolved { hops, .. } if hops.is_empty() => "nobody knows where that is".to_owned(),
            In::Answered { .. } => "the person answers".to_owned(),
            In::Refused { status, reason, .. } => format!("nobody takes the call: {status} {reason}"),
            In::Referred { status } if *status >= 300 => format!("the caller's phone will not go there: {status}"),
            In::Transfer { status: 200..300, .. } => "the caller's phone is with the other one".to_owned(),
            In::Transfer { status: status @ 300.., .. } => format!("the caller's phone reached nobody: {status}"),
            In::Refer { .. } => "the person sends the caller on".to_owned(),
            In::Recorded { file, ended } => format!("the recording {file} has ended: {}", ended.why),
            In::Taken { outcome: Outcome::Ok, .. } => "what the caller said is recorded".to_owned(),
            In::Taken { outcome: Outcome::None, .. } => "the caller says nothing".to_owned(),
            In::Taken { .. } => "what the caller says cannot be recorded".to_owned(),
            In::Announced { done: true, .. } => "that is announced".to_owned(),
            In::Announced { done: false, .. } => "that could not be announced".to_owned(),
            In::Bye { leg: Leg::Caller } => "the caller hangs up".to_owned(),
            In::Bye { leg: Leg::Agent } => "the person hangs up".to_owned(),
            In::Lost { leg: Leg::Caller, why } => format!("the caller is lost: {why}"),
            In::Lost { leg: Leg::Agent, why } => format!("the person is lost: {why}"),
            // Not of what is told of a call, or told by what follows.
            _ => return None,
        })
    }

    fn output(&mut self, out: &Out, context: Option<&Context>) -> Option<String> {
        Some(match out {
            Out::Reject { status, .. } => format!("the call is refused: {status}"),
            Out::Play { looped: true, leg: Leg::Caller, .. } => "the caller hears music".to_owned(),
            Out::Play { looped: true, leg: Leg::Agent, .. } => "the person hears music".to_owned(),
            Out::Play { leg: Leg::Agent, say, .. } => format!("the person alone hears: {}", self.speech(say)),
            Out::Play { say, .. } if self.verb == "collect" => format!("asks: {}", self.speech(say)),
            Out::Play { say, .. } => format!("says: {}", self.speech(say)),
            Out::Fact(change) => self.fact(change, context),
            Out::Lookup { lookup, name, request } => {
                self.lookups.insert(*lookup, name.clone());
                format!("looks up {name} at {}", request.endpoint)
            }
            Out::Join { queue, .. } => format!("into the line of {queue}"),
            Out::Leave => "out of the line".to_owned(),
            Out::Store { context, .. } => {
                self.stored = serde_json::from_value(context.clone()).ok();
                return None;
            }
            Out::Agent { destination, durable, omitted, .. } => {
                let stored = if *durable { "" } else { ", and the context is not stored" };
                format!("calls {destination}{stored}{}", self.taken_along(omitted))
            }
            Out::Refer { destination, because, omitted, .. } => {
                format!("sends the caller to {destination}, because {because}{}", self.taken_along(omitted))
            }
            Out::AnswerRefer { status, .. } if *status >= 300 => format!("that is not done: {status}"),
            Out::Cancel => "gives that phone up".to_owned(),
            Out::Bridge => "the two hear each other".to_owned(),
            Out::Take { .. } => "records what the caller says".to_owned(),
            Out::Announce { prompt, language, take, switch, .. } => {
                let sound = take.as_ref().map(|_| format!("what was recorded is to be heard as {language}/{prompt}"));
                let switch = switch
                    .as_ref()
                    .map(|set| format!("the switch {} is to be {}", set.name, if set.on { "on" } else { "off" }));
                sound.into_iter().chain(switch).collect::<Vec<_>>().join(", ")
            }
            Out::Record { act, .. } => format!("recording: {}", word(act)),
            Out::End { disposition, by } => ending(*disposition, *by),
            _ => return None,
        })
    }

    fn speech(&self, say: &[Utterance]) -> String {
        if let (Reader::Author, Some(words)) = (self.reader, self.words) {
            return words.text(say);
        }
        let said = say.iter().map(|utterance| match (utterance, self.words) {
            (Utterance::Clip(_), Some(words)) => words.text(std::slice::from_ref(utterance)),
            (Utterance::Clip(name), None) => name.clone(),
            (Utterance::Value { reading: Reading::Digits, value, .. }, _) => format!("<{} digits>", value.len()),
            (Utterance::Value { reading, .. }, _) => format!("<{}>", reading.name()),
        });
        said.collect::<Vec<_>>().join(" ")
    }

    fn fact(&self, change: &FactChange, context: Option<&Context>) -> String {
        let name = &change.name;
        let held = context.and_then(|context| context.fact(name));
        match (change.state.as_str(), held) {
            ("forgotten", _) => format!("{name} is forgotten"),
            ("declined", _) => {
                let why = [Why::Tries, Why::Person, Why::Error].into_iter().find(|why| word(why) == change.by);
                format!("{name} stays open: {}", why.map_or("", |why| declined(why, change.tries)))
            }
            (_, held) => {
                let from = change.by.parse().unwrap_or(Source::Set);
                let confirmed = |fact: &Fact| matches!(fact.state, State::Filled { confirmed: true, .. });
                let how = provenance(&from, change.tries, held.is_some_and(confirmed));
                let class = held.map_or(Class::Secret, |fact| fact.class);
                format!("{name} is {}", entry(self.reader, class, change.value.as_ref(), &how))
            }
        }
    }

    /// What the person gets to know.
    fn taken_along(&self, omitted: &[String]) -> String {
        let mut text = String::new();
        for (name, fact) in self.stored.iter().flat_map(|document| &document.facts) {
            let told = match &fact.state {
                FactState::Filled { value: Some(_), from, confirmed, .. } => provenance(from, fact.r#try, *confirmed),
                FactState::Declined { why, .. } => declined(*why, fact.r#try).to_owned(),
                FactState::Filled { value: None, .. } | FactState::Unknown => continue,
            };
            let _ = write!(text, "{} {name} ({told})", if text.is_empty() { ", with" } else { "," });
        }
        if !omitted.is_empty() {
            let _ = write!(text, "; by reference alone: {}", omitted.join(", "));
        }
        text
    }
}

/// The facts that are known or were declined, each with how: `account  79927398713, keypad, 2nd try, confirmed`.
pub fn facts(reader: Reader, context: &Context) -> Vec<String> {
    let width = context.facts.iter().map(|fact| fact.name.len()).max().unwrap_or(0);
    let told = context.facts.iter().filter(|fact| !fact.is_unknown());
    told.map(|fact| format!("{:<width$}  {}", fact.name, entry(reader, fact.class, fact.value(), &provenance_of(fact))))
        .collect()
}

/// Who calls, and what came with the call.
pub fn arrival(reader: Reader, arrival: &Arrival) -> String {
    let from = match (&arrival.from, reader) {
        (None, _) => "a caller without a number".to_owned(),
        (Some(from), Reader::Author) => from.open().to_owned(),
        (Some(from), Reader::Anybody) => caller(from),
    };
    let mut text = format!("{from} calls {}", arrival.to);
    let named = |pairs: &[(String, Secret)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let earlier = |all: &[crate::context::Earlier]| all.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    for (channel, names) in [
        ("User-to-User", named(&arrival.uui)),
        ("headers", named(&arrival.headers)),
        ("the web", earlier(&arrival.web)),
        ("the last call", earlier(&arrival.last_call)),
        ("its case", earlier(&arrival.case)),
    ] {
        if !names.is_empty() {
            let _ = write!(text, "; from {channel}: {}", names.join(", "));
        }
    }
    text
}

/// A caller's number as traces show it.
pub fn caller(number: &Secret) -> String {
    number.masked(TAIL)
}

/// A value as far as its reader may see it, and how it came.
pub fn entry(reader: Reader, class: Class, value: Option<&Secret>, how: &str) -> String {
    let shown = value.map(|value| match (class, reader) {
        (Class::Public, _) | (Class::Pii, Reader::Author) => value.open().to_owned(),
        (Class::Pii, Reader::Anybody) => value.masked(TAIL),
        (Class::Pci, Reader::Author) => value.masked(CARD_TAIL),
        (Class::Secret, Reader::Author) => value.masked(0),
        (Class::Pci | Class::Secret, Reader::Anybody) => WITHHELD.to_owned(),
    });
    shown.map_or_else(|| how.to_owned(), |shown| format!("{shown}, {how}"))
}

fn provenance_of(fact: &Fact) -> String {
    match &fact.state {
        State::Unknown => "unknown".to_owned(),
        State::Filled { from, confirmed, .. } => provenance(from, fact.tries, *confirmed),
        State::Declined { why, .. } => declined(*why, fact.tries).to_owned(),
    }
}

/// `keypad, 2nd try, confirmed`.
pub fn provenance(from: &Source, tries: u32, confirmed: bool) -> String {
    let mut text = match from {
        Source::Lookup(name) => format!("lookup {name}"),
        Source::LastCall => "last call".to_owned(),
        Source::CallerNumber => "caller's number".to_owned(),
        Source::Set => "set by the flow".to_owned(),
        Source::Keypad => format!("keypad, {} try", ordinal(tries)),
        Source::Spoken => format!("spoken, {} try", ordinal(tries)),
        Source::Default => "default, as nothing was said".to_owned(),
        Source::Uui | Source::Header | Source::Web => from.to_string(),
    };
    if confirmed {
        text += ", confirmed";
    }
    text
}

pub fn declined(why: Why, tries: u32) -> &'static str {
    match (why, tries) {
        (Why::Tries, _) => "all tries are used up",
        (Why::Person, 0) => "not asked: the caller wanted a person",
        (Why::Person, _) => "the caller wanted a person instead",
        (Why::Error, _) => "something failed before it was asked",
    }
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (1, not) if not != 11 => "st",
        (2, not) if not != 12 => "nd",
        (3, not) if not != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// How a call ended.
pub fn ending(disposition: Disposition, by: EndedBy) -> String {
    let by = match by {
        EndedBy::Caller => "the caller",
        EndedBy::Agent => "the person",
        EndedBy::Flow => "the flow",
        EndedBy::System => "the system",
    };
    let how = match disposition {
        Disposition::Agent => "the caller has talked to a person",
        Disposition::Transferred => "the caller was sent on",
        Disposition::SelfServed => "the caller was served without a person",
        Disposition::AbandonedFlow => "the caller gave up in the flow",
        Disposition::AbandonedQueue => "the caller gave up waiting for a person",
        Disposition::Closed => "it was closed",
        Disposition::Rejected => "the call was refused",
        Disposition::Failed => "nobody was reached, or something failed",
    };
    format!("the end, by {by}: {how} ({})", word(&disposition))
}

/// As the record of the call has it.
pub fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).map_or_else(|_| "?".to_owned(), |text| text.trim_matches('"').to_owned())
}
