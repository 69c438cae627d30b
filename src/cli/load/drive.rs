//! The run itself: one thread that looks at its sockets every four milliseconds, and at itself every second.

use super::Carrier;
use super::plan::Plan;
use super::records::Records;
use super::report::{Report, Tool};
use super::tally::Tally;
use crate::os::clock::Clock;
use crate::os::sys::{self, ThreadTimes};
use crate::peer::histogram::Histogram;
use crate::peer::net::Net;
use crate::peer::{Act, Answering, Happened, Phones};
use crate::server::streams::{Bounds, StreamEvent, Streams};
use crate::sip::{Transport, Uri};
use crate::time::{Duration, Instant};
use std::error::Error;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio::sync::mpsc::Receiver;

/// Half of it is how late a packet goes out on average; the longer, the more packets go at one call of the system.
const TICK: Duration = Duration::from_millis(4);
const SECOND: Duration = Duration::from_secs(1);
/// Plain lines of progress, where no terminal shows one that changes.
const PLAIN: Duration = Duration::from_secs(5);
/// Beyond its script and its patience, a call has this long to end.
const TAIL: Duration = Duration::from_secs(10);
/// After the last call: a BYE that was lost goes once more (RFC 3261 timer E, 500 ms).
const LINGER: Duration = Duration::from_millis(600);
/// Messages that wait to be written to the one connection.
const QUEUE: usize = 4_096;
/// Fills our frames of G.711, and the agents'.
const VOICES: [u8; 2] = [0x31, 0x42];

/// Places the calls of the plan, and waits for their ends.
pub fn run(plan: &Plan) -> Result<Report, Box<dyn Error>> {
    sys::raise_descriptors()?;
    let records = plan.records.as_deref().map(Records::begin).transpose()?;
    let mut run = Run::new(plan)?;
    run.until_done();
    let ended = run.clock.now();
    let heard = records.map(|records| records.keys(run.tally.answered)).transpose()?;
    Ok(run.report(ended, heard))
}

struct Run<'a> {
    plan: &'a Plan,
    clock: Clock,
    began: Instant,
    callers: Set,
    agents: Option<Set>,
    /// Messages over TCP, if the plan is that.
    streamed: Option<Receiver<StreamEvent>>,
    from: Uri,
    stop: Arc<AtomicBool>,
    tally: Tally,
    /// Calls that are due, and the part of the next one.
    credit: f64,
    last_look: Instant,
    last_placed: Instant,
    held_back: Duration,
    watch: Watch,
}

struct Set {
    net: Net,
    phones: Phones,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan) -> Result<Run<'a>, Box<dyn Error>> {
        let clock = Clock::start();
        let set = |address, voice, answering| -> std::io::Result<Set> {
            let net = Net::bind(address, clock)?;
            let mut phones = Phones::new(net.contact(), voice, answering, None, seed());
            phones.speak(plan.speech.clone());
            phones.patience(plan.patience);
            Ok(Set { net, phones })
        };
        let mut callers = set(SocketAddr::new(plan.from, 0), VOICES[0], Answering::Refuse(486))?;
        let stay = Answering::Answer { after: Duration::ZERO, script: [Act::Stay].into() };
        let agents = plan.agents.map(|address| set(address, VOICES[1], stay)).transpose();
        let agents = agents.map_err(|error| format!("--agents: {error}; give an address of this machine"))?;
        let streamed = (plan.to.transport == Transport::Tcp).then(|| -> std::io::Result<_> {
            let bounds = Bounds { queue: QUEUE, events: QUEUE, ..Bounds::default() };
            let (streams, events) = Streams::start(Vec::new(), None, bounds, seed())?;
            callers.net.streams(Box::new(move |to, bytes| {
                // What is refused is lost: its transaction says so.
                if streams.send(to, bytes).is_err() {
                    tracing::debug!("a message was not taken");
                }
            }));
            Ok(events)
        });
        let began = clock.now();
        Ok(Run {
            plan,
            clock,
            began,
            from: Uri::of("load", callers.net.contact())?,
            callers,
            agents,
            streamed: streamed.transpose()?,
            stop: stop_on_signal()?,
            tally: Tally::default(),
            credit: 1.0,
            last_look: began,
            last_placed: began,
            held_back: Duration::ZERO,
            watch: Watch::begin(began),
        })
    }

    fn until_done(&mut self) {
        let mut tick = self.began;
        while !self.over() {
            tick = tick + TICK;
            self.clock.sleep_until(tick);
            let now = self.clock.now();
            self.watch.lag.add(now.since(tick));
            self.place(now);
            // Ticks that were missed are left out.
            tick = tick.max(now - TICK);
            self.turn();
            if self.watch.second(now) {
                self.progress(now);
            }
        }
        let now = self.clock.now();
        for set in [Some(&mut self.callers), self.agents.as_mut()].into_iter().flatten() {
            set.phones.hang_up_all(now);
        }
        while self.clock.now().since(now) < LINGER {
            self.turn();
            self.clock.sleep_until(self.clock.now() + TICK);
        }
    }

    /// No call is left, or none that may still come to its end.
    fn over(&self) -> bool {
        let patience = self.plan.call_time() + self.plan.patience + TAIL;
        let waited = self.clock.now().since(self.last_placed) > patience;
        self.stop.load(Relaxed) || self.placed_all() && (self.callers.phones.talks() == 0 || waited)
    }

    fn placed_all(&self) -> bool {
        let since = self.clock.now().since(self.began);
        self.plan.calls.is_some_and(|calls| self.tally.tried >= calls)
            || self.plan.duration.is_some_and(|duration| since >= duration)
    }

    /// Places what is due by now.
    fn place(&mut self, now: Instant) {
        let passed = now.since(std::mem::replace(&mut self.last_look, now));
        let rate = self.plan.rate_at(now.since(self.began));
        // After a stall the calls of a tenth of a second are made up for: no more at once than that.
        self.credit = (self.credit + rate * passed.as_secs_f64()).min(1.0 + rate / 10.0);
        while self.credit >= 1.0 && !self.placed_all() {
            if self.callers.phones.talks() >= self.plan.concurrency {
                self.credit = self.credit.min(1.0);
                self.held_back += passed;
                return;
            }
            self.credit -= 1.0;
            let (target, from, script) = (self.plan.target.clone(), self.from.clone(), self.plan.script.clone());
            self.callers.phones.call_over(self.plan.to, target, from, Vec::new(), script);
            self.tally.tried += 1;
            self.last_placed = now;
            let talks = self.callers.phones.talks();
            self.tally.at_once = self.tally.at_once.max(talks);
        }
    }

    fn turn(&mut self) {
        while let Some(event) = self.streamed.as_mut().and_then(|events| events.try_recv().ok()) {
            match event {
                StreamEvent::Message { from, bytes } => self.callers.phones.on_sip(self.clock.now(), from, &bytes),
                StreamEvent::Failed { bytes, .. } => self.callers.phones.undelivered(self.clock.now(), &bytes),
            }
        }
        let (tally, held) = (&mut self.tally, self.plan.carrier != Carrier::Info);
        self.callers.net.turn(&mut self.callers.phones, &mut |_, _, happened| tally.caller(happened, held));
        if let Some(Set { net, phones }) = &mut self.agents {
            net.turn(phones, &mut |_, _, happened| {
                if let Happened::Ended { counted, .. } = happened {
                    tally.count(&counted);
                }
            });
        }
    }

    fn progress(&mut self, now: Instant) {
        let terminal = std::io::stderr().is_terminal();
        if !terminal && now.since(self.watch.said) < PLAIN {
            return;
        }
        self.watch.said = now;
        let line = format!(
            "{:7.1} s: {} placed, {} at once, {} complete, {} failed; own core {:.0} %",
            now.since(self.began).as_secs_f64(),
            self.tally.tried,
            self.callers.phones.talks(),
            self.tally.complete,
            self.tally.failed(),
            self.watch.share * 100.0,
        );
        if terminal {
            eprint!("\r{line:<78}");
            // Nobody is there to be told.
            let _ = std::io::stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    fn report(mut self, ended: Instant, heard: Option<u64>) -> Report {
        if std::io::stderr().is_terminal() {
            eprintln!();
        }
        let elapsed = ended.since(self.began);
        let mut gaps = self.callers.phones.gaps;
        let mut net = self.callers.net.counted;
        if let Some(Set { net: agents, phones }) = &self.agents {
            gaps.join(&phones.gaps);
            net.strays += agents.counted.strays;
            net.unsent += agents.counted.unsent;
        }
        let tool = self.watch.tool(ended, self.tally.tried);
        Report::new(self.plan, &mut self.tally, &gaps, net, (elapsed, self.held_back), heard, tool)
    }
}

/// Whether this thread keeps up.
struct Watch {
    times: ThreadTimes,
    began: Instant,
    cpu: u64,
    /// At the last whole second.
    second: Instant,
    second_cpu: u64,
    share: f64,
    busiest: f64,
    lag: Histogram,
    said: Instant,
}

impl Watch {
    fn begin(now: Instant) -> Watch {
        let mut times = ThreadTimes::of_this_thread();
        let (cpu, _) = times.read();
        let (lag, said) = (Histogram::default(), now);
        Watch { times, began: now, cpu, second: now, second_cpu: cpu, share: 0.0, busiest: 0.0, lag, said }
    }

    /// Whether a second has passed.
    fn second(&mut self, now: Instant) -> bool {
        let passed = now.since(self.second);
        if passed < SECOND {
            return false;
        }
        let (cpu, _) = self.times.read();
        self.share = (cpu - self.second_cpu) as f64 / passed.as_micros() as f64;
        self.busiest = self.busiest.max(self.share);
        (self.second, self.second_cpu) = (now, cpu);
        true
    }

    fn tool(&mut self, now: Instant, calls: u32) -> Tool {
        let used = (self.times.read().0 - self.cpu) as f64;
        let share = used / now.since(self.began).as_micros().max(1) as f64;
        Tool::new(share, self.busiest.max(share), used / f64::from(calls.max(1)), &self.lag)
    }
}

fn seed() -> u64 {
    sys::monotonic_micros()
}

/// Set by SIGINT or SIGTERM: whoever stops a run leaves no call standing.
pub(in crate::cli) fn stop_on_signal() -> std::io::Result<Arc<AtomicBool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let signals = || -> std::io::Result<_> {
        let _inside = runtime.enter();
        Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
    };
    let (mut interrupt, mut terminate) = signals()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        told.store(true, Relaxed);
    })?;
    Ok(stop)
}
