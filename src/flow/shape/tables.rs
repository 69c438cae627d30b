//! The tables of everything but the verbs, from the whole file down.

use super::{BLOCK, DESTINATION, KEY, PROMPT, STEP};
use crate::flow::load::limits::*;
use crate::flow::prompts::MAX_PROMPTS;
use crate::time::Duration;
use crate::yaml::shape::{Key, Rule, Shape, Takes, key, need};

const NEW: Takes = Takes::NewName;
const VERSION: Key = need("askonce", Takes::Number(1, 1), "The version of the language.").like("1");
const FOLDER: &str = "^[^/]";

pub const FLOW: &Shape = &Shape::new(
    "Flow",
    "A call's way through the house: what is to be known of the caller, and what is done with it.",
    &[
        VERSION,
        need("flow", NEW, "The flow's name, as the configuration and the records call it.").like("front-desk"),
        key("languages", Takes::List(&NEW, MAX_LANGUAGES), "The languages that it speaks; the first one until the fact `language` is filled.")
            .or("[en]")
            .like("[en, es]"),
        key("currency", Takes::Words(&[("usd", "dollars"), ("eur", "euros")]), "What sums of money are in.").or("usd"),
        key(
            "answer",
            Takes::Words(&[
                ("now", "the call is answered before its first step"),
                ("early", "prompts are heard before the answer, until something is asked or a person is called"),
            ]),
            "When the call is answered.",
        )
        .or("now"),
        key("prompts", Takes::Text("a folder beside the flow", FOLDER), "The folder of the prompts.").or("prompts"),
        key("budget", Takes::Of(BUDGET), "What the way to a person may cost a caller at most, whatever is known of them."),
        key("escape", Takes::Of(ESCAPE), "The key that leads to a person from every question."),
        key("always", Takes::Of(ALWAYS), "Blocks that take over."),
        key(
            "with",
            Takes::Map(&NEW, &Takes::List(&Takes::Scalar("a value"), MAX_VALUES), MAX_PARAMETERS),
            "Parameters that a number gives to the flow, each with the values that it may have: the first one where a number says \
             nothing. `with.NAME` stands for a queue, a prompt, hours, or in a condition.",
        )
        .like("{ brand: [acme, zenith] }"),
        key("use", Takes::List(&Takes::Text("a file beside the flow", FOLDER), MAX_MODULES), "Modules, whose names stand behind theirs: `verify.check`.")
            .like("[verify.yaml]"),
        TYPES_KEY,
        CALENDARS_KEY,
        HOURS_KEY,
        FACTS_KEY,
        LOOKUPS_KEY,
        key("queues", Takes::Map(&NEW, &Takes::Of(QUEUE), MAX_QUEUES), "Where callers are handed to.").like("{ support: { to: support } }"),
        key("waiting", Takes::Map(&NEW, &Takes::Of(WAITING), MAX_QUEUES), "What is heard in a line that we hold."),
        need("blocks", BLOCKS, "The steps, by the name of their block. A call begins at `start`."),
    ],
);

pub const MODULE: &Shape = &Shape::new(
    "Module",
    "What several flows share. Its names stand behind its own in them; what it does not have it finds in the flow.",
    &[
        VERSION,
        need("module", NEW, "The module's name: `run: verify.check`.").like("verify"),
        TYPES_KEY,
        CALENDARS_KEY,
        HOURS_KEY,
        FACTS_KEY,
        LOOKUPS_KEY,
        key("blocks", BLOCKS, "The steps, by the name of their block."),
    ],
);

const TYPES_KEY: Key = key(
    "types",
    Takes::Map(&NEW, &Takes::Of(FACT), MAX_FACTS),
    "Shapes that facts name by `type:`; what a fact says itself goes before.",
)
.like("{ card: { type: digits, length: 16, check: luhn, class: pci } }");
const CALENDARS_KEY: Key =
    key("calendars", Takes::Map(&NEW, &Takes::List(&DAY, MAX_DAYS), MAX_HOURS), "Days that several hours share.")
        .like("{ us: [01-01, 12-25, 2026-11-26] }");
const HOURS_KEY: Key = key(
    "hours",
    Takes::Map(&NEW, &Takes::Of(HOURS), MAX_HOURS),
    "When a place is open: `open(NAME)` and `closed(NAME)` in a condition.",
);
const FACTS_KEY: Key =
    key("facts", Takes::Map(&NEW, &Takes::Of(FACT), MAX_FACTS), "What is to be known of the caller.");
const LOOKUPS_KEY: Key =
    key("lookups", Takes::Map(&NEW, &Takes::Of(LOOKUP), MAX_LOOKUPS), "Systems of the business that are asked.");
const BLOCKS: Takes = Takes::Map(&NEW, &Takes::List(&STEP, MAX_STEPS), MAX_BLOCKS);

pub const BUDGET: &Shape = &Shape::new(
    "Budget",
    "The longest way to a person. A flow that has a longer one does not load.",
    &[
        key("questions", Takes::Number(0, MAX_QUESTIONS), "Questions that a caller is asked, each counted once.")
            .like("5"),
        key("seconds", Takes::Number(0, MAX_SECONDS), "Seconds that a caller spends.").like("90"),
    ],
)
.with(&[Rule::SomeOf(&["questions", "seconds"])]);

pub const ESCAPE: &Shape = &Shape::new(
    "Escape",
    "The way to a person from every question. It works once a call, and declines whatever is unknown.",
    &[
        key("menu", KEY, "The key where one key is the answer.").like("0"),
        key(
            "collect",
            Takes::Words(&[("star", ""), ("*", "")]),
            "The key while digits are entered; without it `*` clears the entry.",
        )
        .like("star"),
        need("to", BLOCK, "Where it leads."),
    ],
)
.with(&[Rule::SomeOf(&["menu", "collect"])]);

pub const ALWAYS: &Shape = &Shape::new(
    "Always",
    "Blocks that take over, wherever the call is.",
    &[
        key("error", BLOCK, "Where a step goes that failed and has no `else:`. What is unknown is declined."),
        key("hangup", BLOCK, "What is left to do when the caller has gone: `lookup`, `set`, `if`, `route` and `goto`. It ends by itself."),
    ],
)
.with(&[Rule::SomeOf(&["error", "hangup"])]);

/// What a fact may be, and how it is keyed in.
pub const TYPES: &[(&str, &str)] = &[
    ("digits", "digits, as many as `length:` says"),
    ("choice", "one of `keys:`"),
    ("number", "a whole number of nine digits at most"),
    ("money", "a sum, keyed in with two digits for the cents: 1 2 5 0 is 12.50"),
    ("date", "a day, eight digits: month, day, year in English; day, month, year elsewhere; kept as 2026-03-01"),
    ("time", "a time of day, four digits of 24 hours; kept as 16:05"),
    ("phone", "a telephone number of 7 to 15 digits"),
    ("bool", "true or false; never keyed in"),
    ("text", "a line of 200 letters at most; never keyed in"),
    ("recording", "what the caller says after a tone, until a key or silence"),
];

/// Where a fact may be known from.
pub const SOURCES: &[(&str, &str)] = &[
    ("uui.NAME", "User-to-User of the call, from trunks that are trusted for it"),
    ("header.X-NAME", "a header of the call, from trunks that are trusted for it"),
    ("web.NAME", "what another channel posted of the same case"),
    ("caller.number", "the caller's number"),
    ("last_call", "the same caller's call that was cut off minutes ago"),
    ("LOOKUP", "a lookup that fills the fact, once it was made"),
];

/// What a condition is made of.
pub const CONDITIONS: &[(&str, &str)] = &[
    ("a or b, a and b, not a, ( )", "`and` binds before `or`"),
    ("==  !=", "the same, or another value; a comparison with a value that is not there is false, either way"),
    ("<  <=  >  >=", "of numbers, sums, dates and times of day"),
    ("a in ('x', 'y')", "one of these"),
    ("open(HOURS), closed(HOURS)", "whether a place is open now; `with.NAME` for hours by a parameter"),
    ("filled(FACT)", "whether the fact has a value: all that may be asked of one that is not `public`"),
    ("FACT", "its value; of type bool it is a condition by itself"),
    ("LOOKUP.NAME", "a value that a lookup gives"),
    ("with.NAME", "a parameter"),
    ("switch.NAME", "a switch that is set over HTTP: a condition by itself"),
    ("'text', 12.50", "a text, a number"),
];

pub const FACT: &Shape = &Shape::new(
    "Fact",
    "Something to be known of the caller. It is asked at most once, whatever way the call takes.",
    &[
        need(
            "type",
            Takes::Any(&[Takes::Words(TYPES), Takes::Name("type of `types:`")]),
            "What it is, and so how it is keyed in and read back.",
        ),
        key("length", Takes::Range(1, MAX_DIGITS), "How many digits: `8`, or `8-12`."),
        key("longest", Takes::Duration(SHORTEST_TAKE, LONGEST_TAKE), "How long a recording may be.").or("60s"),
        key(
            "check",
            Takes::Any(&[
                Takes::Words(&[
                    ("luhn", "the check digit of cards and of many account numbers"),
                    ("mod97", "the check digits of IBANs (ISO/IEC 7064)"),
                ]),
                Takes::Of(CHECK),
            ]),
            "What the digits must fulfil; what does not is one of the tries.",
        )
        .like("luhn"),
        key("keys", Takes::Map(&KEY, &NEW, MAX_KEYS), "The value of each key.").like("{ 1: billing, 2: outage }"),
        key(
            "class",
            Takes::Words(&[
                ("public", "anybody may see it"),
                ("pii", "masked in logs and records; it goes to the agent"),
                ("pci", "only to the lookup that sends it; never to an agent"),
                ("secret", "forgotten before any hand-off, and written nowhere"),
            ]),
            "Who may see the value.",
        )
        .or("public"),
        key(
            "known",
            Takes::List(
                &Takes::Text(
                    "a source",
                    r"^(uui\..+|header\.[Xx]-.+|web\..+|caller\.number|last_call|[A-Za-z][\w.-]*)$",
                ),
                MAX_KNOWN,
            ),
            "Where the value may be known from, before anybody is asked; the first that has it wins.",
        )
        .like("[uui.account, caller.number, crm]"),
        key(
            "offer",
            Takes::Any(&[PROMPT, Takes::Of(READBACK)]),
            "A prompt that reads a known value to the caller, who takes it or is asked.",
        )
        .like("callback_offer_number"),
        key(
            "ask",
            Takes::List(&Takes::Any(&[PROMPT, Takes::Of(WORDED)]), MAX_TRIES),
            "The question, one prompt a try.",
        )
        .like("[account_ask, { silent: account_silent, invalid: account_invalid }, account_last]"),
        key(
            "confirm",
            Takes::Any(&[PROMPT, Takes::Of(READBACK)]),
            "A prompt that reads back what was keyed in. What the caller takes back is one of the tries.",
        )
        .like("account_readback"),
        key(
            "accept",
            super::LOOKUP,
            "A lookup that says whether the business knows the value; what it refuses is one of the tries.",
        ),
        key(
            "range",
            Takes::Text("a range", r"\.\."),
            "What a number, a sum or a date must lie between; one end may be left out.",
        )
        .like("2020-01-01..today"),
        key(
            "lives",
            Takes::Words(&[
                ("call", "in this call"),
                ("case", "in every call of the case, when it comes back from a transfer say"),
            ]),
            "How long it stays known. `call` for classes that nobody may see, and for `verified`.",
        )
        .or("case"),
        key("fresh", Takes::Duration(Duration::ZERO, Duration::MAX), "How old a value from before this call may be.")
            .like("10m"),
        key("survey", Takes::Bool, "Asked after everything is done: no escape applies.").or("false"),
        key(
            "default",
            Takes::Scalar("a value of the fact"),
            "What fills the fact after the last try; without it the fact is declined.",
        ),
    ],
)
.with(&[
    Rule::OnlyIf(&["length", "check"], "type", "digits"),
    Rule::OnlyIf(&["longest"], "type", "recording"),
    Rule::OnlyIf(&["keys"], "type", "choice"),
    Rule::Needs("type", "digits", &["length"]),
    Rule::Needs("type", "choice", &["keys"]),
]);

pub const CHECK: &Shape = &Shape::new(
    "Check",
    "A check of the author's own.",
    &[need("regex", Takes::Text("a regular expression", ""), "What the digits match.").like("\"^4\"")],
);

pub const WORDED: &Shape = &Shape::new(
    "Worded try",
    "A later try, worded by why the last one failed.",
    &[need("silent", PROMPT, "After silence."), need("invalid", PROMPT, "After a wrong entry.")],
);

pub const READBACK: &Shape = &Shape::new(
    "Readback",
    "A prompt that reads a value, and the keys that answer it.",
    &[
        need("say", PROMPT, "The prompt."),
        key("right", KEY, "The key for: that is right.").or("1"),
        key("again", KEY, "The key for: ask me.").or("2"),
    ],
);

pub const LOOKUP: &Shape = &Shape::new(
    "Lookup",
    "A question to an endpoint of the configuration. Of the answer only what is named here is kept.",
    &[
        key("get", PATH, "The path that is read. `{caller.number}`, `{called}` and facts that are public or pii stand for themselves.")
            .like("\"crm:/phone/{caller.number}\""),
        key("post", PATH, "The path that facts are posted to.").like("\"crm:/verify\""),
        key("secret", Takes::Name("secret of the configuration"), "No endpoint: what is sent is held against this secret, and what it `fills:` is true if they are the same.")
            .like("announce_pin"),
        key("send", Takes::List(&super::FACT, MAX_LOOKED_UP), "Facts of the JSON object that is posted, or the one that is held against the secret.").like("[account, pin]"),
        key("timeout", Takes::Duration(SHORTEST_TIMEOUT, LONGEST_TIMEOUT), "How long the caller waits for it; `get:` and `post:` need it.").like("800ms"),
        key("auth", Takes::Name("secret of the configuration"), "The bearer token."),
        key("idempotent", Takes::Bool, "May be made twice: it goes again once, under the same Idempotency-Key.").or("false"),
        key(
            "fills",
            Takes::Any(&[Takes::List(&super::FACT, MAX_LOOKED_UP), Takes::Map(&super::FACT, &PLACE, MAX_LOOKED_UP)]),
            "Facts that the answer fills, and where their values stand in it if that is not their name.",
        )
        .like("{ verified: result.ok }"),
        key(
            "gives",
            Takes::Map(&NEW, &Takes::Any(&[GIVEN_TYPE, Takes::Of(GIVEN)]), MAX_LOOKED_UP),
            "Values that are no facts, for conditions and `set`.",
        )
        .like("{ tier: text }"),
    ],
)
.with(&[
    Rule::OneOf(&["get", "post", "secret"]),
    Rule::OneOf(&["timeout", "secret"]),
    Rule::Apart(&["send"], "get"),
    Rule::Apart(&["auth", "idempotent", "gives"], "secret"),
]);

const PATH: Takes = Takes::Text("ENDPOINT:/PATH", r"^[A-Za-z][A-Za-z0-9_-]*:/([^/\s]\S*)?$");
const PLACE: Takes = Takes::Text("a place in the answer: keys, joined by dots", r"^[^.]+(\.[^.]+)*$");
const GIVEN_TYPE: Takes = Takes::Words(&[
    ("text", "a line"),
    ("number", "a whole number"),
    ("bool", "true or false"),
    ("money", "a sum"),
    ("date", "a day"),
    ("time", "a time of day"),
    ("phone", "a telephone number"),
    ("digits", "digits"),
]);

pub const GIVEN: &Shape = &Shape::new(
    "Given value",
    "A value of the answer.",
    &[
        need("type", GIVEN_TYPE, "What it is; another value counts as none."),
        key("at", PLACE, "Where it stands in the answer, if not under its name.").like("account.balance"),
        key(
            "default",
            Takes::Scalar("a value of the type"),
            "What counts when the lookup failed. Without it the value may only be read where the lookup has gone well.",
        ),
    ],
);

const DATE: Takes = Takes::Text("`12-25` or `2026-12-25`", r"^(\d{4}-)?\d{2}-\d{2}$");
const DAY: Takes = Takes::Any(&[DATE, Takes::Name("calendar")]);
const CLOCK: Takes = Takes::Text("`08:00-20:00`", r"^\d{2}:\d{2}-\d{2}:\d{2}$");
const RANGES: Takes = Takes::Any(&[CLOCK, Takes::List(&CLOCK, MAX_RANGES)]);

pub const HOURS: &Shape = &Shape {
    others: Some((
        "^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?$",
        key("DAY", RANGES, "When it is open on a day of the week, or on several: `sat`, `mon-thu`.")
            .like("[08:00-12:00, 13:00-20:00]"),
    )),
    ..Shape::new(
        "Hours",
        "When a place is open.",
        &[
            need("zone", Takes::Text("a time zone of the IANA database", ""), "Where it is.").like("America/New_York"),
            key("mon-fri", RANGES, "When it is open from Monday to Friday, and so of any day or days. A time that is not later is of the next day.").like("08:00-20:00"),
            key("closed", Takes::List(&DAY, MAX_DAYS), "Days on which it is closed.").like("[12-25, 2026-11-26]"),
            key("short", Takes::Map(&DATE, &RANGES, MAX_DAYS), "Days with hours of their own.")
                .like("{ 12-24: 08:00-12:00 }"),
        ],
    )
};

pub const QUEUE: &Shape = &Shape::new(
    "Queue",
    "Where callers are handed to: the destination has a line of its own, or with `at_once` we hold one.",
    &[
        key("to", DESTINATION, "Where its people are."),
        key("hours", Takes::Name("hours"), "When it takes callers; else they go on at `closed:` of the step."),
        key(
            "at_once",
            Takes::Number(1, MAX_SERVED),
            "The line is ours: so many callers are with its people at once, or on their way.",
        )
        .like("10"),
        key("size", Takes::Number(0, MAX_WAITING), "How many others wait; the next one goes on at `full:`."),
        key(
            "longest",
            Takes::Duration(Duration::from_secs(1), LONGEST_WAIT),
            "How long one waits at most; then it is `waited:`.",
        )
        .like("20m"),
        key("waiting", Takes::Name("waiting"), "What is heard in the line."),
        key(
            "agents",
            Takes::Map(&NEW, &Takes::List(&NEW, MAX_VALUES), MAX_VALUES),
            "People of our own; not served yet.",
        ),
        key("strategy", Takes::Scalar("not served yet"), "Which of them is called; not served yet."),
        key("wrap_up", Takes::Scalar("not served yet"), "How long they have after a call; not served yet."),
    ],
)
.with(&[
    Rule::SomeOf(&["to", "agents"]),
    Rule::Only(&["size", "longest", "waiting"], "at_once"),
    Rule::Only(&["at_once"], "size"),
    Rule::Only(&["at_once"], "longest"),
]);

pub const WAITING: &Shape = &Shape::new(
    "Waiting",
    "What is heard in a line.",
    &[
        key("music", NEW, "The clip `music/NAME.wav` beside the prompts; without it a tone loop of ours.").like("jazz"),
        key("every", Takes::Duration(SELDOM, LONGEST_WAIT), "How often the prompt is said.").like("45s"),
        key("say", PROMPT, "The prompt; it may speak {queue.position} and {queue.minutes}.").like("queue_position"),
        key("instead", Takes::Of(INSTEAD), "A way out of the line."),
    ],
)
.with(&[Rule::Only(&["every"], "say"), Rule::Only(&["say"], "every")]);

pub const INSTEAD: &Shape = &Shape::new(
    "Instead",
    "A way out of a line, for whoever has waited a while.",
    &[
        need("after", Takes::Duration(SELDOM, LONGEST_WAIT), "After which time it is offered.").like("90s"),
        need("key", KEY, "The key that takes it."),
        need("say", PROMPT, "The prompt that offers it."),
        need("to", BLOCK, "Where it leads."),
    ],
);

pub const PROMPTS: Takes = Takes::Map(
    &Takes::Text("a prompt id", r"^[A-Za-z][A-Za-z0-9_-]*(/[A-Za-z0-9_-]+)*$"),
    &Takes::Text("what is said", ""),
    MAX_PROMPTS,
);
