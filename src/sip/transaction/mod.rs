//! Transactions (RFC 3261 section 17): four small machines and the table that finds them, sends for them again and
//! lets them go. A machine knows states and timers; the table keeps the bytes.

use std::collections::HashMap;

use super::auth::Tries;
use super::endpoint::{Account, DialogId, RequestId};
use super::hop::Hop;
use super::message::{Head, Method, Response};
use super::uri::Uri;
use crate::time::{Deadlines, Instant};

mod client;
mod invite_client;
mod invite_server;
mod server;
pub(super) mod timer;

pub(super) use client::Client;
pub(super) use invite_client::InviteClient;
pub(super) use invite_server::InviteServer;
pub(super) use server::Server;

use timer::Due;

/// Answers to one INVITE from different phones that we ACK and end; more are dropped and counted.
const MAX_FORKS: usize = 16;

/// A transaction of the table; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TransactionId(u64);

/// For whom a transaction works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The INVITE of the peer or of ours that makes this dialog, or changes its session.
    Invite(DialogId),
    Info(DialogId),
    Refer(DialogId),
    Outside(RequestId),
    Update(DialogId),
    /// A CANCEL, BYE or PRACK of ours, or a request that has its answer: nobody waits.
    Nobody,
}

#[derive(Debug)]
pub(super) enum Machine {
    InviteServer(InviteServer),
    Server(Server),
    InviteClient(InviteClient),
    Client(Client),
}

/// What a response means to the owner of a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Provisional,
    /// The final response, or one more 2xx to an INVITE.
    Final,
    /// A final response to an INVITE came again: its ACK is to be sent again.
    Again,
    /// A retransmission that concerns nobody.
    Nothing,
}

/// What came due.
pub(super) enum Fired {
    /// An INVITE still has no answer: its 100 is due.
    Trying(Purpose),
    Resend(Hop, Vec<u8>),
    TimedOut(TransactionId, Purpose),
}

pub(super) struct Transaction {
    key: String,
    alias: Option<String>,
    /// Where `wire` goes.
    pub(super) to: Hop,
    /// The last message sent: what is sent again.
    pub(super) wire: Vec<u8>,
    pub(super) purpose: Purpose,
    pub(super) machine: Machine,
    /// What a request of ours is authorized with, and how often it was challenged so far.
    pub(super) account: Option<Account>,
    pub(super) challenged: Tries,
    armed: Option<Instant>,
}

#[derive(Default)]
pub(super) struct Table {
    live: HashMap<TransactionId, Transaction>,
    by_key: HashMap<String, TransactionId>,
    deadlines: Deadlines<TransactionId>,
    last: u64,
}

impl Table {
    pub(super) fn insert(
        &mut self,
        key: String,
        to: Hop,
        wire: Vec<u8>,
        purpose: Purpose,
        machine: Machine,
    ) -> TransactionId {
        self.last += 1;
        let id = TransactionId(self.last);
        self.by_key.insert(key.clone(), id);
        let (alias, account, challenged, armed) = (None, None, Tries::default(), None);
        self.live.insert(id, Transaction { key, alias, to, wire, purpose, machine, account, challenged, armed });
        self.arm(id);
        id
    }

    /// Lets a transaction be found by a second key.
    pub(super) fn alias(&mut self, id: TransactionId, alias: String) {
        if let Some(transaction) = self.live.get_mut(&id) {
            self.by_key.insert(alias.clone(), id);
            transaction.alias = Some(alias);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// Requests of ours without a final response.
    pub(super) fn waiting(&self) -> usize {
        self.live.values().filter(|transaction| transaction.machine.waits()).count()
    }

    pub(super) fn find(&self, key: &str) -> Option<TransactionId> {
        self.by_key.get(key).copied()
    }

    pub(super) fn get(&self, id: TransactionId) -> Option<&Transaction> {
        self.live.get(&id)
    }

    /// Lets `change` work on a transaction and looks at its deadline afterwards.
    pub(super) fn change<T>(&mut self, id: TransactionId, change: impl FnOnce(&mut Transaction) -> T) -> Option<T> {
        let changed = change(self.live.get_mut(&id)?);
        self.arm(id);
        Some(changed)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// The next thing that came due by `now`; transactions that are over leave the table on the way.
    pub(super) fn due(&mut self, now: Instant) -> Option<Fired> {
        while let Some((at, id)) = self.deadlines.due(now) {
            let Some(transaction) = self.live.get_mut(&id) else { continue };
            if transaction.armed != Some(at) {
                continue;
            }
            transaction.armed = None;
            match transaction.machine.on_deadline(now) {
                Due::Nothing => self.arm(id),
                Due::Trying => return Some(Fired::Trying(transaction.purpose)),
                Due::Resend => {
                    let fired = Fired::Resend(transaction.to, transaction.wire.clone());
                    self.arm(id);
                    return Some(fired);
                }
                Due::TimedOut => {
                    let purpose = transaction.purpose;
                    self.remove(id);
                    return Some(Fired::TimedOut(id, purpose));
                }
                Due::Over => self.remove(id),
            }
        }
        None
    }

    /// Ends the client transaction of that key which still waits for its final response.
    pub(super) fn give_up(&mut self, key: &str) -> Option<(TransactionId, Purpose)> {
        let id = self.find(key)?;
        let transaction = self.live.get(&id).filter(|transaction| transaction.machine.waits())?;
        let purpose = transaction.purpose;
        self.remove(id);
        Some((id, purpose))
    }

    fn remove(&mut self, id: TransactionId) {
        let Some(gone) = self.live.remove(&id) else { return };
        for key in std::iter::once(&gone.key).chain(&gone.alias) {
            if self.by_key.get(key) == Some(&id) {
                self.by_key.remove(key);
            }
        }
    }

    /// At most one useful deadline a transaction is set: a later one is looked at when the earlier falls due.
    fn arm(&mut self, id: TransactionId) {
        let Some(transaction) = self.live.get_mut(&id) else { return };
        let Some(at) = transaction.machine.deadline() else { return };
        if transaction.armed.is_none_or(|armed| at < armed) {
            transaction.armed = Some(at);
            self.deadlines.set(at, id);
        }
    }
}

impl Machine {
    /// A request of ours without a final response.
    fn waits(&self) -> bool {
        match self {
            Machine::Client(client) => client.waits(),
            Machine::InviteClient(client) => client.waits(),
            Machine::Server(_) | Machine::InviteServer(_) => false,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self {
            Machine::InviteServer(machine) => machine.deadline(),
            Machine::Server(machine) => Some(machine.deadline()),
            Machine::InviteClient(machine) => machine.deadline(),
            Machine::Client(machine) => Some(machine.deadline()),
        }
    }

    fn on_deadline(&mut self, now: Instant) -> Due {
        match self {
            Machine::InviteServer(machine) => machine.on_deadline(now),
            Machine::Server(machine) => machine.on_deadline(now),
            Machine::InviteClient(machine) => machine.on_deadline(now),
            Machine::Client(machine) => machine.on_deadline(now),
        }
    }

    /// Notes the 2xx of this To tag. Whether it is new, and the INVITE's target; `None` beyond the bound on forks.
    pub(super) fn note_answer(&mut self, tag: &str) -> Option<(bool, Uri)> {
        match self {
            Machine::InviteClient(machine) => Some((machine.note_answer(tag)?, machine.request().uri.clone())),
            _ => None,
        }
    }

    /// The offer of an INVITE of ours.
    pub(super) fn invite_body(&self) -> Option<&[u8]> {
        match self {
            Machine::InviteClient(machine) => Some(&machine.request().body),
            _ => None,
        }
    }

    pub(super) fn on_response(&mut self, now: Instant, response: &Response) -> Heard {
        match self {
            Machine::InviteClient(machine) => machine.on_response(now, response.status),
            Machine::Client(machine) => machine.on_response(now, response.status),
            Machine::InviteServer(_) | Machine::Server(_) => Heard::Nothing,
        }
    }
}

/// The key of a client transaction: branch and method of CSeq (RFC 3261 section 17.1.3). The branch is ours.
pub(super) fn client_key(branch: &str, method: &Method) -> String {
    format!("> {branch} {method}")
}

/// The key of a server transaction (section 17.2.3). An ACK and a CANCEL find the INVITE that they mean. Without the
/// magic cookie it is made of what RFC 2543 matches by, but the To tag, which the ACK has and its INVITE has not.
pub(super) fn server_key(head: &Head<'_>, uri: &str) -> String {
    let method = match &head.method {
        Method::Ack | Method::Cancel => &Method::Invite,
        method => method,
    };
    let via = &head.via;
    let port = via.port.map_or(String::new(), |port| port.to_string());
    match via.branch() {
        Some(branch) => format!("< {branch} {}:{port} {method}", via.host),
        None => {
            let (branch, tag) = (via.param("branch"), head.from.tag());
            format!("< {branch:?} {}:{port} {method} {uri} {tag:?} {} {}", via.host, head.call_id, head.cseq)
        }
    }
}

#[cfg(test)]
mod tests;
