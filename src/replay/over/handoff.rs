//! What an INVITE to a person brings along, as far as it may be compared: each value by the name under which QA knows it.
//! What is minted anew in each call, references and the names of cases, counts by its being there.

use crate::context::carrier::{REFERENCE, uui};
use crate::sip::uri::decode;
use crate::sip::{NameAddr, Request, multipart};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What every INVITE has, or what is of the connection and not of the caller.
const USUAL: [&str; 27] = [
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Max-Forwards",
    "Content-Length",
    "Content-Type",
    "MIME-Version",
    "Allow",
    "Allow-Events",
    "Supported",
    "Require",
    "Session-Expires",
    "Min-SE",
    "User-Agent",
    "Server",
    "Date",
    "Timestamp",
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Record-Route",
    "Route",
    "Authorization",
    "Proxy-Authorization",
];
/// What our carriers write: one that comes though none was recorded is a difference. Other headers may be a proxy's.
const CARRIED: [&str; 3] = ["User-to-User", REFERENCE, "Call-Info"];
/// In place of what is minted anew.
const MINTED: &str = "(one of its call's own)";
/// Values of one INVITE that are looked at.
const VALUES: usize = 128;

/// The values of an INVITE to a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandOff {
    /// The user of the Request-URI: which queue was called.
    pub user: String,
    /// The user of From.
    pub number: String,
    values: BTreeMap<String, String>,
}

/// A value that is not the same: its name, and what it is in either, without the value if that is the caller's.
#[derive(Debug, PartialEq, Eq)]
pub struct Other {
    pub name: String,
    pub recorded: Option<String>,
    pub replayed: Option<String>,
}

impl HandOff {
    pub fn of(request: &Request) -> HandOff {
        let headers = &request.headers;
        let mut all = HandOff { user: decode(request.uri.user().unwrap_or("")), ..HandOff::default() };
        if let Some(Ok(from)) = headers.get("From").map(NameAddr::read) {
            all.number = decode(from.uri.user().unwrap_or(""));
            all.put("From", all.number.clone());
            if !from.display.is_empty() {
                all.put("From, the name", from.display.into_owned());
            }
        }
        let sent = headers.get("User-to-User").and_then(|value| uui::read(value, None).ok());
        let sent = sent.iter().flat_map(|read| &read.pairs).find(|(name, _)| name == "ref");
        let reference = headers.get(REFERENCE).or(sent.map(|(_, value)| value.open())).unwrap_or("").to_owned();
        for (name, value) in headers.iter().take(VALUES) {
            if USUAL.iter().any(|usual| usual.eq_ignore_ascii_case(name)) {
                continue;
            }
            match uui::read(value, None) {
                Ok(read) if name.eq_ignore_ascii_case("User-to-User") => {
                    all.put("User-to-User, its form", format!("{:?}", read.form).to_lowercase());
                    read.pairs.iter().for_each(|(key, value)| all.pair("User-to-User", key, value.open()));
                }
                _ if reference.is_empty() => all.put(name, value.to_owned()),
                _ => all.put(name, value.replace(&reference, MINTED)),
            }
        }
        let content_type = headers.get("Content-Type").unwrap_or("");
        let beside = multipart::part(content_type, &request.body, "application/json");
        if let Some(Ok(Value::Object(object))) = beside.map(serde_json::from_slice) {
            for (key, value) in object.iter().take(VALUES) {
                match value {
                    Value::Object(facts) => facts.iter().for_each(|(key, value)| all.pair("body", key, &plain(value))),
                    value => all.pair("body", key, &plain(value)),
                }
            }
        }
        all
    }

    fn put(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }

    /// A value of a list, under both names.
    fn pair(&mut self, list: &str, name: &str, value: &str) {
        let minted = ["ref", "case"].contains(&name);
        self.put(&format!("{list}, {name}"), if minted { MINTED } else { value }.to_owned());
    }

    /// Where a recorded INVITE and the one that came say another thing.
    pub fn against(&self, seen: &HandOff) -> Vec<Other> {
        let mut others = Vec::new();
        if self.user != seen.user {
            let [recorded, replayed] = [self, seen].map(|handoff| Some(handoff.user.clone()));
            others.push(Other { name: "whom it calls".to_owned(), recorded, replayed });
        }
        let ours = |name: &&String| {
            let whole = name.split(',').next().unwrap_or(name);
            whole == "body" || CARRIED.iter().any(|carried| carried.eq_ignore_ascii_case(whole))
        };
        let names: BTreeSet<&String> = self.values.keys().chain(seen.values.keys().filter(ours)).collect();
        for name in names {
            let (recorded, replayed) = (self.values.get(name), seen.values.get(name));
            if recorded != replayed {
                let told = |value: Option<&String>, other: &str| value.map(|_| other.to_owned());
                let another = if recorded.is_some() { "another value" } else { "a value" };
                let (recorded, replayed) = (told(recorded, "a value"), told(replayed, another));
                others.push(Other { name: name.clone(), recorded, replayed });
            }
        }
        others
    }

    /// Whether the two are of one caller, by its number, or by a value that came along.
    pub fn is_of(&self, seen: &HandOff) -> bool {
        let same = |(name, value): (&String, &String)| {
            name.contains(", ") && value.len() > 3 && value != MINTED && seen.values.get(name) == Some(value)
        };
        !self.number.is_empty() && self.number == seen.number
            || self.values.iter().filter(|(name, _)| !name.ends_with("its form")).any(same)
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{Message, wire};

    const CARRIES: &str = "User-to-User: 047265663d6162633b6163636f756e743d34323432;encoding=hex\r\n\
                           X-Askonce-Context: abc\r\nX-Account: 4242\r\nCall-Info: <https://desk.example/c/abc>;purpose=info\r\n";
    const BODY: &str = "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b\r\nContent-Type: application/json\r\n\r\n\
                        {\"askonce\":1,\"ref\":\"abc\",\"case\":\"01J\",\"facts\":{\"account\":\"4242\"}}\r\n--b--\r\n";

    fn read(user: &str, headers: &str, body: &str) -> HandOff {
        let text = format!(
            "INVITE sip:{user}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nFrom: \"A\" \
             <sip:+1555@192.0.2.2>;tag=1\r\nTo: <sip:{user}@192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: \
             70\r\nContent-Type: multipart/mixed;boundary=b\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let Ok(Message::Request(request)) = wire::read(text.as_bytes()) else { panic!("{text}") };
        HandOff::of(&request)
    }

    #[test]
    fn what_is_minted_anew_is_no_difference_and_all_else_is() {
        let recorded = read("billing", CARRIES, BODY);
        let anew = |text: &str| text.replace("abc", "xyz").replace("616263", "78797a").replace("01J", "01K");
        assert_eq!(recorded.against(&read("billing", &anew(CARRIES), &anew(BODY))), []);
        let other = |user: &str, headers: &str, body: &str| {
            let others = recorded.against(&read(user, headers, body));
            others.into_iter().map(|other| other.name).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(other("sales", CARRIES, BODY), "whom it calls");
        let lost = CARRIES.replace("3b6163636f756e743d34323432", "");
        assert_eq!(other("billing", &lost, BODY), "User-to-User, account");
        assert_eq!(other("billing", &CARRIES.replace("04726566", "726566"), BODY), "User-to-User, its form");
        assert_eq!(other("billing", &CARRIES.replace("X-Account: 4242", "X-Account: 4343"), BODY), "X-Account");
        assert_eq!(other("billing", CARRIES, &BODY.replace("4242", "4343")), "body, account");
        assert_eq!(other("billing", &format!("X-Proxy: 1\r\n{CARRIES}"), BODY), "");
        let bare = read("billing", "", BODY);
        let unasked: Vec<String> = bare.against(&recorded).into_iter().map(|other| other.name).collect();
        let carried = ["Call-Info", "User-to-User, account", "User-to-User, its form", "User-to-User, ref", REFERENCE];
        assert_eq!(unasked, carried);
    }

    #[test]
    fn a_call_is_known_by_its_number_or_by_what_came_along() {
        let recorded = read("billing", CARRIES, BODY);
        let mut seen = recorded.clone();
        seen.number = "anonymous".to_owned();
        assert!(recorded.is_of(&seen) && recorded.is_of(&HandOff { values: BTreeMap::new(), ..recorded.clone() }));
        assert!(!recorded.is_of(&HandOff { number: "2".to_owned(), ..HandOff::default() }));
    }
}
