//! `- goto: BLOCK`

use crate::flow::load::Loading;
use crate::flow::model::{Exit, Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point};
use crate::flow::run::{Go, Turn};
use crate::flow::shape::BLOCK;
use crate::yaml::shape::{Shape, need};
use crate::yaml::{Fields, Node};

#[derive(Clone, Debug)]
pub struct Goto {
    to: usize,
}

impl Goto {
    pub const SHAPE: &Shape = &Shape::new(
        "goto",
        "Goes on at a block, and does not come back.",
        &[need("goto", BLOCK, "The block.").like("desk")],
    );

    pub fn load(node: &Node, _: &mut Fields, loading: &mut Loading) -> Option<Self> {
        Some(Self { to: loading.block(node)? })
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::of("goto", Next::Block(self.to))]
    }

    pub fn minds(&self, _: &mut Minds) {}

    pub fn moves(&self, at: &Point) -> Vec<Move> {
        vec![at.on(By::Itself, Next::Block(self.to))]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        turn.take(Exit::Key("goto"), Next::Block(self.to))
    }

    pub fn object(&self, flow: &Flow) -> String {
        flow.blocks[self.to].name.text.clone()
    }
}
