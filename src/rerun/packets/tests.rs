//! Callers made up packet by packet, with jitter, losses and what comes twice, and a recorded call around their keys.

use super::*;
use crate::audio::codec::{Encoder, FRAME, LONGEST, SAMPLES};
use crate::audio::dtmf::{Detector, Tone};
use crate::audio::rate::Converter;
use crate::codec::Codec;
use crate::key::Key;
use crate::media::Kind;
use crate::media::tape::{LATE, Lay};
use crate::random::Random;
use crate::record::Fixture;
use crate::record::fixture::{Line, Step};
use crate::record::pcap::Datagram;
use crate::record::seam::{In, KeyCarrier, Leg, Out};
use crate::rerun::redact::{Map, Pressed};
use crate::rtp::Header;
use crate::rtp::event::{Receiver, Sender};
use crate::sip::{Message, wire};
use crate::time::{Duration, Instant};
use std::ops::Range;

const CLEAN: &str = include_str!("../../../fixtures/clean/call.jsonl");
/// When the first packet comes, and what is keyed in: milliseconds behind it, 110 and more apart.
const BEGIN: u64 = 1_013_000;
const PIN: &[(u64, char)] =
    &[(700, '4'), (900, '4'), (1_010, '7'), (1_500, '#'), (2_300, '1'), (2_420, '0'), (3_000, '9')];
/// Seconds of sound.
const LONG: usize = 4;

fn key(c: char) -> Key {
    Key::from_char(c).expect("a key")
}

/// What stands for a key: another digit, what is none stays.
fn pseudonym(key: Key) -> Key {
    match key.to_char().to_digit(10) {
        Some(digit) => Key::from_code((digit as u8 + 3) % 10).expect("a digit"),
        None => key,
    }
}

/// A call with these keys, redacted.
fn recorded(keys: &[(u64, Key, KeyCarrier)]) -> Redacted {
    let mut fixture = Fixture::read(CLEAN).expect("a recording");
    fixture.lines.retain(|line| !matches!(line.step, Step::In(In::Key { .. })));
    let leg = Leg::Caller;
    let line = |&(t, key, by)| Line { t, step: Step::In(In::Key { leg, key: pseudonym(key), by }) };
    fixture.lines.extend(keys.iter().map(line));
    fixture.lines.sort_by_key(|line| line.t);
    let pressed = |&(t, original, by)| Pressed { t, leg, by, original, pseudonym: pseudonym(original) };
    let map = Map { keys: keys.iter().map(pressed).collect(), ..Map::default() };
    Redacted { fixture, map, dropped: 0 }
}

/// What the WAV holds, and what the packets do.
fn said(packets: &Packets, call: &Redacted) -> Result<Wav, Unsound> {
    redact(packets, call, Wanted { wav: true, pcap: false }).map(|sound| sound.wav.expect("as wanted"))
}

fn rewritten(packets: &Packets, call: &Redacted) -> Result<Packets, Unsound> {
    let presses = keys::presses(call)?;
    capture::rewritten(packets, &presses, Wave::of(packets, &presses, &call.map.spans)?)
}

/// Something like a voice.
fn voice(at: usize) -> i16 {
    (at % 133 * 60) as i16 - ((at * 31 + at / 160 * 77) % 997) as i16 - 3_000
}

struct Phone {
    random: Random,
    packets: Packets,
    codec: Codec,
    sequence: u16,
    /// Of packets that are sent, one in so many is lost, comes twice, or comes after the next one.
    weather: u32,
    held: Option<(u64, Header, Kind, Vec<u8>)>,
}

impl Phone {
    fn new(codec: Codec, weather: u32) -> Phone {
        Phone {
            random: Random::from_seed(7),
            packets: Packets::default(),
            codec,
            sequence: 65_530,
            weather,
            held: None,
        }
    }

    fn send(&mut self, slot: usize, timestamp: u32, kind: Kind, payload: &[u8]) {
        let t = BEGIN + slot as u64 * 20_000 + u64::from(self.random.below(9_000));
        let payload_type = if matches!(kind, Kind::Event { .. }) { 101 } else { self.codec.payload_type() };
        let header = Header { marker: slot == 0, payload_type, sequence: self.sequence, timestamp, ssrc: 9 };
        self.sequence = self.sequence.wrapping_add(1);
        let mut push =
            |t, header, kind, payload: &[u8]| self.packets.push(t, header, kind, payload, false).expect("room");
        match self.random.below(3 * self.weather) {
            0 => {}
            1 => [0, 3_000].into_iter().for_each(|later| push(t + later, header, kind, payload)),
            2 if self.held.is_none() => self.held = Some((t, header, kind, payload.to_vec())),
            _ => push(t, header, kind, payload),
        }
        if let Some((_, header, kind, payload)) = self.held.take_if(|held| held.0 != t) {
            push(t + 500, header, kind, &payload);
        }
    }

    /// Speaks, with these sounds in place of its voice.
    fn speak(mut self, tones: &[(u64, char)], events: &[(u64, char)]) -> Packets {
        let mut samples: Vec<i16> = (0..LONG * 8_000).map(voice).collect();
        for &(ms, c) in tones {
            let at = ms as usize * 8;
            samples[at..].iter_mut().zip(Tone::new(key(c), 560)).for_each(|(sample, tone)| *sample = tone);
        }
        let (mut encoder, mut converter) = (Encoder::new(self.codec), Converter::new(8_000, self.codec.rate()));
        let (units, mut sender) = (self.codec.units(), None::<Sender>);
        for slot in 0..LONG * 50 {
            let (mut wide, mut coded) = ([0; SAMPLES], [0; FRAME]);
            converter.convert(&samples[slot * 160..][..160], &mut wide);
            let sound = encoder.encode(&wide, &mut coded);
            let timestamp = 1_000 + slot as u32 * units;
            if let Some((_, c)) = events.iter().find(|(ms, _)| *ms as usize / 20 == slot) {
                sender = Some(Sender::new(key(*c), timestamp, Duration::from_millis(60)).expect("a press"));
            }
            match sender.as_mut().and_then(Sender::step) {
                Some(update) => self.send(slot, update.timestamp, Kind::Event { clock: 8_000 }, &update.payload),
                None => self.send(slot, timestamp, Kind::Audio(self.codec), sound),
            }
        }
        self.packets
    }
}

/// What the call's own ear makes of packets: keys of telephone-event, and of tones.
fn ear(packets: &Packets) -> [Vec<(u64, Key)>; 2] {
    let (mut receiver, mut lay, mut detector) = (Receiver::new(8_000), Lay::default(), Detector::default());
    let [mut events, mut tones] = [Vec::new(), Vec::new()];
    let (mut sound, mut next) = ([0; LONGEST], 0);
    for packet in packets.iter() {
        let (t, payload) = (packet.t, packet.payload.expect("sound"));
        match packet.kind {
            Kind::Event { .. } => {
                receiver.on_event(Instant::from_micros(t), &packet.header, payload, |key| events.push((t, key)));
            }
            Kind::Audio(codec) => {
                let now = t / 125;
                let laid = lay.lay((now, now.saturating_sub(LATE)), (codec, &packet.header), payload, &mut sound);
                let (place, length) = laid.expect("sound");
                if place < next {
                    continue;
                }
                if place > next + 80 {
                    detector.freeze();
                }
                next = place + length as i64;
                detector.hear(sound[..length].iter().copied(), |key| tones.push((t, key)));
            }
            Kind::Noise => {}
        }
    }
    [events, tones]
}

fn pseudonyms(keys: &[(u64, char)]) -> Vec<Key> {
    keys.iter().map(|(_, c)| pseudonym(key(*c))).collect()
}

/// Each key, and when a detector is certain of it.
fn detected(wav: &Wav) -> Vec<(u64, Key)> {
    let (mut detector, mut keys) = (Detector::default(), Vec::new());
    for (place, &sample) in wav.samples.iter().enumerate() {
        detector.hear([sample], |key| keys.push((wav.from + place as u64 * 125, key)));
    }
    keys
}

/// Each carrier in each weather: the sound, what its call was told, and what is in both files.
#[test]
fn a_detector_hears_the_pseudonyms_at_the_times_of_the_keys() {
    for (codec, carrier, weather) in Codec::ALL.into_iter().flat_map(|codec| {
        let carriers = [KeyCarrier::Rtp, KeyCarrier::InBand, KeyCarrier::Info];
        carriers.into_iter().flat_map(move |carrier| [20, 1_000_000].map(|weather| (codec, carrier, weather)))
    }) {
        let phone = Phone::new(codec, weather);
        let packets = match carrier {
            KeyCarrier::Rtp => phone.speak(&[], PIN),
            KeyCarrier::InBand => phone.speak(PIN, &[]),
            // Many a phone says it in the audio as well.
            KeyCarrier::Info => phone.speak(PIN, &[]),
        };
        let told = match (carrier, ear(&packets)) {
            (KeyCarrier::Rtp, [events, _]) => events,
            (KeyCarrier::InBand, [_, tones]) => tones,
            (KeyCarrier::Info, _) => PIN.iter().map(|(ms, c)| (BEGIN + ms * 1_000 + 40_000, key(*c))).collect(),
        };
        let case = format!("{codec:?} {carrier:?} {weather}");
        assert!(told.len() + usize::from(weather < 100) * 2 >= PIN.len(), "{case}: {} heard", told.len());
        let call = recorded(&told.iter().map(|&(t, key)| (t, key, carrier)).collect::<Vec<_>>());
        let wav = said(&packets, &call).unwrap_or_else(|why| panic!("{case}: {why}"));
        let heard = detected(&wav);
        assert_eq!(heard.len(), told.len(), "{case}");
        for ((at, heard), (t, key)) in heard.iter().zip(&told) {
            assert_eq!(*heard, pseudonym(*key), "{case}");
            assert!(at.abs_diff(*t) <= 20_000, "{case}: {} us off", *at as i64 - *t as i64);
        }
        let rewritten = rewritten(&packets, &call).unwrap_or_else(|why| panic!("{case}: {why}"));
        let [events, tones] = ear(&rewritten);
        let redacted = |keys: &[(u64, Key)]| keys.iter().map(|&(t, key)| (t, pseudonym(key))).collect::<Vec<_>>();
        match carrier {
            KeyCarrier::Rtp => assert_eq!((events, tones), (redacted(&told), Vec::new()), "{case}"),
            KeyCarrier::Info => assert_eq!((events, tones), (Vec::new(), Vec::new()), "{case}"),
            KeyCarrier::InBand if weather > 100 => {
                assert_eq!(tones.len(), told.len(), "{case}");
                for ((at, heard), (t, key)) in tones.iter().zip(&told) {
                    assert!(*heard == pseudonym(*key) && at.abs_diff(*t) <= 20_000, "{case}");
                }
            }
            KeyCarrier::InBand => assert!(tones.len() + 2 >= told.len(), "{case}"),
        }
    }
}

#[test]
fn packets_keep_their_times_numbers_and_lengths_and_their_sound_where_nothing_was_keyed() {
    let packets = Phone::new(Codec::Pcmu, 20).speak(&[], PIN);
    let [events, _] = ear(&packets);
    let call = recorded(&events.iter().map(|&(t, key)| (t, key, KeyCarrier::Rtp)).collect::<Vec<_>>());
    let rewritten = rewritten(&packets, &call).expect("packets");
    let (mut kept, mut still) = (0, 0);
    for (was, is) in packets.iter().zip(rewritten.iter()) {
        assert_eq!((was.t, was.header, was.kind, was.length), (is.t, is.header, is.kind, is.length));
        match (was.kind, was.payload == is.payload) {
            (Kind::Audio(_), true) => kept += 1,
            (Kind::Audio(_), false) => {
                still += 1;
                let near = events.iter().any(|(t, _)| t.abs_diff(was.t) <= 200_000);
                assert!(near && is.payload.expect("sound").contains(&0xff), "at {}", was.t);
            }
            _ => assert_eq!(was.payload.expect("an event")[1..], is.payload.expect("an event")[1..]),
        }
    }
    assert_eq!(packets.iter().count(), rewritten.iter().count());
    assert!(kept > 80 && still > 20, "{kept} {still}");
}

#[test]
fn nothing_is_heard_while_it_is_muted_or_a_person_listens() {
    for codec in Codec::ALL {
        let spoken = Phone::new(codec, 1_000_000).speak(&[], &[]);
        let (from, until) = (BEGIN + 1_000_000, BEGIN + 2_000_000);
        let mut masked = Packets::default();
        for packet in spoken.iter() {
            let mask = (from..until).contains(&packet.t);
            masked.push(packet.t, packet.header, packet.kind, packet.payload.expect("sound"), mask).expect("room");
        }
        let call = recorded(&[]);
        let muted = from..until;
        let loud = |samples: &[i16], from: u64| {
            let at = |ms: u64| ((BEGIN + ms * 1_000 - from) / 125) as usize;
            // Of codecs that look back: what they had to forget.
            let loud = |range: Range<usize>| samples[range].iter().filter(|sample| sample.abs() > 300).count();
            [loud(at(200)..at(980)), loud(at(1_060)..at(1_980)), loud(at(2_100)..at(3_900))]
        };
        for (packets, muted) in [(&masked, &[][..]), (&spoken, std::slice::from_ref(&muted))] {
            let call = Redacted { map: Map { spans: muted.to_vec(), ..Map::default() }, ..call.clone() };
            let said = said(packets, &call).expect("sound");
            let [before, within, after] = loud(&said.samples, said.from);
            assert!(before > 3_000 && within == 0 && after > 6_000, "{codec:?}: {before} {within} {after}");
            let rewritten = rewritten(packets, &call).expect("packets");
            let again = Wave::laid(&rewritten, &[]).expect("sound");
            let [before, within, after] = loud(&again.samples, again.from);
            assert!(before > 3_000 && within == 0 && after > 6_000, "{codec:?}: {before} {within} {after}");
            assert_eq!(packets.iter().count(), rewritten.iter().count());
        }
    }
}

#[test]
fn what_the_call_does_not_know_of_is_in_neither_file() {
    // Keys that came when the call was over, and a tone that its ear did not listen for.
    let packets = Phone::new(Codec::Pcma, 1_000_000).speak(&[(3_500, '5')], PIN);
    let [events, tones] = ear(&packets);
    assert_eq!((events.len(), tones.len()), (PIN.len(), 1));
    let known: Vec<_> = events[..4].iter().map(|&(t, key)| (t, key, KeyCarrier::Rtp)).collect();
    let call = recorded(&known);
    let heard: Vec<Key> = detected(&said(&packets, &call).expect("sound")).into_iter().map(|(_, key)| key).collect();
    assert_eq!(heard, pseudonyms(&PIN[..4]));
    let [events, tones] = ear(&rewritten(&packets, &call).expect("packets"));
    let events: Vec<Key> = events.into_iter().map(|(_, key)| key).collect();
    assert_eq!((events, tones), (pseudonyms(&PIN[..4]), Vec::new()));

    // Another carrier's word for a press is no press; quicker keys than tones can be follow each other all the same.
    let both = |ms: u64, c: char| {
        [(BEGIN + ms * 1_000, key(c), KeyCarrier::Rtp), (BEGIN + ms * 1_000 + 9_000, key(c), KeyCarrier::Info)]
    };
    let keys: Vec<_> =
        [(500, '1'), (560, '1'), (620, '2'), (680, '3')].into_iter().flat_map(|(ms, c)| both(ms, c)).collect();
    let mut keys = keys;
    keys.sort_by_key(|(t, ..)| *t);
    let call = recorded(&keys);
    let packets = Phone::new(Codec::Pcma, 1_000_000).speak(&[], &[]);
    let heard: Vec<Key> = detected(&said(&packets, &call).expect("sound")).into_iter().map(|(_, key)| key).collect();
    assert_eq!(heard, ['4', '4', '5', '6'].map(key));

    // The map of another call.
    let mut other = call.clone();
    other.map.keys[0].t += 1;
    assert_eq!(said(&packets, &other), Err(Unsound::OtherCall));
    other.map.keys.clear();
    assert_eq!(rewritten(&packets, &other).map(drop), Err(Unsound::OtherCall));
}

/// The messages of a recorded call, read by the rooms that read those of real peers.
fn messages(fixture: &Fixture) -> Vec<(Datagram<'static>, Message)> {
    let datagrams = dialogs::datagrams(fixture).into_iter();
    let read = datagrams.map(|datagram| {
        let message = wire::read(&datagram.payload);
        let message =
            message.unwrap_or_else(|bad| panic!("{}: {}", bad.reason, String::from_utf8_lossy(&datagram.payload)));
        (datagram, message)
    });
    read.collect()
}

#[test]
fn the_signalling_of_a_recorded_call_is_what_its_peers_sent_and_got() {
    let fixture = Fixture::read(CLEAN).expect("a recording");
    let messages = messages(&fixture);
    let told: Vec<String> = messages
        .iter()
        .map(|(_, message)| match message {
            Message::Request(request) => request.method.to_string(),
            Message::Response(response) => response.status.to_string(),
        })
        .collect();
    assert_eq!(told.join(" "), "INVITE 200 ACK INVITE 100 180 200 ACK BYE 200 BYE 200");
    let Message::Request(invite) = &messages[0].1 else { panic!("the INVITE") };
    let Some(Step::In(In::Invite(arrival))) = fixture.lines.first().map(|line| &line.step) else { panic!("an INVITE") };
    assert_eq!(crate::sdp::read(&invite.body).as_ref().ok(), arrival.offer.as_ref());
    assert_eq!(
        (invite.uri.user(), invite.headers.get("From").is_some_and(|from| from.contains("+15551230001"))),
        (Some("+18005550100"), true)
    );
    let sent = fixture.lines.iter().find_map(|line| match &line.step {
        Step::Out(Out::Agent { invite, .. }) => Some(invite.as_bytes()),
        _ => None,
    });
    assert_eq!(sent, Some(&*messages[3].0.payload), "byte for byte");
    // Each answer goes back to whoever asked.
    for (at, (told, message)) in messages.iter().enumerate() {
        let Message::Response(response) = message else { continue };
        let same = |message: &Message| match message {
            Message::Request(request) => {
                ["Via", "CSeq", "Call-ID"].iter().all(|name| request.headers.get(name) == response.headers.get(name))
            }
            Message::Response(_) => false,
        };
        let asked = messages[..at]
            .iter()
            .any(|(asked, message)| (asked.from, asked.to) == (told.to, told.from) && same(message));
        assert!(asked, "{}", String::from_utf8_lossy(&told.payload));
    }
}

#[test]
fn the_signalling_of_longer_calls_can_be_read_by_who_reads_that_of_peers() {
    let recordings = [
        include_str!("../../../fixtures/agent-busy/call.jsonl"),
        include_str!("../../../fixtures/announcing/call.jsonl"),
        include_str!("../../../fixtures/bank-card/call.jsonl"),
        include_str!("../../../fixtures/contact-center/call.jsonl"),
        include_str!("../../../fixtures/pharmacy/call.jsonl"),
    ];
    for text in recordings {
        let fixture = Fixture::read(text).expect("a recording");
        let messages = messages(&fixture);
        let heads = messages.iter().filter(|(_, message)| match message {
            Message::Request(request) => request.headers.head().is_ok(),
            Message::Response(response) => response.headers.head().is_ok(),
        });
        assert_eq!(heads.count(), messages.len());
        assert!(messages.len() > 4, "{}", messages.len());
    }
}
