//! Recordings, what they may be used for, and who may announce them.

use super::*;
use crate::flow::PromptBook;

const FLOW: &str = "askonce: 1
flow: t
facts:
  pin: { type: digits, length: 4, class: secret, ask: [ask], accept: check_pin }
  verified: { type: bool }
  message: { type: recording, longest: 90s, ask: [ask, ask], confirm: heard }
lookups:
  check_pin: { secret: announce_pin, send: [pin], fills: [verified] }
queues: { desk: { to: support } }
blocks:
  start:
    - collect: pin
      else: sorry
    - collect: message
      else: sorry
    - announce: closed
      from: message
      switch: { storm: true }
      in: en
      else: sorry
    - say: ask
    - goto: sorry
  sorry:
    - agent: desk
      needs: [verified]
      done: continue
      else: continue
    - hangup
";

/// Code, line, and remedy or message of what is found.
fn found(text: &str) -> Vec<(&'static str, usize, String)> {
    let catalogue = "ask: a\nclosed: b\nheard: \"You said: {message}\"\nwhisper: \"It is {message}.\"\n";
    let catalogue = Source { path: "prompts/en.yaml".into(), text: catalogue.into() };
    let prompts = Prompts::new(PromptBook::read("en", &catalogue).0, Vec::new());
    let found = match load(&Source { path: "t.yaml".into(), text: text.into() }, &prompts) {
        Ok((_, warnings)) => warnings,
        Err(found) => found,
    };
    found.iter().map(|d| (d.code, d.span.line, d.remedy.clone().unwrap_or_else(|| d.message.clone()))).collect()
}

#[test]
fn each_mistake_is_told_where_it_stands_and_alone() {
    assert_eq!(found(FLOW), []);
    let cases = [
        ("longest: 90s", "longest: 6m", "out-of-range", 6, "60s"),
        ("longest: 90s", "longest: 900ms", "out-of-range", 6, "60s"),
        ("longest: 90s", "known: [uui.message]", "no-effect", 6, "`known:`"),
        ("longest: 90s", "lives: case", "no-effect", 6, "`lives:`"),
        ("longest: 90s", "class: secret", "secret-spoken", 6, "out of the prompt"),
        ("longest: 90s, ", "default: x, ", "bad-default", 6, "spoken"),
        ("needs: [verified]", "needs: [message]", "class", 25, "`needs:`"),
        ("needs: [verified]", "whisper: whisper", "value-spoken", 25, "`announce:`"),
        ("- say: ask", "- say: heard", "value-spoken", 21, "`confirm:` prompt"),
        ("announce: closed", "announce: close", "unknown-name", 16, "`closed`"),
        ("announce: closed", "announce: heard", "value-spoken", 16, "confirm"),
        ("from: message", "from: verified", "wrong-type", 17, "type recording"),
        ("{ storm: true }", "storm", "wrong-type", 18, "{ storm: true }"),
        ("{ storm: true }", "{}", "wrong-type", 18, "{ storm: true }"),
        ("{ storm: true }", "{ storm: loud }", "wrong-type", 18, "true"),
        ("{ storm: true }", "{ storm: true, ice: true }", "too-many", 18, "1"),
        ("in: en", "in: es", "unknown-name", 19, "en"),
        ("      in: en\n      else: sorry\n", "", "no-exit", 16, "else: BLOCK"),
        ("in: en", "inn: en", "unknown-key", 19, "in"),
        ("send: [pin], ", "", "missing-key", 8, "send"),
        ("send: [pin]", "send: [pin, verified]", "wrong-type", 8, "one value"),
        ("fills: [verified]", "fills: [verified], timeout: 1s", "unknown-key", 8, "there is"),
        ("fills: [verified]", "fills: [pin]", "wrong-type", 8, "fills: [verified]"),
    ];
    for (from, to, code, line, says) in cases {
        assert!(FLOW.contains(from), "{from}");
        let text = FLOW.replacen(from, to, 1);
        let found = found(&text);
        let [(found_code, at, told)] = found.as_slice() else { panic!("{to}: {found:?}") };
        assert_eq!((*found_code, *at), (code, line), "{to}: {found:?}");
        assert!(told.contains(says), "{to}: {found:?}");
    }
    let nothing = FLOW.replace("      from: message\n      switch: { storm: true }\n", "");
    assert_eq!(found(&nothing).iter().map(|(code, line, _)| (*code, *line)).collect::<Vec<_>>(), [("missing-key", 16)]);
}

#[test]
fn a_flow_that_knows_nobody_for_sure_cannot_announce() {
    let text = FLOW.replace("verified", "sure");
    let found: Vec<_> = found(&text).into_iter().map(|(code, line, _)| (code, line)).collect();
    assert_eq!(found, [("unguarded", 16)]);
}
