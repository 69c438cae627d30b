//! The caller waits in a line that we hold: music, how far it is from time to time, and a way out after a while.
//!
//! ```text
//! join -> turn: the agent is called
//!   |  -> full
//!   +--> music .. every 45 s: the announcement .. music .. after 90 s: the offer, and its key from then on
//!        longest: waited
//! ```

use super::{Action, Doing, Event, Go, LineWord, Turn};
use crate::flow::model::Held;
use crate::flow::step::agent::Agent;
use crate::time::{Duration, Instant};

#[derive(Clone, Debug)]
pub struct Queued {
    agent: Agent,
    queue: usize,
    until: Instant,
    announce: Option<Instant>,
    offer: Option<Instant>,
    /// The offer was made: its key is heard.
    offered: bool,
    /// The announcement that plays in place of the music.
    saying: Option<u32>,
    place: (u32, Option<Duration>),
}

impl Queued {
    pub fn begin(turn: &mut Turn, agent: Agent, queue: usize, held: &Held) -> Go {
        let name = turn.flow.queues[queue].name.text.clone();
        turn.act(Action::Join { queue: name, at_once: held.at_once, size: held.size });
        let waiting = held.waiting.as_ref();
        let (announce, instead) = (waiting.and_then(|w| w.announce.as_ref()), waiting.and_then(|w| w.instead.as_ref()));
        Go::Wait(Doing::Queued(Box::new(Self {
            agent,
            queue,
            until: turn.now + held.longest,
            announce: announce.map(|(every, _)| turn.now + *every),
            offer: instead.map(|instead| turn.now + instead.after),
            offered: false,
            saying: None,
            place: (0, None),
        })))
    }

    pub fn deadline(&self) -> Instant {
        [self.announce, self.offer].into_iter().flatten().fold(self.until, Instant::min)
    }

    pub fn on(mut self: Box<Self>, turn: &mut Turn, event: Event) -> Go {
        match event {
            Event::Line(LineWord::Turn) => {
                self.silence(turn);
                return self.agent.call(turn, self.queue);
            }
            Event::Line(LineWord::Full) => return self.agent.full(turn),
            Event::Line(LineWord::Place { position, wait }) => {
                // The first word of the line: from now on there is something to wait for.
                if self.place.0 == 0 {
                    self.music(turn);
                }
                self.place = (position, wait);
            }
            Event::PlayEnded(play) if self.saying == Some(play) => {
                self.saying = None;
                self.music(turn);
            }
            Event::Key(key) => {
                let held = self.held(turn);
                let instead = held.and_then(|held| held.waiting.as_ref()?.instead.as_ref());
                if let Some(instead) = instead.filter(|instead| self.offered && instead.key == key) {
                    let to = instead.to;
                    turn.answered();
                    self.leave(turn);
                    return self.agent.left(turn, self.queue, to);
                }
            }
            Event::Deadline if self.until <= turn.now => {
                self.leave(turn);
                return self.agent.waited(turn);
            }
            Event::Deadline => self.due(turn),
            _ => {}
        }
        Go::Wait(Doing::Queued(self))
    }

    /// The offer, or the announcement.
    fn due(&mut self, turn: &mut Turn) {
        let Some(waiting) = self.held(turn).and_then(|held| held.waiting.as_ref()) else { return };
        if self.offer.is_some_and(|at| at <= turn.now)
            && let Some(instead) = &waiting.instead
        {
            (self.offer, self.offered) = (None, true);
            return self.say(turn, &instead.say);
        }
        if let (Some(at), Some((every, prompt))) = (self.announce, &waiting.announce)
            && at <= turn.now
        {
            self.announce = Some(at + *every);
            // Not into the middle of what is said already.
            if self.saying.is_none() && self.place.0 > 0 {
                self.say(turn, prompt);
            }
        }
    }

    fn held<'t>(&self, turn: &Turn<'t>) -> Option<&'t Held> {
        turn.flow.queues[self.queue].held.as_ref()
    }

    fn say(&mut self, turn: &mut Turn, prompt: &str) {
        self.silence(turn);
        self.saying = Some(turn.announce(prompt, self.place));
    }

    fn music(&self, turn: &mut Turn) {
        let waiting = self.held(turn).and_then(|held| held.waiting.as_ref());
        let clip = waiting.and_then(|waiting| waiting.music.clone());
        turn.act(Action::Music(clip));
    }

    /// Nothing is heard of us any more: neither music nor an announcement.
    fn silence(&mut self, turn: &mut Turn) {
        if self.place.0 > 0 {
            turn.act(Action::Stop);
        }
        self.saying = None;
    }

    fn leave(&mut self, turn: &mut Turn) {
        self.silence(turn);
        turn.act(Action::Leave);
    }
}
