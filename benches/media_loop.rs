//! How far the media worker is from a loop that only receives and sends:
//! `cargo bench --bench media_loop -- [--fifo] [STREAMS]...`. Both have one core, and a peer on another.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark has sockets, threads and a clock")]

use askonce::audio::{Arena, ArenaBuilder};
use askonce::codec::Codec;
use askonce::media::{Command, Open, StreamId};
use askonce::os::clock::Clock;
use askonce::os::sys::{self, BATCH, Batch};
use askonce::rtp::packet::{HEADER, Header};
use askonce::sdp::{Direction, Negotiated};
use askonce::server::media_worker::{Configuration, Worker, WorkerCommand, WorkerEvent, WorkerHandle};
use askonce::time::{Duration, Instant};
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{JoinHandle, sleep, spawn};
use tokio::sync::mpsc::Receiver;

/// The loop's core, and the peer's.
const CORES: [usize; 2] = [0, 1];
const TICK: Duration = Duration::from_millis(2);
/// Ticks of 20 ms.
const SLOTS: usize = 10;
const PACKET: usize = HEADER + 160;
/// Before it is measured, so that every stream has latched and plays.
const SETTLES: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(3);
/// Of the worker's tick lag.
const SAMPLE: Duration = Duration::from_millis(100);

fn main() {
    let mut fifo = false;
    let mut sizes: Vec<usize> = Vec::new();
    for argument in std::env::args().skip(1) {
        match (argument.as_str(), argument.parse()) {
            ("--fifo", _) => fifo = true,
            // cargo's own
            ("--bench", _) => {}
            (_, Ok(size)) => sizes.push(size),
            _ => panic!("{argument}: a number of streams is wanted"),
        }
    }
    if sizes.is_empty() {
        sizes.push(400);
    }
    sys::raise_descriptors().expect("the limit of descriptors");
    for streams in sizes {
        let [bare, worker] = [run(streams, fifo, bare), run(streams, fifo, worker)];
        println!("{streams} streams: the worker takes {:.2} times the bare loop", worker / bare);
    }
}

/// Starts a loop on its sockets.
type Start = fn(Vec<UdpSocket>, &Ended) -> Running;
type Ended = Arc<AtomicBool>;

enum Running {
    Bare(JoinHandle<()>),
    Media(WorkerHandle, Receiver<WorkerEvent>),
}

impl Running {
    /// Of its thread.
    fn name(&self) -> &'static str {
        match self {
            Running::Bare(_) => "bare",
            Running::Media(..) => "media",
        }
    }

    fn lag(&self) -> Option<Duration> {
        match self {
            Running::Bare(_) => None,
            Running::Media(worker, _) => Some(worker.load().lag),
        }
    }

    fn end(self) {
        match self {
            Running::Bare(thread) => thread.join().expect("no panic"),
            Running::Media(worker, mut events) => {
                worker.join().expect("no panic");
                assert!(events.try_recv().is_err(), "nothing happened to a stream");
            }
        }
    }
}

/// Microseconds of CPU that a packet takes, in or out.
fn run(streams: usize, fifo: bool, start: Start) -> f64 {
    let (ours, theirs): (Vec<_>, Vec<_>) = (0..streams).map(|_| pair()).unzip();
    let (ended, packets) = (Ended::default(), Arc::new(AtomicU64::new(0)));
    // On a thread of its own, as core and scheduling pass on to the threads that it starts.
    let starter = {
        let ended = ended.clone();
        spawn(move || {
            sys::pin(CORES[0]).expect("a first core");
            if fifo {
                sys::real_time().expect("the right to SCHED_FIFO");
            }
            start(ours, &ended)
        })
    };
    let running = starter.join().expect("it started");
    let peer = peer(theirs, ended.clone(), packets.clone());
    sleep(SETTLES);
    let (cpu, counted) = (cpu_of(running.name()), packets.load(Relaxed));
    let mut late = Vec::new();
    for _ in 0..MEASURED.as_millis() / SAMPLE.as_millis() {
        sleep(SAMPLE);
        late.extend(running.lag());
    }
    let (cpu, counted) = (cpu_of(running.name()) - cpu, packets.load(Relaxed) - counted);
    let each = cpu / counted as f64;
    let (core, whole) = (cpu / MEASURED.as_micros() as f64, streams as f64 * 100.0 * MEASURED.as_secs_f64());
    let (name, percent) = (running.name(), counted as f64 / whole * 100.0);
    print!(
        "{name:6} {streams:6} streams: {:5.1} % of a core, {each:.2} us a packet, {percent:.1} % of the packets",
        core * 100.0
    );
    late.sort_unstable();
    match (late.get(late.len() / 2), late.last()) {
        (Some(half), Some(most)) => println!(", latest tick of 100 ms: p50 {half:?}, most {most:?}"),
        _ => println!(),
    }
    ended.store(true, Relaxed);
    peer.join().expect("the peer");
    running.end();
    each
}

fn pair() -> (UdpSocket, UdpSocket) {
    let [ours, theirs] = [(); 2].map(|()| {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_nonblocking(true).expect("it does not block");
        socket
    });
    theirs.connect(ours.local_addr().expect("bound")).expect("connected");
    (ours, theirs)
}

/// Nothing but what must be: the stream's socket is read once in 20 ms, and written once.
fn bare(sockets: Vec<UdpSocket>, ended: &Ended) -> Running {
    let far = |socket: &UdpSocket| {
        let mut batch: Batch = Batch::default();
        while batch.receive(socket).is_err() {
            sleep(TICK);
        }
        let (source, _) = batch.datagram(0).expect("an address");
        socket.connect(source).expect("connected");
    };
    let ended = ended.clone();
    let run = move || {
        sockets.iter().for_each(far);
        pace(&sockets, &ended, |_| {});
    };
    Running::Bare(std::thread::Builder::new().name("bare".to_owned()).spawn(run).expect("a thread"))
}

fn peer(sockets: Vec<UdpSocket>, ended: Ended, packets: Arc<AtomicU64>) -> JoinHandle<()> {
    spawn(move || {
        sys::pin(CORES[1]).expect("a second core");
        pace(&sockets, &ended, |count| {
            packets.fetch_add(count, Relaxed);
        });
    })
}

/// Sends a packet on each socket every 20 ms and takes what came; tells how many packets each turn had.
fn pace(sockets: &[UdpSocket], ended: &Ended, told: impl Fn(u64)) {
    let (clock, mut batch, mut packet) = (Clock::start(), Batch::<BATCH>::default(), [0xd5; PACKET]);
    let mut tick = 0;
    while !ended.load(Relaxed) {
        tick += 1;
        clock.sleep_until(Instant::ZERO + TICK * tick);
        let turn = tick / SLOTS as u32;
        let header = Header { marker: false, payload_type: 0, sequence: turn as u16, timestamp: turn * 160, ssrc: 7 };
        header.write(packet.first_chunk_mut().expect("room"));
        let mut count = 0;
        for socket in sockets.iter().skip(tick as usize % SLOTS).step_by(SLOTS) {
            while let Ok(taken) = batch.receive(socket) {
                count += taken as u64;
                if taken < BATCH {
                    break;
                }
            }
            // A far end that is gone already is the end of the run.
            count += u64::from(socket.send(&packet).is_ok());
        }
        told(count);
    }
}

fn worker(sockets: Vec<UdpSocket>, _: &Ended) -> Running {
    let (sender, events) = tokio::sync::mpsc::channel(8192);
    let worker = Worker::spawn(Configuration::default(), Clock::start(), sender).expect("a worker");
    let arena = arena();
    for (call, socket) in sockets.into_iter().enumerate() {
        let id = StreamId { call: call as u32, leg: 0 };
        for command in [WorkerCommand::Open(Box::new(open(id)), socket), WorkerCommand::Media(play(id, &arena))] {
            worker.send(command).expect("taken");
        }
    }
    Running::Media(worker, events)
}

fn arena() -> Arc<Arena> {
    let mut builder = ArenaBuilder::default();
    builder.clip("prompt", &[1000; 48_000], 8_000).expect("room");
    Arc::new(builder.build())
}

fn play(id: StreamId, arena: &Arc<Arena>) -> Command {
    let spans = arena.span("prompt").into_iter().collect();
    Command::Play { id, play: 1, arena: arena.clone(), spans, looped: true, from: 0 }
}

fn open(id: StreamId) -> Open {
    let remote = "127.0.0.1:9".parse().expect("an address");
    Open {
        id,
        session: Negotiated {
            codec: Codec::Pcmu,
            payload_type: 0,
            receive_payload_type: 0,
            event_send: Some(101),
            event_receive: Some(101),
            event_clock: 8_000,
            remote,
            direction: Direction::SendRecv,
            rtcp_mux: false,
            srtp: None,
        },
        signalling: remote.ip(),
        media_from: Vec::new(),
        ssrc: 1,
        sequence: 1,
        timestamp: 1,
        gated: false,
    }
}

/// Microseconds that the thread of that name has had of a core.
fn cpu_of(name: &str) -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("/proc");
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path);
    let task = tasks
        .flatten()
        .find(|task| read(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name))
        .expect("the thread");
    // A thread that ended while we looked is not the one.
    let line = read(task.path().join("schedstat")).expect("schedstat");
    line.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).expect("schedstat") / 1e3
}
