//! The recording seam: everything that a call learns of the world (`In`) and everything that it does
//! about it (`Out`). `call::Call` takes the one and gives the other; a journal line is one of either.
//!
//! Timers are not in here: they follow from the inputs (`Call::next_deadline`), so a replay needs none.

use super::clear;
use crate::audio::Utterance;
use crate::context::{Earlier, Ended, LookupRequest, Outcome, State};
use crate::key::Key;
use crate::media::RecordAct;
use crate::sdp::{Negotiated, Offer};
use crate::secret::Secret;
use crate::sip::Hop;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// An enum that a recording has as objects with a tag: `{"in":"key","leg":"caller",...}`. It is written so by serde, and read
/// with the tag beforehand (`reading`): serde's own way would gather each object before it looks at it.
macro_rules! tagged {
    ($own:literal by $tag:literal: $(#[$about:meta])* pub enum $name:ident { $($variants:tt)* }) => {
        $(#[$about])*
        #[derive(Clone, PartialEq, Serialize)]
        #[serde(tag = $tag, rename_all = "kebab-case")]
        pub enum $name { $($variants)* }

        const _: () = {
            #[derive(Deserialize)]
            #[serde(remote = $own, rename_all = "kebab-case")]
            enum Read { $($variants)* }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(from: D) -> Result<$name, D::Error> {
                    Read::deserialize(from)
                }
            }
        };
    };
}

/// A leg of the call: the caller's, or the agent's that it is bridged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Leg {
    Caller,
    Agent,
}

impl Leg {
    pub const BOTH: [Leg; 2] = [Leg::Caller, Leg::Agent];

    pub fn other(self) -> Leg {
        match self {
            Leg::Caller => Leg::Agent,
            Leg::Agent => Leg::Caller,
        }
    }
}

/// What brought a key; the better one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyCarrier {
    /// telephone-event, RFC 4733.
    Rtp,
    /// SIP INFO with application/dtmf-relay or application/dtmf.
    Info,
    /// Tones in the audio, of a side that did not agree on telephone-event.
    InBand,
}

/// The INVITE, as far as a call needs it. What an untrusted trunk sent is not in here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// The caller's number, normalised; absent for an anonymous caller.
    #[serde(with = "clear::optional")]
    pub from: Option<Secret>,
    #[serde(with = "clear::optional")]
    pub name: Option<Secret>,
    /// Number and name are for the flow alone: the caller asked that nobody whom it talks to sees them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    pub to: String,
    #[serde(with = "clear::pairs")]
    pub uui: Vec<(String, Secret)>,
    #[serde(with = "clear::pairs")]
    pub headers: Vec<(String, Secret)>,
    /// None if the caller wants ours (RFC 3261 section 13.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// What was known before this call: posted by another channel, of the same caller's call that was cut off, and of the
    /// case that it came back to.
    #[serde(with = "clear::earlier", default, skip_serializing_if = "Vec::is_empty")]
    pub web: Vec<Earlier>,
    #[serde(with = "clear::earlier", default, skip_serializing_if = "Vec::is_empty")]
    pub last_call: Vec<Earlier>,
    #[serde(with = "clear::earlier", default, skip_serializing_if = "Vec::is_empty")]
    pub case: Vec<Earlier>,
    /// Its Max-Forwards: what an agent's INVITE may still go, so that a call which is routed back to us ends.
    pub max_forwards: u8,
}

/// What a line tells a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "lowercase")]
pub enum LineTold {
    /// Its place, and the seconds that the wait may take.
    Place {
        position: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
    },
    Turn,
    Full,
}

/// How a switch is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switched {
    pub name: String,
    pub on: bool,
}

tagged! { "In" by "in":
/// An input of the call.
pub enum In {
    Invite(Box<Arrival>),
    Key {
        leg: Leg,
        #[serde(with = "clear::key")]
        key: Key,
        by: KeyCarrier,
    },
    /// The caller showed that it is there before it was answered: it acknowledged our 183 or sent sound, or its INVITE came
    /// over a connection.
    Shown,
    /// The last frame of that play went out.
    PlayEnded {
        play: u32,
    },
    /// A context reference, minted by the shell from the system's randomness.
    Ref {
        #[serde(with = "clear::secret")]
        reference: Secret,
    },
    /// The store's word on the context that it was given under that number.
    Store {
        store: u32,
        kept: bool,
    },
    /// Where a URI leads, to be tried in this order; none if nobody knows.
    Resolved {
        resolve: u32,
        hops: Vec<Hop>,
    },
    /// How a lookup ended, and what it found.
    LookedUp {
        lookup: u32,
        outcome: Outcome,
        #[serde(with = "clear::pairs", default, skip_serializing_if = "Vec::is_empty")]
        values: Vec<(String, Secret)>,
    },
    /// That side's phone asks us to send the other one on (REFER): to that URI, in place of that dialog (Replaces).
    Refer {
        leg: Leg,
        to: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<String>,
    },
    /// A word of the line that the caller waits in.
    Line(LineTold),
    /// A switch was set.
    Switch {
        name: String,
        on: bool,
    },
    /// 1xx to the agent's INVITE, with what its side sends before it answers.
    Progress {
        status: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<Offer>,
    },
    /// 2xx to the agent's INVITE; `None` if it brought no usable session description.
    Answered {
        answer: Option<Offer>,
    },
    /// The agent's INVITE failed for good; a 3xx says in Contacts whom to call instead.
    Refused {
        status: u16,
        reason: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        contacts: Vec<String>,
    },
    /// The answer to our REFER.
    Referred {
        status: u16,
    },
    /// A NOTIFY of it: how the transfer stands, and whether that was the last word.
    Transfer {
        status: u16,
        last: bool,
    },
    /// A new offer within the dialog; `None` if the re-INVITE brought none and asks for ours.
    Reoffer {
        leg: Leg,
        offer: Option<Offer>,
    },
    /// The answer to an offer of ours, in the ACK of an INVITE or re-INVITE that had none; `None` if the ACK has no usable
    /// one.
    LateAnswer {
        leg: Leg,
        answer: Option<Offer>,
    },
    /// That file of the call's sound is finished, or could not be written.
    Recorded {
        file: String,
        ended: Ended,
    },
    /// What the caller said is recorded under that name (`ok`), nothing was said (`none`), or it failed.
    Taken {
        take: String,
        outcome: Outcome,
    },
    /// Whether what was to be announced is.
    Announced {
        announce: u32,
        done: bool,
    },
    /// That side hung up (BYE, or CANCEL before the answer).
    Bye {
        leg: Leg,
    },
    /// The dialog is gone without a BYE: no ACK came, or a request in it failed.
    Lost {
        leg: Leg,
        why: String,
    },
}
}

/// How a fact changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactChange {
    pub name: String,
    /// `filled`, `declined` or `forgotten`.
    pub state: String,
    #[serde(with = "clear::optional", default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Secret>,
    /// The source of a filled fact, the reason of a declined one.
    pub by: String,
    pub tries: u32,
}

impl FactChange {
    /// A fact that is unknown was forgotten.
    pub fn of(fact: &crate::context::Fact) -> FactChange {
        let (state, value, by) = match &fact.state {
            State::Unknown => ("forgotten", None, "flow".to_owned()),
            State::Filled { value, from, .. } => ("filled", Some(value), from.to_string()),
            State::Declined { why, .. } => ("declined", None, format!("{why:?}").to_lowercase()),
        };
        let value = value.cloned();
        FactChange { name: fact.name.clone(), state: state.to_owned(), value, by, tries: fact.tries }
    }
}

/// Who ended the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndedBy {
    Caller,
    Agent,
    Flow,
    System,
}

/// How the call ended: the closed list of the CDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    Agent,
    Transferred,
    SelfServed,
    AbandonedFlow,
    AbandonedQueue,
    Closed,
    Rejected,
    Failed,
}

tagged! { "Out" by "out":
/// An output of the call.
pub enum Out {
    /// 200 to the caller's INVITE: the answer, or our offer where the INVITE had none.
    Answer {
        sdp: String,
    },
    /// 183 to the caller's INVITE: what it hears before the answer is there.
    Early {
        sdp: String,
    },
    /// A final refusal of the caller's INVITE.
    Reject {
        status: u16,
        /// What a Warning says of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    /// Opens a leg's media stream.
    Listen {
        leg: Leg,
        session: Negotiated,
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
    },
    /// A re-INVITE was accepted: answers it, and the stream follows.
    Reanswer {
        leg: Leg,
        sdp: String,
        session: Option<Negotiated>,
    },
    /// What a late answer agreed on: the stream follows.
    Retarget {
        leg: Leg,
        session: Negotiated,
    },
    /// A re-INVITE was refused.
    Rerefuse {
        leg: Leg,
        status: u16,
    },
    /// A step of the flow begins.
    Step {
        block: String,
        step: usize,
        verb: String,
        line: usize,
    },
    Play {
        leg: Leg,
        play: u32,
        #[serde(with = "clear::speech")]
        say: Vec<Utterance>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        looped: bool,
        /// The frame to begin at, for all who hear the same music to be at the same place of it.
        #[serde(default, skip_serializing_if = "is_zero")]
        from: u32,
    },
    /// Presses a key on that side.
    Press {
        leg: Leg,
        #[serde(with = "clear::key")]
        key: Key,
    },
    Stop {
        leg: Leg,
    },
    Fact(FactChange),
    /// Asks the shell for a context reference.
    Mint,
    /// The context, to be made durable before the agent's phone rings.
    Store {
        /// Counts the call's stores, so that a late word is not taken for another's.
        store: u32,
        #[serde(with = "clear::secret")]
        reference: Secret,
        destination: String,
        context: serde_json::Value,
    },
    /// Into the line of a queue.
    Join {
        queue: String,
        at_once: usize,
        size: usize,
    },
    /// Out of it.
    Leave,
    /// Asks a system of the business.
    Lookup {
        /// Counts the call's lookups, so that a late answer is not taken for another's.
        lookup: u32,
        name: String,
        #[serde(with = "clear::request")]
        request: LookupRequest,
    },
    /// Asks the shell where a URI leads.
    Resolve {
        /// Counts the call's questions, so that a late answer is not taken for another's.
        resolve: u32,
        uri: String,
    },
    /// The INVITE to the agent's phone, byte for byte.
    Agent {
        destination: String,
        target: String,
        /// Where it is sent.
        hop: Hop,
        invite: String,
        /// Whether the context was durable before this INVITE.
        durable: bool,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        omitted: Vec<String>,
    },
    /// That destination takes no JSON beside the session description: later calls need not try.
    Bodiless {
        destination: String,
    },
    /// REFER to the caller's phone; its Refer-To holds the context.
    Refer {
        destination: String,
        target: String,
        #[serde(with = "clear::secret")]
        refer_to: Secret,
        because: String,
        durable: bool,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        omitted: Vec<String>,
    },
    /// The answer to that side's REFER: 202, and we do it.
    AnswerRefer {
        leg: Leg,
        status: u16,
    },
    /// What is done with that file of the call's sound.
    Record {
        act: RecordAct,
        file: String,
    },
    /// Records what the caller says, under that name, until it is silent or for so long.
    Take {
        take: String,
        longest_ms: u64,
    },
    /// The caller has said everything.
    EndTake {
        take: String,
    },
    /// From now on that take is heard in place of a prompt in that language, and the switch is set.
    Announce {
        /// Counts the call's announcements.
        announce: u32,
        prompt: String,
        language: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        take: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        switch: Option<Switched>,
    },
    /// Withdraws the INVITE to the agent.
    Cancel,
    Bridge,
    Unbridge,
    /// BYE to that side.
    Hangup {
        leg: Leg,
    },
    /// The call is over; nothing follows.
    End {
        disposition: Disposition,
        by: EndedBy,
    },
}
}

fn is_zero(frame: &u32) -> bool {
    *frame == 0
}

/// A recording shows values, a log must not: `Debug` of the seam shows none.
impl fmt::Debug for In {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("In")
    }
}

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Out")
    }
}
