//! Two endpoints on a virtual clock with a small network between them; and one endpoint with datagrams by hand.

use super::*;
use crate::sip::invite::Invite;
use crate::sip::{Hop, Uri};
use crate::time::Duration;

mod by_hand;
mod calls;
mod digest;
mod glare;
mod model;
mod network;
mod orphan;
mod outside;
mod refer;
mod reliable;
mod session_timer;
mod update;
mod verdicts;

fn hop(host: usize) -> Hop {
    Hop::udp(([192, 0, 2, host as u8 + 1], 5060).into())
}

fn endpoint(host: usize) -> Endpoint {
    let locals = Locals::new([hop(host)]);
    let config = Config { locals, user_agent: "askonce".into(), max_transactions: 100, max_dialogs: 20 };
    Endpoint::new(config, Random::from_seed(host as u64)).unwrap()
}

/// An INVITE from host 0 to host 1, of its own tags for each seed.
fn invite(seed: u64) -> Request {
    let target = Uri::of("ivr", hop(1).address).unwrap();
    let invite = Invite { local: hop(0), target, ..Invite::default_for_tests() };
    invite.build(&mut Random::from_seed(seed)).unwrap()
}

/// Everything that an endpoint has to say: datagrams as text, events by their `Debug`.
fn drain(endpoint: &mut Endpoint) -> (Vec<(Hop, String)>, Vec<Event>) {
    let (mut sent, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = endpoint.poll() {
        match output {
            Output::Send { to, bytes } => sent.push((to, String::from_utf8(bytes).unwrap())),
            Output::Event(event) => events.push(event),
        }
    }
    (sent, events)
}

/// The start lines of what was sent, without `SIP/2.0`.
fn lines(sent: &[(Hop, String)]) -> Vec<String> {
    let line = |text: &str| text.lines().next().unwrap().replace("SIP/2.0", "").trim().to_owned();
    sent.iter().map(|(_, text)| line(text)).collect()
}

/// The first words of the start lines: methods and statuses.
fn words(sent: &[(Hop, String)]) -> Vec<String> {
    lines(sent).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

fn names(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| format!("{event:?}")).collect()
}

/// Advances an endpoint to `until`, doing at its time what is due.
fn run(endpoint: &mut Endpoint, until: Instant) {
    while let Some(at) = endpoint.next_deadline().filter(|at| *at <= until) {
        endpoint.on_deadline(at);
    }
}

const SDP: &[u8] = b"v=0\r\n";
const SECOND: Duration = Duration::from_secs(1);
