//! What a trace tells of a call: its SIP messages, masked before they are kept, and what happened in between. There is
//! no value of a caller in it.

use super::fixture::{Fixture, Step};
use super::outline;
use super::seam::{Arrival, In, Leg, Out};
use crate::sip::glance::is_response;
use crate::sip::mask::mask;
use crate::sip::{Hop, Locals};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Messages that are kept of a call, and bytes: of messages and, in a trace, of what happened in between.
pub const MESSAGES: usize = 512;
pub const BYTES: usize = 512 * 1024;

/// Which way a message went, as we see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    In,
    Out,
}

/// A SIP message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sip {
    /// Microseconds since the INVITE was taken off its queue.
    pub t: u64,
    pub sip: Way,
    pub leg: Leg,
    /// Our side of its way.
    pub via: Hop,
    pub with: Hop,
    /// As long as the message was.
    pub text: String,
    /// Messages after this one that found no room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Sip {
    /// `None` if we have no address that faces the peer: the message cannot have come or gone.
    pub fn of(t: u64, (sip, leg): (Way, Leg), locals: &Locals, with: Hop, bytes: &[u8]) -> Option<Sip> {
        // The dialog begins with the caller's INVITE to us, or with ours to the agent.
        let with_the_invite = (sip == Way::In) == (leg == Leg::Caller);
        let text = mask(bytes, with_the_invite != is_response(bytes.trim_ascii_start()));
        Some(Sip { t, sip, leg, via: locals.facing(&with)?, with, text, dropped: 0 })
    }
}

/// What happened in the call itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub t: u64,
    /// `keys`, `say`, `fact`, ...
    pub note: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<Leg>,
    pub what: String,
}

impl Note {
    pub fn of_input(t: u64, input: &In) -> Option<Note> {
        outline::input(input).map(|(note, leg, what)| Note { t, note: note.to_owned(), leg, what })
    }

    pub fn of_output(t: u64, out: &Out) -> Option<Note> {
        outline::output(out).map(|(note, leg, what)| Note { t, note: note.to_owned(), leg, what })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    Sip(Sip),
    Note(Note),
}

impl Entry {
    pub fn t(&self) -> u64 {
        match self {
            Entry::Sip(Sip { t, .. }) | Entry::Note(Note { t, .. }) => *t,
        }
    }

    /// What it counts for against the bounds: its text, and some for the rest of it.
    pub fn size(&self) -> usize {
        const REST: usize = 128;
        REST + match self {
            Entry::Sip(Sip { text, .. }) | Entry::Note(Note { what: text, .. }) => text.len(),
        }
    }
}

/// Whose trace it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub call: String,
    pub flow: String,
    pub at: Timestamp,
    /// The caller's number but for its last digits, or `anonymous`.
    pub from: String,
    #[serde(default)]
    pub over: bool,
    /// Entries that found no room.
    #[serde(default)]
    pub dropped: u64,
}

impl Head {
    pub fn new(call: String, flow: String, at: Timestamp, arrival: &Arrival) -> Head {
        Head { call, flow, at, from: outline::caller(arrival), over: false, dropped: 0 }
    }
}

/// What the engine tells of a call that is traced.
#[derive(Clone, Debug)]
pub enum Told {
    Begun(Head),
    Entry {
        call: String,
        entry: Entry,
    },
    /// Nothing follows. `dropped`: entries beyond the call's bounds.
    Over {
        call: String,
        dropped: u64,
    },
}

/// A trace as it is handed on: JSON lines, the head first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    pub head: Head,
    pub entries: Vec<Entry>,
}

impl Trace {
    pub fn write(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(&self.head)?;
        for entry in &self.entries {
            text.push('\n');
            text.push_str(&serde_json::to_string(entry)?);
        }
        Ok(text)
    }

    pub fn messages(&self) -> impl Iterator<Item = &Sip> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Sip(sip) => Some(sip),
            Entry::Note(_) => None,
        })
    }

    pub fn read(text: &str) -> serde_json::Result<Trace> {
        let mut lines = text.lines();
        let head = serde_json::from_str(lines.next().unwrap_or(""))?;
        Ok(Trace { head, entries: lines.map(serde_json::from_str).collect::<Result<_, _>>()? })
    }

    /// Of a recording. Its messages are missing if it is older than they are in recordings.
    pub fn of(fixture: &Fixture) -> Trace {
        let header = &fixture.header;
        let first = fixture.lines.first().map(|line| &line.step);
        let from = match first {
            Some(Step::In(In::Invite(arrival))) => outline::caller(arrival),
            _ => String::new(),
        };
        let (call, flow) = (header.call.clone(), header.flow.clone());
        let dropped = fixture.sip.last().map_or(0, |last| last.dropped);
        let head = Head { call, flow, at: header.at, from, over: true, dropped };
        let notes = fixture.lines.iter().filter_map(|line| match &line.step {
            Step::In(input) => Note::of_input(line.t, input),
            Step::Out(out) => Note::of_output(line.t, out),
        });
        let entries = fixture.sip.iter().cloned().map(Entry::Sip).chain(notes.map(Entry::Note)).collect();
        Trace { head, entries }
    }
}
