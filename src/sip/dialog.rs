//! A dialog (RFC 3261 section 12): who the two sides are, how they count, and which way requests go.

use std::net::IpAddr;

use super::hop::{Hop, Locals};
use super::message::{Head, Headers, Method, Request};
use super::name_addr::NameAddr;
use super::uri::{Scheme, Uri};
use serde::{Deserialize, Serialize};

/// How many requests of ours a dialog may have seen since it was kept: a CSeq that is not higher than the last one is
/// refused (RFC 3261 section 12.2.2), and gaps are allowed (section 12.2.1.1).
const UNSEEN: u32 = 1_000_000;

/// A dialog as it is kept beyond its process, or an INVITE that rings: enough to end it. It has the caller's number in it, and prints nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    call_id: String,
    local: String,
    remote: String,
    cseq: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    route_set: Vec<String>,
    target: String,
    pub(super) peer: Hop,
    /// While an INVITE of ours rings: what ends it, in place of a BYE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cancel: Option<String>,
}

impl Standing {
    /// Where the peer's last message came from.
    pub fn peer(&self) -> Hop {
        self.peer
    }
}

#[derive(Clone, Debug)]
pub(super) struct Dialog {
    pub(super) call_id: String,
    /// Our From or To value with its tag.
    local: String,
    /// The peer's; without a tag until it has answered.
    remote: String,
    pub(super) local_tag: String,
    /// Empty until the peer has answered, and with a peer of RFC 2543 that has no tags.
    pub(super) remote_tag: String,
    local_cseq: u32,
    /// The last CSeq of the peer; none yet in a dialog that we began (RFC 3261 section 12.1.2).
    pub(super) remote_cseq: Option<u32>,
    route_set: Vec<String>,
    /// Request-URI of our requests: the peer's last Contact (section 12.2.1.1).
    target: Uri,
    /// Where the peer's last message came from.
    pub(super) peer: Hop,
}

impl Dialog {
    /// The callee's side (section 12.1.1). `target` stands in where the INVITE has no Contact.
    pub(super) fn of_invite(headers: &Headers, head: &Head<'_>, local_tag: String, peer: Hop) -> Dialog {
        let to = headers.get("To").unwrap_or("");
        let mut dialog = Dialog {
            call_id: head.call_id.to_owned(),
            local: format!("{to};tag={local_tag}"),
            remote: headers.get("From").unwrap_or("").to_owned(),
            local_tag,
            remote_tag: head.from.tag().unwrap_or("").to_owned(),
            local_cseq: 0,
            remote_cseq: Some(head.cseq),
            route_set: headers.all("Record-Route").map(str::to_owned).collect(),
            target: head.from.uri.clone(),
            peer,
        };
        dialog.refresh(headers);
        dialog
    }

    /// The caller's side, from the headers of our INVITE or of an answer to it (they say the same of us).
    pub(super) fn of_caller(headers: &Headers, head: &Head<'_>, target: Uri, peer: Hop) -> Dialog {
        Dialog {
            call_id: head.call_id.to_owned(),
            local: headers.get("From").unwrap_or("").to_owned(),
            remote: headers.get("To").unwrap_or("").to_owned(),
            local_tag: head.from.tag().unwrap_or("").to_owned(),
            remote_tag: String::new(),
            local_cseq: head.cseq,
            remote_cseq: None,
            route_set: Vec::new(),
            target,
            peer,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            call_id: self.call_id.clone(),
            local: self.local.clone(),
            remote: self.remote.clone(),
            cseq: self.local_cseq,
            route_set: self.route_set.clone(),
            target: self.target.as_str().to_owned(),
            peer: self.peer,
            cancel: None,
        }
    }

    /// Of another process, and for one request: of the peer's we take none.
    pub(super) fn of_standing(standing: &Standing) -> Result<Dialog, &'static str> {
        Ok(Dialog {
            call_id: standing.call_id.clone(),
            local: standing.local.clone(),
            remote: standing.remote.clone(),
            local_tag: String::new(),
            remote_tag: String::new(),
            local_cseq: standing.cseq.saturating_add(UNSEEN),
            remote_cseq: None,
            route_set: standing.route_set.clone(),
            target: Uri::read(&standing.target)?,
            peer: standing.peer,
        })
    }

    /// The 2xx that makes the caller's dialog (section 12.1.2): Record-Route is taken in reverse.
    pub(super) fn on_answer(&mut self, headers: &Headers, head: &Head<'_>) {
        self.remote = headers.get("To").unwrap_or("").to_owned();
        self.remote_tag = head.to.tag().unwrap_or("").to_owned();
        self.route_set = headers.all("Record-Route").map(str::to_owned).collect();
        self.route_set.reverse();
        self.refresh(headers);
    }

    /// An early dialog that a 1xx to our INVITE makes (section 12.1.2).
    pub(super) fn early(&self, headers: &Headers, head: &Head<'_>, peer: Hop) -> Dialog {
        let mut early = Dialog { peer, ..self.clone() };
        early.on_answer(headers, head);
        early
    }

    /// Target refresh (section 12.2): by a re-INVITE and by the 2xx to one. A Contact that is no SIP URI (section
    /// 8.1.1.8) is nothing to call.
    pub(super) fn refresh(&mut self, headers: &Headers) {
        let contact = headers.get("Contact").and_then(|contact| NameAddr::read(contact).ok());
        if let Some(contact) = contact.filter(|contact| matches!(contact.uri.scheme(), Scheme::Sip | Scheme::Sips)) {
            self.target = contact.uri;
        }
    }

    /// The number of our next request; an ACK takes its INVITE's instead.
    pub(super) fn next_cseq(&mut self) -> u32 {
        self.local_cseq += 1;
        self.local_cseq
    }

    /// A request within the dialog (section 12.2.1.1), without body and Contact.
    pub(super) fn request(&self, method: Method, cseq: u32, via: String) -> Request {
        let mut routes: Vec<&str> = self.route_set.iter().map(String::as_str).collect();
        let mut uri = self.target.without_headers();
        let strict = self.first_route().filter(|route| route.param("lr").is_none());
        let last = format!("<{uri}>");
        if let Some(route) = strict {
            // A strict router takes its own URI as the target and finds ours last among the routes.
            uri = route.without_headers();
            routes.remove(0);
            routes.push(&last);
        }
        let mut headers = Headers::default();
        headers.put("Via", via);
        headers.put("Max-Forwards", "70");
        for route in routes {
            headers.put("Route", route);
        }
        headers.put("From", &*self.local);
        headers.put("To", &*self.remote);
        headers.put("Call-ID", &*self.call_id);
        headers.put("CSeq", format!("{cseq} {method}"));
        Request { method, uri, headers, body: Vec::new() }
    }

    /// Where our requests go: the first route or the target, if it is an IP literal that names one host that we can
    /// reach from `locals`; else where the peer's last message came from. A private address of a peer that we hear
    /// from a public one lies behind its NAT. A connection that the same host speaks over is used again.
    pub(super) fn destination(&self, locals: &Locals) -> Hop {
        let usual = self.peer.transport;
        let next = match self.route_set.is_empty() {
            true => self.target.hop(usual),
            false => self.first_route().and_then(|route| route.hop(usual)),
        };
        let (heard, peer) = (self.peer.address.ip(), self.peer);
        let reached = |next: &Hop| {
            let behind_nat = is_private(next.address.ip()) && !is_private(heard);
            names_one_host(next) && !behind_nat && locals.facing(next).is_some()
        };
        let Some(next) = next.filter(reached) else { return peer };
        let same_host = next.transport == usual && next.address.ip() == heard;
        Hop { connection: peer.connection.filter(|_| same_host), ..next }
    }

    fn first_route(&self) -> Option<Uri> {
        NameAddr::read(self.route_set.first()?).ok().map(|route| route.uri)
    }
}

/// RFC 1918, RFC 6598 (carrier-grade NAT), RFC 4193, loopback and link-local: nobody reaches these from outside.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || first == 100 && second & 0xc0 == 64
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

fn names_one_host(hop: &Hop) -> bool {
    let ip = hop.address.ip();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    hop.address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::hop::Connection;

    fn headers(contact: &str, routes: &[&str]) -> Headers {
        let mut headers = Headers::default();
        let values = [("Via", "SIP/2.0/UDP h;branch=z9hG4bKa"), ("From", "<sip:a@h>;tag=1"), ("To", "<sip:b@h>")];
        for (name, value) in values.into_iter().chain([("Call-ID", "c"), ("CSeq", "5 INVITE"), ("Contact", contact)]) {
            headers.put(name, value);
        }
        for route in routes {
            headers.put("Record-Route", *route);
        }
        headers
    }

    fn hop(text: &str) -> Hop {
        text.parse().unwrap()
    }

    fn dialog(contact: &str, routes: &[&str]) -> Dialog {
        let headers = headers(contact, routes);
        let head = headers.head().unwrap();
        Dialog::of_invite(&headers, &head, "2".into(), hop("udp:192.0.2.9:6000"))
    }

    #[test]
    fn requests_go_by_route_target_or_source() {
        // Contact, Record-Route; destination, Request-URI, Route
        let cases: [(&str, &[&str], &str, &str, &str); 10] = [
            ("<sip:a@192.0.2.5:5062>", &[], "192.0.2.5:5062", "sip:a@192.0.2.5:5062", ""),
            ("<sip:a@pbx.example>", &[], "192.0.2.9:6000", "sip:a@pbx.example", ""),
            // Behind NAT: we hear it from a public address.
            ("<sip:a@192.168.1.20:5060>", &[], "192.0.2.9:6000", "sip:a@192.168.1.20:5060", ""),
            ("<sip:a@255.255.255.255>", &[], "192.0.2.9:6000", "sip:a@255.255.255.255", ""),
            (
                "<sip:a@[2001:db8::1]>",
                &["<sip:192.0.2.7;lr>"],
                "192.0.2.7:5060",
                "sip:a@[2001:db8::1]",
                "<sip:192.0.2.7;lr>",
            ),
            ("<sip:a@h>", &["<sip:p;lr>", "<sip:q;lr>"], "192.0.2.9:6000", "sip:a@h", "<sip:p;lr>, <sip:q;lr>"),
            ("<sip:a@h>", &["<sip:192.0.2.7>", "<sip:q>"], "192.0.2.7:5060", "sip:192.0.2.7", "<sip:q>, <sip:a@h>"),
            // Nobody can be sent a BYE by telephone: the From stands in.
            ("<tel:+15551230001>", &[], "192.0.2.9:6000", "sip:a@h", ""),
            // A Request-URI has no headers, whatever a careless peer puts into its Contact and Record-Route.
            ("<sip:a@192.0.2.5?x=y>", &[], "192.0.2.5:5060", "sip:a@192.0.2.5", ""),
            ("<sip:a@h?x=y>", &["<sip:192.0.2.7?x=y>"], "192.0.2.7:5060", "sip:192.0.2.7", "<sip:a@h>"),
        ];
        let locals = Locals::new(["udp:192.0.2.1:5060", "udp:[2001:db8::1]:5060"].map(hop));
        for (contact, routes, destination, uri, route) in cases {
            let dialog = dialog(contact, routes);
            let request = dialog.request(Method::Bye, 1, "v".into());
            assert_eq!(dialog.destination(&locals).address.to_string(), destination, "{contact}");
            assert_eq!(request.uri.as_str(), uri);
            assert_eq!(request.headers.all("Route").collect::<Vec<_>>().join(", "), route);
        }
    }

    #[test]
    fn a_connection_is_used_again_for_its_own_host() {
        let locals = Locals::new(["udp:192.0.2.1:5060", "tcp:192.0.2.1:5060"].map(hop));
        let peer = Hop { connection: Some(Connection(7)), ..hop("tcp:192.0.2.9:40000") };
        // Contact; destination, over the peer's connection
        let cases = [
            ("<sip:a@192.0.2.9:5062>", "tcp:192.0.2.9:5062", true),
            ("<sip:a@192.0.2.5:5062>", "tcp:192.0.2.5:5062", false),
            ("<sip:a@192.0.2.9:5062;transport=udp>", "udp:192.0.2.9:5062", false),
            ("<sip:a@pbx.example>", "tcp:192.0.2.9:40000", true),
            // We have no TLS.
            ("<sips:a@192.0.2.9>", "tcp:192.0.2.9:40000", true),
        ];
        for (contact, destination, same) in cases {
            let headers = headers(contact, &[]);
            let head = headers.head().unwrap();
            let reached = Dialog::of_invite(&headers, &head, "2".into(), peer).destination(&locals);
            assert_eq!((reached.to_string().as_str(), reached.connection.is_some()), (destination, same), "{contact}");
        }
    }

    #[test]
    fn the_caller_takes_the_route_in_reverse() {
        let headers = headers("<sip:b@h>", &["<sip:p;lr>", "<sip:q;lr>"]);
        let head = headers.head().unwrap();
        let target = Uri::read("sip:b@x").unwrap();
        let mut dialog = Dialog::of_caller(&headers, &head, target, hop("udp:192.0.2.9:6000"));
        dialog.on_answer(&headers, &head);
        let request = dialog.request(Method::Bye, dialog.local_cseq + 1, "v".into());
        assert_eq!(request.headers.all("Route").collect::<Vec<_>>(), ["<sip:q;lr>", "<sip:p;lr>"]);
        assert_eq!((request.uri.as_str(), request.headers.get("CSeq")), ("sip:b@h", Some("6 BYE")));
    }

    #[test]
    fn the_two_sides_keep_their_names_and_numbers() {
        let mut dialog = dialog("<sip:a@h>", &[]);
        assert_eq!((dialog.remote_cseq, dialog.next_cseq(), dialog.next_cseq()), (Some(5), 1, 2));
        let request = dialog.request(Method::Info, 2, "v".into());
        let expected = [("From", "<sip:b@h>;tag=2"), ("To", "<sip:a@h>;tag=1"), ("Call-ID", "c"), ("CSeq", "2 INFO")];
        for (name, value) in expected {
            assert_eq!(request.headers.get(name), Some(value));
        }
    }
}
