use super::*;

/// A sound OPTIONS with `lines` in front of its headers and after its start line.
fn options(lines: &str) -> String {
    format!(
        "OPTIONS sip:ivr@192.0.2.1 SIP/2.0\r\n{lines}Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKa\r\n\
         From: <sip:a@192.0.2.2>;tag=1\r\nTo: <sip:ivr@192.0.2.1>\r\nCall-ID: c1\r\nCSeq: 7 OPTIONS\r\n\r\n"
    )
}

fn request(text: &[u8]) -> Request {
    match read(text) {
        Ok(Message::Request(request)) => request,
        Ok(Message::Response(_)) => panic!("a response"),
        Err(malformed) => panic!("{}", malformed.reason),
    }
}

#[test]
fn odd_but_legal_spellings_are_read() {
    let text = b"\r\n\r\nOPTIONS sip:ivr@[2001:db8::1]:5070;lr SIP/2.0\r\n\
        v  : SIP / 2.0\r\n  / UDP\r\n\t192.0.2.2;branch=z9hG4bK1 , SIP/2.0/TCP [2001:db8::9]:5061\r\n\
        f:\"Quoted, \\\"name\\\" \xff\" <sip:a@b;x>\r\n ;tag=1\r\nT :sip:ivr@c\r\ni: c1@x\r\nCSEQ:  0009\r\n OPTIONS\r\n\
        m: \"a,b\" <sip:x@y>, <sip:z@y;a=1,2>;q=0.1\r\nRecord-Route: <sip:p1;lr>,<sip:p2;lr>\r\n\
        x-Odd:\r\nl: 3\r\n\r\nabcdefg";
    let request = request(text);
    let head = request.headers.head().unwrap();
    assert_eq!((head.via.transport, head.via.host, head.via.branch()), ("UDP", "192.0.2.2", Some("z9hG4bK1")));
    assert_eq!((head.call_id, head.cseq, head.from.tag(), head.to.tag()), ("c1@x", 9, Some("1"), None));
    assert_eq!(head.from.display, "Quoted, \"name\" \u{fffd}");
    assert_eq!(request.headers.all("Via").count(), 2);
    assert_eq!(request.headers.all("contact").collect::<Vec<_>>(), ["\"a,b\" <sip:x@y>", "<sip:z@y;a=1,2>;q=0.1"]);
    assert_eq!(request.headers.all("Record-Route").collect::<Vec<_>>(), ["<sip:p1;lr>", "<sip:p2;lr>"]);
    assert_eq!(request.headers.get("X-Odd"), Some(""));
    assert_eq!(request.body, b"abc", "cut to its Content-Length");
    assert_eq!(request.uri.hop(crate::sip::Transport::Udp).unwrap().address.to_string(), "[2001:db8::1]:5070");
}

#[test]
fn any_method_token_and_any_reason_phrase_is_read() {
    let odd = options("").replace("OPTIONS", "!interesting-Method0123456789_*+`.%indeed'~");
    assert!(matches!(request(odd.as_bytes()).method, Method::Other(_)));
    let other_cseq = options("").replace("OPTIONS sip", "DANCE sip");
    assert!(matches!(request(other_cseq.as_bytes()).method, Method::Other(_)), "refused as unknown, not as malformed");
    for (line, reason) in [("SIP/2.0 100 ", ""), ("SIP/2.0 180", ""), ("SIP/2.0 486 B\u{fc}sy now", "B\u{fc}sy now")] {
        let text = options("").replace("OPTIONS sip:ivr@192.0.2.1 SIP/2.0", line);
        let Ok(Message::Response(response)) = read(text.as_bytes()) else { panic!("{line}") };
        assert_eq!(response.reason, reason);
    }
}

#[test]
fn what_was_read_is_written_and_read_again() {
    let once = request(options("User-to-User: 00;encoding=hex\r\nx: 90\r\n").as_bytes()).to_bytes();
    assert!(String::from_utf8(once.clone()).unwrap().contains("\r\nSession-Expires: 90\r\n"));
    assert_eq!(request(&once).to_bytes(), once);
}

#[test]
fn faulty_messages_are_refused_with_a_reason_and_what_an_answer_needs() {
    let long = "x".repeat(MAX_LINE);
    let many = "X-A: 1\r\n".repeat(MAX_HEADERS);
    let sound = options("");
    // text, status, whether it can be answered, a word of the reason
    let cases: Vec<(String, u16, bool, &str)> = vec![
        (sound.replace("SIP/2.0\r\n", "SIP/7.0\r\n"), 505, true, "version"),
        (sound.replace("ivr@192.0.2.1 SIP", "ivr@192.0.2.1  SIP"), 400, true, "URI"),
        (sound.replace("SIP/2.0\r\nVia", "SIP/2.0 \r\nVia"), 400, true, "start line"),
        (sound.replace("sip:ivr@192.0.2.1 SIP", "<sip:ivr@192.0.2.1> SIP"), 400, true, "URI"),
        (sound.replace("sip:ivr@192.0.2.1 SIP", "sip:ivr@192.0.2.1?Route=%3C SIP"), 400, true, "Request-URI"),
        (sound.replace("7 OPTIONS", "7 INVITE"), 400, true, "another method"),
        (sound.replace("7 OPTIONS", "36893488147419103232 OPTIONS"), 400, true, "CSeq"),
        (sound.replace("7 OPTIONS", "+7 OPTIONS"), 400, true, "CSeq"),
        (options("Max-Forwards: +70\r\n"), 400, true, "Max-Forwards"),
        (sound.replace("To: <sip:ivr@192.0.2.1>", "To: <sip:ivr@192.0.2.1>;tag="), 400, true, "empty tag"),
        (sound.replace("From: <", "From: \"open <"), 400, true, "quoted"),
        (sound.replace("Call-ID: c1\r\n", ""), 400, true, "Call-ID"),
        (sound.replace("branch=z9hG4bKa", ";,;"), 400, true, "parameter"),
        (sound.replace("=z9hG4bKa", "=z9hG4bKa,,"), 400, true, "empty element"),
        (options("Max-Forwards: 300\r\n"), 400, true, "Max-Forwards"),
        (options("Content-Length: -1\r\n"), 400, true, "Content-Length"),
        (options("Content-Length: 1\r\n"), 400, true, "shorter"),
        (options("Content-Length:\r\n"), 400, true, "Content-Length"),
        (options("Content-Length: 65536\r\n"), 400, true, "shorter"),
        (options("Content-Length: 65537\r\n"), 513, true, "beyond 64 kB"),
        (options("Content-Length: 36893488147419103232\r\n"), 513, true, "beyond 64 kB"),
        (format!("{sound}{}", "x".repeat(MAX_MESSAGE)), 513, true, "longer than 64 kB"),
        (sound.replace("ivr@192.0.2.1 SIP", &format!("{} SIP", "1".repeat(MAX_URI - 3))), 414, true, "2 kB"),
        (sound.replace(";branch", &format!("{};branch", ";a".repeat(64))), 400, true, "64 parameters"),
        (options("Content-Length: 0\r\nl: 0\r\n"), 400, true, "once"),
        (options("To: <sip:b@c>\r\n"), 400, true, "twice"),
        (options("no colon\r\n"), 400, true, "colon"),
        (options("X-A: a\rb\r\n"), 400, true, "carriage return"),
        (sound.replace("OPTIONS sip:ivr@192.0.2.1 SIP/2.0", "SIP/2.0 200 O\rK"), 400, false, "carriage return"),
        (options(&format!("X-A: {long}\r\n")), 400, true, "8 kB"),
        (options(&many), 400, true, "256"),
        (sound.trim_end().to_owned(), 400, true, "empty line"),
        (sound.replace("Via:", "Vie:"), 400, true, "no Via"),
        (sound.replace("OPTIONS sip", "ACK sip"), 400, false, "another method"),
        (sound.replace("OPTIONS sip:ivr@192.0.2.1 SIP/2.0", "SIP/2.0 4294967301 x"), 400, false, "status"),
        ("\r\n\r\n".to_owned(), 400, false, "empty"),
        ("x".repeat(MAX_MESSAGE + 1), 400, false, "start line"),
        ("\u{1}\u{2}garbage".to_owned(), 400, false, "start line"),
    ];
    for (text, status, answerable, reason) in cases {
        let Err(malformed) = read(text.as_bytes()) else { panic!("read: {text}") };
        assert_eq!(
            (malformed.status, malformed.request.is_some()),
            (status, answerable),
            "{text}: {}",
            malformed.reason
        );
        assert!(malformed.reason.contains(reason), "{text}: {}", malformed.reason);
    }
}

#[test]
fn no_cut_and_no_flipped_byte_makes_it_panic() {
    let text = options("Contact: \"a\\\"\" <sip:x@[::1]:5>;q=1, <sip:y>\r\nContent-Length: 0\r\n").into_bytes();
    for at in 0..text.len() {
        let _ = read(&text[..at]);
        for byte in [0, b'\n', b'"', b'<', b'[', b';', b'@', b':', b',', 0xff] {
            let mut text = text.clone();
            text[at] = byte;
            let _ = read(&text);
        }
    }
}

#[test]
fn no_message_has_more_headers_than_the_bound() {
    // A list that begins below the bound, and lists that are faulty at their end.
    for lines in [format!("v: a{}\r\n", ",a".repeat(200)).repeat(2), "v: a,a,,\r\n".repeat(1_000)] {
        let Err(Malformed { reason, request: Some(headers), .. }) = read(options(&lines).as_bytes()) else {
            panic!("read: {lines}");
        };
        assert_eq!(headers.iter().count(), MAX_HEADERS, "{reason}");
    }
}
