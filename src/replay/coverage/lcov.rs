//! Coverage on the lines of the flow's files, as lcov's tools read it: a line for each step, a branch for each way out of it, a
//! function for each block.

use super::{Coverage, Kind};
use crate::flow::Flow;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// What there is of one file; that of several flows adds up.
#[derive(Default)]
struct File {
    /// By name: the line, and how often it was entered.
    blocks: BTreeMap<String, (usize, u64)>,
    lines: BTreeMap<usize, u64>,
    /// By line, each with its name.
    ways: BTreeMap<usize, Vec<(String, u64)>>,
}

/// Each file of some flows.
#[derive(Default)]
pub struct Lcov {
    files: BTreeMap<String, File>,
}

impl Lcov {
    pub fn add(&mut self, flow: &Flow, coverage: &Coverage) {
        for (number, planned) in coverage.plan.within() {
            let Some(block) = planned.block.map(|block| &flow.blocks[block]) else { continue };
            let (count, line) = (coverage.counts[number], planned.at.line);
            let file = self.files.entry(planned.at.path.clone()).or_default();
            match planned.item.kind {
                Kind::Steps => {
                    *file.lines.entry(line).or_insert(0) += count;
                    // A block is entered with its first step.
                    if planned.item.name == format!("{}:1", block.name.text) {
                        file.blocks.entry(block.name.text.clone()).or_insert((block.name.span.line, 0)).1 += count;
                    }
                }
                Kind::Exits => {
                    let way = planned.item.name.splitn(3, ':').nth(2).unwrap_or(&planned.item.name);
                    let ways = file.ways.entry(line).or_default();
                    match ways.iter_mut().find(|(known, _)| known == way) {
                        Some((_, known)) => *known += count,
                        None => ways.push((way.to_owned(), count)),
                    }
                }
                _ => {}
            }
        }
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        for (path, file) in &self.files {
            // Writing to a String cannot fail.
            let _ = file.write(path, &mut text);
        }
        text
    }
}

impl File {
    fn write(&self, path: &str, out: &mut String) -> fmt::Result {
        writeln!(out, "TN:\nSF:{path}")?;
        for (name, (line, _)) in &self.blocks {
            writeln!(out, "FN:{line},{name}")?;
        }
        for (name, (_, count)) in &self.blocks {
            writeln!(out, "FNDA:{count},{name}")?;
        }
        let entered = self.blocks.values().filter(|(_, count)| *count > 0).count();
        writeln!(out, "FNF:{}\nFNH:{entered}", self.blocks.len())?;
        for (line, ways) in &self.ways {
            // Of a line that nobody came to, nothing is known of its branches.
            let came = self.lines.get(line).is_some_and(|count| *count > 0);
            for (number, (_, count)) in ways.iter().enumerate() {
                let count = if came { count.to_string() } else { "-".to_owned() };
                writeln!(out, "BRDA:{line},0,{number},{count}")?;
            }
        }
        let ways = || self.ways.values().flatten();
        let taken = ways().filter(|(_, count)| *count > 0).count();
        writeln!(out, "BRF:{}\nBRH:{taken}", ways().count())?;
        for (line, count) in &self.lines {
            writeln!(out, "DA:{line},{count}")?;
        }
        let come = self.lines.values().filter(|count| **count > 0).count();
        writeln!(out, "LF:{}\nLH:{come}\nend_of_record", self.lines.len())
    }
}
