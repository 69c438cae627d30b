//! Scenarios in a compact script. Input words: `.` the prompt ends, `k:12#` keys pressed in a row, `+1500` that many
//! milliseconds pass (deadlines on the way fall due), `t` the next deadline, `failed` and `done` the agent's end.
//! Output words: `welcome` a prompt, `x` stop, `account=…` filled, `account!why` declined, `@queue(facts)`, `END:…`.

use super::*;
use crate::context::{FlowStamp, State};
use crate::flow::PromptBook;
use crate::flow::load::load_with;
use crate::secret::Secret;
use crate::time::Duration;
use crate::yaml::Source;
use jiff::Timestamp;

pub const FLOW: &str = "askonce: 1
flow: t
escape: { menu: 0, collect: star, to: desk }
always: { error: sorry }
facts:
  account:
    type: digits
    length: 4-6
    known: [uui.account, header.X-Account, caller.number]
    ask: [ask, { silent: silent, invalid: invalid }, last]
    confirm: readback
  reason: { type: choice, keys: { 1: billing, 2: sales }, known: [uui.reason], ask: [menu, menu2] }
  score: { type: choice, keys: { 1: bad, 2: good }, ask: [rate], default: good }
queues: { desk: { to: support } }
blocks:
  start:
    - say: welcome
    - collect: reason
    - route: reason
      to: { billing: number, sales: legal }
  number:
    - collect: account
      else: continue
    - goto: desk
  legal:
    - say: terms
      barge: false
    - goto: number
  desk:
    - agent: desk
      needs: [account, reason]
      done: survey
      else: sorry
  survey:
    - collect: score
    - hangup
  sorry:
    - say: sorry
    - hangup
";

pub fn world(text: &str) -> (Arc<Flow>, Arc<Prompts>) {
    world_with(text, &[])
}

pub fn world_with(text: &str, modules: &[Source]) -> (Arc<Flow>, Arc<Prompts>) {
    let ids = ["ask", "silent", "invalid", "last", "menu", "menu2", "rate", "welcome", "terms", "sorry"];
    let mut catalogue: String = ids.iter().map(|id| format!("{id}: text\n")).collect();
    catalogue.push_str("readback: \"{account} right?\"\nheard: \"You said: {message}\"\nplace: \"{queue.position}, {queue.minutes}\"\n");
    let catalogue = Source { path: "en.yaml".into(), text: catalogue };
    let (book, _) = PromptBook::read("en", &catalogue);
    let book = Prompts::new(book, Vec::new());
    let source = Source { path: "t.yaml".into(), text: text.into() };
    let (flow, _) = load_with(&source, modules, &book).expect("the flow loads");
    (Arc::new(flow), Arc::new(book))
}

pub fn context(flow: &Flow) -> Context {
    Context {
        case: "c".into(),
        call: "c".into(),
        caller_number: None,
        caller_name: None,
        private: false,
        called: "*".into(),
        flow: FlowStamp { name: flow.name.text.clone(), digest: flow.digest.clone() },
        language: flow.language.clone(),
        facts: flow.unknown_facts(),
        earlier: Vec::new(),
        earlier_dropped: 0,
        journey: Vec::new(),
        journey_dropped: 0,
        hops: Vec::new(),
        recordings: Vec::new(),
        started: Timestamp::UNIX_EPOCH,
        begun: Instant::ZERO,
    }
}

/// A run with its clock, and what it said so far.
pub struct Scene {
    pub run: Run,
    pub context: Context,
    pub now: Instant,
    pub play: u32,
    pub trace: Vec<String>,
    pub lookups: Vec<(u32, LookupRequest)>,
}

impl Scene {
    pub fn new(text: &str, inbound: Inbound) -> Self {
        let mut scene = Self::idle(text, inbound);
        scene.event(Event::Begin);
        scene
    }

    /// Nothing happened yet.
    pub fn idle(text: &str, inbound: Inbound) -> Self {
        Self::of(world(text), inbound)
    }

    pub fn of((flow, prompts): (Arc<Flow>, Arc<Prompts>), inbound: Inbound) -> Self {
        let context = context(&flow);
        let run = Run::new(flow, prompts, inbound);
        Self { run, context, now: Instant::from_micros(1), play: 0, trace: Vec::new(), lookups: Vec::new() }
    }

    pub fn event(&mut self, event: Event) {
        self.run.handle(self.now, &mut self.context, event);
        while let Some(action) = self.run.poll() {
            if let Action::Play { play, .. } = action {
                self.play = play;
            }
            if let Action::Lookup { lookup, request, .. } = &action {
                self.lookups.push((*lookup, request.clone()));
            }
            self.trace.extend(self.word(&action));
        }
    }

    fn word(&self, action: &Action) -> Option<String> {
        Some(match action {
            Action::Play { say, .. } => say.iter().map(spoken).collect::<Vec<_>>().join("+"),
            Action::Answer => "answer".into(),
            Action::Stop => "x".into(),
            Action::Fact(fact) => match &fact.state {
                State::Unknown => format!("{}?", fact.name),
                State::Filled { value, from, confirmed, .. } => {
                    let sure = if *confirmed { "!" } else { "" };
                    format!("{}={}/{from}{sure}", fact.name, value.open())
                }
                State::Declined { why, .. } => format!("{}!{why:?}", fact.name).to_lowercase(),
            },
            Action::Step { .. } => return None,
            Action::Agent { queue, facts, .. } => format!("@{queue}{facts:?}").replace(", ", ","),
            Action::Transfer { destination, facts, .. } => format!(">{destination}{facts:?}").replace(", ", ","),
            Action::Record(act) => format!("rec:{act:?}").to_lowercase(),
            Action::Lookup { name, .. } => format!("?{name}"),
            Action::Take { take, .. } => format!("rec:{take}"),
            Action::EndTake { take } => format!("end:{take}"),
            Action::Announce { prompt, take, switch, .. } => {
                let all = [take.as_deref(), switch.as_ref().map(|(name, _)| name.as_str())];
                format!("!{prompt}({})", all.into_iter().flatten().collect::<Vec<_>>().join(","))
            }
            Action::Music(None) => "music".into(),
            Action::Music(Some(clip)) => clip.clone(),
            Action::Join { queue, .. } => format!("+{queue}"),
            Action::Leave => "leave".into(),
            Action::Reject(status) => format!("REJECT:{status}"),
            Action::Hangup { because } => format!("END:{because:?}"),
        })
    }

    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.run.next_deadline().filter(|at| *at <= until) {
            self.now = at;
            self.event(Event::Deadline);
        }
        self.now = until;
    }

    pub fn act(&mut self, word: &str) {
        match word {
            "." => self.event(Event::PlayEnded(self.play)),
            "t" => {
                let deadline = self.run.next_deadline().expect("something is waited for");
                self.pass(deadline.since(self.now));
            }
            "failed" => self.event(Event::Agent(AgentEnd::Failed)),
            "done" => self.event(Event::Agent(AgentEnd::Done)),
            _ => {
                if let Some(keys) = word.strip_prefix("k:") {
                    keys.chars().for_each(|c| self.event(Event::Key(Key::from_char(c).expect("a key"))));
                } else {
                    let time = word.strip_prefix('+').and_then(|ms| ms.parse().ok()).expect("an input word");
                    self.pass(Duration::from_millis(time));
                }
            }
        }
    }
}

fn spoken(utterance: &Utterance) -> String {
    match utterance {
        Utterance::Clip(name) => name.trim_start_matches("en/").to_owned(),
        Utterance::Value { value, .. } => format!("<{}>", value.open()),
    }
}

fn play(inbound: Inbound, script: &str) -> Scene {
    let mut scene = Scene::new(FLOW, inbound);
    script.split_whitespace().for_each(|word| scene.act(word));
    scene
}

fn hold(cases: &[(&str, &str)]) {
    for (script, expected) in cases {
        assert_eq!(play(Inbound::default(), script).trace.join(" "), *expected, "{script}");
    }
}

/// What the account's question says after the menu was answered with billing.
const TO_ACCOUNT: &str = "welcome menu x reason=billing/keypad ask";

fn at_account(cases: &[(&str, &str)]) {
    for (script, expected) in cases {
        let found = play(Inbound::default(), &format!(". k:1 {script}")).trace.join(" ");
        assert_eq!(found, format!("{TO_ACCOUNT} {expected}").trim_end(), "{script}");
    }
}

#[test]
fn a_call_from_the_welcome_to_the_person_and_its_survey() {
    let scene = play(Inbound::default(), ". . k:1 . k:1234# . k:1 done . k:2");
    let expected = "welcome menu reason=billing/keypad ask <1234>+readback.1 account=1234/keypad! @desk[0,1] rate \
                    score=good/keypad END:Agent";
    assert_eq!(scene.trace.join(" "), expected);
    let steps: Vec<_> = scene.context.journey.iter().map(|p| format!("{}/{}:{}", p.block, p.step, p.verb)).collect();
    let steps = steps.join(" ");
    assert!(steps.starts_with("start/1:say start/2:collect start/3:route number/1:collect number/2:goto"), "{steps}");
    assert_eq!(scene.context.journey[0].line, 17);
}

#[test]
fn an_entry_ends_by_pound_by_length_or_by_three_seconds() {
    at_account(&[
        (". k:1234#", "<1234>+readback.1"),
        (". k:123456", "<123456>+readback.1"),
        (". k:1234 +2999", ""),
        (". k:1234 +3000", "<1234>+readback.1"),
        (". k:12 +2999 k:34 +3000", "<1234>+readback.1"),
        ("k:1", "x"),
        (". k:A234#", "invalid"),
    ]);
}

#[test]
fn the_first_key_is_waited_for_five_seconds_from_the_end_of_the_prompt() {
    at_account(&[("+60000", ""), ("+60000 . +4999", ""), ("+60000 . +5000", "silent"), (". +4999 k:1 +2999", "")]);
}

#[test]
fn tries_are_prompts_and_the_next_wording_says_why_the_last_one_failed() {
    at_account(&[
        (". t", "silent"),
        ("k:12#", "x invalid"),
        (". +3001 k:#", "invalid"),
        // A slow caller: the entry ended by time, and its pound is no second failed try.
        (". k:12 +3001 k:#", "invalid"),
        (". k:12 t", "invalid"),
        (". t . k:1#", "silent last"),
        (". t . t . t", "silent last account!tries @desk[0,1]"),
    ]);
    let scene = play(Inbound::default(), ". k:1 . t . k:1# . k:1234# . k:1");
    let account = &scene.context.facts[0];
    assert_eq!((account.tries, account.silences, account.invalids), (3, 1, 1));
}

#[test]
fn a_pound_after_the_greatest_length_belongs_to_the_entry() {
    at_account(&[
        ("k:123456#", "x <123456>+readback.1"),
        ("k:123456 +3000 k:#", "x <123456>+readback.1"),
        ("k:123456 +3001 k:#", "x <123456>+readback.1 x <123456>+readback.1"),
        ("k:123456##", "x <123456>+readback.1 x <123456>+readback.1"),
        ("k:123456 . +10 k:1#", "x <123456>+readback.1 account=123456/keypad! @desk[0,1]"),
        ("k:12345##", "x <12345>+readback.1 x <12345>+readback.1"),
    ]);
    hold(&[
        (". k:2#", "welcome menu x reason=sales/keypad terms"),
        (". k:2 k:#1234#1 .", "welcome menu x reason=sales/keypad terms account=1234/keypad! @desk[0,1]"),
    ]);
}

#[test]
fn a_confirm_takes_one_for_right_and_two_for_again() {
    let again = "<1234>+readback.1";
    let stands = format!("{again} {again} account=1234/keypad @desk[0,1]");
    let others = format!("{again} {again} {again} account=1234/keypad @desk[0,1]");
    at_account(&[
        (". k:1234# . k:1", "<1234>+readback.1 account=1234/keypad! @desk[0,1]"),
        (". k:1234# k:1", "<1234>+readback.1 x account=1234/keypad! @desk[0,1]"),
        (". k:1234#1", "<1234>+readback.1 x account=1234/keypad! @desk[0,1]"),
        (". k:1234# . k:2", "<1234>+readback.1 invalid"),
        (". k:1234# . +4999", again),
        (". k:1234# . t . t", &stands),
        (". k:1234# . k:3 . k:# . k:9", &others),
        (". k:1234# . k:3 . t . k:1", &others.replace("keypad ", "keypad! ")),
    ]);
}

/// The escape: each question's own key, and both at a confirm. What is unknown is declined; nothing is asked again.
#[test]
fn the_escape_leads_to_a_person_once() {
    let person = "account!person score!person @desk[0,1]";
    at_account(&[
        ("k:12*", &format!("x {person}")),
        ("k:0000#", "x <0000>+readback.1"),
        ("k:1234# k:*", &format!("x <1234>+readback.1 x {person}")),
        ("k:1234# k:0", &format!("x <1234>+readback.1 x {person}")),
        ("k:* k:* done", &format!("x {person} END:Agent")),
    ]);
    hold(&[
        (". k:0", "welcome menu x account!person reason!person score!person @desk[0,1]"),
        (". k:* . . ", "welcome menu x"),
        (". k:0 failed .", "welcome menu x account!person reason!person score!person @desk[0,1] sorry END:Failed"),
    ]);
}

#[test]
fn without_a_collect_escape_a_star_clears_the_entry_at_no_cost() {
    let text = FLOW.replace("collect: star, ", "");
    let cleared = |script: &str| {
        let mut scene = Scene::new(&text, Inbound::default());
        script.split_whitespace().for_each(|word| scene.act(word));
        (scene.trace.join(" "), scene.context.facts[0].tries)
    };
    assert_eq!(cleared(". k:1 k:99*1234#"), (format!("{TO_ACCOUNT} x <1234>+readback.1"), 1));
    assert_eq!(cleared(". k:1 k:99* +4999"), (format!("{TO_ACCOUNT} x"), 1));
    assert_eq!(cleared(". k:1 k:99* +5000"), (format!("{TO_ACCOUNT} x silent"), 2));
    assert_eq!(cleared(". k:2 k:12* ."), ("welcome menu x reason=sales/keypad terms ask".into(), 1));
}

#[test]
fn keys_typed_ahead_answer_the_questions_to_come() {
    let terms = "welcome menu x reason=sales/keypad terms";
    hold(&[
        ("k:1", "welcome x reason=billing/keypad ask"),
        (". k:2 k:1234#1 .", &format!("{terms} account=1234/keypad! @desk[0,1]")),
        (". k:2 k:12 . +3000", &format!("{terms} invalid")),
        (". k:2 k:1234#2 .", &format!("{terms} invalid")),
        (". k:2 k:1234#7 .", &format!("{terms} <1234>+readback.1")),
        (". k:2 k:* .", &format!("{terms} account!person score!person @desk[0,1]")),
    ]);
}

#[test]
fn a_failed_try_drops_what_was_typed_ahead_and_a_flood_is_counted() {
    let scene = play(Inbound::default(), ". k:2 k:12#999 .");
    assert_eq!((scene.trace.last().map(String::as_str), scene.run.counts().keys_dropped), (Some("invalid"), 3));
    // Six are the entry, one is heard at the confirm, 64 were kept at all.
    let scene = play(Inbound::default(), &format!(". k:2 k:{} .", "9".repeat(70)));
    let said = scene.trace.last().map(String::as_str);
    assert_eq!((said, scene.run.counts().keys_dropped), (Some("<999999>+readback.1"), 63));
}

#[test]
fn a_question_is_given_up_to_always_error_or_to_its_default() {
    hold(&[
        (". . k:7 . k:7", "welcome menu menu2 reason!tries account!error score!error sorry"),
        (". . t . t .", "welcome menu menu2 reason!tries account!error score!error sorry END:Failed"),
    ]);
    at_account(&[
        (
            "k:1234#1 done . t",
            "x <1234>+readback.1 x account=1234/keypad! @desk[0,1] rate score=good/default END:Agent",
        ),
        ("k:1234#1 k:2 failed .", "x <1234>+readback.1 x account=1234/keypad! @desk[0,1] sorry END:Failed"),
        ("k:1234#1 k:2 done", "x <1234>+readback.1 x account=1234/keypad! @desk[0,1] rate"),
    ]);
}

#[test]
fn a_value_from_outside_is_taken_if_it_is_one_of_the_fact() {
    let pair = |name: &str, value: &str| (name.to_owned(), Secret::new(value));
    let inbound = |uui: &[(String, Secret)], headers: &[(String, Secret)], number: Option<&str>| Inbound {
        uui: uui.to_vec(),
        headers: headers.to_vec(),
        caller_number: number.map(Secret::new),
        ..Inbound::default()
    };
    let reason = pair("reason", "billing");
    let cases = [
        (inbound(&[reason.clone(), pair("account", "1234")], &[], None), "account=1234/uui @desk[0,1]", 0),
        (
            inbound(&[reason.clone(), pair("account", "12")], &[pair("x-account", "4321")], None),
            "account=4321/header @desk[0,1]",
            1,
        ),
        (
            inbound(&[reason.clone(), pair("account", "123x")], &[], Some("+15551")),
            "account=15551/caller.number @desk[0,1]",
            1,
        ),
        (inbound(std::slice::from_ref(&reason), &[], Some("+15551230001")), "ask", 1),
    ];
    for (inbound, expected, refused) in cases {
        let scene = play(inbound, ".");
        assert_eq!(scene.trace.join(" "), format!("welcome reason=billing/uui {expected}"));
        assert_eq!(scene.run.counts().known_refused, refused);
    }
    let scene = play(inbound(&[pair("reason", "1")], &[], None), ".");
    assert_eq!(scene.trace.join(" "), "welcome menu", "a value is asked for, not a key");
}

/// What is still unknown at the hand-off is looked for outside, once, and not asked.
#[test]
fn an_agent_step_asks_nothing() {
    let text = "askonce: 1\nflow: t\nfacts: { told: { type: digits, length: 4, known: [uui.told] } }\n\
                queues: { desk: { to: support } }\nblocks:\n  start:\n    - agent: desk\n      needs: [told]\n      \
                else: continue\n    - agent: desk\n      needs: [told]\n      else: continue\n    - hangup\n";
    for (value, told, refused) in [("1234", "told=1234/uui ", 0), ("12", "", 1)] {
        let inbound = Inbound { uui: vec![("told".into(), Secret::new(value))], ..Inbound::default() };
        let mut scene = Scene::new(text, inbound);
        "failed failed".split(' ').for_each(|word| scene.act(word));
        assert_eq!(scene.trace.join(" "), format!("{told}@desk[0] @desk[0] END:SelfServed"));
        assert_eq!(scene.run.counts().known_refused, refused);
    }
}

/// A transfer ends the call here, or leads to its exit.
#[test]
fn a_transfer_is_the_end_or_its_else() {
    let text = "askonce: 1\nflow: t\nfacts: { told: { type: digits, length: 4, known: [uui.told] } }\n\
                blocks:\n  start:\n    - transfer: clinic\n      because: they have their own menu\n      \
                needs: [told]\n      else: lost\n  lost:\n    - hangup\n";
    for (end, ended) in [("done", "END:Transferred"), ("failed", "END:Failed")] {
        let mut scene = Scene::new(text, Inbound::default());
        scene.act(end);
        assert_eq!(scene.trace.join(" "), format!(">clinic[0] {ended}"));
    }
}

#[test]
fn keys_left_over_before_the_person_answer_nothing_after() {
    let pair = |name: &str, value: &str| (name.to_owned(), Secret::new(value));
    let inbound = Inbound { uui: vec![pair("reason", "sales"), pair("account", "1234")], ..Inbound::default() };
    let scene = play(inbound, ". k:9 . done");
    assert_eq!(scene.trace.join(" "), "welcome reason=sales/uui terms account=1234/uui @desk[0,1] rate");
    assert_eq!(scene.run.counts().keys_dropped, 1);
}

/// The caller asked for a person, heard that there is none, and was hung up on: nobody was served.
#[test]
fn an_escape_that_finds_no_person_is_a_failure() {
    let mut scene = Scene::new(&FLOW.replace("collect: star, to: desk", "to: sorry"), Inbound::default());
    ". k:0 .".split(' ').for_each(|word| scene.act(word));
    assert_eq!(scene.trace.last().map(String::as_str), Some("END:Failed"));
}

#[test]
fn events_that_are_out_of_place_change_nothing() {
    let mut scene = play(Inbound::default(), ". k:1");
    let before = scene.trace.clone();
    for event in
        [Event::PlayEnded(1), Event::PlayEnded(99), Event::Deadline, Event::Agent(AgentEnd::Done), Event::Begin]
    {
        scene.event(event);
    }
    assert_eq!((scene.trace.as_slice(), scene.run.next_deadline()), (before.as_slice(), None));
    "k:1234#1 failed . . k:1 done".split(' ').for_each(|word| scene.act(word));
    assert_eq!(scene.trace.last().map(String::as_str), Some("END:Failed"));
}

#[test]
fn a_step_is_told_with_its_place_in_the_file() {
    let (flow, prompts) = world(FLOW);
    let mut context = context(&flow);
    let mut run = Run::new(flow, prompts, Inbound::default());
    run.handle(Instant::ZERO, &mut context, Event::Begin);
    assert_eq!(run.poll(), Some(Action::Step { block: "start".into(), step: 1, verb: "say", line: 17 }));
    assert_eq!(context.journey.len(), 1);
}
