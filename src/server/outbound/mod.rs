//! What goes out by HTTP: lookups, for which a call waits, and webhooks, which wait until they are taken. A thread of its
//! own: neither the control plane nor the API waits for somebody else's server.

mod breaker;
mod client;
mod line;
pub mod lookups;
mod reach;
mod webhooks;

use super::{NotStarted, not_started, streams};
use crate::config::{Config, Endpoint};
use crate::context::{LookupRequest, Outcome};
use crate::engine::CallNumber;
use crate::secret::Secret;
use client::Client;
pub use client::Counters;
use lookups::Values;
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
pub use webhooks::{Courier, Hook};

/// Lookups that wait for the thread to take them.
const QUEUE: usize = 1_024;

struct Order {
    call: CallNumber,
    lookup: u32,
    request: Box<LookupRequest>,
}

/// The end of a lookup: the word on each that was taken.
pub struct LookedUp {
    pub call: CallNumber,
    pub lookup: u32,
    pub outcome: Outcome,
    pub values: Values,
}

/// Sockets that it may have open.
pub fn descriptors(config: &Config) -> usize {
    if config.endpoints.is_empty() { 0 } else { client::ALL_AT_ONCE + client::IDLE * config.endpoints.len() }
}

/// The way to the thread.
pub struct Outbound {
    orders: mpsc::Sender<Order>,
    counters: BTreeMap<String, Arc<Counters>>,
    thread: JoinHandle<()>,
}

impl Outbound {
    /// Starts the thread; `told` hears of the lookups. `secrets`: by name.
    pub fn start(
        config: &Config,
        secrets: BTreeMap<String, Secret>,
        courier: Courier,
        told: mpsc::UnboundedSender<LookedUp>,
    ) -> Result<Outbound, NotStarted> {
        let failed = |error: &dyn std::fmt::Display| not_started("the HTTP client", error, "this system cannot serve");
        let places = config.endpoints.iter().map(|endpoint| Ok((endpoint.clone(), tls(endpoint)?)));
        let places = places.collect::<Result<Vec<_>, NotStarted>>()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build();
        let runtime = runtime.map_err(|error| failed(&error))?;
        let resolver = {
            let _inside = runtime.enter();
            super::dns::resolver(&config.resolver).map_err(|error| failed(&error))?
        };
        let client = Arc::new(Client::new(places, resolver));
        let counters = client.counters();
        let (orders, taken) = mpsc::channel(QUEUE);
        let run = move || {
            runtime.block_on(async {
                tokio::spawn(webhooks::deliver(courier, client.clone()));
                take(taken, client, Arc::new(secrets), told).await;
            });
        };
        let thread = std::thread::Builder::new().name("outbound".to_owned()).spawn(run);
        Ok(Outbound { orders, counters, thread: thread.map_err(|error| failed(&error))? })
    }

    /// Asks; the word of it has the same numbers. Never waits. False: too many wait.
    pub fn look_up(&self, call: CallNumber, lookup: u32, request: Box<LookupRequest>) -> bool {
        self.orders.try_send(Order { call, lookup, request }).is_ok()
    }

    /// By endpoint.
    pub fn counters(&self) -> &BTreeMap<String, Arc<Counters>> {
        &self.counters
    }

    /// Leaves everything that is under way.
    pub fn close(self) {
        drop(self.orders);
        if self.thread.join().is_err() {
            tracing::error!("the HTTP client had died");
        }
    }
}

async fn take(
    mut orders: mpsc::Receiver<Order>,
    client: Arc<Client>,
    secrets: Arc<BTreeMap<String, Secret>>,
    told: mpsc::UnboundedSender<LookedUp>,
) {
    while let Some(Order { call, lookup, request }) = orders.recv().await {
        let (client, secrets, told) = (client.clone(), secrets.clone(), told.clone());
        // The client has a place for so many, and ends the others at once.
        tokio::spawn(async move {
            let (outcome, values) = lookups::look_up(&client, &secrets, &request).await;
            // Nobody hears it only when the service ends.
            let _ = told.send(LookedUp { call, lookup, outcome, values });
        });
    }
}

/// How an endpoint is spoken to by TLS, and what its certificate must name.
fn tls(endpoint: &Endpoint) -> Result<Option<(TlsConnector, ServerName<'static>)>, NotStarted> {
    if !endpoint.tls {
        return Ok(None);
    }
    let what = || format!("endpoint `{}`", endpoint.name.text);
    let connector = streams::tls::web_connector(endpoint.ca.as_ref().map(Path::new))
        .map_err(|error| not_started(what(), error, "`ca:` is a file of certificates in PEM"))?;
    let name = ServerName::try_from(endpoint.host.clone())
        .map_err(|error| not_started(what(), error, "a host name as certificates have it"))?;
    Ok(Some((connector, name)))
}
