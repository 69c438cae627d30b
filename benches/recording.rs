//! What recording costs: a packet each way in the media worker, without and with a copy for the recorder, and what the
//! recorder does with the two: `cargo bench --bench recording`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark writes a file")]

mod meter;

use askonce::audio::codec::{Encoder, FRAME, SAMPLES};
use askonce::codec::Codec;
use askonce::media::tape::Tape;
use askonce::media::{Command, Event, Kind, Open, Side, Sink, StreamId, Streams, Tapped, Tapping};
use askonce::rtp::packet::{HEADER, Header};
use askonce::sdp::{Direction, Negotiated};
use askonce::server::recorder::folder;
use askonce::server::recorder::ring::{Inlet, Outlet, ring};
use askonce::time::Instant;
use meter::{Work, measure};
use std::net::SocketAddr;

const TIMES: u32 = 500;
const ID: StreamId = StreamId { call: 1, leg: 0 };

#[derive(Default)]
struct Wire {
    now: Instant,
    recorder: Option<Inlet>,
}

impl Sink for Wire {
    fn send(&mut self, _: StreamId, _: SocketAddr, packet: &[u8]) {
        std::hint::black_box(packet);
    }
    fn report(&mut self, _: StreamId, _: SocketAddr, _: &[u8]) {}
    fn event(&mut self, _: Event) {}
    fn connect(&mut self, _: StreamId, _: SocketAddr) {}
    fn disconnect(&mut self, _: StreamId) {}
    fn tap(&mut self, tapped: Tapped<'_>) {
        if let Some(recorder) = &self.recorder {
            assert!(recorder.push(self.now, &tapped));
        }
    }
}

fn main() {
    let mut plain = stream(None);
    let (inlet, mut outlet) = ring(100);
    let mut tapped = stream(Some(inlet));
    let mut count = 0;
    let mut tapped = || {
        tapped();
        count += 1;
        if count % TIMES == 0 {
            outlet.drain(|_, _| ());
        }
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut tapes: Vec<_> = Codec::ALL.into_iter().map(|codec| (codec, tape(codec, folder.path()))).collect();
    let mut works = vec![
        Work { name: "a packet each way", times: TIMES, once: &mut plain },
        Work { name: "the same, tapped", times: TIMES, once: &mut tapped },
    ];
    for (codec, tape) in &mut tapes {
        works.push(Work { name: codec.name(), times: TIMES, once: tape });
    }
    let minima = measure(&mut works);
    println!("tapped / not tapped: {:.2} (of our own work, without the kernel's)", minima[1] / minima[0]);
    // 50 packets each way in a second.
    let share = |nanoseconds: f64| nanoseconds * 50.0 / 1e9 * 100.0;
    println!("% of a core for a call: {:.4} for the media worker, and for the recorder", share(minima[1] - minima[0]));
    println!("memory of a recording: {} kB", memory(folder.path()));
    for (codec, nanoseconds) in Codec::ALL.iter().zip(&minima[2..]) {
        println!("  {:<6}{:.3}", codec.name(), share(*nanoseconds));
    }
}

/// What 500 recordings of G.711 take, each.
fn memory(place: &std::path::Path) -> usize {
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").expect("the kernel's word");
        pages.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).map_or(0, |pages: usize| pages * 4)
    };
    let before = resident();
    let open = |n: u32| {
        let mut wav = folder::create(place, &format!("{n}.wav")).expect("a file");
        let (mut tape, mut out) = (Tape::new(Instant::ZERO), Vec::new());
        for number in 0..100 {
            let (side, kind) = (Side::Said, Kind::Audio(Codec::Pcmu));
            let (header, payload) = (header(number, number * 160), &[7; 160][..]);
            let tapped = Tapped { recording: n, number, side, kind, header, payload };
            tape.take(Instant::from_micros(u64::from(number) * 20_000), &tapped, &mut out);
            folder::write(&mut wav, &out).expect("written");
            out.clear();
        }
        (wav, tape)
    };
    let tapes: Vec<_> = (0..500).map(open).collect();
    (resident() - before) / tapes.len()
}

/// A caller's stream, which plays silence; each time a packet comes and one goes.
fn stream(recorder: Option<Inlet>) -> impl FnMut() {
    let remote = SocketAddr::from(([10, 0, 0, 1], 4000));
    let (mut streams, mut wire, mut n) = (Streams::default(), Wire::default(), 0_u32);
    let session = Negotiated {
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
    };
    let (ssrc, sequence, timestamp) = (1, 1, 1);
    let (signalling, media_from, gated) = (remote.ip(), Vec::new(), false);
    let open = Open { id: ID, session, signalling, media_from, ssrc, sequence, timestamp, gated };
    streams.command(Command::Open(Box::new(open)), &mut wire);
    if recorder.is_some() {
        streams.command(Command::Tap { id: ID, tapping: Tapping::Call, recording: Some(1) }, &mut wire);
    }
    wire.recorder = recorder;
    move || {
        wire.now = Instant::from_micros(u64::from(n) * 20_000);
        let mut bytes = [0x55; HEADER + 160];
        header(n, n * 160).write(bytes.first_chunk_mut().expect("room"));
        streams.on_packet(wire.now, ID, remote, &mut bytes, &mut wire);
        streams.tick(wire.now, ID, &mut wire);
        n += 1;
    }
}

fn header(n: u32, timestamp: u32) -> Header {
    Header { marker: false, payload_type: 0, sequence: n as u16, timestamp, ssrc: 9 }
}

/// A recording of a second of noise, over and over; each time two packets come out of the ring and go to its file.
fn tape(codec: Codec, place: &std::path::Path) -> impl FnMut() {
    let mut encoder = Encoder::new(codec);
    let sound = |n: usize| std::array::from_fn::<i16, SAMPLES, _>(|i| ((n * 77 + i * 31) % 9_973) as i16 - 4_986);
    let packets: Vec<Vec<u8>> = (0..50).map(|n| encoder.encode(&sound(n), &mut [0; FRAME]).to_vec()).collect();
    let (inlet, mut outlet): (Inlet, Outlet) = ring(1);
    let mut wav = folder::create(place, &format!("{}.wav", codec.name())).expect("a file");
    let (mut tape, mut out, mut n) = (Tape::new(Instant::ZERO), Vec::new(), 0_u32);
    move || {
        let now = Instant::from_micros(u64::from(n) * 20_000);
        for (number, side) in [(2 * n, Side::Said), (2 * n + 1, Side::Heard)] {
            let (kind, payload) = (Kind::Audio(codec), &packets[n as usize % 50][..]);
            let header = header(n, n * codec.units());
            assert!(inlet.push(now, &Tapped { recording: 1, number, side, kind, header, payload }));
        }
        outlet.drain(|at, tapped| tape.take(at, tapped, &mut out));
        folder::write(&mut wav, &out).expect("written");
        out.clear();
        if n % 50 == 0 {
            folder::flush(&mut wav).expect("flushed");
        }
        n += 1;
    }
}
