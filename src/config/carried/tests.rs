use super::*;
use crate::config::load;
use crate::yaml::{Source, Word};

/// What is wrong with a destination that says so, for a flow that hands over `account` of 12 digits and `name`, a text.
fn told(says: &str, needs: &[&'static str], transfer: bool) -> Vec<Diagnostic> {
    let text = format!(
        "askonce: 1\nlisten: {{ sip: [udp:127.0.0.1:5060], rtp: {{ ports: 20000-20999 }}, http: 127.0.0.1:8080 }}\nflows: [a.yaml]\n\
         trunks: {{ a: {{ from: [127.0.0.1] }} }}\nnumbers: {{ \"*\": desk }}\ndestinations:\n  \
         support: {{ to: [\"sip:100@127.0.0.1:5070\"], {says} }}\n"
    );
    let (config, _) = load(&Source { path: "askonce.yaml".into(), text }).expect("it loads");
    let word = |text: &str| Word { text: text.into(), span: Span::default() };
    let (name, to) = (word("desk"), word("support"));
    let facts = vec!["account", "name"];
    let flow = Names {
        path: "a.yaml",
        name: &name,
        destinations: Vec::new(),
        endpoints: Vec::new(),
        secrets: Vec::new(),
        announces: false,
        longest: vec![("account", Secret::new("9".repeat(12))), ("name", Secret::new("\u{10FFFD}".repeat(200)))],
        handoffs: vec![Handoff { to: &to, needs: needs.to_vec(), transfer }],
        facts,
        switches: Vec::new(),
        parameters: Vec::new(),
    };
    check(&config, &[flow])
}

#[test]
fn what_may_not_fit_is_told_where_it_was_asked_for_with_how_it_adds_up() {
    // The destination, the needs, whether it is a transfer; the place, and what is told.
    let uui = "at their longest: the reference 36 + account 21 + name 2406 = 2463 octets; there is room for 128";
    let cases: &[(&str, &[&str], bool, &str, &str)] = &[
        ("trusted: true", &["account", "name"], false, "7:3", uui),
        ("trusted: true, uui: [account, name]", &["account"], false, "7:76", uui),
        ("trusted: true, uui: { bare: name }", &[], false, "7:74", "name 800 = 800 octets; there is room for 128"),
        ("trusted: true", &["name"], false, "7:3", "the reference 36 + name 2406 = 2442"),
        (
            "trusted: true, carriers: [headers, refer_to]",
            &["name"],
            true,
            "7:3",
            "the line of the Refer-To would have 2493 bytes; it stays below 1024",
        ),
    ];
    for (says, needs, transfer, place, sums) in cases {
        let found = told(says, needs, *transfer);
        let [only] = found.as_slice() else { panic!("{says}: {found:?}") };
        assert_eq!((only.code, only.severity), ("context-too-long", Severity::Error), "{says}");
        assert!(only.place().ends_with(&format!(":{place}")), "{says}: {}", only.place());
        assert!(only.notes[0].contains(sums), "{says}: {:?}", only.notes);
    }
}

#[test]
fn what_another_carrier_brings_whole_is_a_warning() {
    for more in ["headers", "body", "headers, refer_to"] {
        let found = told(&format!("trusted: true, carriers: [uui-isdn, {more}]"), &["account", "name"], false);
        let severities: Vec<_> = found.iter().map(|found| found.severity).collect();
        assert_eq!(severities, [Severity::Warning], "{more}: {found:?}");
    }
    // A header of another fact brings nothing of this one.
    let found = told("trusted: true, carriers: [uui-isdn, headers], headers: { X-A: account }", &["name"], false);
    assert_eq!(found[0].severity, Severity::Error);
}

#[test]
fn what_fits_or_does_not_go_there_is_not_told() {
    for (says, needs, transfer) in [
        ("trusted: true", vec!["account"], false),
        ("trusted: true", vec!["account"], true),
        ("trusted: true, uui: [account]", vec!["account", "name"], false),
        // The reference alone.
        ("trusted: false", vec!["account", "name"], false),
        ("trusted: true, carriers: [headers]", vec!["account", "name"], false),
    ] {
        assert_eq!(told(says, &needs, transfer), [], "{says}");
    }
}
