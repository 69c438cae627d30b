use super::*;
use crate::context::Class;
use crate::flow::PromptBook;
use crate::flow::fact::{Ask, Check, Kind};

/// A book of every prompt that the tests name; `readback` reads the account, `other` another fact, `ghost` none.
fn prompts() -> Prompts {
    let text = "welcome: a\nask: b\nretry: c\nlast: d\nmenu: e\nbye: f\nreadback: \"{account} ok\"\nother: \"{pin} ok\"\nchoice: \"{reason} ok\"\nreason/sales: s\nghost: \"{acount} ok\"\n";
    let catalogue = Source { path: "prompts/en.yaml".into(), text: text.into() };
    Prompts::new(PromptBook::read("en", &catalogue).0, Vec::new())
}

fn load_text(text: &str) -> Result<(Flow, Vec<Diagnostic>), Vec<Diagnostic>> {
    load(&Source { path: "t.yaml".into(), text: text.into() }, &prompts())
}

const HEAD: &str = "askonce: 1\nflow: t\n";

/// What is found: code, line:column, the remedy or else the message.
fn codes(text: &str) -> Vec<(&'static str, String, String)> {
    let found = match load_text(text) {
        Ok((_, warnings)) => warnings,
        Err(found) => found,
    };
    let line = |d: &Diagnostic| format!("{}:{}", d.span.line, d.span.column);
    found.iter().map(|d| (d.code, line(d), d.remedy.clone().unwrap_or_else(|| d.message.clone()))).collect()
}

#[test]
fn the_first_example_of_the_language_loads() {
    let text = include_str!("../../../flows/account-desk.yaml");
    let catalogue =
        Source { path: "prompts/en.yaml".into(), text: include_str!("../../../flows/prompts/en.yaml").into() };
    let (book, wanted) = PromptBook::read("en", &catalogue);
    assert_eq!(wanted, []);
    let source = Source { path: "flows/account-desk.yaml".into(), text: text.into() };
    let (flow, warnings) = load(&source, &Prompts::new(book, Vec::new())).expect("it loads");
    assert_eq!(warnings, []);
    assert_eq!((flow.name.text.as_str(), flow.digest.len()), ("account-desk", 16));
    let account = &flow.facts[0];
    assert_eq!((account.class, account.known.len(), account.ask.len()), (Class::Pii, 2, 3));
    assert_eq!(account.kind, Kind::Digits { length: 8..=12, check: Check::Luhn });
    assert!(matches!(&account.ask[1], Ask::Worded { silent, .. } if silent.text == "account_silent"));
    assert_eq!(flow.queues[0].to.as_ref().map(|to| to.text.as_str()), Some("support"));
    assert_eq!(flow.unknown_facts()[0].name, "account");
}

#[test]
fn a_digest_names_the_text_of_the_flow_and_of_its_prompts() {
    let digest = |tail: &str| {
        let text = format!("{HEAD}blocks: {{ start: [hangup] }}{tail}");
        load_text(&text).expect("it loads").0.digest
    };
    assert_eq!(digest("\n"), digest("\n"));
    assert_ne!(digest("\n"), digest(" # changed\n"));
}

#[test]
fn a_preface_tells_which_prompts_to_read() {
    let of = |text: &str| preface(&Source { path: "t.yaml".into(), text: text.into() });
    let both = |languages: &[&str], prompts: &str| Preface {
        languages: languages.iter().map(|language| (*language).to_owned()).collect(),
        prompts: prompts.into(),
        modules: Vec::new(),
    };
    assert_eq!(of("flow: t\nlanguages: [es, en]\nprompts: brand\n"), both(&["es", "en"], "brand"));
    assert_eq!(of("flow: t\nprompts: ../../etc\n"), both(&["en"], "prompts"));
    assert_eq!(of("{{{"), both(&["en"], "prompts"));
}

/// One mistake a row: the file, the code, the place, the remedy or message.
#[test]
fn mistakes_in_the_frame() {
    let cases = [
        ("flow: t\nblocks: { start: [hangup] }\n", "missing-key", "1:1", "write `askonce: 1`"),
        ("askonce: 2\nflow: t\nblocks: { start: [hangup] }\n", "wrong-type", "1:10", "version of the language"),
        ("askonce: 1\nblocks: { start: [hangup] }\n", "missing-key", "1:1", "has no `flow:`"),
        ("askonce: 1\nflow: t\nblocks: { begin: [hangup] }\n", "no-start", "1:1", "calls begin there"),
        ("askonce: 1\nflow: t\nblocks: { start: [hangup], return: [hangup] }\n", "bad-name", "3:28", "word of the"),
    ];
    for (text, code, place, says) in cases {
        expect_one(text, code, place, says);
    }
}

/// The same in line 3 of a flow that has nothing else wrong.
#[test]
fn mistakes_in_the_declarations() {
    let cases = [
        ("block: 1", "unknown-key", 1, "did you mean `blocks`?"),
        ("facts: 5", "wrong-type", 8, "expected the facts"),
        ("hours: [a]", "wrong-type", 8, "expected the hours"),
        ("lookups: a", "wrong-type", 10, "expected the lookups"),
        ("hours: { o: { } }", "missing-key", 13, "zone: America"),
        ("hours: { o: { zone: Mars/Base } }", "unknown-name", 21, "IANA"),
        ("hours: { o: { zone: UTC, mo: 08:00-12:00 } }", "unknown-key", 26, "mon-fri"),
        ("hours: { o: { zone: UTC, mon: 8-12 } }", "wrong-type", 31, "08:00-20:00"),
        ("hours: { o: { zone: UTC, mon-wed: 08:00-12:00, tue: 13:00-14:00 } }", "duplicate-key", 48, "second time"),
        ("hours: { o: { zone: UTC, closed: [easter] } }", "unknown-name", 35, "calendar"),
        ("hours: { o: { zone: UTC } }", "unused", 10, "nothing uses hours `o`"),
        ("with: { brand: acme }", "wrong-type", 16, "[a, b]"),
        ("with: { brand: [acme] }", "unused", 9, "nothing uses parameter"),
        ("lookups: { crm: { get: \"crm:/a\" } }", "missing-key", 17, "has no `timeout:`"),
        ("lookups: { crm: { get: \"https://a/\", timeout: 1s } }", "bad-target", 24, "crm:/phone"),
        ("lookups: { crm: { get: \"crm:/{x}\", timeout: 1s } }", "unknown-name", 24, "there is none"),
        ("lookups: { crm: { get: \"crm:/{x\", timeout: 1s } }", "placeholder", 24, "without `}`"),
        ("lookups: { crm: { get: \"crm:/a b\", timeout: 1s } }", "bad-target", 24, "%20"),
        ("lookups: { crm: { get: \"crm:/a\", timeout: 1m } }", "wrong-type", 43, "the caller waits"),
        ("lookups: { crm: { timeout: 1s } }", "missing-key", 17, "caller.number"),
        ("lookups: { crm: { get: \"crm:/a\", timeout: 1s, send: [] } }", "no-body", 53, "post:"),
        ("lookups: { crm: { get: \"crm:/a\", timeout: 1s, gives: { a: sum } } }", "unknown-name", 59, "text"),
        (
            "lookups: { crm: { get: \"crm:/a\", timeout: 1s, gives: { a: { type: bool, default: yes } } } }",
            "bad-default",
            82,
            "true or false",
        ),
        ("lookups: { crm: { get: \"crm:/a\", timeout: 1s } }", "unused", 12, "nothing uses lookup"),
        ("types: { digits: { type: digits } }", "bad-name", 10, "another name"),
        ("use: [../verify.yaml]", "bad-path", 7, "beside the flow"),
        ("prompts: /etc", "bad-path", 10, "beside the flow"),
        ("prompts: ../etc", "bad-path", 10, "beside the flow"),
        ("languages: [en, es]", "one-language", 17, "type: choice"),
        ("languages: [en, en]", "duplicate-key", 17, "second time"),
        ("answer: later", "unknown-name", 9, "there is: now, early"),
        ("currency: gbp", "unknown-name", 11, "usd"),
        ("always: { error: strat }", "unknown-name", 18, "`start`?"),
        ("always: { hangup: strat }", "unknown-name", 19, "`start`?"),
        ("escape: { collect: 0, to: start }", "escape-key", 20, "star"),
        ("escape: { to: start }", "missing-key", 9, "menu: 0"),
        ("escape: { menu: 10, to: start }", "bad-key", 17, "0 to 9"),
        ("queues: { q: { to: \"sip:a@b\" } }", "not-served-yet", 20, "--destination"),
        ("queues: { q: { to: a, hours: o } }", "unknown-name", 30, "there is none"),
        ("queues: { q: { to: a, size: 5 } }", "no-effect", 23, "at_once: 10"),
        ("queues: { q: { to: a, at_once: 5, longest: 1m } }", "missing-key", 14, "has no `size:`"),
        ("waiting: { w: { every: 45s } }", "missing-key", 24, "say: PROMPT"),
        ("waiting: { w: { music: jazz } }", "unused", 12, "nothing uses waiting"),
        ("queues: { q: { to: a } }", "unused", 11, "nothing uses queue `q`"),
    ];
    for (line, code, column, says) in cases {
        let text = format!("{HEAD}{line}\nblocks: {{ start: [hangup] }}\n");
        expect_one(&text, code, &format!("3:{column}"), says);
    }
}

fn expect_one(text: &str, code: &str, place: &str, says: &str) {
    let found = codes(text);
    let [(found_code, found_place, found_says)] = found.as_slice() else { panic!("{text}\n{found:?}") };
    assert_eq!((*found_code, found_place.as_str()), (code, place), "{text}\n{found:?}");
    assert!(found_says.contains(says), "{text}\n{found:?}");
}

#[test]
fn mistakes_in_a_fact() {
    let cases = [
        ("{ type: digit, length: 8, ask: [ask] }", "unknown-name", "digit, length:", "did you mean `digits`?"),
        ("{ type: text, ask: [ask] }", "no-keys", "^", "choice"),
        ("{ type: date, length: 8, ask: [ask] }", "unknown-key", "length: 8, ask: [", "only with `type: digits`"),
        ("{ type: digits, ask: [ask] }", "missing-key", "{ type: digits", "has no `length:`"),
        ("{ type: digits, length: 0, ask: [ask] }", "wrong-type", "0, ask: [ask] ", "expected a length"),
        (
            "{ type: digits, length: 8, check: lun, ask: [ask] }",
            "unknown-name",
            "lun, ask: [ask",
            "did you mean `luhn`?",
        ),
        ("{ type: digits, length: 8, check: regex, ask: [ask] }", "wrong-type", "regex, ask: [a", "{ regex:"),
        (
            "{ type: digits, length: 8, check: { regex: \"(\" }, ask: [ask] }",
            "bad-pattern",
            "\"(\" }, ask: [a",
            "expression",
        ),
        ("{ type: digits, length: 8, range: 1..5, ask: [ask] }", "wrong-type", "1..5, ask: [as", "of a date"),
        ("{ type: number, range: 5..1, ask: [ask] }", "wrong-type", "5..1, ask: [as", "1..500"),
        ("{ type: digits, length: 8, lives: ever, ask: [ask] }", "unknown-name", "ever, ask: [as", "call, case"),
        ("{ type: digits, length: 8, class: secret, lives: case, ask: [ask] }", "class", "^", "away"),
        ("{ type: digits, length: 8, accept: crm, ask: [ask] }", "unknown-name", "crm, ask: [ask", "there is none"),
        (
            "{ type: digits, length: 8, ask: [ask], confirm: { say: readback, right: 1, again: 1 } }",
            "duplicate-key",
            "{ say: readbac",
            "again: 2",
        ),
        (
            "{ type: digits, length: 8, ask: [ask], confirm: { say: readback, right: 0 } }",
            "escape-key",
            "readback, righ",
            "another key",
        ),
        (
            "{ type: digits, length: 8, keys: { 1: a }, ask: [ask] }",
            "unknown-key",
            "keys: { 1: a }",
            "only with `type: choice`",
        ),
        ("{ type: digits, length: 8, class: pi, ask: [ask] }", "unknown-name", "pi, ask: [ask]", "`pii`?"),
        (
            "{ type: digits, length: 8, known: [header.Account], ask: [ask] }",
            "bad-source",
            "header.Account",
            "header.X-Account",
        ),
        ("{ type: digits, length: 8, known: [crm], ask: [ask] }", "unknown-name", "crm], ask: [as", "uui.NAME"),
        ("{ type: digits, length: 8, known: [web.], ask: [ask] }", "unknown-name", "web.], ask: [a", "web.NAME"),
    ];
    expect_in_a_fact(&cases);
}

#[test]
fn mistakes_in_what_a_fact_says() {
    expect_in_a_fact(&[
        ("{ type: digits, length: 8, ask: [] }", "wrong-type", "[] }", "one a try"),
        ("{ type: digits, length: 8, ask: [aks] }", "unknown-name", "aks] }", "did you mean `ask`?"),
        (
            "{ type: digits, length: 8, ask: [{ silent: ask, invalid: ask }] }",
            "wrong-type",
            "{ silent: ask,",
            "before the first",
        ),
        (
            "{ type: digits, length: 8, ask: [ask, { silent: ask }] }",
            "missing-key",
            "{ silent: ask ",
            "has no `invalid:`",
        ),
        ("{ type: digits, length: 8, ask: [readback] }", "value-spoken", "readback] }", "`confirm:` prompt"),
        ("{ type: digits, length: 8, ask: [ghost] }", "unknown-name", "ghost] }", "did you mean `account`?"),
        ("{ type: digits, length: 8, ask: [ask], confirm: bye }", "not-read", "bye }", "`{account}`"),
        ("{ type: digits, length: 8, ask: [ask], confirm: other }", "value-spoken", "other }", "`{account}`"),
        (
            "{ type: digits, length: 8, class: pci, ask: [ask], confirm: readback }",
            "secret-spoken",
            "readback }",
            "{card.last4}",
        ),
        ("{ type: digits, length: 8, ask: [ask], default: 123 }", "bad-default", "123 }", "8 digits"),
        ("{ type: digits, length: 8, ask: [ask], offer: ask }", "not-read", "ask }", "`{account}`"),
        ("{ type: digits, length: 8, ask: [ask], offer: readback }", "no-effect", "^", "known"),
        ("{ type: choice, keys: { 1: a, x: b }, ask: [ask] }", "bad-key", "x: b }, ask: [", "star or pound"),
        ("{ type: choice, keys: { pound: a, \"#\": b }, ask: [ask] }", "duplicate-key", "\"#\": b }, ask:", "already"),
        (
            "{ type: choice, keys: { 1: a }, ask: [ask], confirm: readback }",
            "no-wording",
            "readback }",
            "`account/a: …`",
        ),
        ("{ type: choice, keys: { 0: a }, ask: [ask] }", "escape-key", "a }, ask: [ask", "another key"),
    ]);
}

fn expect_in_a_fact(cases: &[(&str, &str, &str, &str)]) {
    for (fact, code, at, says) in cases {
        let head = "askonce: 1\nflow: t\nescape: { menu: 0, to: start }\nfacts:\n  pin: { type: digits, length: 4, ask: [ask] }\n";
        let steps = "[{ collect: account, else: continue }, { collect: pin, else: continue }, hangup]";
        // `^` is the name of the fact.
        let column = if *at == "^" { 3 } else { 12 + fact.find(*at).expect("the place is in the fact") };
        let text = format!("{head}  account: {fact}\nblocks: {{ start: {steps} }}\n");
        expect_one(&text, code, &format!("6:{column}"), says);
    }
}

const FACTS: &str = "askonce: 1
flow: t
facts:
  account: { type: digits, length: 8, ask: [ask, retry], confirm: readback }
  reason: { type: choice, keys: { 1: billing, 2: sales }, ask: [menu] }
  pin: { type: digits, length: 4, class: secret, ask: [ask] }
  told: { type: digits, length: 4, known: [uui.told] }
queues: { desk: { to: support } }
blocks:
";

/// Blocks that begin in line 10 and hold one mistake; what else they lack is made up for by `always`.
#[test]
fn mistakes_in_the_blocks() {
    let cases = [
        ("start: [{ colect: account }, hangup]", "unknown-verb", "colect", "did you mean `collect`?"),
        ("start: [{ lookup: crm }, hangup]", "unknown-name", "crm", "there is none"),
        ("start: [{ return: true }]", "wrong-type", "true", "- return"),
        ("start: [{ run: strat }, hangup]", "unknown-name", "strat", "`start`?"),
        ("start: [{ set: reason }, hangup]", "missing-key", "reason", "to: VALUE"),
        ("start: [{ set: reason, to: billig }, hangup]", "bad-value", "billig", "billing, sales"),
        ("start: [{ set: reason, from: crm.tier }, hangup]", "unknown-name", "crm.tier", "LOOKUP.NAME"),
        ("start: [{ forget: pin, keep: true }, hangup]", "class", "pin", "away"),
        ("start: [{ forget: reason, at_most: 99 }, hangup]", "wrong-type", "99", "from 1 to 20"),
        ("start: [{ reject: 486 }]", "answered", "486", "answer: early"),
        ("start: [say, hangup]", "wrong-type", "say", "say: …"),
        ("start: [hangs]", "unknown-verb", "hangs", "there is: say"),
        ("start: [{ hangup: true }]", "wrong-type", "true", "write `- hangup`"),
        ("start: [{ say: welcome, goto: start }]", "two-verbs", "goto", "- goto:"),
        ("start: [[say], hangup]", "wrong-type", "[say]", "a step"),
        ("start: hangup", "wrong-type", "hangup", "[a, b]"),
        ("start: [{ say: wellcome }, hangup]", "unknown-name", "wellcome", "did you mean `welcome`?"),
        ("start: [{ say: other }, hangup]", "secret-spoken", "other", "take it out"),
        ("start: [{ say: welcome, barge: no }, hangup]", "wrong-type", "no }", "write false"),
        ("start: [{ say: welcome, loud: true }, hangup]", "unknown-key", "loud", "say, barge"),
        ("start: [{ collect: acount }, hangup]", "unknown-name", "acount", "`account`?"),
        ("start: [{ collect: told }, hangup]", "no-ask", "told", "`ask: [PROMPT]`"),
        ("start: [{ collect: account, else: strat }, hangup]", "unknown-name", "strat", "`start`?"),
        ("start: [{ goto: continue }]", "wrong-type", "continue", "name a block"),
        ("start: [{ route: account, to: { } }]", "wrong-type", "account", "only a choice"),
        ("start: [{ route: reason, to: { billing: sorry } }]", "not-exhaustive", "reason", "every value"),
        (
            "start: [{ route: reason, to: { billing: sorry, sales: sorry, sale: sorry } }]",
            "unknown-name",
            "sale:",
            "`sales`?",
        ),
        ("start: [{ record: begin }, hangup]", "unknown-name", "begin", "start, pause, resume, stop"),
        ("start: [{ record: strat }, hangup]", "unknown-name", "strat", "did you mean `start`?"),
        ("start: [{ record: start, to: a }, hangup]", "unknown-key", "to: a", "record"),
        ("start: [record, hangup]", "wrong-type", "record", "record: …"),
        ("start: [{ agent: dsk }]", "unknown-name", "dsk", "`desk`?"),
        ("start: [{ agent: desk, needs: [acount] }]", "unknown-name", "acount", "`account`?"),
        ("start: [{ agent: desk, needs: [pin] }]", "class", "pin", "`needs:`"),
        ("start: [{ agent: desk, needs: [reason, reason] }]", "duplicate-key", "reason] ", "second time"),
        ("start: [{ agent: desk, whisper: wellcome }]", "unknown-name", "wellcome", "`welcome`?"),
        ("start: [{ agent: desk, whisper: other }]", "secret-spoken", "other", "take it out"),
        ("start: [{ agent: desk, whisper: choice }]", "no-wording", "choice", "`reason/billing: …`"),
        ("start: [{ agent: desk, escalate: strat }]", "unknown-name", "strat", "`start`?"),
        ("start: [{ agent: desk, full: sorry }]", "no-effect", "sorry", "at_once"),
        ("start: [{ agent: desk, closed: sorry }]", "no-effect", "sorry", "hours"),
        ("start: [{ transfer: clinic, else: sorry }]", "no-reason", "clinic", "because"),
        ("start: [{ transfer: \"sip:a@b\", because: x }]", "not-served-yet", "\"sip", "destination"),
        ("start: [{ transfer: clinic, because: x, needs: [pin] }]", "class", "pin", "`needs:`"),
        ("start: [{ say: welcome }]", "falls-off", "{ say", "`- hangup`"),
        ("start: []", "falls-off", "start", "`- hangup`"),
        ("start: [hangup, { say: welcome }]", "unreachable-step", "{ say", "never goes on"),
        ("start: [hangup]\n  lost: [hangup]", "unreachable-block", "lost", "lead to it"),
    ];
    expect_in_blocks(&cases);
}

/// A mistake in a condition is placed within it.
#[test]
fn mistakes_in_a_condition() {
    expect_in_blocks(&[
        ("start: [{ if: reason == 'billing' }, hangup]", "missing-key", "{ if", "has no `then:`"),
        ("start: [{ if: reason == 'bill', then: sorry }, hangup]", "condition", "'bill'", "billing, sales"),
        ("start: [{ if: reason, then: sorry }, hangup]", "condition", "reason", "compare it"),
        ("start: [{ if: reason < 'a', then: sorry }, hangup]", "condition", "< ", "== or !="),
        ("start: [{ if: reason == billing, then: sorry }, hangup]", "unknown-name", "billing", "there is"),
        ("start: [{ if: pin == '1234', then: sorry }, hangup]", "condition", "pin", "filled(pin)"),
        ("start: [{ if: filled(pni), then: sorry }, hangup]", "unknown-name", "pni", "`pin`?"),
        ("start: [{ if: full(pin), then: sorry }, hangup]", "unknown-name", "full", "filled"),
        ("start: [{ if: closed(office), then: sorry }, hangup]", "unknown-name", "office", "there is none"),
        ("start: [{ if: reason == 'sales' && filled(pin), then: sorry }, hangup]", "condition", "&", "write `and`"),
        ("start: [{ if: reason == 5, then: sorry }, hangup]", "condition", "5", "quotes"),
        ("start: [{ if: filled(pin) filled(told), then: sorry }, hangup]", "condition", "filled(told)", "`and`"),
        ("start: [{ if: with.brand == 'a', then: sorry }, hangup]", "unknown-name", "with.brand", "there is none"),
    ]);
}

fn expect_in_blocks(cases: &[(&str, &str, &str, &str)]) {
    for (blocks, code, at, says) in cases {
        // Everything declared is used here, so that no warning stands beside the mistake.
        let used = "[{ collect: account, else: continue }, { collect: reason, else: continue }, { collect: pin, else: continue }, { agent: desk, needs: [told], else: continue }, hangup]";
        let text = format!("{FACTS}  sorry: {used}\n  {blocks}\nalways: {{ error: sorry }}\n");
        let offset = blocks.find(at).expect("the place is in the blocks");
        let line = 11 + blocks[..offset].matches('\n').count();
        let column = offset - blocks[..offset].rfind('\n').map_or(0, |n| n + 1) + 1 + if line == 11 { 2 } else { 0 };
        expect_one(&text, code, &format!("{line}:{column}"), says);
    }
}

#[test]
fn a_step_that_can_fail_has_an_exit() {
    for step in [
        "{ collect: account }",
        "{ agent: desk }",
        "{ transfer: clinic, because: x }",
        "{ route: reason, to: { billing: start, sales: start } }",
    ] {
        let found = codes(&format!("{FACTS}  start: [{step}, hangup]\n"));
        assert!(found.iter().any(|(code, place, _)| *code == "no-exit" && place.starts_with("10:")), "{found:?}");
    }
    let by_default = FACTS.replace("ask: [menu]", "ask: [menu], default: sales");
    let found = codes(&format!("{by_default}  start: [{{ collect: reason }}, hangup]\n"));
    assert!(found.iter().all(|(code, ..)| *code == "unused"), "{found:?}");
}

#[test]
fn a_flow_with_ten_mistakes_reports_ten_in_file_order() {
    let text = "askonce: 1
flow: t
facts:
  account: { type: digits, length: 8-, ask: [aks] }
  reason: { type: choise, keys: { 1: a } }
queues: { desk: { too: support } }
blocks:
  start:
    - sya: welcome
    - say: wellcome
    - collect: acount
      else: continue
    - agent: dsk
      else: continue
    - goto: end
  extra: [hangup]
  extra: [hangup]
";
    let found = codes(text);
    let places: Vec<_> = found.iter().map(|(code, place, _)| format!("{place} {code}")).collect();
    let expected = [
        "4:36 wrong-type",
        "4:46 unknown-name",
        "5:19 unknown-name",
        "6:19 unknown-key",
        "9:7 unknown-verb",
        "10:12 unknown-name",
        "11:16 unknown-name",
        "13:14 unknown-name",
        "15:13 unknown-name",
        "17:3 duplicate-key",
    ];
    assert_eq!(places, expected);
}

/// Whatever a file holds, loading ends with a flow or with reasons that can be shown: never with a panic.
#[test]
fn no_file_is_too_broken_to_be_answered() {
    let whole = include_str!("../../../flows/account-desk.yaml");
    let pieces = [
        "\u{feff}", "\r\n", "\t", "\"", "'", "[", "}", "&a ", "*a", "é", "\u{1b}", "|\n", ": ", "- ", "~", "#",
        "\u{0}", "😀", "? ", "!x ",
    ];
    let mut random = crate::random::Random::from_seed(7);
    let book = prompts();
    for _ in 0..4_000 {
        let mut text = whole.to_owned();
        for _ in 0..=random.below(4) {
            let at = text.floor_char_boundary(random.below(text.len() as u32 + 1) as usize);
            let cut = text.floor_char_boundary((at + random.below(12) as usize).min(text.len())).max(at);
            text.replace_range(at..cut, pieces[random.below(pieces.len() as u32) as usize]);
        }
        let source = Source { path: "t.yaml".into(), text };
        let found = match load(&source, &book) {
            Ok((_, found)) | Err(found) => found,
        };
        for diagnostic in found {
            assert!(!diagnostic.render(&[&source]).contains('\u{1b}'));
        }
    }
}
