//! What we do for our trunks without a call: we keep registered at them (RFC 3261 section 10), and ask whether they
//! are there (OPTIONS). A trunk that does not answer is passed over by calls until it does again.

use super::{Asker, Engine, Output};
use crate::config::{Config, Register, Trunk};
use crate::random::Random;
use crate::sip::auth::Credentials;
use crate::sip::endpoint::{Account, Endpoint, Refusal, RequestId};
use crate::sip::ping::{self, Ping};
use crate::sip::registration::{self, Registration, State};
use crate::sip::{Hop, Locals, Request, Response, Transport, Uri};
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Requests of one trunk that wait for its name to be resolved: one REGISTER and one OPTIONS at a time.
const WAITING: usize = 2;

#[derive(Default)]
pub(super) struct Trunks {
    /// By a number that no other link ever has: what DNS or a registrar says late is for nobody else.
    links: BTreeMap<usize, Link>,
    next: usize,
    under_way: HashMap<RequestId, (usize, Purpose)>,
    /// By destination: the trunk that its calls go out on.
    by_destination: HashMap<String, usize>,
    /// Of every trunk that there was, by its name: calls go on under the account that they began with.
    accounts: HashMap<String, Account>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Registration,
    Ping,
}

/// What our end of a trunk is made from: with the same terms it stays as it is.
#[derive(PartialEq)]
struct Terms {
    name: String,
    proxy: Uri,
    register: Option<Register>,
    ping: Option<Duration>,
    credentials: Option<Credentials>,
}

/// Our end of a trunk.
struct Link {
    terms: Terms,
    account: Option<Account>,
    registration: Option<Registration>,
    ping: Option<Ping>,
    /// Whether the registrar holds our binding, and whether the pings are answered; `None` before the first word.
    registered: Option<bool>,
    up: Option<bool>,
    waiting: Vec<(Purpose, Box<Request>)>,
    asked: bool,
    /// Requests that got no answer so far: the next one takes the next hop.
    misses: usize,
    /// The trunk is ours no more: this only tells its registrar.
    leaving: bool,
}

impl Trunks {
    /// Takes over what is configured: links whose terms are the same stay, others leave, and new ones begin.
    /// `credentials` by the name of their trunk.
    pub fn renew(
        &mut self,
        now: Instant,
        config: &Config,
        credentials: &BTreeMap<String, Credentials>,
        around: (&Locals, &mut Endpoint, &mut Random),
    ) {
        let (locals, endpoint, random) = around;
        let terms = |trunk: &Arc<Trunk>| Terms::of(trunk, credentials).map(|terms| (trunk.clone(), terms));
        let mut wanted: Vec<(Arc<Trunk>, Terms)> = config.trunks.iter().filter_map(terms).collect();
        for link in self.links.values_mut().filter(|link| !link.leaving) {
            match wanted.iter().position(|(_, terms)| *terms == link.terms) {
                Some(same) => drop(wanted.swap_remove(same)),
                None => link.leave(now, wanted.iter().any(|(_, terms)| terms.registers_as(&link.terms))),
            }
        }
        for (trunk, terms) in wanted {
            let account = terms.credentials.clone().map(|own| {
                let account = self.accounts.get(&terms.name).copied();
                let account = endpoint.keep_account(account, own);
                self.accounts.insert(terms.name.clone(), account);
                account
            });
            self.links.insert(self.next, Link::new(&trunk, terms, account, locals, random));
            self.next += 1;
        }
        let of = |trunk: &str| {
            let mut ours = self.links.iter().filter(|(_, link)| !link.leaving);
            ours.find(|(_, link)| link.terms.name == trunk).map(|(at, _)| *at)
        };
        let by_destination = config
            .destinations
            .iter()
            .filter_map(|destination| Some((destination.name.text.clone(), of(&destination.trunk.as_ref()?.text)?)));
        self.by_destination = by_destination.collect();
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        let registrations = self.links.values().filter_map(|link| link.registration.as_ref()?.next_deadline());
        let pings = self.links.values().filter_map(|link| link.ping.as_ref()?.next_deadline());
        registrations.chain(pings).min()
    }

    /// The account that calls to a destination go out on, or `Err` if its trunk is down.
    pub fn account(&self, destination: &str) -> Result<Option<Account>, ()> {
        let Some(link) = self.by_destination.get(destination).and_then(|at| self.links.get(at)) else {
            return Ok(None);
        };
        if link.up == Some(false) { Err(()) } else { Ok(link.account) }
    }
}

impl Terms {
    /// `None`: we send nothing there of our own.
    fn of(trunk: &Trunk, credentials: &BTreeMap<String, Credentials>) -> Option<Terms> {
        let name = trunk.name.text.clone();
        let (proxy, register, ping) = (trunk.proxy.clone()?, trunk.register.clone(), trunk.ping);
        Some(Terms { proxy, register, ping, credentials: credentials.get(&name).cloned(), name })
    }

    /// Whether both are one address of record at one registrar.
    fn registers_as(&self, other: &Terms) -> bool {
        let user = |terms: &Terms| terms.register.as_ref().map(|register| register.user.clone());
        user(self).is_some() && user(self) == user(other) && self.proxy == other.proxy
    }
}

/// How a trunk is, as far as anybody has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkState {
    pub name: String,
    pub registered: Option<bool>,
    /// Its answers to OPTIONS.
    pub up: Option<bool>,
}

impl Engine {
    pub fn trunks(&self) -> Vec<TrunkState> {
        let ours = self.trunks.links.values().filter(|link| !link.leaving);
        let state =
            |link: &Link| TrunkState { name: link.terms.name.clone(), registered: link.registered, up: link.up };
        ours.map(state).collect()
    }

    /// Sends what is due to trunks, and tells how they are.
    pub(super) fn tend_trunks(&mut self, now: Instant) {
        let numbers: Vec<usize> = self.trunks.links.keys().copied().collect();
        for at in numbers {
            while let Some(output) = self.trunks.links.get_mut(&at).and_then(|link| link.poll(now)) {
                let (purpose, request) = output;
                self.ask_trunk(now, at, purpose, request);
            }
        }
        self.trunks.links.retain(|_, link| !link.leaving || link.registration.as_ref().is_some_and(|r| !r.is_over()));
    }

    /// Takes the bindings away at the registrars: they are to send no more calls.
    pub(super) fn leave_trunks(&mut self, now: Instant) {
        for link in self.trunks.links.values_mut() {
            link.ping = None;
            if let Some(registration) = &mut link.registration {
                registration.unregister(now);
            }
        }
        self.tend_trunks(now);
    }

    /// Whether a registrar still has to be told that we leave.
    pub(super) fn leaving_trunks(&self) -> bool {
        let over = |link: &Link| link.registration.as_ref().is_none_or(Registration::is_over);
        self.draining && !self.trunks.links.values().all(over)
    }

    pub(super) fn trunk_resolved(&mut self, now: Instant, at: usize, hops: &[Hop]) {
        let Some(link) = self.trunks.links.get_mut(&at) else { return };
        link.asked = false;
        let hop = (!hops.is_empty()).then(|| hops[link.misses % hops.len()]);
        for (purpose, request) in std::mem::take(&mut link.waiting) {
            self.send_to_trunk(now, at, purpose, *request, hop);
        }
        self.tend_trunks(now);
    }

    pub(super) fn trunk_answered(&mut self, now: Instant, request: RequestId, response: Option<&Response>) {
        let Some((at, purpose)) = self.trunks.under_way.remove(&request) else { return };
        self.trunks.answered(now, at, purpose, response);
        self.tend_trunks(now);
    }

    fn ask_trunk(&mut self, now: Instant, at: usize, purpose: Purpose, request: Box<Request>) {
        let Some(link) = self.trunks.links.get_mut(&at) else { return };
        if let Some(hop) = link.terms.proxy.hop(Transport::Udp) {
            return self.send_to_trunk(now, at, purpose, *request, Some(hop));
        }
        if link.waiting.len() == WAITING {
            return link.answered(now, purpose, None);
        }
        link.waiting.push((purpose, request));
        if !std::mem::replace(&mut link.asked, true) {
            self.out.push_back(Output::Resolve { asker: Asker::Trunk(at), uri: link.terms.proxy.clone() });
        }
    }

    fn send_to_trunk(&mut self, now: Instant, at: usize, purpose: Purpose, request: Request, hop: Option<Hop>) {
        match self.request_to_trunk(now, at, purpose, request, hop) {
            Ok(id) => {
                self.trunks.under_way.insert(id, (at, purpose));
            }
            Err(why) => {
                tracing::debug!(why, "a request to a trunk was not sent");
                self.trunks.answered(now, at, purpose, None);
            }
        }
    }

    fn request_to_trunk(
        &mut self,
        now: Instant,
        at: usize,
        purpose: Purpose,
        mut request: Request,
        hop: Option<Hop>,
    ) -> Result<RequestId, &'static str> {
        let hop = hop.ok_or("its name leads nowhere")?;
        let own = self.locals.facing(&hop).ok_or("no address of ours faces it")?;
        let registration = self.trunks.links.get_mut(&at).and_then(|link| link.registration.as_mut());
        if let (Purpose::Registration, Some(registration)) = (purpose, registration) {
            // Calls are to come by the way that the REGISTER takes: past the TLS that a domain chose they shall not.
            registration.bind(&mut request, own)?;
        }
        self.gate.call(hop.address.ip());
        self.endpoint.request_outside(now, hop, request).map_err(|refusal| match refusal {
            Refusal::Bad(why) => why,
            _ => "the SIP endpoint is full",
        })
    }
}

impl Trunks {
    /// A request to a trunk has ended; the link may be gone by then.
    fn answered(&mut self, now: Instant, at: usize, purpose: Purpose, response: Option<&Response>) {
        if let Some(link) = self.links.get_mut(&at) {
            link.answered(now, purpose, response);
        }
    }
}

impl Link {
    fn new(trunk: &Trunk, terms: Terms, account: Option<Account>, locals: &Locals, random: &mut Random) -> Link {
        let own = terms.credentials.as_ref();
        let register = trunk.register.as_ref();
        let registration = register.and_then(|register| made(trunk, registration(register, &terms.proxy, own, random)));
        let ping = trunk.ping.and_then(|every| made(trunk, ping(every, &terms.proxy, locals, random)));
        let waiting = Vec::new();
        Link {
            terms,
            account,
            registration,
            ping,
            registered: None,
            up: None,
            waiting,
            asked: false,
            misses: 0,
            leaving: false,
        }
    }

    /// The next request that is due; how the trunk is, is told on the way.
    fn poll(&mut self, now: Instant) -> Option<(Purpose, Box<Request>)> {
        while let Some(output) = self.registration.as_mut().and_then(|known| known.poll(now)) {
            match output {
                registration::Output::Send(request) => return Some((Purpose::Registration, request)),
                registration::Output::State(state) => {
                    self.registered = Some(state == State::Up);
                    self.tell("registration", state);
                }
            }
        }
        while let Some(output) = self.ping.as_mut().and_then(|known| known.poll(now)) {
            match output {
                registration::Output::Send(request) => return Some((Purpose::Ping, request)),
                registration::Output::State(state) => {
                    self.up = Some(state == State::Up);
                    self.tell("OPTIONS", state);
                }
            }
        }
        None
    }

    /// `again`: the same address of record is registered by another link from now on, and must stay.
    fn leave(&mut self, now: Instant, again: bool) {
        (self.leaving, self.ping) = (true, None);
        match &mut self.registration {
            Some(registration) if !again => registration.unregister(now),
            _ => self.registration = None,
        }
    }

    fn answered(&mut self, now: Instant, purpose: Purpose, response: Option<&Response>) {
        self.misses = if response.is_some() { 0 } else { self.misses.wrapping_add(1) };
        match (purpose, &mut self.registration, &mut self.ping, response) {
            (Purpose::Registration, Some(registration), _, Some(response)) => {
                registration.on_response(now, response.status, &response.headers);
            }
            (Purpose::Registration, Some(registration), _, None) => registration.on_failure(now),
            (Purpose::Ping, _, Some(ping), Some(response)) => ping.on_response(now, response.status),
            (Purpose::Ping, _, Some(ping), None) => ping.on_failure(now),
            // We left meanwhile.
            (Purpose::Registration, None, ..) | (Purpose::Ping, _, None, _) => {}
        }
    }

    fn tell(&self, by: &str, state: State) {
        match state {
            State::Up => tracing::info!(trunk = self.terms.name, by, "a trunk is up"),
            State::Down(registration::Failure::Unregistered) => {
                tracing::info!(trunk = self.terms.name, by, "a trunk is left")
            }
            State::Down(why) => tracing::warn!(trunk = self.terms.name, by, ?why, "a trunk is down"),
        }
    }
}

/// What the loader let pass can be made; what cannot is told of, once, as this trunk then does without.
fn made<T>(trunk: &Trunk, made: Result<T, &'static str>) -> Option<T> {
    let tell = |why: &&str| tracing::error!(trunk = trunk.name.text, why, "a trunk cannot be registered or pinged");
    made.inspect_err(tell).ok()
}

fn registration(
    register: &Register,
    proxy: &Uri,
    credentials: Option<&Credentials>,
    random: &mut Random,
) -> Result<Registration, &'static str> {
    let host = match proxy.port() {
        Some(port) => format!("{}:{port}", proxy.host()),
        None => proxy.host().to_owned(),
    };
    let config = registration::Config {
        registrar: Uri::read(&format!("sip:{host}"))?,
        address_of_record: Uri::read(&format!("sip:{}@{}", register.user, proxy.host()))?,
        every: register.every,
        credentials: credentials.cloned(),
    };
    Registration::new(Instant::ZERO, config, Random::from_seed(random.u64()))
}

fn ping(every: Duration, proxy: &Uri, locals: &Locals, random: &mut Random) -> Result<Ping, &'static str> {
    // From only says who asks: of a name, any address of ours will do.
    let own = proxy.hop(Transport::Udp).and_then(|hop| locals.facing(&hop)).or_else(|| locals.iter().next().copied());
    let own = own.ok_or("we have no address")?;
    let from = Uri::read(&format!("sip:{}", own.address))?;
    let config = ping::Config { target: proxy.clone(), from, every };
    Ping::new(Instant::ZERO, config, Random::from_seed(random.u64()))
}
