//! The recorder: one thread that owns every file of recorded sound. Media workers put packets into their rings, the
//! control plane gives orders; neither ever waits for a disk.
//!
//! ```text
//! control -- orders, bell --> recorder --> told: what became of it
//! media ---- ring ---------->    |
//!                              tapes --> WAV files, made whole once a second
//!                              shelf --> callers' packets, handed over when their calls are over
//! ```

mod begin;
pub mod folder;
pub mod ring;
mod shelf;

pub use begin::begin;
pub use shelf::{Said, Taker};

use super::announcer::{self, Announcer};
use crate::audio::take::Take;
use crate::context::Ended;
use crate::engine::{CallNumber, Onto, RecordOrder, TakeWanted};
use crate::media::tape::Tape;
use crate::media::{RecordAct, Tapped};
use crate::os::bell::Bell;
use crate::os::clock::Clock;
use crate::time::{Duration, Instant};
use folder::Wav;
use ring::Outlet;
use shelf::Shelf;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::mpsc::UnboundedSender;

/// How often the rings are emptied while something is recorded.
const TURN: Duration = Duration::from_millis(40);
/// What media workers may be late by, their packets bear the moment that their tick was meant for.
const LAG: Duration = Duration::from_millis(100);
/// How often a file is made whole.
const FLUSH: Duration = Duration::from_secs(1);
/// Orders that may wait.
const ORDERS: usize = 16_384;

#[derive(Clone, Debug)]
pub struct Bounds {
    pub folder: PathBuf,
    /// A recording ends after this time.
    pub longest: Duration,
    /// Recordings at once.
    pub at_once: usize,
}

/// What became of a recording.
#[derive(Debug, PartialEq, Eq)]
pub struct Recorded {
    pub call: CallNumber,
    pub recording: u32,
    pub ended: Ended,
}

/// The way to the recorder.
pub struct Recorder {
    orders: SyncSender<RecordOrder>,
    bell: Arc<Bell>,
    thread: JoinHandle<()>,
}

impl Recorder {
    /// Starts the thread. Words go to `told`; each is the answer to a start, but for takes that ended: those go to the
    /// announcer, and packets to `taker`.
    pub fn start(
        bounds: Bounds,
        clock: Clock,
        rings: Vec<Outlet>,
        announcer: Announcer,
        told: UnboundedSender<Recorded>,
        taker: Taker,
    ) -> io::Result<Recorder> {
        let (sender, orders) = sync_channel(ORDERS);
        let bell = Bell::new()?;
        let desk = Desk {
            bounds,
            clock,
            bell: bell.clone(),
            rings,
            orders,
            announcer,
            told,
            open: HashMap::new(),
            shelf: Shelf::new(shelf::MEMORY, taker),
            samples: Vec::new(),
            failed: 0,
        };
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || desk.run())?;
        Ok(Recorder { orders: sender, bell, thread })
    }

    /// Gives an order without waiting. `false`: it was not taken.
    pub fn order(&self, order: RecordOrder) -> bool {
        let taken = self.orders.try_send(order).is_ok();
        self.bell.ring();
        taken
    }

    /// Finishes what is open, and ends the thread.
    pub fn close(self) {
        drop(self.orders);
        self.bell.ring();
        if self.thread.join().is_err() {
            tracing::error!("the recorder had died");
        }
    }
}

/// A recording under way.
struct Open {
    call: CallNumber,
    tape: Tape,
    reel: Reel,
    flushed: Instant,
    why: &'static str,
}

/// Where it goes.
enum Reel {
    File(Wav),
    /// The caller's side alone, in memory, under that name.
    Take {
        take: Take,
        name: String,
        wanted: TakeWanted,
    },
}

struct Desk {
    bounds: Bounds,
    clock: Clock,
    bell: Arc<Bell>,
    rings: Vec<Outlet>,
    orders: Receiver<RecordOrder>,
    announcer: Announcer,
    told: UnboundedSender<Recorded>,
    open: HashMap<u32, Open>,
    shelf: Shelf,
    /// Of the recording that is looked at.
    samples: Vec<i16>,
    /// Recordings that did not begin, or broke off.
    failed: u64,
}

impl Desk {
    fn run(mut self) {
        loop {
            if self.open.is_empty() && self.shelf.is_empty() {
                if let Err(error) = self.bell.wait(std::iter::empty(), None) {
                    tracing::error!(%error, "the recorder cannot wait");
                    self.clock.sleep_until(self.clock.now() + FLUSH);
                }
            } else {
                self.clock.sleep_until(self.clock.now() + TURN);
            }
            let now = self.clock.now();
            let goes_on = self.take_orders(now);
            self.take_packets(now);
            self.write_up_to(now - LAG);
            if !goes_on {
                self.finish_all(now);
                return;
            }
        }
    }

    /// `false` once nobody can give any more.
    fn take_orders(&mut self, now: Instant) -> bool {
        loop {
            match self.orders.try_recv() {
                Ok(order) if order.act == RecordAct::Start => self.begin(order, now),
                Ok(order) => {
                    self.shelf.act(&order);
                    if let Some(open) = self.open.get_mut(&order.recording) {
                        open.tape.act(order.at, order.act);
                        if order.act == RecordAct::Stop {
                            open.why = order.because;
                        }
                    }
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn begin(&mut self, order: RecordOrder, now: Instant) {
        if order.onto == Onto::Packets {
            return self.shelf.begin(order);
        }
        let Bounds { folder, at_once, .. } = &self.bounds;
        if self.open.len() >= *at_once {
            let why = format!("{at_once} are recorded at once");
            return self.fail(order.call, order.recording, Ended::unbegun(why));
        }
        let reel = match order.onto {
            Onto::Take(wanted) => Ok(Reel::Take { take: Take::default(), name: order.file, wanted }),
            Onto::File | Onto::Packets => folder::create(folder, &order.file).map(Reel::File),
        };
        match reel {
            Ok(reel) => {
                let tape = Tape::new(order.at);
                let open = Open { call: order.call, tape, reel, flushed: now, why: "" };
                self.open.insert(order.recording, open);
            }
            Err(error) => self.fail(order.call, order.recording, Ended::unbegun(error.to_string())),
        }
    }

    fn take_packets(&mut self, now: Instant) {
        let mut rings = std::mem::take(&mut self.rings);
        for ring in &mut rings {
            ring.drain(|at, tapped| self.take_packet(now, at, tapped));
        }
        self.rings = rings;
    }

    fn take_packet(&mut self, now: Instant, at: Instant, tapped: &Tapped<'_>) {
        if !self.open.contains_key(&tapped.recording) && !self.shelf.has(tapped.recording) {
            // Its order may have come since the orders were taken; else it has ended, or was refused.
            self.take_orders(now);
        }
        let Some(open) = self.open.get_mut(&tapped.recording) else { return self.shelf.take(at, tapped) };
        open.tape.take(at, tapped, &mut self.samples);
        if let Err(error) = open.write(&mut self.samples) {
            self.break_off(tapped.recording, &error);
        }
    }

    /// Writes what is due, and finishes what has ended.
    fn write_up_to(&mut self, now: Instant) {
        let mut broken = Vec::new();
        let mut over = Vec::new();
        for (&recording, open) in &mut self.open {
            open.tape.advance(now, &mut self.samples);
            let written = open.write(&mut self.samples).and_then(|()| open.flush(now));
            if open.is_long(self.bounds.longest) && !open.tape.over() {
                open.tape.act(now, RecordAct::Stop);
                open.why = "it was as long as one may be";
            }
            match written {
                Err(error) => broken.push((recording, error)),
                Ok(()) if open.tape.over() => over.push(recording),
                Ok(()) => {}
            }
        }
        self.shelf.hand_over(now);
        broken.into_iter().for_each(|(recording, error)| self.break_off(recording, &error));
        over.into_iter().for_each(|recording| self.finish(recording));
    }

    fn finish(&mut self, recording: u32) {
        let Some(Open { call, tape, reel, why, .. }) = self.open.remove(&recording) else { return };
        let finished = match reel {
            Reel::File(wav) => folder::finish(wav),
            Reel::Take { take, name, wanted: TakeWanted { over, .. } } => {
                if self.announcer.finish(announcer::Ended { call, recording, name, take, over }) {
                    return;
                }
                Err(io::Error::other("too many takes wait to be made prompts"))
            }
        };
        match finished {
            Ok(()) => self.tell(call, recording, ended(&tape, why.to_owned())),
            Err(error) => self.fail(call, recording, ended(&tape, error.to_string())),
        }
    }

    fn break_off(&mut self, recording: u32, error: &io::Error) {
        // Dropping its file makes it as whole as the disk allows.
        if let Some(Open { call, tape, .. }) = self.open.remove(&recording) {
            self.fail(call, recording, ended(&tape, error.to_string()));
        }
    }

    /// The service ends: its calls have.
    fn finish_all(&mut self, now: Instant) {
        for open in self.open.values_mut() {
            open.tape.act(now, RecordAct::Stop);
            open.why = "the service ended";
        }
        self.write_up_to(now + FLUSH);
    }

    /// The first of a row is an error in the log, and then ever fewer: a full disk fails every call.
    fn fail(&mut self, call: CallNumber, recording: u32, ended: Ended) {
        self.failed += 1;
        if self.failed.is_power_of_two() {
            let (why, recordings) = (&ended.why, self.failed);
            tracing::error!(why, recordings, folder = %self.bounds.folder.display(), "a call is not recorded, and goes on");
        }
        self.tell(call, recording, ended);
    }

    fn tell(&self, call: CallNumber, recording: u32, ended: Ended) {
        // The control plane is gone only when the service ends.
        let _ = self.told.send(Recorded { call, recording, ended });
    }
}

impl Open {
    fn write(&mut self, samples: &mut Vec<i16>) -> io::Result<()> {
        let written = match &mut self.reel {
            _ if samples.is_empty() => Ok(()),
            Reel::File(wav) => folder::write(wav, samples),
            Reel::Take { take, .. } => {
                take.hear(samples.iter().step_by(2).copied());
                Ok(())
            }
        };
        samples.clear();
        written
    }

    fn flush(&mut self, now: Instant) -> io::Result<()> {
        if now.since(self.flushed) < FLUSH {
            return Ok(());
        }
        self.flushed = now;
        match &mut self.reel {
            Reel::File(wav) => folder::flush(wav),
            Reel::Take { .. } => Ok(()),
        }
    }

    /// Whether it ends by itself.
    fn is_long(&self, longest: Duration) -> bool {
        match &self.reel {
            Reel::File(_) => self.tape.lengths().written >= longest,
            Reel::Take { take, wanted, .. } => take.is_over(wanted.longest),
        }
    }
}

fn ended(tape: &Tape, why: String) -> Ended {
    let lengths = tape.lengths();
    let ms = |time: Duration| time.as_millis() as u64;
    Ended { ms: ms(lengths.written), blanked_ms: ms(lengths.blanked), lost_ms: ms(lengths.lost), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::ArenaBuilder;
    use crate::codec::Codec;
    use crate::context::Outcome;
    use crate::media::{Kind, Side};
    use crate::rtp::Header;
    use crate::server::announcer::Word;
    use crate::server::recorder::ring::{Inlet, ring};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    struct Rig {
        recorder: Recorder,
        inlet: Inlet,
        told: UnboundedReceiver<Recorded>,
        words: UnboundedReceiver<Word>,
        clock: Clock,
        folder: tempfile::TempDir,
    }

    fn rig(at_once: usize, longest: Duration) -> Rig {
        let folder = tempfile::tempdir().expect("a folder");
        let (clock, (inlet, outlet)) = (Clock::start(), ring(2));
        let ((tell, told), (word, words)) = (unbounded_channel(), unbounded_channel());
        let bounds = Bounds { folder: folder.path().to_owned(), longest, at_once };
        let announcer = Announcer::start(None, Box::new(|_, _, _| Ok(())), word).expect("a thread");
        let recorder = Recorder::start(bounds, clock, vec![outlet], announcer, tell, Box::new(drop)).expect("a thread");
        Rig { recorder, inlet, told, words, clock, folder }
    }

    fn header(number: u32) -> Header {
        Header { marker: false, payload_type: 0, sequence: number as u16, timestamp: number * 160, ssrc: 1 }
    }

    impl Rig {
        fn order(&self, recording: u32, act: RecordAct) {
            self.order_of(recording, act, Onto::File);
        }

        fn order_of(&self, recording: u32, act: RecordAct, onto: Onto) {
            let (at, file) = (self.clock.now(), format!("day/{recording}.wav"));
            assert!(self.recorder.order(RecordOrder { recording, call: 7, at, act, file, onto, because: "a test" }));
        }

        fn say(&self, recording: u32) {
            let (side, kind, payload) = (Side::Said, Kind::Audio(Codec::Pcmu), &[7; 160][..]);
            let tapped = Tapped { recording, number: 0, side, kind, header: header(0), payload };
            assert!(self.inlet.push(self.clock.now(), &tapped));
        }

        /// The next word: which recording, how long it is, and why it ended.
        fn word(&mut self) -> (u32, u64, String) {
            let Recorded { call, recording, ended } = self.told.blocking_recv().expect("a word");
            assert_eq!(call, 7);
            (recording, ended.ms, ended.why)
        }

        fn samples(&self, recording: u32) -> Vec<i16> {
            let path = self.folder.path().join(format!("day/{recording}.wav"));
            let samples = hound::WavReader::open(path).expect("a whole file").into_samples();
            samples.collect::<Result<_, _>>().expect("samples")
        }
    }

    #[test]
    fn one_too_many_is_refused_and_the_others_go_on() {
        let mut rig = rig(1, FLUSH);
        rig.order(1, RecordAct::Start);
        rig.order(2, RecordAct::Start);
        assert_eq!(rig.word(), (2, 0, "1 are recorded at once".to_owned()));
        rig.say(1);
        rig.say(2);
        rig.clock.sleep_until(rig.clock.now() + TURN);
        rig.order(1, RecordAct::Stop);
        let (recording, ms, why) = rig.word();
        assert_eq!((recording, why.as_str()), (1, "a test"));
        let samples = rig.samples(1);
        assert_eq!(samples.len() as u64 / 16, ms);
        assert_eq!(samples.iter().filter(|sample| **sample != 0).count(), 160);
        assert!(!rig.folder.path().join("day/2.wav").exists());
        rig.order(2, RecordAct::Start);
        rig.recorder.close();
        let told = rig.told.blocking_recv().map(|told| (told.recording, told.ended.why));
        assert_eq!(told, Some((2, "the service ended".to_owned())));
    }

    #[test]
    fn a_take_becomes_a_clip_of_its_call_and_no_file() {
        let mut rig = rig(5, FLUSH);
        let over = Arc::new(ArenaBuilder::default().build());
        let wanted = || Onto::Take(TakeWanted { longest: Duration::from_secs(60), over: over.clone() });
        for (recording, frames) in [(1, 40), (2, 10)] {
            rig.order_of(recording, RecordAct::Start, wanted());
            for number in 0..frames {
                let (side, kind, payload) = (Side::Said, Kind::Audio(Codec::Pcmu), &[7; 160][..]);
                let tapped = Tapped { recording, number, side, kind, header: header(number), payload };
                assert!(rig.inlet.push(rig.clock.now(), &tapped));
                rig.clock.sleep_until(rig.clock.now() + Duration::from_millis(20));
            }
            rig.order(recording, RecordAct::Stop);
            let word = rig.words.blocking_recv().expect("a word");
            let Word::Taken { call: 7, recording: of, outcome, spoken } = word else { panic!("of this call") };
            let ms = spoken.as_ref().map(|spoken| spoken.samples.len() / 8);
            let clip = spoken.and_then(|spoken| spoken.arena.span(&format!("day/{recording}.wav")));
            assert_eq!((of, clip.is_some()), (recording, recording == 1));
            match recording {
                1 => assert!(outcome == Outcome::Ok && ms.is_some_and(|ms| (780..=1_300).contains(&ms)), "{ms:?}"),
                _ => assert_eq!((outcome, ms), (Outcome::None, None)),
            }
        }
        assert_eq!(std::fs::read_dir(rig.folder.path()).expect("a folder").count(), 0);
        rig.recorder.close();
    }

    #[test]
    fn a_recording_ends_when_it_is_as_long_as_one_may_be_and_a_file_that_is_there_is_left_alone() {
        let mut rig = rig(5, TURN);
        rig.order(1, RecordAct::Start);
        let (recording, ms, why) = rig.word();
        assert_eq!((recording, why.as_str()), (1, "it was as long as one may be"));
        assert!(ms >= 40 && rig.samples(1).len() as u64 / 16 == ms, "{ms}");
        rig.order(1, RecordAct::Start);
        let (_, ms, why) = rig.word();
        assert!(ms == 0 && why.contains("exists"), "{why}");
        rig.recorder.close();
    }
}
