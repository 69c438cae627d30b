//! `- if: CONDITION` with `then: BLOCK`; where the condition does not hold, the next step, or `else: BLOCK`.

use crate::flow::expr::{self, Expr};
use crate::flow::load::Loading;
use crate::flow::model::{Next, Way};
use crate::flow::run::{Go, Turn};
use crate::flow::shape::{CONDITION, TARGET};
use crate::yaml::shape::{Shape, key, need};
use crate::yaml::{Fields, Node, Span, Word};

#[derive(Clone, Debug)]
pub struct Branch {
    condition: Expr,
    /// Where the condition stands.
    at: Span,
    then: Next,
    otherwise: Next,
}

impl Branch {
    pub const SHAPE: &Shape = &Shape::new(
        "if",
        "Goes elsewhere if a condition holds.",
        &[
            need("if", CONDITION, "The condition.").like("closed(office) or reason == 'sales'"),
            need("then", TARGET, "Where to go if it holds."),
            key("else", TARGET, "Where to go if it does not.").or("continue"),
        ],
    );

    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let condition = expr::parse(node, loading);
        let then = fields.need("then", &mut loading.faults).and_then(|node| loading.target(node));
        let otherwise = fields.take("else").map_or(Some(Next::Continue), |node| loading.target(node));
        Some(Self { condition: condition?, at: node.span, then: then?, otherwise: otherwise? })
    }

    /// The switches that it reads.
    pub fn switches(&self) -> impl Iterator<Item = Word> {
        let mut names = Vec::new();
        self.condition.switches(&mut names);
        let at = self.at;
        names.into_iter().map(move |text| Word { text, span: at })
    }

    /// The values of lookups that it reads: the lookup, which of its values, and where.
    pub fn given(&self) -> Vec<(usize, usize, Span)> {
        let mut given = Vec::new();
        self.condition.given(&mut given);
        given.into_iter().map(|(lookup, which)| (lookup, which, self.at)).collect()
    }

    pub fn ways(&self) -> Vec<Way> {
        vec![Way::at_once(self.then), Way::at_once(self.otherwise)]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        Go::Take(if self.condition.holds(turn) { self.then } else { self.otherwise })
    }
}
