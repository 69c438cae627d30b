use super::*;

/// One header field of a message that goes forward (or back, with `<` ahead of it).
fn masked(line: &str) -> String {
    let (forward, line) = line.strip_prefix('<').map_or((true, line), |line| (false, line));
    let text = mask(format!("OPTIONS sip:a@b SIP/2.0\r\n{line}\r\n\r\n").as_bytes(), forward);
    let head = text.strip_suffix("\r\n\r\n").expect("its end");
    head.split_once("\r\n").expect("a field").1.to_owned()
}

#[test]
fn what_is_the_caller_s_is_masked_and_the_rest_is_shown() {
    for (line, expected) in [
        ("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
        ("User-to-User: 04373939;encoding=hex", "User-to-User: *********************"),
        ("X-Account : 79927398713", "X-Account : ***********"),
        ("Subject: 79927398713", "Subject: ***********"),
        ("Authorization: Digest username=\"a\"", "Authorization: *******************"),
        ("From: \"Ann B\" <sip:+15551230001@h>;tag=7", "From: \"*** *\" <sip:**********01@h>;tag=7"),
        ("<From: \"Desk\" <sip:+18005550100@h>;tag=7", "From: \"Desk\" <sip:+18005550100@h>;tag=7"),
        ("To: <sip:+18005550100@h>", "To: <sip:+18005550100@h>"),
        ("<t: <sip:+15551230001@h>;tag=7", "t: <sip:**********01@h>;tag=7"),
        ("f: sip:+15551230001@h;tag=7", "f: sip:**********01@h;tag=7"),
        ("Contact: <sip:ann@192.0.2.1:5060>;q=1", "Contact: <sip:***@192.0.2.1:5060>;q=1"),
        ("m: <sip:192.0.2.1:5060;transport=tcp>", "m: <sip:192.0.2.1:5060;transport=tcp>"),
        ("Contact: <sip:[2001:db8::1]:5060>", "Contact: <sip:[2001:db8::1]:5060>"),
        (
            "P-Asserted-Identity: \"A, <B\" <tel:+15551230001;x=1>, <sip:+15551230002;rn=1555@h;user=phone>",
            "P-Asserted-Identity: \"** **\" <tel:**********01;***>, <sip:**********02********@h;user=phone>",
        ),
        ("P-Asserted-Identity: +15551230001", "P-Asserted-Identity: ************"),
        ("Remote-Party-ID: <sip:15551230001>;party=calling", "Remote-Party-ID: <sip:*********01>;party=calling"),
        ("Diversion: <sip:1@a@15551230001>", "Diversion: <sip:***@*********01>"),
        (
            "History-Info: <sip:+15551230001@h?Reason=SIP>;index=1",
            "History-Info: <sip:**********01@h?**********>;index=1",
        ),
        ("Contact: \"open <sip:+15551230001@h>", "Contact: **************************"),
        ("Contact: <sip:+15551230001@h", "Contact: *******************"),
        ("Refer-To: <sip:desk@h?User-to-User=3739%3Bx>", "Refer-To: <sip:desk@h?*********************>"),
        ("Subject: a\r\n 7992", "Subject: *\r\n*****"),
        ("Via: a\r\n b", "Via: a\r\n b"),
        ("7992", "****"),
    ] {
        assert_eq!(masked(line), expected, "{line}");
    }
}

#[test]
fn what_is_not_known_to_be_harmless_in_an_address_is_masked() {
    for (line, expected) in [
        // A number where a host should be, however it is written.
        ("Contact: <sip:15551230001:5060>", "Contact: <sip:*********01*****>"),
        ("Contact: <sip:%2B15551230001>", "Contact: <sip:************01>"),
        ("Contact: <sip:+15551230001#>", "Contact: <sip:***********1#>"),
        ("Contact: <SIPS:h.15551230001.>", "Contact: <SIPS:************1.>"),
        ("Contact: <sip:ann@192.0.2.1:15551230001>", "Contact: <sip:***@*******.1************>"),
        ("Contact: <sip:ann@[2001:db8::1]:5060;lr>", "Contact: <sip:***@[2001:db8::1]:5060;lr>"),
        ("Contact: <sips:pbx.example:5061>", "Contact: <sips:pbx.example:5061>"),
        // Other schemes, and none.
        ("Contact: <h323:+15551230001>", "Contact: <*****************>"),
        ("Contact: <pres:ann>", "Contact: <********>"),
        ("To: <urn:79927398713>", "To: <***************>"),
        ("To: 79927398713", "To: ***********"),
        // Parameters that are on no list.
        ("Contact: <sip:a@h;x-account=12345678;ob>;q=0.5", "Contact: <sip:*@h;******************;ob>;q=0.5"),
        ("Diversion: <sip:a@h>;x-caller=1555;reason=no-answer", "Diversion: <sip:*@h>;*************;reason=no-answer"),
        ("Diversion: <sip:a@h>;reason=\"x;x-caller=1555", "Diversion: <sip:*@h>;***********************"),
        ("Diversion: <sip:a@h>;x=\"1;tag=1555\" ; privacy=off", "Diversion: <sip:*@h>;***************; privacy=off"),
        ("f: sip:+15551230001@h;tag=7;1555", "f: sip:**********01@h;tag=7;****"),
        ("Diversion: <sip:a@h>1555;counter=1", "Diversion: <sip:*@h>****;counter=1"),
        ("Route: <sip:p@h;lr;ftag=1;vsf=1555>", "Route: <sip:p@h;lr;******;********>"),
        // The called user, and what was put behind it.
        ("To: <sip:ivr;account=12345678@h>", "To: <sip:ivr*****************@h>"),
        ("To: <sip:ivr:12345678@h>", "To: <sip:ivr*********@h>"),
        ("To: <sip:ivr%3Baccount=12345678@h>", "To: <sip:ivr*******************@h>"),
        ("To: <sip:+18005550100>", "To: <sip:+18005550100>"),
        ("To: <tel:+1-800-555-0100;phone-context=1555>", "To: <tel:+1-800-555-0100;******************>"),
        ("To: <sip:*72@h;user=phone>", "To: <sip:*72@h;user=phone>"),
    ] {
        assert_eq!(masked(line), expected, "{line}");
    }
}

#[test]
fn the_request_uri_is_shown_unless_it_is_the_caller_s() {
    let start = |line: &str, forward| mask(format!("{line}\r\n\r\n").as_bytes(), forward).trim_end().to_owned();
    let invite = "INVITE sip:+18005550100@h SIP/2.0";
    assert_eq!(start(invite, true), invite);
    assert_eq!(start("BYE sip:+15551230001@h;ob SIP/2.0", false), "BYE sip:**********01@h;ob SIP/2.0");
    assert_eq!(start("INVITE sip:a@h?User-to-User=3739 SIP/2.0", true), "INVITE sip:a@h?***************** SIP/2.0");
    assert_eq!(start("INVITE sip:ivr;account=12@h;x=1 SIP/2.0", true), "INVITE sip:ivr***********@h;*** SIP/2.0");
    assert_eq!(start("SIP/2.0 486 Busy Here", true), "SIP/2.0 486 Busy Here");
    assert_eq!(start("79927398713", true), "***********");
}

#[test]
fn of_bodies_only_descriptions_are_shown_and_their_keys_are_not() {
    let body = |kind: &str, body: &str| {
        let text = mask(format!("INFO sip:a@b SIP/2.0\r\nContent-Type: {kind}\r\n\r\n{body}").as_bytes(), true);
        text.split_once("\r\n\r\n").expect("a body").1.to_owned()
    };
    assert_eq!(body("application/dtmf-relay", "Signal=5\r\nDuration=160"), "********\r\n************");
    assert_eq!(body("application/dtmf", "5"), "*");
    assert_eq!(
        body(
            "Application/SDP",
            "v=0\r\no=ann 1 1 IN IP4 h\r\ns=Ann\r\nm=audio 1 RTP/SAVP 0\r\na=crypto:1 X inline:abc\r\nz\r\nA=x\r\n",
        ),
        "v=0\r\no=*** 1 1 IN IP4 h\r\ns=***\r\nm=audio 1 RTP/SAVP 0\r\na=crypto:**************\r\n*\r\nA=*\r\n",
    );
}

#[test]
fn a_mask_keeps_every_length_whatever_the_bytes() {
    let mut random = crate::random::Random::from_seed(5);
    let pieces: [&[u8]; 14] = [
        b"\r\n",
        b"From: ",
        b"\"",
        b"<sip:",
        b"@",
        b">",
        b"?",
        b",",
        b"\xff\xc3",
        "\u{e9}\u{85}".as_bytes(),
        b"\x1b[2J",
        b"Contact:",
        b"a=crypto:",
        b"Content-Type: application/sdp\r\n\r\n",
    ];
    for _ in 0..3000 {
        let count = random.below(24);
        let message: Vec<u8> = (0..count).flat_map(|_| pieces[random.below(14) as usize]).copied().collect();
        let text = mask(&message, count.is_multiple_of(2));
        assert_eq!(text.len(), message.len(), "{message:?}");
        assert!(text.chars().all(|c| !c.is_control() || matches!(c, '\r' | '\n' | '\t')), "{text:?}");
    }
}
