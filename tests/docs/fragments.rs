//! The YAML of the cookbook and of the pages for those who come from elsewhere: ```` ```yaml flow ```` is a whole flow, and
//! loads; ```` ```yaml sections ```` are parts of one and ```` ```yaml config ```` of a configuration, and load with what is
//! missing around them put in.

use crate::{Fence, Folder, fences, root};
use askonce::config;
use askonce::yaml::Source;
use std::collections::BTreeMap;

/// What a fragment may name without saying it.
const FLOW: &str = include_str!("flow.yaml");
const CONFIG: &str = include_str!("config.yaml");
/// Their prompts, in whatever language.
const PROMPTS: &str = include_str!("prompts.yaml");

#[test]
fn what_the_pages_show_loads() {
    let (mut shown, mut wrong) = (BTreeMap::new(), String::new());
    for page in pages() {
        for fence in fences(&page) {
            let mut words = fence.info.split(' ');
            if words.next() != Some("yaml") {
                continue;
            }
            let kind = words.next().unwrap_or("");
            let said = match kind {
                "flow" => flow(fence.text),
                "sections" => flow(completed(&fence.text, FLOW, "askonce: 1\nflow: shown\n")),
                "config" => configuration(&fence),
                _ => format!("a fence is `yaml flow`, `yaml sections` or `yaml config`, and this one `{}`", fence.info),
            };
            if !said.is_empty() {
                wrong += &format!("{}\n{said}", fence.place);
            }
            *shown.entry(kind.to_owned()).or_insert(0) += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // The pages are there, and none of their kinds came to nothing.
    assert!(shown.len() == 3 && shown.values().all(|count| *count >= 4), "{shown:?}");
}

#[test]
fn a_mistake_in_a_fragment_is_seen() {
    let sections = "blocks:\n  start:\n    - sya: welcome\n    - goto: sorry\n";
    let said = flow(completed(sections, FLOW, "askonce: 1\nflow: shown\n"));
    assert!(said.contains("`sya` is no verb") && said.matches("error[").count() == 1, "{said}");
    let right = sections.replace("sya", "say");
    assert_eq!(flow(completed(&right, FLOW, "askonce: 1\nflow: shown\n")), "");
}

fn pages() -> Vec<String> {
    let from = std::fs::read_dir(root().join("docs/coming-from")).expect("the pages");
    let names = from.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    let mut pages: Vec<String> = names.map(|name| format!("docs/coming-from/{name}")).collect();
    pages.sort();
    pages.push("docs/cookbook.md".to_owned());
    pages
}

fn flow(text: String) -> String {
    let mut folder = Folder::default();
    folder.put("flow.yaml", text);
    for language in ["en", "es"] {
        folder.put(&format!("prompts/{language}.yaml"), PROMPTS);
    }
    // What a fragment does not use is no mistake of it.
    let told = folder.findings();
    if told.contains("error[") { told } else { String::new() }
}

fn configuration(fence: &Fence) -> String {
    let text = completed(&fence.text, CONFIG, "askonce: 1\n");
    let source = Source { path: fence.place.clone(), text };
    let told = match config::load(&source) {
        Ok((_, warnings)) => warnings,
        Err(mistakes) => mistakes,
    };
    told.iter().map(|diagnostic| diagnostic.render(&[&source]) + "\n").collect()
}

/// A fragment with those entries of `around` that it names and does not have itself, and with all of what `around` has by
/// itself: keys without entries.
fn completed(fragment: &str, around: &str, head: &str) -> String {
    let mut whole = sections(fragment);
    loop {
        let text = written(&whole);
        let words: Vec<&str> = text
            .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
            .filter(|word| !word.is_empty())
            .collect();
        let mut grew = false;
        for (name, section) in sections(around) {
            let alone = section.entries.is_empty();
            if alone && !whole.contains_key(&name) {
                whole.insert(name, section);
                grew = true;
                continue;
            }
            for (entry, lines) in section.entries {
                let there =
                    whole.get(&name).is_some_and(|there| there.entries.contains_key(&entry) || !there.line_ends());
                if (entry == "start" || words.contains(&entry.as_str())) && !there {
                    let there = whole.entry(name.clone()).or_insert_with(|| Section::of(&format!("{name}:")));
                    there.entries.insert(entry, lines);
                    grew = true;
                }
            }
        }
        if !grew {
            return format!("{head}{}", written(&whole));
        }
    }
}

/// A key at the top: its line, and what stands indented below it.
struct Section {
    line: String,
    entries: BTreeMap<String, String>,
}

impl Section {
    fn of(line: &str) -> Section {
        Section { line: line.to_owned(), entries: BTreeMap::new() }
    }

    /// Whether entries can stand below it.
    fn line_ends(&self) -> bool {
        self.line.trim_end().ends_with(':')
    }
}

fn sections(text: &str) -> BTreeMap<String, Section> {
    let key = |line: &str| line.trim().split(':').next().unwrap_or("").trim_matches('"').to_owned();
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let (mut section, mut entry) = (String::new(), String::new());
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')) {
        let indent = line.len() - line.trim_start().len();
        if indent == 0 {
            section = key(line);
            sections.insert(section.clone(), Section::of(line));
        } else {
            if indent == 2 && !line.starts_with("  -") {
                entry = key(line);
            }
            let here = sections.get_mut(&section).expect("a key at the top");
            *here.entries.entry(entry.clone()).or_default() += &format!("{line}\n");
        }
    }
    sections
}

fn written(sections: &BTreeMap<String, Section>) -> String {
    let one =
        |section: &Section| format!("{}\n{}", section.line, section.entries.values().cloned().collect::<String>());
    sections.values().map(one).collect()
}
