//! How the inputs and outputs of a call look in a trace: what kind of thing, on which leg, and which. Keys are masked,
//! values are left out.

use super::seam::{Arrival, In, Leg, LineTold, Out};
use super::trace::Way;
use crate::audio::Utterance;
use crate::audio::spoken::Reading;
use crate::sdp::{Direction, Offer};
use crate::sip::Hop;

/// A kind, a leg where it concerns one, and what there is to tell of it.
type Outline = (&'static str, Option<Leg>, String);

/// The kind of a note that tells of keys.
pub const KEYS: &str = "keys";

/// Digits of a caller's number that are shown.
const TAIL: usize = 2;

/// `None`: the SIP messages tell of it, or nobody wants to know.
pub fn input(input: &In) -> Option<Outline> {
    match input {
        In::Key { leg, key, .. } => {
            let shown = Some(key.to_char()).filter(|c| matches!(c, '#' | '*')).unwrap_or('\u{2022}');
            Some((KEYS, Some(*leg), shown.to_string()))
        }
        In::Store { kept: true, .. } => Some(("stored", None, String::new())),
        In::Store { kept: false, .. } => Some(("not stored", None, String::new())),
        In::Recorded { file, ended } => Some(("recorded", None, format!("{file}, {} ms: {}", ended.ms, ended.why))),
        In::Taken { take, outcome } => Some(("taken", None, format!("{take}: {}", word(outcome)))),
        In::Announced { done, .. } => Some(("announced", None, if *done { "done" } else { "failed" }.to_owned())),
        In::Line(LineTold::Place { position, .. }) => Some(("line", None, format!("place {position}"))),
        In::Line(LineTold::Turn) => Some(("line", None, "its turn".to_owned())),
        In::Line(LineTold::Full) => Some(("line", None, "full".to_owned())),
        In::LookedUp { outcome, .. } => Some(("looked up", None, word(outcome))),
        In::Switch { name, on } => Some(("switch", None, format!("{name} {}", if *on { "on" } else { "off" }))),
        In::Lost { leg, why } => Some(("lost", Some(*leg), why.clone())),
        In::Resolved { hops, .. } => {
            let hops = hops.iter().map(Hop::to_string).collect::<Vec<_>>();
            Some(("resolved", None, if hops.is_empty() { "nowhere".to_owned() } else { hops.join(" ") }))
        }
        In::Invite(_)
        | In::Shown
        | In::PlayEnded { .. }
        | In::Ref { .. }
        | In::Progress { .. }
        | In::Answered { .. }
        | In::Refused { .. }
        | In::Refer { .. }
        | In::Referred { .. }
        | In::Transfer { .. }
        | In::Reoffer { .. }
        | In::LateAnswer { .. }
        | In::Bye { .. } => None,
    }
}

/// As `input`.
pub fn output(out: &Out) -> Option<Outline> {
    match out {
        Out::Step { block, step, verb, line } => Some(("step", None, format!("{block}.{step} {verb} (line {line})"))),
        Out::Play { leg, say, looped, .. } => {
            let said = say.iter().map(utterance).collect::<Vec<_>>().join(" ");
            Some(("say", Some(*leg), said + if *looped { " (looped)" } else { "" }))
        }
        Out::Stop { leg } => Some(("stop", Some(*leg), "the prompt".to_owned())),
        Out::Fact(fact) => {
            let what = format!("{} {} by {} (try {})", fact.name, fact.state, fact.by, fact.tries);
            Some(("fact", None, what))
        }
        Out::Store { destination, .. } => Some(("store", None, format!("the context for {destination}"))),
        Out::Agent { destination, durable, omitted, .. } => {
            let mut what = destination.clone();
            what += if *durable { ", context stored" } else { ", context not stored" };
            if !omitted.is_empty() {
                what += &format!(", without {}", omitted.join(" "));
            }
            Some(("hand-off", None, what))
        }
        Out::Refer { destination, because, .. } => {
            Some(("transfer", Some(Leg::Caller), format!("to {destination}, because {because}")))
        }
        Out::Join { queue, .. } => Some(("line", None, format!("into the line of {queue}"))),
        Out::Leave => Some(("line", None, "out of it".to_owned())),
        Out::Lookup { name, request, .. } => Some(("look up", None, format!("{name} at {}", request.endpoint))),
        Out::Resolve { uri, .. } => Some(("resolve", None, uri.clone())),
        Out::Record { act, file } => Some(("record", None, format!("{} {file}", word(act)))),
        Out::Take { take, longest_ms } => Some(("take", None, format!("{take}, {} s at most", longest_ms / 1_000))),
        Out::EndTake { take } => Some(("take", None, format!("{take} ends"))),
        Out::Announce { prompt, language, take, switch, .. } => {
            let switch =
                switch.as_ref().map(|set| format!("switch {} {}", set.name, if set.on { "on" } else { "off" }));
            let sound = take.as_ref().map(|take| format!("{take} as {language}/{prompt}"));
            Some(("announce", None, sound.into_iter().chain(switch).collect::<Vec<_>>().join(", ")))
        }
        Out::Bridge => Some(("bridge", None, String::new())),
        Out::Unbridge => Some(("unbridge", None, String::new())),
        Out::End { disposition, by } => Some(("end", None, format!("{} by {}", word(disposition), word(by)))),
        Out::Answer { .. }
        | Out::Early { .. }
        | Out::Reject { .. }
        | Out::Listen { .. }
        | Out::Reanswer { .. }
        | Out::Retarget { .. }
        | Out::Rerefuse { .. }
        | Out::Bodiless { .. }
        | Out::AnswerRefer { .. }
        | Out::Mint
        | Out::Cancel
        | Out::Press { .. }
        | Out::Hangup { .. } => None,
    }
}

fn utterance(utterance: &Utterance) -> String {
    match utterance {
        Utterance::Clip(name) => name.clone(),
        Utterance::Value { reading: Reading::Digits, value, .. } => format!("<{} digits>", value.len()),
        Utterance::Value { reading, .. } => format!("<{}>", reading.name()),
    }
}

/// As the record of the call has it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).map_or_else(|_| "?".to_owned(), |text| text.trim_matches('"').to_owned())
}

/// A message that an input or output stands for: where it went, what it is, and its description.
pub struct Message {
    pub leg: Leg,
    pub way: Way,
    pub label: String,
    pub sdp: Option<String>,
}

fn message(leg: Leg, way: Way, label: impl Into<String>, offer: Option<&Offer>) -> Option<Message> {
    Some(Message { leg, way, label: label.into(), sdp: offer.map(stream) })
}

/// The message behind an input, for recordings that hold no messages.
pub fn received(input: &In) -> Option<Message> {
    match input {
        In::Invite(arrival) => message(Leg::Caller, Way::In, format!("INVITE {}", arrival.to), arrival.offer.as_ref()),
        In::Progress { status, answer } => message(Leg::Agent, Way::In, status.to_string(), answer.as_ref()),
        In::Answered { answer } => message(Leg::Agent, Way::In, "200 OK", answer.as_ref()),
        In::Refused { status, reason, .. } => message(Leg::Agent, Way::In, format!("{status} {reason}"), None),
        In::Referred { status } => message(Leg::Caller, Way::In, status.to_string(), None),
        In::Transfer { status, .. } => message(Leg::Caller, Way::In, format!("NOTIFY {status}"), None),
        In::Reoffer { leg, offer } => message(*leg, Way::In, "INVITE (again)", offer.as_ref()),
        In::LateAnswer { leg, answer } => message(*leg, Way::In, "ACK", answer.as_ref()),
        In::Bye { leg } => message(*leg, Way::In, "BYE", None),
        In::Refer { leg, to, .. } => message(*leg, Way::In, format!("REFER to {to}"), None),
        _ => None,
    }
}

/// The message behind an output, for recordings that hold no messages.
pub fn sent(out: &Out) -> Option<Message> {
    let read = |text: &str| crate::sdp::read(text.as_bytes()).ok();
    match out {
        Out::Answer { sdp } => message(Leg::Caller, Way::Out, "200 OK", read(sdp).as_ref()),
        Out::Early { sdp } => message(Leg::Caller, Way::Out, "183 Session Progress", read(sdp).as_ref()),
        Out::Reject { status, .. } => message(Leg::Caller, Way::Out, status.to_string(), None),
        Out::Reanswer { leg, sdp, .. } => message(*leg, Way::Out, "200 OK", read(sdp).as_ref()),
        Out::Rerefuse { leg, status } => message(*leg, Way::Out, status.to_string(), None),
        Out::Agent { target, invite, .. } => {
            let body = invite.split_once("\r\n\r\n").and_then(|(_, body)| read(body));
            message(Leg::Agent, Way::Out, format!("INVITE {target}"), body.as_ref())
        }
        Out::Refer { target, .. } => message(Leg::Caller, Way::Out, format!("REFER to {target}"), None),
        Out::AnswerRefer { leg, status } => message(*leg, Way::Out, status.to_string(), None),
        Out::Cancel => message(Leg::Agent, Way::Out, "CANCEL", None),
        Out::Hangup { leg } => message(*leg, Way::Out, "BYE", None),
        _ => None,
    }
}

/// A description in a few words: codecs, where its author listens, and the direction if it is not the usual one.
pub fn stream(offer: &Offer) -> String {
    let names = offer.formats.iter().map(|format| match format.name.as_str() {
        "telephone-event" => "+keys",
        name => name,
    });
    let mut text = names.collect::<Vec<_>>().join(" ");
    text += &format!(" {}", offer.address);
    if offer.direction != Direction::SendRecv {
        text += &format!(" {}", offer.direction.as_str());
    }
    text
}

/// Who calls, as far as a trace tells.
pub fn caller(arrival: &Arrival) -> String {
    arrival.from.as_ref().map_or_else(|| "anonymous".to_owned(), |from| from.masked(TAIL))
}
