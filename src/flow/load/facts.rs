//! The facts of a flow, from their text.

use super::limits::{LONGEST_TAKE, MAX_DIGITS, MAX_FACTS, MAX_KEYS, MAX_KNOWN, MAX_PATTERN, MAX_TRIES, SHORTEST_TAKE};
use super::{Loading, key, key_of};
use crate::audio::spoken;
use crate::context::Class;
use crate::flow::fact::{Ask, Bound, Check, Kind, Known, LANGUAGE, Lives, Question, Range, Readback};
use crate::flow::model::Escape;
use crate::flow::prompts::PromptBook;
use crate::flow::shape::tables;
use crate::key::Key;
use crate::secret::Secret;
use crate::time::Duration;
use crate::yaml::near::nearest;
use crate::yaml::{Fields, Node, Value, Word, is_misread};
use regex_lite::RegexBuilder;

/// How long a recording may be that says nothing of it.
const USUAL_TAKE: Duration = Duration::from_secs(60);

/// `types:` names a shape once: `{ card: { type: digits, length: 16, check: luhn, class: pci } }`.
pub fn types(node: Option<&Node>, loading: &mut Loading) {
    let entries = node.and_then(|n| n.map("the types", MAX_FACTS, &mut loading.faults)).unwrap_or(&[]);
    for (name, node) in entries {
        name.is_name("the name of a type", &mut loading.faults);
        if tables::TYPES.iter().any(|(word, _)| *word == name.text) {
            let message = format!("`{}` is a type of the language", name.text);
            loading.faults.error("bad-name", name.span, message).remedy("choose another name");
        }
        if let Value::Map(_) = node.value {
            let name = loading.full(name).text;
            loading.types.insert(name, node.clone());
        } else {
            node.wrong("a shape as `{ type: digits, length: 16 }`", &mut loading.faults);
        }
    }
}

/// The fact with what its type of `types:` says, where it says nothing itself.
fn shaped(node: &Node, loading: &Loading) -> Option<Node> {
    let Value::Map(own) = &node.value else { return None };
    // A key that is misspelt stays among the others, and is told of there.
    let (_, named) = own.iter().find(|(key, _)| nearest(&key.text, tables::FACT.names()) == Some("type"))?;
    let Value::Scalar { text, .. } = &named.value else { return None };
    let word = Word { text: text.clone(), span: named.span };
    let shape = loading.types.get(&loading.full(&word).text).or_else(|| loading.types.get(text))?;
    let Value::Map(shape) = &shape.value else { return None };
    let mut entries: Vec<_> = own.iter().filter(|(key, _)| key.text != "type").cloned().collect();
    let more: Vec<_> = shape.iter().filter(|(key, _)| !entries.iter().any(|(own, _)| own.text == key.text)).collect();
    entries.extend(more.into_iter().cloned());
    Some(Node { span: node.span, value: Value::Map(entries) })
}

/// Keys that would mean two things: a choice with the escape key, an escape key that answers a confirm.
pub fn against_escape(escape: Option<Escape>, loading: &mut Loading) {
    let Some(menu) = escape.and_then(|e| e.menu) else { return };
    for question in loading.facts.read().into_iter().filter(|question| !question.survey) {
        if !loading.owns(&question.name) {
            continue;
        }
        let name = &question.name.text;
        if let Kind::Choice(values) = &question.kind
            && let Some((_, value)) = values.iter().find(|(key, _)| *key == menu)
        {
            let message = format!("the key of `{}` in `{name}` is the escape key", value.text);
            loading.faults.error("escape-key", value.span, message).remedy("give one of them another key");
        }
        for read in [&question.confirm, &question.offer].into_iter().flatten() {
            if menu == read.right || menu == read.again {
                let (right, again) = (read.right.to_char(), read.again.to_char());
                let message =
                    format!("the escape key answers the confirm of `{name}`: {right} is right, {again} is again");
                loading.faults.error("escape-key", read.prompt.span, message).remedy("give `escape.menu` another key");
            }
        }
    }
}

pub fn question(name: &Word, node: &Node, loading: &mut Loading) -> Option<Question> {
    loading.place = format!("fact {}", loading.full(name).text);
    let shaped = shaped(node, loading);
    let node = shaped.as_ref().unwrap_or(node);
    let mut fields = Fields::of(node, format!("fact `{}`", name.text), &mut loading.faults)?.by(tables::FACT);
    let kind = kind(&mut fields, loading);
    let recording = matches!(kind, Some(Kind::Recording { .. }));
    // A voice is somebody's.
    let usual = if recording { Class::Pii } else { Class::Public };
    let class = fields.take("class").map_or(Some(usual), |node| class(node, loading));
    let known = fields.take("known").map_or(Some(Vec::new()), |node| known(node, loading));
    let ask = fields.take("ask").map_or(Some(Vec::new()), |node| asks(node, loading));
    let spoken = Spoken { name, kind: kind.as_ref(), class };
    let confirm = fields.take("confirm").map(|node| readback(node, spoken, loading));
    let offer = fields.take("offer").map(|node| readback(node, spoken, loading));
    let accept = fields.take("accept").map(|node| loading.lookup(node));
    let lives = fields.take("lives").map(|node| lives(node, loading));
    let fresh = fields.take("fresh").map(|node| node.duration(&mut loading.faults));
    let survey = fields.take("survey").map_or(Some(false), |node| node.boolean(&mut loading.faults));
    let range = fields.take("range").and_then(|node| range(node, kind.as_ref(), loading));
    let default = fields.take("default").and_then(|node| node.word("a value", &mut loading.faults));
    // Which keys belong here depends on the type: with a wrong one, the rest would be noise.
    let kind = kind?;
    fields.finish(&mut loading.faults);
    let name = loading.full(name);
    let class = class?;
    let mut question = Question {
        span: name.span,
        file: loading.file,
        name,
        kind,
        class,
        known: known?,
        ask: ask?,
        confirm: optional(confirm)?,
        offer: optional(offer)?,
        accept: optional(accept)?,
        range,
        lives: Lives::Case,
        fresh: optional(fresh)?,
        survey: survey?,
        default: None,
    };
    // What is not shown to anybody, whether we know who calls, and what was recorded are of this call alone.
    let brief = !class.for_agent() || question.is_verified() || recording;
    question.lives = optional(lives)?.unwrap_or(if brief { Lives::Call } else { Lives::Case });
    trusted(&question, loading);
    if let Some(value) = default {
        if !question.accepts(&value.text) {
            let message = format!("the default is no value of `{}`", question.name.text);
            loading.faults.error("bad-default", value.span, message).remedy(question.kind.example());
        }
        question.default = Some(Secret::new(value.text));
    }
    if question.name.text == LANGUAGE {
        languages(&question, loading);
    }
    Some(question)
}

/// A key that may be absent: `None` only if it is there and wrong.
fn optional<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |value| value.map(Some))
}

/// Keys that a fact of its kind cannot have.
fn trusted(question: &Question, loading: &mut Loading) {
    let name = &question.name.text;
    let mut wrong = |code, message: String, remedy: &str| {
        loading.faults.error(code, question.span, message).remedy(remedy);
    };
    if question.is_verified() {
        let others = question.known.iter().any(|known| !matches!(known, Known::Lookup(_)));
        if others || !question.ask.is_empty() || question.lives == Lives::Case {
            let message = format!("only a lookup can say that a caller is `{name}`, and only for its call");
            wrong("trust", message, "name it in the `fills:` of a lookup, and nowhere else");
        }
    }
    let recording = matches!(question.kind, Kind::Recording { .. });
    if recording && (!question.known.is_empty() || question.accept.is_some() || question.lives == Lives::Case) {
        let message = format!("`{name}` is recorded in its call: nothing else knows it, and no lookup hears it");
        wrong("no-effect", message, "take `known:`, `accept:` and `lives:` away");
    }
    if !question.kind.is_keyed() && !question.ask.is_empty() && !recording {
        let message = format!("`{name}` cannot be keyed in");
        wrong("no-keys", message, "a choice can be asked for: { type: choice, keys: { 1: yes_please, 2: no_thanks } }");
    }
    if question.lives == Lives::Case && !question.class.for_agent() {
        let message = format!("`{name}` is of a class that is not kept beyond its call");
        wrong("class", message, "take `lives: case` away");
    }
    if question.offer.is_some() && question.known.is_empty() {
        wrong("no-effect", format!("nothing is ever known of `{name}` that could be offered"), "add `known: [...]`");
    }
}

fn lives(node: &Node, loading: &mut Loading) -> Option<Lives> {
    let word = node.word("`call` or `case`", &mut loading.faults)?;
    match word.text.as_str() {
        "call" => Some(Lives::Call),
        "case" => Some(Lives::Case),
        _ => {
            loading.faults.unknown("span of life", &word, ["call", "case"]);
            None
        }
    }
}

/// `5..500` of numbers and sums, `2020-01-01..today` of dates; an end may be left out.
fn range(node: &Node, kind: Option<&Kind>, loading: &mut Loading) -> Option<Range> {
    let word = node.word("a range as `1..500`", &mut loading.faults)?;
    let read = || {
        let (from, to) = word.text.split_once("..")?;
        match kind? {
            Kind::Number | Kind::Money(_) => {
                let end = |text: &str, open| if text.is_empty() { Some(open) } else { spoken::hundredths(text) };
                let (from, to) = (end(from, 0)?, end(to, i64::MAX)?);
                (from <= to).then_some(Range::Numbers(from..=to))
            }
            Kind::Date => {
                let end = |text: &str| match text {
                    "" => Some(Bound::Open),
                    "today" => Some(Bound::Today),
                    _ => spoken::date(text).map(Bound::Date),
                };
                Some(Range::Dates(end(from)?, end(to)?))
            }
            _ => None,
        }
    };
    let range = read();
    if range.is_none() && kind.is_some() {
        let remedy = "1..500 of a number or money, 2020-01-01..today of a date; one end may be left out";
        node.wrong("a range", &mut loading.faults).remedy(remedy);
    }
    range
}

/// The fact that says which language speaks is a choice among them.
fn languages(question: &Question, loading: &mut Loading) {
    // Which languages there are is not known while one of them cannot be read.
    if !loading.prompts.books().all(PromptBook::is_whole) {
        return;
    }
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
            let check = fields.take("check").map(|node| check(node, loading));
            let length = length?.range("a length", 1..=MAX_DIGITS, &mut loading.faults)?;
            Some(Kind::Digits { length, check: check.unwrap_or(Some(Check::None))? })
        }
        "choice" => choice(fields.need("keys", &mut loading.faults)?, loading),
        "recording" => {
            let longest = fields.take("longest").map_or(Some(USUAL_TAKE), |node| longest(node, loading));
            Some(Kind::Recording { longest: longest? })
        }
        text => {
            let kind = of_name(text, loading);
            if kind.is_none() {
                let types: Vec<String> = loading.types.keys().cloned().collect();
                loading.faults.unknown(
                    "type",
                    &word,
                    tables::TYPES.iter().map(|(word, _)| *word).chain(types.iter().map(String::as_str)),
                );
            }
            kind
        }
    }
}

/// How long a recording may be.
fn longest(node: &Node, loading: &mut Loading) -> Option<Duration> {
    let longest = node.duration(&mut loading.faults)?;
    let fits = (SHORTEST_TAKE..=LONGEST_TAKE).contains(&longest);
    if !fits {
        let message = "a recording may be as long as 1s to 5m";
        loading.faults.error("out-of-range", node.span, message).remedy("longest: 60s");
    }
    fits.then_some(longest)
}

/// A type that needs nothing but its name.
fn of_name(name: &str, loading: &Loading) -> Option<Kind> {
    Some(match name {
        "number" => Kind::Number,
        "money" => Kind::Money(loading.currency),
        "date" => Kind::Date,
        "time" => Kind::Time,
        "phone" => Kind::Phone,
        "bool" => Kind::Bool,
        "text" => Kind::Text,
        _ => return None,
    })
}

/// The type of a value that a lookup gives.
pub fn plain_kind(node: &Node, loading: &mut Loading) -> Option<Kind> {
    let word = node.word("a type", &mut loading.faults)?;
    let kind = match word.text.as_str() {
        "digits" => Some(Kind::Digits { length: 1..=MAX_DIGITS, check: Check::None }),
        name => of_name(name, loading),
    };
    if kind.is_none() {
        let types = ["text", "number", "bool", "money", "date", "time", "phone", "digits"];
        loading.faults.unknown("type of a value", &word, types);
    }
    kind
}

/// `luhn`, `mod97`, or `{ regex: "^4" }`.
fn check(node: &Node, loading: &mut Loading) -> Option<Check> {
    if let Value::Map(_) = node.value {
        let mut fields = Fields::of(node, "`check`", &mut loading.faults)?.by(tables::CHECK);
        let pattern = fields.need("regex", &mut loading.faults)?.word("a pattern", &mut loading.faults);
        fields.finish(&mut loading.faults);
        let pattern = pattern?;
        let built = RegexBuilder::new(&pattern.text).size_limit(MAX_PATTERN * 1_000).build();
        return match built {
            Ok(regex) if pattern.text.len() <= MAX_PATTERN => Some(Check::Pattern(regex)),
            Ok(_) => {
                let message = format!("a pattern of more than {MAX_PATTERN} letters");
                loading.faults.error("too-many", pattern.span, message);
                None
            }
            Err(why) => {
                let message = format!("this is no pattern: {why}");
                loading.faults.error("bad-pattern", pattern.span, message).remedy("a regular expression: ^4[0-9]+$");
                None
            }
        };
    }
    let word = node.word("a check", &mut loading.faults)?;
    match word.text.as_str() {
        "luhn" => Some(Check::Luhn),
        "mod97" => Some(Check::Mod97),
        "regex" => {
            node.wrong("a pattern for `regex`", &mut loading.faults).remedy("check: { regex: \"^4\" }");
            None
        }
        _ => {
            loading.faults.unknown("check", &word, ["luhn", "mod97", "regex"]);
            None
        }
    }
}

fn choice(node: &Node, loading: &mut Loading) -> Option<Kind> {
    let entries = node.map("keys as `{ 1: billing, 2: sales }`", MAX_KEYS, &mut loading.faults)?;
    let mut values: Vec<(Key, Word)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let key_word = key;
        // Such a key was told of already.
        if is_misread(&key.text) {
            return None;
        }
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
        Some(("web", name)) if !name.is_empty() => Some(Known::Web(name.to_owned())),
        None if word.text == "last_call" => Some(Known::LastCall),
        _ if loading.is_lookup(&word) => loading.lookup(node).map(Known::Lookup),
        _ => {
            let remedy = "uui.NAME, header.NAME, web.NAME, caller.number, last_call, or a lookup that fills the fact";
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
    let mut fields = Fields::of(node, "a worded try", &mut loading.faults)?.by(tables::WORDED);
    let silent = fields.need("silent", &mut loading.faults).and_then(|n| loading.prompt(n));
    let invalid = fields.need("invalid", &mut loading.faults).and_then(|n| loading.prompt(n));
    fields.finish(&mut loading.faults);
    Some(Ask::Worded { silent: silent?, invalid: invalid? })
}

/// The fact whose value is read back.
#[derive(Clone, Copy)]
struct Spoken<'f> {
    name: &'f Word,
    kind: Option<&'f Kind>,
    class: Option<Class>,
}

/// A prompt, or `{ say: PROMPT, right: 1, again: 2 }`.
fn readback(node: &Node, fact: Spoken, loading: &mut Loading) -> Option<Readback> {
    let (one, two) = (Key::from_char('1'), Key::from_char('2'));
    let (mut right, mut again) = (one, two);
    let mut said = node;
    if let Value::Map(_) = node.value {
        let mut fields = Fields::of(node, "a confirm", &mut loading.faults)?.by(tables::READBACK);
        let say = fields.need("say", &mut loading.faults);
        right = fields.take("right").map_or(one, |node| key(node, loading));
        again = fields.take("again").map_or(two, |node| key(node, loading));
        fields.finish(&mut loading.faults);
        said = say?;
    }
    let prompt = loading.readback(said, &loading.full(fact.name).text, fact.kind?, fact.class?)?;
    let (right, again) = (right?, again?);
    if right == again {
        let message = "one key cannot mean both: right, and again";
        loading.faults.error("duplicate-key", node.span, message).remedy("right: 1, again: 2");
    }
    Some(Readback { prompt, right, again })
}
