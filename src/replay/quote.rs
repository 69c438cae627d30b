//! Lines of a flow as its author wrote them, to be shown beside what a call did there.

use crate::flow::Flow;
use crate::yaml::Source;
use std::fmt::Write;

/// A flow's files: its own text, then those of its modules.
#[derive(Clone, Default)]
pub struct Quotes {
    /// By block: its name, and which file it stands in.
    blocks: Vec<(String, usize)>,
    files: Vec<Source>,
}

impl Quotes {
    /// `read` gives a file by the name that the flow has it under. Of one that is gone nothing is quoted.
    pub fn of(flow: &Flow, read: impl Fn(&str) -> Option<String>) -> Quotes {
        let file = |path: &String| Source { path: path.clone(), text: read(path).unwrap_or_default() };
        let blocks = flow.blocks.iter().map(|block| (block.name.text.clone(), block.file)).collect();
        Quotes { blocks, files: flow.paths.iter().map(file).collect() }
    }

    /// `flows/desk.yaml:41`.
    pub fn place(&self, block: &str, line: usize) -> Option<String> {
        Some(format!("{}:{line}", self.file(block)?.path))
    }

    /// The line with `around` lines before and after it, the line itself marked; empty if there is no such line.
    pub fn excerpt(&self, block: &str, line: usize, around: usize) -> String {
        let Some(file) = self.file(block) else { return String::new() };
        let first = line.saturating_sub(around).max(1);
        let lines = file.text.lines().enumerate().map(|(at, text)| (at + 1, text));
        let mut text = String::new();
        for (number, quoted) in lines.skip(first - 1).take_while(|(number, _)| *number <= line + around) {
            let mark = if number == line { '>' } else { ' ' };
            let quoted: String = quoted.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{mark}{number:>5} | {}", quoted.trim_end());
        }
        text
    }

    fn file(&self, block: &str) -> Option<&Source> {
        let (_, file) = self.blocks.iter().find(|(name, _)| name == block)?;
        self.files.get(*file)
    }
}
