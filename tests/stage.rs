//! Told calls on the example flows: each goes as it was told, and what is recorded of it runs again to the byte.
#![allow(clippy::disallowed_methods, reason = "tests read the flows")]

use askonce::audio::ArenaBuilder;
use askonce::call::Program;
use askonce::engine::Service;
use askonce::flow::proof::prove;
use askonce::flow::script::Script;
use askonce::flow::{self, PromptBook, Prompts};
use askonce::record::fixture::{Fixture, Step};
use askonce::record::seam::{Disposition, Out};
use askonce::replay::stage::{self, Performed, Place};
use askonce::rerun;
use askonce::server::files::{self, Disk};
use askonce::yaml::Source;
use std::path::Path;
use std::sync::Arc;

fn service(flow: &str) -> Service {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("flows/{flow}.yaml"));
    files::load(&Disk, &path).0.expect("the flow loads")
}

fn perform(service: &Service, script: &str) -> Result<Performed, String> {
    let place = Place::made_up(&service.program.flow);
    let script: Script = script.parse().expect("a script");
    stage::perform(&service.program, &service.arena, &place, &script).map_err(|unfit| unfit.to_string())
}

fn disposition(fixture: &Fixture) -> Disposition {
    let Some(Step::Out(Out::End { disposition, .. })) = fixture.lines.last().map(|line| &line.step) else {
        panic!("the call ends")
    };
    *disposition
}

fn filled(fixture: &Fixture) -> Vec<String> {
    let facts = fixture.lines.iter().filter_map(|line| match &line.step {
        Step::Out(Out::Fact(fact)) => Some(format!("{} {} {} {}", fact.name, fact.state, fact.by, fact.tries)),
        _ => None,
    });
    facts.collect()
}

/// A flow, what happens, how it ends, and what became of its facts in order.
type Told = (&'static str, &'static str, Disposition, &'static [&'static str]);

const TOLD: [Told; 12] = [
    ("account-desk", "press 79927398713#\npress 1\nagent hangs-up", Disposition::Agent, &["account filled keypad 1"]),
    // Typed over the prompts, in one go.
    ("account-desk", "press 79927398713#1\nagent hangs-up", Disposition::Agent, &["account filled keypad 1"]),
    (
        "account-desk",
        "silence\npress 123#\npress 79927398713\nsilence\nagent fails",
        Disposition::Failed,
        &["account filled keypad 3"],
    ),
    ("account-desk", "silence\nsilence\nsilence\nhang-up", Disposition::AbandonedQueue, &["account declined tries 3"]),
    ("account-desk", "uui account=79927398713\nagent hangs-up", Disposition::Agent, &["account filled uui 0"]),
    // The script ends in the middle of a question.
    ("account-desk", "press 7992", Disposition::AbandonedFlow, &[]),
    (
        "contact-center",
        "at 2026-12-01T18:15:00Z\nlookup none\npress 1\npress 79927398713#\npress 1\npress 4321\n\
         lookup ok verified=true\npress 1\nline turn\nagent sends-on\nline offer\nline turn\nagent hangs-up\npress 3",
        Disposition::Agent,
        &[
            "language filled keypad 1",
            "account filled keypad 1",
            "pin filled keypad 1",
            "verified filled lookup:check_pin 0",
            "pin forgotten flow 0",
            "reason filled keypad 1",
            "score filled keypad 1",
        ],
    ),
    (
        "after-hours",
        "at 2026-12-01T10:15:00Z\npress 1\nagent hangs-up",
        Disposition::Agent,
        &["urgency filled keypad 1"],
    ),
    (
        "bank-card",
        "press 4111111111111111\npress 1\npress 1234\nlookup ok verified=true\npress 0\nagent hangs-up",
        Disposition::Agent,
        &[
            "card filled keypad 1",
            "pin filled keypad 1",
            "verified filled lookup:verify 0",
            "pin forgotten flow 0",
            "pin declined person 0",
            "sure declined person 1",
            "pin forgotten flow 0",
        ],
    ),
    ("bank-card", "press *\nagent fails", Disposition::Failed, &[]),
    ("pharmacy", "press 03011980\npress 1\npress *\nagent hangs-up", Disposition::Agent, &[]),
    (
        "multi-brand",
        "at 2026-12-01T18:15:00Z\nwith brand=zenith\nswitch storm=on\npress 1\nhang-up",
        Disposition::AbandonedFlow,
        &[],
    ),
];

#[test]
fn told_calls_go_as_told_and_run_again_to_the_byte() {
    for (flow, script, ends, facts) in TOLD {
        let service = service(flow);
        let performed = perform(&service, script).unwrap_or_else(|why| panic!("{flow}: {script}\n{why}"));
        let fixture = performed.fixture;
        assert_eq!((disposition(&fixture), &fixture.header.source[..]), (ends, "stage"), "{flow}: {script}");
        if !facts.is_empty() {
            assert_eq!(filled(&fixture), facts, "{flow}: {script}");
        }
        let written = fixture.write().expect("a recording");
        let read = Fixture::read(&written).expect("a readable recording");
        let replayed = rerun::run(&read, service.program.clone()).expect("a playable recording");
        assert_eq!(replayed.comparison.first_difference, None, "{flow}: {script}");
        let again = perform(&service, script).expect("it went before");
        assert!(again.fixture.write().expect("a recording") == written, "{flow}: {script} is told otherwise");
    }
}

/// What the examples have not: a transfer, work after the hang-up, a value that the business judges, prompts before the
/// answer. Its prompts have no clips.
const BENCH: &str = "askonce: 1
flow: bench
answer: early
always: { error: sorry, hangup: tidy }
facts:
  order: { type: digits, length: 4, accept: orders, ask: [ask, again] }
  done: { type: bool }
lookups:
  orders: { get: \"shop:/orders/{order}\", timeout: 1s, gives: { state: text } }
  close: { post: \"shop:/close\", timeout: 1s, fills: [done] }
queues:
  desk: { to: desk, at_once: 1, size: 2, longest: 5m, waiting: hold }
  short: { to: desk, at_once: 1, size: 2, longest: 30s }
waiting:
  hold: { every: 40s, say: place, instead: { after: 90s, key: 1, say: offer, to: away } }
blocks:
  start:
    - say: hello
    - collect: order
    - agent: desk
      full: short
      waited: short
      else: away
  short:
    - agent: short
      full: sorry
      waited: away
      else: sorry
  away:
    - transfer: desk
      because: they take these calls
      else: sorry
  sorry:
    - say: sorry
    - hangup
  tidy:
    - lookup: close
      else: ended
  ended:
    - set: done
      to: false
";

fn bench() -> Program {
    program(BENCH)
}

fn program(flow: &str) -> Program {
    let text = "hello: Hello.\nask: Your order?\nagain: Once more?\nplace: You are {queue.position}.\noffer: Press 1.\nsorry: Sorry.\nabout: \"About {reason}.\"\nreason/billing: bills\nreason/sales: sales\n";
    let source = Source { path: "en.yaml".to_owned(), text: text.to_owned() };
    let prompts = Prompts::new(PromptBook::read("en", &source).0, Vec::new());
    let source = Source { path: "bench.yaml".to_owned(), text: flow.to_owned() };
    let (flow, _) = flow::load(&source, &prompts).unwrap_or_else(|told| {
        panic!("{}", told.iter().map(|told| told.render(&[&source]) + "\n").collect::<String>())
    });
    Program { flow: Arc::new(flow), prompts: Arc::new(prompts) }
}

fn on_bench(script: &str) -> Result<Performed, String> {
    let program = bench();
    let (place, arena) = (Place::made_up(&program.flow), ArenaBuilder::default().build());
    let script: Script = script.parse().expect("a script");
    let performed = stage::perform(&program, &arena, &place, &script).map_err(|unfit| unfit.to_string())?;
    let replayed = rerun::run(&performed.fixture, program).expect("a playable recording");
    assert_eq!(replayed.comparison.first_difference, None, "{script}");
    Ok(performed)
}

#[test]
fn every_kind_of_cue_is_performed() {
    use Disposition::{AbandonedQueue, Failed, Transferred};
    for (script, ends, last_said) in [
        ("press 1234\nlookup ok state=open\nline turn\nagent fails\nagent hangs-up", Transferred, "Your order?"),
        ("press 1234\nlookup none\npress 4321\nlookup slow\nline full\nline full", Failed, "Sorry."),
        (
            "press 1234\nlookup refused\npress 4321\nlookup failed\nline full\nline longest\nagent fails",
            Failed,
            "Sorry.",
        ),
        ("press 1234\nlookup ok\nline offer\npress 1\nagent hangs-up", Transferred, "Press 1."),
        ("press 1234\nlookup ok\nline longest\nline longest\nagent hangs-up", Transferred, "You are 2"),
        ("press 1234\nlookup ok\nhang-up\nlookup ok done=true", AbandonedQueue, "Your order?"),
        // Nobody answers the last lookup: it is slow.
        ("press 1234\nlookup ok\nline offer", AbandonedQueue, "Press 1."),
        ("silence\nsilence", Failed, "Sorry."),
    ] {
        let performed = on_bench(script).unwrap_or_else(|why| panic!("{script}\n{why}"));
        assert_eq!(disposition(&performed.fixture), ends, "{script}");
        assert_eq!(performed.said.last().expect("something").text, last_said, "{script}");
    }
}

#[test]
fn a_cue_that_does_not_fit_is_told_with_what_is_waited_for() {
    for (script, told) in [
        (
            "lookup ok",
            "cue 1: `lookup ok` does not fit: the caller is asked, which is for `press` or `silence` (start:2, line 19)",
        ),
        (
            "press 1234\npress 1",
            "cue 2: `press 1` does not fit: the call waits for the lookup `orders`, which is for `lookup` (start:2, line 19)",
        ),
        (
            "press 1234\nlookup ok stat=open",
            "cue 2: `lookup ok stat=open` does not fit: the call waits for the lookup `orders`, which is for `lookup` (start:2, line 19), and it wants no `stat`: did you mean `state`?",
        ),
        (
            "press 1234\nlookup ok\npress 1",
            "cue 3: `press 1` does not fit: the caller is in the line of `desk`, which is for `line` (start:3, line 20)",
        ),
        (
            "press 1234\nlookup ok\nline turn\nagent sends-on",
            "cue 4: `agent sends-on` does not fit: a person is called, which is for `agent` (start:3, line 20), and the step has no `escalate:`",
        ),
        (
            "press 1234\nlookup ok\nline full\nline offer",
            "cue 4: `line offer` does not fit: the caller is in the line of `short`, which is for `line` (short:1, line 25), and it offers no way out",
        ),
        (
            "press 1234\nlookup ok\nline offer\nline full",
            "cue 4: `line full` does not fit: the caller is in the line of `desk`, which is for `line` or `press` (start:3, line 20), and the caller waits in it already",
        ),
        ("silence\nsilence\npress 1", "cue 3: `press 1` does not fit: the call is over (sorry:2, line 35)"),
    ] {
        assert_eq!(on_bench(script).err().as_deref(), Some(told), "{script}");
    }
}

#[test]
fn who_is_in_a_flow_that_talks_for_ever_hears_ten_minutes_of_it() {
    let program = program("askonce: 1\nflow: faulty\nblocks:\n  start:\n    - say: hello\n    - goto: start\n");
    let (place, arena) = (Place::made_up(&program.flow), ArenaBuilder::default().build());
    let script: Script = "".parse().expect("a script");
    let fixture = stage::perform(&program, &arena, &place, &script).expect("a performance").fixture;
    assert_eq!(disposition(&fixture), Disposition::AbandonedFlow);
    assert!((600..610).contains(&(fixture.lines.last().expect("an end").t / 1_000_000)));
}

/// What every flow of `WITNESSED` has; its queues, its escape and its lookups are there to go wrong.
const HEAD: &str = "askonce: 1
flow: bench
escape: { menu: 0, collect: star, to: desk }
always: { error: sorry }
facts:
  account: { type: digits, length: 4, ask: [ask, again], known: [uui.account] }
  reason: { type: choice, keys: { 1: billing, 2: sales }, ask: [ask] }
  pin: { type: digits, length: 4, class: secret, ask: [ask] }
lookups:
  crm: { get: \"crm:/a/{account}\", timeout: 1s, gives: { age: number } }
  vip: { get: \"crm:/vip\", timeout: 1s }
queues: { desk: { to: support } }
blocks:
  sorry: [hangup]
  desk: [{ forget: pin }, { agent: desk, needs: [account?], else: sorry }]
";

/// A proof that fails, by its number, the code and the blocks.
const WITNESSED: [(u8, &str, &str); 12] = [
    (
        1,
        "asked-twice",
        "start: [{ collect: account, else: desk }, { forget: account }, { collect: account, else: desk }, { goto: desk }]",
    ),
    (
        1,
        "no-choice",
        "start: [{ collect: account, else: desk }, { forget: account, at_most: 3, else: desk }, { goto: start }]",
    ),
    (2, "unasked", "start: [{ if: switch.storm, then: desk }, { agent: desk, needs: [account], else: desk }]"),
    (
        3,
        "no-way-out",
        "start: [{ agent: desk, done: after, else: desk }]\n  after: [{ collect: account, else: sorry }, hangup]",
    ),
    (5, "endless-loop", "start: [{ collect: account, else: more }, { goto: desk }]\n  more: [{ goto: start }]"),
    (5, "deep-run", "start: [{ run: start }, { goto: desk }]"),
    (5, "stray-return", "start: [{ collect: account, else: return }, { goto: desk }]"),
    (
        6,
        "secret-kept",
        "start: [{ collect: pin, else: desk }, { collect: reason, else: desk }, { if: reason == 'sales', then: call }, { goto: desk }]\n  call: [{ agent: desk, else: sorry }]",
    ),
    (7, "not-filled", "start: [{ say: about }, { collect: reason, else: desk }, { goto: desk }]"),
    (
        8,
        "sends-unfilled",
        "start: [{ lookup: vip, else: more }, { goto: desk }]\n  more: [{ lookup: crm, else: desk }, { goto: desk }]",
    ),
    (
        8,
        "never-given",
        "start: [{ collect: account, else: desk }, { lookup: crm, else: continue }, { if: crm.age > 1, then: desk }, { goto: desk }]",
    ),
    (9, "over-budget", "start: [{ collect: account, else: desk }, { collect: reason, else: desk }, { goto: desk }]"),
];

/// The fourth proof is over what a flow says, the tenth over what it is bound to: no call shows either.
#[test]
fn the_witness_of_a_proof_comes_to_what_it_shows_and_runs_again() {
    for (proof, code, blocks) in WITNESSED {
        let head = match code {
            "no-way-out" => HEAD
                .replace("escape: { menu: 0, collect: star, to: desk }\n", "")
                .replace("choice, ", "choice, survey: true, "),
            "over-budget" => HEAD.replace("always:", "budget: { questions: 1 }\nalways:"),
            _ => HEAD.to_owned(),
        };
        let program = program(&format!("{head}  {blocks}\n"));
        let found = prove(&program.flow, &program.prompts, &|_| None);
        assert_eq!(
            found.iter().map(|found| found.diagnostic.code).collect::<Vec<_>>(),
            [code],
            "proof {proof}: {blocks}"
        );
        let witness = found[0].witness.as_ref().expect("a call shows it");
        let place = Place::made_up(&program.flow);
        let performed = stage::perform(&program, &ArenaBuilder::default().build(), &place, &witness.script);
        let fixture = performed.unwrap_or_else(|unfit| panic!("{code}: {unfit}\n{:?}", witness.script)).fixture;
        let comes = fixture.lines.iter().any(|line| match &line.step {
            Step::Out(Out::Step { block, step, .. }) => (block, step) == (&witness.at.0, &witness.at.1),
            _ => false,
        });
        assert!(comes, "{code}: the call does not come to {:?}", witness.at);
        let replayed = rerun::run(&fixture, program).expect("a playable recording");
        assert_eq!(replayed.comparison.first_difference, None, "{code}");
    }
}
