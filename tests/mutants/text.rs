//! What one slip of an author makes of a flow: a step or a modifier is gone, or says something else. Lines stay where they are.

use askonce::yaml::{self, Faults, Node, Source, Value, Word};
use std::collections::BTreeSet;
use std::ops::Range;

pub struct Mutant {
    pub line: usize,
    /// `drop `else: desk``
    pub what: String,
    pub text: String,
}

/// Keys whose value is a block.
const TARGETS: [&str; 14] = [
    "goto", "run", "then", "else", "closed", "full", "waited", "done", "escalate", "none", "slow", "refused", "error",
    "to",
];
/// Keys whose value is a prompt, or a list of them.
const PROMPTS: [&str; 8] = ["say", "ask", "confirm", "offer", "whisper", "silent", "invalid", "prompt"];
/// Keys of a step whose value is something that is defined, and the section.
const OBJECTS: [(&str, &str); 6] = [
    ("collect", "facts"),
    ("forget", "facts"),
    ("route", "facts"),
    ("lookup", "lookups"),
    ("agent", "queues"),
    ("callback", "queues"),
];
/// What a file says of itself.
const HEAD: [&str; 3] = ["askonce", "flow", "prompts"];
/// Without these a fact, a lookup, a queue is none.
const ESSENTIAL: [&str; 4] = ["type", "get", "post", "zone"];

/// Every mutant of a flow, in the order of its lines.
pub fn all(source: &Source) -> Vec<Mutant> {
    let mut faults = Faults::new(&source.path);
    let root = yaml::read(source, &mut faults).expect("a flow that is read");
    let names = |section: &str| -> Vec<String> {
        let entries = field(&root, section).map_or(&[][..], entries);
        entries.iter().map(|(name, _)| name.text.clone()).collect()
    };
    let mut prompts = BTreeSet::new();
    said(&root, "", &mut prompts);
    let mut bench = Bench {
        text: &source.text,
        blocks: names("blocks"),
        prompts: prompts.into_iter().collect(),
        sections: ["facts", "lookups", "queues"].map(|section| (section, names(section))),
        mutants: Vec::new(),
    };
    for (section, node) in entries(&root) {
        bench.section(&section.text, node, section);
    }
    let mut mutants = bench.mutants;
    mutants.sort_by_key(|mutant| mutant.line);
    mutants
}

fn field<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    entries(node).iter().find(|(name, _)| name.text == key).map(|(_, value)| value)
}

fn entries(node: &Node) -> &[(Word, Node)] {
    if let Value::Map(entries) = &node.value { entries } else { &[] }
}

fn items(node: &Node) -> &[Node] {
    if let Value::List(items) = &node.value { items } else { &[] }
}

fn scalar(node: &Node) -> Option<&str> {
    if let Value::Scalar { text, .. } = &node.value { Some(text) } else { None }
}

/// The prompts that a flow names.
fn said(node: &Node, key: &str, prompts: &mut BTreeSet<String>) {
    if PROMPTS.contains(&key) {
        prompts.extend(scalar(node).filter(|text| !text.starts_with("with.")).map(str::to_owned));
    }
    items(node).iter().for_each(|item| said(item, key, prompts));
    entries(node).iter().for_each(|(key, value)| said(value, &key.text, prompts));
}

struct Bench<'t> {
    text: &'t str,
    blocks: Vec<String>,
    prompts: Vec<String>,
    sections: [(&'static str, Vec<String>); 3],
    mutants: Vec<Mutant>,
}

impl Bench<'_> {
    fn section(&mut self, section: &str, node: &Node, key: &Word) {
        match section {
            _ if HEAD.contains(&section) => {}
            "blocks" => entries(node).iter().for_each(|(_, steps)| self.steps(steps)),
            // Each is a map of what is defined.
            "facts" | "types" | "lookups" | "queues" | "hours" | "waiting" | "calendars" | "with" => {
                entries(node).iter().for_each(|(_, defined)| self.inside(defined, section));
            }
            _ => {
                self.drop_entry(key, node, None, 0);
                self.inside(node, section);
            }
        }
    }

    fn steps(&mut self, steps: &Node) {
        for step in items(steps) {
            let dash = self.text[..step.span.start].rfind('-').expect("a step has its dash");
            let shown = self.shown(step.span.start..self.end(step));
            self.add(step.span.line, format!("drop `{shown}`"), &[(dash..self.end(step), String::new())]);
            let (Some((verb, object)), rest) = (entries(step).first(), entries(step)) else { continue };
            self.value(&verb.text, object);
            for (key, value) in &rest[1..] {
                self.drop_entry(key, value, None, 0);
                self.value(&key.text, value);
            }
        }
    }

    /// All that stands in a value: each of it dropped, each of it altered.
    fn inside(&mut self, node: &Node, key: &str) {
        let entries = entries(node);
        for (at, (name, value)) in entries.iter().enumerate() {
            let of_queue = key == "queues" && name.text == "to";
            if !of_queue && !ESSENTIAL.contains(&name.text.as_str()) {
                self.drop_entry(name, value, Some(entries), at);
            }
            if let Some((other, next)) = entries.get(at + 1).filter(|_| ["keys", "to", "escape", "ask"].contains(&key))
                && let (Some(one), Some(two)) = (scalar(value), scalar(next))
                && one != two
            {
                let what = format!("swap `{}` and `{}`", name.text, other.text);
                let swap = [(self.range(value), self.raw(next)), (self.range(next), self.raw(value))];
                self.add(name.span.line, what, &swap);
            }
            self.value(&name.text, value);
        }
        self.list(node, key);
    }

    fn list(&mut self, node: &Node, key: &str) {
        let items = items(node);
        for (at, item) in items.iter().enumerate() {
            if items.len() > 1 {
                let range = self.of_list(at, items.len(), |at| self.range(&items[at]));
                let shown = self.shown(self.range(item));
                self.add(item.span.line, format!("drop `{shown}` of `{key}`"), &[(range, String::new())]);
            }
            self.value(key, item);
        }
    }

    fn value(&mut self, key: &str, node: &Node) {
        let Some(text) = scalar(node) else {
            return self.inside(node, key);
        };
        let other = if key == "if" {
            Some(format!("not ({text})"))
        } else if let Some((_, section)) = OBJECTS.iter().find(|(verb, _)| *verb == key) {
            let all = self.sections.iter().find(|(name, _)| name == section).map(|(_, all)| all);
            all.and_then(|all| after(all, text))
        } else if TARGETS.contains(&key)
            && (self.blocks.iter().any(|block| block == text) || ["continue", "return"].contains(&text))
        {
            after(&self.blocks, text)
        } else if self.prompts.iter().any(|prompt| prompt == text) {
            after(&self.prompts, text)
        } else {
            match text {
                "true" => Some("false".to_owned()),
                "false" => Some("true".to_owned()),
                _ if ["get", "post"].contains(&key) => Some(format!("\"{text}x\"")),
                _ if ["class", "type", "zone"].contains(&key) => None,
                _ => one_more(text),
            }
        };
        // A block of the same name as where it stands may be a value of a route: its key is the value.
        let other =
            other.or_else(|| after(&self.blocks, text).filter(|_| self.blocks.iter().any(|block| block == text)));
        if let Some(other) = other {
            let what = format!("`{key}: {}` is `{other}`", self.shown(self.range(node)));
            self.add(node.span.line, what, &[(self.range(node), other)]);
        }
    }

    /// `among`: the entries of a map between braces, and which one it is.
    fn drop_entry(&mut self, key: &Word, value: &Node, among: Option<&[(Word, Node)]>, at: usize) {
        let whole = key.span.start..self.end(value);
        let shown = self.shown(whole.clone());
        let range = match among {
            Some(entries) if entries.len() > 1 && self.is_between_braces(entries) => {
                let range = |at: usize| entries[at].0.span.start..self.end(&entries[at].1);
                self.of_list(at, entries.len(), range)
            }
            _ => whole,
        };
        self.add(key.span.line, format!("drop `{shown}`"), &[(range, String::new())]);
    }

    fn is_between_braces(&self, entries: &[(Word, Node)]) -> bool {
        self.text[..entries[0].0.span.start].trim_end().ends_with('{')
    }

    /// One of several with commas between them, and one comma.
    fn of_list(&self, at: usize, count: usize, range: impl Fn(usize) -> Range<usize>) -> Range<usize> {
        let dashed = self.text[..range(at).start].trim_end().ends_with('-');
        match at {
            _ if dashed => self.text[..range(at).start].rfind('-').expect("it was seen")..range(at).end,
            at if at + 1 < count => range(at).start..range(at + 1).start,
            _ => range(at - 1).end..range(at).end,
        }
    }

    fn range(&self, node: &Node) -> Range<usize> {
        node.span.start..self.end(node)
    }

    fn raw(&self, node: &Node) -> String {
        self.text[self.range(node)].to_owned()
    }

    /// Where a value ends: with its bracket, or with the last thing in it.
    fn end(&self, node: &Node) -> usize {
        if matches!(node.value, Value::List(_) | Value::Map(_)) && self.text[node.span.start..].starts_with(['{', '['])
        {
            let mut depth = 0;
            for (at, letter) in self.text[node.span.start..].char_indices() {
                depth += i32::from(matches!(letter, '{' | '[')) - i32::from(matches!(letter, '}' | ']'));
                if depth == 0 {
                    return node.span.start + at + 1;
                }
            }
        }
        match &node.value {
            Value::List(items) => items.last().map_or(node.span.end, |item| self.end(item)),
            Value::Map(entries) => entries.last().map_or(node.span.end, |(_, value)| self.end(value)),
            Value::Nothing | Value::Scalar { .. } => node.span.end,
        }
    }

    /// On one line, without comments.
    fn shown(&self, range: Range<usize>) -> String {
        let lines = self.text[range].lines().map(|line| line.split(" #").next().unwrap_or(line).trim());
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// `edits` do not overlap, and come in order. What is dropped leaves its line breaks.
    fn add(&mut self, line: usize, what: String, edits: &[(Range<usize>, String)]) {
        let mut text = self.text.to_owned();
        for (range, new) in edits.iter().rev() {
            let breaks: String = self.text[range.clone()].chars().filter(|letter| *letter == '\n').collect();
            text.replace_range(range.clone(), &format!("{new}{breaks}"));
        }
        self.mutants.push(Mutant { line, what, text });
    }
}

/// The next name; none where there is no other.
fn after(all: &[String], name: &str) -> Option<String> {
    let at = all.iter().position(|other| other == name).map_or(0, |at| at + 1);
    all.get(at % all.len().max(1)).filter(|other| *other != name).cloned()
}

/// The first number, one greater.
fn one_more(text: &str) -> Option<String> {
    let start = text.find(|letter: char| letter.is_ascii_digit())?;
    let length = text[start..].find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len() - start);
    let (number, end) = (&text[start..start + length], start + length);
    let more = number.parse::<u64>().ok()? + 1;
    Some(format!("{}{more:0length$}{}", &text[..start], &text[end..]))
}
