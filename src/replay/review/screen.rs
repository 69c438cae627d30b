//! What a review looks like in a terminal: the groups at the left, what the chosen one is at the right. Lines of styled text,
//! so that a test can hold them.

use super::view::{Mode, Row, View};
use super::{Review, recordings};
use crate::replay::answer;
use crate::replay::groups::{self, Group, What};
use crate::replay::quote::Quotes;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Below so many columns the details have no place beside the list.
const BESIDE: usize = 96;
/// Lines of the flow around the one that it is about.
const AROUND: usize = 3;
/// Names of recordings in the details.
const NAMES: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Quiet,
    Bold,
    Good,
    Bad,
    /// Where somebody is.
    Chosen,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Style::Plain => "0",
            Style::Quiet => "2",
            Style::Bold => "1",
            Style::Good => "32",
            Style::Bad => "31",
            Style::Chosen => "7",
        }
    }
}

pub type Line = Vec<(Style, String)>;

/// As many lines as the terminal has, none wider than it.
pub fn draw(
    view: &View,
    review: &Review,
    quotes: &dyn Fn(&str) -> Option<Quotes>,
    (width, height): (usize, usize),
) -> Vec<Line> {
    let high = height.saturating_sub(4).max(1);
    let rows = view.rows(review);
    let row = rows.get(view.at.min(rows.len().saturating_sub(1))).copied();
    let mut lines = vec![head(review, width), rule(width)];
    let details = |width| match (&view.mode, row) {
        (Mode::Help, _) => help(),
        (_, None) if !view.filter.is_empty() => vec![plain("nothing has that in it; Esc shows everything")],
        (_, None) => vec![plain("nothing is left to decide")],
        (_, Some(row)) => detail(row, review, quotes, width),
    };
    let body: Vec<Line> = if matches!(view.mode, Mode::Look | Mode::Help) {
        let details = details(width);
        let past = view.past.min(details.len().saturating_sub(high));
        details.into_iter().skip(past).take(high).collect()
    } else if width < BESIDE {
        list(view, review, &rows, (width, high))
    } else {
        let left = width * 9 / 20;
        let (list, right) = (list(view, review, &rows, (left, high)), details(width - left - 2));
        (0..high).map(|at| beside(list.get(at), right.get(at), left)).collect()
    };
    lines.extend(body.into_iter().map(|line| cut(line, width)));
    lines.resize(high + 2, Line::new());
    lines.push(rule(width));
    lines.push(cut(foot(view, review), width));
    lines
}

fn head(review: &Review, width: usize) -> Line {
    let differ = review.cases.len();
    let text = format!(
        " askonce review   {} replayed, {} as recorded, {differ} not: {} to decide, {} to be written",
        review.passed + differ,
        review.passed,
        review.undecided(),
        recordings(review.writes().len()),
    );
    cut(vec![(Style::Bold, text)], width)
}

fn foot(view: &View, review: &Review) -> Line {
    let question = |text: String| vec![(Style::Bold, text)];
    match &view.mode {
        Mode::Filter => question(format!(" / {}_    Enter keeps it, Esc shows everything", view.filter)),
        Mode::Answer { group, text } => {
            let form = review.groups.get(*group).and_then(|group| match &group.what {
                What::Needs(need) => answer::form(&need.what),
                _ => None,
            });
            question(format!(
                " answer: {text}_    {}; Esc: none",
                form.unwrap_or_else(|| "this has none here".to_owned())
            ))
        }
        Mode::Quit => {
            let (writes, open) = (recordings(review.writes().len()), review.undecided());
            let open = if open == 0 { String::new() } else { format!("; {open} undecided") };
            question(format!(" write {writes}{open}? y: write and end, n: end without writing, any other key: go on"))
        }
        _ if !view.told.is_empty() => vec![(Style::Plain, format!(" {}", view.told))],
        Mode::Look => vec![(Style::Quiet, " up/down move, Enter back, a accept, o this one, d debug".to_owned())],
        Mode::Help => vec![(Style::Quiet, " any key: back".to_owned())],
        Mode::List => {
            let filter = if view.filter.is_empty() { String::new() } else { format!("  [/{}]", view.filter) };
            let keys =
                " a accept  o one recording  e recordings  d debug  Enter look  / filter  u undo  q quit  ? help";
            vec![(Style::Quiet, keys.to_owned() + &filter)]
        }
    }
}

fn list(view: &View, review: &Review, rows: &[Row], (width, high): (usize, usize)) -> Vec<Line> {
    let at = view.at.min(rows.len().saturating_sub(1));
    let top = at.saturating_sub(high / 2).min(rows.len().saturating_sub(high));
    let shown = rows.iter().enumerate().skip(top).take(high);
    let line = |(number, row): (usize, &Row)| {
        let (mark, style, text) = match *row {
            Row::Group(group) => {
                let group = &review.groups[group];
                let what = &group.what;
                let (mark, style) = standing(review, group);
                let opened = if view.is_expanded(&group.id) { 'v' } else { ' ' };
                let about = [what.step(), what.brief()].into_iter().filter(|text| !text.is_empty());
                let about = about.collect::<Vec<_>>().join(" ");
                (mark, style, format!("{opened}{:>4} {:<11} {about}", group.cases.len(), what.kind()))
            }
            Row::Case { group, case } => {
                let accepted = review.is_accepted(&review.groups[group], case);
                let (mark, style) = if accepted { ('\u{2713}', Style::Good) } else { (' ', Style::Plain) };
                (mark, style, format!("        {}", review.cases[case].name))
            }
        };
        let style = if number == at { Style::Chosen } else { style };
        let text = fit(&format!("{mark} {text}"), width);
        // The whole row is marked.
        vec![(style, format!("{text}{}", " ".repeat(width.saturating_sub(text.width()))))]
    };
    shown.map(line).collect()
}

fn standing(review: &Review, group: &Group) -> (char, Style) {
    let accepted = review.accepted_of(group);
    match &group.what {
        What::Needs(_) => ('?', Style::Bold),
        What::Broken(_) => ('!', Style::Bad),
        What::Differs(_) if accepted == group.cases.len() => ('\u{2713}', Style::Good),
        What::Differs(_) if accepted > 0 => ('+', Style::Good),
        What::Differs(_) => (' ', Style::Plain),
    }
}

fn detail(row: Row, review: &Review, quotes: &dyn Fn(&str) -> Option<Quotes>, width: usize) -> Vec<Line> {
    let group = &review.groups[row.group()];
    let mut lines = vec![vec![(Style::Bold, title(group))]];
    about(&group.what, &group.flow, quotes, width, &mut lines);
    lines.push(Line::new());
    match row {
        Row::Group(_) => {
            let (accepted, all) = (review.accepted_of(group), group.cases.len());
            let more = if accepted > 0 { format!(", {accepted} accepted") } else { String::new() };
            lines.push(vec![(Style::Bold, format!("in {}{more}", recordings(all)))]);
            for case in group.cases.iter().take(NAMES) {
                let accepted = review.is_accepted(group, *case);
                let (mark, style) = if accepted { ('\u{2713}', Style::Good) } else { (' ', Style::Plain) };
                lines.push(vec![(style, format!("{mark} {}", review.cases[*case].name))]);
            }
            if all > NAMES {
                lines.push(vec![(Style::Quiet, format!("  and {} more", all - NAMES))]);
            }
        }
        Row::Case { case, .. } => {
            let found = &review.cases[case];
            lines.push(vec![(Style::Bold, found.name.clone())]);
            for (id, what) in groups::of_case(&found.flow, &found.replayed.outcome) {
                let accepted = review.find(&id).is_some_and(|at| review.is_accepted(&review.groups[at], case));
                let (mark, style) = if accepted { ('\u{2713}', Style::Good) } else { ('-', Style::Plain) };
                let text = format!("{mark} {} {} {}", what.kind(), what.step(), what.summary());
                wrapped(&text, width, style, &mut lines);
            }
        }
    }
    lines
}

fn title(group: &Group) -> String {
    let flow = if group.flow.is_empty() { String::new() } else { format!(" in the flow {}", group.flow) };
    format!("{}{flow}   [{}]", group.what.kind(), group.id)
}

/// What it is, and the line of the flow where it is.
fn about(what: &What, flow: &str, quotes: &dyn Fn(&str) -> Option<Quotes>, width: usize, lines: &mut Vec<Line>) {
    match what {
        What::Differs(difference) => {
            wrapped(&difference.subject, width, Style::Plain, lines);
            let none = || "nothing".to_owned();
            let (was, is) = (&difference.recorded, &difference.replayed);
            wrapped(&format!("recorded  {}", was.clone().unwrap_or_else(none)), width, Style::Bad, lines);
            wrapped(&format!("replayed  {}", is.clone().unwrap_or_else(none)), width, Style::Good, lines);
        }
        What::Needs(need) => {
            wrapped(&need.what.to_string(), width, Style::Plain, lines);
            if let Some(form) = answer::form(&need.what) {
                wrapped(&format!("a answers, for all of them: {form}"), width, Style::Quiet, lines);
            }
        }
        What::Broken(why) => wrapped(why, width, Style::Bad, lines),
    }
    if let Some((block, line)) = what.place()
        && let Some(quotes) = quotes(flow)
        && let Some(place) = quotes.place(block, line)
    {
        lines.push(Line::new());
        lines.push(vec![(Style::Quiet, format!("{place}   {}", what.step()))]);
        for quoted in quotes.excerpt(block, line, AROUND).lines() {
            let style = if quoted.starts_with('>') { Style::Bold } else { Style::Quiet };
            lines.push(vec![(style, quoted.to_owned())]);
        }
    }
}

fn help() -> Vec<Line> {
    let text = "\
Recordings that do not pass, by what differs: equal differences are one group.

  up down, j k, PgUp PgDn, Home End   move
  Enter     look at it in full
  a         the whole group is right from now on; of one that wants an answer: answer it, once for all
  o         this one recording is right, with everything that differs in it
  e         show the group's recordings, or hide them
  d         debug this recording
  /         only what has this in it: flows, layers, blocks, prompts, files
  u         undo the last decision
  q         the end: asks whether to write

A recording is written anew once everything that differs in it is accepted. Nothing is written before the end.
Marks:  \u{2713} accepted   + accepted in some   ? wants an answer   ! does not run";
    text.lines().map(plain).collect()
}

fn plain(text: &str) -> Line {
    vec![(Style::Plain, text.to_owned())]
}

fn rule(width: usize) -> Line {
    vec![(Style::Quiet, "\u{2500}".repeat(width))]
}

fn beside(left: Option<&Line>, right: Option<&Line>, width: usize) -> Line {
    let mut line = left.cloned().unwrap_or_else(|| vec![(Style::Plain, " ".repeat(width))]);
    line.push((Style::Quiet, "\u{2502} ".to_owned()));
    line.extend(right.into_iter().flatten().cloned());
    line
}

/// The text in lines of that width; what goes on is indented.
fn wrapped(text: &str, width: usize, style: Style, lines: &mut Vec<Line>) {
    const INDENT: &str = "          ";
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.trim().is_empty() && line.width() + 1 + word.width() > width {
            lines.push(vec![(style, std::mem::replace(&mut line, INDENT.to_owned()))]);
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(vec![(style, line)]);
}

fn cut(line: Line, width: usize) -> Line {
    let mut left = width;
    let pieces = line.into_iter().map(|(style, text)| {
        let text = fit(&text, left);
        left = left.saturating_sub(text.width());
        (style, text)
    });
    pieces.filter(|(_, text)| !text.is_empty()).collect()
}

/// The text as far as it fits, without what a terminal would obey.
fn fit(text: &str, width: usize) -> String {
    let clean = text.chars().map(|c| if c.is_control() { '?' } else { c });
    if text.width() <= width {
        return clean.collect();
    }
    let (mut fitting, mut wide) = (String::new(), 0);
    for c in clean {
        wide += c.width().unwrap_or(0);
        if wide + 1 > width {
            break;
        }
        fitting.push(c);
    }
    fitting + if width > 0 { "\u{2026}" } else { "" }
}

/// The lines without their styles.
pub fn text(lines: &[Line]) -> String {
    let line =
        |line: &Line| line.iter().map(|(_, text)| text.as_str()).collect::<String>().trim_end().to_owned() + "\n";
    lines.iter().map(line).collect()
}

/// The lines as a terminal takes them, from its upper left corner. `colours`: with them; where somebody is shows in any case.
pub fn ansi(lines: &[Line], colours: bool) -> String {
    // Shown at once (where the terminal knows how), from the corner on.
    let mut out = String::from("\x1b[?2026h\x1b[H");
    for (at, line) in lines.iter().enumerate() {
        out += if at > 0 { "\r\n" } else { "" };
        for (style, text) in line {
            let plain = !colours && matches!(style, Style::Good | Style::Bad);
            let code = if plain { "0" } else { style.code() };
            out += &format!("\x1b[0;{code}m{text}\x1b[0m");
        }
        out += "\x1b[K";
    }
    out + "\x1b[J\x1b[?2026l"
}
