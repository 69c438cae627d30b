use super::codes::{CODES, Code, Part};
use super::*;
use crate::server::files::Disk;
use crate::yaml::{Diagnostic, Source, Span};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Rooms whose mistakes are told with a code.
const ROOMS: [&str; 5] = ["src/yaml", "src/flow", "src/config", "src/server", "src/replay/case"];
/// What begins a finding; its code is the first text among the arguments.
const BEGINNINGS: [&str; 10] = [
    "told(",
    "tell(",
    ".error(",
    ".warning(",
    "Diagnostic::error(",
    "Diagnostic::warning(",
    "fault(",
    "fault_at(",
    " wrong(",
    "found(",
];

/// Every Rust file of a folder, without its tests.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            sources(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && !name.ends_with("codes.rs") {
            let text = fs::read_to_string(&path).expect("a source");
            found.push(text[..text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len())].to_owned());
        }
    }
}

/// The code that stands first behind a beginning: within the same call, in a text of its own.
fn code_in(behind: &str) -> Option<&str> {
    let call = &behind[..behind.find(';').unwrap_or(behind.len())];
    let (before, text) = call.split_once('"')?;
    let (text, after) = text.split_once('"')?;
    let is_code = !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let alone = !before.contains("format!") && after.starts_with(',');
    (is_code && alone).then_some(text)
}

fn used() -> BTreeSet<String> {
    let mut texts = Vec::new();
    for room in ROOMS {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(room), &mut texts);
    }
    let codes = texts.iter().flat_map(|text| {
        BEGINNINGS.iter().flat_map(move |beginning| {
            text.match_indices(beginning).filter_map(|(at, _)| code_in(&text[at + beginning.len()..]))
        })
    });
    // The proofs give theirs in tuples, and apart from what makes a finding of them.
    let mut proofs = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/flow/proof"), &mut proofs);
    let words = proofs.iter().flat_map(|text| {
        let pieces: Vec<&str> = text.split('"').collect();
        pieces
            .windows(3)
            .filter(|around| around[2].starts_with(','))
            .map(|around| (around[0].trim_end().ends_with('('), around[1]))
            .collect::<Vec<_>>()
    });
    let is_code = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let words = words.filter(|(first, word)| is_code(word) && (*first || word.contains('-'))).map(|(_, word)| word);
    codes.chain(words).map(str::to_owned).collect()
}

#[test]
fn every_code_in_the_sources_is_in_the_table_and_the_other_way_round() {
    let used = used();
    assert!(used.len() > 60, "the sources were not read: {used:?}");
    let table: BTreeSet<String> = CODES.iter().map(|code| code.name.to_owned()).collect();
    assert_eq!(table.len(), CODES.len(), "a code stands twice");
    let missing: Vec<_> = used.difference(&table).collect();
    let left: Vec<_> = table.difference(&used).collect();
    assert!(missing.is_empty(), "codes without a line in src/server/findings/codes.rs: {missing:?}");
    assert!(left.is_empty(), "lines of src/server/findings/codes.rs that nothing uses: {left:?}");
    assert!(CODES.is_sorted_by_key(|code| Part::ALL.iter().position(|part| *part == code.part)), "not in order");
}

#[test]
fn a_code_is_found_however_its_line_is_broken() {
    for (text, code) in [
        ("span, format!(\"{x}\"), \"no\");", None),
        ("\n    \"unknown-key\",\n    key.span, message);", Some("unknown-key")),
        ("loading, block, \"falls-off\", place, message)", Some("falls-off")),
        ("\"a prompt id\", &mut loading.faults)", None),
        ("code, span, message); let x = \"other\", 1", None),
    ] {
        assert_eq!(code_in(text), code, "{text}");
    }
}

/// docs/findings.md, from the table.
fn page() -> String {
    let mut page = String::from(
        "# Findings\n\nWhat `askonce check`, the log and `/v1/reload` tell of flows and configurations, by its code. The table is made \
         from the sources\n(`src/server/findings/codes.rs`); a test fails when this page is not.\n",
    );
    for part in Part::ALL {
        let codes: Vec<&Code> = CODES.iter().filter(|code| code.part == part).collect();
        if codes.is_empty() {
            continue;
        }
        page.push_str(&format!(
            "\n## {}\n\n| code | what it is | why it matters |\n| --- | --- | --- |\n",
            part.title()
        ));
        for code in codes {
            page.push_str(&format!("| `{}` | {} | {} |\n", code.name, code.what, code.why));
        }
    }
    page
}

#[test]
fn the_page_of_findings_is_fresh() {
    let fresh = page();
    let published = include_str!("../../../docs/findings.md");
    assert!(published == fresh, "docs/findings.md is stale; it should be:\n{fresh}");
}

/// One finding with everything, one without a place.
fn findings() -> Findings {
    let source = Source { path: "flows/a b.yaml".into(), text: "flow: ä\nfacts:\n  account: x\n".into() };
    let span = Span { start: source.text.find("account").expect("there"), end: 0, line: 3, column: 3 };
    let mut lost =
        Diagnostic::error(&source.path, "unknown-name", Span { end: span.start + 7, ..span }, "50% of,\nit: gone");
    lost.remedy("did you mean `a`?").note("there were two");
    lost.witness = vec!["a call comes in".into(), "1 is pressed".into()];
    let odd = Diagnostic::warning("prompts/en/a.wav", "doubtful-clip", Span::default(), "it is loud");
    Findings { diagnostics: vec![lost, odd], sources: vec![source], ..Findings::default() }
}

#[test]
fn a_finding_is_an_object_with_every_key() {
    let checked = Checked { findings: findings(), flows: Vec::new(), place: None };
    let text = told::json(&checked).expect("JSON");
    assert_eq!(text.lines().count(), 1);
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let why = |name| codes::code(name).expect("a code").why;
    let expected = serde_json::json!({
        "askonce": 1, "errors": 1, "warnings": 1, "sound": [],
        "findings": [
            {
                "code": "unknown-name", "severity": "error", "path": "flows/a b.yaml", "line": 3, "column": 3, "end": 10,
                "message": "50% of,\nit: gone", "why": why("unknown-name"), "remedy": "did you mean `a`?",
                "notes": ["there were two"], "witness": ["a call comes in", "1 is pressed"],
            },
            {
                "code": "doubtful-clip", "severity": "warning", "path": "prompts/en/a.wav", "line": null, "column": null,
                "end": null, "message": "it is loud", "why": why("doubtful-clip"), "remedy": null, "notes": [], "witness": [],
            },
        ],
    });
    assert_eq!(report, expected);
}

#[test]
fn a_person_reads_why_once_and_how_a_call_gets_there() {
    let text = findings().render();
    for part in
        ["error[unknown-name]", "note: a call that gets there: a call comes in, 1 is pressed", "note: why: callers may"]
    {
        assert_eq!(text.matches(part).count(), 1, "{part} in:\n{text}");
    }
}

#[test]
fn a_workflow_gets_a_line_for_each_finding_with_nothing_in_it_that_would_end_it() {
    let text = github::commands(&tell(&findings()));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    let first = "::error file=flows/a b.yaml,line=3,col=3,endLine=3,endColumn=10,title=unknown-name::50%25 of,%0Ait: gone%0Ahelp: did";
    assert!(lines[0].starts_with(first), "{}", lines[0]);
    assert!(
        lines[1].starts_with("::warning file=prompts/en/a.wav,title=doubtful-clip::it is loud%0Awhy: "),
        "{}",
        lines[1]
    );
}

/// What SARIF 2.1.0 requires: sections 3.13.2, 3.14.2, 3.18.2, 3.19.2, 3.27.11, 3.36.3 and 3.37.6 of its text.
#[test]
fn the_log_has_what_sarif_requires() {
    let log = sarif::log(&tell(&findings()));
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "askonce");
    let rules = driver["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), CODES.len());
    for rule in rules {
        let texts = ["shortDescription", "fullDescription", "help"].map(|key| rule[key]["text"].as_str());
        assert!(rule["id"].is_string() && texts.iter().all(|text| text.is_some_and(|text| !text.is_empty())), "{rule}");
    }
    let results = run["results"].as_array().expect("results");
    for (result, code) in results.iter().zip(["unknown-name", "doubtful-clip"]) {
        let rule = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!((&result["ruleId"], &rules[rule]["id"]), (&code.into(), &code.into()));
        assert!(result["message"]["text"].is_string(), "{result}");
    }
    let places: Vec<_> = results.iter().map(|result| &result["locations"][0]["physicalLocation"]).collect();
    let region = serde_json::json!({ "startLine": 3, "startColumn": 3, "endLine": 3, "endColumn": 10 });
    assert_eq!((&places[0]["region"], &places[0]["artifactLocation"]["uri"]), (&region, &"flows/a%20b.yaml".into()));
    assert!(places[1].get("region").is_none());
    let flow = results[0]["codeFlows"][0]["threadFlows"][0]["locations"].as_array().expect("a flow");
    assert_eq!(flow[1]["location"]["message"]["text"], "1 is pressed");
    assert!(results[1].get("codeFlows").is_none());
}

#[test]
fn a_folder_is_its_flows_and_what_they_share_is_told_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    fs::create_dir(folder.path().join("prompts")).expect("a folder");
    let flow = |name: &str| format!("askonce: 1\nflow: {name}\nblocks:\n  start:\n    - hangup\n");
    file("a.yaml", &flow("a"));
    file("b.yaml", &flow("b"));
    file("b.test.yaml", "flow: b\nthen: []\n");
    file("call.yaml", "call: one\nflow: b\n");
    file("module.yaml", "askonce: 1\nmodule: m\n");
    file("prompts/en.yaml", "welcome: \"{?}\"\n");
    let checked = check(&Disk, &[folder.path().to_owned()], None);
    let codes: Vec<_> = checked.findings.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, ["placeholder"], "{}", checked.findings.render());
    file("prompts/en.yaml", "{}");
    let checked = check(&Disk, &[folder.path().to_owned()], None);
    let names: Vec<&str> = checked.flows.iter().map(|sound| sound.flow.as_str()).collect();
    assert_eq!((names, checked.findings.errors()), (vec!["a", "b"], 0), "{}", checked.findings.render());
}
