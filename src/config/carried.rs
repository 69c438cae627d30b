//! Whether what a flow hands over fits into the carriers of its destinations, at the greatest lengths that its facts may
//! have. The carriers themselves say so: they write the same parcel that a call would give them.

use super::check::{Handoff, Names};
use super::{Config, Destination, Uui};
use crate::context::carrier::{self, Carrier, Parcel, Written, refer_to, uui};
use crate::secret::Secret;
use crate::yaml::{Diagnostic, Severity, Span};

/// As long as a reference is, and the name of a case.
const REFERENCE: &str = "00000000000000000000000000000000";
const CASE: &str = "00000000000000000000000000";

/// A finding for each carrier of each destination that has too little room, for the first flow that shows it.
pub fn check(config: &Config, flows: &[Names]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for destination in config.destinations.iter().filter(|destination| destination.trusted) {
        let handoffs = || {
            let all = flows.iter().flat_map(|flow| flow.handoffs.iter().map(move |handoff| (flow, handoff)));
            all.filter(|(_, handoff)| handoff.to.text == destination.name.text)
        };
        for carrier in &destination.carriers {
            let tight = handoffs().find_map(|(flow, handoff)| tight(destination, *carrier, flow, handoff));
            found.extend(tight.and_then(|tight| tight.told(config, destination)));
        }
    }
    found
}

/// A carrier with too little room.
struct Tight<'f> {
    carrier: Carrier,
    flow: &'f str,
    /// Facts, or header fields of a Refer-To.
    omitted: Vec<String>,
    sums: String,
    /// Whether another carrier of the destination brings them whole.
    elsewhere: bool,
}

fn tight<'f>(to: &Destination, carrier: Carrier, flow: &'f Names, handoff: &Handoff) -> Option<Tight<'f>> {
    // A transfer goes by the Refer-To alone, and a call of ours by all others.
    if (carrier == Carrier::ReferTo) != handoff.transfer {
        return None;
    }
    let reference = Secret::new(REFERENCE);
    let parcel = parcel(to, flow, handoff, &reference);
    let mut written = Written::default();
    let sums = if carrier == Carrier::ReferTo {
        carrier::of_refer(&to.carriers).iter().for_each(|rides| rides.write(&parcel, &mut written));
        // What does not fit into the fields themselves is told of where calls go by them.
        written.omitted.clear();
        let target = to.to.iter().map(ToString::to_string).max_by_key(String::len)?;
        let line = refer_to::line(&target, &written);
        refer_to::address(&target, &mut written);
        format!("the line of the Refer-To would have {line} bytes; it stays below {}", carrier::LINE)
    } else {
        carrier.write(&parcel, &mut written);
        sums(carrier, &parcel)
    };
    let omitted = written.omitted;
    let elsewhere = !handoff.transfer && {
        let others = to.carriers.iter().filter(|other| **other != carrier);
        others.into_iter().any(|other| other.brings(&parcel, &omitted))
    };
    (!omitted.is_empty()).then(|| Tight { carrier, flow: &flow.name.text, omitted, sums, elsewhere })
}

/// What a call of this flow would hand over if every fact were as long as it can be.
fn parcel<'p>(to: &'p Destination, flow: &'p Names, handoff: &'p Handoff, reference: &'p Secret) -> Parcel<'p> {
    let value = |name: &str| flow.longest.iter().find(|(fact, _)| *fact == name).map(|(fact, value)| (*fact, value));
    let needed = || handoff.needs.iter().filter_map(|name| value(name));
    let uui = match &to.uui {
        Some(Uui::Bare(fact)) => carrier::Uui::Bare(&fact.text, value(&fact.text).map(|(_, value)| value)),
        Some(Uui::Facts(facts)) => carrier::Uui::Pairs(facts.iter().filter_map(|fact| value(&fact.text)).collect()),
        None => carrier::Uui::Pairs(needed().collect()),
    };
    let headers = if to.headers.is_empty() {
        needed().map(|(name, value)| (carrier::header_name(name), value)).collect()
    } else {
        let mapped = to.headers.iter();
        mapped.filter_map(|(header, fact)| Some((header.text.clone(), value(&fact.text)?.1))).collect()
    };
    let facts = flow.longest.iter().map(|(name, value)| (*name, value)).collect();
    Parcel { reference, case: CASE, uui, headers, facts, call_info: to.call_info.as_deref() }
}

/// How it adds up.
fn sums(carrier: Carrier, parcel: &Parcel) -> String {
    let mut parts: Vec<(String, usize)> = Vec::new();
    let most = match &parcel.uui {
        _ if !carrier.is_uui() => {
            let octets = parcel.facts.iter().map(|(name, value)| ((*name).to_owned(), name.len() + uui::octets(value)));
            parts.extend(octets);
            carrier::body::OCTETS
        }
        carrier::Uui::Pairs(facts) => {
            parts.push(("the reference".to_owned(), "ref=".len() + REFERENCE.len()));
            parts.extend(facts.iter().map(|(name, value)| ((*name).to_owned(), uui::pair(name, value))));
            uui::OCTETS
        }
        carrier::Uui::Bare(name, value) => {
            parts.extend(value.map(|value| ((*name).to_owned(), uui::octets(value))));
            uui::OCTETS
        }
    };
    let all: usize = parts.iter().map(|(_, octets)| octets).sum();
    let parts: Vec<String> = parts.into_iter().map(|(name, octets)| format!("{name} {octets}")).collect();
    format!("at their longest: {} = {all} octets; there is room for {most}", parts.join(" + "))
}

impl Tight<'_> {
    /// `None`: in quick mode nobody can choose, and another carrier has it.
    fn told(self, config: &Config, to: &Destination) -> Option<Diagnostic> {
        let listed = to.uui.iter().flat_map(Uui::facts).find(|fact| self.omitted.contains(&fact.text));
        let place: Span = listed.filter(|_| self.carrier.is_uui()).map_or(to.name.span, |fact| fact.span);
        if self.elsewhere && place.line == 0 {
            return None;
        }
        let (carrier, names) = (self.carrier.name(), self.omitted.join("`, `"));
        let message = format!("`{names}` of flow `{}` may not fit into `{carrier}` of `{}`", self.flow, to.name.text);
        let mut told = Diagnostic::error(&config.path, "context-too-long", place, message);
        told.note(self.sums);
        if self.elsewhere {
            told.severity = Severity::Warning;
            told.note("another carrier of the destination has it whole");
        }
        told.remedy(match self.carrier {
            Carrier::ReferTo => "list fewer facts in `headers:` and `uui:`; the reference leads to all of them",
            Carrier::Body => "leave `body` out; the reference leads to every fact",
            _ => "list fewer facts, as `uui: [account]`, and let the others go by `headers`; the reference leads to all of them",
        });
        Some(told)
    }
}

#[cfg(test)]
mod tests;
