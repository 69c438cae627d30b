//! `call.pcap`: the SIP of a call's two legs as its redacted recording has it, and the caller's packets as they came, with
//! their numbers, times and losses; what they carry is rewritten where nobody may hear or read it.

use super::kept::{Packet, Packets};
use super::keys::Press;
use super::wave::{Wave, audible, heard};
use super::{Unsound, dialogs};
use crate::audio::codec::{Encoder, FRAME, Law, SAMPLES, silence};
use crate::audio::rate::Converter;
use crate::codec::Codec;
use crate::key::Key;
use crate::media::Kind;
use crate::media::tape::RATE;
use crate::record::fixture::{Fixture, Step};
use crate::record::pcap::{self, Datagram};
use crate::record::seam::{KeyCarrier, Leg, Out};
use crate::rtp::event::{PACKED, Receiver};
use crate::rtp::packet::HEADER;
use crate::rtp::{Order, Place};
use crate::time::Instant;
use std::borrow::Cow;
use std::net::SocketAddr;

/// Samples of a frame at 8,000 Hz.
const NARROW: usize = 160;
/// A press is told so long after its first packet came, at most: the control plane may be that busy.
const TOLD: u64 = 2_000_000;
/// Events that packets may still belong to.
const RECENT: usize = 64;

/// The file, with packets that may be seen.
pub fn pcap(packets: &Packets, call: &Fixture) -> Vec<u8> {
    let mut datagrams = dialogs::datagrams(call);
    let (local, mut remotes) = (call.header.local.caller_media, remotes(call).into_iter().peekable());
    let mut remote = SocketAddr::new(local.ip(), 0);
    datagrams.extend(packets.iter().map(|packet| {
        while let Some((_, next)) = remotes.next_if(|(from, _)| *from <= packet.t) {
            remote = next;
        }
        Datagram { t: packet.t, from: remote, to: local, payload: Cow::Owned(bytes(&packet)) }
    }));
    // Stable: SIP before RTP of the same moment, each in its order.
    datagrams.sort_by_key(|datagram| datagram.t);
    pcap::write(call.header.at, datagrams)
}

/// The packets with what they may carry. `wave` is what was heard, without what nobody may hear.
pub fn rewritten(packets: &Packets, presses: &[Press], wave: Wave) -> Result<Packets, Unsound> {
    let wave = wave.with_tones(audible(presses, true));
    let rewritten = rewrite(packets, presses, &wave)?;
    check(&rewritten, presses)?;
    Ok(rewritten)
}

/// Where the caller's media came from, as far as its descriptions say, from which moment on.
fn remotes(call: &Fixture) -> Vec<(u64, SocketAddr)> {
    let remotes = call.lines.iter().filter_map(|line| match &line.step {
        Step::Out(Out::Listen { leg: Leg::Caller, session, .. } | Out::Retarget { leg: Leg::Caller, session })
        | Step::Out(Out::Reanswer { leg: Leg::Caller, session: Some(session), .. }) => Some((line.t, session.remote)),
        _ => None,
    });
    remotes.collect()
}

fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    if let Some(head) = bytes.first_chunk_mut() {
        packet.header.write(head);
    }
    bytes.extend_from_slice(packet.payload.unwrap_or(&[]));
    bytes
}

/// A packet of a key that the call does not know of is left out.
fn rewrite(packets: &Packets, presses: &[Press], wave: &Wave) -> Result<Packets, Unsound> {
    let (mut events, mut sounds) = (Events::of(presses), Sounds { wave, encoder: None });
    let mut rewritten = Packets::default();
    for (packet, place) in packets.iter().zip(&wave.places) {
        let payload = match packet.kind {
            Kind::Event { clock } => events.rewrite(&packet, clock),
            Kind::Audio(codec) => Some(sounds.rewrite(&packet, codec, *place)),
            // A level of noise is one byte; what follows it would shape it (RFC 3389 section 3).
            Kind::Noise => Some(packet.payload.unwrap_or(&[]).iter().take(1).copied().collect()),
        };
        let Some(payload) = payload else { continue };
        rewritten.push(packet.t, packet.header, packet.kind, &payload, false).map_err(|_| Unsound::Long)?;
    }
    Ok(rewritten)
}

/// What is heard in the rewritten packets are keys of the call's that came as tones, in their order; where packets were
/// lost, some of them may be missing.
fn check(packets: &Packets, presses: &[Press]) -> Result<(), Unsound> {
    let mut expected = audible(presses, true).map(|press| press.is);
    let wave = Wave::laid(packets, presses)?;
    match heard(&wave.samples).into_iter().all(|key| expected.any(|expected| expected == key)) {
        true => Ok(()),
        false => Err(Unsound::Heard),
    }
}

/// Keys of telephone-event (RFC 4733): which press a packet belongs to is what the call's own ear made of it.
struct Events<'p> {
    presses: &'p [Press],
    order: Order,
    receiver: Receiver,
    /// What stands for the key of such packets, the newest last.
    known: Vec<(Mark, Key)>,
}

/// What packets of one press share, but for senders whose timestamps move.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    ssrc: u32,
    timestamp: u32,
    code: u8,
}

impl<'p> Events<'p> {
    fn of(presses: &'p [Press]) -> Events<'p> {
        Events { presses, order: Order::default(), receiver: Receiver::new(RATE), known: Vec::new() }
    }

    fn rewrite(&mut self, packet: &Packet<'_>, clock: u32) -> Option<Vec<u8>> {
        let payload = packet.payload?;
        let begun = self.begun(packet, payload, clock);
        let mut begun = begun.into_iter().peekable();
        let mut timestamp = packet.header.timestamp;
        let mut written = vec![0; payload.len()];
        for (index, (entry, out)) in payload.as_chunks::<4>().0.iter().zip(written.as_chunks_mut::<4>().0).enumerate() {
            let [code, flags, d0, d1] = *entry;
            let duration = u16::from_be_bytes([d0, d1]);
            if index == PACKED || index > 0 && duration == 0 {
                break; // Padding, which the ear does not hear either.
            }
            *out = *entry;
            if let Some(key) = Key::from_code(code) {
                let mark = Mark { ssrc: packet.header.ssrc, timestamp, code };
                let is = match begun.next_if(|(was, _)| *was == key) {
                    Some((_, is)) => is?,
                    None => self.meant(mark)?,
                };
                self.know(mark, is);
                out[0] = is.code();
            }
            if flags & 0x80 == 0 {
                break;
            }
            timestamp = timestamp.wrapping_add(u32::from(duration));
        }
        Some(written)
    }

    /// The presses that the packet begins: what was pressed, and what stands in its place if the call knows of it.
    fn begun(&mut self, packet: &Packet<'_>, payload: &[u8], clock: u32) -> Vec<(Key, Option<Key>)> {
        let mut keys = Vec::new();
        if self.order.place(packet.header.ssrc, packet.header.sequence) != Place::Unproven {
            self.receiver.set_clock(clock);
            self.receiver.on_event(Instant::from_micros(packet.t), &packet.header, payload, |key| keys.push(key));
        }
        keys.into_iter().map(|key| (key, self.told(packet.t, key))).collect()
    }

    /// What the call was told of a key whose first packet came at that time.
    fn told(&mut self, t: u64, key: Key) -> Option<Key> {
        let fits = |press: &Press| press.by == KeyCarrier::Rtp && press.was == key && (t..t + TOLD).contains(&press.t);
        let at = self.presses.iter().position(fits)?;
        let is = self.presses[at].is;
        self.presses = &self.presses[at + 1..];
        Some(is)
    }

    /// A packet that begins nothing belongs to the press with its timestamp, or to the last one of its key: there are
    /// senders whose timestamps move.
    fn meant(&self, mark: Mark) -> Option<Key> {
        let of_press = self.known.iter().rfind(|(known, _)| *known == mark);
        let of_key = || self.known.iter().rfind(|(known, _)| known.code == mark.code);
        of_press.or_else(of_key).map(|(_, is)| *is)
    }

    fn know(&mut self, mark: Mark, is: Key) {
        if self.known.contains(&(mark, is)) {
            return;
        }
        if self.known.len() == RECENT {
            self.known.remove(0);
        }
        self.known.push((mark, is));
    }
}

/// Sound: what is as it was stays byte for byte, but in codecs whose packets build on each other.
struct Sounds<'w> {
    wave: &'w Wave,
    encoder: Option<(Codec, Encoder, Converter)>,
}

impl Sounds<'_> {
    fn rewrite(&mut self, packet: &Packet<'_>, codec: Codec, place: Option<(u64, u64)>) -> Vec<u8> {
        let laid = packet.payload.zip(place);
        let Some((payload, (place, length))) = laid else { return still(codec, packet.length) };
        let samples = &self.wave.samples[place as usize..(place + length) as usize];
        if let Some(law) = Law::of(codec) {
            let rewritten = payload.iter().zip(samples).map(|(&byte, &sample)| match (law.decode)(byte) == sample {
                true => byte,
                false => (law.encode)(sample),
            });
            return rewritten.collect();
        }
        self.encode(codec, samples).unwrap_or_else(|| still(codec, packet.length))
    }

    /// Whole frames; several of them in one packet only where a codec is a stream of bytes.
    fn encode(&mut self, codec: Codec, samples: &[i16]) -> Option<Vec<u8>> {
        let (frames, rest) = samples.as_chunks::<NARROW>();
        if !rest.is_empty() || frames.len() != 1 && codec != Codec::G722 {
            return None;
        }
        let fresh = || (codec, Encoder::new(codec), Converter::new(RATE, codec.rate()));
        let known = self.encoder.take().filter(|known| known.0 == codec);
        let (_, encoder, converter) = self.encoder.insert(known.unwrap_or_else(fresh));
        let mut bytes = Vec::with_capacity(frames.len() * FRAME);
        for frame in frames {
            let (mut wide, mut coded) = ([0; SAMPLES], [0; FRAME]);
            converter.convert(frame, &mut wide);
            bytes.extend_from_slice(encoder.encode(&wide, &mut coded));
        }
        Some(bytes)
    }
}

/// Silence, of that length where a codec is a stream of bytes.
fn still(codec: Codec, length: usize) -> Vec<u8> {
    let frame = silence(codec);
    let length = if codec.is_law() || codec == Codec::G722 { length } else { frame.len() };
    frame.iter().cycle().take(length).copied().collect()
}
