//! The bridge, one direction of it: a packet of one leg goes out on the other, between legs of one codec by a new header
//! before the same payload, else decoded and coded anew.

use super::stream::Stream;
use super::transcode::Transcoder;
use super::{Sink, Timing};
use crate::audio::codec;
use crate::codec::Codec;
use crate::key::Key;
use crate::rtp::event::PACKED;
use crate::rtp::packet::HEADER;
use crate::rtp::{Header, Place};
use crate::time::Instant;
use std::ops::Range;

/// A packet that one leg took and the other is to send.
#[derive(Debug)]
pub struct Passing {
    pub header: Header,
    pub payload: Range<usize>,
    pub kind: Kind,
    pub place: Place,
    pub begun: Begun,
}

/// The presses that an event packet begins.
pub type Begun = [Option<Key>; PACKED];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Audio(Codec),
    /// An event with durations in units of this clock.
    Event {
        clock: u32,
    },
    /// Comfort noise.
    Noise,
}

/// What is needed to send what another leg hears.
#[derive(Debug, Default)]
pub struct Path {
    /// The codec of the other leg, and ours.
    codecs: Option<(Codec, Codec)>,
    mapping: Option<Mapping>,
    transcoder: Option<Box<Transcoder>>,
    /// A press began on this path: what comes of one that began before would be a press of its own to the far end.
    pressed: bool,
    /// Beside a transcoder: an event's timestamp, and what it became.
    event: Option<(u32, u32)>,
}

/// How the source's numbers become ours; kept while both run on without a break.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    ssrc: u32,
    /// The source's first packet under this mapping: nothing before it may be passed on.
    first: u16,
    sequence: u16,
    timestamp: u32,
}

impl Path {
    /// Whatever is passed on next begins anew.
    pub fn interrupt(&mut self) {
        (self.mapping, self.event, self.pressed) = (None, None, false);
        if let Some(transcoder) = &mut self.transcoder {
            transcoder.restart();
        }
    }

    /// The codecs of the other leg and of ours. Returns how many frames the transcoder that was there had made up.
    pub fn set(&mut self, codecs: Option<(Codec, Codec)>) -> u64 {
        if self.codecs == codecs {
            return 0;
        }
        let concealed = self.concealed();
        let transcoder = codecs.and_then(|(from, to)| Transcoder::new(from, to));
        *self = Path { codecs, transcoder, ..Path::default() };
        concealed
    }

    pub fn concealed(&self) -> u64 {
        self.transcoder.as_ref().map_or(0, |transcoder| transcoder.concealed)
    }

    /// A frame of comfort noise, while the other leg sends that instead of sound.
    pub fn noise<'o>(&mut self, out: &'o mut [u8; codec::FRAME]) -> Option<&'o [u8]> {
        let frame = self.transcoder.as_mut()?.noise(out)?;
        self.event = None;
        Some(frame)
    }
}

impl Stream {
    /// Sends another leg's packet on this one. What this leg cannot or must not send now is counted.
    pub fn relay(&mut self, now: Instant, passing: &Passing, bytes: &mut [u8], sink: &mut impl Sink) {
        if matches!(passing.kind, Kind::Event { .. }) && self.session.event_send.is_none() {
            return self.press_begun(passing.begun);
        }
        let Some(payload) = bytes.get_mut(passing.payload.clone()) else { return };
        if let (Kind::Audio(codec), Some(_)) = (passing.kind, &self.player) {
            self.holder.sent(now, codec, payload);
        }
        if self.speaks(now) || !self.may_send() {
            self.path.interrupt();
            self.statistics.unrelayed += 1;
            return;
        }
        let event_send = match passing.kind {
            Kind::Audio(from) => {
                codec::transcode(from, self.law_of(from), payload);
                Some(self.session.payload_type)
            }
            Kind::Event { clock } => {
                self.path.pressed |= passing.begun[0].is_some();
                scale_durations(payload, clock, self.session.event_clock);
                self.session.event_send.filter(|_| self.path.pressed)
            }
            Kind::Noise => {
                // Nobody agreed on it: a leg of the same codec hears silence.
                if let Some(transcoder) = &mut self.path.transcoder {
                    transcoder.begin_noise(payload);
                }
                return;
            }
        };
        let Some(payload_type) = event_send.filter(|_| self.path.transcoder.is_none() || passing.place != Place::Late)
        else {
            self.statistics.unrelayed += 1;
            return;
        };
        match self.path.transcoder.take() {
            None => self.pass_on(now, payload_type, passing, bytes, sink),
            Some(mut transcoder) => {
                match passing.kind {
                    Kind::Audio(_) => self.send_coded(now, &mut transcoder, passing, payload, sink),
                    _ => {
                        transcoder.pass_over(passing);
                        self.pass_event(now, payload_type, passing, payload, sink);
                    }
                }
                self.path.transcoder = Some(transcoder);
            }
        }
    }

    /// This leg's far end knows no telephone-event: it hears the other leg's keys as tones. A press is one of ours however
    /// long it is held there, for its end would have to be waited for.
    fn press_begun(&mut self, begun: Begun) {
        for key in begun.into_iter().flatten() {
            let silent = self.player.is_some() || !self.may_send();
            if silent || !self.press(&[key], Timing::default()) {
                self.statistics.unrelayed += 1;
            }
        }
    }

    /// The law of G.711 that a payload has to be in: ours, or the one that is decoded from.
    fn law_of(&self, from: Codec) -> Codec {
        match (&self.path.transcoder, self.path.codecs) {
            (Some(_), Some((agreed, _))) if agreed.is_law() => agreed,
            (Some(_), _) => from,
            (None, _) => self.session.codec,
        }
    }

    fn pass_on(&mut self, now: Instant, payload_type: u8, passing: &Passing, bytes: &mut [u8], sink: &mut impl Sink) {
        let Some(header) = self.map(now, passing) else {
            self.statistics.unrelayed += 1;
            return;
        };
        // A header without CSRCs and extension is never longer than the one that came: ours fits before the payload.
        let Range { start, end } = passing.payload;
        let Some(packet) = start.checked_sub(HEADER).and_then(|start| bytes.get_mut(start..end)) else { return };
        let Some(head) = packet.first_chunk_mut::<HEADER>() else { return };
        Header { payload_type, ..header }.write(head);
        self.send(packet, sink);
    }

    fn send_coded(
        &mut self,
        now: Instant,
        transcoder: &mut Transcoder,
        passing: &Passing,
        payload: &[u8],
        sink: &mut impl Sink,
    ) {
        let start = self.pace.stamp_of(now);
        transcoder.take(passing, payload, start, |frame| {
            self.gap = frame.marker;
            self.pace.sent(frame.timestamp);
            self.send_payload(self.session.payload_type, frame.timestamp, frame.payload, sink);
            self.gap = true;
        });
    }

    /// An event between legs whose timestamps have nothing in common: all packets of one press bear one of ours.
    fn pass_event(&mut self, now: Instant, payload_type: u8, passing: &Passing, payload: &[u8], sink: &mut impl Sink) {
        let theirs = passing.header.timestamp;
        let kept = self.path.event.filter(|event| event.0 == theirs);
        let (_, timestamp) = *self.path.event.insert(kept.unwrap_or_else(|| (theirs, self.pace.stamp_of(now))));
        self.gap = kept.is_none();
        self.send_payload(payload_type, timestamp, payload, sink);
        self.gap = true;
    }

    /// The header under our SSRC. Gaps and order of the source stay visible in our sequence, so that the far
    /// end conceals what was lost. `None` for a straggler from before the mapping.
    fn map(&mut self, now: Instant, passing: &Passing) -> Option<Header> {
        let Header { sequence, timestamp, ssrc, .. } = passing.header;
        let kept = self.path.mapping.filter(|kept| kept.ssrc == ssrc && passing.place != Place::Restarted);
        let mapping = kept.unwrap_or_else(|| Mapping {
            ssrc,
            first: sequence,
            sequence: self.sequence.wrapping_sub(sequence),
            timestamp: self.pace.stamp_of(now).wrapping_sub(timestamp),
        });
        if passing.place != Place::Late {
            self.path.mapping = Some(mapping);
        } else if kept.is_none() || (sequence.wrapping_sub(mapping.first) as i16) < 0 {
            return None;
        }
        let header = Header {
            marker: passing.header.marker || kept.is_none(),
            payload_type: 0,
            sequence: sequence.wrapping_add(mapping.sequence),
            timestamp: timestamp.wrapping_add(mapping.timestamp),
            ssrc: self.ssrc,
        };
        if passing.place != Place::Late {
            self.sequence = header.sequence.wrapping_add(1);
            self.pace.sent(header.timestamp);
            self.gap = true;
        }
        Some(header)
    }
}

/// Durations of an event in another clock's units; one that does not fit is as long as can be said.
fn scale_durations(payload: &mut [u8], from: u32, to: u32) {
    if from == to {
        return;
    }
    for [_, _, high, low] in payload.as_chunks_mut::<4>().0 {
        let duration = u64::from(u16::from_be_bytes([*high, *low])) * u64::from(to) / u64::from(from.max(1));
        [*high, *low] = u16::try_from(duration).unwrap_or(u16::MAX).to_be_bytes();
    }
}
