//! Two sets of phones on sockets, those of the callers and the agent's, and the calls that they are in.

use super::call::{Call, Do, Judged, KEYS_EVERY, Patience, Seen};
use super::handoff::HandOff;
use super::plan::Plan;
use super::{Options, Over, Sounds};
use crate::media::Timing;
use crate::os::clock::Clock;
use crate::peer::net::Net;
use crate::peer::voice::Speech;
use crate::peer::{Act, Answering, Happened, Outgoing, Phones, TalkId};
use crate::record::Fixture;
use crate::record::seam::{KeyCarrier, Leg};
use crate::rerun::Outcome;
use crate::sip::{Request, Uri};
use crate::time::{Duration, Instant};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Fills our frames, and the agent's.
const VOICES: [u8; 2] = [0x31, 0x42];
/// After the last call: a BYE that was lost goes once more (RFC 3261 timer E, 500 ms).
const LINGER: Duration = Duration::from_millis(600);
/// A key is held for so long.
const HELD: Duration = Duration::from_millis(80);
/// An agent's phone is called for no call of ours.
const NOT_OURS: u16 = 404;
const BUSY: u16 = 486;

/// The sockets of our phones.
pub struct Line {
    clock: Clock,
    callers: Net,
    agents: Net,
}

impl Line {
    /// `from`: the address that callers have; `agent`: where the other system reaches its people.
    pub fn open(from: IpAddr, agent: SocketAddr) -> Result<Line, String> {
        let clock = Clock::start();
        let bind =
            |what: &str, address| Net::bind(address, clock).map_err(|error| format!("{what} {address}: {error}"));
        let callers = bind("our own address", SocketAddr::new(from, 0))?;
        Ok(Line { clock, callers, agents: bind("--agent", agent)? })
    }

    /// Where the agent's phone is.
    pub fn agent(&self) -> SocketAddr {
        self.agents.contact()
    }

    /// Makes the calls of recordings of one flow, and tells what came of each, by its number. The error is why nobody can
    /// be called there.
    pub fn run(
        &mut self,
        sounds: &Arc<Sounds>,
        fixtures: &[&Fixture],
        options: &Options,
        stop: &AtomicBool,
        told: &mut dyn FnMut(usize, Over),
    ) -> Result<(), String> {
        let mut exchange = Exchange::new(self, sounds, options);
        let mut waiting = Vec::new();
        for (number, fixture) in fixtures.iter().enumerate() {
            match Plan::of(fixture, sounds, options.keys) {
                Ok(plan) => waiting.push((number, plan)),
                Err(why) => told(number, broken(why)),
            }
        }
        while !(waiting.is_empty() && exchange.running.is_empty()) {
            while let Some(next) = exchange.next(&waiting) {
                let (number, plan) = waiting.remove(next);
                if let Err(why) = exchange.place(number, plan) {
                    told(number, broken(why));
                }
            }
            exchange.turn();
            for (number, over) in exchange.ended() {
                told(number, over);
            }
            if let Some(why) = exchange.dead(waiting.len()) {
                return Err(why);
            }
            if stop.load(Ordering::Relaxed) {
                exchange.close();
                return Err("stopped; the calls that stood were ended".to_owned());
            }
        }
        exchange.close();
        Ok(())
    }
}

fn broken(why: String) -> Over {
    Over { outcome: Outcome::Broken(why), unjudged: BTreeSet::new(), took: Duration::ZERO }
}

/// A call and its phones.
struct Running {
    number: usize,
    began: Instant,
    call: Call,
    /// By leg.
    talks: [Option<TalkId>; 2],
}

struct Exchange<'a> {
    line: &'a mut Line,
    sounds: &'a Arc<Sounds>,
    options: &'a Options,
    /// By leg.
    phones: [Phones; 2],
    running: Vec<Running>,
    /// Whether anybody ever answered us.
    alive: bool,
    silent: bool,
}

impl<'a> Exchange<'a> {
    fn new(line: &'a mut Line, sounds: &'a Arc<Sounds>, options: &'a Options) -> Self {
        let seed = line.clock.now().as_micros();
        let set = |net: &Net, leg: Leg, answering| {
            let mut phones = Phones::new(
                net.contact(),
                VOICES[leg as usize],
                answering,
                Some(sounds.ear.clone()),
                seed + leg as u64,
            );
            phones.speak(speech(true));
            phones
        };
        let callers = set(&line.callers, Leg::Caller, Answering::Refuse(NOT_OURS));
        let agents = set(&line.agents, Leg::Agent, Answering::Told);
        Self { line, sounds, options, phones: [callers, agents], running: Vec::new(), alive: false, silent: false }
    }

    /// The first call that may be placed now: two at once have different callers.
    fn next(&self, waiting: &[(usize, Plan)]) -> Option<usize> {
        let busy = |plan: &Plan| self.running.iter().any(|one| one.call.plan().caller.number == plan.caller.number);
        let room = self.running.len() < self.options.at_once;
        waiting.iter().position(|(_, plan)| !busy(plan)).filter(|_| room)
    }

    fn place(&mut self, number: usize, plan: Plan) -> Result<(), String> {
        let caller = &plan.caller;
        let (to, contact) = (self.options.to, self.line.callers.contact());
        let user = self.options.user.as_ref().unwrap_or(&caller.to);
        let cannot = |what: &str, why| format!("{what} cannot be in an INVITE: {why}");
        let target = Uri::of(user, to.address).map_err(|why| cannot("the called number", why))?;
        let known = caller.number.as_ref().map(|number| Uri::of(number, contact)).transpose();
        let known = known.map_err(|why| cannot("the caller's number", why))?;
        let mut headers = caller.headers.clone();
        let from = match known {
            Some(known) if caller.private => {
                // RFC 3325 section 9.1.
                headers.push(("P-Asserted-Identity".to_owned(), format!("<{known}>")));
                headers.push(("Privacy".to_owned(), "id".to_owned()));
                None
            }
            known => known,
        };
        // RFC 3261 section 8.1.1.3.
        let nobody = || Uri::read("sip:anonymous@anonymous.invalid");
        let from = from.map_or_else(nobody, Ok).map_err(|why| cannot("nobody", why))?;
        let call = Outgoing { to, target, display: caller.name.clone(), from, headers };
        let phones = &mut self.phones[Leg::Caller as usize];
        phones.speak(speech(caller.events));
        let talk = phones.dial(call, Arc::new([]));
        let now = self.line.clock.now();
        let patience = Patience { window: self.options.layers.window, patience: self.options.patience };
        let call = Call::begin(now, plan, self.sounds.clone(), patience);
        self.running.push(Running { number, began: now, call, talks: [Some(talk), None] });
        Ok(())
    }

    /// What came is seen, and what is due is done.
    fn turn(&mut self) {
        let mut events = Vec::new();
        for (leg, net) in [(Leg::Caller, &mut self.line.callers), (Leg::Agent, &mut self.line.agents)] {
            net.turn(&mut self.phones[leg as usize], &mut |talk, at, happened| events.push((leg, talk, at, happened)));
        }
        for (leg, talk, at, happened) in events {
            self.happened(leg, talk, at, happened);
        }
        let now = self.line.clock.now();
        for one in &mut self.running {
            for wanted in one.call.due(now) {
                wanted.on(now, &mut self.phones, one.talks, self.line.agents.contact());
            }
        }
        self.line.callers.wait(&self.phones[Leg::Caller as usize]);
    }

    fn happened(&mut self, leg: Leg, talk: TalkId, at: Instant, happened: Happened) {
        if let Happened::Invited(request) = &happened {
            return self.invited(at, talk, request);
        }
        let Some(one) = self.running.iter_mut().find(|one| one.talks[leg as usize] == Some(talk)) else { return };
        let seen = match happened {
            Happened::Ringing if leg == Leg::Caller => Seen::Alive,
            Happened::Answered { .. } if leg == Leg::Caller => Seen::Answered,
            Happened::Heard(clip) => Seen::Heard(leg, clip),
            Happened::Ended { by_us, status, .. } => Seen::Ended { leg, by_us, status },
            _ => return,
        };
        self.alive |= !matches!(seen, Seen::Ended { by_us: true, .. });
        one.call.on(at, seen);
    }

    /// The agent's phone is called: for whom, the INVITE says, or there is but one who may be meant.
    fn invited(&mut self, at: Instant, talk: TalkId, request: &Request) {
        let seen = HandOff::of(request);
        let awaits: Vec<Option<bool>> = self.running.iter().map(|one| one.call.awaits(&seen)).collect();
        let may = |one: &&Option<bool>| one.is_some();
        let only = (awaits.iter().filter(may).count() == 1).then(|| awaits.iter().position(Option::is_some)).flatten();
        let meant = awaits.iter().position(|one| *one == Some(true)).or(only);
        let alone = (self.running.len() == 1).then_some(0);
        let Some(one) = meant.or(alone).and_then(|meant| self.running.get_mut(meant)) else {
            tracing::warn!("the agent's phone was called, and no call that is under way is of that caller");
            return self.phones[Leg::Agent as usize].refuse(at, talk, NOT_OURS);
        };
        if one.call.awaits(&seen).is_some() {
            one.talks[Leg::Agent as usize] = Some(talk);
        } else {
            self.phones[Leg::Agent as usize].refuse(at, talk, BUSY);
        }
        one.call.on(at, Seen::Called(seen));
    }

    fn ended(&mut self) -> Vec<(usize, Over)> {
        let now = self.line.clock.now();
        let over = self.running.extract_if(.., |one| one.call.over()).collect::<Vec<_>>();
        over.into_iter().map(|one| (one.number, self.outcome(now, one))).collect()
    }

    fn outcome(&mut self, now: Instant, one: Running) -> Over {
        let unjudged = one.call.plan().unjudged.clone();
        let took = now.since(one.began);
        let alive = one.call.alive();
        let Judged { mut differences, cut, seen } = one.call.judged();
        differences.retain(|difference| self.options.layers.has(difference.layer));
        let outcome = if !alive {
            self.silent = true;
            Outcome::Broken(self.nobody())
        } else if let (true, Some(cut)) = (differences.is_empty(), &cut) {
            // In a layer that is not looked at; but what follows in the others was not seen.
            Outcome::Broken(format!("the call could not be judged to its end: {cut}"))
        } else if differences.is_empty() {
            Outcome::Pass { outputs: seen }
        } else {
            differences.sort_by_key(|difference| (difference.t, difference.layer));
            Outcome::Diff(differences)
        };
        Over { outcome, unjudged, took }
    }

    /// Why it makes no sense to go on.
    fn dead(&self, waiting: usize) -> Option<String> {
        let rest = if waiting > 0 { format!("; {waiting} more recordings were not tried") } else { String::new() };
        (self.silent && !self.alive && self.running.is_empty()).then(|| self.nobody() + &rest)
    }

    fn nobody(&self) -> String {
        let (to, waited) = (self.options.to, (self.options.patience + self.options.layers.window).as_secs_f64());
        format!(
            "nothing rings and nobody answers at {to} within {waited:.1} s: see that it runs, and that it takes calls from here"
        )
    }

    /// Every call that stands is ended, and the last words are said.
    fn close(&mut self) {
        let began = self.line.clock.now();
        self.phones.iter_mut().for_each(|phones| phones.hang_up_all(began));
        while self.line.clock.now().since(began) < LINGER {
            self.turn();
        }
    }
}

impl Do {
    fn on(self, now: Instant, phones: &mut [Phones; 2], talks: [Option<TalkId>; 2], agent: SocketAddr) {
        let leg = match &self {
            Do::Press { leg, .. } | Do::Act(leg, _) | Do::HangUp(leg) => *leg,
            Do::Ring | Do::Take | Do::Refuse(_) => Leg::Agent,
        };
        let Some(talk) = talks[leg as usize] else { return };
        let phones = &mut phones[leg as usize];
        match self {
            Do::Press { key, by: KeyCarrier::Info, .. } => phones.tell(now, talk, Act::Info(key.to_string())),
            Do::Press { key, .. } => phones.tell(now, talk, Act::Press(key.to_string())),
            Do::Act(_, Act::SendOn(to)) => phones.tell(now, talk, Act::SendOn(to_us(&to, agent))),
            Do::Act(_, act) => phones.tell(now, talk, act),
            Do::Ring => phones.ring(now, talk),
            Do::Take => phones.take(now, talk),
            Do::Refuse(status) => phones.refuse(now, talk, status),
            Do::HangUp(_) => phones.hang_up(now, talk),
        }
    }
}

/// Whoever the caller is sent on to is at our agent's phone as well.
fn to_us(to: &str, agent: SocketAddr) -> String {
    let user = Uri::read(to).ok().and_then(|uri| uri.user().map(str::to_owned));
    let ours = Uri::of(user.as_deref().unwrap_or("agent"), agent);
    ours.map_or_else(|_| to.to_owned(), |uri| uri.to_string())
}

fn speech(events: bool) -> Speech {
    let timing = Timing { on: HELD, off: KEYS_EVERY - HELD };
    Speech { events, timing, ..Speech::default() }
}
