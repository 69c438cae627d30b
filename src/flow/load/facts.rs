//! The facts of a flow, from their text.

use super::{Loading, key_of};
use crate::context::Class;
use crate::flow::fact::{Ask, Kind, Known, LANGUAGE, Question};
use crate::flow::model::Escape;
use crate::key::Key;
use crate::secret::Secret;
use crate::yaml::{Fields, Node, Value, Word};

const MAX_FACTS: usize = 200;
/// Sources of a fact, and tries.
const MAX_KNOWN: usize = 16;
const MAX_TRIES: usize = 9;
/// Greatest length of a `digits` fact; the type-ahead buffer holds two of them.
const MAX_DIGITS: usize = 32;

const LATER_FACT: [&str; 6] = ["offer", "survey", "accept", "lives", "fresh", "range"];
const TYPES: [&str; 7] = ["digits", "choice", "number", "money", "date", "time", "phone"];
const LATER_TYPES: [&str; 3] = ["bool", "text", "recording"];
const LATER_CHECKS: [&str; 2] = ["mod97", "regex"];

/// The facts, each known by its name before any is read: prompts may name a later one.
pub fn load(node: Option<&Node>, loading: &mut Loading) {
    let entries = node.and_then(|n| n.map("the facts", MAX_FACTS, &mut loading.faults)).unwrap_or(&[]);
    for (name, _) in entries {
        name.is_name("the name of a fact", &mut loading.faults);
        loading.declare_fact(name);
    }
    for (at, (name, node)) in entries.iter().enumerate() {
        loading.place = format!("fact {}", name.text);
        let question = question(name, node, loading);
        loading.define_fact(at, question);
    }
}

/// Keys that would mean two things: a choice with the escape key, an escape key that answers a confirm.
pub fn against_escape(escape: Option<Escape>, loading: &mut Loading) {
    let Some(menu) = escape.and_then(|e| e.menu) else { return };
    for question in loading.questions() {
        let name = &question.name.text;
        if let Kind::Choice(values) = &question.kind
            && let Some((_, value)) = values.iter().find(|(key, _)| *key == menu)
        {
            let message = format!("the key of `{}` in `{name}` is the escape key", value.text);
            loading.faults.error("escape-key", value.span, message).remedy("give one of them another key");
        }
        if let Some(confirm) = question.confirm.filter(|_| matches!(menu.to_char(), '1' | '2')) {
            let message = format!("the escape key answers the confirm of `{name}`: 1 is right, 2 is again");
            loading.faults.error("escape-key", confirm.span, message).remedy("give `escape.menu` another key");
        }
    }
}

fn question(name: &Word, node: &Node, loading: &mut Loading) -> Option<Question> {
    let mut fields = Fields::of(node, format!("fact `{}`", name.text), &mut loading.faults)?;
    fields.later(&LATER_FACT, &mut loading.faults);
    let kind = kind(&mut fields, loading);
    let class = fields.take("class").map_or(Some(Class::Public), |node| class(node, loading));
    let known = fields.take("known").map_or(Some(Vec::new()), |node| known(node, loading));
    let ask = fields.take("ask").map_or(Some(Vec::new()), |node| asks(node, loading));
    let confirm_node = fields.take("confirm");
    let confirm = confirm_node.zip(kind.as_ref()).zip(class);
    let confirm = confirm.and_then(|((node, kind), class)| loading.readback(node, &name.text, kind, class));
    let default_node = fields.take("default");
    let default = default_node.and_then(|node| node.word("a value", &mut loading.faults));
    // Which keys belong here depends on the type: with a wrong one, the rest would be noise.
    let kind = kind?;
    fields.finish(&mut loading.faults);
    let span = name.span;
    let name = name.clone();
    let mut question = Question { name, kind, class: class?, known: known?, ask: ask?, confirm, default: None, span };
    if let Some(value) = default {
        if !question.accepts(&value.text) {
            let message = format!("the default is no value of `{}`", question.name.text);
            loading.faults.error("bad-default", value.span, message);
        }
        question.default = Some(Secret::new(value.text));
    }
    if question.name.text == LANGUAGE {
        languages(&question, loading);
    }
    Some(question)
}

/// The fact that says which language speaks is a choice among them.
fn languages(question: &Question, loading: &mut Loading) {
    let Kind::Choice(values) = &question.kind else {
        let message = format!("the fact `{LANGUAGE}` says which language speaks: it is a choice");
        loading.faults.error("wrong-type", question.span, message).remedy("{ type: choice, keys: { 1: en, 2: es } }");
        return;
    };
    let spoken: Vec<&str> = loading.prompts.books().map(|book| book.language.as_str()).collect();
    for (_, value) in values.iter().filter(|(_, value)| !spoken.contains(&value.text.as_str())) {
        loading.faults.unknown("language", value, spoken.iter().copied());
    }
}

fn kind(fields: &mut Fields, loading: &mut Loading) -> Option<Kind> {
    let node = fields.need("type", &mut loading.faults)?;
    let word = node.word("a type", &mut loading.faults)?;
    match word.text.as_str() {
        "digits" => {
            let length = fields.need("length", &mut loading.faults);
            let luhn = fields.take("check").map(|node| check(node, loading));
            let length = length?.range("a length", 1..=MAX_DIGITS, &mut loading.faults)?;
            Some(Kind::Digits { length, luhn: luhn.unwrap_or(Some(false))? })
        }
        "choice" => choice(fields.need("keys", &mut loading.faults)?, loading),
        "number" => Some(Kind::Number),
        "money" => Some(Kind::Money(loading.currency)),
        "date" => Some(Kind::Date),
        "time" => Some(Kind::Time),
        "phone" => Some(Kind::Phone),
        later if LATER_TYPES.contains(&later) => {
            loading
                .faults
                .not_served(word.span, &format!("type `{later}`"))
                .remedy(format!("there is: {}", TYPES.join(", ")));
            None
        }
        _ => {
            loading.faults.unknown("type", &word, TYPES);
            None
        }
    }
}

fn check(node: &Node, loading: &mut Loading) -> Option<bool> {
    let word = node.word("a check", &mut loading.faults)?;
    match word.text.as_str() {
        "luhn" => Some(true),
        later if LATER_CHECKS.contains(&later) => {
            loading.faults.not_served(word.span, &format!("check `{later}`")).remedy("there is: luhn");
            None
        }
        _ => {
            loading.faults.unknown("check", &word, ["luhn"]);
            None
        }
    }
}

fn choice(node: &Node, loading: &mut Loading) -> Option<Kind> {
    let entries = node.map("keys as `{ 1: billing, 2: sales }`", 12, &mut loading.faults)?;
    let mut values: Vec<(Key, Word)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let key_word = key;
        let key = key_of(key, loading)?;
        let value = value.name("the value of a key", &mut loading.faults)?;
        if values.iter().any(|(k, _)| *k == key) {
            let message = format!("`{}` is a key that stands here already", key_word.text);
            loading.faults.error("duplicate-key", key_word.span, message);
        }
        values.push((key, value));
    }
    if values.is_empty() {
        node.wrong("keys as `{ 1: billing, 2: sales }`", &mut loading.faults);
        return None;
    }
    Some(Kind::Choice(values))
}

fn class(node: &Node, loading: &mut Loading) -> Option<Class> {
    let word = node.word("a class", &mut loading.faults)?;
    match word.text.as_str() {
        "public" => Some(Class::Public),
        "pii" => Some(Class::Pii),
        "pci" => Some(Class::Pci),
        "secret" => Some(Class::Secret),
        _ => {
            loading.faults.unknown("class", &word, ["public", "pii", "pci", "secret"]);
            None
        }
    }
}

fn known(node: &Node, loading: &mut Loading) -> Option<Vec<Known>> {
    let items = node.list("sources as `[uui.account, caller.number]`", MAX_KNOWN, &mut loading.faults)?;
    items.iter().map(|item| source(item, loading)).collect()
}

fn source(node: &Node, loading: &mut Loading) -> Option<Known> {
    let word = node.word("a source", &mut loading.faults)?;
    match word.text.split_once('.') {
        Some(("uui", name)) if !name.is_empty() => Some(Known::Uui(name.to_owned())),
        Some(("header", name)) if is_header(name) && !name.get(..2).is_some_and(|x| x.eq_ignore_ascii_case("X-")) => {
            let message = format!("header `{name}` is not read: only names that begin with `X-` are");
            loading.faults.error("bad-source", word.span, message).remedy(format!("header.X-{name}"));
            None
        }
        Some(("header", name)) if is_header(name) => Some(Known::Header(name.to_owned())),
        Some(("caller", "number")) => Some(Known::CallerNumber),
        Some(("web", _)) => not_served(&word, loading),
        None if word.text == "last_call" => not_served(&word, loading),
        _ => {
            let remedy = "uui.NAME, header.NAME or caller.number; lookups are not served yet";
            let message = format!("`{}` is no source", word.text);
            loading.faults.error("unknown-name", word.span, message).remedy(remedy);
            None
        }
    }
}

/// A token of RFC 3261 section 25.1, as far as header names use it.
fn is_header(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn not_served(word: &Word, loading: &mut Loading) -> Option<Known> {
    loading.faults.not_served(word.span, &format!("source `{}`", word.text));
    None
}

fn asks(node: &Node, loading: &mut Loading) -> Option<Vec<Ask>> {
    let items = node.list("prompts, one a try", MAX_TRIES, &mut loading.faults)?;
    if items.is_empty() {
        node.wrong("prompts, one a try", &mut loading.faults);
        return None;
    }
    items.iter().enumerate().map(|(at, item)| ask(at, item, loading)).collect()
}

fn ask(at: usize, node: &Node, loading: &mut Loading) -> Option<Ask> {
    if !matches!(node.value, Value::Map(_)) {
        return loading.prompt(node).map(Ask::Plain);
    }
    if at == 0 {
        let remedy = "no try has failed before the first: write one prompt id";
        node.wrong("a prompt id", &mut loading.faults).remedy(remedy);
        return None;
    }
    let mut fields = Fields::of(node, "a worded try", &mut loading.faults)?;
    let silent = fields.need("silent", &mut loading.faults).and_then(|n| loading.prompt(n));
    let invalid = fields.need("invalid", &mut loading.faults).and_then(|n| loading.prompt(n));
    fields.finish(&mut loading.faults);
    Some(Ask::Worded { silent: silent?, invalid: invalid? })
}
