use super::super::message::Method;
use super::super::uri::Uri;
use super::*;

const MUFASA: [&str; 3] = ["http-auth@example.org", "Mufasa", "Circle of Life"];
const BOB: [&str; 3] = ["biloxi.com", "bob", "zanzibar"];
const NONCE: &str = r#"nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093""#;

fn credentials([realm, user, password]: [&str; 3]) -> Credentials {
    Credentials::new(realm, user, Secret::new(password)).unwrap()
}

fn headers(list: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in list {
        headers.push(name, *value).unwrap();
    }
    headers
}

fn request() -> Request {
    let uri = Uri::read("sip:biloxi.com").unwrap();
    Request { method: Method::Register, uri, headers: Headers::default(), body: Vec::new() }
}

/// A parameter of an answer, as written.
fn param<'a>(answer: &'a str, wanted: &str) -> Option<&'a str> {
    let list = answer.strip_prefix("Digest ").unwrap();
    params::split(list, b',').find_map(|pair| pair.strip_prefix(wanted)?.strip_prefix('='))
}

/// What `client` adds to its next request: of the far end's side, and of the proxy's.
fn authorized(client: &mut Client) -> [Option<String>; 2] {
    let mut request = request();
    client.authorize(&mut request);
    SIDES.map(|(_, name)| request.headers.get(name).map(str::to_owned))
}

#[test]
fn answers_of_the_rfc_are_ours() {
    let opaque = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS";
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    // RFC 7616 section 3.9.1.
    let cases = [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ];
    for (algorithm, response) in cases {
        let challenge = format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"{opaque}\""
        );
        let challenge = Challenge::read(&challenge).unwrap();
        let session = Session { challenge, cnonce: cnonce.to_owned(), count: 1 };
        let answer = session.answer(&credentials(MUFASA), "GET", "/dir/index.html", b"");
        let quoted = |text: &str| format!("\"{text}\"");
        for (name, value) in [
            ("username", &*quoted("Mufasa")),
            ("realm", &quoted("http-auth@example.org")),
            ("uri", &quoted("/dir/index.html")),
            ("algorithm", algorithm),
            ("nonce", &quoted("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v")),
            ("nc", "00000001"),
            ("cnonce", &quoted(cnonce)),
            ("qop", "auth"),
            ("response", &quoted(response)),
            ("opaque", &quoted(opaque)),
        ] {
            assert_eq!(param(&answer, name), Some(value), "{name} of {answer}");
        }
    }
}

/// Golden values: the formulas of RFC 7616 section 3.4 over Python's hashlib.
#[test]
fn every_algorithm_and_qop_gives_its_response() {
    let cases = [
        ("", "", "4441045a8075db3ead543693997e2a0e"),
        ("", "qop=auth", "2d1b43b7782c4d75a359a4c74ffbf6fc"),
        ("algorithm=md5", "QOP=\"auth-int\"", "a52eaa2310e9173b21e9352ac9e8fa1c"),
        ("algorithm=MD5-sess", "qop=\"auth-int,auth\"", "9671669c2c4501ef0f548b268265c83e"),
        ("algorithm=\"MD5-sess\"", "qop=\"auth-int\"", "18f3b65b6832a5221ca5df0319e0e703"),
        ("algorithm=SHA-256", "", "10503915e86126c221a99ecec4bd61ed6a5f0c1bac8125b5df9db47ab06503c1"),
        ("algorithm=SHA-256", "qop=\"auth\"", "f40e2cd59aa637a4da94ff19f4ab8917df970f8eb655797d47440dc5056357b2"),
        ("algorithm=SHA-256", "qop=\"x,auth-int\"", "a42d132f7a252366af2395d737f72f510703e884d8a9acedcc5cc23aabc459ca"),
        ("algorithm=SHA-256-sess", "qop=auth", "4e8fe05407c8971b653749e3fc1854ecb35747d8f32dce8dc33b02fe9af0d11b"),
        ("algorithm=SHA-256-sess", "qop=auth-int", "a673ce9c27f34fcd2837c81b35a566a9f4711d0851b2d3a6b5f5db215add81d4"),
    ];
    for (algorithm, qop, response) in cases {
        let text = format!("digest\trealm=\"biloxi.com\" , {NONCE}, {algorithm}, {qop}, domain=\"sip:x, sip:y\"");
        let challenge = Challenge::read(&text).unwrap();
        let session = Session { challenge, cnonce: "0a4f113b".to_owned(), count: 255 };
        let answer = session.answer(&credentials(BOB), "REGISTER", "sip:biloxi.com", b"v=0\r\n");
        assert_eq!(param(&answer, "response"), Some(&*format!("\"{response}\"")), "{text}");
        // RFC 3261 section 22.4: without qop neither cnonce nor count.
        assert_eq!(["nc", "cnonce"].map(|name| param(&answer, name).is_some()), [!qop.is_empty(); 2], "{text}");
    }
}

#[test]
fn quotes_and_backslashes_are_written_as_they_were_meant() {
    let text = r#"Digest realm="a \"quoted\" realm", nonce="n\\\"1", stale=TRUE"#;
    let challenge = Challenge::read(text).unwrap();
    assert!(challenge.stale && challenge.realm == r#"a "quoted" realm"#);
    let session = Session { challenge, cnonce: String::new(), count: 1 };
    let known = credentials([r#"a "quoted" realm"#, r#"b"o\b"#, "z"]);
    let expected = "Digest username=\"b\\\"o\\\\b\", realm=\"a \\\"quoted\\\" realm\", nonce=\"n\\\\\\\"1\", \
                    uri=\"sip:biloxi.com\", response=\"dd32006054fad77e95461404c27fc466\", algorithm=MD5";
    assert_eq!(session.answer(&known, "REGISTER", "sip:biloxi.com", b""), expected);
}

#[test]
fn faulty_challenges_are_refused() {
    let long = format!("Digest realm=\"r\", nonce=\"{}\"", "x".repeat(MAX_PARAMETER));
    let cases = [
        ("", "a challenge without parameters"),
        ("Digest", "a challenge without parameters"),
        ("Basic realm=\"r\"", "not a Digest challenge"),
        ("Digest nonce=\"n\"", "no realm"),
        ("Digest realm=\"r\"", "no nonce"),
        ("Digest realm=\"r\", nonce=\"n", "a quoted string left open"),
        ("Digest realm=\"r\", nonce=\"", "a quoted string left open"),
        ("Digest realm=\"r\", nonce=\"n\"x", "a quoted string left open"),
        ("Digest realm=\"r\", nonce", "a parameter without a value"),
        ("Digest realm=\"r\", nonce=\"n\", Realm=\"s\"", "a parameter is there twice"),
        ("Digest realm=\"r\", nonce=\"n\u{1b}[2J\"", "a control byte in a parameter"),
        ("Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256", "an algorithm that we do not know"),
        ("Digest realm=\"r\", nonce=\"n\", qop=\"auth-conf\"", "a qop that we do not know"),
        ("Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess", "a session algorithm without qop"),
        (&long, "a parameter longer than 1 kB"),
    ];
    for (text, reason) in cases {
        assert_eq!(Challenge::read(text).map(|_| ()), Err(reason), "{text}");
    }
}

#[test]
fn the_topmost_challenge_of_our_realm_is_answered_and_no_other() {
    let learn = |values: &[(&str, &str)]| {
        let mut client = Client::new(credentials(BOB));
        let outcome = client.learn(&headers(values), &mut Tries::default(), &mut Random::from_seed(1));
        let answers = authorized(&mut client);
        let nonce = |answer: Option<String>| Some(param(&answer?, "nonce")?.trim_matches('"').to_owned());
        (outcome, answers.map(nonce))
    };
    let (www, proxy) = ("WWW-Authenticate", "Proxy-Authenticate");
    let nonce = |text: &str| Some(text.to_owned());
    let (foreign, ours) = ("Digest realm=\"Biloxi.com\", nonce=\"f\"", "Digest realm=\"biloxi.com\", nonce=\"a\"");
    let (unknown, sha) = (
        "Digest realm=\"biloxi.com\", nonce=\"u\", algorithm=SHA-512-256",
        "Digest realm=biloxi.com, nonce=\"s\", algorithm=SHA-256",
    );
    let not_understood = |reason| Err(Denied::NotUnderstood(reason));
    let cases: &[(&[(&str, &str)], _, _)] = &[
        (&[], Err(Denied::NoChallenge), [None, None]),
        (&[(www, foreign)], Err(Denied::ForeignRealm), [None, None]),
        (&[(proxy, foreign), (www, foreign)], Err(Denied::ForeignRealm), [None, None]),
        (&[(www, unknown)], not_understood("an algorithm that we do not know"), [None, None]),
        (&[(www, "Basic realm=\"biloxi.com\"")], not_understood("not a Digest challenge"), [None, None]),
        (&[(www, unknown), (www, foreign), (www, sha), (www, ours)], Ok(()), [nonce("s"), None]),
        (&[(proxy, ours), (proxy, sha)], Ok(()), [None, nonce("a")]),
        (&[(proxy, ours), (www, sha)], Ok(()), [nonce("s"), nonce("a")]),
        (&[(www, foreign), (proxy, ours)], Ok(()), [None, nonce("a")]),
    ];
    for (values, outcome, nonces) in cases {
        assert_eq!(learn(values), (*outcome, nonces.clone()), "{values:?}");
    }
}

#[test]
fn a_nonce_counts_on_and_another_begins_anew() {
    let (mut client, mut random) = (Client::new(credentials(BOB)), Random::from_seed(1));
    let mut learn = |client: &mut Client, nonce: &str| {
        let challenge = format!("Digest realm=\"biloxi.com\", nonce=\"{nonce}\", qop=auth, stale=true");
        let challenge = headers(&[("WWW-Authenticate", &challenge)]);
        client.learn(&challenge, &mut Tries::default(), &mut random).unwrap();
    };
    let used = |client: &mut Client| {
        let answer = authorized(client)[0].clone().unwrap();
        ["nonce", "nc", "cnonce"].map(|name| param(&answer, name).unwrap().to_owned())
    };
    assert_eq!(authorized(&mut client), [None, None], "nothing before the first challenge");
    learn(&mut client, "a");
    let first = used(&mut client);
    let second = used(&mut client);
    learn(&mut client, "a");
    let third = used(&mut client);
    learn(&mut client, "b");
    let fourth = used(&mut client);
    let told = [&first, &second, &third, &fourth].map(|[nonce, count, _]| format!("{nonce} {count}"));
    assert_eq!(told, ["\"a\" 00000001", "\"a\" 00000002", "\"a\" 00000003", "\"b\" 00000001"]);
    assert!(first[2] == second[2] && second[2] == third[2] && third[2] != fourth[2], "one cnonce for each nonce");
}

#[test]
fn a_wrong_password_is_found_out_and_no_peer_keeps_us_trying() {
    let (fresh, stale) = ("", ", stale=true");
    let (www, proxy) = ("WWW-Authenticate", "Proxy-Authenticate");
    // What one request meets in turn, and how many challenges are answered.
    let cases = [
        (vec![(www, fresh), (www, fresh)], 1),
        (vec![(www, stale), (www, fresh)], 1),
        (vec![(www, fresh), (www, stale), (www, fresh)], 2),
        (vec![(www, stale); 9], 3),
        (vec![(proxy, fresh), (www, fresh), (proxy, fresh)], 2),
    ];
    for (met, answered) in cases {
        let (mut client, mut tries) = (Client::new(credentials(BOB)), Tries::default());
        let outcomes = met.iter().enumerate().map(|(at, (name, stale))| {
            let challenge = format!("Digest realm=\"biloxi.com\", nonce=\"{at}\"{stale}");
            client.learn(&headers(&[(name, &challenge)]), &mut tries, &mut Random::from_seed(1))
        });
        let expected = (0..met.len()).map(|at| if at < answered { Ok(()) } else { Err(Denied::WrongPassword) });
        assert_eq!(outcomes.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{met:?}");
    }
}

#[test]
fn the_password_is_never_told_and_control_bytes_are_refused() {
    let mut client = Client::new(credentials(BOB));
    let challenge = headers(&[("WWW-Authenticate", &format!("Digest realm=\"biloxi.com\", {NONCE}, qop=auth"))]);
    let (mut tries, mut random) = (Tries::default(), Random::from_seed(1));
    client.learn(&challenge, &mut tries, &mut random).unwrap();
    let denied = client.learn(&challenge, &mut tries, &mut random).unwrap_err();
    let mut told = format!("{client:?} {client:#?} {denied:?}");
    told.extend(authorized(&mut client).into_iter().flatten());
    for parts in [["r", "u\n", "zanzibar"], ["r\0", "u", "zanzibar"], ["r", "u", "zanzibar\n"]] {
        let [realm, user, password] = parts;
        told += Credentials::new(realm, user, Secret::new(password)).unwrap_err();
    }
    assert!(told.contains("bob") && !told.contains("zanzibar"), "{told}");
}
