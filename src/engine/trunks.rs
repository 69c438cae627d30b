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
                registration: trunk
                    .register
                    .as_ref()
                    .and_then(|register| made(trunk, registration(register, &proxy, own, random))),
                ping: trunk.ping.and_then(|every| made(trunk, ping(every, &proxy, locals, random))),
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
            self.send_to_trunk(now, at, purpose, *request, hop);
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
            return self.send_to_trunk(now, at, purpose, *request, Some(hop));
        }
        if link.waiting.len() == WAITING {
            return link.answered(now, purpose, None);
        }
        link.waiting.push((purpose, request));
        if !std::mem::replace(&mut link.asked, true) {
            self.out.push_back(Output::Resolve { asker: Asker::Trunk(at), uri: link.proxy.clone() });
        }
    }

    fn send_to_trunk(&mut self, now: Instant, at: usize, purpose: Purpose, request: Request, hop: Option<Hop>) {
        match self.request_to_trunk(now, at, purpose, request, hop) {
            Ok(id) => {
                self.trunks.under_way.insert(id, (at, purpose));
            }
            Err(why) => {
                let link = &mut self.trunks.links[at];
                tracing::debug!(trunk = link.name, why, "a request to a trunk was not sent");
                link.answered(now, purpose, None);
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
        if let (Purpose::Registration, Some(registration)) = (purpose, &mut self.trunks.links[at].registration) {
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
