//! Conditions of a flow, run with what is known, and what they said: which block was reached.

use crate::context::Inbound;
use crate::flow::run::Event;
use crate::flow::run::tests::{Scene, context, world};
use crate::flow::{Action, Run};
use crate::secret::Secret;
use std::collections::BTreeMap;

fn flow(condition: &str) -> String {
    format!(
        "askonce: 1
flow: t
with: {{ brand: [acme, zenith] }}
hours:
  office: {{ zone: America/New_York, mon-fri: 08:00-20:00 }}
  night: {{ zone: UTC, mon-sun: 00:00-24:00 }}
facts:
  reason: {{ type: choice, keys: {{ 1: billing, 2: sales }}, known: [uui.reason] }}
  amount: {{ type: money, known: [uui.amount] }}
  day: {{ type: date, known: [uui.day] }}
  account: {{ type: digits, length: 4, class: pii, known: [uui.account] }}
  verified: {{ type: bool }}
blocks:
  start:
    - if: {condition}
      then: yes_block
    - say: sorry
    - hangup
  yes_block:
    - say: welcome
    - hangup
"
    )
}

/// Whether the condition held.
fn holds(condition: &str, uui: &[(&str, &str)]) -> bool {
    let uui = uui.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
    let with = BTreeMap::from([("brand".to_owned(), "zenith".to_owned())]);
    let switches = BTreeMap::from([("storm".to_owned(), true)]);
    let scene = Scene::new(&flow(condition), Inbound { uui, with, switches, ..Inbound::default() });
    let said: Vec<_> = scene.trace.iter().filter(|word| ["welcome", "sorry"].contains(&word.as_str())).collect();
    assert_eq!(said.len(), 1, "{condition}: {:?}", scene.trace);
    said[0] == "welcome"
}

/// A scene begins at the epoch: in New York Wednesday, 19:00.
#[test]
fn conditions() {
    let all = [("reason", "billing"), ("amount", "12.50"), ("day", "2026-03-01"), ("account", "1234")];
    let cases = [
        ("reason == 'billing'", true),
        ("reason != 'billing'", false),
        ("reason in ('sales', 'billing')", true),
        ("reason == 'sales' or amount > 12", true),
        ("reason == 'sales' or amount > 12 and day < '2026-01-01'", false),
        ("(reason == 'billing' or amount > 99) and not switch.storm", false),
        ("amount >= 12.50", true),
        ("amount < 12.50", false),
        ("day >= '2026-03-01' and day < '2026-03-02'", true),
        ("filled(account)", true),
        ("verified", false),
        ("not verified", true),
        ("switch.storm", true),
        ("switch.calm", false),
        ("with.brand == 'zenith'", true),
        ("with.brand == 'acme'", false),
        ("open(office)", true),
        ("closed(office)", false),
        ("open(night)", true),
        ("closed(night) or with.brand in ('acme', 'zenith')", true),
    ];
    for (condition, expected) in cases {
        assert_eq!(holds(condition, &all), expected, "{condition}");
    }
}

#[test]
fn a_comparison_with_what_is_not_there_is_false_either_way() {
    for condition in ["reason == 'billing'", "reason != 'billing'", "amount > 0", "amount <= 0", "reason in ('sales')"]
    {
        assert!(!holds(condition, &[]), "{condition}");
        assert!(holds(&format!("not ({condition})"), &[]), "{condition}");
    }
}

#[test]
fn a_switch_that_is_set_in_mid_call_is_read_from_then_on() {
    let text = flow("switch.storm").replace("  start:\n", "  start:\n    - say: terms\n      barge: false\n");
    let (flow, prompts) = world(&text);
    let mut context = context(&flow);
    let mut run = Run::new(flow, prompts, Inbound::default());
    let mut say = |run: &mut Run, event| {
        run.handle(crate::time::Instant::from_micros(1), &mut context, event);
        let mut plays = Vec::new();
        while let Some(action) = run.poll() {
            if let Action::Play { play, say } = action {
                plays.push((play, format!("{say:?}")));
            }
        }
        plays
    };
    let first = say(&mut run, Event::Begin);
    run.switch("storm", true);
    let then = say(&mut run, Event::PlayEnded(first[0].0));
    assert!(then[0].1.contains("welcome"), "{then:?}");
}
