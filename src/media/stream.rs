//! One stream: what it takes from its far end, and what it sends at each step.

use super::ear::Ear;
use super::guard::Guard;
use super::holder::Holder;
use super::mix::Seat;
use super::mouth::Mouth;
use super::pace::Pace;
use super::player::Player;
use super::press::{Pressed, Presses};
use super::relay::{Begun, Kind, Passing, Path};
use super::report::Reporter;
use super::source::Source;
use super::tap::{Side, Tap, Tapping};
use super::{Event, Open, Sink, Statistics, StreamId, Timing};
use crate::audio::codec::{self, FRAME, SAMPLES};
use crate::codec::Codec;
use crate::key::Key;
use crate::rtp::packet::HEADER;
use crate::rtp::{Header, NotRtp, Order, Place, rtcp};
use crate::sdp::Negotiated;
use crate::time::{Duration, Instant};
use std::net::SocketAddr;
use std::ops::Range;

/// Comfort noise (RFC 3389). We neither offer it nor agree on it, but whoever sends it all the same is understood.
const COMFORT_NOISE: u8 = 13;

/// Nothing came for so long, no report either: somebody should ask whether the far end is still there. RFC 3550 section 6.3.5
/// gives a member 25 s, and many a phone sends neither sound nor reports on hold.
const SILENCE: Duration = Duration::from_secs(60);

/// From one SSRC of ours to the next. It is odd: none comes again before all others did.
const NEXT_SSRC: u32 = 0x9e37_79b9;

#[derive(Debug)]
pub struct Stream {
    id: StreamId,
    /// What is agreed on now.
    pub(super) session: Negotiated,
    pub(super) ssrc: u32,
    /// Of the next packet.
    pub(super) sequence: u16,
    pub(super) pace: Pace,
    pub(super) player: Option<Player>,
    /// Keys that we press, and what they are said with.
    pub(super) presses: Presses,
    mouth: Option<Box<Mouth>>,
    pub(super) path: Path,
    /// Our own frames paused: the next one bears the marker (RFC 3551 section 4.1).
    pub(super) gap: bool,
    pub(super) statistics: Statistics,
    /// The leg that this one is bridged with.
    pub(super) bridged: Option<u8>,
    pub(super) holder: Holder,
    /// By what they are for.
    taps: [Option<Tap>; 3],
    /// Its place among three that are joined.
    pub(super) seat: Option<Box<Seat>>,
    gated: bool,
    /// When something last came from the far end, or was last missed.
    heard: Option<Instant>,
    pub(super) reporter: Reporter,
    source: Source,
    guard: Guard,
    order: Order,
    ear: Ear,
}

impl Stream {
    pub fn new(open: Open) -> Self {
        Self {
            id: open.id,
            ssrc: open.ssrc,
            sequence: open.sequence,
            pace: Pace::new(open.timestamp, open.session.codec.units()),
            player: None,
            presses: Presses::default(),
            mouth: Mouth::of(&open.session),
            path: Path::default(),
            gap: true,
            statistics: Statistics::default(),
            bridged: None,
            holder: Holder::default(),
            taps: [const { None }; 3],
            seat: None,
            gated: open.gated,
            heard: None,
            reporter: Reporter::new(open.ssrc, open.timestamp),
            source: Source::new(&open),
            guard: Guard::new(open.session.srtp.as_ref()),
            order: Order::default(),
            ear: Ear::new(&open.session),
            session: open.session,
        }
    }

    /// Takes a datagram in, and its protection off. Returns what the bridged leg should send of it.
    pub fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        bytes: &mut [u8],
        sink: &mut impl Sink,
    ) -> Option<Passing> {
        let (header, payload) = self.admit(now, source, bytes, sink)?;
        let place = self.order.place(header.ssrc, header.sequence);
        self.statistics.lost = self.order.lost();
        let sound = bytes.get(payload.clone())?;
        let kind = self.kind(header.payload_type);
        if let Some(tap) = &mut self.taps[Tapping::Packets as usize] {
            tap.take(Side::Said, kind, &header, sound, sink);
        }
        match place {
            Place::Unproven => {
                self.statistics.refused.unproven += 1;
                return None;
            }
            Place::Repeated | Place::Late => self.statistics.late += 1,
            Place::Ahead | Place::Restarted => {}
        }
        self.statistics.received += 1;
        let mut begun = Begun::default();
        self.hear(now, (&header, place), (kind, sound), &mut begun, sink);
        if place != Place::Repeated {
            let [call, take, _] = &mut self.taps;
            for tap in [call, take].into_iter().flatten() {
                tap.take(Side::Said, kind, &header, sound, sink);
            }
        }
        let clock = matches!(kind, Kind::Audio(_)).then(|| self.session.codec.clock());
        self.reporter.received(now, &header, place, clock);
        (place != Place::Repeated && self.bridged.is_some()).then_some(Passing { header, payload, kind, place, begun })
    }

    /// One step of 20 ms, if its frame is due. Returns when the next one is. `others` adds up what those say with whom this
    /// one is joined.
    pub fn step(&mut self, now: Instant, sink: &mut impl Sink, others: impl FnOnce(&mut [i32; SAMPLES])) -> Instant {
        self.gap |= self.pace.leap(now);
        let due = self.due(now);
        if now < due {
            return due;
        }
        if !self.may_send() {
            self.gap = true;
        } else if self.speaks(now) || self.bridged.is_none() {
            self.send_frame(sink);
        } else if let Some(seat) = &mut self.seat {
            let (mut sum, mut frame) = ([0; SAMPLES], [0; FRAME]);
            others(&mut sum);
            let length = seat.code(&sum, &mut frame).len();
            let stamp = self.pace.stamp();
            self.send_payload(self.session.payload_type, stamp, &frame[..length], sink);
        } else {
            self.send_noise(sink);
        }
        self.pace.advance(now, self.player.is_some());
        self.report(now, sink);
        self.due(now)
    }

    /// A report that came to the port beside ours.
    pub fn receive_report(&mut self, now: Instant, source: SocketAddr, bytes: &mut [u8]) {
        if !self.source.reports_from(source) {
            self.statistics.refused.foreign += 1;
            return;
        }
        let length = self.guard.open(bytes, &mut self.statistics);
        if let Some(report) = length.and_then(|length| bytes.get(..length)) {
            self.hear_report(now, report);
        }
    }

    fn hear_report(&mut self, now: Instant, bytes: &[u8]) {
        self.heard = Some(now);
        self.statistics.rtcp += 1;
        if !self.reporter.heard(now, bytes, self.ssrc) {
            self.statistics.refused.malformed += 1;
        }
    }

    /// Sends a report if it is time, on hold as well (RFC 3264 section 5.1), and tells of a far end that has been silent.
    fn report(&mut self, now: Instant, sink: &mut impl Sink) {
        let (id, to) = (self.id, self.source.destination());
        if self.gated || to.ip().is_unspecified() {
            return;
        }
        if now.since(*self.heard.get_or_insert(now)) >= SILENCE {
            self.heard = Some(now);
            sink.event(Event::Silent { id });
        }
        if !self.reporter.is_due(now) {
            return;
        }
        let mut report = [0; rtcp::LONGEST];
        let length = self.reporter.write(now, self.ssrc, self.pace.stamp_of(now), &mut report);
        let beside = (!self.session.rtcp_mux).then(|| self.source.reports_to());
        let sent = self.guard.close_report(&report, length, |packet| match beside {
            None => sink.send(id, to, packet),
            Some(to) => sink.report(id, to, packet),
        });
        self.statistics.reports += u64::from(sent);
    }

    pub fn may_send(&self) -> bool {
        !self.gated && self.session.direction.sends()
    }

    /// Whether we have something to say ourselves: keys, or what plays, unless it is music that gives way to that of whoever
    /// holds.
    pub(super) fn speaks(&self, now: Instant) -> bool {
        let gives_way = |player: &Player| self.bridged.is_some() && player.looped() && self.holder.sounds(now);
        self.presses.pending() || self.player.as_ref().is_some_and(|player| !gives_way(player))
    }

    pub fn ungate(&mut self) {
        self.gated = false;
    }

    pub fn play(&mut self, player: Player) {
        self.player = Some(player);
        self.holder = Holder::default();
        self.path.interrupt();
    }

    pub fn stop(&mut self) {
        self.player = None;
        self.pace.settle();
    }

    /// `false` if these keys cannot wait.
    pub fn press(&mut self, keys: &[Key], timing: Timing) -> bool {
        self.path.interrupt();
        self.presses.press(keys, timing)
    }

    pub fn bridge(&mut self, leg: Option<u8>) {
        self.bridged = leg;
        self.seat = None;
        self.path.interrupt();
        self.expect_keys();
    }

    pub fn join(&mut self, others: [u8; 2]) {
        self.bridge(Some(others[0]));
        self.seat = Some(Seat::new(self.session.codec, others));
    }

    /// Keys of the other leg may have to be pressed here.
    fn expect_keys(&mut self) {
        if self.bridged.is_some() && self.session.event_send.is_none() {
            self.presses.make_room();
        }
    }

    /// From now on it is tapped under that number, or no longer.
    pub fn tap(&mut self, tapping: Tapping, recording: Option<u32>) {
        self.taps[tapping as usize] = recording.map(Tap::new);
    }

    /// The codec of the leg that this one is bridged with.
    pub fn hears(&mut self, codec: Option<Codec>) {
        self.statistics.concealed += self.path.set(codec.map(|codec| (codec, self.session.codec)));
    }

    pub fn codec(&self) -> Codec {
        self.session.codec
    }

    /// What is played goes on at its next frame, in the codec that is agreed on now.
    pub fn retarget(&mut self, session: Negotiated, sink: &mut impl Sink) {
        if self.source.retarget(session.remote) {
            sink.disconnect(self.id);
        }
        self.guard.renew(session.srtp.as_ref());
        if session.codec.clock() != self.session.codec.clock() {
            self.change_source();
        }
        self.pace.set_units(session.codec.units());
        self.ear.agree(&session);
        if (session.codec, session.event_send) != (self.session.codec, self.session.event_send) {
            self.mouth = Mouth::of(&session);
        }
        self.session = session;
        if let Some(seat) = &mut self.seat {
            seat.set_codec(self.session.codec);
        }
        self.expect_keys();
    }

    /// RFC 7160 section 4.1: one SSRC has one clock. Never one that was: a key of SRTP would protect with the same
    /// keystream again.
    fn change_source(&mut self) {
        self.ssrc = self.ssrc.wrapping_add(NEXT_SSRC);
        self.reporter.restart();
        self.path.interrupt();
        if self.guard.restart() {
            // RFC 4568 section 6.4, as at the beginning.
            self.sequence &= 0x7fff;
        }
    }

    pub fn close(self) -> Statistics {
        let ignored = self.ear.ignored();
        let mut statistics = self.statistics;
        statistics.concealed += self.path.concealed();
        statistics.srtp = self.session.srtp.map(|srtp| srtp.theirs.suite());
        statistics.refused.events = ignored.codes + ignored.short;
        self.reporter.tell(self.session.codec.clock(), &mut statistics);
        statistics
    }

    /// Sends a finished packet to the far end.
    pub fn send(&mut self, packet: &[u8], sink: &mut impl Sink) {
        if let Some(tap) = &mut self.taps[Tapping::Call as usize] {
            tap.take_sent(&self.session, packet, sink);
        }
        let (id, to) = (self.id, self.source.destination());
        self.guard.close(packet, &mut self.statistics, |packet| sink.send(id, to, packet));
        self.reporter.sent(packet.len().saturating_sub(HEADER));
    }

    fn due(&mut self, now: Instant) -> Instant {
        let early = self.may_send() && !self.presses.pending() && self.player.as_ref().is_some_and(Player::fresh);
        self.pace.due(now, early)
    }

    /// The header and where the payload lies, of a packet that we may believe. The first one latches its source.
    fn admit(
        &mut self,
        now: Instant,
        source: SocketAddr,
        bytes: &mut [u8],
        sink: &mut impl Sink,
    ) -> Option<(Header, Range<usize>)> {
        if !self.source.trusts(source) {
            self.statistics.refused.foreign += 1;
            return None;
        }
        let length = self.guard.open(bytes, &mut self.statistics)?;
        let refused = &mut self.statistics.refused;
        let (header, payload) = match Header::read(bytes.get(..length)?) {
            Ok(read) => read,
            Err(NotRtp::Rtcp) => {
                self.hear_report(now, bytes.get(..length)?);
                return None;
            }
            Err(_) => {
                refused.malformed += 1;
                return None;
            }
        };
        self.heard = Some(now);
        let agreed = [self.session.event_receive, Some(COMFORT_NOISE)].contains(&Some(header.payload_type));
        if !agreed && self.codec_of(header.payload_type).is_none() {
            self.statistics.refused.payload_type += 1;
            return None;
        }
        if !self.session.direction.receives() {
            self.statistics.refused.on_hold += 1;
            return None;
        }
        if self.source.latch(source) {
            sink.connect(self.id, source);
            if std::mem::take(&mut self.gated) {
                sink.event(Event::Heard { id: self.id });
            }
        }
        Some((header, payload))
    }

    /// The codec of a payload type that may come in: the agreed one, and beside one law of G.711 the other by its static
    /// type, which a peer that answered both may send as well (RFC 3264 section 6.1).
    fn codec_of(&self, payload_type: u8) -> Option<Codec> {
        let agreed = self.session.codec;
        if payload_type == self.session.receive_payload_type {
            return Some(agreed);
        }
        Codec::LAWS.into_iter().find(|law| agreed.is_law() && law.payload_type() == payload_type)
    }

    /// What kind of packet it is, of a payload type that may come in.
    fn kind(&self, payload_type: u8) -> Kind {
        match payload_type {
            event if Some(event) == self.session.event_receive => Kind::Event { clock: self.session.event_clock },
            COMFORT_NOISE => Kind::Noise,
            audio => Kind::Audio(self.codec_of(audio).unwrap_or(self.session.codec)),
        }
    }

    /// Keys in a packet are told, and those of telephone-event noted in `begun`.
    fn hear(
        &mut self,
        now: Instant,
        packet: (&Header, Place),
        (kind, payload): (Kind, &[u8]),
        begun: &mut Begun,
        sink: &mut impl Sink,
    ) {
        let id = self.id;
        if let Kind::Event { .. } = kind {
            let mut places = begun.iter_mut();
            let told = |key| {
                if let Some(place) = places.next() {
                    *place = Some(key);
                }
                sink.event(Event::Key { id, key });
            };
            return self.ear.event(now, packet.0, payload, &mut self.statistics, told);
        }
        let sound = match kind {
            Kind::Audio(codec) => Some((codec, payload)),
            _ => None,
        };
        self.ear.audio(now, packet, sound, &mut self.statistics, |key| sink.event(Event::Tone { id, key }));
    }

    /// Sends what this frame's time is for: a key that we press, what plays, or silence.
    fn send_frame(&mut self, sink: &mut impl Sink) {
        let stamp = self.pace.stamp();
        let silence = codec::silence(self.session.codec);
        let (mut frame, mut length) = ([0; FRAME], silence.len());
        frame[..length].copy_from_slice(silence);
        match self.presses.step(stamp, self.session.event_send.map(|_| self.session.event_clock)) {
            Some(Pressed::Event(update)) => {
                let Some(payload_type) = self.session.event_send else { return };
                let gap = std::mem::replace(&mut self.gap, update.marker);
                self.send_payload(payload_type, update.timestamp, &update.payload, sink);
                self.gap = gap;
                return;
            }
            Some(Pressed::Tone(tone)) => {
                if let Some(mouth) = &mut self.mouth {
                    length = mouth.say(tone, &mut frame).len();
                }
            }
            Some(Pressed::Pause) => {}
            None => length = self.play_frame(&mut frame, sink).unwrap_or(length),
        }
        self.send_payload(self.session.payload_type, stamp, &frame[..length], sink);
    }

    /// The next frame of what plays, if anything does; returns its length.
    fn play_frame(&mut self, frame: &mut [u8; FRAME], sink: &mut impl Sink) -> Option<usize> {
        let (id, player) = (self.id, self.player.as_mut()?);
        let play = player.play;
        let length = player.next_frame(self.session.codec).map(|sound| {
            let length = sound.len().min(FRAME);
            frame[..length].copy_from_slice(&sound[..length]);
            length
        });
        if player.ended() {
            self.player = None;
            sink.event(Event::Ended { id, play });
        }
        length
    }

    /// In a bridge with a leg that sends comfort noise instead of sound.
    fn send_noise(&mut self, sink: &mut impl Sink) {
        let mut frame = [0; FRAME];
        match self.path.noise(&mut frame) {
            None => self.gap = true,
            Some(noise) => {
                let length = noise.len();
                let timestamp = self.pace.stamp();
                self.send_payload(self.session.payload_type, timestamp, &frame[..length], sink);
            }
        }
    }

    /// Sends a packet of our own making: the next in sequence, with the marker if nothing came right before it.
    pub(super) fn send_payload(&mut self, payload_type: u8, timestamp: u32, payload: &[u8], sink: &mut impl Sink) {
        let marker = std::mem::take(&mut self.gap);
        let header = Header { marker, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = [0; HEADER + FRAME];
        let length = payload.len().min(FRAME);
        packet[HEADER..HEADER + length].copy_from_slice(&payload[..length]);
        if let Some(head) = packet.first_chunk_mut() {
            header.write(head);
        }
        self.send(&packet[..HEADER + length], sink);
    }
}
