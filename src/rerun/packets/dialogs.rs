//! The SIP of a recorded call's two legs, made of its inputs and outputs. Of the agent's INVITE every byte is recorded; the
//! others say what the recording says, in the plainest words: no retransmissions, no routes, no authentication.

use super::dialog::{Dialog, Field, SDP};
use crate::context::carrier::uui;
use crate::record::fixture::{Fixture, Step};
use crate::record::pcap::Datagram;
use crate::record::seam::{Arrival, In, KeyCarrier, Leg, Out};
use crate::record::trace::Way;
use crate::sdp::{Offer, in_clear};
use crate::sip::endpoint::reason;
use crate::sip::{Hop, Message, Method, Request, Uri, quoted, uri, wire};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where a caller is whose address is nowhere in the recording (RFC 5737).
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const PORT: u16 = 5060;
const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
const NO_BODY: (&str, String) = ("", String::new());

/// The messages, in the order in which they went.
pub fn datagrams(call: &Fixture) -> Vec<Datagram<'static>> {
    let mut ladder = Ladder { call, t: 0, legs: [None, None], written: Vec::new() };
    for line in &call.lines {
        ladder.t = line.t;
        match &line.step {
            Step::In(input) => ladder.input(input),
            Step::Out(out) => ladder.output(out),
        }
    }
    ladder.written
}

struct Ladder<'c> {
    call: &'c Fixture,
    /// Of the line that is looked at.
    t: u64,
    /// By leg.
    legs: [Option<Dialog>; 2],
    written: Vec<Datagram<'static>>,
}

impl Ladder<'_> {
    fn input(&mut self, input: &In) {
        match input {
            In::Invite(arrival) => self.arrive(arrival),
            In::Key { leg, key, by: KeyCarrier::Info } => {
                let body = format!("Signal={}\r\nDuration=100\r\n", key.to_char());
                self.exchange(*leg, Way::In, Method::Info, ("application/dtmf-relay", body), &[]);
            }
            In::Reoffer { leg, offer } => self.ask(*leg, Way::In, Method::Invite, (SDP, described(offer, 2)), &[]),
            In::LateAnswer { leg, answer } => self.acknowledge(*leg, described(answer, 1)),
            In::Refer { leg, to, replaces } => {
                let replaces =
                    replaces.as_deref().map_or_else(String::new, |it| format!("?Replaces={}", uri::encode(it)));
                let refer_to = [("Refer-To", format!("<{to}{replaces}>"))];
                self.ask(*leg, Way::In, Method::Refer, NO_BODY, &refer_to);
            }
            In::Referred { status } => self.answer(Leg::Caller, (*status, ""), String::new(), &[]),
            In::Transfer { status, last } => {
                let state = if *last { "terminated;reason=noresource" } else { "active;expires=60" };
                let headers = [("Event", "refer".to_owned()), ("Subscription-State", state.to_owned())];
                let told = format!("SIP/2.0 {status} {}\r\n", reason(*status));
                self.exchange(Leg::Caller, Way::In, Method::Notify, ("message/sipfrag;version=2.0", told), &headers);
            }
            In::Progress { status, answer } => self.answer(Leg::Agent, (*status, ""), described(answer, 1), &[]),
            In::Answered { answer } => {
                self.answer(Leg::Agent, (200, ""), described(answer, 1), &[]);
                self.acknowledge(Leg::Agent, String::new());
            }
            In::Refused { status, reason, contacts } => {
                let contacts: Vec<_> = contacts.iter().map(|contact| ("Contact", format!("<{contact}>"))).collect();
                self.answer(Leg::Agent, (*status, reason), String::new(), &contacts);
                self.legs[Leg::Agent as usize] = None;
            }
            In::Bye { leg } => self.end(*leg, Way::In),
            In::Lost { leg, .. } => self.legs[*leg as usize] = None,
            _ => {}
        }
    }

    fn output(&mut self, out: &Out) {
        match out {
            Out::Early { sdp } => self.answer(Leg::Caller, (183, ""), in_clear(sdp), &[]),
            Out::Answer { sdp } => self.accept(Leg::Caller, sdp),
            Out::Reanswer { leg, sdp, .. } => self.accept(*leg, sdp),
            Out::Rerefuse { leg, status } | Out::AnswerRefer { leg, status } => {
                self.answer(*leg, (*status, ""), String::new(), &[]);
            }
            Out::Reject { status, because } => {
                let warning = because.as_ref().map(|because| ("Warning", format!("302 askonce \"{because}\"")));
                self.answer(Leg::Caller, (*status, ""), String::new(), warning.as_slice());
                self.legs[Leg::Caller as usize] = None;
            }
            Out::Agent { hop, invite, .. } => self.ring(*hop, invite),
            Out::Refer { refer_to, .. } => {
                let refer_to = [("Refer-To", refer_to.open().to_owned())];
                self.ask(Leg::Caller, Way::Out, Method::Refer, NO_BODY, &refer_to);
            }
            Out::Cancel => self.end(Leg::Agent, Way::Out),
            Out::Hangup { leg } => self.end(*leg, Way::Out),
            _ => {}
        }
    }

    /// The caller's INVITE, as it must have been for the call to know what it did.
    fn arrive(&mut self, arrival: &Arrival) {
        let header = &self.call.header;
        let traced = self.call.sip.iter().find(|sip| sip.leg == Leg::Caller && sip.sip == Way::In);
        let at = arrival.offer.as_ref().map_or(NOWHERE, |offer| offer.address.ip());
        let them = traced.map_or(Hop::udp(SocketAddr::new(at, PORT)), |sip| sip.with);
        let us = traced.map(|sip| sip.via).or_else(|| header.local.sip.facing(&them));
        let us = us.unwrap_or(Hop::udp(SocketAddr::new(header.local.caller_media.ip(), PORT)));
        let Ok(uri) = Uri::of(&arrival.to, us.address) else { return };
        let caller = caller(arrival, them.address);
        let mut headers = vec![("Max-Forwards", arrival.max_forwards.to_string())];
        if arrival.from.is_some() {
            headers.push(("P-Asserted-Identity", caller.clone()));
        }
        if arrival.private {
            headers.push(("Privacy", "id".to_owned()));
        }
        if !arrival.uui.is_empty() {
            headers.push(("User-to-User", uui::write(&arrival.uui)));
        }
        headers.extend(arrival.headers.iter().map(|(name, value)| (name.as_str(), value.open().to_owned())));
        let from = if arrival.private { ANONYMOUS.to_owned() } else { caller };
        let mut dialog = Dialog::theirs((us, them), (&from, &uri), &header.call);
        let invite = dialog.request(Way::In, Method::Invite, uri, (SDP, described(&arrival.offer, 1)), &headers);
        self.legs[Leg::Caller as usize] = Some(dialog);
        self.send(Leg::Caller, Way::In, invite);
    }

    /// Our INVITE, byte for byte.
    fn ring(&mut self, them: Hop, invite: &str) {
        let Ok(Message::Request(request)) = wire::read(invite.as_bytes()) else { return };
        let us = self.call.header.local.sip.facing(&them).unwrap_or(them);
        self.legs[Leg::Agent as usize] = Some(Dialog::ours((us, them), request));
        self.put(Leg::Agent, Way::Out, invite.as_bytes().to_vec());
    }

    /// A request in a dialog.
    fn ask(&mut self, leg: Leg, way: Way, method: Method, body: (&str, String), headers: &[Field<'_>]) {
        let Some(dialog) = &mut self.legs[leg as usize] else { return };
        let Ok(uri) = Uri::of("", dialog.end(back(way)).address) else { return };
        let headers = [&[("Max-Forwards", "70".to_owned())], headers].concat();
        let request = dialog.request(way, method, uri, body, &headers);
        self.send(leg, way, request);
    }

    fn send(&mut self, leg: Leg, way: Way, request: Request) {
        self.put(leg, way, request.to_bytes());
        if let Some(dialog) = &mut self.legs[leg as usize] {
            dialog.open = Some((way, request));
        }
    }

    /// The answer to what is open, and what an INVITE's refusal is answered with.
    fn answer(&mut self, leg: Leg, (status, why): (u16, &str), sdp: String, headers: &[Field<'_>]) {
        let Some(dialog) = &mut self.legs[leg as usize] else { return };
        let Some((way, request)) = dialog.open.take() else { return };
        let why = if why.is_empty() { reason(status) } else { why };
        let response = dialog.response(&request, back(way), (status, why), sdp, headers);
        let invites = request.method == Method::Invite;
        let refused = (status >= 300 && invites).then(|| dialog.ack(&request, String::new()));
        // A 200 to an INVITE waits for its ACK.
        dialog.open = (status < if invites { 300 } else { 200 }).then_some((way, request));
        self.put(leg, back(way), response.to_bytes());
        if let Some(ack) = refused {
            self.put(leg, way, ack.to_bytes());
        }
    }

    /// Our 200; its ACK is written with it, unless it is to bring the answer to our offer.
    fn accept(&mut self, leg: Leg, sdp: &str) {
        self.answer(leg, (200, ""), in_clear(sdp), &[]);
        let Some(dialog) = &mut self.legs[leg as usize] else { return };
        dialog.stands = true;
        if dialog.open.as_ref().is_some_and(|(_, request)| !request.body.is_empty()) {
            self.acknowledge(leg, String::new());
        }
    }

    /// The ACK of a 200 to an INVITE.
    fn acknowledge(&mut self, leg: Leg, sdp: String) {
        let Some(dialog) = &mut self.legs[leg as usize] else { return };
        dialog.stands = true;
        let Some((way, request)) = dialog.open.take() else { return };
        let ack = dialog.ack(&request, sdp);
        self.put(leg, way, ack.to_bytes());
    }

    /// A request that is answered at once, whatever else is open.
    fn exchange(&mut self, leg: Leg, way: Way, method: Method, body: (&str, String), headers: &[Field<'_>]) {
        let before = self.legs[leg as usize].as_mut().and_then(|dialog| dialog.open.take());
        self.ask(leg, way, method, body, headers);
        self.answer(leg, (200, ""), String::new(), &[]);
        if let Some(dialog) = &mut self.legs[leg as usize] {
            dialog.open = before;
        }
    }

    /// A leg ends: by BYE if it stands, else by CANCEL, or by a refusal of whoever was called.
    fn end(&mut self, leg: Leg, way: Way) {
        let Some(dialog) = &self.legs[leg as usize] else { return };
        match &dialog.open {
            _ if dialog.stands => self.exchange(leg, way, Method::Bye, NO_BODY, &[]),
            Some((began, invite)) if *began == way => {
                let cancel = dialog.cancel(invite);
                let done = dialog.response(&cancel, back(way), (200, reason(200)), String::new(), &[]);
                self.put(leg, way, cancel.to_bytes());
                self.put(leg, back(way), done.to_bytes());
                self.answer(leg, (487, ""), String::new(), &[]);
            }
            _ => self.answer(leg, (480, ""), String::new(), &[]),
        }
        self.legs[leg as usize] = None;
    }

    fn put(&mut self, leg: Leg, way: Way, bytes: Vec<u8>) {
        let Some(dialog) = &self.legs[leg as usize] else { return };
        let (from, to) = (dialog.end(way).address, dialog.end(back(way)).address);
        self.written.push(Datagram { t: self.t, from, to, payload: Cow::Owned(bytes) });
    }
}

fn back(way: Way) -> Way {
    if way == Way::In { Way::Out } else { Way::In }
}

fn described(offer: &Option<Offer>, version: u32) -> String {
    offer.as_ref().map_or_else(String::new, |offer| offer.in_clear(1, version))
}

/// The caller as its network names it.
fn caller(arrival: &Arrival, host: SocketAddr) -> String {
    let Some(number) = &arrival.from else { return ANONYMOUS.to_owned() };
    let name = arrival.name.as_ref().map_or_else(String::new, |name| quoted(name.open()) + " ");
    format!("{name}<sip:{}@{host}>", number.open())
}
