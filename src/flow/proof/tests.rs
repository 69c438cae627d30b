use super::*;
use crate::flow::load;
use crate::flow::prompts::PromptBook;
use crate::flow::script::Cue;
use crate::yaml::Source;

const PROMPTS: &str = "welcome: a\nask: b\nask2: c\nmenu: d\nbye: e\ntell: \"About {reason}.\"\ntold: \"About {reason?}.\"\n\
                       reason/billing: x\nreason/sales: y\nnot_given: z\n";

/// What a flow of these blocks has beside them: facts, queues, an escape.
const HEAD: &str = "askonce: 1
flow: t
escape: { menu: 0, collect: star, to: desk }
always: { error: sorry }
facts:
  account: { type: digits, length: 4, ask: [ask, ask2], known: [uui.account] }
  reason: { type: choice, keys: { 1: billing, 2: sales }, ask: [menu] }
  pin: { type: digits, length: 4, class: secret, ask: [ask] }
  rate: { type: choice, keys: { 1: good, 2: bad }, ask: [menu], survey: true }
  verified: { type: bool }
lookups:
  crm: { get: \"crm:/a/{account}\", timeout: 1s, fills: [verified], gives: { age: number, tier: { type: text, default: a } } }
  vip: { get: \"crm:/vip\", timeout: 1s }
queues: { desk: { to: support } }
blocks:
  sorry: [hangup]
  desk: [{ forget: pin }, { agent: desk, needs: [account?], else: sorry }]
";

fn flow(text: &str) -> (Flow, Prompts) {
    let catalogue = Source { path: "prompts/en.yaml".into(), text: PROMPTS.into() };
    let prompts = Prompts::new(PromptBook::read("en", &catalogue).0, Vec::new());
    let source = Source { path: "t.yaml".into(), text: text.into() };
    let (flow, _) = load(&source, &prompts).unwrap_or_else(|found| panic!("{text}\n{found:#?}"));
    (flow, prompts)
}

/// Code and line of what is found, and whether there is a call for it.
fn found(text: &str) -> Vec<(&'static str, usize, bool)> {
    let (flow, prompts) = flow(text);
    let found = prove(&flow, &prompts, &|_| None);
    found
        .iter()
        .map(|finding| (finding.diagnostic.code, finding.diagnostic.span.line, finding.witness.is_some()))
        .collect()
}

/// Blocks begin in line 18; each row is one finding, in that line, with a call that shows it.
#[test]
fn what_calls_must_not_come_to_is_found_with_a_call_that_does() {
    let cases = [
        // 1: asked twice
        (
            "start: [{ collect: account, else: desk }, { forget: account }, { collect: account, else: desk }, { goto: desk }]",
            "asked-twice",
        ),
        // 2: merely unasked
        ("start: [{ agent: desk, needs: [account], else: desk }]", "unasked"),
        (
            "start: [{ collect: reason, else: go }, { collect: account, else: go }, { goto: go }]\n  go: [{ agent: desk, needs: [account], else: desk }]",
            "unasked",
        ),
        // 5: rounds
        ("start: [{ collect: account, else: again }, { goto: desk }]\n  again: [{ goto: start }]", "endless-loop"),
        ("start: [{ agent: desk, else: start }]", "endless-loop"),
        ("start: [{ run: start }, { goto: desk }]", "deep-run"),
        ("start: [{ collect: account, else: return }, { goto: desk }]", "stray-return"),
        // 6: secrets
        ("start: [{ collect: pin, else: desk }, { agent: desk, else: sorry }]", "secret-kept"),
        // 7: values that are spoken
        ("start: [{ say: tell }, { collect: reason, else: desk }, { goto: desk }]", "not-filled"),
        // 8: values that are sent or read, and silence
        ("start: [{ lookup: crm, else: desk }, { goto: desk }]", "sends-unfilled"),
        (
            "start: [{ collect: account, else: desk }, { lookup: crm, else: continue }, { if: crm.age > 1, then: desk }, { goto: desk }]",
            "never-given",
        ),
        (
            "start: [{ collect: account, else: desk }, { lookup: vip, else: continue }, { lookup: vip, else: continue }, { lookup: vip, else: continue }, { lookup: vip, else: continue }, { lookup: vip, else: desk }, { goto: desk }]",
            "long-silence",
        ),
    ];
    for (blocks, code) in cases {
        let text = format!("{HEAD}  {blocks}\n");
        let found = found(&text);
        assert_eq!(found.len(), 1, "{blocks}\n{found:?}");
        let (what, line, shown) = found[0];
        assert_eq!((what, shown), (code, true), "{blocks}");
        assert!(line >= 18, "{blocks}: line {line}");
    }
}

#[test]
fn what_is_sound_is_not_complained_about() {
    let cases = [
        "start: [{ collect: account, else: desk }, { collect: reason, else: desk }, { route: reason, to: { billing: bill, sales: desk } }]\n  bill: [{ say: tell }, { agent: desk, needs: [account, reason], whisper: tell, else: desk }]",
        // The one who gave up never comes to where the other is needed.
        "start: [{ collect: reason, else: go }, { collect: account, else: go }, { goto: go }]\n  go: [{ route: reason, to: { billing: bill, sales: desk }, else: desk }]\n  bill: [{ agent: desk, needs: [account], else: desk }]",
        "start: [{ collect: account, else: desk }, { lookup: crm, else: desk }, { if: crm.age > 1 and verified, then: desk }, { if: crm.tier == 'b', then: desk }, { goto: desk }]",
        "start: [{ run: check }, { if: filled(account), then: known }, { goto: desk }]\n  check: [{ collect: account, else: return }, return]\n  known: [{ lookup: crm, else: desk }, { goto: desk }]",
        "start: [{ agent: desk, done: after, else: desk }]\n  after: [{ collect: rate, else: continue }, { say: bye }, hangup]",
        // Once more, because the caller chose it.
        "start: [{ collect: account, else: desk }, { collect: reason, else: desk }, { route: reason, to: { billing: more, sales: desk } }]\n  more: [{ forget: account, at_most: 3, else: desk }, { forget: reason }, { goto: start }]",
        // A round that a person ends.
        "start: [{ agent: desk, done: start, else: desk }]",
        "start: [{ collect: account, else: desk }, { if: switch.storm, then: desk }, { say: told }, { goto: desk }]",
    ];
    for blocks in cases {
        assert_eq!(found(&format!("{HEAD}  {blocks}\n")), [], "{blocks}");
    }
}

#[test]
fn a_flow_that_asks_for_nothing_is_proved_as_well() {
    assert_eq!(found("askonce: 1\nflow: t\nblocks: { start: [{ say: bye }, hangup] }\n"), []);
}

#[test]
fn a_round_that_is_bounded_passes_a_choice() {
    let blocks =
        "start: [{ collect: account, else: desk }, { forget: account, at_most: 3, else: desk }, { goto: start }]";
    assert_eq!(found(&format!("{HEAD}  {blocks}\n")), [("no-choice", 18, true)]);
}

#[test]
fn from_every_question_a_person_is_in_reach() {
    let head = HEAD
        .replace("escape: { menu: 0, collect: star, to: desk }\n", "")
        .replace("choice, keys: { 1: billing", "choice, survey: true, keys: { 1: billing");
    let blocks = |fact: &str| {
        format!(
            "{head}  start: [{{ agent: desk, done: after, else: desk }}]\n  after: [{{ collect: {fact}, else: sorry }}, hangup]\n"
        )
    };
    assert_eq!(found(&blocks("account")), [("no-way-out", 18, true)]);
    assert_eq!(found(&blocks("reason")), []);
}

#[test]
fn what_no_call_comes_to_is_found() {
    let blocks = "start: [{ collect: account, else: desk }, { collect: account, else: lost }, { goto: desk }]\n  lost: [{ goto: desk }]";
    assert_eq!(found(&format!("{HEAD}  {blocks}\n")), [("unreachable-block", 19, false)]);
}

#[test]
fn a_choice_has_a_way_to_a_person() {
    let text = format!(
        "{HEAD}  start: [{{ collect: reason, else: desk }}, {{ collect: account, else: desk }}, {{ lookup: crm, else: desk }}, {{ goto: desk }}]\n"
    );
    assert_eq!(found(&text.replace("menu: 0, ", "")), [("no-escape", 7, false)]);
}

#[test]
fn a_budget_bounds_the_longest_way_to_a_person() {
    let blocks =
        "start: [{ collect: account, else: desk }, { say: welcome }, { collect: reason, else: desk }, { goto: desk }]";
    let with = |budget: &str| {
        found(&format!("{}  {blocks}\n", HEAD.replace("escape:", &format!("budget: {budget}\nescape:"))))
    };
    assert_eq!(with("{ questions: 2 }"), []);
    assert_eq!(with("{ questions: 1 }"), [("over-budget", 3, true)]);
    // Two short prompts and a menu, by their letters.
    assert_eq!(with("{ questions: 2, seconds: 1 }"), []);
    assert_eq!(with("{ seconds: 0 }"), [("over-budget", 3, true)]);
}

/// The shortest call, and what it has to be made of.
#[test]
fn a_witness_is_a_call_that_a_caller_could_make() {
    let text = format!(
        "{HEAD}  start: [{{ collect: reason, else: desk }}, {{ if: reason == 'sales', then: more }}, {{ goto: desk }}]\n  more: [{{ lookup: vip, else: desk }}, {{ agent: desk, needs: [account], else: desk }}]\n"
    );
    let (flow, prompts) = flow(&text);
    let all = prove(&flow, &prompts, &|_| None);
    let [finding] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(
        finding.diagnostic.witness,
        [
            "start:1: the caller keys in reason as sales",
            "start:2: the condition holds",
            "more:1: vip answers",
            "more:2: here"
        ]
    );
    let script = &finding.witness.as_ref().expect("a call").script;
    let cues: Vec<String> = script.cues.iter().map(Cue::to_string).collect();
    assert_eq!(cues, ["press 2", "lookup ok"]);
}

/// Twenty questions that each may be given up, and a person who needs all: a million ways for the facts to stand.
#[test]
fn where_there_are_too_many_states_each_fact_is_looked_at_by_itself_and_that_is_told() {
    let wide = |needed: &str| {
        let facts: String = (0..20).map(|n| format!("  f{n}: {{ type: digits, length: 4, ask: [ask] }}\n")).collect();
        let asked: String = (0..20).map(|n| format!("    - collect: f{n}\n      else: continue\n")).collect();
        let needs: Vec<String> = (0..20).map(|n| format!("f{n}")).collect();
        format!(
            "askonce: 1\nflow: wide\nfacts:\n{facts}  late: {{ type: digits, length: 4, ask: [ask] }}\nqueues: {{ desk: {{ to: support }} }}\n\
             blocks:\n  start:\n{asked}{needed}    - agent: desk\n      needs: [{}, late]\n      else: sorry\n  sorry: [hangup]\n",
            needs.join(", ")
        )
    };
    assert_eq!(found(&wide("    - collect: late\n      else: sorry\n")), [("partly-proved", 2, false)]);
    let codes = |text: &str| found(text).iter().map(|(code, ..)| *code).collect::<Vec<_>>();
    assert_eq!(codes(&wide("    - if: filled(late)\n      then: sorry\n")), ["partly-proved", "unasked"]);
}
