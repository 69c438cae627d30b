use super::*;
use crate::codec::{Codec, Preference};
use crate::yaml::{Diagnostic, Severity, Source, Span};

fn load_text(text: &str) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    load(&Source { path: "askonce.yaml".into(), text: text.into() })
}

const WHOLE: &str = "askonce: 1
listen:
  sip: [udp:0.0.0.0:5060, tcp:0.0.0.0:5060, \"udp:[2001:db8::5]:5060\"]
  rtp: { address: 0.0.0.0, ports: 10000-20000 }
  http: 127.0.0.1:8080
advertise: 203.0.113.5
flows: [flows/]
store: var/askonce.db
tls: { cert: tls/cert.pem, key: tls/key.pem, ca: tls/ca.pem }
resolver: [192.0.2.53, \"[2001:db8::53]:5353\"]
unknown: drop
limits: { calls: 500, per_source: 50/s }
secrets: { pw: { env: TRUNK_PW }, token: { file: /run/token } }
trunks:
  carrier:
    from: [198.51.100.0/24, 192.0.2.7]
    media_from: [198.51.100.0/23]
    identity: [p-asserted-identity, from]
    trust: [uui, headers]
    country: \"+1\"
    called: [diversion, request-uri]
    # Nothing more of callers.
    proxy: sip:sbc.carrier.example;transport=tcp
    register: { user: \"100\", realm: carrier.example, secret: pw, every: 5m }
    ping: 30s
  other: { from: [\"2001:db8::/32\"] }
numbers:
  \"+18005550100\": contact-center
  \"*\": account-desk
destinations:
  support: { to: [\"sip:support@192.0.2.10\", \"sip:192.0.2.11:5070\"], ring: 30s, carriers: [uui-isdn, headers], headers: { X-Account-Number: account }, trusted: true, uui: [account] }
  bare: { to: [\"sip:[2001:db8::1]:5080\"] }
  out: { to: [\"sip:+15550100@carrier.example\"], trunk: carrier }
";

fn destination<'c>(config: &'c Config, name: &str) -> Option<&'c Destination> {
    config.destinations.iter().find(|destination| destination.name.text == name)
}

#[test]
fn a_whole_configuration_is_parsed() {
    let (config, warnings) = load_text(WHOLE).expect("it loads");
    assert_eq!(warnings, []);
    assert_eq!(
        config.listen.sip.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["udp:0.0.0.0:5060", "tcp:0.0.0.0:5060", "udp:[2001:db8::5]:5060"]
    );
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
    assert_eq!(
        support.to.iter().map(Uri::as_str).collect::<Vec<_>>(),
        ["sip:support@192.0.2.10", "sip:192.0.2.11:5070"]
    );
    assert_eq!((support.ring, support.carriers.len(), support.trusted), (Duration::from_secs(30), 2, true));
    assert_eq!(support.headers[0].0.text, "X-Account-Number");
    let bare = destination(&config, "bare").expect("it is there");
    assert!(!bare.trusted && bare.uui.is_none() && bare.carriers == [Carrier::UuiIsdn, Carrier::ReferTo]);
    assert_eq!(bare.ring, Duration::from_secs(20));
}

#[test]
fn a_trunk_says_how_it_is_reached_and_the_place_what_it_takes() {
    let (config, _) = load_text(WHOLE).expect("it loads");
    let (carrier, other) = (&config.trunks[0], &config.trunks[1]);
    assert_eq!(
        (carrier.country.as_deref(), &carrier.called[..]),
        (Some("1"), &[Called::Diversion, Called::RequestUri][..])
    );
    assert_eq!((other.country.as_deref(), &other.called[..]), (None, &[Called::RequestUri][..]));
    let (user, realm) = ("100".to_owned(), "carrier.example".to_owned());
    let register = Register { user, realm, secret: "pw".to_owned(), every: Duration::from_secs(300) };
    assert_eq!((carrier.register.as_ref(), carrier.ping), (Some(&register), Some(Duration::from_secs(30))));
    assert!(other.register.is_none() && other.proxy.is_none() && other.ping.is_none());
    let sources: Vec<_> = config.secrets.iter().map(|secret| (secret.name.text.as_str(), &secret.source)).collect();
    let (env, file) = (SecretSource::Env("TRUNK_PW".to_owned()), SecretSource::File("/run/token".to_owned()));
    assert_eq!(sources, [("pw", &env), ("token", &file)]);
    assert_eq!(config.tls.and_then(|tls| tls.ca).as_deref(), Some("tls/ca.pem"));
    let servers: Vec<_> = config.resolver.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["192.0.2.53:53", "[2001:db8::53]:5353"]);
    assert_eq!((config.unknown, config.limits), (Unknown::Drop, Limits { calls: 500, per_source: Some(50) }));
}

#[test]
fn what_is_recorded_is_said_for_all_for_a_trunk_and_for_a_number() {
    let (config, _) = load_text(WHOLE).expect("it loads");
    assert_eq!((config.record.clone(), config.may_record()), (Recording::default(), false));
    let text = WHOLE
        .replace("unknown: drop", "record: { folder: var/sound, longest: 30m, at_once: 200 }")
        .replace("    trust:", "    record: { audio: true }\n    trust:")
        .replace(": contact-center", ": { flow: contact-center, record: { audio: false } }");
    let (config, _) = load_text(&text).expect("it loads");
    let folder = Some("var/sound".to_owned());
    let said = Recording { audio: false, folder, longest: Duration::from_secs(1800), at_once: 200, fixtures: None };
    assert_eq!((&config.record, config.may_record()), (&said, true));
    let records = |trunk: usize, number: usize| config.records(&config.trunks[trunk], &config.numbers[number]);
    assert_eq!([records(0, 0), records(0, 1), records(1, 1)], [false, true, false]);
}

#[test]
fn which_calls_become_fixtures_is_said_once_and_of_numbers_and_flows_that_there_are() {
    let with = |said: &str| load_text(&WHOLE.replace("unknown: drop", said));
    let fixtures = |said: &str| with(said).expect("it loads").0.record.fixtures.expect("fixtures");
    let usual = Fixtures::default();
    assert_eq!(fixtures("record: { fixtures: {} }"), usual);
    assert_eq!((usual.keeping.keep, usual.journal, &usual.folder), (Keep::EndedBadly, 1_000, &None));
    for (said, keep) in
        [("all", Keep::All), ("ended-badly", Keep::EndedBadly), ("1/20", Keep::OneIn(20)), ("none", Keep::None)]
    {
        assert_eq!(fixtures(&format!("record: {{ fixtures: {{ keep: {said} }} }}")).keeping.keep, keep);
    }
    let whole = "record: { fixtures: { folder: var/inbox, keep: all, numbers: [\"+18005550100\", \"100\"], flows: [desk], \
                 journal: 0 } }";
    let (config, _) = with(whole).expect("it loads");
    let kept = config.record.fixtures.as_ref().expect("fixtures");
    assert_eq!((kept.folder.as_deref(), kept.journal), (Some("var/inbox"), 0));
    let found = check(&config, &[]);
    let found: Vec<_> =
        found.iter().filter(|d| d.place().contains(":11:")).map(|d| (d.code, d.message.as_str())).collect();
    // Any number is answered: there is a `*`.
    assert_eq!(found, [("unknown-name", "there is no flow `desk`")]);
    let mut narrow = config;
    narrow.numbers.retain(|number| number.number.text != "*");
    let found = check(&narrow, &[]);
    assert!(found.iter().any(|d| d.message.starts_with("no call to `100`")), "{found:?}");
    let (running, _) = with("record: { fixtures: { keep: all } }").expect("it loads");
    for (wanted, codes) in [
        ("record: { fixtures: { keep: none, numbers: [\"100\"] } }", 0),
        ("record: { fixtures: { keep: all, journal: 7 } }", 1),
        ("record: { fixtures: { keep: all, folder: elsewhere } }", 1),
        ("unknown: drop", 1),
    ] {
        let (wanted, _) = with(wanted).expect("it loads");
        assert_eq!(fixed(&running, &wanted, None).len(), codes);
    }
}

#[test]
fn a_call_knows_where_its_targets_are_unless_a_name_must_be_resolved_first() {
    let (config, _) = load_text(WHOLE).expect("it loads");
    let for_calls = |name| config.for_calls(destination(&config, name).expect("it is there"));
    let hops = |name| for_calls(name).to.iter().flat_map(|t| &t.hops).map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(hops("support"), ["udp:192.0.2.10:5060", "udp:192.0.2.11:5070"]);
    assert_eq!((hops("bare"), for_calls("bare").proxy), (vec!["udp:[2001:db8::1]:5080".to_owned()], None));
    let out = for_calls("out");
    assert_eq!((out.to[0].uri.as_str(), &out.to[0].hops[..]), ("sip:+15550100@carrier.example", &[][..]));
    assert_eq!(out.proxy.as_deref(), Some("sip:sbc.carrier.example;transport=tcp"));
    // Through a proxy whose address is known, whatever the target's host is.
    let text = WHOLE.replace("sbc.carrier.example", "192.0.2.77");
    let (config, _) = load_text(&text).expect("it loads");
    let out = config.for_calls(destination(&config, "out").expect("it is there"));
    assert_eq!(out.to[0].hops, ["tcp:192.0.2.77:5060".parse().expect("a hop")]);
}

#[test]
fn codecs_are_those_of_the_destination_of_its_trunk_or_of_the_place() {
    let (config, _) = load_text(WHOLE).expect("it loads");
    assert!(config.codecs.is_default() && config.trunks.iter().all(|trunk| trunk.codecs.is_default()));
    assert_eq!(config.spoken(), Codec::LAWS);
    let text = WHOLE
        .replace("unknown: drop", "unknown: drop\ncodecs: [g722, pcma]")
        .replace("    trust:", "    codecs: [pcmu, g722]\n    trust:")
        .replace("ring: 30s", "ring: 30s, codecs: [pcma]");
    let (config, _) = load_text(&text).expect("it loads");
    let (pcmu, pcma, g722) = (Codec::Pcmu, Codec::Pcma, Codec::G722);
    let ours = |codecs: &[Codec]| Preference::configured(codecs.to_vec());
    let trunks: Vec<_> = config.trunks.iter().map(|trunk| trunk.codecs.clone()).collect();
    assert_eq!(trunks, [ours(&[pcmu, g722]), ours(&[g722, pcma])]);
    let spoken = |name| config.for_calls(destination(&config, name).expect("it is there")).codecs;
    let expected = [ours(&[pcma]), ours(&[g722, pcma]), ours(&[pcmu, g722])];
    assert_eq!(["support", "bare", "out"].map(spoken), expected);
    assert_eq!(config.spoken(), [pcmu, pcma, g722]);
}

#[test]
fn tls_needs_a_certificate_and_serves_what_is_secure() {
    let tls = |text: &str| text.replace("tcp:0.0.0.0:5060", "tls:0.0.0.0:5061").replace(";transport=tcp", "");
    let (config, _) = load_text(&tls(WHOLE).replace("sip:support@192", "sips:support@192")).expect("it loads");
    assert_eq!(config.for_calls(&config.destinations[0]).to[0].hops, ["tls:192.0.2.10:5061".parse().expect("a hop")]);
    let bare: String =
        tls(WHOLE).lines().filter(|line| !line.starts_with("tls:")).map(|line| format!("{line}\n")).collect();
    let found = load_text(&bare).expect_err("there is no certificate");
    assert_eq!(
        found.iter().map(|d| (d.code, d.place())).collect::<Vec<_>>(),
        [("no-certificate", "askonce.yaml:3:27".to_owned())]
    );
}

#[test]
fn srtp_is_said_of_a_trunk_or_a_destination_and_readable_keys_are_warned_of() {
    use crate::keying::Policy;
    let trunk = |text: &str| text.replace("    ping: 30s\n", "    ping: 30s\n    srtp: required\n");
    let own = |text: &str| text.replace("sip:[2001:db8::1]:5080\"]", "sip:[2001:db8::1]:5080\"], srtp: offered");
    let tls = |text: &str| text.replace("tcp:0.0.0.0:5060", "tls:0.0.0.0:5061").replace("=tcp", "=tls");
    let of_trunk = (15, "none of our addresses for SIP is TLS");
    let of_bare = |line| (line, "`bare` has SRTP");
    let cases: [(String, &[(usize, &str)]); 7] = [
        (WHOLE.to_owned(), &[]),
        (trunk(WHOLE), &[of_trunk]),
        (trunk(&tls(WHOLE)), &[]),
        (trunk(&tls(WHOLE).replace(";transport=tls", "")), &[(15, "its proxy is not reached over TLS")]),
        (own(WHOLE), &[of_bare(32)]),
        (own(&tls(WHOLE)).replace("sip:[2001:db8::1]:5080", "sips:192.0.2.1"), &[]),
        (trunk(&own(WHOLE)), &[of_trunk, of_bare(33)]),
    ];
    for (text, expected) in cases {
        let (_, warnings) = load_text(&text).expect("it loads");
        let found: Vec<_> = warnings.iter().map(|warning| (warning.span.line, warning.message.as_str())).collect();
        let same = found.len() == expected.len()
            && found.iter().zip(expected).all(|((line, message), (l, part))| line == l && message.contains(part));
        assert!(same, "{found:?} for {text}");
    }
    let (config, _) = load_text(&trunk(&own(WHOLE))).expect("it loads");
    let off = trunk(WHOLE).replace("trunk: carrier }", "trunk: carrier, srtp: off }");
    let (open, _) = load_text(&off).expect("it loads");
    assert_eq!(open.for_calls(destination(&open, "out").expect("it is there")).srtp, Policy::Off, "unless it says so");
    let policies = ["support", "bare", "out"].map(|name| {
        let destination = destination(&config, name).expect("it is there");
        config.for_calls(destination).srtp
    });
    assert_eq!(policies, [Policy::Off, Policy::Offered, Policy::Required], "over a trunk it is the trunk's");
    assert_eq!(config.trunks.iter().map(|trunk| trunk.srtp).collect::<Vec<_>>(), [Policy::Required, Policy::Off]);
}

#[test]
fn what_goes_along_is_said_for_each_destination() {
    let text = WHOLE
        .replace("[uui-isdn, headers]", "[uui-pd, headers, body, call_info], call_info: \"https://desk.example/c/\"")
        .replace("uui: [account]", "uui: { bare: account }")
        .replace("trust: [uui, headers]", "trust: [uui, headers]\n    uui_bare: account")
        .replace("store: var/askonce.db", "store: { file: var/a.db, synchronous: full }");
    let (config, _) = load_text(&text).expect("it loads");
    assert_eq!((config.store.as_str(), config.synchronous), ("var/a.db", Synchronous::Full));
    assert_eq!(config.trunks[0].uui_bare.as_deref(), Some("account"));
    let support = config.for_calls(destination(&config, "support").expect("it is there"));
    assert_eq!(support.carriers, [Carrier::UuiPd, Carrier::Headers, Carrier::Body, Carrier::CallInfo]);
    assert_eq!(support.uui, Some(context::UuiFacts::Bare { bare: "account".to_owned() }));
    assert_eq!(support.call_info.as_deref(), Some("https://desk.example/c/"));
    let out = config.for_calls(destination(&config, "out").expect("it is there"));
    assert_eq!(out.carriers, [Carrier::UuiIsdn, Carrier::ReferTo]);
}

#[test]
fn what_may_be_left_out_has_a_default() {
    let text = "askonce: 1\nlisten: { sip: [udp:127.0.0.1:5060] }\nflows: [a.yaml]\ntrunks: { t: { from: [127.0.0.1] } }\nnumbers: { \"*\": a }\n";
    let (config, _) = load_text(text).expect("it loads");
    assert_eq!(config.listen.http.to_string(), "127.0.0.1:8080");
    assert_eq!((config.listen.rtp.first, config.listen.rtp.last), (8192, 32767));
    assert_eq!((config.advertise, config.store.as_str()), (None, "var/askonce.db"));
    assert_eq!((config.unknown, config.limits.calls, config.limits.per_source), (Unknown::Refuse, MAX_CALLS, Some(50)));
    assert!(config.tls.is_none() && config.resolver.is_empty() && config.secrets.is_empty());
}

/// One change of the whole configuration: what is replaced, by what; the code and the place of the one fault that it
/// makes, and a part of what is said.
type Mistake<'c> = (&'c str, &'c str, &'c str, &'c str, &'c str);

fn assert_mistakes(cases: &[Mistake]) {
    let mut wrong = Vec::new();
    for &(from, to, code, place, says) in cases {
        let text = WHOLE.replacen(from, to, 1);
        assert_ne!(text, WHOLE, "{from} is in the text");
        let found = load_text(&text).expect_err(to);
        let told = |d: &Diagnostic| format!("{} {}", d.message, d.remedy.as_deref().unwrap_or(""));
        let list: Vec<_> =
            found.iter().map(|d| (d.code, format!("{}:{}", d.span.line, d.span.column), told(d))).collect();
        if !matches!(&list[..], [(c, p, told)] if *c == code && *p == place && told.contains(says)) {
            wrong.push(format!("{to}: expected {code} at {place} with {says}, found {list:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_goes_along_has_to_be_consistent() {
    assert_mistakes(&[
        ("    trust: [uui, headers]", "    uui_bare: account\n    trust: [headers]", "no-effect", "19:15", "add `uui`"),
        ("[uui-isdn, headers]", "[uui-isdn, headers, webhook]", "missing-key", "31:12", "add `webhook:"),
        ("[uui-isdn, headers]", "[uui-isdn, headers, uui-pd]", "conflict", "31:90", "leave one of them"),
        ("[uui-isdn, headers]", "[uui-isdn, headers, call_info]", "missing-key", "31:90", "add `call_info:"),
        ("uui: [account]", "uui: [account], call_info: \"https://a/\"", "no-effect", "31:193", "add `call_info`"),
        (
            "[uui-isdn, headers]",
            "[uui-isdn, headers, call_info], call_info: \"http://a/\"",
            "wrong-type",
            "31:133",
            "https",
        ),
        ("[uui-isdn, headers]", "[headers]", "no-effect", "31:161", "add `uui-isdn`"),
        (
            "\"sip:[2001:db8::1]:5080\"]",
            "\"sip:[2001:db8::1]:5080\"], uui: { bare: account }",
            "no-effect",
            "32:48",
            "trusted: true",
        ),
        ("uui: [account]", "uui: { bare: account, more: 1 }", "unknown-key", "31:188", "`uui` has no key `more`"),
        ("store: var/askonce.db", "store: { file: a.db, synchronous: always }", "unknown-name", "8:35", "normal"),
    ]);
}

#[test]
fn mistakes_have_a_place_and_a_remedy() {
    assert_mistakes(&[
        ("askonce: 1\n", "", "missing-key", "1:1", "askonce: 1"),
        ("udp:0.0.0.0:5060", "ws:0.0.0.0:5060", "not-served-yet", "3:9", "udp, tcp or tls"),
        ("udp:0.0.0.0:5060", "udp:example.org:5060", "wrong-type", "3:9", "an IP address as `udp:0.0.0.0:5060`"),
        ("tcp:0", "udp:192.0.2.1:5070, tcp:0", "second-address", "3:27", "one for each transport and IP version"),
        (
            "0, \"udp:[2001:db8::5]:5060\"",
            "0, \"udp:[2001:db8::5]:5060\", \"udp:[::1]:1\"",
            "second-address",
            "3:71",
            "udp:[::]:PORT",
        ),
        ("0, \"udp:[2001:db8::5]:5060\"", "0, \"udp:[::]:5060\"", "no-advertise", "1:1", "of IPv6"),
        (
            "[udp:0.0.0.0:5060, tcp:0.0.0.0:5060, \"udp:[2001:db8::5]:5060\"]",
            "[]",
            "wrong-type",
            "3:8",
            "one address at least",
        ),
        ("udp:0.0.0.0:5060", "0.0.0.0:5060", "wrong-type", "3:9", "udp:0.0.0.0:5060"),
        ("10000-20000", "20000-10000", "wrong-type", "4:35", "ports"),
        ("10000-20000", "10001-10003", "out-of-range", "4:8", "two even ports"),
        ("10000-20000", "10000-99999", "wrong-type", "4:35", "65535"),
        ("127.0.0.1:8080", "0.0.0.0:8080", "not-served-yet", "5:9", "loopback"),
        ("advertise: 203.0.113.5\n", "", "no-advertise", "1:1", "add `advertise: ADDRESS`"),
        ("203.0.113.5", "example.org", "wrong-type", "6:12", "an IP address"),
        ("203.0.113.5", "0.0.0.0", "wrong-type", "6:12", "peers reach us"),
        ("var/askonce.db", "postgres://db", "not-served-yet", "8:8", "SQLite"),
        ("198.51.100.0/24", "198.51.100.0/33", "wrong-type", "16:12", "198.51.100.0/24"),
        ("    trust:", "    trsut:", "unknown-key", "19:5", "did you mean `trust`?"),
        ("    trust:", "    srtp: optional\n    trust:", "unknown-name", "19:11", "required, offered, off"),
        ("    trust:", "    srtp: [offered]\n    trust:", "wrong-type", "19:11", "required, offered or off"),
        ("ring: 30s", "srtp: requird", "unknown-name", "31:75", "did you mean `required`?"),
        ("[uui, headers]", "[uui, header]", "unknown-name", "19:18", "did you mean `headers`?"),
        ("p-asserted-identity", "p-asserted", "unknown-name", "18:16", "p-asserted-identity, remote-party-id, from"),
        ("\"+18005550100\": ", "\"+1 800\": ", "bad-name", "28:3", "+18005550100"),
        ("contact-center", "{ flow: a, with: [b] }", "wrong-type", "28:36", "parameters as"),
        ("contact-center", "{ record: { audio: true } }", "missing-key", "28:19", "no `flow:`"),
        ("contact-center", "{ flow: a, record: true }", "wrong-type", "28:38", "`record` as a map"),
        ("contact-center", "{ flow: a, record: {} }", "missing-key", "28:38", "no `audio:`"),
        ("unknown: drop", "record: { audoi: true }", "unknown-key", "11:11", "did you mean `audio`?"),
        ("unknown: drop", "record: { longest: 241m }", "out-of-range", "11:20", "1m to 240m"),
        ("unknown: drop", "record: { at_once: 0 }", "wrong-type", "11:20", "recordings at once"),
        ("sip:support@192.0.2.10", "192.0.2.10", "wrong-type", "31:19", "sip:100@192.0.2.1:5060"),
        ("sip:support@", "sip:sup port@", "wrong-type", "31:19", "sip:100@192.0.2.1:5060"),
        ("192.0.2.10", "192.0.2.10;transport=tsl", "wrong-type", "31:19", "no transport `tsl`"),
        ("sip:support@", "sips:support@", "no-socket", "31:19", "add `tls:ADDRESS:PORT` to `listen.sip`"),
        ("192.0.2.10", "[2001:db8::9];transport=tcp", "no-socket", "31:19", "no tcp over IPv6"),
        ("192.0.2.11:5070", "0.0.0.0:5070", "wrong-type", "31:45", "sip:100"),
        ("ring: 30s", "ring: 30", "wrong-type", "31:75", "`20s`"),
        ("ring: 30s", "ring: 10m", "out-of-range", "31:75", "180 s"),
        ("[uui-isdn, headers]", "[uui-isdn]", "no-effect", "31:111", "add `headers`"),
        ("X-Account-Number", "Account", "bad-name", "31:122", "X-NAME"),
        ("X-Account-Number", "X-ASKONCE-Context", "duplicate-key", "31:122", "taken"),
        ("trusted: true", "trusted: yes", "wrong-type", "31:160", "write true"),
        ("ring: 30s", "ring: 30s, codecs: [g729]", "unknown-name", "31:89", "did you mean `g722`?"),
        ("    trust:", "    codecs: []\n    trust:", "wrong-type", "19:13", "leave the key out"),
        ("    trust:", "    codecs: [pcma, pcma]\n    trust:", "duplicate-key", "19:13", "PCMA is named twice"),
        ("store: ", "codecs: g722\nstore: ", "wrong-type", "8:9", "write a list"),
        ("store: ", "stor: ", "unknown-key", "8:1", "did you mean `store`?"),
    ]);
}

#[test]
fn mistakes_of_what_goes_out_and_what_is_kept_have_them_too() {
    let in_clear = "endpoints: { crm: { url: \"http://127.0.0.1\", ca: a.pem } }\nstore: ";
    assert_mistakes(&[
        ("store: ", "retention: { cdr: 12h }\nstore: ", "out-of-range", "8:19", "1d to 3660d"),
        ("store: ", "retention: { cdrs: 400d }\nstore: ", "unknown-key", "8:14", "did you mean `cdr`?"),
        ("store: ", "endpoints: { crm: crm.example }\nstore: ", "wrong-type", "8:19", "write https://HOST"),
        ("store: ", in_clear, "no-effect", "8:50", "https"),
        ("unknown: drop", "record: { fixtures: all }", "wrong-type", "11:21", "`fixtures` as a map"),
        ("unknown: drop", "record: { fixtures: { kep: all } }", "unknown-key", "11:23", "did you mean `keep`?"),
        ("unknown: drop", "record: { fixtures: { keep: badly } }", "unknown-name", "11:29", "ended-badly"),
        ("unknown: drop", "record: { fixtures: { keep: 1/1 } }", "out-of-range", "11:29", "one in 2 to 1000000"),
        ("unknown: drop", "record: { fixtures: { journal: 10001 } }", "wrong-type", "11:32", "from 0 to 10000"),
        ("unknown: drop", "record: { fixtures: { flows: [] } }", "wrong-type", "11:30", "names of flows"),
        ("unknown: drop", "record: { fixtures: { numbers: 100 } }", "wrong-type", "11:32", "called numbers"),
        ("unknown: drop", "record: { fixtures: { audio: some } }", "wrong-type", "11:30", "true or false"),
    ]);
}

#[test]
fn mistakes_of_what_is_reached_and_let_in_have_them_too() {
    assert_mistakes(&[
        ("tls: { cert: tls/cert.pem, ", "tls: { ", "missing-key", "9:6", "`tls` has no `cert:`"),
        ("192.0.2.53", "dns.example", "wrong-type", "10:12", "a DNS server as `192.0.2.53`"),
        ("unknown: drop", "unknown: dorp", "unknown-name", "11:10", "did you mean `drop`?"),
        ("calls: 500", "calls: 60000", "wrong-type", "12:18", "from 1 to 6000"),
        ("50/s", "50/m", "wrong-type", "12:35", "a rate as `50/s`"),
        ("{ env: TRUNK_PW }", "hunter2", "secret-in-clear", "13:12", "{ env: NAME }"),
        ("{ env: TRUNK_PW }", "{ env: TRUNK_PW, file: a }", "one-of", "13:16", "{ file: PATH }"),
        ("\"+1\"", "1", "wrong-type", "20:14", "in quotes"),
        ("[diversion, request-uri]", "[diversion, request]", "unknown-name", "21:25", "request-uri, diversion"),
        ("    proxy:", "    transfer: refuse\n    proxy:", "not-served-yet", "23:5", "`transfer:`"),
        ("sip:sbc.", "sip:100@sbc.", "wrong-type", "23:12", "no user"),
        ("transport=tcp", "transport=tls", "no-socket", "23:12", "`listen.sip` has no tls"),
        ("secret: pw,", "secret: wp,", "unknown-name", "24:62", "did you mean `pw`?"),
        ("user: \"100\"", "user: \"1 00\"", "bad-name", "24:23", "URI with a blank"),
        ("every: 5m", "every: 5s", "out-of-range", "24:73", "60 s to 3600 s"),
        ("ping: 30s", "ping: 1s", "out-of-range", "25:11", "5 s to 3600 s"),
        ("2001:db8::/32\"]", "2001:db8::/32\"], ping: 30s", "missing-key", "26:43", "add `proxy:"),
        ("trunk: carrier", "trunk: carier", "unknown-name", "33:56", "did you mean `carrier`?"),
        ("trunk: carrier", "trunk: other", "missing-key", "33:56", "no `proxy:`"),
    ]);
}

#[test]
fn names_are_checked_across_files() {
    let (config, _) = load_text(WHOLE).expect("it loads");
    let word = |text: &str, line| Word { text: text.into(), span: Span { line, column: 3, start: 0, end: 0 } };
    let (desk, center) = (word("account-desk", 2), word("contact-center", 2));
    let (support, suport) = (word("support", 9), word("suport", 12));
    let names = |path, name, destinations, facts| {
        let (endpoints, secrets, switches, parameters) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (longest, handoffs) = (Vec::new(), Vec::new());
        let announces = false;
        Names {
            path,
            name,
            destinations,
            endpoints,
            secrets,
            facts,
            announces,
            longest,
            handoffs,
            switches,
            parameters,
        }
    };
    let good = [names("a.yaml", &desk, vec![&support], vec!["account"]), names("b.yaml", &center, vec![], vec![])];
    assert_eq!(check(&config, &good), []);
    let bad = [names("a.yaml", &desk, vec![&support, &suport], vec!["acount"]), names("b.yaml", &desk, vec![], vec![])];
    let found: Vec<_> = check(&config, &bad).iter().map(|d| (d.place(), d.remedy.clone())).collect();
    let meant = |name: &str| Some(format!("did you mean `{name}`?"));
    let expected = [
        ("a.yaml:12:3".to_owned(), meant("support")),
        ("b.yaml:2:3".to_owned(), None),
        ("askonce.yaml:28:19".to_owned(), Some("there is: account-desk, account-desk".to_owned())),
        ("askonce.yaml:31:140".to_owned(), meant("acount")),
        ("askonce.yaml:31:172".to_owned(), meant("acount")),
    ];
    assert_eq!(found, expected);
    // Its carriers are listed, and `refer_to` is not among them.
    let [desk, center] = good;
    let handoffs = vec![Handoff { to: &support, needs: vec!["account"], transfer: true }];
    let away = [Names { handoffs, ..desk.clone() }, center.clone()];
    let found: Vec<_> = check(&config, &away).iter().map(|d| (d.severity, d.place(), d.code)).collect();
    assert_eq!(found, [(Severity::Warning, "a.yaml:9:3".to_owned(), "no-effect")]);
    // What others hear, a flow changes only where it is listed.
    let announces = [Names { announces: true, ..desk }, center];
    let found: Vec<_> = check(&config, &announces).iter().map(|d| (d.place(), d.code)).collect();
    assert_eq!(found, [("a.yaml:2:3".to_owned(), "not-allowed")]);
    for (listed, code) in [("account-desk", None), ("acount-desk", Some("unknown-name"))] {
        let flows = vec![word("account-desk", 40), word(listed, 41)];
        let announcements = Some(Announcements { folder: "announcements".into(), flows });
        let config = Config { announcements, ..config.clone() };
        let found: Vec<_> = check(&config, &announces).iter().map(|d| (d.place(), d.code)).collect();
        let expected: Vec<_> = code.map(|code| ("askonce.yaml:41:3".to_owned(), code)).into_iter().collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn quick_mode_serves_loopback_and_names_its_destinations() {
    let ports = RtpPorts { address: [127, 0, 0, 1].into(), first: 10_000, last: 10_100 };
    let quick = |destinations: &[&str]| {
        let destinations: Vec<String> = destinations.iter().map(|d| (*d).to_owned()).collect();
        let (sip, http) = (([127, 0, 0, 1], 5060).into(), ([127, 0, 0, 1], 8080).into());
        let (flow, store) = ("a.yaml", "a.db");
        Config::quick(&Quick { flow, destinations: &destinations, endpoints: &[], sip, rtp: ports, http, store })
    };
    let config = quick(&["support=sip:agent@127.0.0.1:5070"]).expect("it is right");
    let spoken = config.clone().speaking("g722, pcmu").expect("codecs of this program");
    assert_eq!(
        (spoken.spoken(), spoken.trunks[0].codecs.codecs.clone()),
        (vec![Codec::Pcmu, Codec::G722], vec![Codec::G722, Codec::Pcmu])
    );
    assert_eq!(spoken.for_calls(&spoken.destinations[0]).codecs, spoken.trunks[0].codecs);
    for wrong in ["", "g729", "pcmu,pcmu", "PCMU"] {
        let error = config.clone().speaking(wrong).expect_err(wrong);
        assert!(error.contains("it has") && error.contains("g722"), "{error}");
    }
    assert!(config.trunk([127, 9, 9, 9].into()).is_some_and(|t| t.trust_uui && t.trust_headers));
    assert!(config.trunk([192, 0, 2, 1].into()).is_none());
    assert!(config.number("anything").is_some_and(|n| n.flow.is_none()));
    let support = destination(&config, "support").expect("it is named");
    assert!(support.trusted && support.carriers == [Carrier::UuiIsdn, Carrier::Headers, Carrier::ReferTo]);
    for (text, why) in [
        ("support", "write NAME=sip:"),
        ("9=sip:127.0.0.1", "a letter first"),
        ("a=sip:pbx.internal;transport=tcp", "is no tcp"),
        ("a=sip:[::1]", "is no udp over IPv6"),
        ("a=127.0.0.1", "begins with `sip:`"),
    ] {
        let error = quick(&[text]).expect_err(text);
        assert!(error.contains(why), "{error}");
    }
    assert!(quick(&["a=sip:127.0.0.1", "a=sip:127.0.0.2"]).is_err());
    let of = |text: &str| {
        let (endpoints, sip) = ([text.to_owned()], SocketAddr::from(([127, 0, 0, 1], 5060)));
        let quick =
            Quick { flow: "f", destinations: &[], endpoints: &endpoints, sip, rtp: ports, http: sip, store: "s" };
        Config::quick(&quick).map(|config| config.endpoints[0].port)
    };
    assert_eq!(of("crm=http://127.0.0.1:9000"), Ok(9000));
    for wrong in ["crm", "crm=127.0.0.1:9000", "1=http://127.0.0.1", "crm=http://a:b@127.0.0.1"] {
        assert!(of(wrong).is_err_and(|why| why.starts_with(&format!("--endpoint {wrong}: "))), "{wrong}");
    }
}
