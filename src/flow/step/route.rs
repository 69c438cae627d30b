//! `- route: FACT` with `to: { VALUE: BLOCK }` for every value the fact can have, and `else:` for a fact that has none.

use crate::flow::fact::Kind;
use crate::flow::load::Loading;
use crate::flow::model::{Exit, Flow, Next, Way};
use crate::flow::proof::{By, Minds, Move, Point, Status};
use crate::flow::run::{Go, Turn};
use crate::flow::shape::{BLOCK, FACT, TARGET};
use crate::yaml::near::suggestion;
use crate::yaml::shape::{Shape, Takes, key, need};
use crate::yaml::{Fields, Node};

/// Values of a choice.
const MAX_WAYS: usize = 100;

#[derive(Clone, Debug)]
pub struct Route {
    fact: usize,
    to: Vec<(String, usize)>,
    otherwise: Next,
}

impl Route {
    pub const SHAPE: &Shape = &Shape::new(
        "route",
        "Goes where the caller's choice leads.",
        &[
            need("route", FACT, "A fact of type `choice`.").like("reason"),
            need(
                "to",
                Takes::Map(&Takes::NewName, &BLOCK, MAX_WAYS),
                "A block for every value that the choice can have.",
            )
            .like("{ billing: billing, outage: outage }"),
            key("else", TARGET, "Where to go when the fact has no value: the caller declined it."),
        ],
    );

    pub fn load(node: &Node, fields: &mut Fields, loading: &mut Loading) -> Option<Self> {
        let fact = loading.fact(node);
        let otherwise = loading.otherwise(fields, node);
        let targets = fields.need("to", &mut loading.faults);
        let targets = targets?.map("`{ VALUE: BLOCK }`", MAX_WAYS, &mut loading.faults)?;
        let to: Vec<_> = targets.iter().map(|(value, node)| (value, loading.block(node))).collect();
        let fact = fact?;
        // A fact that could not be read is one mistake already.
        let kind = loading.question(fact)?.kind.clone();
        let Kind::Choice(values) = kind else {
            let message = "only a choice can be routed: its values are a closed list";
            loading.faults.error("wrong-type", node.span, message);
            return None;
        };
        let mut known = true;
        for (value, _) in &to {
            if !values.iter().any(|(_, v)| v.text == value.text) {
                known = false;
                let remedy = suggestion(&value.text, values.iter().map(|(_, v)| v.text.as_str()));
                let message = format!("the fact has no value `{}`", value.text);
                loading.faults.error("unknown-name", value.span, message).remedy(remedy);
            }
        }
        let mut left: Vec<&str> = values.iter().map(|(_, v)| v.text.as_str()).collect();
        left.retain(|value| !to.iter().any(|(v, _)| v.text == *value));
        left.dedup();
        // A value that is misspelt is not missing besides.
        if known && !left.is_empty() {
            let message = format!("no way for: {}", left.join(", "));
            loading.faults.error("not-exhaustive", node.span, message).remedy("name a block for every value in `to:`");
        }
        let to: Option<Vec<_>> = to.into_iter().map(|(value, block)| Some((value.text.clone(), block?))).collect();
        Some(Self { fact, to: to?, otherwise: otherwise? })
    }

    pub fn ways<'s>(&'s self) -> Vec<Way<'s>> {
        let leads = |(value, block): &'s (String, usize)| Way { exit: Exit::Value(value), next: Next::Block(*block) };
        self.to.iter().map(leads).chain([Way::of("else", self.otherwise)]).collect()
    }

    pub fn fact(&self) -> usize {
        self.fact
    }

    pub fn minds(&self, minds: &mut Minds) {
        minds.read(self.fact);
        minds.valued.push(self.fact);
    }

    pub fn moves(&self, at: &Point) -> Vec<Move> {
        let blocks = self.to.iter().map(|(value, block)| (at.ground.value(self.fact, value), Next::Block(*block)));
        let ways: Vec<Next> = match at.status(self.fact) {
            Status::Filled(value) => blocks.filter(|(of, _)| *of == value).map(|(_, to)| to).collect(),
            Status::Any => blocks.map(|(_, to)| to).chain([self.otherwise]).collect(),
            Status::Unknown | Status::Fresh | Status::Answered | Status::Declined | Status::Settled => {
                vec![self.otherwise]
            }
        };
        ways.into_iter().map(|next| at.on(By::Itself, next)).collect()
    }

    pub fn begin(&self, turn: &mut Turn) -> Go {
        let value = turn.context.facts[self.fact].value();
        match value.and_then(|value| self.to.iter().find(|(v, _)| v == value.open())) {
            Some((value, block)) => turn.take(Exit::Value(value), Next::Block(*block)),
            None => turn.fail(Exit::Key("else"), self.otherwise),
        }
    }

    pub fn object(&self, flow: &Flow) -> String {
        flow.facts[self.fact].name.text.clone()
    }
}
