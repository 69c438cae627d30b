//! Challenges to our own requests (RFC 3261 section 22): answered for the account that a call goes out on, and for no
//! other.

use super::Endpoint;
use super::retry::replaced;
use super::usage::InviteUsage;
use crate::sip::auth::{Client, Credentials};
use crate::sip::invite::via;
use crate::sip::message::{Headers, Message, Request, Response};
use crate::sip::transaction::{Machine, Table, TransactionId};
use crate::sip::wire;
use crate::time::Instant;

/// An account of the endpoint, which calls may go out on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account(usize);

/// The headers that answer a challenge.
const CREDENTIALS: [&str; 2] = ["Authorization", "Proxy-Authorization"];

impl Endpoint {
    /// Keeps credentials for the calls that go out on the account.
    pub fn open_account(&mut self, credentials: Credentials) -> Account {
        self.accounts.push(Client::new(credentials));
        Account(self.accounts.len() - 1)
    }

    /// Gives an account other credentials, or opens one. Calls that stand answer challenges with them from now on.
    pub fn keep_account(&mut self, known: Option<Account>, credentials: Credentials) -> Account {
        let Some(account) = known else { return self.open_account(credentials) };
        if let Some(client) = self.accounts.get_mut(account.0) {
            *client = Client::new(credentials);
        }
        account
    }

    /// Sends a challenged request of ours other than INVITE again; false if it stays refused. Its dialog may be gone by
    /// then: a BYE that nobody repeats would leave the call up at the peer.
    pub(super) fn request_again(&mut self, now: Instant, transaction: TransactionId, response: &Response) -> bool {
        if !self.learn(transaction, response) {
            return false;
        }
        let Some(known) = self.transactions.get(transaction) else { return false };
        let (to, purpose, of, challenged) = (known.to, known.purpose, known.account, known.challenged);
        let Ok(Message::Request(refused)) = wire::read(&known.wire) else { return false };
        let Ok(head) = refused.headers.head() else { return false };
        let dialog = self.usages.find(head.call_id, head.from.tag().unwrap_or(""), head.to.tag().unwrap_or(""));
        let cseq = match dialog.and_then(|id| self.usages.get_mut(id)) {
            Some(usage) => usage.dialog_with(head.to.tag().unwrap_or("")).next_cseq(),
            None => head.cseq + 1,
        };
        let via = via(self.config.local(to), &mut self.random);
        let renewed = [("Via", via), ("CSeq", format!("{cseq} {}", refused.method))];
        let headers = replaced(&without_credentials(&refused.headers), &renewed);
        let mut request = Request { headers, ..refused };
        authorize(&mut self.accounts, of, &mut request);
        let sent = self.transact(now, to, &request, purpose, of);
        self.transactions.change(sent, |known| known.challenged = challenged);
        if let Some(usage) = dialog.and_then(|id| self.usages.get_mut(id)) {
            usage.follow(transaction, sent, cseq);
        }
        true
    }

    /// Takes a challenge to a request of ours; false if it cannot be met.
    pub(super) fn learn(&mut self, transaction: TransactionId, response: &Response) -> bool {
        let (accounts, random) = (&mut self.accounts, &mut self.random);
        let learnt = self.transactions.change(transaction, |known| {
            let client = account(accounts, known.account)?;
            Some(client.learn(&response.headers, &mut known.challenged, random))
        });
        match learnt.flatten() {
            Some(Ok(())) => true,
            Some(Err(denied)) => {
                tracing::warn!(?denied, "a challenge to a request of ours is not answered");
                false
            }
            None => false,
        }
    }
}

impl InviteUsage {
    /// A request of ours goes on in another transaction.
    fn follow(&mut self, old: TransactionId, new: TransactionId, cseq: u32) {
        if let Some((transaction, _)) = self.updating.as_mut().filter(|(known, _)| *known == old) {
            *transaction = new;
        }
        if let Some(transaction) = self.timer.refreshing.as_mut().filter(|known| **known == old) {
            *transaction = new;
        }
        if let Some(refer) = self.referring.iter_mut().find(|(known, _)| *known == old) {
            *refer = (new, cseq);
        }
    }
}

/// The credentials of an INVITE of ours, which the ACK of its 2xx repeats (section 22.1).
pub(super) fn credentials_of(transactions: &Table, invite: TransactionId) -> Vec<(&'static str, String)> {
    let Some(Machine::InviteClient(machine)) = transactions.get(invite).map(|known| &known.machine) else {
        return Vec::new();
    };
    let of = |name: &'static str| machine.request().headers.all(name).map(move |value| (name, value.to_owned()));
    CREDENTIALS.into_iter().flat_map(of).collect()
}

/// Adds what the peers of an account have asked for so far.
pub(super) fn authorize(accounts: &mut [Client], of: Option<Account>, request: &mut Request) {
    if let Some(client) = account(accounts, of) {
        client.authorize(request);
    }
}

/// The headers without credentials: each request has its own.
pub(super) fn without_credentials(headers: &Headers) -> Headers {
    let mut rest = Headers::default();
    for (name, value) in headers.iter().filter(|(name, _)| !CREDENTIALS.contains(name)) {
        rest.put(name, value);
    }
    rest
}

fn account(accounts: &mut [Client], account: Option<Account>) -> Option<&mut Client> {
    accounts.get_mut(account?.0)
}
