//! No packet and no tick allocates: ten thousand of them through play, keys and bridge.

use askonce::audio::codec::encode;
use askonce::audio::dtmf::Tone;
use askonce::audio::{Arena, ArenaBuilder};
use askonce::codec::Codec;
use askonce::key::Key;
use askonce::media::{Command, Event, Open, Sink, StreamId, Streams, Timing};
use askonce::rtp::packet::{HEADER, Header};
use askonce::sdp::{Direction, Negotiated};
use askonce::time::Instant;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// An allocator is unsafe by its trait; this one counts and passes on.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Default)]
struct Counts {
    sent: u64,
    keys: u64,
    tones: u64,
    ended: u64,
}

impl Sink for Counts {
    fn send(&mut self, _: StreamId, _: SocketAddr, _: &[u8]) {
        self.sent += 1;
    }

    fn event(&mut self, event: Event) {
        self.keys += u64::from(matches!(event, Event::Key { .. }));
        self.tones += u64::from(matches!(event, Event::Tone { .. }));
        self.ended += u64::from(matches!(event, Event::Ended { .. }));
    }

    fn connect(&mut self, _: StreamId, _: SocketAddr) {}

    fn disconnect(&mut self, _: StreamId) {}
}

const A: StreamId = StreamId { call: 1, leg: 0 };
const B: StreamId = StreamId { call: 1, leg: 1 };

fn open(id: StreamId, codec: Codec, event: Option<u8>) -> Command {
    let remote = SocketAddr::from(([10, 0, 0, id.leg], 4000));
    let payload_type = codec.payload_type();
    Command::Open(Box::new(Open {
        id,
        session: Negotiated {
            codec,
            payload_type,
            receive_payload_type: payload_type,
            event_send: event,
            event_receive: event,
            remote,
            direction: Direction::SendRecv,
            rtcp_mux: false,
        },
        signalling: remote.ip(),
        media_from: Vec::new(),
        ssrc: 1,
        sequence: 1,
        timestamp: 1,
        gated: false,
    }))
}

fn arena() -> Arc<Arena> {
    let mut builder = ArenaBuilder::default();
    builder.clip("prompt", &[1000; 16_000]).expect("room");
    Arc::new(builder.build())
}

/// Packet `n` of a phone that presses a key every 200 ms; returns its length.
fn write_packet(n: u32, codec: Codec, bytes: &mut [u8; 172]) -> usize {
    let event = n % 10 < 6;
    let timestamp = if event { n / 10 * 1600 } else { n * 160 };
    let payload_type = if event { 101 } else { codec.payload_type() };
    let header = Header { marker: false, payload_type, sequence: n as u16, timestamp, ssrc: 9 };
    header.write(bytes.first_chunk_mut().expect("room"));
    if event {
        let [d0, d1] = (160 * (n % 10 + 1) as u16).to_be_bytes();
        let end = u8::from(n % 10 >= 3) << 7;
        bytes[HEADER..HEADER + 4].copy_from_slice(&[5, end, d0, d1]);
        return HEADER + 4;
    }
    bytes.len()
}

#[test]
fn packets_and_ticks_do_not_allocate() {
    const PACKETS: u32 = 10_000;
    let (mut streams, mut counts) = (Streams::default(), Counts::default());
    let arena = arena();
    for (id, codec) in [(A, Codec::Pcmu), (B, Codec::Pcma)] {
        streams.command(open(id, codec, Some(101)), &mut counts);
    }
    for n in 0..PACKETS {
        match n % 1000 {
            0 => {
                let spans = vec![arena.span("prompt").expect("a clip"); 2];
                let play = Command::Play { id: A, play: n, arena: arena.clone(), spans, looped: false };
                streams.command(play, &mut counts);
            }
            500 => streams.command(Command::Bridge { call: 1, a: 0, b: 1 }, &mut counts),
            700 | 900 => {
                let keys = vec![Key::STAR; 2];
                streams.command(Command::Press { id: B, keys, timing: Timing::default() }, &mut counts);
            }
            999 => streams.command(Command::Unbridge { call: 1 }, &mut counts),
            _ => {}
        }
        let now = Instant::from_micros(u64::from(n) * 20_000);
        let mut bytes = [0x55; 172];
        let before = ALLOCATIONS.with(Cell::get);
        for (id, codec) in [(A, Codec::Pcmu), (B, Codec::Pcma)] {
            let length = write_packet(n, codec, &mut bytes);
            let source = SocketAddr::from(([10, 0, 0, id.leg], 4000));
            streams.on_packet(now, id, source, &mut bytes[..length], &mut counts);
            streams.tick(now, id, &mut counts);
        }
        assert_eq!(ALLOCATIONS.with(Cell::get), before, "packet {n}");
    }
    let Counts { sent, keys, ended, .. } = counts;
    assert_eq!((keys, ended), (2 * u64::from(PACKETS / 10), 10), "the packets did what they are here for");
    assert!(sent > 19_000, "{sent}");
}

/// Two legs without telephone-event hear each other's tones, and the packets that are lost in between.
#[test]
fn tones_do_not_allocate_either() {
    const PACKETS: u16 = 4_000;
    let (mut streams, mut counts) = (Streams::default(), Counts::default());
    for (id, codec) in [(A, Codec::Pcmu), (B, Codec::Pcma)] {
        streams.command(open(id, codec, None), &mut counts);
    }
    let tone: Vec<u8> = Tone::new(Key::POUND, 8 * 160).map(|sample| encode(Codec::Pcma, sample)).collect();
    for n in 0..PACKETS {
        if n % 100 == 0 {
            let keys = vec![Key::STAR; 4];
            streams.command(Command::Press { id: A, keys, timing: Timing::default() }, &mut counts);
        }
        let now = Instant::from_micros(u64::from(n) * 20_000);
        let mut bytes = [0xd5; 172];
        let header = Header { marker: false, payload_type: 8, sequence: n, timestamp: 160 * u32::from(n), ssrc: 9 };
        header.write(bytes.first_chunk_mut().expect("room"));
        if let Some(sound) = tone.chunks(160).nth(usize::from(n % 20)) {
            bytes[HEADER..].copy_from_slice(sound);
        }
        let before = ALLOCATIONS.with(Cell::get);
        if n % 20 != 4 {
            streams.on_packet(now, B, SocketAddr::from(([10, 0, 0, 1], 4000)), &mut bytes, &mut counts);
        }
        for id in [A, B] {
            streams.tick(now, id, &mut counts);
        }
        assert_eq!(ALLOCATIONS.with(Cell::get), before, "packet {n}");
    }
    assert_eq!((counts.tones, counts.keys), (u64::from(PACKETS / 20), 0), "a press every twenty packets");
}
