//! Replays as JUnit XML, for what shows tests: a suite a flow, a case a recording, what differs as its failure. No value of a
//! caller's is in an outcome, and so none is in here.

use super::groups::{self, What};
use super::quote::Quotes;
use crate::graph::escape;
use crate::rerun::outcome::Outcome;
use crate::time::Duration;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// Differences of one recording that are listed.
const LISTED: usize = 100;
/// The suite of what could not be read so far that its flow is known.
const UNREAD: &str = "unreadable";

/// A recording that was run again.
pub struct Tested<'t> {
    /// Its file.
    pub name: String,
    /// The flow's name; empty of a file that cannot be read.
    pub flow: &'t str,
    pub outcome: &'t Outcome,
    /// Of a test, what is not so with the lines of both; else nothing.
    pub quoted: &'t str,
    pub took: Duration,
}

/// The file. `quotes`: where the lines of a flow are, by its name.
pub fn write(tested: &[Tested], quotes: &dyn Fn(&str) -> Option<Quotes>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = suites(tested, quotes, &mut text);
    text
}

fn suites(tested: &[Tested], quotes: &dyn Fn(&str) -> Option<Quotes>, out: &mut String) -> fmt::Result {
    let mut suites: BTreeMap<&str, Vec<&Tested>> = BTreeMap::new();
    for test in tested {
        suites.entry(if test.flow.is_empty() { UNREAD } else { test.flow }).or_default().push(test);
    }
    let all: Vec<&Tested> = tested.iter().collect();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"askonce replay\" {}>", counts(&all))?;
    for (flow, tests) in suites {
        let quotes = quotes(flow);
        let flow = escape(flow);
        writeln!(out, "  <testsuite name=\"{flow}\" {}>", counts(&tests))?;
        for test in tests {
            let (name, time) = (escape(&test.name), seconds(test.took));
            write!(out, "    <testcase classname=\"{flow}\" name=\"{name}\" time=\"{time}\"")?;
            case(test, quotes.as_ref(), out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn counts(tests: &[&Tested]) -> String {
    let errors = tests.iter().filter(|test| matches!(test.outcome, Outcome::Broken(_))).count();
    let passed = tests.iter().filter(|test| test.outcome.passes()).count();
    let time = seconds(tests.iter().map(|test| test.took).sum());
    let failures = tests.len() - passed - errors;
    format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{time}\"", tests.len())
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// The end of a case's tag, and what went wrong.
fn case(test: &Tested, quotes: Option<&Quotes>, out: &mut String) -> fmt::Result {
    let all = groups::of_case(test.flow, test.outcome);
    let Some((_, first)) = all.first() else { return writeln!(out, "/>") };
    let tag = if matches!(first, What::Broken(_)) { "error" } else { "failure" };
    let kind = first.kind().replace(' ', "-");
    let message = escape(&told(first, quotes)).replace('\n', " ");
    writeln!(out, ">\n      <{tag} type=\"{kind}\" message=\"{message}\">")?;
    for (_, what) in all.iter().take(LISTED) {
        writeln!(out, "{}", escape(&told(what, quotes)))?;
        if let (Some((block, line)), Some(quotes)) = (what.place(), quotes) {
            out.push_str(&escape(&quotes.excerpt(block, line, 0)));
        }
    }
    if all.len() > LISTED {
        writeln!(out, "and {} more", all.len() - LISTED)?;
    }
    out.push_str(&escape(test.quoted));
    writeln!(out, "      </{tag}>\n    </testcase>")
}

/// `prompts at start.2 (flows/desk.yaml:41): what is heard: welcome -> hello`.
fn told(what: &What, quotes: Option<&Quotes>) -> String {
    let place = what.place().and_then(|(block, line)| quotes?.place(block, line));
    let place = place.map_or_else(String::new, |place| format!(" ({place})"));
    let step = what.step();
    let at = if step.is_empty() { String::new() } else { format!(" at {step}") };
    format!("{}{at}{place}: {}", what.kind(), what.summary())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::compare::{Difference, Layer};

    #[test]
    fn a_recording_is_a_case_and_what_differs_its_failure() {
        let difference = |subject: &str| Difference {
            layer: Layer::HandOff,
            t: 1,
            place: Some(("desk".to_owned(), 1)),
            line: Some(9),
            subject: subject.to_owned(),
            recorded: Some("<b> & \"c\"".to_owned()),
            replayed: None,
        };
        let pass = Outcome::Pass { outputs: 3 };
        let differs = Outcome::Diff(vec![difference("what\u{1b}[31m the\u{0} person gets"), difference("more")]);
        let broken = Outcome::Broken("line 2: no such input".to_owned());
        let test = |name: &str, flow, outcome| {
            let took = Duration::from_micros(1_500);
            Tested { name: name.to_owned(), flow, outcome, quoted: "", took }
        };
        let tested = [
            test("fixtures/a/call.jsonl", "desk", &pass),
            test("fixtures/b/call.jsonl", "desk", &differs),
            test("fixtures/c/call.jsonl", "", &broken),
        ];
        let written = write(&tested, &|_| None);
        assert_eq!(
            written,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites name=\"askonce replay\" tests=\"3\" failures=\"1\" errors=\"1\" time=\"0.004500\">
  <testsuite name=\"desk\" tests=\"2\" failures=\"1\" errors=\"0\" time=\"0.003000\">
    <testcase classname=\"desk\" name=\"fixtures/a/call.jsonl\" time=\"0.001500\"/>
    <testcase classname=\"desk\" name=\"fixtures/b/call.jsonl\" time=\"0.001500\">
      <failure type=\"hand-off\" message=\"hand-off at desk.1: what[31m the person gets: &lt;b&gt; &amp; &quot;c&quot; -&gt; nothing\">
hand-off at desk.1: what[31m the person gets: &lt;b&gt; &amp; &quot;c&quot; -&gt; nothing
hand-off at desk.1: more: &lt;b&gt; &amp; &quot;c&quot; -&gt; nothing
      </failure>
    </testcase>
  </testsuite>
  <testsuite name=\"unreadable\" tests=\"1\" failures=\"0\" errors=\"1\" time=\"0.001500\">
    <testcase classname=\"unreadable\" name=\"fixtures/c/call.jsonl\" time=\"0.001500\">
      <error type=\"error\" message=\"error: line 2: no such input\">
error: line 2: no such input
      </error>
    </testcase>
  </testsuite>
</testsuites>
"
        );
    }
}
