//! A fixture: one recorded call as JSON lines. The first line says what the call was made from, every
//! other one is an input or an output with its time in microseconds since the INVITE.

use super::reading::Entry;
use super::seam::{In, Out};
use super::trace::Sip;
use crate::codec::Preference;
use crate::context::Destination;
use crate::keying::Policy;
use crate::sip::Locals;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Version of the fixture format, in `askonce`.
pub const VERSION: u32 = 1;

/// Addresses of our own side, as they were given to the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// Where our SIP is reached: Contact and Via.
    pub sip: Locals,
    /// The media sockets of the two legs.
    pub caller_media: SocketAddr,
    pub agent_media: SocketAddr,
}

/// What a call is made from, besides the flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub askonce: u32,
    pub flow: String,
    pub digest: String,
    /// The wall clock when the INVITE was taken off its queue.
    pub at: Timestamp,
    /// Seeds the call's identity on the wire.
    pub seed: u64,
    /// `live`, or what else made the recording.
    pub source: String,
    /// What it was made to show, where it was made for that: `start:2:else`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shows: Vec<String>,
    pub trunk: String,
    /// What the caller's leg might speak.
    #[serde(default, skip_serializing_if = "Preference::is_default")]
    pub codecs: Preference,
    /// The trunk's policy on SRTP.
    #[serde(default, skip_serializing_if = "Policy::is_off")]
    pub srtp: Policy,
    /// Whether it was recorded from its beginning.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recorded: bool,
    /// What its number gives to the parameters of the flow.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, String>,
    /// The switches as they stood.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub switches: BTreeMap<String, bool>,
    /// How we named ourselves to the agent's phone.
    pub user_agent: String,
    /// The clips that the caller and the agent heard, as they sounded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub clips: BTreeMap<String, Clip>,
    /// Of `caller.wav` beside it: the time of the first sample, in microseconds since the INVITE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wav_from: Option<u64>,
    /// Why there is no sound beside it, where there was to be: `dropped: ...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<String>,
    /// Whether every line is there: a call that broke, or outgrew its journal, cannot be compared.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub complete: bool,
    /// The name of the key under which its caller's values became pseudonyms; without it they are in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<String>,
    /// The live call did something else than its rerun, which is what is written here: one of the two is wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live_differs: bool,
    pub call: String,
    pub case: String,
    pub local: Local,
    /// The destinations that the flow names, as they were configured.
    pub destinations: BTreeMap<String, Destination>,
}

/// How a clip sounded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clip {
    pub ms: u64,
    /// Of its sound as G.711 mu-law: the first hex digits of its SHA-256.
    pub digest: String,
}

fn yes() -> bool {
    true
}

/// An input or an output.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Step {
    In(In),
    Out(Out),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Microseconds since the INVITE was taken off its queue.
    pub t: u64,
    #[serde(flatten)]
    pub step: Step,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fixture {
    pub header: Header,
    pub lines: Vec<Line>,
    /// The call's SIP messages, masked. They are for the reader: a replay neither needs them nor compares them.
    pub sip: Vec<Sip>,
}

/// A line of a fixture that cannot be read, or a value that cannot be written.
#[derive(Debug)]
pub struct Broken {
    /// Counted from 1.
    pub line: usize,
    pub why: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for Broken {}

impl Fixture {
    /// The number that was called.
    pub fn called(&self) -> Option<&str> {
        self.lines.iter().find_map(|line| match &line.step {
            Step::In(In::Invite(arrival)) => Some(arrival.to.as_str()),
            _ => None,
        })
    }

    /// As JSON lines: one object a line, the header first, the messages in their places.
    pub fn write(&self) -> Result<String, Broken> {
        let broken = |line| move |error: serde_json::Error| Broken { line, why: error.to_string() };
        let mut text = serde_json::to_string(&self.header).map_err(broken(1))?;
        text.push('\n');
        let mut sip = self.sip.iter().peekable();
        let mut number = 1;
        let mut push = |line: serde_json::Result<String>| {
            number += 1;
            text.push_str(&line.map_err(broken(number))?);
            text.push('\n');
            Ok(())
        };
        for line in &self.lines {
            while let Some(sip) = sip.next_if(|sip| sip.t <= line.t) {
                push(serde_json::to_string(sip))?;
            }
            push(serde_json::to_string(line))?;
        }
        sip.try_for_each(|sip| push(serde_json::to_string(sip)))?;
        Ok(text)
    }

    pub fn read(text: &str) -> Result<Fixture, Broken> {
        let mut lines = text.lines().enumerate();
        let (_, first) = lines.next().ok_or_else(|| Broken { line: 1, why: "the file is empty".to_owned() })?;
        let header: Header =
            serde_json::from_str(first).map_err(|error| Broken { line: 1, why: format!("header: {error}") })?;
        if header.askonce != VERSION {
            let why = format!("fixture version {} (this build reads {VERSION})", header.askonce);
            return Err(Broken { line: 1, why });
        }
        let (mut steps, mut sip): (Vec<Line>, Vec<Sip>) = (Vec::new(), Vec::new());
        for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let broken = |error: serde_json::Error| Broken { line: number + 1, why: error.to_string() };
            let step = match serde_json::from_str(line).map_err(broken)? {
                Entry::Step(line) => line,
                Entry::Sip(message) => {
                    sip.push(message);
                    continue;
                }
            };
            if steps.last().is_some_and(|above| step.t < above.t) {
                let why = "its time lies before that of the line above".to_owned();
                return Err(Broken { line: number + 1, why });
            }
            steps.push(step);
        }
        Ok(Fixture { header, lines: steps, sip })
    }
}
