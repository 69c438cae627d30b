//! One way to lay out a file: its words, comments, breaks and styles stay the author's; indentation, spaces, quotes around
//! names and the last line are settled.
//!
//! The tree says where each scalar stands and how deep; all else of the text is read off the gaps between them.

use super::diagnostic::{Diagnostic, Faults, Source, Span};
use super::node::{Node, Value, Word, is_misread, read};

const STEP: usize = 2;

/// The file laid out, or why it stays as it is. What it says is the same after as before, which is looked at each time.
pub fn format(source: &Source) -> Result<String, Vec<Diagnostic>> {
    let mut faults = Faults::new(&source.path);
    let Some(tree) = read(source, &mut faults).filter(|_| !faults.has_errors()) else { return Err(faults.into_list()) };
    let mut layout = Layout { text: &source.text, at: 0, out: String::new(), empty: false, indent: 0, column: 0 };
    let done = layout.document(&tree);
    let laid = Source { path: source.path.clone(), text: std::mem::take(&mut layout.out) };
    if done.is_some() && read(&laid, &mut faults).is_some_and(|after| same(&tree, &after)) {
        return Ok(laid.text);
    }
    let line = source.text[..layout.at].matches('\n').count() + 1;
    let span = Span { start: layout.at, end: layout.at, line, column: layout.column_of(layout.at) + 1 };
    let mut unknown =
        Diagnostic::error(&source.path, "layout", span, "the file is laid out in a way that is not known here");
    unknown.remedy("write it in the usual way: docs/reference.md; until then it stays as it is");
    Err(vec![unknown])
}

/// Whether two trees say the same, wherever it stands. A name says the same in quotes.
fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Scalar { text: a, quoted: x }, Value::Scalar { text: b, quoted: y }) => {
            a == b && (x == y || is_plain(a))
        }
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            let pairs = a.iter().zip(b);
            a.len() == b.len() && pairs.into_iter().all(|((k, a), (l, b))| k.text == l.text && same(a, b))
        }
        (Value::Nothing, Value::Nothing) => true,
        _ => false,
    }
}

/// A word that needs no quotes, and that no reader of YAML takes for something else.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        && !matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "null")
        && !is_misread(text)
}

struct Layout<'t> {
    text: &'t str,
    /// How far the text was read.
    at: usize,
    out: String,
    /// An empty line comes before the next one.
    empty: bool,
    /// Of the line that was begun last: where its first word stands, and where it stood.
    indent: usize,
    column: usize,
}

/// What stands between two words besides spaces.
struct Gap<'t> {
    /// A comment on the line of what came before.
    trailing: Option<Comment<'t>>,
    /// Lines of their own: a comment, or nothing.
    lines: Vec<Option<Comment<'t>>>,
    /// What follows is on another line.
    broken: bool,
}

struct Comment<'t> {
    column: usize,
    text: &'t str,
}

impl Gap<'_> {
    fn comments(&self) -> bool {
        self.trailing.is_some() || self.lines.iter().any(Option::is_some)
    }
}

/// The text in the order in which it stands. `None`: something stands where nothing is expected.
impl<'t> Layout<'t> {
    fn document(&mut self, tree: &Node) -> Option<()> {
        if self.text.starts_with("---") {
            self.at = 3;
        }
        self.value(tree, 0, false)?;
        let gap = self.gap(self.text.len())?;
        self.comments(&gap, 0, 0);
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        Some(())
    }

    /// A value behind its key or, `fresh`, behind the hyphen of its item.
    fn value(&mut self, node: &Node, indent: usize, fresh: bool) -> Option<()> {
        match (&node.value, self.next()) {
            (Value::Map(_) | Value::List(_), '{' | '[') | (Value::Scalar { .. }, _) => self.inline(node, indent, fresh),
            (Value::Map(entries), _) => self.block_map(entries, indent, fresh),
            (Value::List(items), _) => self.block_list(items, indent, fresh),
            (Value::Nothing, _) if self.is_absent(node) => Some(()),
            (Value::Nothing, _) => self.inline(node, indent, fresh),
        }
    }

    fn block_map(&mut self, entries: &[(Word, Node)], indent: usize, fresh: bool) -> Option<()> {
        for (place, (key, value)) in entries.iter().enumerate() {
            let gap = self.gap(key.span.start)?;
            self.begin(&gap, indent, fresh && place == 0);
            self.scalar(key.span, &key.text)?;
            self.mark(':')?;
            self.value(value, indent + STEP, false)?;
        }
        Some(())
    }

    fn block_list(&mut self, items: &[Node], indent: usize, fresh: bool) -> Option<()> {
        for (place, item) in items.iter().enumerate() {
            let gap = self.gap(self.word())?;
            self.begin(&gap, indent, fresh && place == 0);
            self.mark('-')?;
            if !self.is_absent(item) {
                self.out.push(' ');
            }
            self.value(item, indent + STEP, true)?;
        }
        Some(())
    }

    /// On the line of its key or hyphen, unless a comment stands between.
    fn inline(&mut self, node: &Node, indent: usize, fresh: bool) -> Option<()> {
        let gap = self.gap(self.word())?;
        if gap.comments() || self.out.is_empty() {
            self.begin(&gap, indent, false);
        } else if !fresh {
            self.out.push(' ');
        }
        self.flow(node, indent)
    }

    /// A scalar, or what stands within brackets: whether that is broken into lines is the author's.
    fn flow(&mut self, node: &Node, indent: usize) -> Option<()> {
        match (&node.value, self.next()) {
            (Value::Map(entries), '{') => {
                self.brackets(('{', " ", '}'), entries, indent, |layout, (key, value), indent| {
                    layout.pair(key, value, indent)
                })
            }
            (Value::List(items), '[') => {
                self.brackets(('[', "", ']'), items, indent, |layout, item, indent| layout.flow(item, indent))
            }
            // `[a: b]` has a map without brackets of its own.
            (Value::Map(entries), _) => entries.iter().try_for_each(|(key, value)| self.pair(key, value, indent)),
            (Value::List(_), _) => None,
            (Value::Scalar { text, .. }, _) => self.scalar(node.span, text),
            (Value::Nothing, _) if self.is_absent(node) => Some(()),
            (Value::Nothing, _) => self.scalar(node.span, ""),
        }
    }

    fn pair(&mut self, key: &Word, value: &Node, indent: usize) -> Option<()> {
        self.bare(key.span.start)?;
        self.scalar(key.span, &key.text)?;
        if self.next() != ':' {
            return Some(());
        }
        self.mark(':')?;
        if !self.is_absent(value) {
            self.out.push(' ');
            self.bare(self.word())?;
        }
        self.flow(value, indent)
    }

    fn brackets<T>(
        &mut self,
        (open, space, close): (char, &str, char),
        items: &[T],
        indent: usize,
        item: impl Fn(&mut Self, &T, usize) -> Option<()>,
    ) -> Option<()> {
        self.mark(open)?;
        for (place, one) in items.iter().enumerate() {
            let gap = self.gap(self.word())?;
            if gap.broken {
                self.begin(&gap, indent, false);
            } else {
                self.out.push_str(if place > 0 { " " } else { space });
            }
            item(self, one, indent + STEP)?;
            if self.next() == ',' {
                self.mark(',')?;
                if place + 1 == items.len() {
                    self.out.pop();
                }
            }
        }
        let gap = self.gap(self.word())?;
        if gap.broken {
            self.begin(&gap, indent, false);
        } else if !items.is_empty() {
            self.out.push_str(space);
        }
        self.mark(close)
    }

    /// A scalar as it is written, a name without quotes. The lines that it goes on in move with the one that it began in.
    fn scalar(&mut self, span: Span, text: &str) -> Option<()> {
        let written = match self.next() {
            '|' | '>' => self.literal(),
            _ if self.at == span.start => self.text.get(span.start..span.end)?.trim_end(),
            _ => return None,
        };
        self.at += written.len();
        if is_plain(text) && !written.contains('\n') {
            self.out.push_str(text);
            return Some(());
        }
        for (number, line) in written.lines().enumerate() {
            if number == 0 {
                self.out.push_str(line);
                continue;
            }
            let inner = line.trim_start_matches(' ');
            self.out.push('\n');
            if !inner.is_empty() {
                let indent = (line.len() - inner.len() + self.indent).saturating_sub(self.column);
                self.out.extend(std::iter::repeat_n(' ', indent));
                self.out.push_str(inner);
            }
        }
        Some(())
    }

    /// A block of text from its `|` or `>` on: the lines that are deeper than what it is a part of. The reader's place of one is
    /// another.
    fn literal(&self) -> &'t str {
        let text = self.text;
        let lines = text[self.at..].split_inclusive('\n');
        let belongs =
            |line: &str| line.trim().is_empty() || line.len() - line.trim_start_matches(' ').len() > self.column;
        let length: usize = lines
            .enumerate()
            .take_while(|(number, line)| *number == 0 || belongs(line))
            .map(|(_, line)| line.len())
            .sum();
        text[self.at..self.at + length].trim_end()
    }

    fn mark(&mut self, mark: char) -> Option<()> {
        self.bare(self.word())?;
        if self.next() != mark {
            return None;
        }
        self.at += mark.len_utf8();
        self.out.push(mark);
        Some(())
    }

    /// Goes on to a place with nothing but spaces before it.
    fn bare(&mut self, until: usize) -> Option<()> {
        let gap = self.gap(until)?;
        (!gap.comments()).then_some(())
    }

    /// What the file has no text for: `key:`.
    fn is_absent(&self, node: &Node) -> bool {
        matches!(node.value, Value::Nothing) && node.span.start >= node.span.end
    }

    /// Where the next word or mark stands.
    fn word(&self) -> usize {
        let mut at = self.at;
        loop {
            let rest = &self.text[at..];
            let spaces = rest.len() - rest.trim_start().len();
            at += spaces;
            if !self.text[at..].starts_with('#') {
                return at;
            }
            at += self.text[at..].find('\n').unwrap_or(self.text.len() - at);
        }
    }

    /// Its first character.
    fn next(&self) -> char {
        self.text[self.word()..].chars().next().unwrap_or('\0')
    }

    fn gap(&mut self, until: usize) -> Option<Gap<'t>> {
        let text = self.text.get(self.at..until)?;
        let mut gap = Gap { trailing: None, lines: Vec::new(), broken: text.contains('\n') };
        let last = text.split('\n').count() - 1;
        let mut column = self.column_of(self.at);
        for (number, line) in text.split('\n').enumerate() {
            let inner = line.trim_start();
            let comment = inner.starts_with('#').then(|| Comment {
                column: column + line.chars().count() - inner.chars().count(),
                text: inner.trim_end(),
            });
            column = 0;
            match comment {
                None if !inner.is_empty() => {
                    // For who is told where.
                    self.at = self.word();
                    return None;
                }
                Some(comment) if number == 0 && !self.out.is_empty() => gap.trailing = Some(comment),
                None if number == 0 || number == last => {}
                line => gap.lines.push(line),
            }
        }
        self.at = until;
        Some(gap)
    }

    fn column_of(&self, at: usize) -> usize {
        self.text[..at].chars().rev().take_while(|c| *c != '\n').count()
    }

    /// Begins a line for what follows a gap; `fresh`: it follows a hyphen, on the line of which it stays if it can.
    fn begin(&mut self, gap: &Gap, indent: usize, fresh: bool) {
        let column = self.column_of(self.at);
        self.comments(gap, indent, column);
        if !fresh || gap.comments() {
            self.line(indent);
        }
        (self.indent, self.column) = (indent, column);
    }

    /// The comments of a gap: as deep as what follows them, which stood in `column`, or as what came before where the author has
    /// them deeper than that.
    fn comments(&mut self, gap: &Gap, indent: usize, column: usize) {
        if let Some(comment) = &gap.trailing {
            self.out.truncate(self.out.trim_end_matches(' ').len());
            let width = self.out.chars().rev().take_while(|c| *c != '\n').count();
            // Comments of neighbours stay below each other.
            self.out.extend(std::iter::repeat_n(' ', comment.column.saturating_sub(width).max(1)));
            self.out.push_str(comment.text);
        }
        for line in &gap.lines {
            match line {
                Some(comment) if comment.column > column && self.indent > indent => self.line(self.indent),
                Some(_) => self.line(indent),
                None => self.empty = !self.out.is_empty(),
            }
            self.out.push_str(line.as_ref().map_or("", |comment| comment.text));
        }
    }

    fn line(&mut self, indent: usize) {
        if !self.out.is_empty() {
            self.out.push_str(if std::mem::take(&mut self.empty) { "\n\n" } else { "\n" });
        }
        self.out.extend(std::iter::repeat_n(' ', indent));
    }
}

#[cfg(test)]
mod tests;
