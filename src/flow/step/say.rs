//! `- say: PROMPT`, with `barge: false` for one that a key does not cut off.

use crate::flow::load::Loading;
use crate::flow::model::{Flow, Named, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point};
use crate::flow::run::{Action, Doing, Event, Go, Turn};
use crate::flow::shape::SAID;
use crate::yaml::shape::{Shape, Takes, key, need};
use crate::yaml::{Fields, Node};

#[derive(Clone, Debug)]
pub struct Say {
    prompt: Named<String>,
    barge: bool,
}

/// A prompt that plays for its own sake.
#[derive(Clone, Debug)]
pub struct Saying {
    play: u32,
    barge: bool,
}

impl Say {
    pub const SHAPE: &Shape = &Shape::new(
        "say",
        "Plays a prompt, and goes on with the next step when it has ended or a key has cut it off.",
        &[
            need(
                "say",
                SAID,
                "The prompt that the caller hears. The key that cuts it off is kept for the next question.",
            )
            .like("welcome"),
            key(
                "barge",
                Takes::Bool,
                "Whether a key cuts the prompt off; `false` for what everybody has to hear to its end.",
            )
            .or("true"),
        ],
    );

    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let prompt = loading.said(node);
        let barge = fields.take("barge").map_or(Some(true), |node| node.boolean(&mut loading.faults));
        Some(Self { prompt: prompt?, barge: barge? })
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::ON]
    }

    /// The prompt, or those among which a parameter chooses.
    pub fn prompts(&self) -> &[String] {
        self.prompt.all()
    }

    pub fn minds<'f>(&'f self, minds: &mut Minds<'f>) {
        self.prompt.all().iter().for_each(|prompt| minds.speak(prompt));
    }

    pub fn moves(&self, at: &Point) -> Vec<Move> {
        vec![at.on(By::Itself, Next::Continue)]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        let prompt = turn.of(&self.prompt).as_str();
        let play = turn.play(prompt, None);
        Go::Wait(Doing::Saying(Saying { play, barge: self.barge }))
    }

    pub fn object(&self, flow: &Flow) -> String {
        self.prompt.name(flow, String::clone)
    }
}

impl Saying {
    /// A key is typed ahead in any case; it stops a prompt that may be stopped.
    pub fn on(self, turn: &mut Turn, event: Event) -> Go {
        match event {
            Event::PlayEnded(play) if play == self.play => turn.on(),
            Event::Key(key) => {
                turn.type_ahead(key);
                if !self.barge {
                    return Go::Wait(Doing::Saying(self));
                }
                turn.act(Action::Stop);
                turn.on()
            }
            _ => Go::Wait(Doing::Saying(self)),
        }
    }
}
