//! What the codecs cost for 20 ms of sound, and a packet in a bridge from each to each: `cargo bench --bench codecs`.

mod meter;

use askonce::audio::codec::{Decoder, Encoder, FRAME, LONGEST, SAMPLES};
use askonce::codec::Codec;
use askonce::media::{Command, Event, Open, Sink, StreamId, Streams};
use askonce::rtp::packet::{HEADER, Header};
use askonce::sdp::{Direction, Negotiated};
use askonce::time::Instant;
use meter::{Work, measure};
use std::f64::consts::TAU;
use std::hint::black_box;
use std::net::SocketAddr;

/// Frames of each work; they are gone through again and again.
const FRAMES: usize = 50;

struct Nowhere;

impl Sink for Nowhere {
    fn send(&mut self, _: StreamId, _: SocketAddr, packet: &[u8]) {
        black_box(packet);
    }
    fn report(&mut self, _: StreamId, _: SocketAddr, _: &[u8]) {}
    fn event(&mut self, _: Event) {}
    fn connect(&mut self, _: StreamId, _: SocketAddr) {}
    fn disconnect(&mut self, _: StreamId) {}
}

fn main() {
    let mut works: Vec<(String, Box<dyn FnMut()>)> = Vec::new();
    for codec in Codec::ALL {
        let frames: Vec<[i16; SAMPLES]> = (0..FRAMES).map(|n| spoken(codec, n)).collect();
        let packets = packets(codec);
        let (mut encoder, mut at) = (Encoder::new(codec), 0);
        let encode = move || {
            at = (at + 1) % FRAMES;
            black_box(encoder.encode(&frames[at], &mut [0; FRAME]));
        };
        works.push((format!("encode {}", codec.name()), Box::new(encode)));
        let (mut decoder, mut at, sounds) = (Decoder::new(codec), 0, packets.clone());
        let decode = move || {
            at = (at + 1) % FRAMES;
            black_box(decoder.decode(&sounds[at], &mut [0; LONGEST]));
        };
        works.push((format!("decode {}", codec.name()), Box::new(decode)));
        let mut decoder = Decoder::new(codec);
        let conceal = move || {
            decoder.decode(&packets[7], &mut [0; LONGEST]);
            decoder.conceal(&packets[9], &mut [0; LONGEST][..codec.samples()]);
        };
        works.push((format!("decode and fill {}", codec.name()), Box::new(conceal)));
    }
    for (from, to) in Codec::ALL.into_iter().flat_map(|from| Codec::ALL.map(|to| (from, to))) {
        works.push((format!("bridge {} to {}", from.name(), to.name()), Box::new(bridge(from, to))));
    }
    for codec in Codec::ALL {
        works.push((format!("make a bridge's {}", codec.name()), Box::new(make(codec))));
    }
    let mut works: Vec<Work> = works
        .iter_mut()
        .map(|(name, once)| Work { name: Box::leak(name.clone().into_boxed_str()), times: 20, once: &mut **once })
        .collect();
    measure(&mut works);
}

fn make(codec: Codec) -> impl FnMut() {
    move || {
        black_box((Encoder::new(codec), Decoder::new(codec)));
    }
}

/// A voice: pulses that ring, and some noise.
fn spoken(codec: Codec, frame: usize) -> [i16; SAMPLES] {
    let rate = codec.rate() as f64;
    std::array::from_fn(|i| {
        let t = (frame * codec.samples() + i) as f64 / rate;
        let since = (t * 120.0).fract() / 120.0;
        let ring = (since * 600.0 * TAU).sin() + 0.5 * (since * 1_700.0 * TAU).sin();
        let noise = ((i * 7_919 + frame * 104_729) % 1_009) as f64 / 1_009.0 - 0.5;
        (6_000.0 * ring * (-since * 300.0).exp() + 300.0 * noise) as i16
    })
}

fn packets(codec: Codec) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(codec);
    (0..FRAMES).map(|n| encoder.encode(&spoken(codec, n), &mut [0; FRAME]).to_vec()).collect()
}

/// A packet of one leg, from the datagram to the other leg's.
fn bridge(from: Codec, to: Codec) -> impl FnMut() {
    let mut streams = Streams::default();
    for (leg, codec) in [(0, from), (1, to)] {
        streams.command(Command::Open(Box::new(open(leg, codec))), &mut Nowhere);
    }
    streams.command(Command::Bridge { call: 1, a: 0, b: 1 }, &mut Nowhere);
    let (packets, mut n) = (packets(from), 0_u32);
    move || {
        let payload = &packets[n as usize % FRAMES];
        let mut bytes = [0; HEADER + FRAME];
        let timestamp = n.wrapping_mul(from.units());
        let header =
            Header { marker: false, payload_type: from.payload_type(), sequence: n as u16, timestamp, ssrc: 9 };
        header.write(bytes.first_chunk_mut().expect("room"));
        bytes[HEADER..HEADER + payload.len()].copy_from_slice(payload);
        let now = Instant::from_micros(u64::from(n) * 20_000);
        let id = StreamId { call: 1, leg: 0 };
        let source = SocketAddr::from(([10, 0, 0, 0], 4000));
        streams.on_packet(now, id, source, &mut bytes[..HEADER + payload.len()], &mut Nowhere);
        n += 1;
    }
}

fn open(leg: u8, codec: Codec) -> Open {
    let remote = SocketAddr::from(([10, 0, 0, leg], 4000));
    let payload_type = codec.payload_type();
    Open {
        id: StreamId { call: 1, leg },
        session: Negotiated {
            codec,
            payload_type,
            receive_payload_type: payload_type,
            event_send: None,
            event_receive: None,
            event_clock: codec.clock(),
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
