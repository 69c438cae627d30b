//! A finding as one object, the same from `check --format json` and from the service's API.

use super::codes::code;
use super::{Checked, Sound};
use crate::server::files::Findings;
use crate::yaml::{Diagnostic, Severity, Source};
use serde::Serialize;

/// What is wrong, where, why it matters, and what to do. Every key is always there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    pub code: &'static str,
    /// `error`: it does not serve; `warning`: it does.
    pub severity: &'static str,
    pub path: String,
    /// From 1; `null` where it is the file as a whole. Columns count characters.
    pub line: Option<usize>,
    pub column: Option<usize>,
    /// The column behind it, in the same line.
    pub end: Option<usize>,
    pub message: String,
    /// What it means for a caller.
    pub why: &'static str,
    pub remedy: Option<String>,
    pub notes: Vec<String>,
    /// What happens in a call that gets there.
    pub witness: Vec<String>,
}

/// Each finding as it is told.
pub fn tell(findings: &Findings) -> Vec<Told> {
    findings.diagnostics.iter().map(|found| Told::of(found, findings.source(&found.path))).collect()
}

impl Told {
    fn of(found: &Diagnostic, source: Option<&Source>) -> Told {
        let placed = found.span.line > 0;
        Told {
            code: found.code,
            severity: match found.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            path: found.path.clone(),
            line: placed.then_some(found.span.line),
            column: placed.then_some(found.span.column),
            end: source.filter(|_| placed).map(|source| source.end_column(found.span)),
            message: found.message.clone(),
            why: code(found.code).map_or("", |code| code.why),
            remedy: found.remedy.clone(),
            notes: found.notes.clone(),
            witness: found.witness.clone(),
        }
    }

    /// Everything about it but its place, in lines.
    pub fn text(&self) -> String {
        let remedy = self.remedy.iter().map(|remedy| format!("\nhelp: {remedy}"));
        let notes = self.notes.iter().map(|note| format!("\nnote: {note}"));
        let witness =
            (!self.witness.is_empty()).then(|| format!("\na call that gets there: {}", self.witness.join(", ")));
        let more: String = remedy.chain(notes).chain(witness).chain([format!("\nwhy: {}", self.why)]).collect();
        self.message.clone() + &more
    }
}

/// What `check --format json` prints. Its form has the version 1; within it things are only added.
#[derive(Serialize)]
struct Report<'c> {
    askonce: u8,
    errors: usize,
    warnings: usize,
    /// The flows without errors.
    sound: &'c [Sound],
    findings: Vec<Told>,
}

/// The whole check in one line of JSON.
pub fn json(checked: &Checked) -> serde_json::Result<String> {
    let (errors, findings) = (checked.findings.errors(), tell(&checked.findings));
    let warnings = findings.len() - errors;
    serde_json::to_string(&Report { askonce: 1, errors, warnings, sound: &checked.flows, findings })
}
