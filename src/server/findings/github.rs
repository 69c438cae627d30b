//! Findings as commands of a workflow: GitHub shows them beside the lines of a change.

use super::Told;

/// `::error file=…,line=…,col=…,endLine=…,endColumn=…,title=…::message`, a line a finding.
pub fn commands(findings: &[Told]) -> String {
    findings.iter().map(|told| command(told) + "\n").collect()
}

fn command(told: &Told) -> String {
    let mut properties = format!("file={}", property(&told.path));
    for (name, number) in [("line", told.line), ("col", told.column), ("endLine", told.line), ("endColumn", told.end)] {
        if let Some(number) = number {
            properties.push_str(&format!(",{name}={number}"));
        }
    }
    format!("::{} {properties},title={}::{}", told.severity, property(told.code), content(&told.text()))
}

/// What would end the line, or be read as an escape.
fn content(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What would end a property besides.
fn property(text: &str) -> String {
    content(text).replace(':', "%3A").replace(',', "%2C")
}
