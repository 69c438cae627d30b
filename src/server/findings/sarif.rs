//! Findings as SARIF 2.1.0 (OASIS), which code scanning and editors read.

use super::Told;
use super::codes::{CODES, Code};
use crate::sip::uri::encode;
use serde_json::{Value, json};

/// One run with every rule and the results, as a document.
pub fn log(findings: &[Told]) -> Value {
    let rules: Vec<Value> = CODES.iter().map(rule).collect();
    let results: Vec<Value> = findings.iter().map(result).collect();
    let driver = json!({ "name": "askonce", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "columnKind": "unicodeCodePoints", "results": results }],
    })
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.name,
        "shortDescription": { "text": code.what },
        "fullDescription": { "text": format!("{}: {}.", code.part.title(), code.what) },
        "help": { "text": code.why },
    })
}

fn result(told: &Told) -> Value {
    let mut result = json!({
        "ruleId": told.code,
        "level": told.severity,
        "message": { "text": told.text() },
        "locations": [{ "physicalLocation": place(told) }],
    });
    if let Some(rule) = CODES.iter().position(|code| code.name == told.code) {
        result["ruleIndex"] = rule.into();
    }
    if !told.witness.is_empty() {
        // What a call does has no line of its own: every step of it leads to the finding's.
        let step =
            |event: &String| json!({ "location": { "message": { "text": event }, "physicalLocation": place(told) } });
        let steps: Vec<Value> = told.witness.iter().map(step).collect();
        result["codeFlows"] = json!([{ "threadFlows": [{ "locations": steps }] }]);
    }
    result
}

fn place(told: &Told) -> Value {
    let mut place = json!({ "artifactLocation": { "uri": uri(&told.path) } });
    if let (Some(line), Some(column)) = (told.line, told.column) {
        place["region"] = json!({ "startLine": line, "startColumn": column, "endLine": line });
        place["region"]["endColumn"] = told.end.unwrap_or(column).into();
    }
    place
}

/// A path as a URI reference: relative to where the check was made, unless it begins at the root.
fn uri(path: &str) -> String {
    let encoded: Vec<String> = path.split('/').map(encode).collect();
    let encoded = encoded.join("/");
    if path.starts_with('/') { format!("file://{encoded}") } else { encoded }
}
