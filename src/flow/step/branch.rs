//! `- if: CONDITION` with `then: BLOCK`; where the condition does not hold, the next step, or `else: BLOCK`.

use crate::flow::expr::{self, Expr, Operand};
use crate::flow::load::Loading;
use crate::flow::model::{Exit, Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point};
use crate::flow::run::{Go, Turn};
use crate::flow::shape::{CONDITION, TARGET};
use crate::yaml::shape::{Shape, key, need};
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
        let at = self.written.span;
        self.operands().into_iter().filter_map(move |operand| match operand {
            Operand::Switch(name) => Some(Word { text: name.clone(), span: at }),
            _ => None,
        })
    }

    /// The values of lookups that it reads: the lookup, which of its values, and where.
    pub fn given(&self) -> Vec<(usize, usize, Span)> {
        let given = self.operands().into_iter().filter_map(|operand| match operand {
            Operand::Given(lookup, which) => Some((*lookup, *which, self.written.span)),
            _ => None,
        });
        given.collect()
    }

    /// Everything that its condition reads, in its order.
    pub fn operands(&self) -> Vec<&Operand> {
        let mut found = Vec::new();
        self.condition.operands(&mut found);
        found
    }

    pub fn ways(&self) -> Vec<Way<'_>> {
        vec![Way::of("then", self.then), Way::of("else", self.otherwise)]
    }

    pub fn condition(&self) -> &Expr {
        &self.condition
    }

    pub fn minds(&self, minds: &mut Minds) {
        self.operands().into_iter().for_each(|operand| minds.operand(operand, self.written.span));
        let (mut filled, mut hours) = (Vec::new(), Vec::new());
        self.condition.asked(&mut filled, &mut hours);
        filled.into_iter().for_each(|fact| minds.look_up(fact));
    }

    /// Both ways, unless how the facts stand leaves only one.
    pub fn moves(&self, at: &Point) -> Vec<Move> {
        let both = [(true, self.then), (false, self.otherwise)];
        let holds = at.judge(&self.condition);
        let ways = both.into_iter().filter(|(way, _)| holds.is_none_or(|holds| holds == *way));
        ways.map(|(way, next)| at.on(By::Holds(way), next)).collect()
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        if self.condition.holds(turn) {
            turn.take(Exit::Key("then"), self.then)
        } else {
            turn.take(Exit::Key("else"), self.otherwise)
        }
    }

    pub fn object(&self, _: &Flow) -> String {
        self.written.text.clone()
    }
}
