//! The world: an engine with its streams in the middle, a set of calling phones on one side, a set of
//! answering phones on the other.

use crate::network::{Datagram, Network, Weather};
use crate::recorded::Recorder;
use askonce::call::cdr::Cdr;
use askonce::config::{Config, Quick, RtpPorts};
use askonce::context::{Earlier, LookupRequest, Outcome};
use askonce::engine::{Announcement, Engine, Finished, Input, MediaPorts, Output, Recall, Recalled, Reserved, Setup};
use askonce::keying::Keyring;
use askonce::media::{self, Sink, StreamId, Streams, Tapped};
use askonce::peer::ear::Ear;
use askonce::peer::{self, Answering, Happened, Phones, TalkId};
use askonce::random::Random;
use askonce::record::Fixture;
use askonce::record::trace::Told;
use askonce::replay::world::wire::Came;
use askonce::rerun::judge::judge;
use askonce::secret::Secret;
use askonce::server::files::{self, Disk};
use askonce::server::memory;
use askonce::sip::{Hop, Locals, Message, Request, Uri, wire};
use askonce::time::{Deadlines, Duration, Instant};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
const CALLERS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
pub const AGENTS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
const SIP: u16 = 5060;
/// Media addresses begin here; a call takes two, and each leaves the one beside it to reports.
const MEDIA: u32 = 10_000;
/// How long the store takes.
const STORE: Duration = Duration::from_micros(700);

/// What a world is made from.
pub struct Plan {
    pub seed: u64,
    pub weather: Weather,
    pub answering: Answering,
    pub flow: PathBuf,
    /// False: the store never answers.
    pub store: bool,
    /// Media ports that there are.
    pub ports: u32,
    /// Changes what the engine is made from.
    pub tamper: fn(&mut Setup),
}

pub struct World {
    pub now: Instant,
    pub engine: Engine,
    streams: Streams,
    ticks: Deadlines<StreamId>,
    pub callers: Phones,
    pub agents: Phones,
    network: Network,
    random: Random,
    store: bool,
    /// The calling phones' descriptions know no telephone-event.
    pub no_events: bool,
    /// Media ports that are free.
    ports: u32,
    stored: Deadlines<(u32, u32)>,
    /// What the business answers, by the path asked for: when, how, and what. What is not here fails at once.
    pub answers: BTreeMap<String, Answer>,
    looked_up: Deadlines<(u32, u32, String)>,
    /// What it was asked.
    pub asked: Vec<LookupRequest>,
    media: HashMap<SocketAddr, Far>,
    /// Our own media address of a stream.
    local: HashMap<StreamId, SocketAddr>,
    digest: Sha256,
    /// Of the datagrams alone.
    sent: Sha256,
    /// The last datagram to a stream that has a phone's source latched, by our address: from where, and its bytes.
    heard: BTreeMap<SocketAddr, (SocketAddr, Vec<u8>)>,
    pub cdrs: Vec<Cdr>,
    pub recordings: Vec<Fixture>,
    pub recorder: Recorder,
    /// What flows announced.
    pub announced: Vec<Announcement>,
    pub told: Vec<Told>,
    pub invites: Vec<Request>,
    /// The INVITEs as they came to the agents' side, whole.
    pub rang: Vec<Request>,
    /// Which INVITEs the agents' side refuses before any phone has them, and how.
    pub refuse: fn(&Request) -> Option<u16>,
    /// What other channels posted, and what calls that were cut off left behind, by the caller's number.
    pub posted: BTreeMap<String, Vec<Earlier>>,
    pub left: BTreeMap<String, Vec<Earlier>>,
    /// What was stored, by its reference: case and context.
    pub kept: BTreeMap<String, (String, serde_json::Value)>,
    /// What DNS says.
    pub names: BTreeMap<String, Vec<Hop>>,
    /// What comes to us off the network is kept here, if anything is.
    pub captured: Option<Vec<Came>>,
    /// The last packet to each calling phone.
    pub last_sound: BTreeMap<TalkId, Vec<u8>>,
    /// The last SIP message to a calling phone.
    pub last_to_caller: Vec<u8>,
    pub contexts: Vec<serde_json::Value>,
    /// What happened to each calling phone.
    pub happened: BTreeMap<TalkId, Vec<Happened>>,
    pub agents_happened: Vec<(TalkId, Happened)>,
}

/// What the business answers: when, how, and what.
pub type Answer = (Duration, Outcome, Vec<(String, Secret)>);

/// Whose media address it is.
#[derive(Clone, Copy)]
enum Far {
    Stream(StreamId),
    Caller(TalkId),
    Agent(TalkId),
}

/// What the streams did in one step.
#[derive(Default)]
struct Done {
    packets: Vec<(StreamId, SocketAddr, Vec<u8>)>,
    reports: Vec<(StreamId, SocketAddr, Vec<u8>)>,
    events: Vec<media::Event>,
    latched: Option<StreamId>,
    tapped: Vec<crate::recorded::Copied>,
}

impl Sink for Done {
    fn send(&mut self, id: StreamId, to: SocketAddr, packet: &[u8]) {
        self.packets.push((id, to, packet.to_vec()));
    }

    fn report(&mut self, id: StreamId, to: SocketAddr, packet: &[u8]) {
        self.reports.push((id, to, packet.to_vec()));
    }

    fn event(&mut self, event: media::Event) {
        self.events.push(event);
    }

    fn connect(&mut self, id: StreamId, _: SocketAddr) {
        self.latched = Some(id);
    }

    fn tap(&mut self, tapped: Tapped<'_>) {
        self.tapped.push(tapped.into());
    }

    fn disconnect(&mut self, _: StreamId) {}
}

impl World {
    pub fn new(plan: Plan) -> Self {
        let (service, findings) = files::load(&Disk, &plan.flow);
        let service = service.unwrap_or_else(|| panic!("{}", findings.render()));
        let name = service.program.flow.name.text.clone();
        let quick = Quick {
            flow: "account-desk.yaml",
            destinations: &[format!("support=sip:agent@{AGENTS}:{SIP}")],
            endpoints: &[],
            sip: SocketAddr::new(SERVER, SIP),
            rtp: RtpPorts { address: SERVER, first: 20_000, last: 29_999 },
            http: SocketAddr::from(([127, 0, 0, 1], 8080)),
            store: "unused.db",
        };
        let mut config = Config::quick(&quick).expect("a sound configuration");
        config.limits.per_source = Some(50);
        let ear = Arc::new(Ear::new(&service.arena));
        let mut random = Random::from_seed(plan.seed);
        let mut setup = Setup {
            config: Arc::new(config),
            services: BTreeMap::from([(name, service)]),
            locals: Locals::new([Hop::udp(SocketAddr::new(SERVER, SIP))]),
            credentials: BTreeMap::new(),
            pins: BTreeMap::new(),
            switches: BTreeMap::new(),
            seed: random.u64(),
            keyring: Keyring::new([9; 32]),
            record: true,
            trace: true,
        };
        (plan.tamper)(&mut setup);
        let phones = |address, voice, answering, seed| {
            Phones::new(SocketAddr::new(address, SIP), voice, answering, Some(ear.clone()), seed)
        };
        Self {
            now: Instant::from_micros(1_000_000),
            engine: Engine::new(setup),
            streams: Streams::default(),
            ticks: Deadlines::default(),
            callers: phones(CALLERS, 0x31, Answering::Refuse(486), random.u64()),
            agents: phones(AGENTS, 0x42, plan.answering, random.u64()),
            network: Network::new(plan.weather, random.u64()),
            random,
            store: plan.store,
            no_events: false,
            ports: plan.ports,
            stored: Deadlines::default(),
            answers: BTreeMap::new(),
            looked_up: Deadlines::default(),
            asked: Vec::new(),
            media: HashMap::new(),
            local: HashMap::new(),
            digest: Sha256::new(),
            sent: Sha256::new(),
            heard: BTreeMap::new(),
            cdrs: Vec::new(),
            recordings: Vec::new(),
            recorder: Recorder::default(),
            announced: Vec::new(),
            told: Vec::new(),
            invites: Vec::new(),
            rang: Vec::new(),
            refuse: |_| None,
            posted: BTreeMap::new(),
            left: BTreeMap::new(),
            kept: BTreeMap::new(),
            names: BTreeMap::new(),
            captured: None,
            last_sound: BTreeMap::new(),
            last_to_caller: Vec::new(),
            contexts: Vec::new(),
            happened: BTreeMap::new(),
            agents_happened: Vec::new(),
        }
    }

    /// Places a call with that script.
    pub fn call(&mut self, from: &str, headers: Vec<(String, String)>, script: Vec<peer::Act>) -> TalkId {
        self.call_number("+18005550100", from, headers, script)
    }

    pub fn call_number(
        &mut self,
        number: &str,
        from: &str,
        headers: Vec<(String, String)>,
        script: Vec<peer::Act>,
    ) -> TalkId {
        let to = SocketAddr::new(SERVER, SIP);
        let uri = |user: &str, host| Uri::of(user, SocketAddr::new(host, SIP)).expect("a URI");
        let talk = self.callers.call(to, uri(number, SERVER), uri(from, CALLERS), headers, script.into());
        self.settle();
        talk
    }

    /// A datagram to a port of the server from a calling phone's address that no phone sent.
    pub fn inject(&mut self, from: u16, to: u16, bytes: &[u8]) {
        self.send(SocketAddr::new(CALLERS, from), SocketAddr::new(SERVER, to), bytes);
    }

    pub fn weather(&mut self, weather: Weather) {
        self.network.turn(weather);
    }

    /// Tells the engine something, and does what follows.
    pub fn tell(&mut self, input: Input<'_>) {
        self.engine.handle(self.now, input);
        self.settle();
    }

    /// Runs until nothing is left to happen, or until `end`.
    pub fn run(&mut self, end: Duration) {
        let end = self.now + end;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    /// A digest of every datagram and record of this world, in order.
    pub fn digest(self) -> String {
        hex(self.digest)
    }

    /// A digest of every datagram that anyone sent, in order and with its time.
    pub fn packets(&self) -> String {
        hex(self.sent.clone())
    }

    /// Our address of a stream, and what came to it last.
    pub fn heard(&self) -> Vec<(SocketAddr, (SocketAddr, Vec<u8>))> {
        self.heard.iter().map(|(at, last)| (*at, last.clone())).collect()
    }

    /// A datagram of a stranger, who may have forged where it comes from; it takes no time.
    pub fn strike(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.deliver(Datagram { from, to, bytes });
    }

    fn next(&self) -> Option<Instant> {
        let deadlines = [
            self.engine.next_deadline(),
            self.callers.next_deadline(),
            self.agents.next_deadline(),
            self.network.next(),
            self.ticks.next(),
            self.stored.next(),
            self.looked_up.next(),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(datagram) = self.network.arrived(now) {
            if let Some(heard) = self.heard.get_mut(&datagram.to) {
                *heard = (datagram.from, datagram.bytes.clone());
            }
            self.deliver(datagram);
        }
        if self.engine.next_deadline().is_some_and(|at| at <= now) {
            self.engine.handle(now, Input::Deadline);
        }
        while let Some((_, (call, store))) = self.stored.due(now) {
            self.engine.handle(now, Input::Stored { call, store, kept: true });
        }
        while let Some((_, (call, lookup, path))) = self.looked_up.due(now) {
            let (_, outcome, values) = self.answers[&path].clone();
            self.engine.handle(now, Input::LookedUp { call, lookup, outcome, values });
        }
        while let Some((_, id)) = self.ticks.due(now) {
            let mut done = Done::default();
            if let Some(next) = self.streams.tick(now, id, &mut done) {
                self.ticks.set(next, id);
            }
            self.media_done(done);
        }
        self.callers.on_deadline(now);
        self.agents.on_deadline(now);
        self.settle();
    }

    fn deliver(&mut self, datagram: Datagram) {
        let now = self.now;
        let Datagram { from, to, mut bytes } = datagram;
        if self.no_events && to.port() == SIP && from.ip() == CALLERS {
            // As long as it was, so that Content-Length stays true.
            bytes = String::from_utf8_lossy(&bytes).replace("telephone-event", "telephone-chime").into_bytes();
        }
        if let Some(captured) = self.captured.as_mut().filter(|_| to.ip() == SERVER) {
            captured.push(Came { t: now.as_micros(), from: Hop::udp(from), to, bytes: bytes.clone() });
        }
        match (to.port(), to.ip(), self.media.get(&to)) {
            (SIP, SERVER, _) => self.engine.handle(now, Input::Message { from: Hop::udp(from), bytes: &bytes }),
            (SIP, CALLERS, _) => {
                self.callers.on_sip(now, Hop::udp(from), &bytes);
                self.last_to_caller = bytes;
            }
            (SIP, AGENTS, _) => self.ring(from, to, &bytes),
            (_, _, Some(Far::Stream(id))) => {
                let mut done = Done::default();
                let whole = bytes.clone();
                self.streams.on_packet(now, *id, from, &mut bytes, &mut done);
                if done.latched.is_some() {
                    self.heard.insert(to, (from, whole));
                }
                self.media_done(done);
            }
            (_, _, Some(Far::Caller(talk))) => {
                self.callers.on_rtp(now, *talk, &bytes);
                self.last_sound.insert(*talk, bytes);
            }
            (_, _, Some(Far::Agent(talk))) => self.agents.on_rtp(now, *talk, &bytes),
            (_, _, None) => {}
        }
        self.settle();
    }

    fn ring(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let Ok(Message::Request(request)) = wire::read(bytes) else {
            return self.agents.on_sip(self.now, Hop::udp(from), bytes);
        };
        let invite = request.method.as_str() == "INVITE";
        match (self.refuse)(&request).filter(|_| invite) {
            Some(status) => {
                let kept =
                    request.headers.iter().filter(|(name, _)| ["Via", "From", "To", "Call-ID", "CSeq"].contains(name));
                let lines: String = kept.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                let refusal = format!("SIP/2.0 {status} No\r\n{lines}Content-Length: 0\r\n\r\n");
                self.send(to, from, refusal.as_bytes());
            }
            None => self.agents.on_sip(self.now, Hop::udp(from), bytes),
        }
        if invite {
            self.rang.push(request);
        }
    }

    fn media_done(&mut self, done: Done) {
        for (id, to, packet) in done.packets {
            let from = self.local[&id];
            self.send(from, to, &packet);
        }
        done.tapped.iter().for_each(|copied| self.recorder.take(self.now, copied));
        for (id, to, report) in done.reports {
            let from = self.local[&id];
            self.send(SocketAddr::new(from.ip(), from.port() + 1), to, &report);
        }
        for event in done.events {
            self.engine.handle(self.now, Input::Media(event));
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        for digest in [&mut self.digest, &mut self.sent] {
            digest.update(self.now.as_micros().to_be_bytes());
            digest.update(bytes);
        }
        self.network.send(self.now, from, to, bytes);
    }

    /// Does what everyone wants done, until nobody wants anything.
    fn settle(&mut self) {
        loop {
            let mut idle = true;
            while let Some(output) = self.engine.poll() {
                idle = false;
                self.engine_wants(output);
            }
            while let Some(output) = self.callers.poll() {
                idle = false;
                self.phones_want(output, CALLERS, Far::Caller);
            }
            while let Some(output) = self.agents.poll() {
                idle = false;
                self.phones_want(output, AGENTS, Far::Agent);
            }
            if idle {
                return;
            }
        }
    }

    fn engine_wants(&mut self, output: Output) {
        let now = self.now;
        match output {
            Output::Send { to, bytes } => self.send(SocketAddr::new(SERVER, SIP), to.address, &bytes),
            Output::Reserve { call } if self.ports < 2 => {
                self.engine.handle(now, Input::Reserved { call, reserved: None });
            }
            Output::Reserve { call } => {
                self.ports -= 2;
                let address = |leg: u32| {
                    let number = MEDIA + 4 * call + 2 * leg;
                    SocketAddr::new(SERVER, u16::try_from(number).expect("fewer calls than ports"))
                };
                let ports = MediaPorts { caller: address(0), agent: address(1) };
                for (leg, address) in [ports.caller, ports.agent].into_iter().enumerate() {
                    let id = StreamId { call, leg: u8::try_from(leg).expect("two legs") };
                    self.media.insert(address, Far::Stream(id));
                    self.local.insert(id, address);
                }
                let start: Timestamp = "2026-12-01T10:15:00Z".parse().expect("a timestamp");
                let passed = SignedDuration::from_micros(now.as_micros() as i64);
                let at = start.checked_add(passed).expect("a timestamp");
                let reserved = Some(Reserved { ports, at, name: format!("call-{call}") });
                self.engine.handle(now, Input::Reserved { call, reserved });
            }
            Output::Resolve { asker, uri } => {
                let hops = self.names.get(uri.host()).cloned().unwrap_or(Vec::new());
                self.engine.handle(now, Input::Resolved { asker, hops });
            }
            Output::Mint { call } => {
                let reference = Secret::new(self.random.token() + &self.random.token());
                self.engine.handle(now, Input::Minted { call, reference });
            }
            Output::Lookup { call, lookup, request } => {
                let path = request.path.open().to_owned();
                self.asked.push(*request);
                match self.answers.get(&path) {
                    Some((after, ..)) => self.looked_up.set(now + *after, (call, lookup, path)),
                    None => {
                        let (outcome, values) = (Outcome::Failed, Vec::new());
                        self.engine.handle(now, Input::LookedUp { call, lookup, outcome, values });
                    }
                }
            }
            Output::Recall(recall) if self.store => {
                let (call, recalled) = (recall.call, self.recalled(&recall));
                self.engine.handle(now, Input::Recalled { call, recalled });
            }
            Output::Recall(_) => {}
            Output::Leave { caller, facts } => {
                self.left.insert(caller.open().to_owned(), facts);
            }
            Output::Store(row) => {
                self.kept.insert(row.reference.open().to_owned(), (row.case, row.document.clone()));
                self.contexts.push(row.document);
                if self.store {
                    self.stored.set(now + STORE, (row.call, row.store));
                }
            }
            Output::Media(command) => {
                if let media::Command::Open(open) = &command {
                    self.ticks.set(now, open.id);
                }
                let mut done = Done::default();
                self.streams.command(command, &mut done);
                self.media_done(done);
            }
            Output::Record(order) => {
                if let Some(told) = self.recorder.order(order) {
                    self.engine.handle(now, told);
                }
            }
            Output::Announce(announcement) => {
                let (call, announce) = (announcement.call, announcement.announce);
                if let Some(switch) = announcement.switch.clone() {
                    self.engine.handle(now, Input::Switch { name: switch.name, on: switch.on });
                }
                self.announced.push(*announcement);
                self.engine.handle(now, Input::Announced { call, announce, done: true });
            }
            Output::Recording(finished) => {
                let Finished { fixture, service, .. } = *finished;
                // Whatever the scenario is of.
                assert_eq!(judge(&fixture.header, &fixture.lines, &service.program), [], "{}", fixture.header.call);
                self.recordings.push(fixture);
            }
            Output::Trace(told) => self.told.push(told),
            Output::Cdr { cdr, .. } => {
                self.digest.update(serde_json::to_vec(&cdr).expect("a record"));
                self.cdrs.push(*cdr);
            }
            Output::Release { .. } => self.ports += 2,
            Output::Live(_) | Output::Dialog(_) | Output::OrphanGone { .. } => {}
        }
    }

    fn recalled(&self, recall: &Recall) -> Recalled {
        let kept = recall.reference.as_ref().and_then(|reference| self.kept.get(reference.open()));
        let of = |all: &BTreeMap<String, Vec<Earlier>>| {
            let caller = recall.caller.as_ref().and_then(|caller| all.get(caller.open()));
            caller.map_or_else(Vec::new, Clone::clone)
        };
        Recalled {
            case: kept.map(|(case, _)| case.clone()),
            earlier: kept.map_or_else(Vec::new, |(_, context)| memory::facts(&context.to_string())),
            web: of(&self.posted),
            last_call: of(&self.left),
        }
    }

    fn phones_want(&mut self, output: peer::Output, address: IpAddr, far: fn(TalkId) -> Far) {
        let local =
            |talk: TalkId| SocketAddr::new(address, u16::try_from(MEDIA + 2 * talk).expect("fewer calls than ports"));
        let is_caller = address == CALLERS;
        match output {
            peer::Output::Sip { to, bytes } => self.send(SocketAddr::new(address, SIP), to.address, &bytes),
            peer::Output::Rtp { talk, to, bytes } => self.send(local(talk), to, &bytes),
            peer::Output::Open { talk } => {
                self.media.insert(local(talk), far(talk));
                let phones = if is_caller { &mut self.callers } else { &mut self.agents };
                phones.opened(self.now, talk, local(talk));
            }
            // In this world each call has a port of its own.
            peer::Output::Expect { .. } => {}
            peer::Output::Close { talk } => {
                self.media.remove(&local(talk));
            }
            peer::Output::Event { happened: Happened::Invited(request), .. } => self.invites.push(*request),
            peer::Output::Event { talk, happened, .. } if is_caller => {
                self.happened.entry(talk).or_default().push(happened);
            }
            peer::Output::Event { talk, happened, .. } => self.agents_happened.push((talk, happened)),
        }
    }
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|octet| format!("{octet:02x}")).collect()
}
