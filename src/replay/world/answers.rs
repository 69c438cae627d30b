//! What the world around a call said to it: systems of the business, store, names, recorder. It is found by what was asked and
//! how often that had been asked before, never by the values that were asked with.

use crate::audio::{Arena, Utterance, take};
use crate::context::{Ended, LookupRequest, Outcome};
use crate::engine::{Announcement, Asker, CallNumber, ContextRow, Input, Onto, RecordOrder, Spoken, TakeWanted};
use crate::media::RecordAct;
use crate::random::Random;
use crate::record::fixture::{Line, Step};
use crate::record::seam::{In, Out};
use crate::secret::Secret;
use crate::sip::Uri;
use crate::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

/// What the recording has no answer to is answered after so long.
const MADE_UP: Duration = Duration::from_micros(500);
/// A take has a frame at the least.
const SHORTEST: Duration = Duration::from_millis(20);

pub struct Answers<'f> {
    lines: &'f [Line],
    random: Random,
    /// How often each thing was asked.
    asked: HashMap<String, usize>,
    /// Lookups to which the recording has no answer: the endpoint, and what was wanted of it.
    pub unanswered: Vec<(String, Vec<String>)>,
}

/// After how long, and what.
type Answer = (Duration, Input<'static>);

impl<'f> Answers<'f> {
    pub fn of(lines: &'f [Line], seed: u64) -> Answers<'f> {
        let random = Random::from_seed(!seed);
        Answers { lines, random, asked: HashMap::new(), unanswered: Vec::new() }
    }

    /// `None`: the recorded call ended before there was an answer.
    pub fn lookup(&mut self, call: CallNumber, lookup: u32, request: &LookupRequest) -> Option<Answer> {
        let wants = |request: &LookupRequest| request.wants.iter().map(|want| want.name.clone()).collect::<Vec<_>>();
        let wanted = wants(request);
        let alike = |other: &LookupRequest| {
            (&other.endpoint, other.method, wants(other)) == (&request.endpoint, request.method, wanted.clone())
        };
        let asked = |out: &Out| matches!(out, Out::Lookup { request, .. } if alike(request));
        let Some(at) = self.next(format!("{} {:?} {wanted:?}", request.endpoint, request.method), asked) else {
            self.unanswered.push((request.endpoint.clone(), wanted));
            let (outcome, values) = (Outcome::Failed, Vec::new());
            return Some((MADE_UP, Input::LookedUp { call, lookup, outcome, values }));
        };
        let (after, (outcome, values)) = self.answer(at, |out, input| match (out, input) {
            (Out::Lookup { lookup, .. }, In::LookedUp { lookup: of, outcome, values }) if lookup == of => {
                Some((*outcome, values.clone()))
            }
            _ => None,
        })?;
        Some((after, Input::LookedUp { call, lookup, outcome, values }))
    }

    pub fn minted(&mut self, call: CallNumber) -> Answer {
        let found = self.find(
            "mint".to_owned(),
            |out| matches!(out, Out::Mint),
            |_, input| match input {
                In::Ref { reference } => Some(reference.clone()),
                _ => None,
            },
        );
        let (after, reference) =
            found.unwrap_or_else(|| (MADE_UP, Secret::new(self.random.token() + &self.random.token())));
        (after, Input::Minted { call, reference })
    }

    pub fn stored(&mut self, row: &ContextRow) -> Answer {
        let found = self.find(
            "store".to_owned(),
            |out| matches!(out, Out::Store { .. }),
            |out, input| match (out, input) {
                (Out::Store { store, .. }, In::Store { store: of, kept }) if store == of => Some(*kept),
                _ => None,
            },
        );
        let (after, kept) = found.unwrap_or((MADE_UP, true));
        (after, Input::Stored { call: row.call, store: row.store, kept })
    }

    pub fn resolved(&mut self, asker: Asker, uri: &Uri) -> Answer {
        let written = uri.to_string();
        let asked = |out: &Out| matches!(out, Out::Resolve { uri, .. } if *uri == written);
        let found = self.find(format!("resolve {written}"), asked, |out, input| match (out, input) {
            (Out::Resolve { resolve, .. }, In::Resolved { resolve: of, hops }) if resolve == of => Some(hops.clone()),
            _ => None,
        });
        let (after, hops) = found.unwrap_or((MADE_UP, Vec::new()));
        (after, Input::Resolved { asker, hops })
    }

    pub fn announced(&mut self, announcement: &Announcement) -> Answer {
        let asked = |out: &Out| matches!(out, Out::Announce { .. });
        let found = self.find("announce".to_owned(), asked, |out, input| match (out, input) {
            (Out::Announce { announce, .. }, In::Announced { announce: of, done }) if announce == of => Some(*done),
            _ => None,
        });
        let (after, done) = found.unwrap_or((MADE_UP, true));
        (after, Input::Announced { call: announcement.call, announce: announcement.announce, done })
    }

    /// The recorder's word on an order; on most there is none.
    pub fn recorded(&mut self, order: RecordOrder) -> Option<Answer> {
        let (call, recording) = (order.call, order.recording);
        match (order.act, order.onto) {
            (RecordAct::Start, Onto::Take(wanted)) => self.taken(call, recording, &order.file, &wanted),
            (RecordAct::Start, Onto::File) => {
                let file = order.file;
                let asked = |out: &Out| matches!(out, Out::Record { act: RecordAct::Start, file: of } if *of == file);
                let (after, ended) = self.find(format!("record {file}"), asked, |_, input| match input {
                    In::Recorded { file: of, ended } if *of == file => Some(ended.clone()),
                    _ => None,
                })?;
                Some((after, Input::Recorded { call, recording, ended }))
            }
            // If the call heard of it already, this is of no call any more.
            (RecordAct::Stop, Onto::File) => {
                let ended = Ended { ms: 0, blanked_ms: 0, lost_ms: 0, why: order.because.to_owned() };
                Some((MADE_UP, Input::Recorded { call, recording, ended }))
            }
            _ => None,
        }
    }

    /// What the caller said is silence here, as long as it was.
    fn taken(&mut self, call: CallNumber, recording: u32, name: &str, wanted: &TakeWanted) -> Option<Answer> {
        let asked = |out: &Out| matches!(out, Out::Take { take, .. } if take == name);
        let (after, outcome) = self.find(format!("take {name}"), asked, |_, input| match input {
            In::Taken { take, outcome } if take == name => Some(*outcome),
            _ => None,
        })?;
        let length = self.spoken(name, &wanted.over).unwrap_or(after).clamp(SHORTEST, wanted.longest.max(SHORTEST));
        let samples = vec![0; (length.as_micros() * u128::from(take::RATE) / 1_000_000) as usize];
        let arena = Arena::with(wanted.over.clone(), name, &samples, take::RATE).ok();
        let spoken = arena.filter(|_| outcome == Outcome::Ok).map(|arena| Spoken { samples, arena: Arc::new(arena) });
        Some((after, Input::Taken { call, recording, outcome, spoken }))
    }

    /// How long a take was: where it was heard to its end, the play says so.
    fn spoken(&self, name: &str, arena: &Arena) -> Option<Duration> {
        let is_it = |said: &Utterance| matches!(said, Utterance::Clip(clip) if clip == name);
        self.lines.iter().find_map(|line| {
            let Step::Out(Out::Play { play, say, looped: false, .. }) = &line.step else { return None };
            let own = say.iter().filter(|said| is_it(said)).count();
            let others: Vec<Utterance> = say.iter().filter(|said| !is_it(said)).cloned().collect();
            let ends = |line: &&Line| matches!(line.step, Step::In(In::PlayEnded { play: of }) if of == *play);
            let ended = self.lines.iter().find(ends).filter(|_| own == 1)?;
            let others: Duration = arena.spans(&others).ok()?.iter().map(|span| span.time()).sum();
            Duration::from_micros(ended.t - line.t).checked_sub(others)
        })
    }

    /// The answer to the next of what was asked so, and after how long it came.
    fn find<T>(
        &mut self,
        what: String,
        asked: impl Fn(&Out) -> bool,
        answer: impl Fn(&Out, &In) -> Option<T>,
    ) -> Option<(Duration, T)> {
        let at = self.next(what, asked)?;
        self.answer(at, answer)
    }

    /// The line at which the recorded call asked so, as often as it is asked now.
    fn next(&mut self, what: String, asked: impl Fn(&Out) -> bool) -> Option<usize> {
        let times = self.asked.entry(what).or_default();
        *times += 1;
        let is_asked = |(_, line): &(usize, &Line)| matches!(&line.step, Step::Out(out) if asked(out));
        self.lines.iter().enumerate().filter(is_asked).nth(*times - 1).map(|(at, _)| at)
    }

    fn answer<T>(&self, at: usize, answer: impl Fn(&Out, &In) -> Option<T>) -> Option<(Duration, T)> {
        let Line { t, step: Step::Out(out) } = &self.lines[at] else { return None };
        self.lines[at..].iter().find_map(|line| match &line.step {
            Step::In(input) => Some((Duration::from_micros(line.t - t), answer(out, input)?)),
            Step::Out(_) => None,
        })
    }
}
