//! Challenges to our own requests (RFC 3261 section 22): answered for the account that a call goes out on, and for no
//! other.

use super::{DialogId, Endpoint};
use crate::sip::auth::{Client, Credentials};
use crate::sip::message::{Headers, Request, Response};
use crate::sip::transaction::{Machine, Table, TransactionId};
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

    /// Sends a challenged INVITE again with the proof that was asked for (section 22.2); false if it stays refused.
    pub(super) fn answer_challenge(
        &mut self,
        now: Instant,
        id: DialogId,
        transaction: TransactionId,
        response: &Response,
    ) -> bool {
        let Some(usage) = self.usages.get_mut(id) else { return false };
        let Some(client) = account(&mut self.accounts, usage.account) else { return false };
        match client.learn(&response.headers, &mut usage.challenged, &mut self.random) {
            Ok(()) => self.repeat_invite(now, id, transaction, &[]),
            Err(denied) => {
                tracing::warn!(?denied, "a challenge to our INVITE is not answered");
                false
            }
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
