//! A recorded caller's sound, heard again: the way that live sound takes, packet by packet, from a media stream's source to
//! its detector of tones.

use super::pressed::Pressed;
use crate::audio::codec::Law;
use crate::codec::Codec;
use crate::media::{Command, Event, Open, Sink, StreamId, Streams};
use crate::record::fixture::{Fixture, Step};
use crate::record::seam::{Leg, Out};
use crate::rtp::packet::{HEADER, Header};
use crate::sdp::{Direction, Negotiated};
use crate::time::{Duration, Instant};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// Beside the recording.
pub const FILE: &str = "caller.wav";
const RATE: u32 = 8_000;
/// Of a packet: 20 ms.
const SAMPLES: usize = 160;
const MICROS: u64 = 20_000;
const ID: StreamId = StreamId { call: 0, leg: 0 };
const PHONE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// The keys in the caller's sound. The error names the file, what is wrong with it and the remedy.
pub fn hear(folder: &Path, fixture: &Fixture) -> Result<Vec<Pressed>, String> {
    let path = folder.join(FILE);
    let failed = |why: &str| format!("{}: {why}", path.display());
    if !path.exists() {
        let remedy = "record calls with sound, or `askonce import` a capture of the call";
        return Err(failed(&format!("there is no such file: {remedy}")));
    }
    let wav = hound::WavReader::open(&path).map_err(|error| failed(&error.to_string()))?;
    let spec = wav.spec();
    if (spec.channels, spec.sample_rate, spec.bits_per_sample) != (1, RATE, 16) {
        let hound::WavSpec { channels, sample_rate, bits_per_sample, .. } = spec;
        let there = format!("{channels} channels at {sample_rate} Hz in {bits_per_sample} bits");
        return Err(failed(&format!("a caller's sound is one channel at 8000 Hz in 16 bits, and this is {there}")));
    }
    let mut ear = Ear::default();
    let mut packet = Vec::with_capacity(SAMPLES);
    let mut t = from(fixture);
    for sample in wav.into_samples::<i16>() {
        packet.push(sample.map_err(|error| failed(&error.to_string()))?);
        if packet.len() == SAMPLES {
            ear.hear(t, &packet);
            packet.clear();
            t += MICROS;
        }
    }
    packet.resize(SAMPLES, 0);
    ear.hear(t, &packet);
    Ok(ear.told.pressed)
}

/// When its first sample came: with the answer, if the recording does not say.
fn from(fixture: &Fixture) -> u64 {
    if let Some(from) = fixture.header.wav_from {
        return from;
    }
    let listens = |step: &Step| matches!(step, Step::Out(Out::Listen { leg: Leg::Caller, .. }));
    fixture.lines.iter().find(|line| listens(&line.step)).map_or(0, |line| line.t)
}

/// The media stream of a phone without telephone-event.
struct Ear {
    streams: Streams,
    told: Told,
    sent: u32,
}

#[derive(Default)]
struct Told {
    t: u64,
    pressed: Vec<Pressed>,
}

impl Sink for Told {
    fn send(&mut self, _: StreamId, _: SocketAddr, _: &[u8]) {}

    fn report(&mut self, _: StreamId, _: SocketAddr, _: &[u8]) {}

    fn event(&mut self, event: Event) {
        if let Event::Tone { key, .. } = event {
            self.pressed.push(Pressed { t: self.t, key });
        }
    }

    fn connect(&mut self, _: StreamId, _: SocketAddr) {}

    fn disconnect(&mut self, _: StreamId) {}
}

impl Default for Ear {
    fn default() -> Ear {
        let session = Negotiated {
            codec: Codec::Pcmu,
            payload_type: 0,
            receive_payload_type: 0,
            event_send: None,
            event_receive: None,
            event_clock: RATE,
            remote: PHONE,
            direction: Direction::SendRecv,
            rtcp_mux: false,
            srtp: None,
        };
        let open = Open {
            id: ID,
            session,
            signalling: PHONE.ip(),
            media_from: Vec::new(),
            ssrc: 1,
            sequence: 0,
            timestamp: 0,
            gated: false,
        };
        let (mut streams, mut told) = (Streams::default(), Told::default());
        streams.command(Command::Open(Box::new(open)), &mut told);
        Ear { streams, told, sent: 0 }
    }
}

impl Ear {
    /// A packet that came then.
    fn hear(&mut self, t: u64, samples: &[i16]) {
        let Some(law) = Law::of(Codec::Pcmu) else { return };
        let mut bytes = vec![0; HEADER];
        let timestamp = self.sent.wrapping_mul(SAMPLES as u32);
        let header = Header { marker: false, payload_type: 0, sequence: self.sent as u16, timestamp, ssrc: 2 };
        if let Some(head) = bytes.first_chunk_mut() {
            header.write(head);
        }
        bytes.extend(samples.iter().map(|sample| (law.encode)(*sample)));
        self.sent = self.sent.wrapping_add(1);
        self.told.t = t;
        self.streams.on_packet(Instant::ZERO + Duration::from_micros(t), ID, PHONE, &mut bytes, &mut self.told);
    }
}
