//! What a cue is on the wire, and how long it takes.

use super::rhythm::{ANSWERS, LOOKUP_TAKES, MOVES, PAUSE, RINGS};
use super::world::Calling;
use super::{Awaits, Stage, Unfit};
use crate::context::{Outcome, State};
use crate::flow::run::AgentEnd;
use crate::flow::script::{Cue, LineCue};
use crate::record::seam::{In, Leg, LineTold};
use crate::secret::Secret;
use crate::time::Duration;

/// Somebody in the line is ahead.
const PLACE: u32 = 2;
const SECONDS: u64 = 120;
/// No silence is longer: what is read back to a caller who says nothing is read twice.
const SILENT: Duration = Duration::from_secs(600);

impl Stage<'_> {
    pub(super) fn hang_up(&mut self) {
        self.pass(PAUSE);
        self.input(In::Bye { leg: Leg::Caller });
    }

    /// Until the try, the offer or the read-back is given up: then the fact is asked for once more, or is one no longer
    /// that is asked for.
    pub(super) fn be_silent(&mut self) {
        let tried = |stage: &Stage| -> Vec<(u32, u8)> {
            let kind = |state: &State| match state {
                State::Unknown => 0,
                State::Filled { .. } => 1,
                State::Declined { .. } => 2,
            };
            stage.context().facts.iter().map(|fact| (fact.tries, kind(&fact.state))).collect()
        };
        let (before, until) = (tried(self), self.now + SILENT);
        while tried(self) == before && self.now < until && !self.call.ended() {
            self.step();
        }
    }

    pub(super) fn found(&mut self, outcome: Outcome, values: &[(String, String)]) {
        let Some(lookup) = &self.stands.lookup else { return };
        let number = lookup.number;
        self.pass(if outcome == Outcome::Slow { lookup.timeout } else { LOOKUP_TAKES.min(lookup.timeout) });
        let values = values.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))).collect();
        self.input(In::LookedUp { lookup: number, outcome, values });
    }

    /// Of all targets that the hand-off tries, the same becomes.
    pub(super) fn agent(&mut self, cue: &Cue, end: AgentEnd) -> Result<(), Unfit> {
        let steps = self.stands.steps;
        let sent_away = self.stands.calling == Some(Calling::Referring);
        match end {
            AgentEnd::Failed => {
                while self.stands.steps == steps && !self.call.ended() {
                    match self.stands.calling {
                        Some(Calling::Ringing) => self.refuse(),
                        Some(Calling::Referring) => self.refer(486),
                        // Whoever stayed on after a transfer that nobody does.
                        Some(Calling::Bridged) => self.input(In::Lost { leg: Leg::Agent, why: "gone".to_owned() }),
                        _ => self.step(),
                    }
                }
            }
            AgentEnd::Done if sent_away => self.refer(200),
            AgentEnd::Escalated if sent_away => return Err(self.unfit(cue, &Awaits::Agent)),
            AgentEnd::Done => {
                self.talk();
                self.input(In::Bye { leg: Leg::Agent });
            }
            AgentEnd::Escalated => {
                self.talk();
                let to = super::place::elsewhere();
                self.input(In::Refer { leg: Leg::Agent, to, replaces: None });
                if self.stands.steps == steps {
                    return Err(self.unfit(cue, &Awaits::Agent).because("the step has no `escalate:`"));
                }
            }
        }
        Ok(())
    }

    fn refuse(&mut self) {
        self.pass(RINGS);
        self.input(In::Progress { status: 180, answer: None });
        self.pass(ANSWERS);
        self.input(In::Refused { status: 486, reason: "Busy Here".to_owned(), contacts: Vec::new() });
    }

    /// The caller's phone takes the REFER, and tells how its own call ends.
    fn refer(&mut self, status: u16) {
        self.pass(RINGS);
        self.input(In::Referred { status: 202 });
        self.input(In::Transfer { status: 100, last: false });
        self.pass(ANSWERS);
        self.input(In::Transfer { status, last: true });
    }

    /// The person answers, hears the whisper to its end, and talks to the caller.
    fn talk(&mut self) {
        if self.stands.calling == Some(Calling::Ringing) {
            self.pass(RINGS);
            self.input(In::Progress { status: 180, answer: None });
            self.pass(ANSWERS);
            self.input(In::Answered { answer: Some(super::place::agent_sdp()) });
        }
        while self.stands.calling == Some(Calling::Ringing) && !self.call.ended() {
            self.step();
        }
        self.pass(self.talks);
    }

    pub(super) fn line(&mut self, cue: &Cue, word: LineCue) -> Result<(), Unfit> {
        let Some(line) = &self.stands.line else { return Ok(()) };
        let (placed, offered, since, steps) = (line.placed, line.offered, line.since, self.stands.steps);
        // Where the caller has left the line before, it may wait in another one.
        let waits = |stage: &Self| {
            let left = stage.stands.steps != steps;
            if left { Err(stage.unfit_as(cue, "nobody may wait in this line for so long")) } else { Ok(()) }
        };
        let unfit = |why: &str| Err(self.unfit(cue, &self.awaits().unwrap_or(Awaits::Nothing)).because(why));
        match word {
            LineCue::Full if placed => return unfit("the caller waits in it already"),
            LineCue::Full => {
                self.stands.line = None;
                self.input(In::Line(LineTold::Full));
            }
            LineCue::Turn => {
                if placed {
                    self.pass(MOVES);
                    waits(self)?;
                }
                self.stands.line = None;
                self.input(In::Line(LineTold::Turn));
            }
            LineCue::Longest => {
                self.take_place();
                while self.stands.steps == steps {
                    self.step();
                }
            }
            LineCue::Offer if offered => return unfit("it has offered its way out already"),
            LineCue::Offer => {
                let Some(after) = self.offered_after() else { return unfit("it offers no way out") };
                self.take_place();
                self.pass((since + after).since(self.now) + PAUSE);
                waits(self)?;
                self.stands.line.iter_mut().for_each(|line| line.offered = true);
            }
        }
        Ok(())
    }

    fn take_place(&mut self) {
        if let Some(line) = self.stands.line.as_mut().filter(|line| !line.placed) {
            line.placed = true;
            self.input(In::Line(LineTold::Place { position: PLACE, seconds: Some(SECONDS) }));
        }
    }

    /// When the line that the caller waits in offers its way out.
    fn offered_after(&self) -> Option<Duration> {
        let line = self.stands.line.as_ref()?;
        let queue = self.program.flow.queues.iter().find(|queue| queue.name.text == line.queue)?;
        let instead = queue.held.as_ref()?.waiting.as_ref()?.instead.as_ref()?;
        Some(instead.after)
    }
}
