//! One dialog's messages: values, no behaviour of an endpoint.

use crate::record::trace::Way;
use crate::sip::{Headers, Hop, Method, Request, Response, Uri};

pub const SDP: &str = "application/sdp";

/// A header's name and value.
pub type Field<'n> = (&'n str, String);

pub struct Dialog {
    us: Hop,
    them: Hop,
    /// From, To (with the tag that the first answer adds) and Call-ID, as the one writes them who began it.
    from: String,
    to: [String; 2],
    call_id: String,
    /// Who began it: `In` if the peer did.
    began: Way,
    /// Of the last request, whoever sent it: so the numbers of either side rise (RFC 3261 section 12.2.1.1).
    cseq: u32,
    /// The request that waits for its answer, or for its ACK, and which way it went.
    pub open: Option<(Way, Request)>,
    /// The INVITE was answered.
    pub stands: bool,
}

impl Dialog {
    /// One that the peer begins.
    pub fn theirs((us, them): (Hop, Hop), (from, to): (&str, &Uri), call: &str) -> Dialog {
        Dialog {
            us,
            them,
            from: format!("{from};tag=caller"),
            to: [format!("<{to}>"), ";tag=askonce".to_owned()],
            call_id: format!("{call}@{}", them.address.ip()),
            began: Way::In,
            cseq: 0,
            open: None,
            stands: false,
        }
    }

    /// One that our INVITE begins.
    pub fn ours((us, them): (Hop, Hop), invite: Request) -> Dialog {
        Dialog {
            us,
            them,
            from: copied(&invite, "From"),
            to: [copied(&invite, "To"), ";tag=agent".to_owned()],
            call_id: copied(&invite, "Call-ID"),
            began: Way::Out,
            cseq: 1,
            open: Some((Way::Out, invite)),
            stands: false,
        }
    }

    /// Who sends what goes that way.
    pub fn end(&self, way: Way) -> Hop {
        if way == Way::In { self.them } else { self.us }
    }

    pub fn request(
        &mut self,
        way: Way,
        method: Method,
        uri: Uri,
        (kind, body): (&str, String),
        more: &[Field<'_>],
    ) -> Request {
        self.cseq += 1;
        let [to, tag] = &self.to;
        let answered = if self.cseq == 1 { to.clone() } else { format!("{to}{tag}") };
        let (from, to) = if way == self.began { (self.from.clone(), answered) } else { (answered, self.from.clone()) };
        let own = self.end(way);
        let transport = own.transport.as_str().to_ascii_uppercase();
        let mut headers = Headers::default();
        let standing = [
            ("Via", format!("SIP/2.0/{transport} {};branch=z9hG4bK{}", own.address, self.cseq)),
            ("From", from),
            ("To", to),
            ("Call-ID", self.call_id.clone()),
            ("CSeq", format!("{} {method}", self.cseq)),
            contact(own),
        ];
        push(&mut headers, standing.iter().chain(more));
        with_body(Request { method, uri, headers, body: Vec::new() }, kind, body)
    }

    pub fn response(
        &self,
        request: &Request,
        way: Way,
        (status, reason): (u16, &str),
        sdp: String,
        more: &[Field<'_>],
    ) -> Response {
        let mut headers = Headers::default();
        let standing = ["Via", "From", "Call-ID", "CSeq"].map(|name| (name, copied(request, name)));
        // A redirection names others there.
        let own = (!more.iter().any(|(name, _)| *name == "Contact")).then(|| contact(self.end(way)));
        let kind = (!sdp.is_empty()).then(|| ("Content-Type", SDP.to_owned()));
        push(&mut headers, standing.iter().chain([&self.answered(request)]).chain(&own).chain(more).chain(&kind));
        Response { status, reason: reason.to_owned(), headers, body: sdp.into_bytes() }
    }

    pub fn ack(&self, invite: &Request, sdp: String) -> Request {
        with_body(of(invite, Method::Ack, self.answered(invite)), SDP, sdp)
    }

    pub fn cancel(&self, invite: &Request) -> Request {
        of(invite, Method::Cancel, ("To", copied(invite, "To")))
    }

    /// To with the tag of who answers.
    fn answered(&self, request: &Request) -> Field<'static> {
        let to = copied(request, "To");
        let tag = if to.contains(";tag=") { "" } else { &self.to[1] };
        ("To", to + tag)
    }
}

/// What belongs to an INVITE has its Via and number.
fn of(invite: &Request, method: Method, to: Field<'_>) -> Request {
    let mut headers = Headers::default();
    let standing = ["Via", "From", "Call-ID"].map(|name| (name, copied(invite, name)));
    let cseq = copied(invite, "CSeq");
    let cseq = format!("{} {method}", cseq.split(' ').next().unwrap_or("1"));
    let more = [to, ("CSeq", cseq), ("Max-Forwards", "70".to_owned())];
    push(&mut headers, standing.iter().chain(&more));
    Request { method, uri: invite.uri.clone(), headers, body: Vec::new() }
}

/// Content-Length is written with it.
fn with_body(mut request: Request, kind: &str, body: String) -> Request {
    if !body.is_empty() {
        push(&mut request.headers, [&("Content-Type", kind.to_owned())]);
    }
    request.body = body.into_bytes();
    request
}

fn contact(own: Hop) -> Field<'static> {
    ("Contact", format!("<sip:{};transport={}>", own.address, own.transport.as_str()))
}

fn copied(request: &Request, name: &str) -> String {
    request.headers.get(name).unwrap_or("").to_owned()
}

/// What a recording holds that no header may, is left out.
fn push<'f, 'n: 'f>(headers: &mut Headers, fields: impl IntoIterator<Item = &'f Field<'n>>) {
    for (name, value) in fields {
        let _ = headers.push(name, value.as_str());
    }
}
