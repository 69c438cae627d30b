//! The SIP messages of a capture by their dialogs: who called whom, and what each side said, once, however often it was
//! sent and however many proxies it passed.

use super::media::{Party, Pressed};
use super::unread::{Unread, Why};
use crate::engine::referred_to;
use crate::key::Key;
use crate::record::seam::KeyCarrier;
use crate::sdp::{self, Offer};
use crate::sip::{Head, Hop, Message, Method, Request, Response, info, wire};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// Dialogs of one capture.
const DIALOGS: usize = 65_536;
/// Of them, with one Call-ID: phones fork to a few.
const FORKS: usize = 64;
/// What is kept of one: a call of hours with a key a second.
const EVENTS: usize = 8_192;
/// Messages that are known as said already.
const SAID: usize = 16_384;

/// One INVITE, and everything between who sent it and whoever answered.
pub struct Dialog {
    call_id: String,
    /// Of who sent the INVITE, as far as that is known.
    tag: String,
    /// `None`: it began before the capture.
    pub invite: Option<Invite>,
    /// Packets with a message of it.
    pub first: u64,
    pub last: u64,
    /// When its last message came.
    pub until: u64,
    pub events: Vec<Event>,
    /// Events that found no room.
    pub dropped: u64,
    /// Our own kind sent the INVITE, or answered it.
    pub askonce: [bool; 2],
    /// Where each side says that it is reached.
    pub contacts: [Option<String>; 2],
    /// What each side described last, and from where.
    pub described: [Option<(Offer, IpAddr)>; 2],
    said: HashSet<(Party, String, u32)>,
}

/// The INVITE, as it came to who answered it.
pub struct Invite {
    pub at: u64,
    /// The first and the last hop that the capture shows of its way.
    pub sent_by: Hop,
    pub from: Hop,
    pub to: Hop,
    pub request: Request,
    cseq: u32,
    vias: usize,
}

/// Something that one side said.
pub struct Event {
    pub at: u64,
    pub by: Party,
    pub what: What,
}

pub enum What {
    /// A new offer within the dialog, or the wish for one.
    Reinvite(Option<Offer>),
    /// Answers to the INVITE.
    Progress {
        status: u16,
        answer: Option<Offer>,
    },
    Answered {
        answer: Option<Offer>,
    },
    Refused {
        status: u16,
        reason: String,
        contacts: Vec<String>,
    },
    /// An ACK with the answer to what we offered.
    Late(Option<Offer>),
    Key(Key, KeyCarrier),
    Refer {
        to: String,
        replaces: Option<String>,
    },
    Referred(u16),
    Transfer {
        status: u16,
        last: bool,
    },
    /// BYE, or CANCEL before the answer.
    Bye,
}

/// A message with its way.
pub struct Told<'m> {
    pub number: u64,
    pub at: u64,
    pub from: Hop,
    pub to: Hop,
    pub bytes: &'m [u8],
}

#[derive(Default)]
pub struct Dialogs {
    pub all: Vec<Dialog>,
    by_call: HashMap<String, Vec<usize>>,
}

/// What the media has to know.
pub enum Change {
    Described(usize),
    Ended(usize),
}

impl Dialogs {
    pub fn message(&mut self, told: &Told, unread: &mut Unread) -> Option<Change> {
        let message = match wire::read(told.bytes) {
            Ok(message) => message,
            Err(_) => {
                unread.note(told.number, Why::NotSip);
                return None;
            }
        };
        let headers = match &message {
            Message::Request(request) => &request.headers,
            Message::Response(response) => &response.headers,
        };
        let Ok(head) = headers.head() else {
            unread.note(told.number, Why::NotSip);
            return None;
        };
        let (at, by) = self.whose(told, &message, &head, unread)?;
        let dialog = &mut self.all[at];
        dialog.last = told.number;
        dialog.until = dialog.until.max(told.at);
        let body = match &message {
            Message::Request(request) => {
                dialog.request(told, by, request, &head);
                &request.body
            }
            Message::Response(response) => {
                dialog.response(told, by, response, &head);
                &response.body
            }
        };
        if let Ok(offer) = sdp::read(body) {
            dialog.described[by as usize] = Some((offer, told.from.address.ip()));
            return Some(Change::Described(at));
        }
        let over = dialog.events.last().is_some_and(|event| matches!(event.what, What::Bye | What::Refused { .. }));
        over.then_some(Change::Ended(at))
    }

    pub fn pressed(&mut self, at: u64, pressed: Pressed) {
        if let Some(dialog) = self.all.get_mut(pressed.dialog) {
            dialog.until = dialog.until.max(at);
            dialog.add(at, pressed.by, What::Key(pressed.key, pressed.carrier));
        }
    }

    /// The dialog of a message, and which side of it has sent it; a new one where the message begins one.
    fn whose(&mut self, told: &Told, message: &Message, head: &Head, unread: &mut Unread) -> Option<(usize, Party)> {
        let (from, to) = (head.from.tag().unwrap_or(""), head.to.tag().unwrap_or(""));
        let asks = matches!(message, Message::Request(_));
        let known = self.by_call.get(head.call_id).map_or(&[][..], Vec::as_slice);
        let of = |tag: &str| known.iter().copied().find(|at| self.all[*at].tag == tag);
        // From names who sent the request, in its answers as well.
        let found = of(from).map(|at| (at, Party::Calling));
        let found = found.or_else(|| of(to).filter(|_| !to.is_empty()).map(|at| (at, Party::Called)));
        if let Some((at, requester)) = found {
            return Some((at, if asks { requester } else { requester.other() }));
        }
        let begins = head.method == Method::Invite && to.is_empty();
        let within = [Method::Invite, Method::Bye, Method::Info, Method::Ack].contains(&head.method) && !to.is_empty();
        if !asks || !begins && !within {
            return None;
        }
        if self.all.len() >= DIALOGS || known.len() >= FORKS {
            unread.note(told.number, Why::Full);
            return None;
        }
        let at = self.all.len();
        self.by_call.entry(head.call_id.to_owned()).or_default().push(at);
        self.all.push(Dialog::new(told, head.call_id, from));
        Some((at, Party::Calling))
    }
}

impl Dialog {
    fn new(told: &Told, call_id: &str, tag: &str) -> Dialog {
        Dialog {
            call_id: call_id.to_owned(),
            tag: tag.to_owned(),
            invite: None,
            first: told.number,
            last: told.number,
            until: told.at,
            events: Vec::new(),
            dropped: 0,
            askonce: [false; 2],
            contacts: [None, None],
            described: [None, None],
            said: HashSet::new(),
        }
    }

    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    fn add(&mut self, at: u64, by: Party, what: What) {
        if self.events.len() < EVENTS {
            self.events.push(Event { at, by, what });
        } else {
            self.dropped += 1;
        }
    }

    /// Whether it is said for the first time.
    fn is_new(&mut self, by: Party, what: String, cseq: u32) -> bool {
        self.said.len() < SAID && self.said.insert((by, what, cseq))
    }

    fn request(&mut self, told: &Told, by: Party, request: &Request, head: &Head) {
        self.note_side(by, request.headers.get("User-Agent"), request.headers.get("Contact"));
        if request.method == Method::Invite && head.to.tag().is_none() {
            return self.begin(told, request, head.cseq);
        }
        if !self.is_new(by, request.method.to_string(), head.cseq) {
            return;
        }
        let offer = || sdp::read(&request.body).ok();
        let what = match request.method {
            Method::Invite if request.body.is_empty() => What::Reinvite(None),
            // An UPDATE without a description only says that the call stands.
            Method::Invite | Method::Update => match offer() {
                Some(offer) => What::Reinvite(Some(offer)),
                None => return,
            },
            Method::Ack if !request.body.is_empty() => What::Late(offer()),
            Method::Info => match info::key(request) {
                Some(key) => What::Key(key, KeyCarrier::Info),
                None => return,
            },
            Method::Bye | Method::Cancel => What::Bye,
            Method::Refer => match request.headers.get("Refer-To").and_then(referred_to) {
                Some((to, replaces)) => What::Refer { to, replaces },
                None => return,
            },
            Method::Notify => match transfer(request) {
                Some((status, last)) => What::Transfer { status, last },
                None => return,
            },
            _ => return,
        };
        self.add(told.at, by, what);
    }

    /// The INVITE: sent again with credentials, it is another one; at the next hop, the same with one Via more.
    fn begin(&mut self, told: &Told, request: &Request, cseq: u32) {
        let vias = request.headers.all("Via").count();
        let fresh = || Invite {
            at: told.at,
            sent_by: told.from,
            from: told.from,
            to: told.to,
            request: request.clone(),
            cseq,
            vias,
        };
        match &mut self.invite {
            Some(invite) if invite.cseq == cseq && vias > invite.vias => {
                *invite = Invite { sent_by: invite.sent_by, ..fresh() };
            }
            Some(invite) if invite.cseq >= cseq => {}
            invite => {
                *invite = Some(fresh());
                self.events.retain(|event| !matches!(event.what, What::Refused { .. } | What::Progress { .. }));
            }
        }
    }

    fn response(&mut self, told: &Told, by: Party, response: &Response, head: &Head) {
        self.note_side(by, response.headers.get("Server"), response.headers.get("Contact"));
        let status = response.status;
        let tag = head.to.tag().unwrap_or("");
        if !self.is_new(by, format!("{status} {} {tag}", head.method), head.cseq) {
            return;
        }
        let answer = || sdp::read(&response.body).ok();
        let first = self.invite.as_ref().is_some_and(|invite| invite.cseq == head.cseq);
        let settled = |event: &Event| matches!(event.what, What::Answered { .. } | What::Refused { .. });
        let what = match (&head.method, status) {
            (Method::Invite, 101..200) if first => What::Progress { status, answer: answer() },
            // A second answer, of a call that was forked, is ended by who called.
            (Method::Invite, 200..) if first && self.events.iter().any(settled) => return,
            (Method::Invite, 200..300) if first => What::Answered { answer: answer() },
            (Method::Invite, 300..) if first => {
                let contacts = response.headers.all("Contact").map(str::to_owned).collect();
                What::Refused { status, reason: response.reason.clone(), contacts }
            }
            (Method::Refer, 200..) => What::Referred(status),
            _ => return,
        };
        self.add(told.at, by, what);
    }

    fn note_side(&mut self, by: Party, program: Option<&str>, contact: Option<&str>) {
        self.askonce[by as usize] |= program.is_some_and(|program| program.starts_with("askonce/"));
        if let Some(contact) = contact {
            self.contacts[by as usize] = Some(contact.to_owned());
        }
    }
}

/// How a transfer stands, by the NOTIFY that tells of it (RFC 3515 section 2.4.4).
fn transfer(request: &Request) -> Option<(u16, bool)> {
    let state = request.headers.get("Subscription-State").unwrap_or("");
    let last = state.split(';').next().is_some_and(|state| state.trim().eq_ignore_ascii_case("terminated"));
    let line = std::str::from_utf8(&request.body).ok()?.lines().next()?;
    let status = line.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()?;
    Some((status, last))
}
