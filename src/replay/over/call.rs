//! One call under way against another system: what was recorded is held against what is seen, and what is ours to do is
//! due. Knows neither sockets nor a clock.

use super::Sounds;
use super::handoff::HandOff;
use super::plan::{Mark, Plan, What};
use crate::peer::Act;
use crate::peer::ear::MUSIC;
use crate::record::compare::{Difference, Layer, of_clip};
use crate::record::seam::{KeyCarrier, Leg};
use crate::time::{Duration, Instant};
use std::fmt::Display;
use std::sync::Arc;

/// From one key to the next, at least: each is pressed for half of it.
pub const KEYS_EVERY: Duration = Duration::from_millis(160);
/// A call that differs in so many places is another one; it is ended.
const DIFFERENCES: usize = 20;
/// Beyond its recorded length, its time-outs and its keys, a call has this long to end.
const TAIL: Duration = Duration::from_secs(10);

/// How long is waited, and what counts as late.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// What begins so much sooner or later after its cause than it did then differs in its timing.
    pub window: Duration,
    /// Beyond that, what has not come is missing.
    pub patience: Duration,
}

/// What a phone noticed.
pub enum Seen {
    /// A 1xx: somebody is there.
    Alive,
    Answered,
    Heard(Leg, String),
    /// The agent's phone is called.
    Called(HandOff),
    /// That phone's call is over: by the other side, with a status if that was a refusal.
    Ended {
        leg: Leg,
        by_us: bool,
        status: u16,
    },
}

/// What a phone is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Do {
    Press { leg: Leg, key: char, by: KeyCarrier },
    Act(Leg, Act),
    Ring,
    Take,
    Refuse(u16),
    HangUp(Leg),
}

/// What came of a call.
pub struct Judged {
    pub differences: Vec<Difference>,
    /// The one behind which nothing could be judged any more.
    pub cut: Option<Difference>,
    /// How much of what is to be seen came.
    pub seen: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Done {
    No,
    At(Instant),
    /// Passed over since then: no time is judged by it.
    Skipped(Instant),
}

/// The prompt that a side hears: its mark, and which of its words was heard last.
type Hearing = Option<(usize, usize)>;

pub struct Call {
    plan: Plan,
    sounds: Arc<Sounds>,
    patience: Patience,
    began: Instant,
    done: Vec<Done>,
    hearing: [Hearing; 2],
    /// When a side may press its next key.
    free: [Instant; 2],
    /// Whether that side's phone is in its call.
    there: [bool; 2],
    alive: bool,
    differences: Vec<Difference>,
    /// The difference behind which nothing was judged any more.
    cut: Option<usize>,
    /// What a difference has shown already that waiting longer would show again.
    given_up: bool,
    wants: Vec<Do>,
}

impl Call {
    /// The INVITE goes out now.
    pub fn begin(now: Instant, plan: Plan, sounds: Arc<Sounds>, patience: Patience) -> Call {
        let done = vec![Done::No; plan.marks.len()];
        Call {
            plan,
            sounds,
            patience,
            began: now,
            done,
            hearing: [None; 2],
            free: [now; 2],
            there: [true, false],
            alive: false,
            differences: Vec::new(),
            cut: None,
            given_up: false,
            wants: Vec::new(),
        }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether the other system said anything.
    pub fn alive(&self) -> bool {
        self.alive
    }

    pub fn judged(self) -> Judged {
        let seen = |(mark, done): (&Mark, &Done)| !mark.what.is_ours() && matches!(done, Done::At(_));
        let seen = self.plan.marks.iter().zip(&self.done).filter(|both| seen(*both)).count();
        let cut = self.cut.and_then(|cut| self.differences.get(cut).cloned());
        Judged { differences: self.differences, cut, seen }
    }

    /// Whether an agent's phone is to be called, and if so, whether that INVITE is surely of this call.
    pub fn awaits(&self, seen: &HandOff) -> Option<bool> {
        let next = self.pending(|what| matches!(what, What::Calls(_)))?;
        Some(matches!(&self.plan.marks[next].what, What::Calls(recorded) if recorded.is_of(seen)))
    }

    pub fn on(&mut self, at: Instant, seen: Seen) {
        self.alive |= !matches!(seen, Seen::Ended { by_us: true, .. });
        match seen {
            Seen::Alive => {}
            Seen::Answered => match self.pending(|what| *what == What::Answers) {
                Some(mark) => self.met(mark, at),
                None => self.unasked(at, Layer::Disposition, "the call is answered"),
            },
            Seen::Heard(leg, clip) => self.heard(at, leg, &clip),
            Seen::Called(handoff) => self.called(at, &handoff),
            Seen::Ended { leg: Leg::Caller, by_us, status } => self.caller_gone(at, by_us, status),
            Seen::Ended { leg: Leg::Agent, by_us, .. } => self.agent_gone(at, by_us),
        }
    }

    /// What is due by now.
    pub fn due(&mut self, now: Instant) -> Vec<Do> {
        for number in 0..self.plan.marks.len() {
            if self.done[number] != Done::No || self.given_up {
                continue;
            }
            let Some((due, _)) = self.due_at(number) else { continue };
            match self.plan.marks[number].what.clone() {
                What::Said(_) => self.done[number] = Done::At(due),
                what if what.is_ours() => self.act(now, number, due, what),
                what => {
                    let limit = due + self.patience.window + self.patience.patience;
                    if now > limit {
                        self.missing(now, number, &what);
                    }
                }
            }
        }
        if !self.given_up && now.since(self.began) > self.longest() {
            self.cut = Some(self.differences.len());
            let late = format!("it goes on after {}", seconds(self.longest()));
            self.differ(now, Layer::Disposition, None, "the end", (Some("the call is over"), Some(&late)));
            self.give_up();
        } else if !self.given_up && !self.there[Leg::Caller as usize] && self.pending(|_| true).is_none() {
            self.give_up();
        }
        std::mem::take(&mut self.wants)
    }

    /// Nothing more will come of it.
    pub fn over(&self) -> bool {
        let owed = |mark: usize| self.done[mark] == Done::No && !self.plan.marks[mark].what.is_ours();
        self.there == [false; 2] && (self.given_up || !(0..self.done.len()).any(owed))
    }

    fn longest(&self) -> Duration {
        let marks = u32::try_from(self.plan.marks.len()).unwrap_or(u32::MAX);
        self.plan.length + (KEYS_EVERY + self.patience.window).saturating_mul(marks) + self.patience.patience + TAIL
    }

    /// When a mark is to happen, once its cause has; and whether that can be judged.
    fn due_at(&self, number: usize) -> Option<(Instant, bool)> {
        let Mark { cause, after, .. } = self.plan.marks[number];
        match cause.map_or(Done::At(self.began), |cause| self.done[cause]) {
            Done::No => None,
            Done::At(at) => Some((at + after, true)),
            Done::Skipped(at) => Some((at + after, false)),
        }
    }

    /// The first mark of that kind that has not happened.
    fn pending(&self, is: impl Fn(&What) -> bool) -> Option<usize> {
        (0..self.done.len()).find(|&mark| self.done[mark] == Done::No && is(&self.plan.marks[mark].what))
    }

    fn act(&mut self, now: Instant, number: usize, due: Instant, what: What) {
        let side = what.side().unwrap_or(match what {
            What::Leaves(leg) => leg,
            _ => Leg::Agent,
        });
        let due = if let What::Press { leg, .. } = what { due.max(self.free[leg as usize]) } else { due };
        if now < due || !self.there[side as usize] {
            return;
        }
        self.done[number] = Done::At(now);
        self.wants.push(match what {
            What::Press { leg, key, by } => {
                self.free[leg as usize] = now + KEYS_EVERY;
                Do::Press { leg, key, by }
            }
            What::Rings => Do::Ring,
            What::Takes => Do::Take,
            What::Refuses(status) => Do::Refuse(status),
            What::Acts(leg, act) => Do::Act(leg, act),
            What::Leaves(leg) => Do::HangUp(leg),
            _ => return,
        });
    }

    /// Something recorded has happened.
    fn met(&mut self, number: usize, at: Instant) {
        self.done[number] = Done::At(at);
        let Some((due, true)) = self.due_at(number) else { return };
        let (sooner, later) = (due.since(at), at.since(due));
        if sooner.max(later) > self.patience.window {
            let Mark { what, cause, after, .. } = &self.plan.marks[number];
            let cause = cause.map_or("the INVITE".to_owned(), |cause| self.plan.marks[cause].what.to_string());
            let (subject, began) = (format!("{what}, after {cause}"), due - *after);
            let [recorded, replayed] = [*after, at.since(began)].map(|time| format!("{} after", seconds(time)));
            self.differ(at, Layer::Timing, Some(number), &subject, (Some(&recorded), Some(&replayed)));
        }
    }

    fn heard(&mut self, at: Instant, leg: Leg, clip: &str) {
        // Each system has its own.
        if clip.starts_with(MUSIC) {
            return;
        }
        if self.hearing[leg as usize].is_some_and(|hearing| self.goes_on(at, leg, hearing, clip)) {
            return;
        }
        // Prompts before it may have been left out, but none that somebody acted upon.
        let (mut passed, mut first) = (Vec::new(), None);
        for number in 0..self.done.len() {
            let what = &self.plan.marks[number].what;
            match what {
                _ if self.done[number] != Done::No => {}
                What::Says { leg: side, words, .. } if *side == leg && words[0] == clip => {
                    return self.begins(at, number, leg, &passed);
                }
                What::Says { leg: side, .. } if *side == leg => passed.push(number),
                _ if what.is_ours() && what.side().is_none_or(|side| side == leg) => {
                    first = Some(number);
                    break;
                }
                _ => {}
            }
        }
        let expected = passed.first().copied().or(first);
        let recorded = expected.map(|mark| self.plan.marks[mark].what.to_string());
        let replayed = self.heard_by(leg, clip);
        self.differ(at, Layer::Path, expected, ORDER, (recorded.as_deref(), Some(&replayed)));
    }

    /// Whether that clip belongs to the prompt that is heard.
    fn goes_on(&mut self, at: Instant, leg: Leg, (number, last): (usize, usize), clip: &str) -> bool {
        let What::Says { words, prompt, .. } = &self.plan.marks[number].what else { return false };
        let Some(next) = words.iter().skip(last + 1).position(|word| word == clip).map(|more| last + 1 + more) else {
            // Another word of a value where its own are read.
            let reads = words.get(last + 1).is_some_and(|word| !self.sounds.is_prompt(word));
            if reads && !self.sounds.is_prompt(clip) {
                let subject = format!("what is read in {prompt}");
                self.differ(at, Layer::Prompts, Some(number), &subject, ANOTHER);
                return true;
            }
            return false;
        };
        // A word that is the same as the one before it may have been heard as one with it.
        let left_out = (last + 1..next).any(|word| words[word] != words[word - 1]);
        let subject = format!("what is read in {prompt}");
        self.hearing[leg as usize] = Some((number, next));
        if left_out {
            self.differ(at, Layer::Prompts, Some(number), &subject, (Some("a word"), None));
        }
        true
    }

    fn begins(&mut self, at: Instant, number: usize, leg: Leg, passed: &[usize]) {
        let replayed = self.plan.marks[number].what.to_string();
        for &skipped in passed {
            self.done[skipped] = Done::Skipped(at);
            let recorded = self.plan.marks[skipped].what.to_string();
            self.differ(at, Layer::Path, Some(skipped), ORDER, (Some(&recorded), Some(&replayed)));
        }
        self.hearing[leg as usize] = Some((number, 0));
        self.met(number, at);
    }

    fn heard_by(&self, leg: Leg, clip: &str) -> String {
        let prompt = if self.sounds.is_prompt(clip) { of_clip(clip) } else { "a word of a value" };
        What::Says { leg, prompt: prompt.to_owned(), words: Vec::new() }.to_string()
    }

    fn called(&mut self, at: Instant, seen: &HandOff) {
        let Some(number) = self.pending(|what| matches!(what, What::Calls(_))) else {
            return self.unasked(at, Layer::HandOff, &format!("{} is called", seen.user));
        };
        self.there[Leg::Agent as usize] = true;
        self.hearing[Leg::Agent as usize] = None;
        self.free[Leg::Agent as usize] = at;
        self.met(number, at);
        let What::Calls(recorded) = &self.plan.marks[number].what else { return };
        for other in recorded.against(seen) {
            let (recorded, replayed) = (other.recorded.as_deref(), other.replayed.as_deref());
            self.differ(at, Layer::HandOff, Some(number), &other.name, (recorded, replayed));
        }
    }

    fn caller_gone(&mut self, at: Instant, by_us: bool, status: u16) {
        self.there[Leg::Caller as usize] = false;
        // 408, 488 and 503 say why our own phone gave up.
        let replayed = match (by_us, status) {
            (true, 0) => None,
            (true, 408) => Some("nobody answers the call".to_owned()),
            (true, status) => Some(format!("our phone gives up with {status}: no G.711, or no room")),
            (false, 0) => Some(What::HangsUp(Leg::Caller).to_string()),
            (false, status) => Some(What::Rejects(status).to_string()),
        };
        let of_agent = |what: &What| what.side() == Some(Leg::Agent) || matches!(what, What::HangsUp(Leg::Agent));
        let next = self.pending(|what| !of_agent(what) && !matches!(what, What::Said(_)));
        let next = next.map(|next| (next, self.plan.marks[next].what.clone())).filter(|_| !self.given_up);
        match (next, replayed) {
            _ if self.given_up => {}
            (Some((next, What::HangsUp(Leg::Caller))), Some(_)) if !by_us && status == 0 => self.met(next, at),
            (Some((next, What::Rejects(recorded))), Some(_)) if !by_us && status == recorded => self.met(next, at),
            (Some((next, what)), replayed) => {
                let layer = if matches!(what, What::Says { .. }) { Layer::Path } else { Layer::Disposition };
                let (recorded, ours) = (what.to_string(), What::Leaves(Leg::Caller).to_string());
                let replayed = replayed.unwrap_or(ours);
                self.cut = Some(self.differences.len());
                self.differ(at, layer, Some(next), "the end", (Some(&recorded), Some(&replayed)));
            }
            (None, Some(replayed)) => self.unasked(at, Layer::Disposition, &replayed),
            (None, None) => {}
        }
        for number in 0..self.done.len() {
            if self.done[number] == Done::No && !of_agent(&self.plan.marks[number].what) {
                self.done[number] = Done::Skipped(at);
            }
        }
        if by_us && status != 0 || !self.there[Leg::Agent as usize] {
            self.given_up = true;
        }
    }

    fn agent_gone(&mut self, at: Instant, by_us: bool) {
        self.there[Leg::Agent as usize] = false;
        if by_us || self.given_up {
            return;
        }
        let ends = |what: &What| matches!(what, What::Withdraws | What::HangsUp(Leg::Agent));
        let ours = self.pending(|what| matches!(what, What::Takes | What::Refuses(_) | What::Leaves(Leg::Agent)));
        match self.pending(ends).filter(|end| ours.is_none_or(|ours| *end < ours)) {
            Some(number) => self.met(number, at),
            None => {
                let recorded = ours.map(|ours| self.plan.marks[ours].what.to_string());
                let replayed = What::HangsUp(Leg::Agent).to_string();
                let told = (recorded.as_deref(), Some(replayed.as_str()));
                self.differ(at, Layer::Disposition, ours, "the end of the agent's call", told);
                ours.into_iter().for_each(|ours| self.done[ours] = Done::Skipped(at));
            }
        }
    }

    fn missing(&mut self, now: Instant, number: usize, what: &What) {
        let layer = match what {
            What::Says { .. } => Layer::Prompts,
            What::Calls(_) => Layer::HandOff,
            _ => Layer::Disposition,
        };
        let waited = self.patience.window + self.patience.patience;
        self.cut = Some(self.differences.len());
        let (recorded, replayed) = (what.to_string(), format!("nothing of it {} after its time", seconds(waited)));
        self.differ(now, layer, Some(number), "what did not come", (Some(&recorded), Some(&replayed)));
        self.give_up();
    }

    /// The rest is not to be judged any more: both phones hang up.
    fn give_up(&mut self) {
        self.given_up = true;
        self.wants.extend(Leg::BOTH.into_iter().filter(|leg| self.there[*leg as usize]).map(Do::HangUp));
    }

    fn unasked(&mut self, at: Instant, layer: Layer, seen: &str) {
        self.differ(at, layer, None, "what was not recorded", (None, Some(seen)));
    }

    fn differ(&mut self, at: Instant, layer: Layer, mark: Option<usize>, subject: &str, told: Told) {
        let mark = mark.map(|mark| &self.plan.marks[mark]);
        let t = mark.map_or_else(|| micros(at.since(self.began)), |mark| mark.t);
        let (place, line) = (mark.and_then(|mark| mark.place.clone()), mark.and_then(|mark| mark.line));
        let [recorded, replayed] = [told.0, told.1].map(|text| text.map(str::to_owned));
        self.differences.push(Difference { layer, t, place, line, subject: subject.to_owned(), recorded, replayed });
        if self.differences.len() == DIFFERENCES {
            self.cut.get_or_insert(DIFFERENCES - 1);
            self.give_up();
        }
    }
}

/// What was recorded, and what came.
type Told<'t> = (Option<&'t str>, Option<&'t str>);

const ORDER: &str = "the order of prompts";
const ANOTHER: Told<'static> = (Some("a value"), Some("another value"));

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn seconds(time: Duration) -> impl Display {
    format!("{:.2} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests;
