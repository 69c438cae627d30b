//! `- run: BLOCK`: goes on behind this step once the block says `return`.

use crate::flow::load::Loading;
use crate::flow::model::{Exit, Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point};
use crate::flow::run::{Go, Turn};
use crate::flow::shape::BLOCK;
use crate::yaml::shape::{Shape, need};
use crate::yaml::{Fields, Node};

#[derive(Clone, Debug)]
pub struct RunBlock {
    block: usize,
}

impl RunBlock {
    pub const SHAPE: &Shape = &Shape::new(
        "run",
        "Goes to a block and comes back behind this step at its `return`.",
        &[need("run", BLOCK, "The block, of this file or of a module: `verify.check`.").like("verify")],
    );

    pub fn load(node: &Node, _: &mut Fields, loading: &mut Loading) -> Option<Self> {
        Some(Self { block: loading.block(node)? })
    }

    pub fn block(&self) -> usize {
        self.block
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::of("run", Next::Run(self.block)), Way::ON]
    }

    pub fn minds(&self, _: &mut Minds) {}

    pub fn moves(&self, at: &Point) -> Vec<Move> {
        vec![at.on(By::Itself, Next::Run(self.block))]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        turn.take(Exit::Key("run"), Next::Run(self.block))
    }

    pub fn object(&self, flow: &Flow) -> String {
        flow.blocks[self.block].name.text.clone()
    }
}
