//! What we do for our trunks without a call: we keep registered at them (RFC 3261 section 10), and ask whether they
//! are there (OPTIONS). A trunk that does not answer is passed over by calls until it does again.

use super::{Asker, Engine, Output};
use crate::config::{Config, Trunk};
use crate::random::Random;
use crate::sip::auth::Credentials;
use crate::sip::endpoint::{Account, Endpoint, RequestId};
use crate::sip::ping::{self, Ping};
use crate::sip::registration::{self, Registration, State};
use crate::sip::{Hop, Locals, Request, Response, Transport, Uri};
use crate::time::Instant;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Requests of one trunk that wait for its name to be resolved: one REGISTER and one OPTIONS at a time.
const WAITING: usize = 2;

#[derive(Default)]
pub(super) struct Trunks {
    links: Vec<Link>,
    under_way: HashMap<RequestId, (usize, Purpose)>,
    /// By destination: the trunk that its calls go out on.
    by_destination: HashMap<String, usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Registration,
    Ping,
}

/// Our end of a trunk.
struct Link {
    name: String,
    proxy: Uri,
    account: Option<Account>,
    registration: Option<Registration>,
    ping: Option<Ping>,
    /// Whether the pings are answered; `None` before the first word.
    up: Option<bool>,
    waiting: Vec<(Purpose, Box<Request>)>,
    asked: bool,
    /// Requests that got no answer so far: the next one takes the next hop.
    misses: usize,
}

impl Trunks {
    /// `credentials` by the name of their trunk.
    pub fn new(
        config: &Config,
        credentials: &BTreeMap<String, Credentials>,
        locals: &Locals,
        endpoint: &mut Endpoint,
        random: &mut Random,
    ) -> Trunks {
        let (mut links, mut numbers) = (Vec::new(), HashMap::new());
        for trunk in &config.trunks {
            let Some(proxy) = trunk.proxy.clone() else { continue };
            let own = credentials.get(&trunk.name.text);
            numbers.insert(trunk.name.text.clone(), links.len());
            links.push(Link {
                name: trunk.name.text.clone(),
                account: own.map(|own| endpoint.open_account(own.clone())),
                registration: registration(trunk, &proxy, own, locals, random),
                ping: ping(trunk, &proxy, locals, random),
                proxy,
                up: None,
                waiting: Vec::new(),
                asked: false,
                misses: 0,
            });
        }
        let of = |trunk: &str| numbers.get(trunk).copied();
        let by_destination = config
            .destinations
            .iter()
            .filter_map(|destination| Some((destination.name.text.clone(), of(&destination.trunk.as_ref()?.text)?)));
        Trunks { by_destination: by_destination.collect(), links, under_way: HashMap::new() }
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        let registrations = self.links.iter().filter_map(|link| link.registration.as_ref()?.next_deadline());
        let pings = self.links.iter().filter_map(|link| link.ping.as_ref()?.next_deadline());
        registrations.chain(pings).min()
    }

    /// The account that calls to a destination go out on, or `Err` if its trunk is down.
    pub fn account(&self, destination: &str) -> Result<Option<Account>, ()> {
        let Some(link) = self.by_destination.get(destination).and_then(|at| self.links.get(*at)) else {
            return Ok(None);
        };
        if link.up == Some(false) { Err(()) } else { Ok(link.account) }
    }
}

impl Engine {
    /// Sends what is due to trunks, and tells how they are.
    pub(super) fn tend_trunks(&mut self, now: Instant) {
        for at in 0..self.trunks.links.len() {
            while let Some(output) = self.trunks.links[at].registration.as_mut().and_then(|known| known.poll(now)) {
                match output {
                    registration::Output::Send(request) => self.ask_trunk(now, at, Purpose::Registration, request),
                    registration::Output::State(state) => self.trunks.links[at].tell("registration", state),
                }
            }
            while let Some(output) = self.trunks.links[at].ping.as_mut().and_then(|known| known.poll(now)) {
                match output {
                    registration::Output::Send(request) => self.ask_trunk(now, at, Purpose::Ping, request),
                    registration::Output::State(state) => {
                        let link = &mut self.trunks.links[at];
                        link.up = Some(state == State::Up);
                        link.tell("OPTIONS", state);
                    }
                }
            }
        }
    }

    /// Takes the bindings away at the registrars: they are to send no more calls.
    pub(super) fn leave_trunks(&mut self, now: Instant) {
        for link in &mut self.trunks.links {
            link.ping = None;
            if let Some(registration) = &mut link.registration {
                registration.unregister(now);
            }
        }
        self.tend_trunks(now);
    }

    /// Whether a registrar still has to be told that we leave.
    pub(super) fn leaving_trunks(&self) -> bool {
        self.draining && self.trunks.links.iter().any(|link| link.registration.as_ref().is_some_and(|r| !r.is_over()))
    }

    pub(super) fn trunk_resolved(&mut self, now: Instant, at: usize, hops: &[Hop]) {
        let Some(link) = self.trunks.links.get_mut(at) else { return };
        link.asked = false;
        let hop = (!hops.is_empty()).then(|| hops[link.misses % hops.len()]);
        for (purpose, request) in std::mem::take(&mut link.waiting) {
            self.send_to_trunk(now, at, purpose, request, hop);
        }
        self.tend_trunks(now);
    }

    pub(super) fn trunk_answered(&mut self, now: Instant, request: RequestId, response: Option<&Response>) {
        let Some((at, purpose)) = self.trunks.under_way.remove(&request) else { return };
        self.trunks.links[at].answered(now, purpose, response);
        self.tend_trunks(now);
    }

    fn ask_trunk(&mut self, now: Instant, at: usize, purpose: Purpose, request: Box<Request>) {
        let link = &mut self.trunks.links[at];
        if let Some(hop) = link.proxy.hop(Transport::Udp) {
            return self.send_to_trunk(now, at, purpose, request, Some(hop));
        }
        if link.waiting.len() == WAITING {
            return link.answered(now, purpose, None);
        }
        link.waiting.push((purpose, request));
        if !std::mem::replace(&mut link.asked, true) {
            self.out.push_back(Output::Resolve { asker: Asker::Trunk(at), uri: link.proxy.clone() });
        }
    }

    fn send_to_trunk(&mut self, now: Instant, at: usize, purpose: Purpose, request: Box<Request>, hop: Option<Hop>) {
        let sent = hop.and_then(|hop| {
            self.gate.call(hop.address.ip());
            self.endpoint.request_outside(now, hop, *request).ok()
        });
        match sent {
            Some(id) => {
                self.trunks.under_way.insert(id, (at, purpose));
            }
            None => self.trunks.links[at].answered(now, purpose, None),
        }
    }
}

impl Link {
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
            State::Up => tracing::info!(trunk = self.name, by, "a trunk is up"),
            State::Down(registration::Failure::Unregistered) => {
                tracing::info!(trunk = self.name, by, "a trunk is left")
            }
            State::Down(why) => tracing::warn!(trunk = self.name, by, ?why, "a trunk is down"),
        }
    }
}

/// Ours towards the proxy: of the transport that it asks for, or that of UDP.
fn facing(proxy: &Uri, locals: &Locals) -> Option<Hop> {
    let transport = proxy.transport().unwrap_or(Transport::Udp);
    let literal = proxy.hop(Transport::Udp).and_then(|hop| locals.facing(&hop));
    let of_kind = || locals.iter().find(|own| own.transport == transport).copied();
    // A name that asks for nothing leads where DNS and our sockets agree.
    let any = || locals.iter().next().filter(|_| proxy.transport().is_none()).copied();
    literal.or_else(of_kind).or_else(any)
}

/// `None` too where what is configured cannot be: the loader has told of it.
fn registration(
    trunk: &Arc<Trunk>,
    proxy: &Uri,
    credentials: Option<&Credentials>,
    locals: &Locals,
    random: &mut Random,
) -> Option<Registration> {
    let register = trunk.register.as_ref()?;
    let own = facing(proxy, locals)?;
    let transport = match own.transport {
        Transport::Udp => String::new(),
        transport => format!(";transport={}", transport.as_str()),
    };
    let host = match proxy.port() {
        Some(port) => format!("{}:{port}", proxy.host()),
        None => proxy.host().to_owned(),
    };
    let config = registration::Config {
        registrar: Uri::read(&format!("sip:{host}")).ok()?,
        address_of_record: Uri::read(&format!("sip:{}@{}", register.user, proxy.host())).ok()?,
        contact: Uri::read(&format!("sip:{}@{}{transport}", register.user, own.address)).ok()?,
        every: register.every,
        credentials: credentials.cloned(),
    };
    Registration::new(Instant::ZERO, config, Random::from_seed(random.u64())).ok()
}

fn ping(trunk: &Arc<Trunk>, proxy: &Uri, locals: &Locals, random: &mut Random) -> Option<Ping> {
    let own = facing(proxy, locals)?;
    let from = Uri::read(&format!("sip:{}", own.address)).ok()?;
    let config = ping::Config { target: proxy.clone(), from, every: trunk.ping? };
    Ping::new(Instant::ZERO, config, Random::from_seed(random.u64())).ok()
}
