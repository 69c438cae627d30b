//! `- hangup`: the end of the flow, bare.

use crate::flow::load::Loading;
use crate::flow::model::{Next, Way};
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

    pub fn ways(&self) -> Vec<Way> {
        vec![Way::at_once(Next::End(Ending::SelfServed))]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        Go::Take(Next::End(turn.ending()))
    }
}
