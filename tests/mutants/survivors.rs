//! The mutants that nobody notices, and why.

pub struct Survivor {
    pub flow: &'static str,
    pub line: usize,
    pub what: &'static str,
    pub why: Why,
}

pub enum Why {
    /// Nobody can tell the difference.
    Same(&'static str),
    /// There is one, and the generated calls do not come to it.
    Unseen(&'static str),
}

const ALWAYS: Why = Why::Same("no step of the flow goes there: each says itself where a failure goes");

const fn survivor(flow: &'static str, line: usize, what: &'static str, why: Why) -> Survivor {
    Survivor { flow, line, what, why }
}

/// In the order of the flows and their lines.
pub const SURVIVORS: &[Survivor] = &[
    survivor("announce-desk", 9, "`error: failed` is `person`", ALWAYS),
    survivor("announce-desk", 15, "drop `longest: 60s`", Why::Same("it is as long where nothing is said")),
    survivor("after-hours", 10, "`error: on_call` is `opening`", ALWAYS),
    survivor("after-hours", 36, "drop `closed: closed`", Why::Same("`else:` leads there as well")),
    survivor("bank-card", 9, "`error: desk` is `sorry`", ALWAYS),
    survivor(
        "bank-card",
        48,
        "drop `slow: desk`",
        Why::Same("`else:` leads there as well; that it stands apart is for the reader"),
    ),
    survivor("clinic", 10, "`error: front_desk` is `closed`", ALWAYS),
    survivor(
        "clinic",
        22,
        "drop `us` of `closed`",
        Why::Same("on these days the clinic is closed, and nobody comes as far as the nurse"),
    ),
    survivor("clinic", 136, "drop `closed: front_desk`", Why::Same("`else:` leads there as well")),
    survivor("contact-center", 10, "`error: desk` is `tier2_desk`", ALWAYS),
    survivor(
        "contact-center",
        45,
        "drop `hours: office`",
        Why::Unseen("`start` asks the same hours before: they would have to end between two steps of one call"),
    ),
    survivor(
        "contact-center",
        77,
        "drop `closed: after_hours`",
        Why::Unseen("`start` asks the same hours before: they would have to end between two steps of one call"),
    ),
    survivor(
        "contact-center",
        77,
        "`closed: after_hours` is `survey`",
        Why::Unseen("`start` asks the same hours before: they would have to end between two steps of one call"),
    ),
    survivor("contact-center", 95, "drop `full: call_me`", Why::Same("`else:` leads there as well")),
    survivor("contact-center", 96, "drop `waited: call_me`", Why::Same("`else:` leads there as well")),
    survivor(
        "contact-center",
        108,
        "`callback: support` is `tier2`",
        Why::Unseen("`callback` is not served yet, so that nothing behind it is come to"),
    ),
    survivor(
        "contact-center",
        111,
        "drop `say: callback_booked`",
        Why::Unseen("`callback` is not served yet, so that nothing behind it is come to"),
    ),
    survivor(
        "contact-center",
        111,
        "`say: callback_booked` is `callback_number`",
        Why::Unseen("`callback` is not served yet, so that nothing behind it is come to"),
    ),
    survivor("multi-brand", 9, "drop `always: { error: person }`", ALWAYS),
    survivor("multi-brand", 9, "`error: person` is `closed`", ALWAYS),
    survivor(
        "multi-brand",
        12,
        "drop `acme` of `with`",
        Why::Unseen("a number that still gives `acme` is a mistake of the configuration, which no call shows"),
    ),
    survivor("multi-brand", 51, "drop `else: person`", Why::Same("`always:` leads there as well")),
    survivor("pharmacy", 9, "`error: counter` is `finish`", ALWAYS),
    survivor("pharmacy", 18, "`default: 1` is `2`", Why::Same("the flow asks only whether there are none left")),
    survivor("pharmacy", 51, "drop `else: counter`", Why::Same("`always:` leads there as well")),
    survivor("utility-outage", 10, "`error: crew` is `closed`", ALWAYS),
    survivor("utility-outage", 66, "drop `barge: false`", Why::Unseen("nobody presses a key while a prompt plays")),
    survivor(
        "utility-outage",
        66,
        "`barge: false` is `true`",
        Why::Unseen("nobody presses a key while a prompt plays"),
    ),
    survivor(
        "utility-outage",
        88,
        "drop `slow: crew`",
        Why::Same("`else:` leads there as well; that it stands apart is for the reader"),
    ),
];
