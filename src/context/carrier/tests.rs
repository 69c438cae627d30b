//! The exact bytes of every carrier, and what peers make of them by their own documents.

use super::*;
use uui::Form;

const REF: &str = "9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f";

fn hex(text: &str) -> String {
    text.bytes().map(|octet| format!("{octet:02x}")).collect()
}

/// What these carriers write of those facts.
fn written(carriers: &[Carrier], facts: &[(&str, &str)], bare: bool) -> Written {
    let reference = Secret::new(REF);
    let values: Vec<Secret> = facts.iter().map(|(_, value)| Secret::new(*value)).collect();
    let pairs: Vec<(&str, &Secret)> = facts.iter().zip(&values).map(|((name, _), value)| (*name, value)).collect();
    let uui = match bare {
        true => Uui::Bare("account", values.first()),
        false => Uui::Pairs(pairs.clone()),
    };
    let headers = pairs.iter().map(|(name, value)| (format!("X-{name}"), *value)).collect();
    let call_info = Some("https://desk.example/c/");
    let parcel = Parcel { reference: &reference, case: "case-1", uui, headers, facts: pairs, call_info };
    let mut written = Written::default();
    carriers.iter().for_each(|carrier| carrier.write(&parcel, &mut written));
    written
}

fn uui_of(carrier: Carrier, facts: &[(&str, &str)]) -> String {
    let mut written = written(&[carrier], facts, false);
    assert_eq!(written.headers.len(), 1, "exactly one");
    let (name, value) = written.headers.remove(0);
    assert_eq!(name, "User-to-User");
    value
}

/// Genesys Cloud ("UUI data formats"): the hex up to `;` is data, its first octet the discriminator and removed, unless
/// a parameter `pd` has it.
fn genesys(value: &str) -> String {
    let (digits, parameters) = value.split_once(';').expect("parameters");
    let pd = parameters.split(';').any(|parameter| parameter.starts_with("pd="));
    let octets: Vec<u8> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex")).collect();
    String::from_utf8(octets[usize::from(!pd)..].to_vec()).expect("text")
}

/// FreeSWITCH: `sip_h_User-to-User` is the header's value as it came, parameters included; a dialplan takes the hex off it
/// by an expression and reads all of it as text.
fn freeswitch(value: &str) -> String {
    let digits = value.strip_suffix(";encoding=hex").expect("the expression ^([0-9a-f]+);encoding=hex$");
    let octets: Vec<u8> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex")).collect();
    String::from_utf8(octets).expect("text")
}

#[test]
fn genesys_reads_the_payload_of_the_isdn_and_the_pd_form() {
    let facts = [("account", "79927398713")];
    let payload = format!("ref={REF};account=79927398713");
    let isdn = uui_of(Carrier::UuiIsdn, &facts);
    assert_eq!(isdn, format!("04{};encoding=hex", hex(&payload)));
    assert_eq!(genesys(&isdn), payload);
    let pd = uui_of(Carrier::UuiPd, &facts);
    assert_eq!(pd, format!("{};pd=04;encoding=hex", hex(&payload)));
    assert_eq!(genesys(&pd), payload);
    // Without a discriminator it would lose the first character: that form is not for it.
    assert_eq!(genesys(&uui_of(Carrier::UuiRaw, &facts)), payload[1..]);
}

#[test]
fn freeswitch_reads_the_payload_of_the_raw_form_and_x_headers() {
    let facts = [("account", "79927398713")];
    let payload = format!("ref={REF};account=79927398713");
    let raw = uui_of(Carrier::UuiRaw, &facts);
    assert_eq!(raw, format!("{};encoding=hex", hex(&payload)));
    assert_eq!(freeswitch(&raw), payload);
    let headers = written(&[Carrier::Headers], &facts, false).headers;
    assert_eq!(headers, [(REFERENCE.to_owned(), REF.to_owned()), ("X-account".to_owned(), "79927398713".to_owned())]);
}

#[test]
fn what_is_written_is_read_back_in_every_form() {
    for (carrier, form) in [(Carrier::UuiIsdn, Form::Isdn), (Carrier::UuiRaw, Form::Raw), (Carrier::UuiPd, Form::Pd)] {
        let value = uui_of(carrier, &[("account", "79927398713"), ("note", "a;b=c é")]);
        let read = uui::read(&value, None).expect("our own form");
        let pairs: Vec<(&str, &str)> = read.pairs.iter().map(|(n, v)| (n.as_str(), v.open())).collect();
        assert_eq!((read.form, pairs), (form, vec![("ref", REF), ("account", "79927398713"), ("note", "a;b=c é")]));
    }
}

#[test]
fn a_bare_payload_is_that_value_and_nothing_else() {
    for (carrier, expected) in [
        (Carrier::UuiIsdn, "04313233;encoding=hex"),
        (Carrier::UuiRaw, "313233;encoding=hex"),
        (Carrier::UuiPd, "313233;pd=04;encoding=hex"),
    ] {
        assert_eq!(written(&[carrier], &[("account", "123")], true).headers[0].1, expected);
        // Not known, or not to be written: then there is no header at all.
        assert!(written(&[carrier], &[], true).headers.is_empty());
        let long = "9".repeat(129);
        for value in ["1\r\n2", &long] {
            let written = written(&[carrier], &[("account", value)], true);
            assert!(written.headers.is_empty() && written.omitted == ["account"], "{value}");
        }
    }
}

#[test]
fn what_does_not_fit_or_has_control_bytes_is_left_out_and_named() {
    let long = "9".repeat(2_048);
    let facts = [("long", long.as_str()), ("forged", "1\r\nX-Evil: 2"), ("account", "12345678")];
    for carrier in [Carrier::UuiIsdn, Carrier::UuiRaw, Carrier::UuiPd] {
        let written = written(&[carrier], &facts, false);
        assert_eq!(written.omitted, ["long", "forged"]);
        let octets = written.headers[0].1.split(';').next().map_or(0, str::len) / 2;
        assert!(octets <= 1 + 128);
        let read = uui::read(&written.headers[0].1, None).expect("readable");
        assert!(read.pairs.iter().any(|(name, _)| name == "account"));
    }
    let headers = written(&[Carrier::Headers], &facts, false);
    assert_eq!(headers.omitted, ["X-long", "X-forged"]);
    let body = written(&[Carrier::Body], &facts, false);
    assert_eq!(body.omitted, ["long", "forged"]);
    let object: serde_json::Value = serde_json::from_str(&body.body.expect("a body")).expect("JSON");
    assert_eq!(object["facts"], serde_json::json!({ "account": "12345678" }));
}

#[test]
fn the_body_and_the_link() {
    let both = written(&[Carrier::Body, Carrier::CallInfo], &[("account", "12345678")], false);
    let object: serde_json::Value = serde_json::from_str(&both.body.expect("a body")).expect("JSON");
    let expected =
        serde_json::json!({ "askonce": 1, "ref": REF, "case": "case-1", "facts": { "account": "12345678" } });
    assert_eq!(object, expected);
    assert_eq!(both.headers, [("Call-Info".to_owned(), format!("<https://desk.example/c/{REF}>;purpose=info"))]);
    let none = written(&[Carrier::Body], &[], false);
    assert!(!none.body.expect("a body").contains("facts"));
}

#[test]
fn a_refer_to_has_the_header_fields_escaped_and_stays_short() {
    let facts = [("account", "79927398713")];
    let mut isdn = written(&of_refer(&[Carrier::ReferTo]), &facts, false);
    let payload = hex(&format!("ref={REF};account=79927398713"));
    assert_eq!(
        refer_to::address("sip:a@192.0.2.1", &mut isdn),
        format!("<sip:a@192.0.2.1?User-to-User=04{payload}%3Bencoding%3Dhex>")
    );
    let long = "9".repeat(500);
    let facts = [("account", "79927398713"), ("note", &long), ("other", &long)];
    let listed = [Carrier::UuiPd, Carrier::Headers, Carrier::ReferTo, Carrier::Body, Carrier::CallInfo];
    let mut written = written(&of_refer(&listed), &facts, false);
    written.omitted.clear();
    let address = refer_to::address("sip:a@192.0.2.1", &mut written);
    assert!(address.contains("%3Bpd%3D04") && address.contains("&X-account=79927398713&"), "{address}");
    assert!("Refer-To: ".len() + address.len() < LINE);
    assert_eq!(
        written.omitted,
        ["X-note", "X-other"].into_iter().filter(|name| !address.contains(name)).collect::<Vec<_>>()
    );
    assert!(!written.omitted.is_empty());
}

#[test]
fn which_carriers_go_which_way() {
    use Carrier::{Body, CallInfo, Headers, ReferTo, UuiIsdn, UuiRaw};
    let cases: [(&[Carrier], &[Carrier], &[Carrier]); 4] = [
        (&[UuiIsdn, ReferTo], &[UuiIsdn], &[UuiIsdn]),
        (&[UuiRaw, Headers], &[UuiRaw, Headers], &[]),
        (&[ReferTo], &[], &[UuiIsdn]),
        (&[Body, CallInfo, Headers, ReferTo], &[Body, CallInfo, Headers], &[Headers]),
    ];
    for (listed, invite, refer) in cases {
        assert_eq!((of_invite(listed).as_slice(), of_refer(listed).as_slice()), (invite, refer), "{listed:?}");
    }
}
