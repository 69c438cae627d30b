use super::*;
use crate::yaml::{Diagnostic, Source, Span};

fn load_text(text: &str) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    load(&Source { path: "askonce.yaml".into(), text: text.into() })
}

const WHOLE: &str = "askonce: 1
listen:
  sip: [udp:0.0.0.0:5060]
  rtp: { address: 0.0.0.0, ports: 10000-20000 }
  http: 127.0.0.1:8080
advertise: 203.0.113.5
flows: [flows/]
store: var/askonce.db
trunks:
  carrier:
    from: [198.51.100.0/24, 192.0.2.7]
    media_from: [198.51.100.0/23]
    identity: [p-asserted-identity, from]
    trust: [uui, headers]
  other: { from: [\"2001:db8::/32\"] }
numbers:
  \"+18005550100\": contact-center
  \"*\": account-desk
destinations:
  support: { to: [\"sip:support@192.0.2.10\", \"sip:192.0.2.11:5070\"], ring: 30s, carriers: [uui-isdn, headers], headers: { X-Account-Number: account }, trusted: true, uui: [account] }
  bare: { to: [\"sip:[2001:db8::1]:5080\"] }
";

fn destination<'c>(config: &'c Config, name: &str) -> Option<&'c Destination> {
    config.destinations.iter().find(|destination| destination.name.text == name)
}

#[test]
fn a_whole_configuration_is_parsed() {
    let (config, warnings) = load_text(WHOLE).expect("it loads");
    assert_eq!(warnings, []);
    assert_eq!(config.listen.sip.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0.0.0.0:5060"]);
    assert_eq!((config.listen.rtp.first, config.listen.rtp.last), (10_000, 20_000));
    assert_eq!(config.advertise.map(|a| a.to_string()).as_deref(), Some("203.0.113.5"));
    let source = |text: &str| config.trunk(text.parse().expect("an address")).map(|t| t.name.text.as_str());
    assert_eq!(
        (source("198.51.100.9"), source("192.0.2.7"), source("192.0.2.8")),
        (Some("carrier"), Some("carrier"), None)
    );
    let (carrier, other) = (&config.trunks[0], &config.trunks[1]);
    assert_eq!(carrier.identity, [Identity::PAssertedIdentity, Identity::From]);
    assert!(carrier.trust_uui && carrier.trust_headers && !other.trust_uui && !other.trust_headers);
    assert_eq!((&other.media_from, other.identity.len()), (&other.from, 3));
    let flow = |called: &str| config.number(called).and_then(|n| n.flow.as_ref()).map(|f| f.text.as_str());
    assert_eq!((flow("+18005550100"), flow("100")), (Some("contact-center"), Some("account-desk")));
    let support = destination(&config, "support").expect("it is there");
    let to: Vec<_> = support.to.iter().map(|t| (t.user.as_deref(), t.address.to_string())).collect();
    assert_eq!(to, [(Some("support"), "192.0.2.10:5060".to_owned()), (None, "192.0.2.11:5070".to_owned())]);
    assert_eq!((support.ring, support.carriers.len(), support.trusted), (Duration::from_secs(30), 2, true));
    assert_eq!(support.headers[0].0.text, "X-Account-Number");
    let bare = destination(&config, "bare").expect("it is there");
    assert_eq!((bare.trusted, bare.carriers.as_slice(), &bare.uui), (false, &[Carrier::UuiIsdn][..], &None));
    assert_eq!(bare.ring, Duration::from_secs(20));
}

#[test]
fn what_may_be_left_out_has_a_default() {
    let text = "askonce: 1\nlisten: { sip: [udp:127.0.0.1:5060] }\nflows: [a.yaml]\ntrunks: { t: { from: [127.0.0.1] } }\nnumbers: { \"*\": a }\n";
    let (config, _) = load_text(text).expect("it loads");
    assert_eq!(config.listen.http.to_string(), "127.0.0.1:8080");
    assert_eq!((config.listen.rtp.first, config.listen.rtp.last), (8192, 32767));
    assert_eq!((config.advertise, config.store.as_str()), (None, "var/askonce.db"));
}

/// One change of the whole configuration, and the one fault that it makes, at the text that was put in (or at
/// the place that is named).
#[test]
fn mistakes_have_a_place_and_a_remedy() {
    let cases = [
        ("askonce: 1\n", "", "missing-key", "1:1", "askonce: 1"),
        ("udp:0.0.0.0:5060", "tcp:0.0.0.0:5060", "not-served-yet", "3:9", "udp:"),
        ("udp:0.0.0.0:5060", "0.0.0.0:5060", "wrong-type", "3:9", "udp:0.0.0.0:5060"),
        ("10000-20000", "20000-10000", "wrong-type", "4:35", "ports"),
        ("10000-20000", "10000-99999", "wrong-type", "4:35", "65535"),
        ("127.0.0.1:8080", "0.0.0.0:8080", "not-served-yet", "5:9", "loopback"),
        ("advertise: 203.0.113.5\n", "", "no-advertise", "1:1", "add `advertise: ADDRESS`"),
        ("203.0.113.5", "example.org", "wrong-type", "6:12", "an IP address"),
        ("var/askonce.db", "postgres://db", "not-served-yet", "8:8", "SQLite"),
        ("198.51.100.0/24", "198.51.100.0/33", "wrong-type", "11:12", "198.51.100.0/24"),
        ("    trust:", "    trsut:", "unknown-key", "14:5", "did you mean `trust`?"),
        ("    trust:", "    ping: 30s\n    trust:", "not-served-yet", "14:5", "`ping:` of trunk `carrier`"),
        ("[uui, headers]", "[uui, header]", "unknown-name", "14:18", "did you mean `headers`?"),
        ("p-asserted-identity", "p-asserted", "unknown-name", "13:16", "p-asserted-identity, remote-party-id, from"),
        ("\"+18005550100\": ", "\"+1 800\": ", "bad-name", "17:3", "+18005550100"),
        ("contact-center", "{ flow: a, with: { b: c } }", "not-served-yet", "17:19", "name the flow"),
        ("support@192.0.2.10", "support@pbx1.internal", "not-served-yet", "20:19", "give an IP address"),
        ("sip:support@192.0.2.10", "192.0.2.10", "wrong-type", "20:19", "sip:100@192.0.2.1:5060"),
        ("sip:support@", "sip:sup port@", "wrong-type", "20:19", "sip:100@192.0.2.1:5060"),
        ("sip:support@", "sips:support@", "not-served-yet", "20:19", "IP address"),
        ("192.0.2.10", "192.0.2.10;transport=tcp", "not-served-yet", "20:19", "IP address"),
        ("192.0.2.11:5070", "0.0.0.0:5070", "wrong-type", "20:45", "sip:100"),
        ("ring: 30s", "ring: 30", "wrong-type", "20:75", "`20s`"),
        ("ring: 30s", "ring: 10m", "out-of-range", "20:75", "180 s"),
        ("[uui-isdn, headers]", "[uui-raw, headers]", "not-served-yet", "20:91", "uui-isdn, headers"),
        ("[uui-isdn, headers]", "[uui-isdn]", "no-effect", "20:111", "add `headers`"),
        ("X-Account-Number", "Account", "bad-name", "20:122", "X-NAME"),
        ("X-Account-Number", "X-ASKONCE-Context", "duplicate-key", "20:122", "taken"),
        ("trusted: true", "trusted: yes", "wrong-type", "20:160", "write true"),
        ("uui: [account]", "uui: { bare: account }", "not-served-yet", "20:171", "list facts"),
        ("store: ", "limits: { calls: 5 }\nstore: ", "not-served-yet", "8:1", "`limits:`"),
        ("store: ", "stor: ", "unknown-key", "8:1", "did you mean `store`?"),
    ];
    for (from, to, code, place, says) in cases {
        let text = WHOLE.replacen(from, to, 1);
        assert_ne!(text, WHOLE, "{from} is in the text");
        let found = load_text(&text).expect_err(to);
        let at = |d: &Diagnostic| format!("{}:{}", d.span.line, d.span.column);
        let list: Vec<_> = found.iter().map(|d| (d.code, at(d))).collect();
        assert_eq!(list, [(code, place.to_owned())], "{to}: {found:?}");
        let told = format!("{} {}", found[0].message, found[0].remedy.as_deref().unwrap_or(""));
        assert!(told.contains(says), "{told}");
    }
}

#[test]
fn names_are_checked_across_files() {
    let (config, _) = load_text(WHOLE).expect("it loads");
    let word = |text: &str, line| Word { text: text.into(), span: Span { line, column: 3, start: 0, end: 0 } };
    let (desk, center) = (word("account-desk", 2), word("contact-center", 2));
    let (support, suport) = (word("support", 9), word("suport", 12));
    let names = |path, name, destinations, facts| Names { path, name, destinations, facts };
    let good = [names("a.yaml", &desk, vec![&support], vec!["account"]), names("b.yaml", &center, vec![], vec![])];
    assert_eq!(check(&config, &good), []);
    let bad = [names("a.yaml", &desk, vec![&support, &suport], vec!["acount"]), names("b.yaml", &desk, vec![], vec![])];
    let found: Vec<_> = check(&config, &bad).iter().map(|d| (d.place(), d.remedy.clone())).collect();
    let meant = |name: &str| Some(format!("did you mean `{name}`?"));
    let expected = [
        ("a.yaml:12:3".to_owned(), meant("support")),
        ("b.yaml:2:3".to_owned(), None),
        ("askonce.yaml:17:19".to_owned(), Some("there is: account-desk, account-desk".to_owned())),
        ("askonce.yaml:20:140".to_owned(), meant("acount")),
        ("askonce.yaml:20:172".to_owned(), meant("acount")),
    ];
    assert_eq!(found, expected);
}

#[test]
fn quick_mode_serves_loopback_and_names_its_destinations() {
    let ports = RtpPorts { address: [127, 0, 0, 1].into(), first: 10_000, last: 10_100 };
    let quick = |destinations: &[&str]| {
        let destinations: Vec<String> = destinations.iter().map(|d| (*d).to_owned()).collect();
        let (sip, http) = (([127, 0, 0, 1], 5060).into(), ([127, 0, 0, 1], 8080).into());
        let (flow, store) = ("a.yaml", "a.db");
        Config::quick(&Quick { flow, destinations: &destinations, sip, rtp: ports, http, store })
    };
    let config = quick(&["support=sip:agent@127.0.0.1:5070"]).expect("it is right");
    assert!(config.trunk([127, 9, 9, 9].into()).is_some_and(|t| t.trust_uui && t.trust_headers));
    assert!(config.trunk([192, 0, 2, 1].into()).is_none());
    assert!(config.number("anything").is_some_and(|n| n.flow.is_none()));
    let support = destination(&config, "support").expect("it is named");
    assert!(support.trusted && support.carriers == [Carrier::UuiIsdn, Carrier::Headers]);
    for (text, why) in [
        ("support", "write NAME=sip:"),
        ("9=sip:127.0.0.1", "a letter first"),
        ("a=sip:pbx.internal", "give an IP address"),
        ("a=127.0.0.1", "begins with `sip:`"),
    ] {
        let error = quick(&[text]).expect_err(text);
        assert!(error.contains(why), "{error}");
    }
    assert!(quick(&["a=sip:127.0.0.1", "a=sip:127.0.0.2"]).is_err());
}
