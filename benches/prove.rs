//! How long the proofs take: of the contact centre, and of a flow of ten thousand lines. `cargo bench --bench prove`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "benchmarks measure the world")]

use askonce::flow::load::load_with;
use askonce::flow::prompts::{PromptBook, Prompts};
use askonce::flow::proof::prove;
use askonce::yaml::Source;
use std::fmt::Write;
use std::time::Instant;

/// Departments of the large flow: each has a menu, an account, a system of its own, and three desks.
const DEPARTMENTS: usize = 88;
/// Departments behind one menu.
const BEHIND: usize = 8;

fn main() {
    let contact = (
        include_str!("../flows/contact-center.yaml").to_owned(),
        vec![
            ("en", include_str!("../flows/contact-center/en.yaml").to_owned()),
            ("es", include_str!("../flows/contact-center/es.yaml").to_owned()),
        ],
    );
    let prompts =
        "welcome: a\nask: b\nask2: c\nmenu: d\nconnecting: e\nback: f\nwhisper: \"About {account0?}.\"\nnot_given: g\n";
    let large = (large(), vec![("en", prompts.to_owned())]);
    for (name, (text, books)) in [("contact-center", contact), ("ten thousand lines", large)] {
        let lines = text.lines().count();
        let book = |(language, text): &(&str, String)| {
            PromptBook::read(language, &Source { path: format!("{language}.yaml"), text: text.clone() }).0
        };
        let mut books = books.iter().map(book);
        let prompts = Prompts::new(books.next().expect("a language"), books.collect());
        let source = Source { path: format!("{name}.yaml"), text };
        let mut best = (f64::MAX, f64::MAX);
        for _ in 0..5 {
            let begun = Instant::now();
            let loaded = load_with(&source, &[], &prompts);
            let (flow, _) = loaded.unwrap_or_else(|found| panic!("{}", found[0].render(&[&source])));
            let loaded = begun.elapsed().as_secs_f64() * 1e3;
            let begun = Instant::now();
            let found = prove(&flow, &prompts, &|_| None);
            let proved = begun.elapsed().as_secs_f64() * 1e3;
            assert!(found.is_empty(), "{}", found[0].diagnostic.render(&[&source]));
            best = (best.0.min(loaded), best.1.min(proved));
        }
        println!("{name}: {lines} lines, read in {:.1} ms, proved in {:.1} ms", best.0, best.1);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_else(|_| String::new());
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("no figure of memory here"));
}

/// Menus that lead to departments; each department asks, looks up, asks again and calls one of its desks.
fn large() -> String {
    let menus = DEPARTMENTS.div_ceil(BEHIND);
    let mut text =
        "askonce: 1\nflow: large\nescape: { menu: 0, collect: star, to: desk }\nalways: { error: desk }\nfacts:\n"
            .to_owned();
    let mut lines: Vec<String> = Vec::new();
    let choice = |name: &str, keys: &str| format!("  {name}: {{ type: choice, keys: {{ {keys} }}, ask: [menu] }}");
    let mut keys = String::new();
    for at in 0..BEHIND {
        write!(keys, "{}{}: to{at}", if at == 0 { "" } else { ", " }, at + 1).expect("text");
    }
    for menu in 0..menus {
        lines.push(choice(&format!("menu{menu}"), &format!("{keys}, 9: more")));
    }
    for at in 0..DEPARTMENTS {
        lines.push(format!("  account{at}: {{ type: digits, length: 8, known: [uui.account], ask: [ask, ask2] }}"));
        lines.push(choice(&format!("reason{at}"), "1: one, 2: two, 3: three"));
    }
    lines.push("lookups:".into());
    for at in 0..DEPARTMENTS {
        lines
            .push(format!("  crm{at}: {{ get: \"crm:/{at}/{{account{at}}}\", timeout: 1s, gives: {{ tier: text }} }}"));
    }
    lines.push("queues:".into());
    for at in 0..DEPARTMENTS {
        lines.push(format!("  queue{at}: {{ to: support }}"));
    }
    lines.push("  desk: { to: support }".into());
    lines.push("blocks:\n  start:\n    - say: welcome\n    - goto: menu0".into());
    for menu in 0..menus {
        lines.push(format!(
            "  menu{menu}:\n    - collect: menu{menu}\n      else: desk\n    - route: menu{menu}\n      to:"
        ));
        for at in 0..BEHIND {
            lines.push(format!("        to{at}: dept{}", (menu * BEHIND + at).min(DEPARTMENTS - 1)));
        }
        lines.push(format!(
            "        more: {}",
            if menu + 1 < menus { format!("menu{}", menu + 1) } else { "desk".into() }
        ));
    }
    for at in 0..DEPARTMENTS {
        department(at, &mut lines);
    }
    lines.push("  desk:\n    - say: connecting\n    - agent: desk\n      whisper: whisper\n      else: sorry\n  sorry:\n    - hangup".into());
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn department(at: usize, lines: &mut Vec<String>) {
    let says = |count: usize| "\n    - say: welcome".repeat(count);
    lines.push(format!(
        "  dept{at}:{}\n    - collect: account{at}\n      else: reason{at}\n    - lookup: crm{at}\n      none: reason{at}\n      else: reason{at}\n    - if: crm{at}.tier == 'gold'\n      then: one{at}\n    - goto: reason{at}",
        says(13)
    ));
    lines.push(format!(
        "  reason{at}:{}\n    - collect: reason{at}\n      else: desk\n    - route: reason{at}\n      to: {{ one: one{at}, two: two{at}, three: three{at} }}",
        says(13)
    ));
    for (name, next) in [("one", "two"), ("two", "three"), ("three", "last")] {
        lines.push(format!(
            "  {name}{at}:{}\n    - agent: queue{at}\n      needs: [account{at}, reason{at}?]\n      else: {next}{at}",
            says(16)
        ));
    }
    lines.push(format!("  last{at}:{}\n    - goto: desk", says(6)));
}
