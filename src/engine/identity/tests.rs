use super::*;
use crate::config::load;
use crate::sip::{Message, wire};
use crate::yaml::Source;

fn config(trunk: &str, numbers: &str) -> Config {
    let text = format!(
        "askonce: 1\nlisten: {{ sip: [udp:127.0.0.1:5060] }}\nflows: [a.yaml]\n\
         trunks: {{ t: {{ from: [127.0.0.1], {trunk} }} }}\nnumbers: {{ {numbers} }}\n"
    );
    load(&Source { path: "askonce.yaml".into(), text }).expect("it loads").0
}

/// An INVITE to `uri` with these header lines.
fn invite(uri: &str, lines: &str) -> Request {
    let text = format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
         {lines}Content-Length: 0\r\n\r\n"
    );
    match wire::read(text.as_bytes()) {
        Ok(Message::Request(request)) => request,
        Ok(Message::Response(_)) | Err(_) => panic!("no request: {uri} {lines}"),
    }
}

const ALL: &str = "identity: [p-asserted-identity, remote-party-id, from, diversion, history-info], country: \"+1\"";
const FORWARDED: &str = "country: \"+1\", identity: [diversion, history-info, from]";
const TO: &str = "To: <sip:100@x>\r\n";

/// Number, name, private.
fn seen(trunk: &str, lines: &str) -> (String, String, bool) {
    let config = config(trunk, "\"*\": a");
    let lines =
        format!("{TO}{lines}{}", if lines.contains("From:") { "" } else { "From: <sip:2025550100@x>;tag=1\r\n" });
    let Caller { number, name, private } = caller(&config.trunks[0], &invite("sip:100@x", &lines).headers);
    let open = |secret: Option<Secret>| secret.map_or(String::new(), |secret| secret.open().to_owned());
    (open(number), open(name), private)
}

/// The trunk, the headers; the number, the name, whether it is private.
type Case<'c> = (&'c str, &'c str, &'c str, &'c str, bool);

fn assert_seen(cases: &[Case]) {
    for &(trunk, lines, number, name, private) in cases {
        assert_eq!(seen(trunk, lines), (number.to_owned(), name.to_owned(), private), "{trunk}: {lines}");
    }
}

#[test]
fn the_caller_is_whom_the_trunk_s_precedence_finds_first() {
    assert_seen(&[
        (ALL, "", "+12025550100", "", false),
        (ALL, "From: \"Ann\" <sip:2025550123;cpc=ordinary@x;user=phone>;tag=1\r\n", "+12025550123", "Ann", false),
        (ALL, "P-Asserted-Identity: \"Bo\" <sip:+12025550111@x>\r\n", "+12025550111", "Bo", false),
        (ALL, "P-Asserted-Identity: <sip:bo@x>, <tel:+1-202-555-0111>\r\n", "+12025550111", "", false),
        (ALL, "P-Asserted-Identity: <sip:bo@x>\r\n", "bo", "", false),
        (ALL, "P-Asserted-Identity: <sip:anonymous@x>\r\n", "+12025550100", "", false),
        (ALL, "P-Asserted-Identity: nonsense <\r\n", "+12025550100", "", false),
        (
            ALL,
            "Remote-Party-ID: <sip:9@x>;party=called, \"Cy\" <sip:2025550122@x>;privacy=off\r\n",
            "+12025550122",
            "Cy",
            false,
        ),
        (ALL, "Remote-Party-ID: <sip:2025550122@x>;party=calling;privacy=\"full\"\r\n", "+12025550122", "", true),
        (ALL, "Diversion: <sip:2025550133@x>;reason=no-answer\r\n", "+12025550100", "", false),
        ("identity: [from]", "P-Asserted-Identity: <sip:+12025550111@x>\r\n", "2025550100", "", false),
        ("identity: []", "", "", "", false),
    ]);
}

#[test]
fn who_forwarded_a_call_last_counts_where_the_trunk_asks_for_it() {
    assert_seen(&[
        (FORWARDED, "", "+12025550100", "", false),
        (
            FORWARDED,
            "Diversion: <sip:2025550133@x>;reason=no-answer, <sip:2025550144@x>\r\n",
            "+12025550133",
            "",
            false,
        ),
        (FORWARDED, "Diversion: <sip:2025550133@x>\r\nDiversion: <sip:2025550144@x>\r\n", "+12025550133", "", false),
        (FORWARDED, "Diversion: <sip:2025550133@x>;privacy=full\r\n", "+12025550133", "", true),
        (
            FORWARDED,
            "History-Info: <sip:2025550155@x>;index=1, <sip:2025550166@x?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1, \
             <sip:100@x>;index=1.2;mp=1.1, <sip:100@192.0.2.9>;index=1.2.1;rc=1.2\r\n",
            "+12025550166",
            "",
            false,
        ),
        (
            FORWARDED,
            "History-Info: <sip:2025550155@x>;index=1, <sip:100@x;cause=302>;index=1.1\r\n",
            "+12025550155",
            "",
            false,
        ),
        (
            FORWARDED,
            "History-Info: <sip:2025550155@x?Privacy=history>;index=1, <sip:1@x>;index=1.1;mp=1\r\n",
            "+12025550155",
            "",
            true,
        ),
        (FORWARDED, "History-Info: <sip:100@x>;index=1\r\n", "+12025550100", "", false),
    ]);
}

#[test]
fn who_does_not_want_to_be_known_is_anonymous_or_private() {
    let anonymous = "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1\r\n";
    assert_seen(&[
        (ALL, anonymous, "", "", false),
        (ALL, "From: <sip:+12025550123@anonymous.invalid>;tag=1\r\n", "", "", false),
        (ALL, "From: <sip:Restricted@x>;tag=1\r\n", "", "", false),
        (ALL, "Privacy: id\r\n", "", "", true),
        (ALL, "Privacy: none\r\nRemote-Party-ID: <sip:2025550122@x>;privacy=full\r\n", "+12025550122", "", false),
        (FORWARDED, "Privacy: none\r\nDiversion: <sip:2025550133@x>;privacy=full\r\n", "+12025550133", "", true),
        (FORWARDED, "Privacy: none;id\r\nDiversion: <sip:2025550133@x>\r\n", "", "", true),
        (
            ALL,
            "Privacy: session; User ;critical\r\nP-Asserted-Identity: \"Bo\" <sip:+12025550111@x>\r\n",
            "+12025550111",
            "Bo",
            true,
        ),
        ("identity: [from]", "Privacy: id\r\nP-Asserted-Identity: <sip:+12025550111@x>\r\n", "", "", true),
    ]);
    let (number, _, private) =
        seen(ALL, &format!("{anonymous}Privacy: id\r\nP-Asserted-Identity: <tel:+12025550111>\r\n"));
    assert_eq!((number.as_str(), private), ("+12025550111", true));
}

#[test]
fn the_called_number_is_the_one_that_a_flow_answers() {
    let ours = "\"+18005550100\": desk, 200: house";
    let any = "\"*\": any, \"+18005550100\": desk";
    let plain = "country: \"+1\"";
    let dialled = "country: \"+1\", called: [diversion, history-info, to]";
    let diverted = "Diversion: <sip:2025550133@x>, <sip:8005550100@x>\r\n";
    let history = "History-Info: <sip:8005550100@x>;index=1, <sip:9@x>;index=1.1;mp=1\r\n";
    let cases = [
        // The trunk, the numbers, the Request-URI, the headers; the number, the flow.
        (plain, ours, "sip:+18005550100@x", "", "+18005550100", Some("desk")),
        (plain, ours, "sip:18005550100;npdi@x;user=phone", "", "+18005550100", Some("desk")),
        (plain, ours, "tel:800-555-0100", "", "+18005550100", Some("desk")),
        (plain, ours, "sip:200@x", "", "200", Some("house")),
        (plain, ours, "sip:2025550199@x", "", "+12025550199", None),
        (plain, ours, "sip:x", "", "", None),
        (plain, any, "sip:x", "", "", Some("any")),
        (plain, any, "sip:2025550199@x", "", "+12025550199", Some("any")),
        ("", "2025550199: local", "sip:2025550199@x", "", "2025550199", Some("local")),
        ("", ours, "sip:8005550100@x", "", "8005550100", None),
        (plain, ours, "sip:200@x", diverted, "200", Some("house")),
        (dialled, ours, "sip:200@x", diverted, "+18005550100", Some("desk")),
        (dialled, ours, "sip:200@x", history, "+18005550100", Some("desk")),
        (dialled, ours, "sip:200@x", "Diversion: <sip:2025550133@x>\r\n", "200", Some("house")),
        (dialled, any, "sip:300@x", "Diversion: <sip:2025550133@x>\r\n", "+12025550133", Some("any")),
        (dialled, any, "sip:300@x", "", "100", Some("any")),
    ];
    for (trunk, numbers, uri, lines, number, flow) in cases {
        let config = config(trunk, numbers);
        let request = invite(uri, &format!("{TO}From: <sip:1@x>;tag=1\r\n{lines}"));
        let (called, entry) = called(&config, &config.trunks[0], &request);
        let answers = entry.and_then(|entry| entry.flow.as_ref()).map(|flow| flow.text.as_str());
        assert_eq!((called.as_str(), answers), (number, flow), "{trunk}: {uri} {lines}");
    }
}
