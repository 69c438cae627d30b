//! `- if: CONDITION` with `then: BLOCK`; where the condition does not hold, the next step, or `else: BLOCK`.

use crate::flow::expr::{self, Expr};
use crate::flow::load::Loading;
use crate::flow::model::{Flow, Next, Way};
use crate::flow::run::{Go, Turn};
use crate::yaml::{Fields, Node, Span, Value, Word};

#[derive(Clone, Debug)]
pub struct Branch {
    condition: Expr,
    /// The condition as it was written.
    written: Word,
    then: Next,
    otherwise: Next,
}

impl Branch {
    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let condition = expr::parse(node, loading);
        let written = match &node.value {
            Value::Scalar { text, .. } => Some(Word { text: text.clone(), span: node.span }),
            _ => None,
        };
        let then = fields.need("then", &mut loading.faults).and_then(|node| loading.target(node));
        let otherwise = fields.take("else").map_or(Some(Next::Continue), |node| loading.target(node));
        Some(Self { condition: condition?, written: written?, then: then?, otherwise: otherwise? })
    }

    /// The switches that it reads.
    pub fn switches(&self) -> impl Iterator<Item = Word> {
        let mut names = Vec::new();
        self.condition.switches(&mut names);
        let at = self.written.span;
        names.into_iter().map(move |text| Word { text, span: at })
    }

    /// The values of lookups that it reads: the lookup, which of its values, and where.
    pub fn given(&self) -> Vec<(usize, usize, Span)> {
        let mut given = Vec::new();
        self.condition.given(&mut given);
        given.into_iter().map(|(lookup, which)| (lookup, which, self.written.span)).collect()
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::at_once("then", self.then), Way::at_once("else", self.otherwise)]
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        Go::Take(if self.condition.holds(turn) { self.then } else { self.otherwise })
    }

    pub fn object(&self, _: &Flow) -> String {
        self.written.text.clone()
    }
}
