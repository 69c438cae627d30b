//! A script as lines of text, both ways: how the call comes in, then one cue a line.
//!
//! ```text
//! # an Acme customer whom the chat sent on
//! from +15551230001
//! at 2026-12-01T10:15:00Z
//! web account=79927398713
//! with brand=acme
//! switch storm=on
//! lookup ok tier=gold name="Ann Lee"
//! press 1
//! agent hangs-up
//! ```

use super::{Cue, LineCue, Opening, Script};
use crate::context::Outcome;
use crate::flow::run::AgentEnd;
use crate::yaml::near::suggestion;
use jiff::Timestamp;
use std::fmt;
use std::str::FromStr;

/// Lines of a script. The longest witness of a proof is far shorter.
const LINES: usize = 10_000;
/// Who calls where a script does not say so; a number that nobody can have.
pub const CALLER: &str = "+15551230001";
/// When a script that does not say so is: a Tuesday morning in winter.
const AT: &str = "2026-12-01T10:15:00Z";

const OPENINGS: [&str; 9] = ["from", "at", "uui", "header", "web", "last-call", "case", "with", "switch"];
const CUES: [&str; 6] = ["press", "silence", "lookup", "agent", "line", "hang-up"];
const OUTCOMES: [(&str, Outcome); 5] = [
    ("ok", Outcome::Ok),
    ("none", Outcome::None),
    ("refused", Outcome::Refused),
    ("slow", Outcome::Slow),
    ("failed", Outcome::Failed),
];
const AGENTS: [(&str, AgentEnd); 3] =
    [("fails", AgentEnd::Failed), ("hangs-up", AgentEnd::Done), ("sends-on", AgentEnd::Escalated)];
const LINE: [(&str, LineCue); 4] =
    [("turn", LineCue::Turn), ("full", LineCue::Full), ("longest", LineCue::Longest), ("offer", LineCue::Offer)];

/// Why a line is none of a script's, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    pub why: String,
    pub remedy: String,
}

/// A line of a script that is not one, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    pub line: usize,
    pub misread: Misread,
}

impl FromStr for Script {
    type Err = BadLine;

    fn from_str(text: &str) -> Result<Script, BadLine> {
        let (mut opening, mut cues) = (Opening::usual(), Vec::new());
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let is_cue = !OPENINGS.contains(&first(line));
            let read = match is_cue {
                _ if number >= LINES => Err(misread(format!("a script has {LINES} lines at most"), "cut it")),
                true => line.parse().map(|cue| cues.push(cue)),
                false if cues.is_empty() => opening.take(line),
                false => Err(misread(
                    format!("`{}` says how the call comes in, and stands behind what happens in it", first(line)),
                    "put it above the first cue",
                )),
            };
            read.map_err(|misread| BadLine { line: number + 1, misread })?;
        }
        Ok(Script { opening, cues })
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.opening)?;
        self.cues.iter().try_for_each(|cue| writeln!(f, "{cue}"))
    }
}

impl Opening {
    /// A caller of whom nothing is known.
    pub fn usual() -> Opening {
        let at = AT.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        Opening { from: Some(CALLER.to_owned()), ..Opening::at(at) }
    }

    /// Takes one line of how the call comes in.
    pub fn take(&mut self, line: &str) -> Result<(), Misread> {
        let words = words(line)?;
        let (what, rest) = words.split_first().ok_or_else(|| misread("the line is empty", "leave it out"))?;
        match what.as_str() {
            "from" => {
                let number = only(what, rest, "+15551230001")?;
                self.from = (number != "anonymous").then(|| number.to_owned());
            }
            "at" => {
                let at = only(what, rest, AT)?;
                let why = |_| misread(format!("`{at}` is no moment"), format!("with date, time and zone: {AT}"));
                self.at = at.parse().map_err(why)?;
            }
            "uui" => self.uui.extend(pairs(what, rest)?),
            "header" => self.headers.extend(pairs(what, rest)?),
            "web" => self.web.extend(pairs(what, rest)?),
            "last-call" => self.last_call.extend(pairs(what, rest)?),
            "case" => self.case.extend(pairs(what, rest)?),
            "with" => self.with.extend(pairs(what, rest)?),
            "switch" => {
                for (name, value) in pairs(what, rest)? {
                    let why =
                        || misread(format!("`{value}` is no place of a switch"), format!("{name}=on or {name}=off"));
                    let on = [("on", true), ("off", false)].into_iter().find(|(word, _)| *word == value);
                    self.switches.insert(name.clone(), on.ok_or_else(why)?.1);
                }
            }
            other => return Err(unknown("line", other, OPENINGS)),
        }
        Ok(())
    }
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "at {}", self.at)?;
        writeln!(f, "from {}", self.from.as_deref().unwrap_or("anonymous"))?;
        let channels = [
            ("uui", &self.uui),
            ("header", &self.headers),
            ("web", &self.web),
            ("last-call", &self.last_call),
            ("case", &self.case),
        ];
        for (what, pairs) in channels {
            for (name, value) in pairs {
                writeln!(f, "{what} {}", Pair(name, value))?;
            }
        }
        self.with.iter().try_for_each(|(name, value)| writeln!(f, "with {}", Pair(name, value)))?;
        let switch = |on: bool| if on { "on" } else { "off" };
        self.switches.iter().try_for_each(|(name, on)| writeln!(f, "switch {name}={}", switch(*on)))
    }
}

impl FromStr for Cue {
    type Err = Misread;

    fn from_str(line: &str) -> Result<Cue, Misread> {
        let words = words(line)?;
        let (what, rest) = words.split_first().ok_or_else(|| misread("the line is empty", "leave it out"))?;
        let nothing = || match rest {
            [] => Ok(()),
            _ => Err(misread(format!("nothing stands behind `{what}`"), "a comment has a line of its own")),
        };
        match what.as_str() {
            "press" => Ok(Cue::Press(keys(only(what, rest, "79927398713#")?)?)),
            "silence" => nothing().map(|()| Cue::Silence),
            "hang-up" => nothing().map(|()| Cue::HangUp),
            "lookup" => {
                let (word, values) = rest.split_first().ok_or_else(|| lacks(what, "ok tier=gold"))?;
                let outcome = one_of("end of a lookup", word, &OUTCOMES)?;
                let values = pairs_or_none(values)?;
                if outcome != Outcome::Ok && !values.is_empty() {
                    return Err(misread(format!("a lookup that ends `{word}` finds nothing"), "leave the values out"));
                }
                Ok(Cue::Lookup { outcome, values })
            }
            "agent" => Ok(Cue::Agent(one_of("end of a person's part", only(what, rest, "hangs-up")?, &AGENTS)?)),
            "line" => Ok(Cue::Line(one_of("word of a line", only(what, rest, "turn")?, &LINE)?)),
            other => Err(unknown("line", other, CUES.into_iter().chain(OPENINGS))),
        }
    }
}

/// One line a cue, as it is written in a script: `press 79927398713#`, `lookup ok tier=gold`.
impl fmt::Display for Cue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cue::Press(keys) => write!(f, "press {keys}"),
            Cue::Silence => f.write_str("silence"),
            Cue::Lookup { outcome, values } => {
                write!(f, "lookup {}", word_of(*outcome, &OUTCOMES))?;
                values.iter().try_for_each(|(name, value)| write!(f, " {}", Pair(name, value)))
            }
            Cue::Agent(end) => write!(f, "agent {}", word_of(*end, &AGENTS)),
            Cue::Line(cue) => write!(f, "line {}", word_of(*cue, &LINE)),
            Cue::HangUp => f.write_str("hang-up"),
        }
    }
}

/// The outcome of that name.
pub fn outcome(word: &str) -> Result<Outcome, Misread> {
    one_of("end of a lookup", word, &OUTCOMES)
}

/// `name=value`, the value in quotes where it needs them.
struct Pair<'a>(&'a str, &'a str);

impl fmt::Display for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pair(name, value) = self;
        if !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c == '"' || c == '\\') {
            return write!(f, "{name}={value}");
        }
        write!(f, "{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

fn first(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or("")
}

/// The words of a line; what is in quotes is of one word.
fn words(line: &str) -> Result<Vec<String>, Misread> {
    let (mut words, mut word, mut begun, mut quoted) = (Vec::new(), String::new(), false, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => (quoted, begun) = (!quoted, true),
            '\\' if quoted => word.extend(letters.next()),
            letter if letter.is_whitespace() && !quoted => {
                if std::mem::take(&mut begun) {
                    words.push(std::mem::take(&mut word));
                }
            }
            letter => {
                word.push(letter);
                begun = true;
            }
        }
    }
    if quoted {
        return Err(misread("a quote is opened and not closed", "close it, or write \\\" for one in a value"));
    }
    words.extend(begun.then_some(word));
    Ok(words)
}

fn only<'w>(what: &str, rest: &'w [String], example: &str) -> Result<&'w str, Misread> {
    match rest {
        [one] => Ok(one),
        [] => Err(lacks(what, example)),
        _ => Err(misread(
            format!("one word stands behind `{what}`"),
            format!("{what} {example}; a comment has a line of its own"),
        )),
    }
}

fn pairs(what: &str, rest: &[String]) -> Result<Vec<(String, String)>, Misread> {
    if rest.is_empty() { Err(lacks(what, "name=value")) } else { pairs_or_none(rest) }
}

fn pairs_or_none(rest: &[String]) -> Result<Vec<(String, String)>, Misread> {
    let pair = |word: &String| match word.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(misread(format!("`{word}` is no value with its name"), "name=value")),
    };
    rest.iter().map(pair).collect()
}

fn keys(keys: &str) -> Result<String, Misread> {
    match keys.chars().find(|key| !matches!(key, '0'..='9' | '*' | '#')) {
        None => Ok(keys.to_owned()),
        Some(foreign) => Err(misread(format!("`{foreign}` is no key"), "keys are 0 to 9, * and #")),
    }
}

fn one_of<T: Copy>(what: &str, word: &str, words: &[(&str, T)]) -> Result<T, Misread> {
    let found = words.iter().find(|(known, _)| *known == word);
    found.map(|(_, value)| *value).ok_or_else(|| unknown(what, word, words.iter().map(|(known, _)| *known)))
}

fn word_of<T: Copy + PartialEq>(value: T, words: &[(&'static str, T)]) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

fn lacks(what: &str, example: &str) -> Misread {
    misread(format!("nothing stands behind `{what}`"), format!("{what} {example}"))
}

fn unknown<'c>(what: &str, word: &str, known: impl IntoIterator<Item = &'c str>) -> Misread {
    misread(format!("`{word}` is no {what}"), suggestion(word, known))
}

fn misread(why: impl Into<String>, remedy: impl Into<String>) -> Misread {
    Misread { why: why.into(), remedy: remedy.into() }
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.why, self.remedy)
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.misread)
    }
}

impl std::error::Error for Misread {}
impl std::error::Error for BadLine {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_as_it_is_written() {
        let text = "at 2026-12-01T20:15:00Z\nfrom anonymous\nuui account=79927398713\nheader X-A=\"a \\\"b\\\"\"\n\
                    web reason=billing\nlast-call account=1\ncase account=2\nwith brand=acme\nswitch storm=on\n\
                    lookup ok name=\"Ann Lee\" empty=\"\"\nlookup none\nlookup refused\nlookup slow\nlookup failed\n\
                    press 12*#\nsilence\nagent fails\nagent hangs-up\nagent sends-on\nline turn\nline full\n\
                    line longest\nline offer\nhang-up\n";
        let script: Script = text.parse().expect("a script");
        assert_eq!(script.to_string(), text);
        assert_eq!((script.opening.from.as_deref(), script.cues.len()), (None, 15));
        assert_eq!(script.opening.headers, [("X-A".to_owned(), "a \"b\"".to_owned())]);
        let [Cue::Lookup { values, .. }, ..] = &script.cues[..] else { panic!("a lookup") };
        assert_eq!(values[0], ("name".to_owned(), "Ann Lee".to_owned()));
    }

    #[test]
    fn what_a_script_leaves_out_is_the_usual_caller_at_the_usual_time() {
        let script: Script = "\n# nothing yet\n  press 1  \n".parse().expect("a script");
        assert_eq!(script, Script { opening: Opening::usual(), cues: vec![Cue::Press("1".to_owned())] });
    }

    #[test]
    fn each_mistake_has_its_line_and_a_remedy() {
        for (text, told) in [
            ("press 1\npres 2", "line 2: `pres` is no line: did you mean `press`?"),
            ("press", "line 1: nothing stands behind `press`: press 79927398713#"),
            (
                "press 1 # one",
                "line 1: one word stands behind `press`: press 79927398713#; a comment has a line of its own",
            ),
            ("press 1A", "line 1: `A` is no key: keys are 0 to 9, * and #"),
            ("lookup refusd", "line 1: `refusd` is no end of a lookup: did you mean `refused`?"),
            ("lookup none a=1", "line 1: a lookup that ends `none` finds nothing: leave the values out"),
            ("lookup ok gold", "line 1: `gold` is no value with its name: name=value"),
            ("agent hangsup", "line 1: `hangsup` is no end of a person's part: did you mean `hangs-up`?"),
            ("silence 5s", "line 1: nothing stands behind `silence`: a comment has a line of its own"),
            ("switch storm=yes", "line 1: `yes` is no place of a switch: storm=on or storm=off"),
            (
                "press 1\nfrom +1",
                "line 2: `from` says how the call comes in, and stands behind what happens in it: put it above the first cue",
            ),
            ("uui a=\"b", "line 1: a quote is opened and not closed: close it, or write \\\" for one in a value"),
        ] {
            assert_eq!(text.parse::<Script>().expect_err(text).to_string(), told);
        }
        let moment = "at tomorrow".parse::<Script>().expect_err("no moment").to_string();
        assert!(moment.starts_with("line 1: `tomorrow` is no moment: with date"), "{moment}");
    }
}
