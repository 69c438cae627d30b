//! Whose legs the dialogs of a capture are: which are callers' to the service, and which of its own to an agent.

use super::dialogs::{Dialog, Event, Invite, What};
use super::media::Party;
use crate::sip::{Headers, NameAddr, Transport};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Digits by which two numbers are the same, whatever stands before them.
const DIGITS: usize = 7;

/// Where the service is, if its user says so: an address, and where several have it, the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    ip: IpAddr,
    port: Option<u16>,
}

impl FromStr for Service {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Service, &'static str> {
        let both = text.parse::<SocketAddr>().map(|at| Service { ip: at.ip(), port: Some(at.port()) });
        both.or_else(|_| text.parse().map(|ip| Service { ip, port: None })).map_err(|_| "write IP or IP:PORT")
    }
}

/// A call: the caller's dialog, and those to agents in their order.
pub struct Legs {
    pub caller: usize,
    pub agents: Vec<usize>,
    pub remarks: Vec<String>,
    /// When the caller's dialog ended, if it did.
    until: Option<u64>,
}

/// A dialog that is no call to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// It began before the capture.
    NoInvite,
    Refused(u16),
    /// To an agent, of a caller whose leg is not there.
    NoCaller,
    /// Neither from the service nor to it.
    Elsewhere,
}

impl fmt::Display for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Aside::NoInvite => f.write_str("half-captured: no INVITE, it began before the capture"),
            Aside::Refused(status) => write!(f, "refused with {status} before it was a call"),
            Aside::NoCaller => f.write_str("a leg to an agent, whose caller's leg is not in the capture"),
            Aside::Elsewhere => f.write_str("neither to the service nor from it (--server says where that is)"),
        }
    }
}

/// The calls in the order in which they came, and what was no call.
pub fn calls(dialogs: &[Dialog], service: Option<Service>) -> (Vec<Legs>, Vec<(usize, Aside)>) {
    let mut order: Vec<usize> = (0..dialogs.len()).collect();
    order.sort_by_key(|at| (dialogs[*at].invite.as_ref().map(|invite| invite.at), dialogs[*at].first));
    let ours = Ours { service, told: dialogs.iter().any(|dialog| dialog.askonce.contains(&true)) };
    let (mut calls, mut asides): (Vec<Legs>, Vec<_>) = (Vec::new(), Vec::new());
    for at in order {
        let dialog = &dialogs[at];
        let Some(invite) = &dialog.invite else {
            asides.push((at, Aside::NoInvite));
            continue;
        };
        if ours.is(dialog, invite, Party::Calling) {
            let sure = ours.service.is_some() || ours.told;
            match caller_of(dialogs, &calls, dialog, invite) {
                Some((call, guessed)) => {
                    let call = &mut calls[call];
                    call.agents.push(at);
                    if guessed {
                        call.remarks.push("which caller an agent was called for was guessed by time".to_owned());
                    }
                    continue;
                }
                None if sure && !ours.is(dialog, invite, Party::Called) => {
                    asides.push((at, Aside::NoCaller));
                    continue;
                }
                None => {}
            }
        }
        match refused(dialog) {
            _ if !ours.is(dialog, invite, Party::Called) => asides.push((at, Aside::Elsewhere)),
            Some(status) => asides.push((at, Aside::Refused(status))),
            None => calls.push(Legs { caller: at, agents: Vec::new(), remarks: Vec::new(), until: ended(dialog) }),
        }
    }
    (calls, asides)
}

/// Which hosts are the service.
struct Ours {
    service: Option<Service>,
    /// It names itself in the capture.
    told: bool,
}

impl Ours {
    /// Anybody may be where nothing says which.
    fn is(&self, dialog: &Dialog, invite: &Invite, party: Party) -> bool {
        match self.service {
            Some(Service { ip, port }) => addresses(dialog, invite, party)
                .iter()
                .any(|address| address.ip() == ip && port.is_none_or(|port| port == address.port())),
            None if self.told => dialog.askonce[party as usize],
            None => true,
        }
    }
}

/// The call that an INVITE of the service belongs to, and whether that is a guess.
fn caller_of(dialogs: &[Dialog], calls: &[Legs], dialog: &Dialog, invite: &Invite) -> Option<(usize, bool)> {
    let number = numbers(&invite.request.headers);
    let mut fitting: Vec<(usize, bool)> = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        let caller = &dialogs[call.caller];
        let Some(called) = &caller.invite else { continue };
        let stands = called.at <= invite.at && call.until.is_none_or(|until| invite.at <= until);
        if stands && caller.call_id() != dialog.call_id() && one_host((caller, called), (dialog, invite)) {
            let same = numbers(&called.request.headers).iter().any(|one| number.contains(one));
            fitting.push((at, same));
        }
    }
    let by_number = fitting.iter().rev().find(|(_, same)| *same).map(|(at, _)| *at);
    match by_number {
        Some(at) => Some((at, fitting.iter().filter(|(_, same)| *same).count() > 1)),
        None => fitting.last().map(|(at, _)| (*at, fitting.len() > 1)),
    }
}

/// Whether who was called by the one is who calls by the other.
fn one_host((caller, called): (&Dialog, &Invite), (dialog, invite): (&Dialog, &Invite)) -> bool {
    let (here, there) = (addresses(caller, called, Party::Called), addresses(dialog, invite, Party::Calling));
    // Where two hosts of a dialog have one address, only their ports tell them apart.
    let alone = |invite: &Invite| invite.sent_by.address.ip() != invite.to.address.ip();
    let ips = alone(called) && alone(invite);
    here.iter().any(|one| there.iter().any(|other| one == other || ips && one.ip() == other.ip()))
}

/// Where a side of a dialog is: where its messages come from or go to, and what it says of itself.
fn addresses(dialog: &Dialog, invite: &Invite, party: Party) -> Vec<SocketAddr> {
    let seen = if party == Party::Calling { invite.sent_by.address } else { invite.to.address };
    let contact = dialog.contacts[party as usize].as_deref().and_then(|contact| NameAddr::read(contact).ok());
    let told = contact.and_then(|contact| contact.uri.hop(Transport::Udp)).map(|hop| hop.address);
    [Some(seen), told].into_iter().flatten().collect()
}

/// The last digits of everybody whom an INVITE names as its caller.
fn numbers(headers: &Headers) -> Vec<String> {
    let named = ["From", "P-Asserted-Identity", "Remote-Party-ID"].into_iter().filter_map(|name| headers.get(name));
    let users = named.filter_map(|value| Some(NameAddr::read(value).ok()?.uri.user()?.to_owned()));
    let digits = users.map(|user| user.chars().filter(char::is_ascii_digit).collect::<String>());
    digits.filter(|digits| digits.len() >= DIGITS).map(|digits| digits[digits.len() - DIGITS..].to_owned()).collect()
}

/// When the dialog ended, if the capture has that.
pub fn ended(dialog: &Dialog) -> Option<u64> {
    let ends = |event: &&Event| matches!(event.what, What::Bye | What::Refused { .. });
    dialog.events.iter().find(ends).map(|event| event.at)
}

fn refused(dialog: &Dialog) -> Option<u16> {
    dialog
        .events
        .iter()
        .find_map(|event| match &event.what {
            What::Refused { status, .. } => Some(*status),
            _ => None,
        })
        // A caller that gave up was a call.
        .filter(|_| !dialog.events.iter().any(|event| matches!(event.what, What::Bye)))
}
