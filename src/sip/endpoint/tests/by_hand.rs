//! A caller by hand, for what an endpoint of ours would not send, or not then.

use super::*;

pub(super) const NOW: Instant = Instant::from_micros(1_000_000);

/// An endpoint, and a caller whose INVITE it has.
pub(super) struct ByHand {
    pub(super) end: Endpoint,
    /// To tag of its answers, once there was one.
    tag: String,
    /// RSeq of its last reliable 1xx.
    pub(super) rseq: u32,
    cseq: u32,
}

impl ByHand {
    /// `lines` are headers of the INVITE, `body` its offer.
    pub(super) fn calls(lines: &str, body: &str) -> ByHand {
        let mut caller = ByHand { end: endpoint(1), tag: String::new(), rseq: 0, cseq: 6 };
        assert_eq!(
            caller.sends("INVITE", lines, body),
            (Vec::new(), vec!["Invite(1, from udp:192.0.2.1:5060)".to_owned()])
        );
        caller
    }

    /// The next request of the caller's: the first words of what is answered, and the events.
    pub(super) fn sends(&mut self, method: &str, lines: &str, body: &str) -> (Vec<String>, Vec<String>) {
        if method != "ACK" {
            self.cseq += 1;
        }
        let (cseq, tag) = (self.cseq, &self.tag);
        let text = format!(
            "{method} sip:ivr@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{method}{cseq}\r\n{lines}From: \
             <sip:a@h>;tag=1\r\nTo: <sip:b@h>{tag}\r\nCall-ID: c\r\nCSeq: {cseq} {method}\r\nContact: <sip:a@192.0.2.1>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.end.on_message(NOW, hop(0), text.as_bytes(), Door::Open);
        let (sent, events) = self.hears();
        (words(&sent), names(&events))
    }

    /// What the endpoint says now; its To tag and RSeq are kept.
    pub(super) fn hears(&mut self) -> (Vec<(Hop, String)>, Vec<Event>) {
        let (sent, events) = drain(&mut self.end);
        for line in sent.iter().flat_map(|(_, text)| text.lines()) {
            if let Some((_, tag)) = line.strip_prefix("To: <sip:b@h>").and_then(|to| to.split_once(";tag=")) {
                self.tag = format!(";tag={tag}");
            }
            if let Some(rseq) = line.strip_prefix("RSeq: ") {
                self.rseq = rseq.parse().unwrap();
            }
        }
        (sent, events)
    }

    /// The status that a PRACK gets.
    pub(super) fn pracks(&mut self, rack: &str, body: &str) -> String {
        self.sends("PRACK", &format!("RAck: {rack}\r\n"), body).0.concat()
    }
}

#[test]
fn a_caller_gets_the_reliability_that_it_asked_for() {
    // Header, SDP of the 18x, reliable
    let cases = [
        ("", "v=0\r\n", false),
        ("Supported: 100rel\r\n", "", false),
        ("Supported: 100rel\r\n", "v=0\r\n", true),
        ("Require: 100rel\r\n", "", true),
    ];
    for (line, sdp, reliable) in cases {
        let mut caller = ByHand::calls(line, "v=0\r\n");
        caller.end.ring(NOW, DialogId(1), 180, sdp.into()).unwrap();
        let ringing = caller.hears().0.remove(0).1;
        assert_eq!(ringing.contains("Require: 100rel\r\nRSeq: "), reliable, "{ringing}");
    }
}

#[test]
fn a_prack_must_name_the_1xx_that_waits() {
    let mut caller = ByHand::calls("Require: 100rel\r\n", "v=0\r\n");
    caller.end.ring(NOW, DialogId(1), 180, Vec::new()).unwrap();
    caller.hears();
    let first = caller.rseq;
    let racks = [(first + 1, "7 INVITE"), (first, "8 INVITE"), (first, "7 UPDATE"), (first, "7")];
    for (rseq, rest) in racks {
        assert_eq!(caller.pracks(&format!("{rseq} {rest}"), ""), "481", "{rseq} {rest}");
    }
    // The 180 made no session: an SDP is neither an answer nor an offer.
    let (sent, events) = caller.sends("PRACK", &format!("RAck: {first} 7 INVITE\r\n"), "v=0\r\n");
    assert_eq!((sent.concat(), events.concat()), ("200".to_owned(), "Acknowledged(1)".to_owned()));
    assert_eq!(caller.pracks(&format!("{first} 7 INVITE"), ""), "481", "it was acknowledged");
    caller.end.ring(NOW, DialogId(1), 180, Vec::new()).unwrap();
    caller.hears();
    assert_eq!(caller.rseq, first + 1);
    // The 200 need not wait for a 1xx without SDP, which is not sent again then; its PRACK is still welcome.
    caller.end.accept(NOW, DialogId(1), SDP.to_vec()).unwrap();
    assert_eq!(words(&caller.hears().0), ["200"]);
    run(&mut caller.end, NOW + SECOND);
    assert_eq!(words(&caller.hears().0), ["200"]);
    assert_eq!(caller.pracks(&format!("{} 7 INVITE", first + 1), ""), "200");
}

/// Offers of ours and the peer's at the wrong time (RFC 3311 section 5.2).
#[test]
fn an_update_waits_for_the_offer_before_it() {
    let update = |caller: &mut ByHand| caller.sends("UPDATE", "", "v=5\r\n").0.concat();
    // The INVITE's offer has no answer yet.
    let mut caller = ByHand::calls("Supported: 100rel\r\n", "v=0\r\n");
    caller.end.ring(NOW, DialogId(1), 180, Vec::new()).unwrap();
    caller.hears();
    assert_eq!(update(&mut caller), "500");
    // The answer is out: an UPDATE may change it, a second one and a re-INVITE wait for that.
    caller.end.accept(NOW, DialogId(1), SDP.to_vec()).unwrap();
    caller.hears();
    let (sent, events) = caller.sends("UPDATE", "", "v=5\r\n");
    assert_eq!((sent.len(), events.concat()), (0, "Reinvite(1)".to_owned()));
    assert_eq!(update(&mut caller), "500");
    assert_eq!(caller.sends("INVITE", "", "v=5\r\n").0.concat(), "500");
    assert_eq!(caller.end.reinvite(NOW, DialogId(1), SDP.to_vec()), Err(Refusal::NotNow));
    caller.end.refuse_reinvite(NOW, DialogId(1), 488).unwrap();
    assert_eq!(words(&caller.hears().0), ["488"]);

    // Our offer in a 183 or in the 200 has no answer yet, or the owner has let go.
    for early in [true, false] {
        let mut caller = ByHand::calls("Supported: 100rel\r\n", "");
        match early {
            true => caller.end.ring(NOW, DialogId(1), 183, SDP.to_vec()).unwrap(),
            false => caller.end.accept(NOW, DialogId(1), SDP.to_vec()).unwrap(),
        }
        caller.hears();
        assert_eq!(update(&mut caller), "491", "{early}");
    }
    let mut caller = ByHand::calls("", "v=0\r\n");
    caller.end.accept(NOW, DialogId(1), SDP.to_vec()).unwrap();
    caller.end.bye(NOW, DialogId(1)).unwrap();
    caller.hears();
    assert_eq!(update(&mut caller), "491", "nobody is there to answer it");
}

/// The INVITE had no offer: ours goes out in the 183 or in the 200, the PRACK or the ACK brings the answer.
#[test]
fn a_late_offer_is_answered_by_the_prack_or_by_the_ack() {
    for early in [true, false] {
        let mut caller = ByHand::calls("Supported: 100rel\r\n", "");
        match early {
            true => caller.end.ring(NOW, DialogId(1), 183, SDP.to_vec()).unwrap(),
            false => caller.end.accept(NOW, DialogId(1), SDP.to_vec()).unwrap(),
        }
        caller.hears();
        let (method, cseq) = if early { ("PRACK", 8) } else { ("ACK", 7) };
        let text = format!(
            "{method} sip:ivr@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:b@h>{}\r\nCall-ID: c\r\nCSeq: {cseq} {method}\r\nRAck: {} 7 INVITE\r\n\
             Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=3\r\n",
            caller.tag, caller.rseq
        );
        caller.end.on_message(NOW, hop(0), text.as_bytes(), Door::Open);
        let answer = drain(&mut caller.end).1.into_iter().find_map(|event| match event {
            Event::Acknowledged { answer, .. } | Event::Confirmed { answer, .. } => answer,
            _ => None,
        });
        assert_eq!(answer.as_deref(), Some(&b"v=3\r\n"[..]), "{method}");
    }
}
