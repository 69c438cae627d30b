//! What was decided about recordings that do not pass: which differences are right from now on, and what was answered. Nothing
//! is written before the end; until then everything can be undone.
//!
//! A recording is written anew once every difference of it is accepted: as a whole, for its lines are what one run did.

pub mod screen;
#[cfg(test)]
mod tests;
pub mod view;

use super::answer;
use super::groups::{self, Group, What};
use crate::record::Fixture;
use crate::rerun::outcome::{Outcome, Replayed};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;

/// Decisions that can be undone.
const UNDONE: usize = 100;

/// A recording that did not pass.
#[derive(Clone)]
pub struct Case {
    pub path: PathBuf,
    /// Its file, as it is shown.
    pub name: String,
    pub flow: String,
    /// `None` of one that cannot be read.
    pub fixture: Option<Box<Fixture>>,
    pub replayed: Rc<Replayed>,
    /// Something in it was answered.
    pub answered: bool,
}

/// What becomes of a recording's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// What the call does now is right.
    Golden,
    /// The answers are added; what it did is left as it was.
    Answers,
}

pub struct Review {
    pub cases: Vec<Case>,
    pub passed: usize,
    pub groups: Vec<Group>,
    /// By the group's name and the case.
    accepted: BTreeSet<(String, usize)>,
    before: Vec<Before>,
}

/// As it was before a decision: what was accepted, and the cases that were answered.
struct Before {
    accepted: BTreeSet<(String, usize)>,
    cases: Vec<(usize, Case)>,
}

impl Review {
    pub fn new(cases: Vec<Case>, passed: usize) -> Review {
        let (groups, accepted) = (grouped(&cases), BTreeSet::new());
        Review { cases, passed, groups, accepted, before: Vec::new() }
    }

    pub fn find(&self, id: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.id == id)
    }

    /// So many cases of a group are accepted.
    pub fn accepted_of(&self, group: &Group) -> usize {
        group.cases.iter().filter(|case| self.is_accepted(group, **case)).count()
    }

    pub fn is_accepted(&self, group: &Group, case: usize) -> bool {
        self.accepted.contains(&(group.id.clone(), case))
    }

    /// Groups that somebody has still to decide about.
    pub fn undecided(&self) -> usize {
        self.groups.iter().filter(|group| self.accepted_of(group) < group.cases.len()).count()
    }

    pub fn accept_group(&mut self, at: usize) -> Result<String, String> {
        let group = self.groups.get(at).ok_or("there is nothing to accept")?;
        acceptable(group)?;
        let (id, cases) = (group.id.clone(), group.cases.clone());
        self.keep(Vec::new());
        let count = cases.len();
        self.accepted.extend(cases.into_iter().map(|case| (id.clone(), case)));
        Ok(format!("accepted for {}", recordings(count)))
    }

    /// Everything of one recording.
    pub fn accept_case(&mut self, case: usize) -> Result<String, String> {
        let found = self.cases.get(case).ok_or("there is nothing to accept")?;
        let all = groups::of_case(&found.flow, &found.replayed.outcome);
        let (name, count) = (found.name.clone(), all.len());
        for group in self.groups.iter().filter(|group| group.cases.contains(&case)) {
            acceptable(group)?;
        }
        self.keep(Vec::new());
        self.accepted.extend(all.into_iter().map(|(id, _)| (id, case)));
        let differences = if count == 1 { "its difference".to_owned() } else { format!("its {count} differences") };
        Ok(format!("accepted {differences}: {name}"))
    }

    /// The answer, as it was typed, goes into every recording of the group, and these run again.
    pub fn answer(
        &mut self,
        at: usize,
        text: &str,
        again: impl Fn(&str, &Fixture) -> Result<Replayed, String>,
    ) -> Result<String, String> {
        let group = self.groups.get(at).ok_or("there is nothing to answer")?;
        let What::Needs(need) = &group.what else { return Err("this asks for no answer".to_owned()) };
        let cue = answer::read(&need.what, text)?;
        let mut renewed = Vec::new();
        for case in &group.cases {
            let found = &self.cases[*case];
            let Outcome::NeedsInput(needs) = &found.replayed.outcome else { continue };
            let asked = needs.iter().find(|asked| (&asked.what, &asked.place) == (&need.what, &need.place));
            let (Some(asked), Some(fixture), Some(ran)) = (asked, &found.fixture, &found.replayed.ran) else {
                continue;
            };
            let fixture = answer::answered(fixture, ran, asked, &cue)?;
            let replayed = Rc::new(again(&found.flow, &fixture)?);
            let fixture = Some(Box::new(fixture));
            renewed.push((*case, Case { fixture, replayed, answered: true, ..found.clone() }));
        }
        let count = renewed.len();
        let old = renewed.iter().map(|(case, _)| (*case, self.cases[*case].clone())).collect();
        self.keep(old);
        renewed.into_iter().for_each(|(case, new)| self.cases[case] = new);
        self.groups = grouped(&self.cases);
        Ok(format!("answered in {}", recordings(count)))
    }

    /// Says whether there was something to undo.
    pub fn undo(&mut self) -> bool {
        let Some(Before { accepted, cases }) = self.before.pop() else { return false };
        self.accepted = accepted;
        if !cases.is_empty() {
            cases.into_iter().for_each(|(case, old)| self.cases[case] = old);
            self.groups = grouped(&self.cases);
        }
        true
    }

    /// What is to be written: recordings of which everything is accepted, and such that were answered.
    pub fn writes(&self) -> Vec<(usize, Write)> {
        let all = self.cases.iter().enumerate();
        let write = |(at, case): (usize, &Case)| match &case.replayed.outcome {
            Outcome::Pass { .. } if case.answered => Some((at, Write::Golden)),
            Outcome::Diff(_) if self.is_decided(at, case) => Some((at, Write::Golden)),
            _ if case.answered => Some((at, Write::Answers)),
            _ => None,
        };
        all.filter_map(write).collect()
    }

    fn is_decided(&self, at: usize, case: &Case) -> bool {
        let all = groups::of_case(&case.flow, &case.replayed.outcome);
        all.into_iter().all(|(id, _)| self.accepted.contains(&(id, at)))
    }

    fn keep(&mut self, cases: Vec<(usize, Case)>) {
        if self.before.len() == UNDONE {
            self.before.remove(0);
        }
        self.before.push(Before { accepted: self.accepted.clone(), cases });
    }
}

fn grouped(cases: &[Case]) -> Vec<Group> {
    groups::groups(cases.iter().map(|case| (case.flow.as_str(), &case.replayed.outcome)))
}

/// Only what the call does can be right.
fn acceptable(group: &Group) -> Result<(), String> {
    match &group.what {
        What::Differs(_) => Ok(()),
        What::Needs(_) => Err("this cannot be accepted: it wants an answer".to_owned()),
        What::Broken(_) => Err("a recording that does not run cannot be accepted: mend it, or remove it".to_owned()),
    }
}

/// `37 recordings`.
pub fn recordings(count: usize) -> String {
    format!("{count} recording{}", if count == 1 { "" } else { "s" })
}
