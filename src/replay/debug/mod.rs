//! A recorded call event by event, either way: what happened, where in the flow, what was known and why. To step back is to
//! run the call again to one event earlier.

mod run;
mod why;

use super::quote::Quotes;
use super::tell::{self, Reader};
use crate::call::Program;
use crate::record::Fixture;
use crate::rerun::{Sounds, Unplayable};
use crate::yaml::near::suggestion;
use run::{Event, Run};
use std::sync::Arc;

/// Lines of a flow around the one where the call is.
const AROUND: usize = 1;
/// Events that `lines` shows before and after the one where the call is.
const NEAR: usize = 5;

pub const HELP: &str = "\
n [COUNT]   the next event              b [COUNT]   back to the event before
s           the next step of the flow   r           back to the step before
t SECONDS   to a time                   d           to the next difference, or the first
g BLOCK     to where a block is entered
facts       what is known here          why FACT    where it is from, who asked, what was tried
lines [N]   the events around           flow [N]    the lines of the flow around
edit        edit the flow and go on     reload      read the flow again and go on
?           this                        q           the end
";

/// What comes of a command.
#[derive(Debug, PartialEq, Eq)]
pub enum Done {
    /// To be shown.
    Told(String),
    /// It could not be done, and why.
    Not(String),
    /// The flow is to be read again, after its author had it in an editor at that place, or at once.
    Reload { edit: Option<(String, usize)> },
    /// Enough.
    End,
}

/// The flow as it is now, and how it sounds.
pub struct Now {
    pub program: Program,
    pub sounds: Arc<Sounds>,
}

pub struct Debugger {
    fixture: Fixture,
    flow: Now,
    quotes: Quotes,
    run: Run,
    at: usize,
    /// Of the flow, what was shown last.
    quoted: Option<(String, usize)>,
}

impl Debugger {
    pub fn new(fixture: Fixture, flow: Now, quotes: Quotes) -> Result<Debugger, Unplayable> {
        let run = Run::of(&fixture, &flow)?;
        Ok(Debugger { fixture, flow, quotes, run, at: 0, quoted: None })
    }

    /// How the run stands against the recording, and where the call is.
    pub fn greeting(&mut self) -> String {
        let header = &self.fixture.header;
        let how = match self.run.marks.first() {
            None => "runs as it was recorded".to_owned(),
            Some(mark) => format!("differs from the recording first at event {} (`d`)", mark.at + 1),
        };
        let title = format!(
            "{} of {}, flow {}: {} events; it {how}\n",
            header.call,
            header.at,
            header.flow,
            self.run.events.len()
        );
        title + &self.shown()
    }

    pub fn obey(&mut self, command: &str) -> Done {
        let mut words = command.split_whitespace();
        let (verb, given) = (words.next().unwrap_or(""), words.next());
        if let Some(more) = words.next() {
            return Done::Not(format!("`{more}` is one word too many (`?` says what there is)"));
        }
        match (verb, given) {
            ("n" | "next", given) => count(given, 1).map_or_else(Done::Not, |count| self.on(count)),
            ("b" | "back", given) => count(given, 1).map_or_else(Done::Not, |count| self.back(count)),
            ("s" | "step", None) => self.find(|this| (this.at + 1..this.run.events.len()).collect(), Event::enters),
            ("r", None) => self.find(|this| (0..this.at).rev().collect(), Event::enters),
            ("t", Some(seconds)) => self.seek_time(seconds),
            ("d", None) => self.seek_difference(),
            ("g", Some(block)) => self.seek_block(block),
            ("facts", None) => self.facts(),
            ("why", Some(fact)) => self.why(fact),
            ("lines", given) => count(given, NEAR).map_or_else(Done::Not, |count| self.lines(count)),
            ("flow", given) => count(given, NEAR).map_or_else(Done::Not, |count| self.quote(count)),
            ("edit", None) => Done::Reload { edit: Some(self.place().unwrap_or_else(|| (String::new(), 1))) },
            ("reload", None) => Done::Reload { edit: None },
            ("?" | "help", None) => Done::Told(HELP.to_owned()),
            ("q" | "quit", None) => Done::End,
            ("t", None) => Done::Not("to which time? `t 12.5` goes to 12.5 s".to_owned()),
            ("g", None) => Done::Not("to which block? `g start` goes to where it is entered".to_owned()),
            ("why", None) => Done::Not("of which fact? `facts` lists them".to_owned()),
            (verb, Some(_))
                if ["s", "step", "r", "d", "facts", "edit", "reload", "?", "help", "q", "quit"].contains(&verb) =>
            {
                Done::Not(format!("`{verb}` stands alone"))
            }
            (verb, _) => Done::Not(format!("there is no `{verb}` (`?` says what there is)")),
        }
    }

    /// The flow as it is now: the call goes on where it was, or where the edited flow parts from that.
    pub fn reload(&mut self, flow: Now, quotes: Quotes) -> String {
        let run = match Run::of(&self.fixture, &flow) {
            Ok(run) => run,
            Err(unplayable) => return format!("{unplayable}\n"),
        };
        let before = self.run.events.iter().take(self.at + 1);
        let same = before.zip(&run.events).take_while(|(old, new)| new.is_as(old)).count();
        let told = if same > self.at {
            "the flow was read again and has done the same up to here".to_owned()
        } else {
            format!("the flow was read again; it now does something else from event {} on", same + 1)
        };
        self.at = same.min(self.at).min(run.events.len().saturating_sub(1));
        (self.flow, self.quotes, self.run, self.quoted) = (flow, quotes, run, None);
        let differs =
            self.run.marks.first().map_or_else(String::new, |mark| {
                format!("; from the recording it differs first at event {}", mark.at + 1)
            });
        format!("{told}{differs}\n{}", self.shown())
    }

    /// The file and the line of the flow where the call is.
    fn place(&self) -> Option<(String, usize)> {
        let (block, _, line) = self.event()?.step.as_ref()?;
        let place = self.quotes.place(block, *line)?;
        Some((place.rsplit_once(':')?.0.to_owned(), *line))
    }

    fn event(&self) -> Option<&Event> {
        self.run.events.get(self.at)
    }

    fn on(&mut self, count: usize) -> Done {
        let last = self.run.events.len() - 1;
        if self.at == last {
            return Done::Not("the call is over: there is no event behind this one".to_owned());
        }
        self.go((self.at + count).min(last))
    }

    fn back(&mut self, count: usize) -> Done {
        if self.at == 0 {
            return Done::Not("this is the first event".to_owned());
        }
        self.go(self.at.saturating_sub(count))
    }

    fn find(&mut self, among: impl Fn(&Self) -> Vec<usize>, is: impl Fn(&Event) -> bool) -> Done {
        let found = among(self).into_iter().find(|at| is(&self.run.events[*at]));
        found.map_or_else(|| Done::Not("there is none on that side".to_owned()), |at| self.go(at))
    }

    /// The last event that has happened by then.
    fn seek_time(&mut self, seconds: &str) -> Done {
        let Some(seconds) = seconds.parse::<f64>().ok().filter(|seconds| (0.0..1e9).contains(seconds)) else {
            return Done::Not(format!("`{seconds}` is no time: seconds since the call began, as `t 12.5`"));
        };
        let t = (seconds * 1e6) as u64;
        self.go(self.run.events.iter().rposition(|event| event.line.t <= t).unwrap_or(0))
    }

    /// The first one behind here, or else the first of all.
    fn seek_difference(&mut self) -> Done {
        let marks = &self.run.marks;
        match marks.iter().find(|mark| mark.at > self.at).or(marks.first()).map(|mark| mark.at) {
            None => Done::Not("there is none: the call runs as it was recorded".to_owned()),
            Some(at) => self.go(at),
        }
    }

    /// Where it is entered next, or else where it was first.
    fn seek_block(&mut self, name: &str) -> Done {
        let block = |event: &Event| event.step.as_ref().map(|(block, ..)| block.clone());
        let enters = |at: usize| {
            let events = &self.run.events;
            let before = at.checked_sub(1).and_then(|at| block(&events[at]));
            block(&events[at]).as_deref() == Some(name) && before.as_deref() != Some(name)
        };
        let all = self.run.events.len();
        if let Some(at) = (self.at + 1..all).chain(0..=self.at).find(|at| enters(*at)) {
            return self.go(at);
        }
        let names: Vec<&str> = self.flow.program.flow.blocks.iter().map(|block| block.name.text.as_str()).collect();
        if names.contains(&name) {
            return Done::Not(format!("this call never comes to `{name}`"));
        }
        Done::Not(format!("the flow has no block `{name}`: {}", suggestion(name, names)))
    }

    fn facts(&self) -> Done {
        let context = run::context(&self.fixture, &self.flow, self.at);
        let facts = context.map_or_else(Vec::new, |context| tell::facts(Reader::Author, &context));
        if facts.is_empty() {
            return Done::Told("nothing is known yet\n".to_owned());
        }
        Done::Told(facts.iter().map(|fact| format!("{fact}\n")).collect())
    }

    fn why(&self, name: &str) -> Done {
        let Some(context) = run::context(&self.fixture, &self.flow, self.at) else {
            return Done::Not("the call cannot be run to here".to_owned());
        };
        match why::why(name, &context, &self.run.events[..=self.at], &self.quotes) {
            Some(told) => Done::Told(told),
            None => {
                let names = context.facts.iter().map(|fact| fact.name.as_str());
                Done::Not(format!("the flow has no fact `{name}`: {}", suggestion(name, names)))
            }
        }
    }

    fn lines(&self, near: usize) -> Done {
        let (first, last) = (self.at.saturating_sub(near), (self.at + near).min(self.run.events.len() - 1));
        Done::Told((first..=last).map(|at| self.line(at)).collect())
    }

    fn quote(&self, around: usize) -> Done {
        let step = self.event().and_then(|event| event.step.as_ref());
        match step {
            None => Done::Not("no step of the flow has begun yet".to_owned()),
            Some((block, _, line)) => {
                let place = self.quotes.place(block, *line).unwrap_or_default();
                Done::Told(format!("{place}\n{}", self.quotes.excerpt(block, *line, around)))
            }
        }
    }

    fn go(&mut self, at: usize) -> Done {
        self.at = at;
        Done::Told(self.shown())
    }

    /// The event where the call is, its line of the flow unless it was shown before, and a difference that begins here.
    fn shown(&mut self) -> String {
        let mut text = self.line(self.at);
        let step = self.event().and_then(|event| event.step.clone()).map(|(block, _, line)| (block, line));
        if let Some((block, line)) = step.clone().filter(|_| step != self.quoted) {
            text += &format!("        {}\n", self.quotes.place(&block, line).unwrap_or_default());
            text += &self.quotes.excerpt(&block, line, AROUND);
        }
        self.quoted = step;
        for mark in self.run.marks.iter().filter(|mark| mark.at == self.at) {
            text += &format!("  differs: {}\n", mark.text);
        }
        text
    }

    /// `  12/87    0:04.2  main:2, line 41          -> the caller presses 1`.
    fn line(&self, at: usize) -> String {
        let event = &self.run.events[at];
        let arrow = if event.is_input() { "->" } else { "<-" };
        let row = tell::Row { t: event.line.t, place: event.place(), text: format!("{arrow} {}", event.text) };
        let here = if at == self.at { '*' } else { ' ' };
        format!("{here}{:>4}/{}{}\n", at + 1, self.run.events.len(), row.render())
    }
}

fn count(given: Option<&str>, usual: usize) -> Result<usize, String> {
    let Some(given) = given else { return Ok(usual) };
    let count = given.parse().ok().filter(|count| (1..1_000_000).contains(count));
    count.ok_or_else(|| format!("`{given}` is no number of events"))
}
