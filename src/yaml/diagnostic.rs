//! What is wrong in a file, where, and what to do about it: one value, rendered as text.

use super::near::suggestion;
use super::node::Word;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// Diagnostics that one load lists; the rest are counted in one closing line.
const LISTED: usize = 100;

/// A file as text. `path` is what diagnostics call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    /// The column behind what a span marks in its first line; columns count characters from 1.
    pub fn end_column(&self, span: Span) -> usize {
        let end = on_characters(&self.text, span).end;
        let line = self.text[..end].rfind('\n').map_or(0, |before| before + 1);
        self.text[line..end].chars().count() + 1
    }
}

/// Where something stands: bytes `start..end` of its file, line and column counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
    pub line: usize,
    pub column: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The file does not load.
    Error,
    /// The file loads; its author should look.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Short and stable: `unknown-key`.
    pub code: &'static str,
    pub message: String,
    pub path: String,
    pub span: Span,
    pub remedy: Option<String>,
    pub notes: Vec<String>,
    /// What happens in a call that gets there, in order; empty where no path is involved.
    pub witness: Vec<String>,
}

impl Diagnostic {
    pub fn error(path: &str, code: &'static str, span: Span, message: impl Into<String>) -> Self {
        let (path, message) = (path.to_owned(), message.into());
        Self {
            severity: Severity::Error,
            code,
            message,
            path,
            span,
            remedy: None,
            notes: Vec::new(),
            witness: Vec::new(),
        }
    }

    pub fn warning(path: &str, code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, code, span, message) }
    }

    pub fn remedy(&mut self, remedy: impl Into<String>) -> &mut Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub fn note(&mut self, note: impl Into<String>) -> &mut Self {
        self.notes.push(note.into());
        self
    }

    /// `path:line:column`, or the path alone where there is no text to point into.
    pub fn place(&self) -> String {
        if self.span.line == 0 {
            return printable(&self.path);
        }
        format!("{}:{}:{}", printable(&self.path), self.span.line, self.span.column)
    }

    /// The diagnostic as lines for a terminal: message, place, the quoted line with a caret, remedy and notes.
    /// `sources` are the files that were read; without the right one the line is not quoted.
    pub fn render(&self, sources: &[&Source]) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(printable(&self.message)).id(self.code);
        let foot = self.remedy.iter().map(|r| Level::HELP.message(printable(r)));
        let witness =
            (!self.witness.is_empty()).then(|| format!("a call that gets there: {}", self.witness.join(", ")));
        let foot = foot.chain(self.notes.iter().chain(&witness).map(|n| Level::NOTE.message(printable(n))));
        let Some(source) = sources.iter().find(|s| s.path == self.path) else {
            let mut text = Renderer::plain().render(&[Group::with_title(title).elements(foot)]);
            text.push_str(&format!("\n --> {}", self.place()));
            return text;
        };
        let text = printable(&source.text);
        let span = on_characters(&text, self.span);
        let snippet = Snippet::source(text).path(printable(&self.path)).annotation(AnnotationKind::Primary.span(span));
        Renderer::plain().render(&[title.element(snippet).elements(foot)])
    }
}

/// The span within one line and on character boundaries, whatever it was made from.
fn on_characters(text: &str, span: Span) -> std::ops::Range<usize> {
    let start = text.floor_char_boundary(span.start);
    let end = text.floor_char_boundary(span.end.max(start));
    let line_end = text[start..end].find('\n').map_or(end, |at| start + at);
    start..line_end
}

/// The text without what a terminal would obey: control and direction characters become as many `?` as they
/// have bytes, so that offsets still hold.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let obeyed = (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c == '\r' {
            shown.push(' ');
        } else if obeyed {
            shown.extend(std::iter::repeat_n('?', c.len_utf8()));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Gathers what is wrong in one file.
#[derive(Debug)]
pub struct Faults {
    path: String,
    found: Vec<Diagnostic>,
    unlisted: usize,
}

impl Faults {
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned(), found: Vec::new(), unlisted: 0 }
    }

    pub fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        let diagnostic = Diagnostic::error(&self.path, code, span, message);
        if self.found.len() >= LISTED {
            // The last place is overwritten, so that a caller may go on adding to what it reported.
            self.unlisted += 1;
            self.found.truncate(LISTED - 1);
        }
        self.found.push(diagnostic);
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    pub fn warning(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        let diagnostic = self.error(code, span, message);
        diagnostic.severity = Severity::Warning;
        diagnostic
    }

    /// A name that names nothing, with those that come near it.
    pub fn unknown<'c>(&mut self, what: &str, word: &Word, names: impl IntoIterator<Item = &'c str>) {
        let remedy = suggestion(&word.text, names);
        self.error("unknown-name", word.span, format!("there is no {what} `{}`", word.text)).remedy(remedy);
    }

    /// `not-served-yet`: the language or the configuration names it, this version does not do it.
    pub fn not_served(&mut self, span: Span, what: &str) -> &mut Diagnostic {
        self.error("not-served-yet", span, format!("{what} is not served yet"))
    }

    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    /// Everything found, in file order.
    pub fn into_list(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|d| (d.span.start, d.span.end));
        if let (Some(last), more @ 1..) = (self.found.last_mut(), self.unlisted) {
            last.note(format!("{more} more are not listed"));
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source { path: "a.yaml".into(), text: "flow: x\nfacts:\n  acc: \u{1b}[31m?\n".into() }
    }

    #[test]
    fn the_line_is_quoted_with_its_place_and_no_escape_reaches_the_terminal() {
        let span = Span { start: 17, end: 20, line: 3, column: 3 };
        let mut diagnostic = Diagnostic::error("a.yaml", "unknown-key", span, "no \u{1b}[2J such key");
        diagnostic.remedy("did you mean `account`?");
        let text = diagnostic.render(&[&source()]);
        for part in ["error[unknown-key]", "a.yaml:3:3", "^^^", "help: did you mean `account`?", "acc: ?[31m?"] {
            assert!(text.contains(part), "{part} in:\n{text}");
        }
        assert!(!text.contains('\u{1b}'));
        assert!(diagnostic.render(&[]).contains("a.yaml:3:3"));
    }

    #[test]
    fn a_span_beyond_the_text_still_renders() {
        let span = Span { start: 9_000, end: 9_001, line: 99, column: 1 };
        assert!(Diagnostic::error("a.yaml", "x", span, "gone").render(&[&source()]).contains("gone"));
    }

    #[test]
    fn faults_come_in_file_order_and_a_flood_is_counted() {
        let mut faults = Faults::new("a.yaml");
        for start in (0..LISTED + 5).rev() {
            faults.error("x", Span { start, end: start, line: 1, column: 1 }, "again");
        }
        let list = faults.into_list();
        assert_eq!(list.len(), LISTED);
        assert!(list.is_sorted_by_key(|d| d.span.start));
        assert_eq!(list[LISTED - 1].notes, ["5 more are not listed"]);
    }
}
