use super::*;
use crate::flow::load::load_with;
use crate::flow::{PromptBook, Prompts};
use crate::yaml::shape::{Shape, Takes};
use crate::yaml::{Faults, Node, Source, Value as Yaml, read};
use boon::{Compiler, SchemaIndex, Schemas};
use std::collections::BTreeSet;

const PUBLISHED: &str = include_str!("../../../docs/flow.schema.json");
const REFERENCE: &str = include_str!("../../../docs/reference.md");

#[test]
fn what_is_published_is_up_to_date() {
    let fresh = format!("{:#}\n", of(File::Flow));
    assert!(PUBLISHED == fresh, "docs/flow.schema.json is stale: askonce schema > docs/flow.schema.json");
    let fresh = reference();
    assert!(REFERENCE == fresh, "docs/reference.md is stale: askonce schema reference > docs/reference.md");
}

fn tree(text: &str) -> Node {
    let mut faults = Faults::new("t.yaml");
    let node = read(&Source { path: "t.yaml".into(), text: text.into() }, &mut faults);
    node.unwrap_or_else(|| panic!("{:?}", faults.into_list()))
}

/// A schema, ready to hold files against.
struct Held {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Held {
    fn new(schema: Value) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("file:///schema.json", schema).expect("a resource");
        let index = compiler.compile("file:///schema.json", &mut schemas).expect("a schema of draft 7");
        Self { schemas, index }
    }

    fn refuses(&self, text: &str) -> Option<String> {
        self.schemas.validate(&schema::json(&tree(text)), self.index).err().map(|error| error.to_string())
    }
}

/// Every key of every table, in one flow and its module.
const EVERYTHING: &str = include_str!("everything.yaml");
const MODULE: &str = include_str!("everything.module.yaml");

/// What the tables have is what the loader takes: it asks for no other key (`Fields::by`), and it knows each of these.
#[test]
fn every_key_of_the_tables_is_taken() {
    let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
    let catalogue = PromptBook::read("en", &source("en.yaml", "{}")).0;
    let prompts = Prompts::new(catalogue, Vec::new());
    let found = load_with(&source("f.yaml", EVERYTHING), &[source("m.yaml", MODULE)], &prompts);
    let found = found.expect_err("its prompts are not there");
    // What the flow says is nonsense; that the loader does not know it would be a fault of the tables.
    let unknown: Vec<_> =
        found.iter().filter(|d| ["unknown-key", "unknown-verb", "wrong-type"].contains(&d.code)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    let mut written = BTreeSet::new();
    keys(tables::FLOW, &tree(EVERYTHING), &mut written);
    keys(tables::MODULE, &tree(MODULE), &mut written);
    for shape in tables::FLOW.all().into_iter().chain([tables::MODULE]) {
        for key in shape.names() {
            assert!(written.contains(&(shape.name, key)), "everything.yaml has no `{key}:` of {}", shape.name);
        }
    }
}

/// The keys of a shape, and of those within it, that a map has.
fn keys(shape: &'static Shape, map: &Node, written: &mut BTreeSet<(&'static str, &'static str)>) {
    for key in shape.keys {
        if let Some(node) = value(map, key.name) {
            written.insert((shape.name, key.name));
            within(&key.takes, node, written);
        }
    }
}

fn within(takes: &Takes, node: &Node, written: &mut BTreeSet<(&'static str, &'static str)>) {
    match (takes, &node.value) {
        (Takes::Of(shape), _) => keys(shape, node, written),
        (Takes::One(shapes), _) => {
            let verb = shapes.iter().find(|shape| value(node, shape.name).is_some());
            verb.into_iter().for_each(|shape| keys(shape, node, written));
        }
        (Takes::List(item, _), Yaml::List(items)) => items.iter().for_each(|node| within(item, node, written)),
        (Takes::Map(_, takes, _), Yaml::Map(map)) => map.iter().for_each(|(_, node)| within(takes, node, written)),
        (Takes::Any(ways), _) => ways.iter().for_each(|way| within(way, node, written)),
        _ => {}
    }
}

fn value<'n>(map: &'n Node, key: &str) -> Option<&'n Node> {
    let Yaml::Map(entries) = &map.value else { return None };
    entries.iter().find(|(name, _)| name.text == key).map(|(_, value)| value)
}

#[test]
fn sound_files_fit_the_schema() {
    let flow = Held::new(of(File::Flow));
    for (name, text) in FLOWS {
        assert_eq!(flow.refuses(text), None, "{name}");
        // The account desk's text is in recordings that are older; the tutorial begins with an empty file.
        let says = text.starts_with("# yaml-language-server: $schema=../docs/flow.schema.json\n");
        assert!(says || ["account-desk", "tutorial"].contains(&name), "{name} does not name its schema");
    }
    assert_eq!(flow.refuses(EVERYTHING), None);
    assert_eq!(Held::new(of(File::Module)).refuses(MODULE), None);
    let prompts = include_str!("../../../flows/contact-center/en.yaml");
    assert_eq!(Held::new(of(File::Prompts)).refuses(prompts), None);
    assert!(Held::new(of(File::Prompts)).refuses("a b: c").is_some());
}

const FLOWS: [(&str, &str); 10] = [
    ("account-desk", include_str!("../../../flows/account-desk.yaml")),
    ("after-hours", include_str!("../../../flows/after-hours.yaml")),
    ("bank-card", include_str!("../../../flows/bank-card.yaml")),
    ("clinic", include_str!("../../../flows/clinic.yaml")),
    ("contact-center", include_str!("../../../flows/contact-center.yaml")),
    ("multi-brand", include_str!("../../../flows/multi-brand.yaml")),
    ("pharmacy", include_str!("../../../flows/pharmacy.yaml")),
    ("utility-outage", include_str!("../../../flows/utility-outage.yaml")),
    ("announce-desk", include_str!("../../../flows/announce-desk.yaml")),
    ("tutorial", include_str!("../../../docs/tutorial/step-7.yaml")),
];

/// Broken in one place each: instead of the first text stands the second one.
const BROKEN: [(&str, &str); 34] = [
    ("askonce: 1", "askonce: 2"),
    ("askonce: 1\n", ""),
    ("flow: contact-center\n", ""),
    ("flow: contact-center", "flow: 1st"),
    ("languages: [en, es]", "languages: en"),
    ("languages: [en, es]", "language: [en, es]"),
    ("languages: [en, es]", "answer: later"),
    ("languages: [en, es]", "currency: gbp"),
    ("menu: 0", "menu: 10"),
    ("collect: \"*\"", "collect: \"#\""),
    ("menu: 0, collect: \"*\", to", "to"),
    ("{ error: desk }", "{ errors: desk }"),
    ("{ error: desk }", "{ }"),
    ("type: digits\n    length: 8-12", "type: digits"),
    ("length: 8-12", "length: 8..12"),
    ("check: luhn", "check: lun"),
    ("class: pii", "class: private"),
    ("known: [uui.account, web.account, last_call, crm]", "known: [header Account]"),
    ("{ silent: account_silent, invalid: account_invalid }", "{ silent: account_silent }"),
    ("type: choice, keys: { 1: en, 2: es }", "type: choice"),
    ("keys: { 1: en, 2: es }", "keys: { one: en }"),
    ("keys: { 1: en, 2: es }", "keys: { 1: en }, length: 1"),
    ("survey: true", "survey: yes"),
    ("timeout: 800ms", "timeout: 800"),
    (", timeout: 800ms", ""),
    ("get: \"crm:/phone/{caller.number}\"", "get: \"https://crm/\""),
    ("get: \"crm:/phone/{caller.number}\", ", ""),
    ("get: \"noc:/outage/{account}\"", "get: \"noc:/a\", send: [account]"),
    ("active: bool", "active: boolean"),
    ("mon-fri: 08:00-20:00", "mon-fri: 8-20"),
    ("mon-fri: 08:00-20:00", "weekdays: 08:00-20:00"),
    ("at_once: 10, ", ""),
    ("    - say: welcome", "    - says: welcome"),
    ("    - hangup", "    - hang-up"),
];

const MORE_BROKEN: [(&str, &str); 8] = [
    ("    - lookup: crm\n      else: continue", "    - lookup: crm\n      otherwise: continue"),
    ("      then: after_hours", "      goto: after_hours"),
    ("needs: [account, reason]", "needs: account"),
    ("      number: callback\n", ""),
    ("to: { billing: billing, outage: outage, sales: desk }", "to: desk"),
    ("after: 90s", "after: 90"),
    ("  start:\n", "  start: hangup\n  begin:\n"),
    ("every: 45s, ", ""),
];

#[test]
fn broken_files_do_not_fit_the_schema() {
    let flow = Held::new(of(File::Flow));
    let (_, sound) = FLOWS[4];
    for (before, after) in BROKEN.into_iter().chain(MORE_BROKEN) {
        assert!(sound.contains(before), "{before}");
        assert!(flow.refuses(&sound.replacen(before, after, 1)).is_some(), "{before} -> {after}");
    }
}

/// What a table gives as an example or as what is meant is what it takes.
#[test]
fn examples_and_defaults_fit_their_keys() {
    for shape in tables::FLOW.all().into_iter().chain([tables::MODULE]) {
        for key in shape.keys.iter().chain(shape.others.iter().map(|(_, key)| key)) {
            let held = Held::new(schema::of("a key", &key.takes));
            for text in key.example.into_iter().chain(key.default) {
                assert_eq!(held.refuses(text), None, "{}: {}: {text}", shape.name, key.name);
            }
        }
    }
}
