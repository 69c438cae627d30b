//! What every call keeps, whatever its flow says: judged on the lines of a call that is over, of a live one and of a
//! recording that ran again alike. Docs: docs/invariants.md.

mod asked;
mod ended;
mod handed;
mod keys;
mod shown;
mod silence;

use crate::call::Program;
use crate::context::{Class, Source};
use crate::flow::model::Needs;
use crate::flow::step::Step as Verb;
use crate::record::fixture::{Header, Line, Step};
use crate::record::seam::{Arrival, FactChange, In, Out};
use crate::secret::Secret;
use serde::Serialize;
use std::collections::BTreeMap;

/// Violations of one call that are told: who breaks a promise at every line has broken it.
const MOST: usize = 100;

/// Something that no call may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// One of `INVARIANTS`.
    pub code: &'static str,
    /// Microseconds since the INVITE.
    pub t: u64,
    /// The block, and the step in it from 1.
    pub place: Option<(String, usize)>,
    /// The line of the flow's file.
    pub line: Option<usize>,
    /// Names of facts, destinations and prompts; never a value.
    pub message: String,
    pub remedy: &'static str,
}

/// A promise that a call keeps.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    pub code: &'static str,
    /// What breaks it.
    pub what: &'static str,
    /// What that does to somebody.
    pub why: &'static str,
    pub remedy: &'static str,
}

/// All of them. A code stays what it is: metrics and alarms name it.
pub const INVARIANTS: [Invariant; 7] = [
    Invariant {
        code: "asked-twice",
        what: "A question is put whose answer is known.",
        why: "The caller says again what it has said, and believes the next machine less.",
        remedy: "run `askonce check` on the flow: its first proof names the way; a flow that passes it makes this a bug to report",
    },
    Invariant {
        code: "fact-not-handed-on",
        what: "A fact that is filled, that the hand-off needs and the destination may have, is neither in what goes to the person nor named as left out.",
        why: "The person asks for it again.",
        remedy: "look at the destination's `carriers:`, `uui:` and `headers:`; where they have room for the fact, report this",
    },
    Invariant {
        code: "value-shown",
        what: "The digits of a private fact are in an output that they do not belong in: the name of a clip or a file, a target, a reason, or what goes to somebody who may not have them.",
        why: "Names and reasons are in logs, records and on other people's disks.",
        remedy: "take the value out of the names that the flow and the configuration give; if none of them has it, report this",
    },
    Invariant {
        code: "silence",
        what: "The caller hears nothing for 10 seconds: no prompt, no music, no person; and nothing is asked of it.",
        why: "Callers take silence for a line that is dead, and hang up.",
        remedy: "look at what the call waited for at that time (`askonce explain`): a worker without time, a lookup, or a bug to report",
    },
    Invariant {
        code: "not-ended",
        what: "A call is over, and never said how it ended.",
        why: "Its sockets, its place in a line or the person's phone may be held.",
        remedy: "report it, with the recording",
    },
    Invariant {
        code: "after-the-end",
        what: "A call did something after its end, or ended twice.",
        why: "It is counted twice, or somebody's next call gets what was meant for this one.",
        remedy: "report it, with the recording",
    },
    Invariant {
        code: "key-counted-twice",
        what: "An entry has more keys than the caller pressed, or a key went to the person that nobody pressed.",
        why: "The wrong account is looked up.",
        remedy: "report it, with the recording: it says by which carriers the keys came",
    },
];

/// What broke a promise in the lines of a call that is over: inputs and outputs, in their order. `program` is what it ran.
pub fn judge(header: &Header, lines: &[Line], program: &Program) -> Vec<Violation> {
    let mut scene = Scene { header, program, arrival: None, facts: BTreeMap::new(), at: None, found: Vec::new() };
    let mut keys = keys::Keys::default();
    let mut silence = silence::Silence::default();
    let mut shown = shown::Shown::default();
    let mut ended = ended::Ended::default();
    let mut handed = handed::Handed::default();
    for line in lines {
        silence.pass(&mut scene, line);
        scene.enter(line);
        asked::pass(&mut scene, line);
        keys.pass(&mut scene, line);
        handed.pass(&mut scene, line);
        shown.pass(&mut scene, line);
        ended.pass(&mut scene, line);
        scene.learn(line);
    }
    ended.close(&mut scene, lines);
    scene.found
}

/// Where the call is, and what is known.
struct Scene<'a> {
    header: &'a Header,
    program: &'a Program,
    arrival: Option<&'a Arrival>,
    /// Facts that are filled, with what the call said of it.
    facts: BTreeMap<&'a str, &'a FactChange>,
    at: Option<Place<'a>>,
    found: Vec<Violation>,
}

/// A step that was entered.
#[derive(Clone, Copy)]
struct Place<'a> {
    block: &'a str,
    step: usize,
    line: usize,
    /// `None`: the flow has no such step. It was edited, or the lines were.
    verb: Option<&'a Verb>,
}

impl<'a> Scene<'a> {
    fn enter(&mut self, line: &'a Line) {
        if let Step::Out(Out::Step { block, step, line, .. }) = &line.step {
            let known = self.program.flow.blocks.iter().find(|known| known.name.text == *block);
            let placed = known.and_then(|known| known.steps.get(step.checked_sub(1)?));
            self.at = Some(Place { block, step: *step, line: *line, verb: placed.map(|placed| &placed.step) });
        }
    }

    fn learn(&mut self, line: &'a Line) {
        match &line.step {
            Step::In(In::Invite(arrival)) => self.arrival = Some(arrival),
            Step::Out(Out::Fact(fact)) if fact.value.is_some() => {
                self.facts.insert(&fact.name, fact);
            }
            Step::Out(Out::Fact(fact)) => {
                self.facts.remove(fact.name.as_str());
            }
            _ => {}
        }
    }

    fn verb(&self) -> Option<&'a Verb> {
        self.at.and_then(|at| at.verb)
    }

    /// The facts that the hand-off of this step brings along.
    fn needs(&self) -> Option<&'a Needs> {
        match self.verb()? {
            Verb::Agent(agent) => Some(agent.needs()),
            Verb::Transfer(transfer) => Some(transfer.needs()),
            _ => None,
        }
    }

    /// The class of a fact; `None` of one that the flow does not have.
    fn class(&self, fact: &str) -> Option<Class> {
        self.program.flow.facts.iter().find(|known| known.name.text == fact).map(|known| known.class)
    }

    /// The value of a fact that a person may see.
    fn shown_value(&self, fact: &str) -> Option<&'a Secret> {
        let change = *self.facts.get(fact)?;
        let from: Option<Source> = change.by.parse().ok();
        let withheld = match from {
            Some(Source::Spoken) => true,
            // Unless the caller confirmed it, which its line does not say.
            Some(Source::CallerNumber) => self.arrival.is_some_and(|arrival| arrival.private),
            _ => false,
        };
        change.value.as_ref().filter(|_| !withheld && self.class(fact).is_some_and(Class::for_agent))
    }

    fn violated(&mut self, code: &'static str, t: u64, message: String) {
        if self.found.len() == MOST {
            return;
        }
        let remedy = INVARIANTS.iter().find(|known| known.code == code).map_or("", |known| known.remedy);
        let place = self.at.map(|at| (at.block.to_owned(), at.step));
        self.found.push(Violation { code, t, place, line: self.at.map(|at| at.line), message, remedy });
    }
}
