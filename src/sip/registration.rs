//! Keeping one address-of-record registered at a carrier (RFC 3261 section 10.2), apart from the endpoint: says which
//! REGISTER to send when, hears how it ended, and tells whether the registrar holds our binding.
//!
//! Drain `poll` after each call and at `next_deadline`. A request that it gives out has all but Via, User-Agent and
//! Contact, which `bind` adds once its way is known; it ends with one call of `on_response` or `on_failure`, and until
//! then there is no other.

use super::auth::{self, Credentials, Denied, Tries};
use super::hop::{Hop, Transport};
use super::message::{Headers, Method, Request};
use super::name_addr::NameAddr;
use super::uri::{Scheme, Uri};
use crate::random::Random;
use crate::time::{Duration, Instant};

/// The expiry that we ask for, in seconds; a registrar that wants more than the longest is not served.
const EXPIRES: std::ops::RangeInclusive<u32> = 10..=86_400;
/// A registrar that grants a shorter time than this is not refreshed in time: it must not make us busy.
const MIN_REFRESH: Duration = Duration::from_secs(10);
/// RFC 5626 section 4.5: base-time and, shorter than there, max-time of the gaps between attempts that fail.
const BASE_GAP: Duration = Duration::from_secs(30);
const MAX_GAP: Duration = Duration::from_secs(600);
/// So many failures in a row make the gap the longest.
const MAX_FAILURES: u32 = 5;
/// A longer Retry-After is cut to this.
const MAX_RETRY_AFTER: u64 = 3_600;
/// Requests without a pause between them (challenges, 423). With `BASE_GAP` that bounds the requests of a minute.
const MAX_TURNS: u8 = 5;

#[derive(Clone, Debug)]
pub struct Config {
    /// Request-URI: the registrar's domain, without a user.
    pub registrar: Uri,
    /// To and From, with the user that its calls are to be for.
    pub address_of_record: Uri,
    /// The expiry to ask for, 10 s to a day.
    pub every: Duration,
    pub credentials: Option<Credentials>,
}

/// One thing to do.
#[derive(Debug)]
pub enum Output {
    Send(Box<Request>),
    /// The state is another than last told.
    State(State),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Up,
    Down(Failure),
}

/// Why a peer is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A final answer that says so.
    Status(u16),
    NoAnswer,
    /// We cannot answer the challenge.
    Denied(Denied),
    /// A 2xx that grants no time.
    NothingGranted,
    /// At our own wish.
    Unregistered,
}

pub struct Registration {
    config: Config,
    /// The binding asked for last.
    contact: Option<Uri>,
    auth: Option<auth::Client>,
    random: Random,
    call_id: String,
    tag: String,
    cseq: u32,
    /// Seconds to ask for: as configured, or what a 423 wanted.
    expires: u32,
    phase: Phase,
    /// `unregister` was called.
    leaving: bool,
    /// When the binding that the registrar holds is gone; `None` if it holds none.
    lapses: Option<Instant>,
    /// The last attempt's.
    failure: Option<Failure>,
    told: Option<State>,
    tries: Tries,
    turns: u8,
    failures: u32,
}

#[derive(Clone, Copy)]
enum Phase {
    Due(Instant),
    /// A request is on its way that asks for these seconds; 0 takes the binding away.
    Waiting(u32),
    Over,
}

impl Registration {
    /// Begins to register at `now`. Refuses what no REGISTER may hold (RFC 3261 section 10.2).
    pub fn new(now: Instant, config: Config, mut random: Random) -> Result<Registration, &'static str> {
        let sip = |uri: &Uri| matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) && uri.headers().is_empty();
        if !sip(&config.registrar) || config.registrar.user().is_some() {
            return Err("a registrar is a sip: or sips: URI without a user");
        }
        if !sip(&config.address_of_record) || config.address_of_record.user().is_none() {
            return Err("an address-of-record is a sip: or sips: URI with a user and without headers");
        }
        let expires = u32::try_from(config.every.as_secs()).ok().filter(|secs| EXPIRES.contains(secs));
        Ok(Registration {
            expires: expires.ok_or("a registration lasts 10 s to a day")?,
            auth: config.credentials.clone().map(auth::Client::new),
            call_id: random.token() + &random.token(),
            tag: random.token(),
            cseq: 0,
            config,
            contact: None,
            random,
            phase: Phase::Due(now),
            leaving: false,
            lapses: None,
            failure: None,
            told: None,
            tries: Tries::default(),
            turns: 0,
            failures: 0,
        })
    }

    /// When `poll` is to be called next, should nothing else happen.
    pub fn next_deadline(&self) -> Option<Instant> {
        let due = if let Phase::Due(at) = self.phase { Some(at) } else { None };
        [due, self.lapses].into_iter().flatten().min()
    }

    /// The next thing to do at `now`.
    pub fn poll(&mut self, now: Instant) -> Option<Output> {
        if self.lapses.is_some_and(|at| at <= now) {
            self.lapses = None;
            self.failure.get_or_insert(Failure::NoAnswer);
        }
        let state = if self.lapses.is_some() { Some(State::Up) } else { self.failure.map(State::Down) };
        if self.told != state {
            self.told = state;
            return state.map(Output::State);
        }
        match self.phase {
            Phase::Due(at) if at <= now => Some(Output::Send(Box::new(self.request()))),
            _ => None,
        }
    }

    /// Writes into the request where calls are to reach us: at `own`, which faces the hop that the request takes. Of
    /// what DNS and our sockets allow, it is not known before.
    pub fn bind(&mut self, request: &mut Request, own: Hop) -> Result<(), &'static str> {
        let user = self.config.address_of_record.user().ok_or("an address-of-record without a user")?;
        let transport = match own.transport {
            Transport::Udp => String::new(),
            transport => format!(";transport={}", transport.as_str()),
        };
        let contact = Uri::read(&format!("sip:{user}@{}{transport}", own.address))?;
        request.headers.put("Contact", format!("<{contact}>"));
        self.contact = Some(contact);
        Ok(())
    }

    /// The final answer to the request.
    pub fn on_response(&mut self, now: Instant, status: u16, headers: &Headers) {
        let Phase::Waiting(asked) = self.phase else { return };
        let again = match status {
            200..300 if asked == 0 => return self.end(Failure::Unregistered),
            200..300 => match self.granted(asked, headers) {
                0 => Err(Failure::NothingGranted),
                secs => return self.succeed(now, secs),
            },
            401 | 407 => self.learn(status, headers),
            423 => self.lengthen(headers),
            _ => Err(Failure::Status(status)),
        };
        match again {
            Ok(()) if self.turns < MAX_TURNS => self.phase = Phase::Due(now),
            Ok(()) => self.fail(now, Failure::Status(status), Duration::ZERO),
            Err(failure) => self.fail(now, failure, retry_after(headers)),
        }
    }

    /// The request had no final answer, or could not be sent.
    pub fn on_failure(&mut self, now: Instant) {
        if let Phase::Waiting(_) = self.phase {
            self.fail(now, Failure::NoAnswer, Duration::ZERO);
        }
    }

    /// Takes the binding away (section 10.2.2), after the request on its way if there is one; then it `is_over`.
    pub fn unregister(&mut self, now: Instant) {
        self.leaving = true;
        if let Phase::Due(_) = self.phase {
            self.phase = if self.lapses.is_some() { Phase::Due(now) } else { Phase::Over };
        }
    }

    /// Whether nothing comes any more.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    fn request(&mut self) -> Request {
        let expires = if self.leaving { 0 } else { self.expires };
        self.phase = Phase::Waiting(expires);
        self.turns += 1;
        self.cseq += 1;
        let Config { registrar, address_of_record, .. } = &self.config;
        let mut headers = Headers::default();
        headers.put("Max-Forwards", "70");
        headers.put("From", format!("<{address_of_record}>;tag={}", self.tag));
        headers.put("To", format!("<{address_of_record}>"));
        headers.put("Call-ID", &*self.call_id);
        headers.put("CSeq", format!("{} REGISTER", self.cseq));
        headers.put("Expires", expires.to_string());
        // RFC 3327 section 5.1: proxies on the way may add a Path; a registrar may refuse theirs without this.
        headers.put("Supported", "path");
        let (method, uri) = (Method::Register, registrar.clone());
        let mut request = Request { method, uri, headers, body: Vec::new() };
        if let Some(auth) = &mut self.auth {
            auth.authorize(&mut request);
        }
        request
    }

    /// The seconds granted (section 10.2.4): those of our own Contact; where a registrar has rewritten it, the least
    /// of all. Never more than asked for: to refresh early does no harm.
    fn granted(&self, asked: u32, headers: &Headers) -> u32 {
        let seconds = |text: &str| text.trim_matches('"').parse::<u32>().ok();
        let all = || headers.all("Contact").filter_map(|value| NameAddr::read(value).ok());
        let expires = |contact: NameAddr<'_>| contact.param("expires").and_then(seconds);
        let is_ours = |uri: &Uri| self.contact.as_ref().is_some_and(|ours| same(uri, ours));
        let own = all().filter(|contact| is_ours(&contact.uri)).filter_map(expires).min();
        let granted = own.or_else(|| all().filter_map(expires).min());
        granted.or_else(|| headers.get("Expires").and_then(seconds)).map_or(asked, |secs| secs.min(asked))
    }

    fn learn(&mut self, status: u16, headers: &Headers) -> Result<(), Failure> {
        let auth = self.auth.as_mut().ok_or(Failure::Status(status))?;
        auth.learn(headers, &mut self.tries, &mut self.random).map_err(Failure::Denied)
    }

    /// Section 10.2.8: asks for as long as the registrar wants at least.
    fn lengthen(&mut self, headers: &Headers) -> Result<(), Failure> {
        let wanted = headers.get("Min-Expires").and_then(|secs| secs.parse().ok());
        let wanted = wanted.filter(|secs| *secs > self.expires && EXPIRES.contains(secs));
        self.expires = wanted.ok_or(Failure::Status(423))?;
        Ok(())
    }

    fn succeed(&mut self, now: Instant, granted: u32) {
        let granted = Duration::from_secs(granted.into());
        self.attempt_ended();
        (self.failures, self.failure) = (0, None);
        self.lapses = Some(now + granted);
        let refresh = between(&mut self.random, granted * 7 / 10, granted * 8 / 10).max(MIN_REFRESH);
        self.phase = Phase::Due(if self.leaving { now } else { now + refresh });
    }

    fn fail(&mut self, now: Instant, failure: Failure, at_least: Duration) {
        if self.leaving {
            // One farewell is enough: what the registrar still holds lapses by itself.
            if matches!(self.phase, Phase::Waiting(0)) || self.lapses.is_none() {
                return self.end(failure);
            }
            self.attempt_ended();
            self.phase = Phase::Due(now);
            return;
        }
        self.attempt_ended();
        self.failure = Some(failure);
        // A password does not mend itself, and carriers lock out who repeats a wrong one.
        let hopeless = matches!(failure, Failure::Denied(_));
        self.failures = if hopeless { MAX_FAILURES } else { (self.failures + 1).min(MAX_FAILURES) };
        let longest = (BASE_GAP * 2u32.pow(self.failures)).min(MAX_GAP);
        self.phase = Phase::Due(now + between(&mut self.random, longest / 2, longest).max(at_least));
    }

    fn end(&mut self, failure: Failure) {
        (self.phase, self.lapses, self.failure) = (Phase::Over, None, Some(failure));
    }

    fn attempt_ended(&mut self) {
        (self.turns, self.tries) = (0, Tries::default());
    }
}

/// Whether two contacts are one, as far as registrars leave them alone (section 19.1.4).
fn same(one: &Uri, other: &Uri) -> bool {
    let port = |uri: &Uri| uri.port().unwrap_or(uri.transport().unwrap_or(Transport::Udp).default_port());
    one.user() == other.user() && one.host().eq_ignore_ascii_case(other.host()) && port(one) == port(other)
}

/// What a refusal asks us to wait (section 20.33): a comment or parameters may follow the number.
fn retry_after(headers: &Headers) -> Duration {
    let value = headers.get("Retry-After").unwrap_or("");
    let digits = value.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok());
    Duration::from_secs(digits.map_or(0, |secs: u64| secs.min(MAX_RETRY_AFTER)))
}

/// Evenly drawn, to the millisecond, so that many clients do not come at once.
pub(super) fn between(random: &mut Random, low: Duration, high: Duration) -> Duration {
    let span = u32::try_from(high.saturating_sub(low).as_millis()).unwrap_or(u32::MAX - 1);
    low + Duration::from_millis(random.below(span + 1).into())
}

#[cfg(test)]
mod tests;
