//! The JSON Schema (draft 7) of a shape, as editors take it: they read YAML by its core schema, so `0` is a number and
//! `08:00` is text.

use super::node::{Node, Value};
use super::shape::{Key, MAX_NAME, Rule, Shape, Takes};
use super::{Faults, Source, read};
use crate::time::Duration;
use serde_json::{Map, Number, Value as Json, json};
use std::collections::BTreeMap;

/// A name, and one that may stand behind a module's or be a prompt's.
const NEW_NAME: &str = "[A-Za-z][A-Za-z0-9_-]*";
const NAME: &str = r"[A-Za-z][A-Za-z0-9_/-]*(\.[A-Za-z][A-Za-z0-9_-]*)*";

/// The schema of a whole file.
pub fn of(title: &str, file: &Takes) -> Json {
    let mut shapes = Vec::new();
    file.gather(&mut shapes);
    let definitions: Map<String, Json> = shapes.iter().map(|shape| (id(shape), map(shape))).collect();
    let Json::Object(mut schema) = takes(file) else { return Json::Null };
    schema.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
    schema.insert("title".into(), json!(title));
    if !definitions.is_empty() {
        schema.insert("definitions".into(), Json::Object(definitions));
    }
    Json::Object(schema)
}

/// A node as the JSON that an editor sees in its place.
pub fn json(node: &Node) -> Json {
    match &node.value {
        Value::Nothing => Json::Null,
        Value::Scalar { text, quoted: true } => json!(text),
        Value::Scalar { text, quoted: false } => plain(text),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => entries.iter().map(|(key, value)| (key.text.clone(), json(value))).collect(),
    }
}

/// Section 10.3.2 of YAML 1.2, as far as the language has it.
fn plain(text: &str) -> Json {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let numeric = unsigned.starts_with(|c: char| c.is_ascii_digit());
    match text {
        "true" => Json::Bool(true),
        "false" => Json::Bool(false),
        _ if unsigned.bytes().all(|b| b.is_ascii_digit()) => {
            text.parse::<i64>().map_or_else(|_| json!(text), Json::from)
        }
        _ if numeric => text.parse().ok().and_then(Number::from_f64).map_or_else(|| json!(text), Json::Number),
        _ => json!(text),
    }
}

fn id(shape: &Shape) -> String {
    shape.name.replace(' ', "-")
}

fn map(shape: &Shape) -> Json {
    let properties: Map<String, Json> = shape.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let needed: Vec<&str> = shape.keys.iter().filter(|key| key.needed).map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "title": shape.name,
        "properties": properties,
        "additionalProperties": false,
    });
    describe(&mut schema, shape.doc);
    if !needed.is_empty() {
        schema["required"] = json!(needed);
    }
    if let Some((pattern, key)) = &shape.others {
        schema["patternProperties"] = json!({ *pattern: property(key) });
    }
    let mut dependencies: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut all = Vec::new();
    for rule in shape.rules {
        match rule {
            Rule::Only(keys, with) => keys.iter().for_each(|key| dependencies.entry(key).or_default().push(with)),
            Rule::Apart(keys, from) => {
                all.extend(keys.iter().map(|key| json!({ "not": { "required": [key, from] } })));
            }
            Rule::OneOf(keys) => all.push(json!({ "oneOf": required(keys) })),
            Rule::SomeOf(keys) => all.push(json!({ "anyOf": required(keys) })),
            Rule::OnlyIf(keys, with, value) => all.push(only_if(shape, keys, with, value)),
            Rule::Needs(with, value, keys) => {
                let has = json!({ "properties": { *with: { "const": value } }, "required": [with] });
                all.push(json!({ "if": has, "then": { "required": keys } }));
            }
        }
    }
    if !dependencies.is_empty() {
        schema["dependencies"] = json!(dependencies);
    }
    if !all.is_empty() {
        schema["allOf"] = Json::Array(all);
    }
    schema
}

fn required(keys: &[&str]) -> Vec<Json> {
    keys.iter().map(|key| json!({ "required": [key] })).collect()
}

/// A word that is none of the language's may stand for that value: what is refused is the others.
fn only_if(shape: &Shape, keys: &[&str], with: &str, value: &str) -> Json {
    let mut others = shape.key(with).map_or_else(Vec::new, |key| words(&key.takes));
    others.retain(|word| *word != value);
    let refused: Map<String, Json> = keys.iter().map(|key| ((*key).to_owned(), json!(false))).collect();
    let has = json!({ "properties": { with: { "enum": others } }, "required": [with] });
    json!({ "if": has, "then": { "properties": refused } })
}

/// A key, with what an editor shows of it.
fn property(key: &Key) -> Json {
    let mut schema = takes(&key.takes);
    if schema.get("$ref").is_some() {
        // Draft 7 ignores what stands beside a `$ref`.
        schema = json!({ "allOf": [schema] });
    }
    describe(&mut schema, &description(key));
    if let Some(default) = key.default.and_then(written) {
        schema["default"] = default;
    }
    if let Some(example) = key.example.and_then(written) {
        schema["examples"] = json!([example]);
    }
    schema
}

fn description(key: &Key) -> String {
    let mut text = key.doc.to_owned();
    for (word, meaning) in meanings(&key.takes) {
        text.push_str(&format!("\n- `{word}`: {meaning}"));
    }
    if let Takes::Duration(least, most) = key.takes
        && most < Duration::MAX
    {
        text.push_str(&format!(" {} to {}.", short(least), short(most)));
    }
    text
}

/// Words that mean something by themselves.
pub fn meanings(takes: &Takes) -> Vec<(&'static str, &'static str)> {
    match takes {
        Takes::Words(words) => words.iter().copied().filter(|(_, meaning)| !meaning.is_empty()).collect(),
        Takes::Any(ways) => ways.iter().flat_map(meanings).collect(),
        _ => Vec::new(),
    }
}

fn words(takes: &Takes) -> Vec<&'static str> {
    meanings(takes).into_iter().map(|(word, _)| word).collect()
}

/// A duration as one would write it.
pub fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match time.subsec_millis() {
        0 if seconds >= 3_600 && seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        0 if seconds >= 60 && seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        0 => format!("{seconds}s"),
        _ => format!("{}ms", time.as_millis()),
    }
}

/// What was written in a table, as JSON.
fn written(text: &str) -> Option<Json> {
    let source = Source { path: String::new(), text: text.to_owned() };
    read(&source, &mut Faults::new("")).map(|node| json(&node))
}

fn takes(takes: &Takes) -> Json {
    match takes {
        Takes::Bool => json!({ "type": "boolean" }),
        Takes::Number(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Takes::Range(from, to) => json!({ "anyOf": [
            { "type": "integer", "minimum": from, "maximum": to },
            { "type": "string", "pattern": "^[0-9]+-[0-9]+$" },
        ] }),
        Takes::Duration(..) => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" }),
        Takes::Words(words) => {
            // Words that an editor takes for numbers are both.
            let both = |word: &str| {
                if plain(word) == json!(word) { vec![json!(word)] } else { vec![plain(word), json!(word)] }
            };
            json!({ "enum": words.iter().flat_map(|(word, _)| both(word)).collect::<Vec<_>>() })
        }
        Takes::Name(_) => json!({ "type": "string", "pattern": format!("^{NAME}$") }),
        Takes::NewName => json!({ "type": "string", "pattern": format!("^{NEW_NAME}$"), "maxLength": MAX_NAME }),
        Takes::Text(_, "") => json!({ "type": "string" }),
        Takes::Text(_, pattern) => json!({ "type": "string", "pattern": pattern }),
        Takes::Scalar(_) => json!({ "type": ["string", "number", "boolean"] }),
        Takes::List(item, most) => json!({ "type": "array", "items": self::takes(item), "maxItems": most }),
        Takes::Map(key, value, most) => json!({
            "type": "object",
            "patternProperties": { format!("^({})$", as_key(key)): self::takes(value) },
            "additionalProperties": false,
            "maxProperties": most,
        }),
        Takes::Of(shape) => json!({ "$ref": format!("#/definitions/{}", id(shape)) }),
        Takes::One(shapes) => one(shapes),
        Takes::Any(ways) => json!({ "anyOf": ways.iter().map(self::takes).collect::<Vec<_>>() }),
    }
}

/// As one `if` in the `else` of another, so that an editor tells what is wrong with the one that is meant, and offers the
/// first keys alone where there is none yet.
fn one(shapes: &[&Shape]) -> Json {
    let (bare, maps): (Vec<&Shape>, Vec<_>) = shapes.iter().partition(|shape| shape.keys.is_empty());
    let firsts: Map<String, Json> = maps.iter().map(|shape| (shape.name.into(), first(shape))).collect();
    let none = json!({ "properties": firsts, "additionalProperties": false, "minProperties": 1 });
    let map = maps.iter().rev().fold(none, |other, shape| {
        let has = json!({ "type": "object", "required": [shape.name] });
        json!({ "if": has, "then": { "$ref": format!("#/definitions/{}", id(shape)) }, "else": other })
    });
    let Json::Object(mut map) = map else { return Json::Null };
    map.insert("type".into(), json!("object"));
    map.insert("title".into(), json!("a map"));
    let bare: Vec<&str> = bare.iter().map(|shape| shape.name).collect();
    json!({ "anyOf": [map, { "enum": bare }] })
}

/// The key that says which shape it is.
fn first(shape: &Shape) -> Json {
    let mut schema = shape.key(shape.name).map_or_else(|| json!({}), property);
    describe(&mut schema, shape.doc);
    schema
}

/// What an editor shows: as Markdown where it can.
fn describe(schema: &mut Json, text: &str) {
    schema["description"] = json!(text.replace('`', ""));
    schema["markdownDescription"] = json!(text);
}

/// A regular expression of the same where it is the key of a map. An editor takes `1` there for a number.
fn as_key(takes: &Takes) -> String {
    match takes {
        Takes::Number(from, to) => format!("[{from}-{to}]"),
        Takes::Words(words) => {
            let words: Vec<String> = words.iter().map(|(word, _)| word.replace('*', r"\*")).collect();
            words.join("|")
        }
        Takes::Text(_, pattern) => pattern.trim_matches(['^', '$']).to_owned(),
        Takes::Any(ways) => ways.iter().map(as_key).collect::<Vec<_>>().join("|"),
        Takes::NewName => NEW_NAME.to_owned(),
        _ => NAME.to_owned(),
    }
}
