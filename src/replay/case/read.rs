//! The text of a test, read strictly.

use super::{Answer, Case, Handed, Lookups, Then};
use crate::context::Outcome;
use crate::flow::script::{LineCue, Opening, outcome};
use crate::yaml::near::suggestion;
use crate::yaml::{self, Diagnostic, Faults, Fields, Node, Source, Span, Value, Word};
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// Calls of a file, things of a call, and entries of a map.
const MOST: usize = 1_000;
/// Where nothing is said of the time: a Tuesday, 10:00 in New York.
const AT: Timestamp = Timestamp::constant(1_796_137_200, 0);
/// Who calls, where nothing is said of that.
const CALLER: &str = "+15551230001";
/// Any of these is one thing of `then:`.
const THEN: &[&str] = &[
    "hear",
    "never",
    "press",
    "say_nothing",
    "lookup",
    "line",
    "agent",
    "agent_fails",
    "agent_hangs_up",
    "agent_sends_on",
    "facts",
    "hang_up",
    "ends",
];
/// How a call may end, as its record has it.
const ENDS: &[&str] =
    &["agent", "transferred", "self_served", "abandoned_flow", "abandoned_queue", "closed", "rejected", "failed"];

/// The calls of a test's file: one, or those of `calls:`, which share what stands above them.
pub fn read(source: &Source) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let mut faults = Faults::new(&source.path);
    let cases = yaml::read(source, &mut faults).and_then(|node| cases(&node, &mut faults));
    match cases {
        Some(cases) if !faults.has_errors() => Ok(cases),
        _ => Err(faults.into_list()),
    }
}

fn cases(node: &Node, faults: &mut Faults) -> Option<Vec<Case>> {
    let mut fields = Fields::of(node, "a test", faults)?;
    let shared = Shared::take(&mut fields, faults);
    let Some(calls) = fields.take("calls") else {
        let case = case(fields, shared, faults)?;
        return Some(vec![case]);
    };
    fields.finish(faults);
    let calls = calls.list("calls", MOST, faults)?;
    let read: Vec<_> = calls
        .iter()
        .map(|node| {
            let mut fields = Fields::of(node, "a call", faults)?;
            let own = Shared::take(&mut fields, faults);
            case(fields, own.over(&shared), faults)
        })
        .collect();
    read.into_iter().collect()
}

/// What calls of one file may share.
#[derive(Clone, Default)]
struct Shared {
    flow: Option<Word>,
    at: Option<Timestamp>,
    from: Option<Option<String>>,
    lookups: Lookups,
    with: BTreeMap<String, String>,
    switches: BTreeMap<String, bool>,
}

impl Shared {
    fn take(fields: &mut Fields<'_>, faults: &mut Faults) -> Shared {
        let flow = fields.take("flow").and_then(|node| node.name("a flow", faults));
        let at = fields.take("at").and_then(|node| at(node, faults));
        let from = fields.take("from").and_then(|node| from(node, faults));
        let lookups = fields.take("lookups").map(|node| lookups(node, faults)).unwrap_or_default();
        let with = fields.take("with").map(|node| pairs(node, "parameters", faults)).unwrap_or_default();
        let switches = fields.take("switches").map(|node| switches(node, faults)).unwrap_or_default();
        Shared { flow, at, from, lookups, with: with.into_iter().collect(), switches }
    }

    fn over(mut self, shared: &Shared) -> Shared {
        let shared = shared.clone();
        let mut lookups = shared.lookups;
        lookups.append(&mut self.lookups);
        let (mut with, mut switches) = (shared.with, shared.switches);
        with.append(&mut self.with);
        switches.append(&mut self.switches);
        Shared {
            flow: self.flow.or(shared.flow),
            at: self.at.or(shared.at),
            from: self.from.or(shared.from),
            lookups,
            with,
            switches,
        }
    }
}

fn case(mut fields: Fields<'_>, shared: Shared, faults: &mut Faults) -> Option<Case> {
    let title = fields.need("call", faults).and_then(|node| node.word("what the call shows", faults));
    if shared.flow.is_none() {
        fields.missing("flow", faults).remedy("name the flow that the call is for");
    }
    let mut known = |key| fields.take(key).map(|node| pairs(node, "values by their names", faults)).unwrap_or_default();
    let opening = Opening {
        from: shared.from.unwrap_or_else(|| Some(CALLER.to_owned())),
        uui: known("uui"),
        headers: known("headers"),
        web: known("web"),
        last_call: known("last_call"),
        case: known("case"),
        with: shared.with,
        switches: shared.switches,
        ..Opening::at(shared.at.unwrap_or(AT))
    };
    let then = fields.need("then", faults).and_then(|node| {
        let items = node.list("what happens, one thing after the other", MOST, faults)?;
        let items: Vec<_> = items.iter().map(|item| then(item, faults)).collect();
        items.into_iter().collect::<Option<Vec<_>>>()
    });
    fields.finish(faults);
    Some(Case { title: title?.text, flow: shared.flow?, opening, lookups: shared.lookups, then: then? })
}

/// `hear: welcome`, or where there is nothing to add `say_nothing`.
fn then(item: &Node, faults: &mut Faults) -> Option<(Span, Then)> {
    let nothing = Node { span: item.span, value: Value::Nothing };
    let (verb, value) = match &item.value {
        Value::Scalar { text, .. } => (Word { text: text.clone(), span: item.span }, &nothing),
        Value::Map(entries) if entries.len() == 1 => (entries[0].0.clone(), &entries[0].1),
        _ => {
            item.wrong("one thing that happens, as `hear: welcome`", faults);
            return None;
        }
    };
    let bare = value.value == Value::Nothing;
    let time = |faults: &mut Faults| if bare { Some(None) } else { value.duration(faults).map(Some) };
    let then = match verb.text.as_str() {
        "hear" => Then::Hear(value.word("a prompt", faults)?),
        "never" => Then::Never(value.word("a prompt", faults)?),
        "press" => Then::Press(keys(value, faults)?),
        "say_nothing" if bare => Then::SayNothing,
        "lookup" => {
            let [(name, ended)] = value.map("a lookup and how it ends, as `{ crm: slow }`", 1, faults)? else {
                value.wrong("a lookup and how it ends, as `{ crm: slow }`", faults);
                return None;
            };
            Then::Lookup(name.clone(), answer(ended, faults)?)
        }
        "line" => Then::Line(line(value, faults)?),
        "agent" => Then::Agent(if bare { Handed::default() } else { handed(value, faults)? }),
        "agent_fails" if bare => Then::AgentFails,
        "agent_hangs_up" => Then::AgentHangsUp(time(faults)?),
        "agent_sends_on" => Then::AgentSendsOn(time(faults)?),
        "facts" => Then::Facts(expected(value, faults)?),
        "hang_up" => Then::HangUp(time(faults)?),
        "ends" => Then::Ends(ends(value, faults)?),
        "say_nothing" | "agent_fails" => {
            value.wrong(&format!("nothing behind `{}:`; write `- {}`", verb.text, verb.text), faults);
            return None;
        }
        other => {
            let remedy = suggestion(other, THEN.iter().copied());
            faults.error("unknown-key", verb.span, format!("nothing is called `{other}`")).remedy(remedy);
            return None;
        }
    };
    Some((verb.span, then))
}

fn handed(node: &Node, faults: &mut Faults) -> Option<Handed> {
    let mut fields = Fields::of(node, "`agent`", faults)?;
    let queue = fields.take("queue").map(|node| node.word("a queue", faults));
    let facts = fields.take("facts").map(|node| expected(node, faults));
    let headers = fields.take("headers").map(|node| expected(node, faults));
    fields.finish(faults);
    let optional = |all: Option<Option<_>>| all.map_or(Some(Vec::new()), |all| all);
    let queue = match queue {
        Some(None) => return None,
        queue => queue.flatten(),
    };
    Some(Handed { queue, facts: optional(facts)?, headers: optional(headers)? })
}

/// Names with the values that they are to have; `~`: none.
fn expected(node: &Node, faults: &mut Faults) -> Option<Vec<(Word, Option<String>)>> {
    let entries = node.map("names with their values", MOST, faults)?;
    let one = |(name, node): &(Word, Node)| {
        let value = match node.value {
            Value::Nothing => None,
            _ => Some(node.word("a value, or ~ for none", faults)?.text),
        };
        Some((name.clone(), value))
    };
    let all: Vec<_> = entries.iter().map(one).collect();
    all.into_iter().collect()
}

fn pairs(node: &Node, what: &str, faults: &mut Faults) -> Vec<(String, String)> {
    let entries = node.map(what, MOST, faults).unwrap_or_default();
    entries.iter().filter_map(|(name, node)| Some((name.text.clone(), node.word("a value", faults)?.text))).collect()
}

fn switches(node: &Node, faults: &mut Faults) -> BTreeMap<String, bool> {
    let entries = node.map("switches as `{ storm: true }`", MOST, faults).unwrap_or_default();
    entries.iter().filter_map(|(name, node)| Some((name.text.clone(), node.boolean(faults)?))).collect()
}

/// As the answers of `play --lookups`.
fn lookups(node: &Node, faults: &mut Faults) -> Lookups {
    let entries = node.map("lookups as `crm: { tier: gold }`", MOST, faults).unwrap_or_default();
    let one = |(name, node): &(Word, Node)| {
        let answers: Option<VecDeque<_>> = match &node.value {
            Value::List(items) => items.iter().map(|item| answer(item, faults)).collect(),
            _ => answer(node, faults).map(|answer| VecDeque::from([answer])),
        };
        Some((name.text.clone(), (name.span, answers?)))
    };
    entries.iter().filter_map(one).collect()
}

fn answer(node: &Node, faults: &mut Faults) -> Option<Answer> {
    if let Value::Map(_) = node.value {
        return Some(Answer { outcome: Outcome::Ok, values: pairs(node, "values by their names", faults) });
    }
    let word = node.word("how the lookup ends, or its values", faults)?;
    match outcome(&word.text) {
        Ok(outcome) => Some(Answer { outcome, values: Vec::new() }),
        Err(misread) => {
            node.wrong("how a lookup ends, or its values", faults).note(misread.why).remedy(misread.remedy);
            None
        }
    }
}

fn line(node: &Node, faults: &mut Faults) -> Option<LineCue> {
    let word = node.word("what the line does", faults)?;
    match word.text.as_str() {
        "turn" => Some(LineCue::Turn),
        "full" => Some(LineCue::Full),
        "longest" => Some(LineCue::Longest),
        "offer" => Some(LineCue::Offer),
        other => {
            let words = ["turn", "full", "longest", "offer"];
            node.wrong("what a line does", faults).remedy(suggestion(other, words));
            None
        }
    }
}

fn keys(node: &Node, faults: &mut Faults) -> Option<String> {
    let keys = node.word("keys, in quotes as \"1234#\"", faults)?.text;
    if !keys.chars().all(|key| key.is_ascii_digit() || matches!(key, '*' | '#')) {
        node.wrong("keys of a telephone: 0 to 9, * and #", faults);
        return None;
    }
    Some(keys)
}

fn ends(node: &Node, faults: &mut Faults) -> Option<Word> {
    let word = node.word("how the call ends", faults)?;
    if !ENDS.contains(&word.text.as_str()) {
        faults.unknown("end of a call", &word, ENDS.iter().copied());
        return None;
    }
    Some(word)
}

fn at(node: &Node, faults: &mut Faults) -> Option<Timestamp> {
    let read = node.word("a time", faults)?.text.parse().ok();
    if read.is_none() {
        node.wrong("a time with its zone, as 2026-12-01T10:15:00-05:00", faults);
    }
    read
}

/// `None` within: withheld.
fn from(node: &Node, faults: &mut Faults) -> Option<Option<String>> {
    let word = node.word("a number, or `anonymous`", faults)?;
    Some(Some(word.text).filter(|text| text != "anonymous"))
}
