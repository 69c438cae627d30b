//! The live server: sockets, threads, clocks, files and the store around the engine.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the shells own what the core may not have")]

mod announcer;
pub mod checkup;
mod control;
mod crowd;
pub mod dns;
pub mod files;
pub mod findings;
pub mod http;
pub mod inbox;
mod media_plane;
pub mod media_worker;
pub mod memory;
mod meter;
mod metrics;
mod operating;
mod outbound;
pub mod ports;
pub mod recorder;
mod reload;
mod report;
mod secrets;
mod sounds;
pub mod store;
pub mod streams;
pub mod studio;
mod switches;
mod traces;
mod transports;
mod web;

use crate::codec::Codec;
use crate::config::{self, Config, Handoff, Names, SecretSource};
use crate::engine::{DialogRow, Engine, Service, Setup};
use crate::keying::Keyring;
use crate::os::bell::Bell;
use crate::os::clock::Clock;
use crate::random::Random;
use crate::sip::{Hop, Locals};
use control::Control;
pub use control::Will;
use dns::{Resolved, Resolver};
use files::{Files, Findings};
use http::{Guard, Token};
use inbox::Inbox;
use media_plane::{MediaPlane, MediaSetup};
use media_worker::WorkerEvent;
use memory::Memory;
use operating::Desk;
use outbound::{Courier, Hook, LookedUp, Outbound};
use recorder::ring::Outlet;
pub use reload::{Noted, Origin, Seen};
use reload::{Reloader, Reloads, Watch};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use store::outbox::Due;
use store::{Places, Reader, Store, Stored};
use switches::Switches;
use tokio::sync::{Notify, mpsc};
use transports::Listening;

/// Media events that wait for the control plane; a worker keeps what does not fit.
const MEDIA_EVENTS: usize = 8_192;

/// Callers at once whose packets find room on their way to the recorder. The memory that it has for them is half a minute
/// of so many.
const SOUNDS: usize = 1_000;

/// What may be wanted of the service before the control plane looks: to drain, and then to stop.
const WILLS: usize = 2;
/// Orders of other threads that wait for the control plane.
const ORDERS: usize = 64;

/// File descriptors of the program besides media sockets and SIP connections: the store, HTTP, DNS, runtimes.
const OWN_DESCRIPTORS: usize = 200;

/// A configuration with its flows, read and checked against each other.
pub struct Place {
    pub config: Config,
    /// By the flow's name.
    pub services: BTreeMap<String, Service>,
}

/// What is to be started.
pub struct Plan {
    pub place: Place,
    /// Where it was read; `None`: it is never read again.
    pub watch: Option<Watch>,
    pub token: Option<Token>,
    /// Whether calls are traced as they go.
    pub trace: bool,
    pub workers: Option<usize>,
}

/// Reads a configuration file and every flow that it names.
pub fn read_place(files: &dyn Files, path: &Path) -> (Option<Place>, Findings) {
    read_place_for(files, path, None)
}

/// The same with the clips in other codecs than the configuration speaks: none, where they are only to be looked at.
fn read_place_for(files: &dyn Files, path: &Path, codecs: Option<&[Codec]>) -> (Option<Place>, Findings) {
    match parsed(files, path) {
        (Some(config), findings) => place(files, folder(path), (&config, codecs), findings),
        (None, findings) => (None, findings),
    }
}

/// Reads a configuration file alone; its paths are those of its own place.
pub fn read_config(files: &dyn Files, path: &Path) -> (Option<Config>, Findings) {
    let (config, findings) = parsed(files, path);
    (config.map(|config| located(config, folder(path))), findings)
}

fn parsed(files: &dyn Files, path: &Path) -> (Option<Config>, Findings) {
    let mut findings = Findings::default();
    let Some(source) = findings.read(files, path) else { return (None, findings) };
    match config::load(&source) {
        Ok((config, warnings)) => {
            findings.diagnostics.extend(warnings);
            (Some(config), findings)
        }
        Err(mistakes) => {
            findings.diagnostics.extend(mistakes);
            (None, findings)
        }
    }
}

/// The configuration's paths are relative to its own place.
fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// The place of quick mode: paths are relative to where the command was given.
pub fn quick_place(files: &dyn Files, config: &Config) -> (Option<Place>, Findings) {
    place(files, Path::new(""), (config, None), Findings::default())
}

fn place(
    files: &dyn Files,
    folder: &Path,
    (config, codecs): (&Config, Option<&[Codec]>),
    mut findings: Findings,
) -> (Option<Place>, Findings) {
    let codecs = codecs.map_or_else(|| config.spoken(), <[Codec]>::to_vec);
    let mut services = Vec::new();
    for named in &config.flows {
        let path = folder.join(&named.text);
        for path in flow_files(files, &path) {
            let announcements = config.announcements.as_ref().map(|announced| folder.join(&announced.folder));
            let (service, found) = files::load_for(files, &path, &codecs, announcements.as_deref());
            services.extend(service);
            findings.diagnostics.extend(found.diagnostics);
            findings.sources.extend(found.sources);
        }
    }
    if findings.errors() == 0 {
        let names: Vec<Names> = services.iter().map(names).collect();
        findings.diagnostics.extend(config::check(config, &names));
    }
    let place = (findings.errors() == 0).then(|| {
        let services = services.into_iter().map(|service| (service.program.flow.name.text.clone(), service));
        let config = located(config.clone(), folder);
        Place { config, services: services.collect() }
    });
    (place, findings)
}

/// With the paths of its files from where the command was given.
fn located(mut config: Config, folder: &Path) -> Config {
    let beside = |path: &mut String| *path = folder.join(&*path).display().to_string();
    beside(&mut config.store);
    config.record.folder.iter_mut().for_each(beside);
    let fixtures = config.record.fixtures.iter_mut();
    fixtures.filter_map(|fixtures| fixtures.folder.as_mut()).for_each(beside);
    config.announcements.iter_mut().for_each(|announced| beside(&mut announced.folder));
    if let Some(tls) = &mut config.tls {
        [&mut tls.cert, &mut tls.key].into_iter().chain(&mut tls.ca).for_each(beside);
    }
    config.endpoints.iter_mut().filter_map(|endpoint| endpoint.ca.as_mut()).for_each(beside);
    for secret in &mut config.secrets {
        if let SecretSource::File(path) = &mut secret.source {
            beside(path);
        }
    }
    config
}

/// A flow's file, or those that lie directly in a folder and are flows: `flow:` at the top, without `call:`. What is named
/// `….test.yaml` is none.
pub fn flow_files(files: &dyn Files, path: &Path) -> Vec<PathBuf> {
    let within = files.within(path).unwrap_or_else(|_| Vec::new());
    let is_flow = |file: &PathBuf| {
        let text = || String::from_utf8(files.read(file).ok()?).ok();
        let has = |text: &str, key| text.lines().any(|line| line.starts_with(key));
        let name = file.to_string_lossy();
        (name.ends_with(".yaml") && !name.ends_with(".test.yaml"))
            && text().is_some_and(|text| has(&text, "flow:") && !has(&text, "call:"))
    };
    let flows: Vec<PathBuf> = within.into_iter().filter(is_flow).collect();
    if flows.is_empty() { vec![path.to_owned()] } else { flows }
}

fn names(service: &Service) -> Names<'_> {
    let flow = &service.program.flow;
    let handoff = |(to, needs): (_, &[usize]), transfer| {
        let needs = needs.iter().map(|fact| flow.facts[*fact].name.text.as_str()).collect();
        Handoff { to, needs, transfer }
    };
    let handed = flow.handoffs().into_iter().map(|handed| handoff(handed, false));
    let sent = flow.transfers().map(|transfer| handoff((transfer.to(), transfer.needs().facts.as_slice()), true));
    let shown = flow.facts.iter().filter(|fact| fact.class.for_agent());
    Names {
        path: flow.path(),
        name: &flow.name,
        destinations: flow.destinations().collect(),
        endpoints: flow.endpoints().collect(),
        secrets: flow.secrets().collect(),
        facts: flow.facts.iter().map(|fact| fact.name.text.as_str()).collect(),
        announces: flow.announces(),
        longest: shown.filter_map(|fact| Some((fact.name.text.as_str(), fact.longest()?))).collect(),
        handoffs: handed.chain(sent).collect(),
        switches: flow.switches(),
        parameters: flow
            .with
            .iter()
            .map(|parameter| {
                let values = parameter.values.iter().map(|value| value.text.as_str());
                (parameter.name.text.as_str(), values.collect())
            })
            .collect(),
    }
}

/// Why the server did not start: what, and the remedy.
#[derive(Debug)]
pub struct NotStarted(String);

impl std::fmt::Display for NotStarted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotStarted {}

impl From<store::Unopened> for NotStarted {
    fn from(unopened: store::Unopened) -> NotStarted {
        NotStarted(unopened.to_string())
    }
}

fn not_started(what: impl std::fmt::Display, why: impl std::fmt::Display, remedy: &str) -> NotStarted {
    NotStarted(format!("{what}: {why}\n  remedy: {remedy}"))
}

/// A server that takes calls.
pub struct Running {
    /// Where SIP is heard, in the order of the configuration.
    pub sip: Vec<Hop>,
    pub http: SocketAddr,
    /// `127.0.0.1:20000-29999`.
    pub rtp: String,
    wish: SyncSender<()>,
    will: mpsc::Sender<Will>,
    control: JoinHandle<Engine>,
}

impl Running {
    /// Says what is wanted of the service from now on.
    pub fn wants(&self, will: Will) {
        if self.will.try_send(will).is_err() {
            tracing::warn!(?will, "the control plane has not yet taken what was wanted before, or is gone");
        }
    }

    /// Has flows and configuration read again, on the thread that watches them.
    pub fn reload(&self) {
        // One wish that waits is as good as two.
        if let Err(TrySendError::Disconnected(())) = self.wish.try_send(()) {
            tracing::warn!("nothing is read again: the flow is built in");
        }
    }

    /// Returns once the service has ended, by whatever cause.
    pub async fn ended(&self) {
        self.will.closed().await;
    }

    /// Waits for the end. False: the control plane died, and took its calls along.
    pub fn join(self) -> bool {
        self.control.join().is_ok()
    }
}

/// Binds everything, opens the store, and starts the threads.
pub fn start(plan: Plan) -> Result<Running, NotStarted> {
    let Plan { place: Place { config, services }, watch, token, trace, workers } = plan;
    raise_descriptors(&config);
    let (clock, mut random) = (Clock::start(), Random::from_seed(u64::from_be_bytes(drawn()?)));
    let (credentials, pins) = (secrets::credentials(&config)?, secrets::pins(&config, &services)?);
    let trunks = transports::trunk_networks(&config);
    let sip = Listening::open(&config.listen.sip, config.advertise, tls_files(&config), trunks, random.u64())?;
    let (bound, locals) = (sip.bound.clone(), sip.locals.clone());
    let (resolver, resolved) = resolver(&config, locals.clone(), random.u64())?;
    let places = Places::of(&config);
    let (store, posted, stored, orphans) = store(&places)?;
    let (memory, recalled) = Memory::start(&places)?;
    let (outbound, looked_up) = outbound(&config, &store, &places, posted)?;
    let (traces, told) = trace.then(traces::queue).unzip();
    let (desk, orders) = desk(&config, &places.database, token)?;
    let http = http(&config, desk.clone(), memory.clone(), told)?;
    let (rtp, records) = (config.listen.rtp, records(&config, &services));
    let inbox = Inbox::of(&config, &places)?;
    let taker = inbox.as_ref().and_then(Inbox::taker);
    let (media, rings, media_events) = media(&config, workers, (records, taker.is_some()), clock, &mut random)?;
    let (recorder, recorded, announcer, announced) =
        recorder::begin(&config, places.sound, (records, taker), (clock, rings), &desk.switches)?;
    let config = Arc::new(config);
    let setup = Setup {
        locals,
        credentials,
        pins,
        config: config.clone(),
        services,
        switches: desk.switches.values(),
        seed: random.u64(),
        keyring: Keyring::new(drawn()?),
        record: inbox.is_some(),
        trace,
    };
    let (wants, will) = mpsc::channel(WILLS);
    let bell = Bell::new().map_err(|error| not_started("the control thread", error, "this system cannot serve"))?;
    let (sip, stream_events) = sip.adopt();
    let control = run(Control {
        engine: Engine::new(setup),
        clock,
        bell,
        sip,
        stream_events,
        resolver,
        resolved,
        media,
        media_events,
        inbox,
        recorder,
        recorded,
        announcer,
        announced,
        outbound,
        looked_up,
        store,
        stored,
        orphans,
        memory,
        recalled,
        traces,
        will,
        orders,
        shell: control::Shell::default(),
    })?;
    let wish = watched(watch, config, records, desk)?;
    let rtp = format!("{}:{}-{}", rtp.address, rtp.first, rtp.last);
    Ok(Running { wish, sip: bound, http, rtp, will: wants, control })
}

fn run(control: Control) -> Result<JoinHandle<Engine>, NotStarted> {
    let thread = std::thread::Builder::new().name("control".to_owned());
    thread
        .spawn(move || control.run())
        .map_err(|error| not_started("the control thread", error, "this system cannot serve"))
}

fn resolver(config: &Config, locals: Locals, seed: u64) -> Result<(Resolver, mpsc::Receiver<Resolved>), NotStarted> {
    Resolver::start(&config.resolver, locals, seed)
        .map_err(|error| not_started("DNS", error, "name the servers in the configuration: resolver: [192.0.2.53:53]"))
}

/// What is asked and ordered over HTTP, and the control plane's end of it.
fn desk(
    config: &Config,
    database: &Path,
    token: Option<Token>,
) -> Result<(Desk, mpsc::Receiver<control::Order>), NotStarted> {
    let (orders, ordered) = mpsc::channel(ORDERS);
    let reader = Reader::open(database).map_err(|error| NotStarted(error.to_string()))?;
    let switches = Switches::open(database, config, orders.clone());
    let switches =
        switches.map_err(|error| not_started("the switches in the store", error, "mend the store's file"))?;
    Ok((Desk { orders, reloads: Reloads::begin(), switches, reader, guard: Guard(token) }, ordered))
}

fn http(
    config: &Config,
    desk: Desk,
    memory: Memory,
    told: Option<mpsc::Receiver<crate::record::trace::Told>>,
) -> Result<SocketAddr, NotStarted> {
    let at = config.listen.http;
    http::start(at, desk, memory, told)
        .map_err(|error| not_started(format!("cannot listen for HTTP on {at}"), error, "give another --http address"))
}

/// Starts the thread that reads again what changes, if anything may; gives the way to wish for it.
fn watched(
    watch: Option<Watch>,
    running: Arc<Config>,
    records: bool,
    desk: Desk,
) -> Result<SyncSender<()>, NotStarted> {
    let (wish, wishes) = sync_channel(1);
    let Some(watch) = watch else { return Ok(wish) };
    let Desk { orders, reloads, switches, .. } = desk;
    let reloader = Reloader { watch, running, records, wishes, orders, reloads, switches };
    let started = reloader.start();
    started.map_err(|error| not_started("the thread that reloads", error, "this system cannot serve"))?;
    Ok(wish)
}

/// The store, what tells of new deliveries, its words, and the dialogs that a killed process left.
type Opened = (Store, Arc<Notify>, mpsc::UnboundedReceiver<Stored>, Vec<DialogRow>);

/// Opens the store, and tells what a killed process left in it.
fn store(places: &Places) -> Result<Opened, NotStarted> {
    let posted = Arc::new(Notify::new());
    let (told, stored) = mpsc::unbounded_channel();
    let store = Store::open(places, posted.clone(), move |word| {
        // The control plane is gone only when the service ends.
        let _ = told.send(word);
    });
    let (store, left) = store.map_err(|error| NotStarted(error.to_string()))?;
    if left.calls + left.dialogs.len() > 0 {
        let (calls, dialogs) = (left.calls, left.dialogs.len());
        tracing::warn!(calls, dialogs, "a killed process left calls: they get their records, and their dialogs a BYE");
    }
    Ok((store, posted, stored, left.dialogs))
}

/// Starts what goes out by HTTP, if there is anywhere to go.
fn outbound(
    config: &Config,
    store: &Store,
    places: &Places,
    posted: Arc<Notify>,
) -> Result<(Option<Outbound>, mpsc::UnboundedReceiver<LookedUp>), NotStarted> {
    let (told, looked_up) = mpsc::unbounded_channel();
    if config.endpoints.is_empty() {
        return Ok((None, looked_up));
    }
    let due = Due::open(&places.database).map_err(|error| not_started("the outbox", error, "see the store"))?;
    let secrets = secrets::all(config)?;
    let hooks = config.destinations.iter().filter_map(|destination| {
        let webhook = destination.webhook.as_ref()?;
        let secret = secrets.get(&webhook.secret)?.clone();
        let hook = Hook { endpoint: webhook.endpoint.clone(), path: webhook.path.clone(), secret };
        Some((destination.name.text.clone(), hook))
    });
    let courier = Courier { hooks: hooks.collect(), due, desk: store.desk(), posted };
    Ok((Some(Outbound::start(config, secrets, courier, told)?), looked_up))
}

/// Sees that media ports are to be had, and starts the workers.
fn media(
    config: &Config,
    workers: Option<usize>,
    (records, sounds): (bool, bool),
    clock: Clock,
    random: &mut Random,
) -> Result<(MediaPlane, Vec<Outlet>, mpsc::Receiver<WorkerEvent>), NotStarted> {
    let (tell, events) = mpsc::channel(MEDIA_EVENTS);
    let rtp = config.listen.rtp;
    let workers = workers.unwrap_or_else(default_workers);
    let setup = MediaSetup {
        address: rtp.address,
        ports: rtp.first..=rtp.last,
        advertise: config.advertise,
        workers,
        recordings: if records { config.record.at_once } else { 0 } + if sounds { SOUNDS } else { 0 },
        cores: config.realtime.then(|| own_cores(workers)).transpose()?,
    };
    ports::probe(setup.address, setup.ports.clone(), random).map_err(|error| {
        let remedy = "an address of this machine, and a range of some thousand ports";
        not_started(format!("media on {}", setup.address), error, remedy)
    })?;
    let (media, rings) = MediaPlane::start(setup, clock, tell, Random::from_seed(random.u64())).map_err(|error| {
        match config.realtime {
            true => not_started(
                "media: { realtime: true }",
                error,
                "CAP_SYS_NICE or LimitRTPRIO=1 in the unit (askonce doctor tries it), or leave it out",
            ),
            false => not_started("the media workers", error, "fewer --workers"),
        }
    })?;
    Ok((media, rings, events))
}

/// Whether any call may be recorded.
fn records(config: &Config, services: &BTreeMap<String, Service>) -> bool {
    let flow = |service: &Service| service.program.flow.records() || service.program.flow.announces();
    config.may_record() || services.values().any(flow)
}

/// A core for each worker, the last ones. One must be left: a thread with SCHED_FIFO keeps all others off its core while
/// it has work, those that it needs among them.
fn own_cores(workers: usize) -> Result<Vec<usize>, NotStarted> {
    let asked = "media: { realtime: true }";
    let mut cores = crate::os::sys::allowed_cores().map_err(|error| not_started(asked, error, "leave it out"))?;
    match cores.len().checked_sub(workers) {
        Some(others @ 1..) => Ok(cores.split_off(others)),
        _ => {
            let why = format!("{workers} media workers would take all {} cores", cores.len());
            Err(not_started(asked, why, "fewer --workers than cores, or leave it out"))
        }
    }
}

/// As many descriptors as the system allows; says so where that is too few for as many calls as there may be.
fn raise_descriptors(config: &Config) {
    let calls = config.limits.calls;
    let wanted = ports::DESCRIPTORS * calls + other_descriptors(Some(config));
    match crate::os::sys::raise_descriptors() {
        Ok(descriptors) if descriptors < wanted as u64 => tracing::warn!(
            descriptors,
            wanted,
            "too few file descriptors for {calls} calls and all connections: raise LimitNOFILE (systemd) or ulimit -n"
        ),
        Ok(descriptors) => tracing::info!(descriptors, "file descriptors"),
        Err(error) => tracing::warn!(%error, "the limit of file descriptors is as it was"),
    }
}

/// Of the connections of SIP and to endpoints, and what the program needs for itself.
fn other_descriptors(config: Option<&Config>) -> usize {
    let streams = streams::Bounds::default();
    streams.accepted + streams.opened + config.map_or(0, outbound::descriptors) + OWN_DESCRIPTORS
}

fn tls_files(config: &Config) -> Option<streams::tls::Files> {
    let path = |path: &String| PathBuf::from(path);
    let files = |tls: &config::Tls| streams::tls::Files {
        cert: path(&tls.cert),
        key: path(&tls.key),
        ca: tls.ca.as_ref().map(path),
    };
    config.tls.as_ref().map(files)
}

/// One core stays for the control plane.
fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1)).max(1)
}

fn drawn<const N: usize>() -> Result<[u8; N], NotStarted> {
    let mut bytes = [0; N];
    let no_randomness = |error| not_started("the system's randomness", error, "this system cannot serve");
    getrandom::fill(&mut bytes).map_err(no_randomness)?;
    Ok(bytes)
}
