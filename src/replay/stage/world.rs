//! How the call stands, read off what it does, and what the world answers to that by itself.

use super::Stage;
use crate::audio::Utterance;
use crate::context::{Ended, Outcome};
use crate::media::{FRAME_TIME, RecordAct};
use crate::record::seam::{In, Leg, Out};
use crate::replay::tell::place;
use crate::secret::Secret;
use crate::time::{Duration, Instant};

/// What is asked of the world it says after so long, in order.
const ANSWERS: Duration = Duration::from_millis(2);
/// Who is recorded and says nothing is given up after so long; whoever ends it by a key has spoken.
const MUTE: Duration = Duration::from_secs(5);
/// A caller that hears us before it is answered shows it so soon.
const SHOWS: Duration = Duration::from_millis(20);

/// Only what the stage goes by.
#[derive(Default)]
pub struct Stands {
    /// Of the step that the call is in, and how many it has entered.
    pub verb: String,
    pub place: String,
    pub steps: u32,
    pub lookup: Option<Lookup>,
    pub line: Option<Waiting>,
    pub calling: Option<Calling>,
    /// By leg, the play that ends by itself, and when.
    pub playing: [Option<(u32, Instant)>; 2],
    /// The caller has hung up.
    pub gone: bool,
    recording: Option<Instant>,
    /// The caller has said what is recorded, and hears nothing yet.
    pub spoken: bool,
}

/// A lookup that is not answered.
pub struct Lookup {
    pub number: u32,
    pub name: String,
    pub wants: Vec<String>,
    pub timeout: Duration,
}

/// The caller is in a line, or asks to be.
pub struct Waiting {
    pub queue: String,
    pub since: Instant,
    pub placed: bool,
    pub offered: bool,
}

/// On the way to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calling {
    /// Nobody rings yet.
    Asked,
    Ringing,
    /// The caller's phone is to call somebody.
    Referring,
    Bridged,
}

impl Stage<'_> {
    /// Something that the world tells the call.
    pub(super) fn told(&mut self, input: &In) {
        match input {
            In::LookedUp { .. } => self.stands.lookup = None,
            In::Taken { .. } => self.stands.spoken = false,
            In::Bye { leg: Leg::Caller } => self.stands.gone = true,
            In::PlayEnded { play } => self.forget_play(|(playing, _)| playing == *play),
            _ => {}
        }
    }

    /// Something that the call does.
    pub(super) fn observe(&mut self, at: Instant, out: &Out) {
        match out {
            Out::Step { block, step, verb, line } => self.enters(verb, place(block, *step, *line)),
            Out::Play { leg, play, say, looped, .. } => self.plays(at, *leg, *play, say, *looped),
            Out::Stop { leg } => self.silence(*leg),
            Out::Early { .. } => self.answer(at + SHOWS, In::Shown),
            Out::Lookup { lookup, name, request } => {
                let wants = request.wants.iter().map(|want| want.name.clone()).collect();
                let (name, timeout) = (name.clone(), request.timeout);
                self.stands.lookup = Some(Lookup { number: *lookup, name, wants, timeout });
            }
            Out::Join { queue, .. } => {
                self.stands.line = Some(Waiting { queue: queue.clone(), since: at, placed: false, offered: false });
            }
            Out::Leave => self.stands.line = None,
            Out::Mint => {
                self.stands.calling = Some(Calling::Asked);
                let reference = Secret::new(self.random.token() + &self.random.token());
                self.answer(at + ANSWERS, In::Ref { reference });
            }
            Out::Store { store, .. } => self.answer(at + ANSWERS, In::Store { store: *store, kept: true }),
            Out::Resolve { resolve, .. } => {
                self.answer(at + ANSWERS, In::Resolved { resolve: *resolve, hops: vec![super::place::agent_hop()] });
            }
            Out::Agent { .. } => self.stands.calling = Some(Calling::Ringing),
            Out::Refer { .. } => self.stands.calling = Some(Calling::Referring),
            Out::Bridge if self.stands.calling.is_some() => self.stands.calling = Some(Calling::Bridged),
            Out::Record { act, file } => self.records(at, *act, file),
            Out::Take { take, .. } => self.answer(at + MUTE, In::Taken { take: take.clone(), outcome: Outcome::None }),
            Out::EndTake { take } => {
                self.due.retain(|_, input| !matches!(input, In::Taken { .. }));
                self.stands.spoken = true;
                self.answer(at + ANSWERS, In::Taken { take: take.clone(), outcome: Outcome::Ok });
            }
            Out::Announce { announce, .. } => {
                self.answer(at + ANSWERS, In::Announced { announce: *announce, done: true });
            }
            Out::End { .. } => {
                self.due.clear();
                self.enters("", self.stands.place.clone());
            }
            // Nobody's answer is owed to these.
            Out::Answer { .. }
            | Out::Reject { .. }
            | Out::Listen { .. }
            | Out::Reanswer { .. }
            | Out::Retarget { .. }
            | Out::Rerefuse { .. }
            | Out::Press { .. }
            | Out::Fact(_)
            | Out::Bodiless { .. }
            | Out::AnswerRefer { .. }
            | Out::Cancel
            | Out::Bridge
            | Out::Unbridge
            | Out::Hangup { .. } => {}
        }
    }

    /// The flow has gone on: what it waited for is over.
    fn enters(&mut self, verb: &str, place: String) {
        self.stands.steps += 1;
        (self.stands.verb, self.stands.place) = (verb.to_owned(), place);
        (self.stands.calling, self.stands.lookup) = (None, None);
    }

    fn plays(&mut self, at: Instant, leg: Leg, play: u32, say: &[Utterance], looped: bool) {
        self.silence(leg);
        if !looped {
            let ends = at + self.length(say);
            self.stands.playing[leg as usize] = Some((play, ends));
            self.answer(ends, In::PlayEnded { play });
        }
    }

    /// As long as the clips are, or as their text takes to say where one is missing.
    fn length(&self, say: &[Utterance]) -> Duration {
        match self.arena.spans(say) {
            Ok(spans) => FRAME_TIME * spans.iter().map(|span| span.frames).sum::<u32>().max(1),
            Err(_) => self.words.length(say),
        }
    }

    /// What plays there ends without a word.
    fn silence(&mut self, leg: Leg) {
        if let Some((play, _)) = self.stands.playing[leg as usize].take() {
            self.due.retain(|_, input| *input != In::PlayEnded { play });
        }
    }

    fn forget_play(&mut self, is: impl Fn((u32, Instant)) -> bool) {
        self.stands.playing.iter_mut().filter(|playing| playing.is_some_and(&is)).for_each(|playing| *playing = None);
    }

    fn records(&mut self, at: Instant, act: RecordAct, file: &str) {
        match act {
            RecordAct::Start => self.stands.recording = Some(at),
            RecordAct::Stop => {
                let since = self.stands.recording.take().unwrap_or(at);
                let ms = at.since(since).as_millis() as u64;
                let ended = Ended { ms, blanked_ms: 0, lost_ms: 0, why: "the flow stopped it".to_owned() };
                self.answer(at + ANSWERS, In::Recorded { file: file.to_owned(), ended });
            }
            RecordAct::Pause | RecordAct::Resume | RecordAct::Mask | RecordAct::Unmask => {}
        }
    }

    pub(super) fn answer(&mut self, at: Instant, input: In) {
        self.asked += 1;
        self.due.insert((at, self.asked), input);
    }
}
