//! Every code that a finding may have: what it is, why it matters to a caller, and which proof it belongs to. `check` shows
//! the why, docs/findings.md lists them all; a test holds this table against the sources, both ways.

/// A code of findings.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    pub name: &'static str,
    /// What is wrong, in a line.
    pub what: &'static str,
    /// What comes of it for a caller, or for who operates the service.
    pub why: &'static str,
    pub part: Part,
}

/// What of askonce finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Reading the text: of flows, catalogues and configurations alike.
    Text,
    /// The language: names, types, keys of a flow.
    Flow,
    /// One of the ten proofs, over the paths of a flow.
    Proof(u8),
    /// Texts and sound of prompts.
    Prompts,
    /// The configuration, and what it and the flows say of each other.
    Configuration,
    /// A test of a flow.
    Test,
}

impl Part {
    pub const ALL: [Part; 15] = [
        Part::Text,
        Part::Flow,
        Part::Proof(1),
        Part::Proof(2),
        Part::Proof(3),
        Part::Proof(4),
        Part::Proof(5),
        Part::Proof(6),
        Part::Proof(7),
        Part::Proof(8),
        Part::Proof(9),
        Part::Proof(10),
        Part::Prompts,
        Part::Configuration,
        Part::Test,
    ];

    /// A heading.
    pub fn title(self) -> &'static str {
        match self {
            Part::Text => "Any file",
            Part::Flow => "The language",
            Part::Proof(1) => "Proof 1: nothing is asked twice",
            Part::Proof(2) => "Proof 2: a person never gets a caller who was not asked",
            Part::Proof(3) => "Proof 3: a person stays in reach",
            Part::Proof(4) => "Proof 4: what can fail has an exit",
            Part::Proof(5) => "Proof 5: every path ends, and everything is on one",
            Part::Proof(6) => "Proof 6: what is private stays so",
            Part::Proof(7) => "Proof 7: everything that is said can be said",
            Part::Proof(8) => "Proof 8: lookups send what is known, and nobody waits in silence",
            Part::Proof(9) => "Proof 9: the budget holds",
            Part::Proof(_) => "Proof 10: the context fits its carriers",
            Part::Prompts => "Prompts and sound",
            Part::Configuration => "The configuration",
            Part::Test => "Tests of flows",
        }
    }
}

/// The code of that name.
pub fn code(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.name == name)
}

/// A line or two for each code, by the part that finds it.
macro_rules! codes {
    ($($part:expr => { $($name:literal: $what:literal, $why:literal;)+ })+) => {
        /// In the order of their parts.
        pub const CODES: &[Code] = &[$($(Code { name: $name, what: $what, why: $why, part: $part }),+),+];
    };
}

codes! {
    Part::Text => {
        "unreadable": "a file cannot be read",
            "what cannot be read is not served: its calls are not answered";
        "yaml": "the text is not YAML",
            "a file that can be read in two ways would be served in the wrong one";
        "too-big": "the file is larger than anything that a person writes",
            "reading it would take time and memory from calls";
        "too-deep": "values are nested deeper than the language goes",
            "reading it would take time and memory from calls";
        "too-many": "a list, a map or a text is longer than its bound",
            "a bound that is passed here would be passed in the middle of a call";
        "anchor": "an anchor `&x` or an alias `*x`",
            "what stands somewhere else is overlooked when one of the two is changed";
        "layout": "`askonce fmt` does not know how to lay this out",
            "the file stays as it is, and callers hear nothing of it";
        "merge-key": "a merge key `<<`",
            "what stands somewhere else is overlooked when one of the two is changed";
        "misread-key": "a key that YAML 1.1 takes for true or false",
            "another program that reads this file would find another flow in it";
        "duplicate-key": "a name or a key stands twice",
            "only one of them can count, and a caller would meet the one that you did not mean";
        "missing-key": "a key that has to be there is not",
            "what it says cannot be guessed, and a wrong guess is heard by every caller";
        "unknown-key": "a key that nobody reads",
            "what it was to change would stay as it is, without a word";
        "wrong-type": "a value of another type than its key takes",
            "a value that was guessed at would mean something else at night than by day";
        "unknown-name": "a name that names nothing",
            "a caller who gets there could go nowhere";
        "bad-name": "a name that cannot be one",
            "names go into headers, addresses and logs, which take few letters only";
        "bad-path": "a path that leads out of its folder",
            "a flow that was copied here could read what is not its own";
        "bad-target": "an address that no endpoint and path make up",
            "the lookup would fail for every caller";
        "out-of-range": "a number or a time beyond what makes sense",
            "callers would be cut off, or wait for what never comes";
        "not-served-yet": "a word of the language that this version does not serve",
            "callers go on as if it had failed";
        "no-effect": "something that can change nothing here",
            "whoever wrote it expects something that callers will not meet";
    }
    Part::Flow => {
        "no-start": "there is no block `start`",
            "a call would have nowhere to begin";
        "unknown-verb": "a step whose verb is none",
            "the step would be left out, and the caller never notices why";
        "two-verbs": "a step with two verbs",
            "which of them comes first would be anybody's guess";
        "no-ask": "a fact is collected that has no prompt to ask by",
            "the caller would hear nothing and be taken for silent";
        "no-keys": "a fact is asked for that no keypad can give",
            "the caller would be asked for what cannot be answered";
        "no-reason": "a transfer does not say why the call leaves our care",
            "nobody could tell later why the caller was sent away";
        "no-body": "a lookup sends facts by GET, which has no body",
            "the facts would not arrive, and the answer be that of another question";
        "not-in-fills": "a fact is to be known by a lookup that does not fill it",
            "the caller would be asked for what the lookup was thought to know";
        "bad-default": "a default that its own fact would not take",
            "the fact would have a value that no caller could have given";
        "bad-value": "a value that its fact would not take",
            "the fact would have a value that no caller could have given";
        "bad-pattern": "a regular expression that is none",
            "every entry would be refused, or every one taken";
        "bad-source": "a source of facts that nothing reads",
            "the caller would be asked for what the call brought along";
        "bad-key": "a key that no keypad has",
            "no caller could press it";
        "condition": "a condition that cannot be understood",
            "callers would take a way that nobody meant";
        "answered": "a call is rejected that was answered already",
            "the caller would hear a hang-up in place of the busy tone";
        "caller-gone": "something is done for a caller who is gone",
            "nobody hears it and nobody answers";
        "one-language": "a language that nobody can choose",
            "its callers hear another one";
        "partly-proved": "a flow so wide that each fact was looked at by itself",
            "of what was not looked at a caller may meet what nobody saw";
        "unproved": "there are more ways through a flow than can be looked at",
            "nothing is proved of it, so a caller may meet what nobody saw";
        "unused": "a name that nothing uses",
            "it is either left over, or what was to use it is missing";
    }
    Part::Proof(1) => {
        "asked-twice": "a fact may be asked for again",
            "the caller would have to say again what was said already";
    }
    Part::Proof(2) => {
        "unasked": "a step needs a fact that nobody asked for on some path",
            "the person would have to ask for what the machine forgot to";
    }
    Part::Proof(3) => {
        "no-way-out": "no person can be reached from a question",
            "a caller who cannot answer it is left alone with a machine";
        "no-escape": "a choice without a key for a person",
            "a caller who wants none of the choices cannot say so";
        "escape-key": "one key means two things",
            "a caller who wants a person would choose something, or the other way round";
    }
    Part::Proof(4) => {
        "no-exit": "a step can fail and nothing says what then",
            "a caller for whom it fails would be cut off";
        "not-exhaustive": "a route without a way for some value",
            "a caller who chose that value would be cut off";
    }
    Part::Proof(5) => {
        "falls-off": "a block ends and nothing comes after",
            "a caller who gets to its end would be cut off";
        "unreachable-block": "no path leads to a block",
            "what stands there is never heard, though somebody wrote it to be heard";
        "unreachable-step": "no path leads to a step",
            "what stands there is never heard, though somebody wrote it to be heard";
        "stray-return": "a `return` is reached without a `run`",
            "there is nothing to return to: the caller would be cut off";
        "endless-loop": "a path goes round for ever",
            "the caller would hear the same again and again until hanging up";
        "no-choice": "a round in which the caller is never asked whether to go on",
            "the caller would be asked for one thing after the other without having wished so";
        "deep-run": "blocks run blocks more than eight deep",
            "the call would stop in the middle when there is no room left";
    }
    Part::Proof(6) => {
        "secret-kept": "a secret is still there when the caller is handed over",
            "a PIN would be in reach of whoever talks to the caller";
        "unguarded": "a flow announces, and never knows for sure who calls",
            "anybody who finds the number could speak to all callers";
        "class": "a fact goes where its class may not",
            "a card's number or a PIN would be seen by who must not see it";
        "trust": "something else than a lookup says that a caller is verified",
            "whoever calls could claim to be somebody else";
        "secret-spoken": "a prompt speaks what is never spoken",
            "whoever stands beside the caller would hear it, and so would a recording";
        "value-spoken": "a prompt speaks a value where it may not",
            "what is the caller's own would be heard by others, or nothing be heard at all";
    }
    Part::Proof(7) => {
        "not-filled": "a prompt reads a fact that may have no value there",
            "the caller would hear a gap in the sentence";
        "not-in-language": "a prompt is missing in a language, or speaks other values there",
            "who chose that language would hear silence, or something else";
        "no-wording": "a prompt needs another one that is not there",
            "the value would be left out of the sentence";
        "not-spoken": "there are no words for a value",
            "the value would be left out of the sentence";
        "not-read": "a confirm that does not read its fact",
            "the caller would be asked whether something is right without hearing what";
        "no-clip": "sound that is needed is not there",
            "the caller would hear silence in its place";
    }
    Part::Proof(8) => {
        "sends-unfilled": "a lookup sends a fact that may have no value there",
            "the lookup would fail, or answer for somebody else";
        "long-silence": "the caller may hear nothing for too long",
            "who hears nothing hangs up";
        "never-given": "a value is read that a failed lookup never gave",
            "when the lookup fails, the path would depend on nothing";
    }
    Part::Proof(9) => {
        "over-budget": "the way to a person is longer than the flow allows itself",
            "callers give up before somebody answers";
    }
    Part::Proof(10) => {
        "context-too-long": "facts may be longer than their carrier takes",
            "what does not fit is left out, and the person has to ask for it again";
    }
    Part::Prompts => {
        "placeholder": "`{…}` that can be read as nothing",
            "the caller would hear a gap, or braces";
        "bad-clip": "a file of sound that cannot be used",
            "the caller would hear silence in its place";
        "doubtful-clip": "a file of sound with something odd about it",
            "callers may hear it too loud, too soft or cut off";
        "two-voices": "values are read in two voices",
            "the voice changes in the middle of a sentence";
        "unused-prompt": "a prompt that nothing says",
            "it is recorded for nobody, or what was to say it is missing";
        "out-of-step": "sound that says another text than the catalogue",
            "callers hear what nobody reads here any more";
        "leftover-clip": "a file of sound that no prompt has",
            "it is left over, or the prompt has another name than you think";
    }
    Part::Configuration => {
        "duplicate-flow": "two flows have one name",
            "a number would get either of them";
        "not-allowed": "a flow announces, and the configuration does not list it",
            "whoever can edit a flow could change what all callers hear";
        "no-advertise": "the address that peers are told is not known",
            "callers would be answered and hear nothing";
        "no-certificate": "TLS without a certificate",
            "no peer could connect";
        "second-address": "two addresses of one transport",
            "what we send would name the wrong one, and answers go astray";
        "no-socket": "an address that none of our sockets can reach",
            "every call there would fail";
        "conflict": "two carriers that exclude each other",
            "peers that get both believe neither: the person sees nothing";
        "one-of": "two places for one secret, or none",
            "the wrong password would be shown, and calls be refused";
        "secret-in-clear": "a secret stands in the file",
            "whoever reads the file, or its history, has it";
        "in-clear": "what goes to an endpoint is not encrypted",
            "whoever is on the way reads what callers keyed in";
        "readable-keys": "keys of SRTP go along in clear",
            "whoever is on the way can listen to the call";
        "not-built-in": "something that this program was built without",
            "calls that need it would be refused";
        "needs-restart": "a key that a running service cannot take over",
            "half of the edit would serve and half of it not";
    }
    Part::Test => {
        "unmet": "a test expects what the call does not do",
            "callers would notice what somebody has thought of before them";
    }
}
