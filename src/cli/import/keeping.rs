//! What was performed goes to its folder: redacted first, then its sound, then all of it at once.

use crate::audio::codec::Law;
use crate::cli::suite::Served;
use crate::codec::Codec;
use crate::media::Kind;
use crate::record::fixture::Step;
use crate::record::{Fixture, In};
use crate::replay::stage::Reheard;
use crate::rerun::packets::{self, Packets, Sound, Wanted};
use crate::rerun::redact::{Key, Map, Pressed, Redacted, redact};
use crate::rtp::Header;
use crate::server::inbox::folder;
use std::path::Path;

/// Samples of a packet, 20 ms, and who sends them.
const FRAME: usize = 160;
const SSRC: u32 = 1;

/// Writes a recording and its sound, redacted unless they are nobody's. What is said of it.
pub fn keep(
    (out, name): (&Path, &str),
    heard: Reheard,
    (sound, pcap): (Option<Packets>, bool),
    served: &Served,
    key: Option<&Key>,
) -> Result<Vec<String>, String> {
    if !heard.needs.is_empty() {
        return Err(needs(&heard));
    }
    let fixture = heard.fixture;
    let mut redacted = match key {
        Some(key) => redact(&fixture, &served.program, key).map_err(|why| format!("it cannot be redacted: {why}"))?,
        None => unchanged(fixture),
    };
    let mut told = Vec::new();
    let sound = sound_of(sound, &redacted, pcap).unwrap_or_else(|why| {
        told.push(format!("without sound: {why}"));
        redacted.fixture.header.sound = Some(format!("dropped: {why}"));
        Sound::default()
    });
    redacted.fixture.header.wav_from = sound.wav.as_ref().map(|wav| wav.from);
    let wav = sound.wav.map(|wav| wav.to_bytes()).transpose().map_err(|error| error.to_string())?;
    let text = redacted.fixture.write().map_err(|broken| broken.to_string())?;
    let mut files = vec![(folder::CALL, text.as_bytes())];
    files.extend(wav.as_deref().map(|bytes| ("caller.wav", bytes)));
    files.extend(sound.pcap.as_deref().map(|bytes| ("call.pcap", bytes)));
    let place = out.join(name);
    if place.exists() {
        return Err(format!("{} is there already: give another --out, or move it away", place.display()));
    }
    folder::put(out, name, &files).map_err(|error| format!("{}: {error}", place.display()))?;
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    told.push(format!("{}: {}", place.display(), names.join(", ")));
    Ok(told)
}

/// The sound that goes beside it; none of a caller that sent nothing.
fn sound_of(packets: Option<Packets>, redacted: &Redacted, pcap: bool) -> Result<Sound, String> {
    let packets = packets.ok_or("more sound than is kept of a call")?;
    if packets.iter().next().is_none() {
        return Ok(Sound::default());
    }
    packets::redact(&packets, redacted, Wanted { wav: true, pcap }).map_err(|why| why.to_string())
}

/// A recording of values that are nobody's, as it is.
fn unchanged(fixture: Fixture) -> Redacted {
    let keys = fixture.lines.iter().filter_map(|line| match &line.step {
        Step::In(In::Key { leg, key, by }) => {
            Some(Pressed { t: line.t, leg: *leg, by: *by, original: *key, pseudonym: *key })
        }
        _ => None,
    });
    let map = Map { values: Vec::new(), keys: keys.collect(), spans: Vec::new() };
    Redacted { fixture, map, dropped: 0 }
}

/// A caller's packets at their times in the recording; `None`: too many.
pub fn placed(packets: &Packets, heard: &Reheard, answered: u64) -> Option<Packets> {
    let mut placed = Packets::default();
    let mut last = 0;
    for packet in packets.iter() {
        let after = packet.t.cast_signed().saturating_sub(answered.cast_signed());
        // A cause that came earlier than it did lets time jump back.
        last = heard.now(after).max(last);
        placed.push(last, packet.header, packet.kind, packet.payload?, false).ok()?;
    }
    Some(placed)
}

/// Sound as the packets of a telephone that speaks G.711; `None`: too many.
pub fn packets_of(samples: &[i16]) -> Option<Packets> {
    let law = Law::of(Codec::Pcmu)?;
    let mut packets = Packets::default();
    for (number, frame) in samples.chunks(FRAME).enumerate() {
        let payload: Vec<u8> = frame.iter().map(|sample| (law.encode)(*sample)).collect();
        let header = Header {
            marker: number == 0,
            payload_type: Codec::Pcmu.payload_type(),
            sequence: number as u16,
            timestamp: (number * FRAME) as u32,
            ssrc: SSRC,
        };
        packets.push(number as u64 * 20_000, header, Kind::Audio(Codec::Pcmu), &payload, false).ok()?;
    }
    Some(packets)
}

/// What the flow asked and no capture can know, as `--lookups` takes it.
fn needs(heard: &Reheard) -> String {
    let mut text = "it needs input: what these lookups found. Give them in a file (--lookups FILE):".to_owned();
    for need in &heard.needs {
        let wants: Vec<String> = need.wants.iter().map(|want| format!("{want}: ...")).collect();
        text += &match wants.is_empty() {
            true => format!("\n    {}: ok", need.lookup),
            false => format!("\n    {}: {{ {} }}", need.lookup, wants.join(", ")),
        };
    }
    text
}
