//! HTTP that goes out: to the endpoints of the configuration and nowhere else, in a time and a size that are bounded. A
//! redirect is an answer like any other; nobody follows it.

use super::breaker::{Breaker, Turn};
use super::line::{Broken, Line};
use super::reach::may_reach;
use crate::config::Endpoint;
use hickory_resolver::TokioResolver;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use rustls::pki_types::ServerName;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The body of an answer.
const BODY: usize = 64 * 1024;
/// Exchanges at once with one endpoint: what is beyond is refused, for whoever waits behind so many waits too long.
const AT_ONCE: usize = 256;
/// And with all of them.
pub const ALL_AT_ONCE: usize = 1_024;
/// Connections of an endpoint that wait for the next exchange.
pub const IDLE: usize = 32;
/// They wait so long: most servers close a connection that was idle for five seconds, or more.
const IDLE_TIME: Duration = Duration::from_secs(4);
/// Addresses of one name that are tried, and how long each of them.
const ADDRESSES: usize = 4;
const CONNECT: Duration = Duration::from_secs(2);

const USER_AGENT: &str = concat!("askonce/", env!("CARGO_PKG_VERSION"));

/// One request.
pub struct Errand {
    pub method: Method,
    /// Behind the endpoint's own path.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether it does no harm that the other side gets it twice.
    pub repeatable: bool,
    /// Whether the body of a 2xx is wanted: it must be JSON then, or empty.
    pub reads: bool,
}

pub struct Answer {
    pub status: StatusCode,
    /// Empty unless it was wanted.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Not in time.
    Slow,
    /// Too many exchanges with this endpoint.
    NoRoom,
    /// It has failed again and again, and is left alone for a while.
    LeftAlone,
    /// DNS knows no address.
    NoAddress,
    /// Its name leads into a private network.
    PrivateAddress,
    Unreachable,
    /// Its certificate, or the handshake.
    Tls,
    /// The connection broke, or what came was no HTTP.
    Broken,
    TooLarge,
    NotJson,
    /// The configuration has no such endpoint, or the path is none.
    NoSuchPlace,
}

/// What became of the exchanges with an endpoint.
#[derive(Debug, Default, Serialize)]
pub struct Counters {
    pub answered: AtomicU64,
    pub slow: AtomicU64,
    /// All other failures of the other side.
    pub failed: AtomicU64,
    /// Not even tried: too many at once.
    pub no_room: AtomicU64,
    /// Not even tried: the endpoint is left alone.
    pub left_alone: AtomicU64,
}

/// An endpoint with what we know of it.
struct Place {
    endpoint: Endpoint,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    under_way: AtomicUsize,
    idle: Mutex<Vec<(Line, Instant)>>,
    breaker: Mutex<Breaker>,
    counters: Arc<Counters>,
}

pub struct Client {
    places: BTreeMap<String, Place>,
    under_way: AtomicUsize,
    resolver: TokioResolver,
}

impl Client {
    /// `places`: with how to speak TLS there.
    pub fn new(
        places: Vec<(Endpoint, Option<(TlsConnector, ServerName<'static>)>)>,
        resolver: TokioResolver,
    ) -> Client {
        let place = |(endpoint, tls): (Endpoint, _)| {
            let (idle, breaker) = (Mutex::default(), Mutex::default());
            let (under_way, counters) = (AtomicUsize::new(0), Arc::default());
            (endpoint.name.text.clone(), Place { endpoint, tls, under_way, idle, breaker, counters })
        };
        Client { places: places.into_iter().map(place).collect(), under_way: AtomicUsize::new(0), resolver }
    }

    /// By endpoint.
    pub fn counters(&self) -> BTreeMap<String, Arc<Counters>> {
        self.places.iter().map(|(name, place)| (name.clone(), place.counters.clone())).collect()
    }

    /// Asks, and waits `limit` at most for the whole answer.
    pub async fn exchange(&self, endpoint: &str, errand: &Errand, limit: Duration) -> Result<Answer, Failure> {
        let place = self.places.get(endpoint).ok_or(Failure::NoSuchPlace)?;
        let rooms = (Here::enter(&self.under_way, ALL_AT_ONCE), Here::enter(&place.under_way, AT_ONCE));
        let (Some(_), Some(_)) = &rooms else {
            place.counters.no_room.fetch_add(1, Relaxed);
            return Err(Failure::NoRoom);
        };
        if !locked(&place.breaker).admits(Instant::now()) {
            place.counters.left_alone.fetch_add(1, Relaxed);
            return Err(Failure::LeftAlone);
        }
        let outcome = timeout(limit, self.attempt(place, errand)).await.unwrap_or(Err(Failure::Slow));
        place.told(&outcome);
        outcome
    }

    async fn attempt(&self, place: &Place, errand: &Errand) -> Result<Answer, Failure> {
        let request = || place.request(errand);
        let mut line = match place.idle() {
            None => self.connect(place).await?,
            Some(mut line) => match line.send(request()?).await {
                Ok(response) => return place.read(line, response, errand.reads).await,
                // The other side closed it while it was idle: it saw nothing of this, or may see it twice.
                Err(broken) if broken == Broken::Unsent || errand.repeatable => self.connect(place).await?,
                Err(_) => return Err(Failure::Broken),
            },
        };
        let response = line.send(request()?).await.map_err(|_| Failure::Broken)?;
        place.read(line, response, errand.reads).await
    }

    async fn connect(&self, place: &Place) -> Result<Line, Failure> {
        let mut why = Failure::NoAddress;
        for address in self.addresses(&place.endpoint).await?.into_iter().take(ADDRESSES) {
            if !may_reach(&place.endpoint, address) {
                why = Failure::PrivateAddress;
                continue;
            }
            let connected = timeout(CONNECT, TcpStream::connect(SocketAddr::new(address, place.endpoint.port))).await;
            let Ok(Ok(stream)) = connected else {
                why = Failure::Unreachable;
                continue;
            };
            stream.set_nodelay(true).map_err(|_| Failure::Broken)?;
            return match &place.tls {
                None => Line::open(stream).await.map_err(|_| Failure::Broken),
                Some((connector, name)) => {
                    let stream = connector.connect(name.clone(), stream).await.map_err(|_| Failure::Tls)?;
                    Line::open(stream).await.map_err(|_| Failure::Broken)
                }
            };
        }
        Err(why)
    }

    async fn addresses(&self, endpoint: &Endpoint) -> Result<Vec<IpAddr>, Failure> {
        if let Some(address) = endpoint.address() {
            return Ok(vec![address]);
        }
        let found = self.resolver.lookup_ip(&*endpoint.host).await.map_err(|_| Failure::NoAddress)?;
        Ok(found.iter().collect())
    }
}

impl Place {
    fn request(&self, errand: &Errand) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::new(Full::new(errand.body.clone()));
        *request.method_mut() = errand.method.clone();
        let path = format!("{}{}", self.endpoint.path, errand.path);
        *request.uri_mut() = path.parse().map_err(|_| Failure::NoSuchPlace)?;
        *request.headers_mut() = errand.headers.clone();
        let host = HeaderValue::from_str(&self.endpoint.authority()).map_err(|_| Failure::NoSuchPlace)?;
        let own = [
            (header::HOST, host),
            (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
            (header::ACCEPT, HeaderValue::from_static("application/json")),
            // What is packed may unpack to any size.
            (header::ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        ];
        request.headers_mut().extend(own);
        Ok(request)
    }

    async fn read(&self, line: Line, response: Response<Incoming>, reads: bool) -> Result<Answer, Failure> {
        let status = response.status();
        let empty = response.body().is_end_stream();
        if !reads || !status.is_success() || empty {
            // What is left of it nobody reads: the connection goes with it.
            if empty {
                self.keep(line);
            }
            return Ok(Answer { status, body: Bytes::new() });
        }
        if !is_json(response.headers()) {
            return Err(Failure::NotJson);
        }
        if response.body().size_hint().lower() > BODY as u64 {
            return Err(Failure::TooLarge);
        }
        let body = Limited::new(response.into_body(), BODY).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() { Failure::TooLarge } else { Failure::Broken }
        })?;
        self.keep(line);
        Ok(Answer { status, body: body.to_bytes() })
    }

    fn keep(&self, line: Line) {
        let mut idle = locked(&self.idle);
        idle.retain(|(line, since)| line.stands() && since.elapsed() < IDLE_TIME);
        if idle.len() < IDLE {
            idle.push((line, Instant::now()));
        }
    }

    /// The one that was used last is the likeliest to stand.
    fn idle(&self) -> Option<Line> {
        let mut idle = locked(&self.idle);
        idle.retain(|(line, since)| line.stands() && since.elapsed() < IDLE_TIME);
        idle.pop().map(|(line, _)| line)
    }

    /// Counts, and tells of an endpoint once when it fails and once when it is back. Paths are not told: they may have
    /// callers' numbers in them.
    fn told(&self, outcome: &Result<Answer, Failure>) {
        let endpoint = &*self.endpoint.name.text;
        let well = match outcome {
            Ok(answer) => !answer.status.is_server_error(),
            Err(_) => false,
        };
        let counter = match outcome {
            Ok(_) => &self.counters.answered,
            Err(Failure::Slow) => &self.counters.slow,
            Err(_) => &self.counters.failed,
        };
        counter.fetch_add(1, Relaxed);
        let what = || match outcome {
            Ok(answer) => format!("{}", answer.status),
            Err(failure) => format!("{failure:?}"),
        };
        match locked(&self.breaker).told(Instant::now(), well) {
            Turn::None if !well => tracing::debug!(endpoint, what = what(), "an endpoint failed"),
            Turn::None => {}
            Turn::Opened => {
                tracing::warn!(
                    endpoint,
                    what = what(),
                    "an endpoint fails again and again: it is left alone for a while"
                );
            }
            Turn::Closed => tracing::info!(endpoint, "an endpoint is back"),
        }
    }
}

/// A place among the exchanges under way.
struct Here<'p>(&'p AtomicUsize);

impl<'p> Here<'p> {
    fn enter(under_way: &'p AtomicUsize, most: usize) -> Option<Here<'p>> {
        let here = Here(under_way);
        // Dropped again, and so counted off, where there is no room.
        (under_way.fetch_add(1, Relaxed) < most).then_some(here)
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// `application/json`, or a kind of it (RFC 6839), and not packed.
fn is_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let kind = text(header::CONTENT_TYPE).and_then(|kind| kind.split(';').next()).unwrap_or("").trim();
    let kind = kind.to_ascii_lowercase();
    let plain = text(header::CONTENT_ENCODING).is_none_or(|coding| coding.eq_ignore_ascii_case("identity"));
    plain && kind.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
