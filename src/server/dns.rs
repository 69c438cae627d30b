//! Where a SIP URI's host is reached (RFC 3263), asked of DNS on a thread of its own: the control plane never waits
//! for a name. What DNS last said stays good while DNS does not answer.

mod desk;
mod locate;

use crate::engine::Asker;
use crate::random::Random;
use crate::sip::{Hop, Locals, Transport};
use crate::time::Duration;
use desk::Desk;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::{NetError, runtime::TokioRuntimeProvider};
use hickory_resolver::proto::rr::{RData, RecordType};
use locate::{Course, Named, Pointer, Service};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Queries that wait to be taken, askers that wait for a search, and answers that wait for the control plane.
const QUEUE: usize = 1_024;
/// Searches at once.
const AT_ONCE: usize = 64;
/// Hops in an answer: nobody waits for a seventeenth.
const HOPS: usize = 16;
/// For everything that one query asks of DNS.
const LIMIT: Duration = Duration::from_secs(4);
/// For one server to answer one question, and how often it is asked: so a question leaves time for others.
const SERVER: Duration = Duration::from_secs(1);
const ATTEMPTS: usize = 2;

/// What a URI says of where it leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// A name, or an address; IPv6 with or without brackets.
    pub host: String,
    pub port: Option<u16>,
    pub transport: Option<Transport>,
    /// A `sips` URI: nothing but TLS.
    pub secure: bool,
}

/// The hops to try, the first one first; none if there are none or DNS has never told. Of TLS, `host` is what the
/// certificate at each must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub asker: Asker,
    pub hops: Vec<Hop>,
    pub host: String,
}

#[derive(Debug, Default, serde::Serialize)]
pub struct Counters {
    /// Queries refused because too many wait.
    pub refused: AtomicU64,
    /// Searches in which DNS failed to answer a part.
    pub failed: AtomicU64,
    /// Queries that got the last good answer instead.
    pub stale: AtomicU64,
}

/// The way to the thread that asks.
pub struct Resolver {
    queries: mpsc::Sender<(Asker, Query)>,
    counters: Arc<Counters>,
}

impl Resolver {
    /// Starts the thread, which asks `servers`, or if there are none the system's. Answers hold hops that `locals`
    /// can talk to. `seed` is for the draw among equal servers.
    ///
    /// # Errors
    /// The system's configuration cannot be read; no thread.
    pub fn start(
        servers: &[SocketAddr],
        locals: Locals,
        seed: u64,
    ) -> io::Result<(Resolver, mpsc::Receiver<Resolved>)> {
        Resolver::start_within(LIMIT, servers, locals, seed)
    }

    fn start_within(
        limit: Duration,
        servers: &[SocketAddr],
        locals: Locals,
        seed: u64,
    ) -> io::Result<(Resolver, mpsc::Receiver<Resolved>)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let resolver = {
            let _inside = runtime.enter();
            resolver(servers).map_err(io::Error::other)?
        };
        let counters = Arc::new(Counters::default());
        let (queries, mut taken) = mpsc::channel(QUEUE);
        let (told, answers) = mpsc::channel(QUEUE);
        let searcher = Searcher { resolver, locals: Arc::new(locals), limit, random: Random::from_seed(seed) };
        let mut desk = Desk::new(searcher, told, counters.clone());
        let run = move || {
            while catch_unwind(AssertUnwindSafe(|| runtime.block_on(desk.run(&mut taken)))).is_err() {
                tracing::error!("asking DNS died: it begins anew");
                runtime.block_on(desk.give_up());
            }
        };
        std::thread::Builder::new().name("dns".to_owned()).spawn(run)?;
        Ok((Resolver { queries, counters }, answers))
    }

    /// Asks; the answer has the same asker. Never waits. False: refused and counted, too many queries wait.
    pub fn resolve(&self, asker: Asker, query: Query) -> bool {
        let taken = self.queries.try_send((asker, query)).is_ok();
        if !taken {
            self.counters.refused.fetch_add(1, Relaxed);
        }
        taken
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, NetError> {
    let mut builder = if servers.is_empty() {
        TokioResolver::builder_tokio()?
    } else {
        let servers = servers.iter().map(|server| {
            let mut config = NameServerConfig::udp_and_tcp(server.ip());
            for connection in &mut config.connections {
                connection.port = server.port();
            }
            config
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    let options = builder.options_mut();
    options.timeout = SERVER;
    options.attempts = ATTEMPTS;
    builder.build()
}

/// What searches are made from.
struct Searcher {
    resolver: TokioResolver,
    locals: Arc<Locals>,
    limit: Duration,
    random: Random,
}

impl Searcher {
    fn search(&mut self) -> Search {
        Search {
            resolver: self.resolver.clone(),
            locals: self.locals.clone(),
            random: Random::from_seed(self.random.u64()),
            found: Found::default(),
        }
    }
}

#[derive(Debug, Default)]
struct Found {
    hops: Vec<Hop>,
    /// DNS did not answer all that was asked.
    failed: bool,
}

/// One query's way through DNS.
struct Search {
    resolver: TokioResolver,
    locals: Arc<Locals>,
    random: Random,
    found: Found,
}

impl Search {
    async fn run(mut self, query: &Query, limit: Duration) -> Found {
        let in_time = timeout(limit, self.follow(query)).await.is_ok();
        self.found.hops.truncate(HOPS);
        self.found.failed |= !in_time;
        self.found
    }

    async fn follow(&mut self, query: &Query) {
        let services = match locate::course(query, &self.locals) {
            Course::There(hops) => {
                self.found.hops = hops;
                return;
            }
            Course::Addresses(transport, port) => return self.addresses(&rooted(&query.host), transport, port).await,
            Course::Services(services) => services,
            Course::Pointers(services) => {
                let pointers = self.pointers(&rooted(&query.host)).await;
                let pointed = locate::pointed(pointers, &self.locals);
                if pointed.is_empty() { services } else { pointed }
            }
        };
        if !self.services(services).await
            && let Some(transport) = locate::fallback(query, &self.locals)
        {
            self.addresses(&rooted(&query.host), transport, transport.default_port()).await;
        }
    }

    /// Follows SRV records; false if there are none.
    async fn services(&mut self, names: Vec<Named>) -> bool {
        let mut any = false;
        for (transport, name) in names {
            let records = self.lookup(&rooted(&name), RecordType::SRV).await;
            let services = records.into_iter().filter_map(|record| match record {
                RData::SRV(srv) => Some(Service {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    target: srv.target.to_ascii(),
                }),
                _ => None,
            });
            let services: Vec<Service> = services.collect();
            any |= !services.is_empty();
            for service in locate::in_order(services, &mut self.random) {
                if self.found.hops.len() >= HOPS {
                    return true;
                }
                self.addresses(&service.target, transport, service.port).await;
            }
        }
        any
    }

    async fn pointers(&mut self, host: &str) -> Vec<Pointer> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let pointers = self.lookup(host, RecordType::NAPTR).await.into_iter().filter_map(|record| match record {
            RData::NAPTR(naptr) => Some(Pointer {
                order: naptr.order,
                preference: naptr.preference,
                flags: text(&naptr.flags),
                service: text(&naptr.services),
                replacement: naptr.replacement.to_ascii(),
            }),
            _ => None,
        });
        pointers.collect()
    }

    async fn addresses(&mut self, name: &str, transport: Transport, port: u16) {
        let mut addresses: Vec<IpAddr> = Vec::new();
        let has = |v4| self.locals.iter().any(|own| own.transport == transport && own.address.is_ipv4() == v4);
        for (had, kind) in [(has(true), RecordType::A), (has(false), RecordType::AAAA)] {
            if had {
                addresses.extend(self.lookup(name, kind).await.iter().filter_map(RData::ip_addr));
            }
        }
        self.found.hops.extend(locate::hops(transport, port, addresses, &self.locals));
    }

    /// The records of a name; none if there are none, and if DNS does not answer, which is noted.
    async fn lookup(&mut self, name: &str, kind: RecordType) -> Vec<RData> {
        match self.resolver.lookup(name, kind).await {
            Ok(lookup) => lookup.answers().iter().map(|record| record.data.clone()).collect(),
            Err(error) => {
                self.found.failed |= !error.is_no_records_found();
                tracing::debug!(name, %kind, %error, "no records");
                Vec::new()
            }
        }
    }
}

/// A name with a dot in it is whole; others are looked for in the system's search domains.
fn rooted(name: &str) -> String {
    if name.contains('.') && !name.ends_with('.') { format!("{name}.") } else { name.to_owned() }
}

#[cfg(test)]
mod tests;
