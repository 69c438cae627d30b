//! `- hangup`: the end of the flow, bare.

use crate::flow::load::Loading;
use crate::flow::model::{Exit, Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point};
use crate::flow::run::{Ending, Go, Turn};
use crate::yaml::shape::Shape;
use crate::yaml::{Fields, Node};

#[derive(Clone, Debug)]
pub struct Hangup;

impl Hangup {
    pub const SHAPE: &Shape = &Shape::new("hangup", "Ends the call. It stands bare: `- hangup`.", &[]);

    pub fn load(node: &Node, _: &mut Fields, loading: &mut Loading) -> Option<Self> {
        node.wrong("`- hangup` bare", &mut loading.faults).remedy("write `- hangup`");
        None
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::of("hangup", Next::End(Ending::SelfServed))]
    }

    pub fn minds(&self, _: &mut Minds) {}

    pub fn moves(&self, at: &Point) -> Vec<Move> {
        vec![at.on(By::Itself, Next::End(Ending::SelfServed))]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        let ending = turn.ending();
        turn.take(Exit::Key("hangup"), Next::End(ending))
    }

    pub fn object(&self, _: &Flow) -> String {
        String::new()
    }
}
