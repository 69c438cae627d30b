//! `- record: start`, `pause`, `resume` or `stop`: whether the sound of the call is recorded from here on.

use crate::flow::load::Loading;
use crate::flow::model::{Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point};
use crate::flow::run::{Action, Go, Turn};
use crate::media::RecordAct;
use crate::yaml::shape::{Shape, Takes, need};
use crate::yaml::{Fields, Node};

const ACTS: [(&str, RecordAct); 4] = [
    ("start", RecordAct::Start),
    ("pause", RecordAct::Pause),
    ("resume", RecordAct::Resume),
    ("stop", RecordAct::Stop),
];

#[derive(Clone, Debug)]
pub struct Record {
    act: RecordAct,
}

impl Record {
    pub const SHAPE: &Shape = &Shape::new(
        "record",
        "Whether the sound of the call is recorded from here on.",
        &[need(
            "record",
            Takes::Words(&[
                ("start", "a new file begins"),
                ("pause", "silence on both sides"),
                ("resume", "sound again"),
                ("stop", "the file ends"),
            ]),
            "What becomes of the recording.",
        )],
    );

    pub fn load(node: &Node, _: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let word = node.word("start, pause, resume or stop", &mut loading.faults)?;
        let act = ACTS.iter().find(|(name, _)| *name == word.text);
        if act.is_none() {
            loading.faults.unknown("act of `record`", &word, ACTS.iter().map(|(name, _)| *name));
        }
        act.map(|(_, act)| Self { act: *act })
    }

    pub fn starts(&self) -> bool {
        self.act == RecordAct::Start
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::ON]
    }

    pub fn minds(&self, _: &mut Minds) {}

    pub fn moves(&self, at: &Point) -> Vec<Move> {
        vec![at.on(By::Itself, Next::Continue)]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        turn.act(Action::Record(self.act));
        turn.on()
    }

    pub fn object(&self, _: &Flow) -> String {
        let act = ACTS.iter().find(|(_, act)| *act == self.act);
        act.map_or_else(String::new, |(name, _)| (*name).to_owned())
    }
}
