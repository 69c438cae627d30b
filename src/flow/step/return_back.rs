//! `- return`: back behind the `run:` that led here, bare.

use crate::flow::load::Loading;
use crate::flow::model::{Exit, Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point};
use crate::flow::run::{Go, Turn};
use crate::yaml::shape::Shape;
use crate::yaml::{Fields, Node};

#[derive(Clone, Debug)]
pub struct Return;

impl Return {
    pub const SHAPE: &Shape =
        &Shape::new("return", "Back behind the `run` that led here. It stands bare: `- return`.", &[]);

    pub fn load(node: &Node, _: &mut Fields, loading: &mut Loading) -> Option<Self> {
        node.wrong("`- return` bare", &mut loading.faults).remedy("write `- return`");
        None
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::of("return", Next::Return)]
    }

    pub fn minds(&self, _: &mut Minds) {}

    pub fn moves(&self, at: &Point) -> Vec<Move> {
        vec![at.on(By::Itself, Next::Return)]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        turn.take(Exit::Key("return"), Next::Return)
    }

    pub fn object(&self, _: &Flow) -> String {
        String::new()
    }
}
