//! From text to a `Flow`: every mistake at once, in file order, each with its place and a remedy.

#[cfg(test)]
mod announce_tests;
mod facts;
mod hours;
#[cfg(test)]
mod language_tests;
pub mod limits;
mod lookups;
mod names;
mod queues;
mod reach;
mod said;
mod section;
mod table;
#[cfg(test)]
mod tests;

pub use names::Loading;

use self::limits::{MAX_LANGUAGES, MAX_PARAMETERS, MAX_QUESTIONS, MAX_SECONDS, MAX_STEPS, MAX_VALUES};
use super::fact::LANGUAGE;
use super::model::{Block, Budget, Escape, Flow, Parameter, Placed};
use super::prompts::Prompts;
use super::shape::tables;
use super::step::{Step, VERBS};
use crate::audio::spoken::Currency;
use crate::key::Key;
use crate::yaml::near::nearest;
use crate::yaml::{Diagnostic, Faults, Fields, Node, Severity, Source, Value, Word, read};
use sha2::{Digest, Sha256};

/// Loads a flow whose prompts are read already (`preface` says which). Gives the flow and its warnings, or
/// everything that is wrong.
pub fn load(source: &Source, prompts: &Prompts) -> Result<(Flow, Vec<Diagnostic>), Vec<Diagnostic>> {
    load_with(source, &[], prompts)
}

/// The same, with the modules that the preface names, in its order.
pub fn load_with(
    source: &Source,
    modules: &[Source],
    prompts: &Prompts,
) -> Result<(Flow, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut loading = Loading::new(&source.path, prompts);
    let flow = read(source, &mut loading.faults).and_then(|node| {
        let nodes: Vec<_> = modules.iter().map(|module| section::read(module, &mut loading)).collect();
        top(&node, source, (modules, &nodes), &mut loading)
    });
    if let Some(flow) = flow.filter(|_| !loading.has_errors()) {
        reach::whole(&flow, &mut loading);
        if !loading.has_errors() {
            return Ok((flow, loading.into_found()));
        }
    }
    let found = loading.into_found();
    let told = found.iter().any(|d| d.severity == Severity::Error) || !prompts.are_sound();
    debug_assert!(told, "a flow is refused with a reason, here or where its prompts were read");
    Err(found)
}

/// What must be known of a flow's file before its prompts can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preface {
    /// The languages whose catalogues are wanted; the first one speaks first.
    pub languages: Vec<String>,
    /// The folder of the prompts, relative to the flow's own.
    pub prompts: String,
    /// The files of its modules, relative to the flow's own folder.
    pub modules: Vec<String>,
}

/// The preface of a flow's file. A file with mistakes gives the defaults: `load` is what reports them.
pub fn preface(source: &Source) -> Preface {
    let mut faults = Faults::new(&source.path);
    let node = read(source, &mut faults);
    let fields =
        node.as_ref().and_then(|node| Fields::of(node, "the flow", &mut faults)).map(|fields| fields.by(tables::FLOW));
    let (mut spoken, mut prompts, mut modules) = (Vec::new(), None, Vec::new());
    if let Some(mut fields) = fields {
        spoken = languages(&mut fields, &mut faults).into_iter().map(|language| language.text).collect();
        prompts = prompts_folder(&mut fields, &mut faults);
        modules = section::named(&mut fields, &mut faults).into_iter().map(|module| module.text).collect();
    }
    if spoken.is_empty() {
        spoken.push("en".to_owned());
    }
    Preface { languages: spoken, prompts: prompts.unwrap_or_else(|| "prompts".into()), modules }
}

fn top(
    node: &Node,
    source: &Source,
    (modules, nodes): (&[Source], &[Option<Node>]),
    loading: &mut Loading,
) -> Option<Flow> {
    let mut fields = Fields::of(node, "the flow", &mut loading.faults)?.by(tables::FLOW);
    if !fields.rest().any(|key| ["askonce", "flow"].contains(&key.text.as_str())) {
        let remedy = "a flow begins with `askonce: 1` and `flow: NAME`";
        loading.faults.error("missing-key", node.span, "this is no flow").remedy(remedy);
        return None;
    }
    fields.version(&mut loading.faults);
    let name = fields.need("flow", &mut loading.faults);
    let name = name.and_then(|n| n.name("a flow's name", &mut loading.faults));
    let spoken = languages(&mut fields, &mut loading.faults);
    prompts_folder(&mut fields, &mut loading.faults);
    section::named(&mut fields, &mut loading.faults);
    if let Some(currency) = fields.take("currency").and_then(|node| currency(node, &mut loading.faults)) {
        loading.currency = currency;
    }
    parameters(fields.take("with"), loading);
    let budget = fields.take("budget").and_then(|node| budget(node, &mut loading.faults));
    loading.early = fields.take("answer").and_then(|node| answer(node, &mut loading.faults)) == Some(true);
    let (queues_node, waiting_node) = (fields.take("queues"), fields.take("waiting"));
    let (always_node, escape_node) = (fields.take("always"), fields.take("escape"));
    let mut sections = vec![section::of_flow(&mut fields, loading)];
    let nodes = nodes.iter().enumerate().filter_map(|(at, node)| Some((at + 1, node.as_ref()?)));
    sections.extend(nodes.filter_map(|(file, node)| section::of_module(node, file, loading)));
    if sections.len() <= modules.len() {
        // Whatever names something of a module that cannot be read would be told of, too.
        return None;
    }
    section::declare(&sections, loading);
    let always = always(always_node, loading);
    section::define(&sections, loading);
    chosen(&spoken, loading);
    let escape = escape_node.and_then(|node| escape(node, loading));
    section::against(&sections, escape, loading);
    queues::load(queues_node, waiting_node, loading);
    let blocks = section::blocks(&sections, loading);
    let start = loading.blocks().position("start");
    if start.is_none() {
        loading.faults.error("no-start", node.span, "the flow has no block `start`").remedy("calls begin there");
    }
    fields.finish(&mut loading.faults);
    let (readings, uses) = (std::mem::take(&mut loading.readings), std::mem::take(&mut loading.uses));
    Some(Flow {
        name: name?,
        paths: std::iter::once(source).chain(modules).map(|file| file.path.clone()).collect(),
        digest: digest(source, modules, loading.prompts),
        language: loading.prompts.first().language.clone(),
        start: start?,
        facts: loading.facts.all()?,
        lookups: loading.lookups.all()?,
        hours: loading.hours.all()?,
        with: loading.parameters.all()?,
        queues: loading.queues.all()?,
        blocks,
        escape,
        budget,
        early: loading.early,
        readings,
        uses,
        always_error: always.error,
        always_hangup: always.hangup,
    })
}

fn digest(source: &Source, modules: &[Source], prompts: &Prompts) -> String {
    let flow = Sha256::new().chain_update(&source.text);
    let flow = modules.iter().fold(flow, |digest, module| digest.chain_update(&module.text));
    let digest = prompts.books().fold(flow, |digest, book| digest.chain_update(book.text())).finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The languages that speak; none if nothing is said of them.
fn languages(fields: &mut Fields, faults: &mut Faults) -> Vec<Word> {
    let items = fields.take("languages").and_then(|node| node.list("the languages", MAX_LANGUAGES, faults));
    let mut languages: Vec<Word> = Vec::new();
    for item in items.unwrap_or(&[]) {
        let Some(name) = item.name("a language", faults) else { continue };
        if languages.iter().any(|language| language.text == name.text) {
            faults.error("duplicate-key", name.span, format!("`{}` stands here a second time", name.text));
        } else {
            languages.push(name);
        }
    }
    languages
}

/// Without a fact that says which language is wanted, only the first one is ever heard.
fn chosen(languages: &[Word], loading: &mut Loading) {
    if loading.facts.position(LANGUAGE).is_some() {
        return;
    }
    for more in languages.iter().skip(1) {
        let message = format!("nobody ever hears `{}`: there is no fact `{LANGUAGE}`", more.text);
        loading
            .faults
            .warning("one-language", more.span, message)
            .remedy("language: { type: choice, keys: { 1: en, 2: es }, ask: [PROMPT] }");
    }
}

/// Whether prompts are heard before the answer.
fn answer(node: &Node, faults: &mut Faults) -> Option<bool> {
    let word = node.word("`now` or `early`", faults)?;
    match word.text.as_str() {
        "now" => Some(false),
        "early" => Some(true),
        _ => {
            faults.unknown("answer", &word, ["now", "early"]);
            None
        }
    }
}

fn currency(node: &Node, faults: &mut Faults) -> Option<Currency> {
    let word = node.word("a currency", faults)?;
    match word.text.as_str() {
        "usd" => Some(Currency::Usd),
        "eur" => Some(Currency::Eur),
        _ => {
            faults.unknown("currency", &word, ["usd", "eur"]);
            None
        }
    }
}

fn prompts_folder(fields: &mut Fields, faults: &mut Faults) -> Option<String> {
    let folder = fields.take("prompts")?.word("the folder of the prompts", faults)?;
    if folder.text.starts_with('/') || folder.text.split(['/', '\\']).any(|part| part == "..") {
        let message = format!("`{}` leads out of the flow's folder", folder.text);
        faults.error("bad-path", folder.span, message).remedy("name a folder beside the flow: prompts");
        return None;
    }
    Some(folder.text)
}

/// `budget: { questions: 5, seconds: 90 }`: the longest way to a person.
fn budget(node: &Node, faults: &mut Faults) -> Option<Budget> {
    let mut fields = Fields::of(node, "`budget`", faults)?.by(tables::BUDGET);
    let (questions, seconds) = (fields.take("questions"), fields.take("seconds"));
    if questions.is_none() && seconds.is_none() {
        let message = "`budget` bounds nothing";
        faults.error("missing-key", node.span, message).remedy("budget: { questions: 5, seconds: 90 }");
    }
    fields.finish(faults);
    let questions = questions.and_then(|node| node.number("a number of questions", 0..=MAX_QUESTIONS, faults));
    let seconds = seconds.and_then(|node| node.number("a number of seconds", 0..=MAX_SECONDS, faults));
    Some(Budget { at: node.span, questions, seconds })
}

/// `with: { brand: [acme, zenith] }`: what a number may give to the flow, the first value where it says nothing.
fn parameters(node: Option<&Node>, loading: &mut Loading) {
    let entries = node.and_then(|n| n.map("the parameters", MAX_PARAMETERS, &mut loading.faults)).unwrap_or(&[]);
    for (name, node) in entries {
        name.is_name("the name of a parameter", &mut loading.faults);
        let values = node.words("the values that it may have as `[acme, zenith]`", MAX_VALUES, &mut loading.faults);
        let at = loading.parameters.declare(name);
        let parameter = values.map(|values| Parameter { name: name.clone(), values });
        loading.parameters.define(at, parameter);
    }
}

/// Blocks that take over: something failed, the caller hung up.
struct Always {
    error: Option<usize>,
    hangup: Option<usize>,
}

fn always(node: Option<&Node>, loading: &mut Loading) -> Always {
    let mut found = Always { error: None, hangup: None };
    let Some(node) = node else { return found };
    let Some(mut fields) = Fields::of(node, "`always`", &mut loading.faults) else { return found };
    fields = fields.by(tables::ALWAYS);
    let (error, hangup) = (fields.take("error"), fields.take("hangup"));
    if error.is_none() && hangup.is_none() {
        fields.missing("error", &mut loading.faults).remedy("always: { error: BLOCK }");
    }
    fields.finish(&mut loading.faults);
    // A name that is wrong is one mistake; that every step then lacks its exit would be noise.
    loading.has_always = error.is_some();
    found.error = error.and_then(|node| loading.block(node));
    found.hangup = hangup.and_then(|node| loading.block(node));
    found
}

fn escape(node: &Node, loading: &mut Loading) -> Option<Escape> {
    let mut fields = Fields::of(node, "`escape`", &mut loading.faults)?.by(tables::ESCAPE);
    let (menu_node, collect_node) = (fields.take("menu"), fields.take("collect"));
    let menu = menu_node.and_then(|node| key(node, loading));
    let collect = collect_node.and_then(|node| key(node, loading));
    if let (Some(node), Some(found)) = (collect_node, collect)
        && found != Key::STAR
    {
        let message = "only `*` can escape while digits are entered";
        loading.faults.error("escape-key", node.span, message).remedy("write `collect: star`");
    }
    if menu_node.is_none() && collect_node.is_none() {
        loading.faults.error("missing-key", node.span, "`escape` names no key").remedy("{ menu: 0, collect: star }");
    }
    let to = fields.need("to", &mut loading.faults).and_then(|node| loading.block(node));
    fields.finish(&mut loading.faults);
    Some(Escape { menu, collect, to: to? })
}

/// A key of the keypad: a digit, `star` or `pound`, or `"*"`, `"#"`.
fn key(node: &Node, loading: &mut Loading) -> Option<Key> {
    let word = node.word("a key of the keypad", &mut loading.faults)?;
    key_of(&word, loading)
}

fn key_of(word: &Word, loading: &mut Loading) -> Option<Key> {
    let mut chars = word.text.chars();
    let key = match (word.text.as_str(), chars.next(), chars.next()) {
        ("star", ..) => Some(Key::STAR),
        ("pound", ..) => Some(Key::POUND),
        (_, Some(c @ ('0'..='9' | '*' | '#')), None) => Key::from_char(c),
        _ => None,
    };
    if key.is_none() {
        let message = format!("`{}` is no key of the keypad", word.text);
        loading.faults.error("bad-key", word.span, message).remedy("0 to 9, star or pound");
    }
    key
}

fn block(name: &Word, node: &Node, file: usize, loading: &mut Loading) -> Block {
    let items = node.list("the steps of the block", MAX_STEPS, &mut loading.faults);
    let steps = items.unwrap_or(&[]).iter().enumerate().filter_map(|(at, item)| {
        loading.place = format!("{}:{}", loading.full(name).text, at + 1);
        step(item, loading)
    });
    let steps: Vec<Placed> = steps.collect();
    if let Some(items) = items.filter(|items| items.len() == steps.len()) {
        reach::block(name, items, &steps, loading);
    }
    Block { name: loading.full(name), file, steps }
}

/// A step: one verb with its modifiers; `hangup` stands bare.
fn step(node: &Node, loading: &mut Loading) -> Option<Placed> {
    let at = node.span;
    if let Value::Scalar { text, .. } = &node.value {
        let word = Word { text: text.clone(), span: node.span };
        if let Some(step) = Step::bare(text) {
            return Some(Placed { at, step });
        }
        if VERBS.contains(&text.as_str()) {
            let remedy = format!("write `{text}: …`");
            loading.faults.error("wrong-type", word.span, format!("`{text}` does not stand bare")).remedy(remedy);
        } else {
            unknown_verb(&word, loading);
        }
        return None;
    }
    let mut fields = Fields::of(node, "a step", &mut loading.faults)?;
    let is_verb = |word: &&Word| VERBS.contains(&word.text.as_str());
    let mut verbs = fields.rest().filter(is_verb).cloned().collect::<Vec<_>>().into_iter();
    let Some(verb) = verbs.next() else {
        match fields.rest().next() {
            Some(word) => unknown_verb(word, loading),
            None => {
                node.wrong("a step", &mut loading.faults);
            }
        }
        return None;
    };
    if let Some(second) = verbs.next() {
        let message = format!("a step has one verb: `{}` or `{}`", verb.text, second.text);
        loading.faults.error("two-verbs", second.span, message).remedy(format!("begin a step: `- {}:`", second.text));
        return None;
    }
    // One that stands bare has no keys, not even its own.
    if let Some(shape) = Step::shape(&verb.text).filter(|shape| !shape.keys.is_empty()) {
        fields = fields.by(shape);
    }
    let step = Step::load(&verb.text, &mut fields, loading);
    fields.finish(&mut loading.faults);
    Some(Placed { at, step: step? })
}

fn unknown_verb(word: &Word, loading: &mut Loading) {
    let near = nearest(&word.text, VERBS.iter().copied());
    let remedy = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there is: {}", VERBS.join(", ")),
    };
    loading.faults.error("unknown-verb", word.span, format!("`{}` is no verb", word.text)).remedy(remedy);
}
