//! The engine owns every call and the SIP endpoint under them. `handle(now, Input)`, then `poll()` until it
//! is empty, then wait for an input or `next_deadline()`. It reads no clock and opens no socket: the live
//! server and the virtual world drive the same one.

mod act;
mod arrive;
mod journal;
mod media;

use crate::audio::Arena;
use crate::call::cdr::{Cdr, LegMedia};
use crate::call::{Call, Program};
use crate::config::{Config, Trunk};
use crate::context::Destination;
use crate::random::Random;
use crate::record::Fixture;
use crate::record::seam::{Arrival, In, KeyCarrier, Leg};
use crate::secret::Secret;
use crate::sip::endpoint::{self, DialogId, Door, Endpoint};
use crate::sip::{Hop, Locals, Request, info};
use crate::time::{Deadlines, Duration, Instant};
use jiff::Timestamp;
use journal::Journal;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// The number of a call within this engine; never used twice.
pub type CallNumber = u32;

/// A deadline that lies further off is looked at again after this time, so that what a call no longer
/// wants does not stay in the queue for hours.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// How long a call that is over waits for the statistics of its streams before its record goes out.
const STATISTICS_PATIENCE: Duration = Duration::from_secs(1);

/// How often the log tells of calls that were turned away.
const TURNED_AWAY_EVERY: Duration = Duration::from_secs(1);

/// How we name ourselves in SIP.
const USER_AGENT: &str = concat!("askonce/", env!("CARGO_PKG_VERSION"));

/// A flow that answers calls: its program and the sound of its prompts.
#[derive(Clone)]
pub struct Service {
    pub program: Program,
    pub arena: Arc<Arena>,
}

/// What an engine is made from.
pub struct Setup {
    pub config: Arc<Config>,
    /// By the flow's name.
    pub services: BTreeMap<String, Service>,
    /// Where our SIP is reached: Contact and Via.
    pub locals: Locals,
    pub seed: u64,
    /// Whether calls are recorded (`Output::Recording`).
    pub record: bool,
}

/// The media sockets that the shell bound for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPorts {
    pub caller: SocketAddr,
    pub agent: SocketAddr,
}

/// What the engine learns.
pub enum Input<'a> {
    /// A datagram, or a message off a stream.
    Message {
        from: Hop,
        bytes: &'a [u8],
    },
    /// The answer to `Output::Reserve`: sockets, the wall clock, and the call's public name; or no sockets.
    Reserved {
        call: CallNumber,
        reserved: Option<Reserved>,
    },
    Minted {
        call: CallNumber,
        reference: Secret,
    },
    Stored {
        call: CallNumber,
        store: u32,
        kept: bool,
    },
    Media(crate::media::Event),
    /// `next_deadline` has come.
    Deadline,
    /// No new calls from now on; those that stand go on.
    Drain,
    /// Every call that stands ends now.
    Stop,
}

/// What a new call gets from the shell.
pub struct Reserved {
    pub ports: MediaPorts,
    pub at: Timestamp,
    /// A name for the call that sorts by time.
    pub name: String,
}

/// The context of a call on its way to the store.
#[derive(Clone)]
pub struct ContextRow {
    pub call: CallNumber,
    pub store: u32,
    pub name: String,
    pub case: String,
    pub reference: Secret,
    pub destination: String,
    pub document: serde_json::Value,
}

/// What the engine wants done.
pub enum Output {
    Send {
        to: Hop,
        bytes: Vec<u8>,
    },
    /// Bind two media sockets; answered with `Input::Reserved`.
    Reserve {
        call: CallNumber,
    },
    /// Mint a reference; answered with `Input::Minted`.
    Mint {
        call: CallNumber,
    },
    /// Make a context durable; answered with `Input::Stored`.
    Store(Box<ContextRow>),
    Media(crate::media::Command),
    Recording(Box<Fixture>),
    Cdr(Box<Cdr>),
    /// The call is over: its sockets and references may go.
    Release {
        call: CallNumber,
        name: String,
    },
}

/// What was counted since the start; each refusal has a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    pub calls: u64,
    pub ended: u64,
    pub unknown_number: u64,
    pub no_ports: u64,
    pub no_common_codec: u64,
    pub uui_ignored: u64,
    pub info_ignored: u64,
    pub contexts_not_durable: u64,
    pub facts_not_carried: u64,
    pub journal_lines_dropped: u64,
    /// Commands that the SIP endpoint refused.
    pub sip_refused: u64,
    pub media_refused: u64,
    pub panics: u64,
}

/// A call and what the engine holds for it.
struct Slot {
    phase: Phase,
    name: String,
    from: Hop,
    trunk: Arc<Trunk>,
    service: Service,
    caller: Option<DialogId>,
    agent: Option<DialogId>,
    /// Where the agent's INVITE went.
    agent_hop: Option<Hop>,
    journal: Option<Journal>,
    /// By leg.
    streams: [Stream; 2],
    /// What the streams that closed before the call's end had counted.
    media: Vec<LegMedia>,
    /// The deadline that stands for this call in the queue.
    armed: Option<Instant>,
}

/// A leg's media stream, as far as the engine knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    None,
    Open,
    /// Asked to close; its statistics are on their way.
    Closing,
}

enum Phase {
    /// The INVITE waits for its sockets.
    Arriving {
        arrival: Box<Arrival>,
    },
    Live {
        call: Box<Call>,
    },
    /// Over; its record waits for the statistics of its streams.
    Closing {
        cdr: Box<Cdr>,
        until: Instant,
    },
}

pub struct Engine {
    config: Arc<Config>,
    services: BTreeMap<String, Service>,
    destinations: Arc<BTreeMap<String, Destination>>,
    locals: Locals,
    endpoint: Endpoint,
    random: Random,
    slots: HashMap<CallNumber, Slot>,
    dialogs: HashMap<DialogId, (CallNumber, Leg)>,
    next: CallNumber,
    deadlines: Deadlines<CallNumber>,
    out: VecDeque<Output>,
    counters: Counters,
    draining: bool,
    record: bool,
    /// Calls turned away (403, 503) when the log last told of them, and when that was.
    turned_away: (u64, u64),
    turned_away_told: Instant,
}

impl Engine {
    pub fn new(setup: Setup) -> Self {
        let mut random = Random::from_seed(setup.seed);
        let endpoint = Endpoint::new(sip_config(setup.locals.clone()), Random::from_seed(random.u64()));
        Self {
            destinations: Arc::new(destinations(&setup.config)),
            config: setup.config,
            services: setup.services,
            locals: setup.locals,
            endpoint: endpoint.expect("our own name has no control bytes"),
            random,
            slots: HashMap::new(),
            dialogs: HashMap::new(),
            next: 0,
            deadlines: Deadlines::default(),
            out: VecDeque::new(),
            counters: Counters::default(),
            draining: false,
            record: setup.record,
            turned_away: (0, 0),
            turned_away_told: Instant::ZERO,
        }
    }

    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Message { from, bytes } => {
                let door = self.door(from);
                self.endpoint.on_message(now, from, bytes, door);
                self.tell_turned_away(now, from);
            }
            Input::Reserved { call, reserved } => self.reserved(now, call, reserved),
            Input::Minted { call, reference } => self.deliver(now, call, In::Ref { reference }),
            Input::Stored { call, store, kept } => self.deliver(now, call, In::Store { store, kept }),
            Input::Media(event) => self.media_event(now, event),
            Input::Deadline => self.fall_due(now),
            Input::Drain => self.draining = true,
            Input::Stop => self.end_all(now),
        }
        self.drain_endpoint(now);
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        [self.endpoint.next_deadline(), self.deadlines.next()].into_iter().flatten().min()
    }

    /// Whether nothing is under way any more: no call, and no BYE that waits for its answer.
    pub fn idle(&self) -> bool {
        self.slots.is_empty() && self.endpoint.waiting() == 0
    }

    /// Calls that are not over.
    pub fn calls(&self) -> usize {
        self.slots.len()
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    pub fn sip_counters(&self) -> &endpoint::Counters {
        self.endpoint.counters()
    }

    /// Calls turned away at the door are told of in one line a second at most: a flood must not fill the log.
    fn tell_turned_away(&mut self, now: Instant, from: Hop) {
        let counters = self.endpoint.counters();
        let (forbidden, unavailable) = (counters.forbidden, counters.unavailable);
        if (forbidden, unavailable) != self.turned_away && now >= self.turned_away_told + TURNED_AWAY_EVERY {
            self.turned_away = (forbidden, unavailable);
            self.turned_away_told = now;
            tracing::info!(%from, forbidden, unavailable, "calls are turned away (403: no trunk has this source; 503: no room)");
        }
    }

    /// Whether a new call may come in from there.
    fn door(&self, from: Hop) -> Door {
        if self.draining || self.slots.len() >= arrive::CALLS {
            Door::Unavailable
        } else if self.config.trunk(from.address.ip()).is_none() {
            Door::Forbidden
        } else {
            Door::Open
        }
    }

    fn fall_due(&mut self, now: Instant) {
        self.endpoint.on_deadline(now);
        while let Some((at, call)) = self.deadlines.due(now) {
            let Some(slot) = self.slots.get_mut(&call) else { continue };
            if slot.armed != Some(at) {
                continue;
            }
            slot.armed = None;
            match slot.phase {
                Phase::Closing { until, .. } if until <= now => self.close(call),
                Phase::Live { .. } => {
                    self.advance(now, call);
                }
                Phase::Arriving { .. } | Phase::Closing { .. } => {}
            }
        }
    }

    /// Sets the call's next deadline, unless an earlier look at it is set already.
    fn arm(&mut self, now: Instant, number: CallNumber) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        let wanted = match &slot.phase {
            Phase::Live { call } => call.next_deadline(),
            Phase::Closing { until, .. } => Some(*until),
            Phase::Arriving { .. } => None,
        };
        let Some(wanted) = wanted.map(|at| at.min(now + LOOK_AGAIN)) else { return };
        if slot.armed.is_none_or(|armed| wanted < armed) {
            slot.armed = Some(wanted);
            self.deadlines.set(wanted, number);
        }
    }

    fn drain_endpoint(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                endpoint::Output::Send { to, bytes } => self.out.push_back(Output::Send { to, bytes }),
                endpoint::Output::Event(event) => self.sip_event(now, event),
            }
        }
    }

    fn sip_event(&mut self, now: Instant, event: endpoint::Event) {
        use endpoint::Event;
        match event {
            Event::Invite { dialog, from, request } => self.arrive(now, dialog, from, &request),
            Event::Confirmed { dialog, answer } => {
                // A late answer opens the stream that the ACK ungates.
                if let Some(body) = answer {
                    let answer = crate::sdp::read(&body).ok();
                    self.leg_input(now, dialog, |leg| In::LateAnswer { leg, answer });
                }
                self.ungate(dialog);
            }
            // We ring nobody with an offer.
            Event::Acknowledged { .. } => {}
            Event::Cancelled { dialog } | Event::Bye { dialog } => self.gone(now, dialog, None),
            Event::Lost { dialog, why } => self.gone(now, dialog, Some(format!("{why:?}"))),
            Event::Reinvite { dialog, request } => self.reinvite(now, dialog, &request),
            Event::Info { dialog, request } => self.info(now, dialog, &request),
            Event::Progress { dialog, status, .. } => self.leg_input(now, dialog, |_| In::Progress { status }),
            Event::Answered { dialog, response } => {
                let answer = crate::sdp::read(&response.body).ok();
                self.leg_input(now, dialog, |_| In::Answered { answer });
            }
            Event::Refused { dialog, status, reason } => {
                let found = self.dialogs.remove(&dialog);
                if let Some((call, _)) = found {
                    self.deliver(now, call, In::Refused { status, reason });
                }
            }
            // We send no re-INVITE of our own yet.
            Event::Reanswered { .. } | Event::ReinviteRefused { .. } => {}
        }
    }

    fn leg_input(&mut self, now: Instant, dialog: DialogId, input: impl FnOnce(Leg) -> In) {
        if let Some(&(call, leg)) = self.dialogs.get(&dialog) {
            self.deliver(now, call, input(leg));
        }
    }

    fn gone(&mut self, now: Instant, dialog: DialogId, lost: Option<String>) {
        let Some((number, leg)) = self.dialogs.remove(&dialog) else { return };
        let Some(slot) = self.slots.get_mut(&number) else { return };
        match leg {
            Leg::Caller => slot.caller = None,
            Leg::Agent => slot.agent = None,
        }
        if matches!(slot.phase, Phase::Arriving { .. }) {
            // Gone before it was a call: nobody else knows of it yet.
            self.slots.remove(&number);
            return;
        }
        if leg == Leg::Agent {
            self.close_stream(number, Leg::Agent);
        }
        let input = match lost {
            None => In::Bye { leg },
            Some(why) => In::Lost { leg, why },
        };
        self.deliver(now, number, input);
    }

    fn reinvite(&mut self, now: Instant, dialog: DialogId, request: &Request) {
        if request.body.is_empty() {
            return self.leg_input(now, dialog, |leg| In::Reoffer { leg, offer: None });
        }
        match crate::sdp::read(&request.body) {
            Ok(offer) => self.leg_input(now, dialog, |leg| In::Reoffer { leg, offer: Some(offer) }),
            Err(_) => {
                let told = self.endpoint.refuse_reinvite(now, dialog, 488);
                self.told(told);
            }
        }
    }

    fn info(&mut self, now: Instant, dialog: DialogId, request: &Request) {
        match info::key(request) {
            Some(key) => self.leg_input(now, dialog, |leg| In::Key { leg, key, by: KeyCarrier::Info }),
            None => self.counters.info_ignored += 1,
        }
    }

    /// Counts a refused command. A dialog may have ended just now: its end is among the events to come.
    fn told(&mut self, told: Result<(), endpoint::Refusal>) {
        if let Err(refusal) = told
            && refusal != endpoint::Refusal::NoDialog
        {
            self.counters.sip_refused += 1;
            tracing::warn!(?refusal, "the SIP endpoint refused a command");
        }
    }
}

fn destinations(config: &Config) -> BTreeMap<String, Destination> {
    config.destinations.iter().map(|configured| (configured.name.text.clone(), configured.for_calls())).collect()
}

/// Room for every call with its agent, and for the transactions that outlive them by 32 s.
fn sip_config(locals: Locals) -> endpoint::Config {
    endpoint::Config {
        locals,
        user_agent: USER_AGENT.to_owned(),
        max_transactions: 400_000,
        max_dialogs: 4 * arrive::CALLS,
    }
}
