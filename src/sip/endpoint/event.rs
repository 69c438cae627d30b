//! What an endpoint gives out: packets to send, and what happened to its dialogs.

use std::fmt;

use super::outside::RequestId;
use crate::sip::hop::Hop;
use crate::sip::message::{BadHeader, Request, Response};

/// A dialog of this endpoint; a number is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DialogId(pub u64);

/// One thing drained from the endpoint.
pub enum Output {
    /// A message to be sent.
    Send {
        to: Hop,
        bytes: Vec<u8>,
    },
    Event(Event),
}

/// What happened. After an event that says "the dialog is gone", its number means nothing any more.
pub enum Event {
    /// A new call; its 100 goes out unless it is answered within 200 ms.
    Invite { dialog: DialogId, from: Hop, request: Box<Request> },
    /// The ACK of our 2xx came, to the INVITE or to a re-INVITE. If that 2xx held an offer, `answer` is the ACK's body,
    /// which is empty if the peer owes us the answer.
    Confirmed { dialog: DialogId, answer: Option<Vec<u8>> },
    /// The PRACK of our reliable 1xx came; `answer` as above.
    Acknowledged { dialog: DialogId, answer: Option<Vec<u8>> },
    /// The caller gave up; 487 and the 200 to its CANCEL are sent; the dialog is gone.
    Cancelled { dialog: DialogId },
    /// A re-INVITE, or the offer of an UPDATE or PRACK, which may come before the call is answered. To be answered
    /// with `accept_reinvite` or `refuse_reinvite`.
    Reinvite { dialog: DialogId, request: Box<Request> },
    /// Its 200 is sent.
    Info { dialog: DialogId, request: Box<Request> },
    /// Its 200 is sent; the dialog is gone.
    Bye { dialog: DialogId },
    /// A 1xx to our INVITE, 100 included; a reliable one has its PRACK and is told once.
    Progress { dialog: DialogId, status: u16, body: Vec<u8> },
    /// The 2xx to our INVITE; its ACK is sent. The body is that of the early dialog's reliable 1xx if it has none itself.
    Answered { dialog: DialogId, response: Box<Response> },
    /// The 2xx to our re-INVITE, whose ACK is sent, or to our UPDATE with an offer.
    Reanswered { dialog: DialogId, response: Box<Response> },
    /// Our INVITE failed: 300-699 as received, 408 if no answer came, 487 after `cancel`. The dialog is gone.
    /// `contacts` are those of a 3xx, as written.
    Refused { dialog: DialogId, status: u16, reason: String, contacts: Vec<String> },
    /// Our re-INVITE or UPDATE failed and the session stays as it was. 491: it met glare, and was made again in vain or
    /// an offer of the peer took its place (RFC 3261 section 14.1).
    ReinviteRefused { dialog: DialogId, status: u16, reason: String },
    /// The peer wants us to go elsewhere: its Refer-To. To be answered with `answer_refer`.
    Refer { dialog: DialogId, refer_to: String },
    /// The final answer to our REFER; 2xx: the peer tries.
    Referred { dialog: DialogId, status: u16 },
    /// How the peer's attempt stands, in the status that it got; `last` once nothing more will be told.
    Transfer { dialog: DialogId, status: u16, last: bool },
    /// The final answer to a request outside of dialogs; `None` if there was none in 64*T1.
    Outcome { request: RequestId, response: Option<Box<Response>> },
    /// The peer is out of reach or knows nothing of the dialog any more; the dialog is gone.
    Lost { dialog: DialogId, why: Loss },
    /// A dialog that its owner ended before the ACK: that came, or nobody waits for it any more.
    Ended { dialog: DialogId },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Our 2xx was not ACKed within 64*T1; a BYE was sent.
    NoAck,
    /// A request of ours got 481.
    Unknown,
    /// A request of ours got 408 or nothing; a BYE was sent.
    NoAnswer,
    /// The caller never acknowledged our reliable 1xx; its INVITE got 500.
    NoPrack,
    /// Nobody refreshed the session in time (RFC 4028); a BYE was sent.
    Expired,
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The dialog is gone (its end may be among the events not yet drained).
    NoDialog,
    /// The dialog is not in the state that the command needs.
    NotNow,
    /// At `max_transactions` or `max_dialogs`.
    Full,
    /// A value that may not go onto the wire, or a request that lacks what it must have.
    Bad(&'static str),
}

impl From<BadHeader> for Refusal {
    fn from(bad: BadHeader) -> Refusal {
        Refusal::Bad(bad.0)
    }
}

/// What the endpoint has seen and refused, since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    pub received: u64,
    /// Answered with 400, 414, 505 or 513.
    pub malformed_answered: u64,
    pub malformed_dropped: u64,
    /// Requests that the endpoint itself answered with an error.
    pub refused: u64,
    /// Of these: new INVITEs and requests in dialogs that met a full table.
    pub no_room: u64,
    /// New calls and OPTIONS turned away at the door.
    pub forbidden: u64,
    pub unavailable: u64,
    /// Requests that came again.
    pub repeated: u64,
    /// Messages that we sent again.
    pub resent: u64,
    /// Messages that the shell could not deliver.
    pub undelivered: u64,
    pub stray_acks: u64,
    pub stray_responses: u64,
    /// Second answers to one INVITE, ended with ACK and BYE.
    pub forks_ended: u64,
    /// Answers, and 1xx of further phones, beyond the bound on forks: dropped.
    pub forks_dropped: u64,
    /// Requests beyond what a dialog may bring in a second, answered with 503.
    pub dialog_floods: u64,
}

/// A datagram shows its length only: it may hold caller data.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Send { to, bytes } => write!(f, "Send({} bytes to {to})", bytes.len()),
            Output::Event(event) => event.fmt(f),
        }
    }
}

/// By name and dialog only: bodies of INFO and headers of INVITE hold caller data.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Invite { dialog, from, .. } => write!(f, "Invite({}, from {from})", dialog.0),
            Event::Confirmed { dialog, .. } => write!(f, "Confirmed({})", dialog.0),
            Event::Acknowledged { dialog, .. } => write!(f, "Acknowledged({})", dialog.0),
            Event::Cancelled { dialog } => write!(f, "Cancelled({})", dialog.0),
            Event::Reinvite { dialog, .. } => write!(f, "Reinvite({})", dialog.0),
            Event::Info { dialog, .. } => write!(f, "Info({})", dialog.0),
            Event::Bye { dialog } => write!(f, "Bye({})", dialog.0),
            Event::Progress { dialog, status, .. } => write!(f, "Progress({}, {status})", dialog.0),
            Event::Answered { dialog, .. } => write!(f, "Answered({})", dialog.0),
            Event::Reanswered { dialog, .. } => write!(f, "Reanswered({})", dialog.0),
            Event::Refused { dialog, status, .. } => write!(f, "Refused({}, {status})", dialog.0),
            Event::ReinviteRefused { dialog, status, .. } => write!(f, "ReinviteRefused({}, {status})", dialog.0),
            Event::Refer { dialog, .. } => write!(f, "Refer({})", dialog.0),
            Event::Referred { dialog, status } => write!(f, "Referred({}, {status})", dialog.0),
            Event::Transfer { dialog, status, last } => write!(f, "Transfer({}, {status}, {last})", dialog.0),
            Event::Outcome { request, .. } => write!(f, "Outcome({})", request.0),
            Event::Lost { dialog, why } => write!(f, "Lost({}, {why:?})", dialog.0),
            Event::Ended { dialog } => write!(f, "Ended({})", dialog.0),
        }
    }
}
