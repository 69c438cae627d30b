//! The engine owns every call and the SIP endpoint under them. `handle(now, Input)`, then `poll()` until it
//! is empty, then wait for an input or `next_deadline()`. It reads no clock and opens no socket: the live
//! server and the virtual world drive the same one.

mod act;
mod arrive;
mod dialogs;
mod door;
pub mod gate;
mod half_open;
mod identity;
mod journal;
mod lines;
mod media;
mod orphans;
mod pins;
mod recall;
mod record;
mod rehearsal;
mod reload;
mod slot;
mod take;
mod tally;
mod trace;
mod trunks;

use crate::acd::Lines;
use crate::audio::Arena;
use crate::call::Program;
use crate::call::cdr::Cdr;
use crate::config::Config;
use crate::context::{Destination, Earlier, Ended, LookupRequest, Outcome};
use crate::keying::Keyring;
use crate::random::Random;
use crate::record::seam::{In, Leg, LineTold};
use crate::record::trace::Told;
use crate::secret::Secret;
use crate::sip::auth::Credentials;
use crate::sip::endpoint::{self, DialogId, Endpoint};
use crate::sip::{Hop, Locals, Uri};
use crate::time::{Deadlines, Duration, Instant};
pub use arrive::{arrival, given};
pub use dialogs::referred_to;
use gate::Gate;
use half_open::HalfOpen;
pub use identity::called;
use jiff::Timestamp;
pub use journal::Finished;
use journal::Journal;
pub use orphans::DialogRow;
use orphans::Orphans;
use pins::Pins;
pub use recall::{Recall, Recalled};
pub use record::{Onto, RecordOrder};
pub use reload::NewPlace;
use slot::{Phase, Slot, Stream};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
pub use take::{Announcement, Spoken, TakeWanted};
pub use tally::{BOUNDS, Histogram, Series, Tally};
use trace::Tracer;
pub use trunks::TrunkState;
use trunks::Trunks;

/// The number of a call within this engine; never used twice.
pub type CallNumber = u32;

/// A deadline that lies further off is looked at again after this time, so that what a call no longer
/// wants does not stay in the queue for hours.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// How long a call that is over waits for the statistics of its streams before its record goes out.
const STATISTICS_PATIENCE: Duration = Duration::from_secs(1);

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
    /// How the switches stand.
    pub switches: BTreeMap<String, bool>,
    /// Where our SIP is reached: Contact and Via.
    pub locals: Locals,
    /// What trunks' challenges are answered with, by the trunk's name.
    pub credentials: BTreeMap<String, Credentials>,
    /// What callers' entries are held against, by the secret's name.
    pub pins: BTreeMap<String, Secret>,
    pub seed: u64,
    /// Where the keys of SRTP come from: not from the seed, which recordings tell of.
    pub keyring: Keyring,
    /// Whether calls are recorded (`Output::Recording`).
    pub record: bool,
    /// Whether calls are traced as they go (`Output::Trace`).
    pub trace: bool,
}

/// The media sockets that the shell bound for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPorts {
    pub caller: SocketAddr,
    pub agent: SocketAddr,
}

/// Who wants to know where a URI leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A call, with the number of its question.
    Call(CallNumber, u32),
    /// A trunk, for its registration and its pings.
    Trunk(usize),
}

/// What the engine learns.
pub enum Input<'a> {
    /// A datagram, or a message off a stream.
    Message {
        from: Hop,
        bytes: &'a [u8],
    },
    /// A message of ours that no connection took.
    Undelivered {
        bytes: &'a [u8],
    },
    /// The answer to `Output::Reserve`: sockets, the wall clock, and the call's public name; or no sockets.
    Reserved {
        call: CallNumber,
        reserved: Option<Reserved>,
    },
    /// The hops to try, in this order.
    Resolved {
        asker: Asker,
        hops: Vec<Hop>,
    },
    Minted {
        call: CallNumber,
        reference: Secret,
    },
    /// The answer to `Output::Recall`: what was found, which may be nothing.
    Recalled {
        call: CallNumber,
        recalled: Recalled,
    },
    Stored {
        call: CallNumber,
        store: u32,
        kept: bool,
    },
    /// How a lookup of a call ended, and what it found.
    LookedUp {
        call: CallNumber,
        lookup: u32,
        outcome: Outcome,
        values: Vec<(String, Secret)>,
    },
    /// A word of the line that a rehearsed call waits in.
    Line {
        call: CallNumber,
        told: LineTold,
    },
    /// A switch is set from now on, for calls that stand as well.
    Switch {
        name: String,
        on: bool,
    },
    Media(crate::media::Event),
    /// What became of a recording: the word on each that was started.
    Recorded {
        call: CallNumber,
        recording: u32,
        ended: Ended,
    },
    /// What became of a take.
    Taken {
        call: CallNumber,
        recording: u32,
        outcome: Outcome,
        /// Of `Ok`.
        spoken: Option<Spoken>,
    },
    /// Whether an announcement is made.
    Announced {
        call: CallNumber,
        announce: u32,
        done: bool,
    },
    /// A dialog of a process that was killed.
    Orphan(Box<DialogRow>),
    /// Whether the threads have no time for another call, as the shell measures it.
    Full(bool),
    /// Calls that begin from now on are answered by this place.
    Reload(Box<NewPlace>),
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
    /// Whether the destination is told of it by a webhook.
    pub webhook: bool,
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
    /// Look up what is known of a call before it begins; answered with `Input::Recalled`, for which the call does not
    /// wait long.
    Recall(Recall),
    /// Keep what a call leaves to the next one of its caller, or nothing.
    Leave {
        caller: Secret,
        facts: Vec<Earlier>,
    },
    /// Find out where a URI leads (RFC 3263); answered with `Input::Resolved`.
    Resolve {
        asker: Asker,
        uri: Uri,
    },
    /// Mint a reference; answered with `Input::Minted`.
    Mint {
        call: CallNumber,
    },
    /// Ask a system of the business; answered with `Input::LookedUp`.
    Lookup {
        call: CallNumber,
        lookup: u32,
        request: Box<LookupRequest>,
    },
    /// Make a context durable; answered with `Input::Stored`.
    Store(Box<ContextRow>),
    Media(crate::media::Command),
    /// Is answered with `Input::Recorded`, once for each recording; of a take that ended well with `Input::Taken`.
    Record(RecordOrder),
    /// Is answered with `Input::Announced`.
    Announce(Box<Announcement>),
    Recording(Box<Finished>),
    Trace(Told),
    /// A dialog stands, or its way has changed: to be kept until the call's record comes.
    Dialog(Box<DialogRow>),
    /// Nothing is owed any more to a dialog of a process that was killed.
    OrphanGone {
        call: String,
        leg: Leg,
    },
    /// The record of a call that stands, as it is if nothing is heard of it any more. Replaces the one before.
    Live(Box<Cdr>),
    /// The record of a call that has ended.
    Cdr {
        cdr: Box<Cdr>,
        /// Its context, if the store was given one before.
        context: Option<serde_json::Value>,
    },
    /// The call is over: its sockets and references may go.
    Release {
        call: CallNumber,
        name: String,
        /// Somebody may have been told of the port of the agent's leg.
        agent_told: bool,
    },
}

/// What was counted since the start; each refusal has a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    pub calls: u64,
    pub ended: u64,
    pub unknown_number: u64,
    /// New calls and OPTIONS turned away with 503: no calls from now on, as many as there may be, no time for another,
    /// more a second than their source may open, too many whose caller has not shown itself.
    pub turned_away_draining: u64,
    pub turned_away_full: u64,
    pub turned_away_busy: u64,
    pub turned_away_rate: u64,
    pub turned_away_half_open: u64,
    pub no_ports: u64,
    pub no_common_codec: u64,
    /// Calls refused with 488 for SRTP: it is required and was not offered, or the other way round.
    pub srtp_refused: u64,
    /// User-to-User that gave facts, by its form: discriminator octet, none, `pd`, text. And those that gave none.
    pub uui_isdn: u64,
    pub uui_raw: u64,
    pub uui_pd: u64,
    pub uui_text: u64,
    pub uui_ignored: u64,
    /// Calls that came back with our reference and went on with their case.
    pub cases_resumed: u64,
    /// Calls that began without what the shell had not found in time.
    pub recalls_late: u64,
    pub info_ignored: u64,
    /// Callers who found a line of ours full.
    pub lines_full: u64,
    pub contexts_not_durable: u64,
    pub facts_not_carried: u64,
    /// Destinations that turned out to take no JSON beside the session description.
    pub bodies_refused: u64,
    pub journal_lines_dropped: u64,
    /// Commands that the SIP endpoint refused.
    pub sip_refused: u64,
    pub media_refused: u64,
    /// Recordings of sound that did not begin, or broke off.
    pub recordings_failed: u64,
    /// Recordings for a fact that could not be made.
    pub takes_failed: u64,
    /// What flows announced, and could not.
    pub announced: u64,
    pub announcements_failed: u64,
    /// Entries that were not the secret of the configuration, or one too many of them.
    pub pins_refused: u64,
    /// Legs of which nothing had come for a minute, and which were asked whether they are still there.
    pub silent: u64,
    pub panics: u64,
}

pub struct Engine {
    config: Arc<Config>,
    services: BTreeMap<String, Service>,
    destinations: Arc<BTreeMap<String, Destination>>,
    locals: Locals,
    endpoint: Endpoint,
    trunks: Trunks,
    gate: Gate,
    half_open: HalfOpen,
    random: Random,
    keyring: Keyring,
    slots: HashMap<CallNumber, Slot>,
    dialogs: HashMap<DialogId, (CallNumber, Leg)>,
    switches: BTreeMap<String, bool>,
    pins: Pins,
    lines: Lines,
    next: CallNumber,
    next_recording: u32,
    deadlines: Deadlines<CallNumber>,
    out: VecDeque<Output>,
    counters: Counters,
    orphans: Orphans,
    tally: Tally,
    draining: bool,
    /// The seed of the recorded call that comes in again.
    rehearsed: Option<u64>,
    /// The threads have no time for another call.
    full: bool,
    record: bool,
    /// While calls are traced or recorded.
    tracer: Option<Tracer>,
    /// When the log last told of what is turned away.
    turned_away_told: Option<Instant>,
}

impl Engine {
    pub fn new(setup: Setup) -> Self {
        let mut random = Random::from_seed(setup.seed);
        let sip = dialogs::sip_config(setup.locals.clone(), setup.config.limits.calls);
        let endpoint = Endpoint::new(sip, Random::from_seed(random.u64()));
        let mut endpoint = endpoint.expect("our own name has no control bytes");
        let mut trunks = Trunks::default();
        let around = (&setup.locals, &mut endpoint, &mut random);
        trunks.renew(Instant::ZERO, &setup.config, &setup.credentials, around);
        Self {
            trunks,
            destinations: Arc::new(destinations(&setup.config)),
            services: setup.services,
            locals: setup.locals,
            endpoint,
            gate: Gate::new(setup.config.limits.per_source, &mut random),
            half_open: HalfOpen::new(setup.config.limits.calls, setup.config.limits.per_source),
            config: setup.config,
            random,
            keyring: setup.keyring,
            slots: HashMap::new(),
            dialogs: HashMap::new(),
            switches: setup.switches,
            pins: Pins::new(setup.pins),
            lines: Lines::default(),
            next: 0,
            next_recording: 0,
            deadlines: Deadlines::default(),
            out: VecDeque::new(),
            counters: Counters::default(),
            orphans: Orphans::default(),
            tally: Tally::default(),
            draining: false,
            rehearsed: None,
            full: false,
            record: setup.record,
            tracer: Tracer::new(setup.record, setup.trace),
            turned_away_told: None,
        }
    }

    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Message { from, bytes } => self.message(now, from, bytes),
            Input::Reserved { call, reserved } => self.reserved(now, call, reserved),
            Input::Resolved { asker: Asker::Call(call, resolve), hops } => {
                self.deliver(now, call, In::Resolved { resolve, hops });
            }
            Input::Resolved { asker: Asker::Trunk(trunk), hops } => self.trunk_resolved(now, trunk, &hops),
            Input::Undelivered { bytes } => self.endpoint.on_undelivered(now, bytes),
            Input::Recalled { call, recalled } => self.recalled(call, Some(recalled)),
            Input::Minted { call, reference } => self.deliver(now, call, In::Ref { reference }),
            Input::Stored { call, store, kept } => self.deliver(now, call, In::Store { store, kept }),
            Input::LookedUp { call, lookup, outcome, values } => {
                self.count_lookup(now, call, lookup, outcome);
                self.deliver(now, call, In::LookedUp { lookup, outcome, values });
            }
            Input::Line { call, told } => self.deliver(now, call, In::Line(told)),
            Input::Switch { name, on } => self.switch(now, &name, on),
            Input::Media(event) => self.media_event(now, event),
            Input::Recorded { call, recording, ended } => self.recorded(now, call, recording, ended),
            Input::Taken { call, recording, outcome, spoken } => self.taken(now, call, recording, outcome, spoken),
            Input::Announced { call, announce, done } => self.announced(now, call, announce, done),
            Input::Orphan(row) => self.orphaned(now, *row),
            Input::Full(full) => self.full = full,
            Input::Reload(place) => self.reload(now, *place),
            Input::Deadline => self.fall_due(now),
            Input::Drain => {
                self.draining = true;
                self.leave_trunks(now);
            }
            Input::Stop => self.end_all(now),
        }
        self.tell_lines(now);
        self.drain_endpoint(now);
        self.trace_settled();
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        let (calls, trunks) = (self.deadlines.next(), self.trunks.next_deadline());
        let orphans = self.orphans.next_deadline();
        [self.endpoint.next_deadline(), calls, trunks, orphans, self.trace_deadline()].into_iter().flatten().min()
    }

    /// Whether nothing is under way any more: no call, no BYE that waits for its answer, no recording for its end, and no
    /// registrar that counts on us.
    pub fn idle(&self) -> bool {
        let settled = self.endpoint.waiting() == 0 && self.trace_deadline().is_none();
        self.slots.is_empty() && settled && self.orphans.is_empty() && !self.leaving_trunks()
    }

    /// Calls that are not over.
    pub fn calls(&self) -> usize {
        self.slots.len()
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The lines that we hold: name, callers who wait, callers with people.
    pub fn lines(&self) -> impl Iterator<Item = (&str, usize, usize)> {
        self.lines.lengths()
    }

    pub fn sip_counters(&self) -> &endpoint::Counters {
        self.endpoint.counters()
    }

    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// How many dialogs and transactions of SIP live.
    pub fn sip_load(&self) -> (usize, usize) {
        self.endpoint.load()
    }

    /// Calls whose caller has not shown that it hears us.
    pub fn half_open(&self) -> usize {
        self.half_open.len()
    }

    fn fall_due(&mut self, now: Instant) {
        self.endpoint.on_deadline(now);
        self.tend_trunks(now);
        self.bye_orphans(now);
        self.trace_due(now);
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
                Phase::Arriving { recall: Some(until), .. } if until <= now => self.recalled(call, None),
                Phase::Arriving { .. } | Phase::Closing { .. } => {}
            }
        }
    }

    fn switch(&mut self, now: Instant, name: &str, on: bool) {
        self.switches.insert(name.to_owned(), on);
        let mut calls: Vec<CallNumber> = self.slots.keys().copied().collect();
        calls.sort_unstable();
        for call in calls {
            self.deliver(now, call, In::Switch { name: name.to_owned(), on });
        }
    }

    /// Sets the call's next deadline, unless an earlier look at it is set already.
    fn arm(&mut self, now: Instant, number: CallNumber) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        let wanted = match &slot.phase {
            Phase::Live { call } => call.next_deadline(),
            Phase::Closing { until, .. } => Some(*until),
            Phase::Arriving { recall, .. } => *recall,
        };
        let Some(wanted) = wanted.map(|at| at.min(now + LOOK_AGAIN)) else { return };
        if slot.armed.is_none_or(|armed| wanted < armed) {
            slot.armed = Some(wanted);
            self.deadlines.set(wanted, number);
        }
    }
}

fn destinations(config: &Config) -> BTreeMap<String, Destination> {
    config.destinations.iter().map(|configured| (configured.name.text.clone(), config.for_calls(configured))).collect()
}
