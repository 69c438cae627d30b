//! No packet and no tick allocates: ten thousand of them through play, keys and bridge, and some through every
//! transcoding; nor does a copy of each on its way to the recorder.

use askonce::audio::codec::{Encoder, FRAME, SAMPLES};
use askonce::audio::dtmf::Tone;
use askonce::audio::rate::Converter;
use askonce::audio::{Arena, ArenaBuilder};
use askonce::codec::Codec;
use askonce::key::Key;
use askonce::keying::{KeyName, Keyring, Master, Ours, Suite};
use askonce::media::{Command, Event, Open, Sink, StreamId, Streams, Tapped, Tapping, Timing};
use askonce::rtp::packet::{HEADER, Header};
use askonce::sdp::{Direction, Negotiated, Srtp};
use askonce::server::recorder::ring::{Inlet, ring};
use askonce::srtp::{OVERHEAD, Outbound};
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
    recorder: Option<Inlet>,
    tapped: u64,
    reports: u64,
}

impl Sink for Counts {
    fn send(&mut self, _: StreamId, _: SocketAddr, _: &[u8]) {
        self.sent += 1;
    }

    fn report(&mut self, _: StreamId, _: SocketAddr, packet: &[u8]) {
        self.reports += u64::from(!packet.is_empty());
    }

    fn event(&mut self, event: Event) {
        self.keys += u64::from(matches!(event, Event::Key { .. }));
        self.tones += u64::from(matches!(event, Event::Tone { .. }));
        self.ended += u64::from(matches!(event, Event::Ended { .. }));
    }

    fn tap(&mut self, tapped: Tapped<'_>) {
        let Some(recorder) = &self.recorder else { return };
        // A full ring is as quick.
        self.tapped += u64::from(recorder.push(Instant::ZERO, &tapped));
    }

    fn connect(&mut self, _: StreamId, _: SocketAddr) {}

    fn disconnect(&mut self, _: StreamId) {}
}

const A: StreamId = StreamId { call: 1, leg: 0 };
const B: StreamId = StreamId { call: 1, leg: 1 };

/// What a phone protects with, and what we do.
fn master(id: StreamId, ours: u32, suite: Suite) -> Master {
    Keyring::new([7; 32]).master((ours, id.leg), KeyName { session: 1, generation: 1 }, suite)
}

fn open(id: StreamId, codec: Codec, event: Option<u8>, suite: Option<Suite>) -> Command {
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
            event_clock: codec.clock(),
            remote,
            direction: Direction::SendRecv,
            rtcp_mux: false,
            srtp: suite.map(|suite| Srtp { ours: Ours::Known(master(id, 1, suite)), theirs: master(id, 0, suite) }),
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
    builder.clip("prompt", &[1000; 16_000], 8_000).expect("room");
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
    run([None, None], false);
}

#[test]
fn nor_do_keys_that_become_tones() {
    run([None, None], true);
}

#[test]
fn nor_do_they_with_srtp() {
    run([Some(Suite::Gcm128), Some(Suite::Cm80)], false);
    run([Some(Suite::Cm32), None], true);
}

/// The legs with their suites; whether B takes keys as tones only.
fn run(suites: [Option<Suite>; 2], tones: bool) {
    const PACKETS: u32 = 10_000;
    let legs = [(A, Codec::Pcmu, suites[0]), (B, Codec::Pcma, suites[1])];
    let mut phones = legs.map(|(id, _, suite)| suite.map(|suite| Outbound::new(&master(id, 0, suite))));
    let (inlet, mut outlet) = ring(1);
    let (mut streams, mut counts) = (Streams::default(), Counts { recorder: Some(inlet), ..Counts::default() });
    let arena = arena();
    for (id, codec, suite) in legs {
        let mut command = open(id, codec, Some(101), suite);
        if let Command::Open(open) = &mut command
            && id == B
        {
            open.session.event_send = open.session.event_send.filter(|_| !tones);
        }
        streams.command(command, &mut counts);
    }
    for (recording, tapping) in [(1, Tapping::Call), (2, Tapping::Take), (3, Tapping::Packets)] {
        streams.command(Command::Tap { id: A, tapping, recording: Some(recording) }, &mut counts);
    }
    for n in 0..PACKETS {
        // Sometimes it is full.
        if n % 3_000 == 2_999 {
            outlet.drain(|_, _| ());
        }
        match n % 1000 {
            0 => {
                let spans = vec![arena.span("prompt").expect("a clip"); 2];
                let play = Command::Play { id: A, play: n, arena: arena.clone(), spans, looped: false, from: 0 };
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
        let mut bytes = [0x55; 172 + OVERHEAD];
        let before = ALLOCATIONS.with(Cell::get);
        for ((id, codec, _), phone) in legs.into_iter().zip(&mut phones) {
            let mut length = write_packet(n, codec, bytes.first_chunk_mut().expect("room"));
            if let Some(phone) = phone {
                length = phone.protect(&mut bytes, length).expect("a new number");
            }
            let source = SocketAddr::from(([10, 0, 0, id.leg], 4000));
            streams.on_packet(now, id, source, &mut bytes[..length], &mut counts);
            streams.on_report(now, id, source, &mut [0x80, 201, 0, 1, 0, 0, 0, 9]);
            streams.tick(now, id, &mut counts);
        }
        assert_eq!(ALLOCATIONS.with(Cell::get), before, "packet {n}");
    }
    let Counts { sent, keys, ended, tapped, reports, .. } = counts;
    assert!((1_000..2 * u64::from(PACKETS)).contains(&tapped), "some of them found room: {tapped}");
    assert!(reports > 60, "{reports}");
    assert_eq!((keys, ended), (2 * u64::from(PACKETS / 10), 10), "the packets did what they are here for");
    assert!(sent > 19_000, "{sent}");
}

/// A second of something like a voice, as packets.
fn spoken(codec: Codec) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(codec);
    let frame = |n: usize| {
        let sound = |i: usize| ((n * SAMPLES + i) % 133 * 60) as i16 - ((n * 77 + i * 31) % 997) as i16;
        encoder.encode(&std::array::from_fn(sound), &mut [0; FRAME]).to_vec()
    };
    (0..50).map(frame).collect()
}

/// The library allocates so often where a packet of Opus repairs the one that was lost before it. To do without the
/// repair would be heard.
const REPAIR: u64 = 2;

/// Both ways, with losses, comfort noise and pauses.
#[test]
fn transcoding_does_not_allocate() {
    for (from, to) in Codec::ALL.into_iter().flat_map(|from| Codec::ALL.map(|to| (from, to))) {
        let (mut streams, mut counts) = (Streams::default(), Counts::default());
        let legs = [(A, from, spoken(from)), (B, to, spoken(to))];
        for (id, codec, _) in &legs {
            streams.command(open(*id, *codec, Some(101), None), &mut counts);
        }
        streams.command(Command::Bridge { call: 1, a: 0, b: 1 }, &mut counts);
        for n in 0..300_u32 {
            let now = Instant::from_micros(u64::from(n) * 20_000);
            let before = ALLOCATIONS.with(Cell::get);
            for (id, codec, packets) in legs.iter().filter(|_| n % 17 != 5) {
                let sound = &packets[n as usize % packets.len()];
                let noise = (60..80).contains(&n) && codec.clock() == 8_000;
                let (payload_type, payload) = if noise { (13, &[60][..]) } else { (codec.payload_type(), &sound[..]) };
                let timestamp = n * codec.units() + n / 100 * 48_000;
                let mut bytes = [0; HEADER + FRAME];
                Header { marker: false, payload_type, sequence: n as u16, timestamp, ssrc: 9 }
                    .write(bytes.first_chunk_mut().expect("room"));
                bytes[HEADER..HEADER + payload.len()].copy_from_slice(payload);
                let source = SocketAddr::from(([10, 0, 0, id.leg], 4000));
                streams.on_packet(now, *id, source, &mut bytes[..HEADER + payload.len()], &mut counts);
                streams.tick(now, *id, &mut counts);
            }
            let gap = n % 17 == 6 && from != to;
            let repaired = if gap { legs.iter().filter(|(_, codec, _)| codec.clock() == 48_000).count() } else { 0 };
            let allocations = ALLOCATIONS.with(Cell::get) - before;
            assert!(allocations <= REPAIR * repaired as u64, "{from:?} to {to:?}, packet {n}: {allocations}");
        }
        assert!(counts.sent > 500, "{from:?} to {to:?}: {}", counts.sent);
    }
}

/// Two legs without telephone-event press keys and hear tones, and the packets that are lost in between.
#[test]
fn tones_do_not_allocate_either() {
    const PACKETS: u32 = 1_000;
    for codec in Codec::ALL {
        let (mut streams, mut counts) = (Streams::default(), Counts::default());
        for id in [A, B] {
            streams.command(open(id, codec, None, None), &mut counts);
        }
        let (mut converter, mut encoder) = (Converter::new(8_000, codec.rate()), Encoder::new(codec));
        let sound: Vec<i16> = Tone::new(Key::POUND, 8 * 160).chain([0; 12 * 160]).collect();
        let packet = |narrow: &[i16]| {
            let mut samples = [0; SAMPLES];
            converter.convert(narrow, &mut samples);
            encoder.encode(&samples, &mut [0; FRAME]).to_vec()
        };
        let packets: Vec<_> = sound.chunks(160).map(packet).collect();
        for n in 0..PACKETS {
            if n % 100 == 0 {
                let keys = vec![Key::STAR; 4];
                streams.command(Command::Press { id: A, keys, timing: Timing::default() }, &mut counts);
            }
            let now = Instant::from_micros(u64::from(n) * 20_000);
            let (payload, payload_type) = (&packets[n as usize % 20], codec.payload_type());
            let mut bytes = [0; HEADER + FRAME];
            Header { marker: false, payload_type, sequence: n as u16, timestamp: codec.units() * n, ssrc: 9 }
                .write(bytes.first_chunk_mut().expect("room"));
            bytes[HEADER..HEADER + payload.len()].copy_from_slice(payload);
            let before = ALLOCATIONS.with(Cell::get);
            if n % 20 != 4 {
                let source = SocketAddr::from(([10, 0, 0, 1], 4000));
                streams.on_packet(now, B, source, &mut bytes[..HEADER + payload.len()], &mut counts);
            }
            for id in [A, B] {
                streams.tick(now, id, &mut counts);
            }
            assert_eq!(ALLOCATIONS.with(Cell::get), before, "{codec:?}, packet {n}");
        }
        assert_eq!(
            (counts.tones, counts.keys),
            (u64::from(PACKETS / 20), 0),
            "{codec:?}: a press every twenty packets"
        );
    }
}

/// Three legs that hear each other, with losses and pauses.
#[test]
fn three_that_are_joined_do_not_allocate() {
    let (mut streams, mut counts) = (Streams::default(), Counts::default());
    let legs: Vec<_> = (0..).zip([Codec::Pcmu, Codec::Pcma, Codec::G722]).collect();
    let voices: Vec<_> = legs.iter().map(|(_, codec)| spoken(*codec)).collect();
    for &(leg, codec) in &legs {
        streams.command(open(StreamId { call: 1, leg }, codec, Some(101), None), &mut counts);
    }
    streams.command(Command::Join { call: 1, legs: [0, 1, 2] }, &mut counts);
    for n in 0..1_000_u32 {
        let now = Instant::from_micros(u64::from(n) * 20_000);
        let before = ALLOCATIONS.with(Cell::get);
        for (&(leg, codec), packets) in legs.iter().zip(&voices) {
            let id = StreamId { call: 1, leg };
            let sound = &packets[n as usize % packets.len()];
            let mut bytes = [0; HEADER + FRAME];
            let header = Header {
                marker: false,
                payload_type: codec.payload_type(),
                sequence: n as u16,
                timestamp: n * 160,
                ssrc: 9,
            };
            header.write(bytes.first_chunk_mut().expect("room"));
            bytes[HEADER..HEADER + sound.len()].copy_from_slice(sound);
            if n % 17 != 5 && n % 300 > 20 {
                let source = SocketAddr::from(([10, 0, 0, leg], 4000));
                streams.on_packet(now, id, source, &mut bytes[..HEADER + sound.len()], &mut counts);
            }
            streams.tick(now, id, &mut counts);
        }
        assert_eq!(ALLOCATIONS.with(Cell::get), before, "packet {n}");
    }
    assert_eq!(counts.sent, 3_000);
}
