//! Where somebody is in a review, and what a key does there.

use super::Review;
use crate::replay::groups::What;
use std::collections::BTreeSet;

/// Rows that a page moves by.
const PAGE: usize = 10;
/// Characters of a filter or an answer.
const TYPED: usize = 500;

/// A key, whatever terminal it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
    /// Ctrl-C.
    Interrupt,
    Char(char),
}

/// What the terminal is to do about a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Act {
    None,
    /// That case.
    Debug(usize),
    /// The answer, as it was typed, is for that group.
    Answer {
        group: usize,
        text: String,
    },
    /// Enough.
    End {
        write: bool,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    List,
    /// The details alone.
    Look,
    Filter,
    /// Typed so far, for that group.
    Answer {
        group: usize,
        text: String,
    },
    Quit,
    Help,
}

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    Group(usize),
    /// A recording of an expanded group.
    Case {
        group: usize,
        case: usize,
    },
}

impl Row {
    pub fn group(self) -> usize {
        match self {
            Row::Group(group) | Row::Case { group, .. } => group,
        }
    }
}

#[derive(Default)]
pub struct View {
    pub mode: Mode,
    pub at: usize,
    pub filter: String,
    /// What came of the last key.
    pub told: String,
    /// Lines of the details that were moved past.
    pub past: usize,
    /// Names of groups that show their recordings.
    expanded: BTreeSet<String>,
}

impl View {
    pub fn rows(&self, review: &Review) -> Vec<Row> {
        let mut rows = Vec::new();
        let wanted = self.filter.to_lowercase();
        for (group, found) in review.groups.iter().enumerate() {
            let about = format!("{} {} {} {}", found.flow, found.what.kind(), found.what.step(), found.what.summary());
            let all = about.to_lowercase().contains(&wanted);
            let has = |case: &&usize| review.cases[**case].name.to_lowercase().contains(&wanted);
            let cases: Vec<usize> = found.cases.iter().filter(|case| all || has(case)).copied().collect();
            if cases.is_empty() {
                continue;
            }
            rows.push(Row::Group(group));
            if self.is_expanded(&found.id) {
                rows.extend(cases.into_iter().map(|case| Row::Case { group, case }));
            }
        }
        rows
    }

    pub fn is_expanded(&self, group: &str) -> bool {
        self.expanded.contains(group)
    }

    pub fn press(&mut self, press: Press, review: &mut Review) -> Act {
        self.told.clear();
        if press == Press::Interrupt {
            // It asks as `q` does; while that is asked, it is an answer.
            if self.mode == Mode::Quit {
                return Act::End { write: false };
            }
            self.mode = Mode::Quit;
            return Act::None;
        }
        match std::mem::take(&mut self.mode) {
            Mode::Filter => self.filters(press),
            Mode::Answer { group, text } => return self.answers(press, group, text),
            Mode::Quit => match press {
                Press::Char('y') | Press::Enter => return Act::End { write: true },
                Press::Char('n') => return Act::End { write: false },
                _ => {}
            },
            Mode::Help => {}
            Mode::Look if matches!(press, Press::Enter | Press::Escape | Press::Char('q')) => {}
            Mode::Look if self.scrolls(press) => self.mode = Mode::Look,
            mode => {
                self.mode = mode;
                return self.listed(press, review);
            }
        }
        Act::None
    }

    fn filters(&mut self, press: Press) {
        match press {
            Press::Enter => return,
            Press::Escape => return self.filter.clear(),
            Press::Backspace => drop(self.filter.pop()),
            Press::Char(typed) if self.filter.len() < TYPED => self.filter.push(typed),
            _ => {}
        }
        (self.at, self.mode) = (0, Mode::Filter);
    }

    fn answers(&mut self, press: Press, group: usize, mut text: String) -> Act {
        match press {
            Press::Enter if !text.trim().is_empty() => return Act::Answer { group, text },
            Press::Escape => return Act::None,
            Press::Backspace => drop(text.pop()),
            Press::Char(typed) if text.len() < TYPED => text.push(typed),
            _ => {}
        }
        self.mode = Mode::Answer { group, text };
        Act::None
    }

    /// Moves the details; says whether the key is for that.
    fn scrolls(&mut self, press: Press) -> bool {
        self.past = match press {
            Press::Up | Press::Char('k') => self.past.saturating_sub(1),
            Press::Down | Press::Char('j') => self.past + 1,
            Press::PageUp => self.past.saturating_sub(PAGE),
            Press::PageDown => self.past + PAGE,
            Press::Home => 0,
            _ => return false,
        };
        true
    }

    fn listed(&mut self, press: Press, review: &mut Review) -> Act {
        let rows = self.rows(review);
        let last = rows.len().saturating_sub(1);
        self.at = self.at.min(last);
        let row = rows.get(self.at).copied();
        let at = self.at;
        match press {
            Press::Up | Press::Char('k') => self.at = at.saturating_sub(1),
            Press::Down | Press::Char('j') => self.at = (at + 1).min(last),
            Press::PageUp => self.at = at.saturating_sub(PAGE),
            Press::PageDown => self.at = (at + PAGE).min(last),
            Press::Home => self.at = 0,
            Press::End => self.at = last,
            Press::Enter => self.mode = Mode::Look,
            Press::Char('/') => self.mode = Mode::Filter,
            Press::Char('?') => self.mode = Mode::Help,
            Press::Char('u') => {
                self.told = if review.undo() { "undone" } else { "there is nothing to undo" }.to_owned()
            }
            Press::Char('q') if review.undecided() == 0 && review.writes().is_empty() => {
                return Act::End { write: false };
            }
            Press::Char('q') => self.mode = Mode::Quit,
            Press::Escape => self.filter.clear(),
            Press::Char(key) => return row.map_or(Act::None, |row| self.decides(key, row, review)),
            Press::Backspace | Press::Interrupt => {}
        }
        if self.at != at {
            self.past = 0;
        }
        Act::None
    }

    /// A key that is about the row.
    fn decides(&mut self, key: char, row: Row, review: &mut Review) -> Act {
        let group = row.group();
        let case = match row {
            Row::Case { case, .. } => case,
            Row::Group(group) => review.groups[group].cases[0],
        };
        match key {
            'a' if matches!(review.groups[group].what, What::Needs(_)) => {
                self.mode = Mode::Answer { group, text: String::new() };
            }
            'a' => {
                self.told = review.accept_group(group).unwrap_or_else(|why| why);
                self.on(review);
            }
            'o' => self.told = review.accept_case(case).unwrap_or_else(|why| why),
            'd' => return Act::Debug(case),
            'e' => {
                let id = &review.groups[group].id;
                if !self.expanded.remove(id) {
                    self.expanded.insert(id.clone());
                }
                let group_row = |row: &Row| *row == Row::Group(group);
                self.at = self.rows(review).iter().position(group_row).unwrap_or(0);
            }
            _ => self.told = format!("`{key}` does nothing here; ? says what does"),
        }
        Act::None
    }

    /// To the next group that is undecided, if there is one below.
    fn on(&mut self, review: &Review) {
        let open = |row: &Row| matches!(row, Row::Group(at) if review.accepted_of(&review.groups[*at]) < review.groups[*at].cases.len());
        let below = self.rows(review).iter().skip(self.at + 1).position(open);
        if let Some(next) = below {
            (self.at, self.past) = (self.at + 1 + next, 0);
        }
    }
}
