//! The messages of RFC 4475 and RFC 5118, what the RFCs say of each, and what becomes of it here.

use Answer::{Call, Nothing, Refused, Status};
use Fate::{Closes, Waits};
use Reading::{Dropped, Malformed, Reads};

/// What `sip::wire::read` makes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Reads,
    /// Refused with this status.
    Malformed(u16),
    /// Not SIP that could be answered.
    Dropped,
}

/// What the running server says to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One response, of the endpoint by itself.
    Status(u16),
    /// 200: a call.
    Call,
    /// This, to an INVITE that came as far as the engine, which had to turn it away.
    Refused(u16),
    /// Not a word.
    Nothing,
}

pub struct Verdict {
    /// The file below this folder, without `.dat`.
    pub file: &'static str,
    /// The section of its RFC.
    pub section: &'static str,
    /// What is odd in it, and what the RFC wants; where it leaves a choice, why ours.
    pub why: &'static str,
    pub reading: Reading,
    pub answer: Answer,
}

const fn row(
    file: &'static str,
    section: &'static str,
    reading: Reading,
    answer: Answer,
    why: &'static str,
) -> Verdict {
    Verdict { file, section, why, reading, answer }
}

pub const VERDICTS: &[Verdict] = &[
    // Valid messages.
    row("rfc4475/wsinv", "3.1.1.1", Reads, Status(481), "folded everywhere; its To tag is of no dialog of ours"),
    row("rfc4475/intmeth", "3.1.1.2", Reads, Status(501), "every character that a token may have; an unknown method"),
    row("rfc4475/esc01", "3.1.1.3", Reads, Call, "escapes in URIs"),
    row("rfc4475/escnull", "3.1.1.4", Reads, Status(405), "escaped NULs in users; we are no registrar"),
    row("rfc4475/esc02", "3.1.1.5", Reads, Status(501), "a method with % in it is not REGISTER"),
    row("rfc4475/lwsdisp", "3.1.1.6", Reads, Status(200), "no blank between display name and <: to be accepted"),
    row("rfc4475/longreq", "3.1.1.7", Reads, Call, "long values and 34 Vias, the topmost without a branch"),
    row("rfc4475/dblreq", "3.1.1.8", Reads, Status(405), "octets behind the body of a datagram are noise, not a call"),
    row("rfc4475/semiuri", "3.1.1.9", Reads, Status(200), "a semicolon and an escaped @ in the user part"),
    row("rfc4475/transports", "3.1.1.10", Reads, Status(200), "transports that nobody knows in the lower Vias"),
    row("rfc4475/mpart01", "3.1.1.11", Reads, Status(405), "a binary body; MESSAGE is known and not served"),
    row("rfc4475/unreason", "3.1.1.12", Reads, Nothing, "a 200 to no INVITE of ours, its reason in UTF-8"),
    row("rfc4475/noreason", "3.1.1.13", Reads, Nothing, "a 100 to no INVITE of ours, its reason empty"),
    // Invalid messages.
    row("rfc4475/badinv01", "3.1.2.1", Malformed(400), Status(400), "empty parameters and values in Via"),
    row("rfc4475/clerr", "3.1.2.2", Malformed(400), Status(400), "Content-Length beyond the datagram"),
    row("rfc4475/ncl", "3.1.2.3", Malformed(400), Status(400), "Content-Length below zero"),
    row("rfc4475/scalar02", "3.1.2.4", Malformed(400), Status(400), "CSeq and others beyond their range"),
    row("rfc4475/scalarlg", "3.1.2.5", Dropped, Nothing, "a response with a CSeq beyond its range: discard"),
    row("rfc4475/quotbal", "3.1.2.6", Malformed(400), Status(400), "a quoted string left open in To"),
    row("rfc4475/ltgtruri", "3.1.2.7", Malformed(400), Status(400), "<> around the Request-URI: reasonable to reject"),
    row("rfc4475/lwsruri", "3.1.2.8", Malformed(400), Status(400), "a blank in the Request-URI"),
    row("rfc4475/lwsstart", "3.1.2.9", Malformed(400), Status(400), "two blanks in the start line: may be rejected"),
    row("rfc4475/trws", "3.1.2.10", Malformed(400), Status(400), "blanks behind the start line: may be rejected"),
    row("rfc4475/escruri", "3.1.2.11", Malformed(400), Status(400), "headers in the Request-URI: may be rejected"),
    row("rfc4475/baddate", "3.1.2.12", Reads, Call, "a Date that we do not need must not cost a call"),
    row("rfc4475/regbadct", "3.1.2.13", Reads, Status(400), "a Contact that needs <>: reasonable to answer 400"),
    row("rfc4475/badaspec", "3.1.2.14", Malformed(400), Status(400), "blanks within <>: reasonable to answer 400"),
    row("rfc4475/baddn", "3.1.2.15", Malformed(400), Status(400), "a comma in a name without quotes: likewise"),
    row("rfc4475/badvers", "3.1.2.16", Malformed(505), Status(505), "SIP/7.0, in its Via as well"),
    row("rfc4475/mismatch01", "3.1.2.17", Malformed(400), Status(400), "CSeq names another method"),
    row("rfc4475/mismatch02", "3.1.2.18", Reads, Status(501), "the same, but the method is unknown: better 501"),
    row("rfc4475/bigcode", "3.1.2.19", Dropped, Nothing, "a status beyond 699: drop"),
    // Transactions.
    row("rfc4475/badbranch", "3.2.1", Reads, Status(200), "a bare cookie is no branch: matched as RFC 2543 does"),
    // The application.
    row("rfc4475/insuf", "3.3.1", Malformed(400), Status(400), "no Call-ID, From and To"),
    row("rfc4475/unkscm", "3.3.2", Reads, Status(416), "an unknown scheme in the Request-URI"),
    row("rfc4475/novelsc", "3.3.3", Reads, Status(416), "a known scheme that we never serve"),
    row("rfc4475/unksm2", "3.3.4", Reads, Status(405), "unknown schemes elsewhere; 400 would be a registrar's"),
    row("rfc4475/bext01", "3.3.5", Reads, Status(420), "Require with what nobody supports"),
    row("rfc4475/invut", "3.3.6", Reads, Status(415), "a body of an unknown type"),
    row("rfc4475/regaut01", "3.3.7", Reads, Status(405), "an unknown Authorization; we are no registrar"),
    row("rfc4475/multi01", "3.3.8", Malformed(400), Status(400), "twice what may be there once"),
    row("rfc4475/mcl01", "3.3.9", Malformed(400), Status(400), "two Content-Lengths that differ"),
    row("rfc4475/bcast", "3.3.10", Reads, Nothing, "a stray 200, its second Via the broadcast address"),
    row("rfc4475/zeromf", "3.3.11", Reads, Status(200), "Max-Forwards 0 does not matter where it ends: an OPTIONS"),
    row("rfc4475/cparam01", "3.3.12", Reads, Status(405), "a Contact parameter; we are no registrar"),
    row("rfc4475/cparam02", "3.3.13", Reads, Status(405), "a URI parameter in Contact; we are no registrar"),
    row("rfc4475/regescrt", "3.3.14", Reads, Status(405), "a URI header in Contact; we are no registrar"),
    row("rfc4475/sdp01", "3.3.15", Reads, Status(406), "accepts no SDP in the answer"),
    row("rfc4475/inv2543", "3.4.1", Reads, Call, "RFC 2543: no branch, From tag, Contact, Content-Length"),
    // IPv6.
    row("rfc5118/ipv6-good", "4.1", Reads, Status(405), "an IPv6 Request-URI; we are no registrar"),
    row("rfc5118/ipv6-bad", "4.2", Malformed(400), Status(400), "an IPv6 address without brackets"),
    row("rfc5118/port-ambiguous", "4.3", Reads, Status(405), "what was meant as a port is a part of the address"),
    row("rfc5118/port-unambiguous", "4.4", Reads, Status(405), "a port behind the brackets"),
    row("rfc5118/via-received-param-with-delim", "4.5", Reads, Status(481), "brackets in `received`; ours replaces it"),
    row("rfc5118/via-received-param-no-delim", "4.5", Reads, Status(200), "none in `received`; ours replaces it"),
    row("rfc5118/ipv6-in-sdp", "4.6", Reads, Refused(488), "reads; but it offers no codec that we have"),
    row("rfc5118/mult-ip-in-header", "4.7", Reads, Status(481), "IPv4 and IPv6 in Vias; a BYE to no dialog of ours"),
    row("rfc5118/mult-ip-in-sdp", "4.8", Reads, Call, "each m= with a c= of its own, an empty s="),
    row("rfc5118/ipv4-mapped-ipv6", "4.9", Reads, Refused(488), "reads; but it offers no codec that we have"),
    row("rfc5118/ipv6-bug-abnf-3-colons", "4.10", Reads, Status(200), "a third colon, to be read over"),
    row("rfc5118/ipv6-correct-abnf-2-colons", "4.10", Reads, Status(200), "the same without it"),
];

/// What becomes of a message over a stream, where that is not what becomes of the datagram.
pub enum Fate {
    /// These answers, and the connection ends: nobody can tell what follows (RFC 3261 section 18.3).
    Closes(&'static [Answer]),
    /// Its end has not come, and nothing is said of it.
    Waits,
}

pub struct Stream {
    pub file: &'static str,
    pub fate: Fate,
    pub why: &'static str,
}

const fn stream(file: &'static str, fate: Fate, why: &'static str) -> Stream {
    Stream { file, fate, why }
}

const REFUSED: Fate = Closes(&[Status(400)]);

pub const STREAMS: &[Stream] = &[
    // Of the INVITE the audio's rtpmap is cut off, and of its body 5 octets lie beyond its Content-Length.
    stream("rfc4475/dblreq", Closes(&[Status(405), Refused(488)]), "a second message, and something that is none"),
    stream("rfc4475/clerr", Waits, "the rest of the 9,999 octets of its body may still come"),
    stream("rfc4475/baddn", Waits, "as the RFC has it, no empty line ends its head"),
    stream("rfc4475/ncl", REFUSED, "Content-Length below zero"),
    stream("rfc4475/mcl01", REFUSED, "two Content-Lengths that differ"),
    stream("rfc4475/inv2543", REFUSED, "no Content-Length"),
];
