//! The machine's voice: espeak-ng, as a program of its own. It is under the GPL, and so it is never linked; it runs when
//! prompts are built, and never while a call is up.

use crate::audio::cut::sounding;
use crate::audio::resample::resample;
use crate::audio::{loudness, wav};
use hound::{SampleFormat, WavSpec, WavWriter};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::process::Command;

/// Samples a second of what is built: all that G.711 carries.
const RATE: u32 = 8_000;
/// Of the room around a prompt so much is kept at either end, in milliseconds: soft ends are softer than what tells a
/// sound from a pause.
const KEPT: usize = 40;
/// Words a minute of a prompt; a word of a value, said alone, would drag at that.
const PROMPT: u32 = 160;
const WORD: u32 = 190;

/// The voice of each language.
#[derive(Clone, Debug, Default)]
pub struct Voices(pub BTreeMap<String, String>);

impl Voices {
    /// What speaks, in the words of the manifest: the voice and its speed. A change of it makes what was built stale.
    pub fn of(&self, language: &str, word: bool) -> String {
        let usual = || match language.split('-').next() {
            Some("en") => "en-us+f3".to_owned(),
            Some("es") => "es-419+f3".to_owned(),
            _ => language.to_lowercase(),
        };
        let name = self.0.get(language).cloned().unwrap_or_else(usual);
        format!("{name} {}", if word { WORD } else { PROMPT })
    }
}

/// A text as the bytes of a WAV file, cut out of its pauses, at the level of all prompts. `voice` is of `Voices::of`.
pub fn speak(text: &str, voice: &str) -> Result<Vec<u8>, String> {
    let (name, speed) = voice.rsplit_once(' ').ok_or("a voice has a speed")?;
    let spoken = Command::new("espeak-ng")
        .args(["-v", name, "-s", speed, "-p", "45", "-g", "2", "--stdout", "--", text])
        .output()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "espeak-ng is not installed\n  remedy: apt install espeak-ng".to_owned(),
            _ => format!("espeak-ng: {error}"),
        })?;
    if !spoken.status.success() {
        let why = String::from_utf8_lossy(&spoken.stderr);
        let remedy = "espeak-ng --voices lists what there is, and --voice LANGUAGE=VOICE chooses";
        return Err(format!("espeak-ng with the voice {name}: {}\n  remedy: {remedy}", why.trim()));
    }
    let clip = wav::read(&spoken.stdout).map_err(|error| format!("what espeak-ng wrote: {error}"))?;
    let samples = resample(&clip.samples, clip.rate, RATE);
    let found = sounding(&samples, RATE).ok_or_else(|| format!("espeak-ng is silent about `{text}`"))?;
    let kept = KEPT * RATE as usize / 1_000;
    let mut samples = samples[found.start.saturating_sub(kept)..samples.len().min(found.end + kept)].to_vec();
    loudness::level(&mut samples, RATE);
    file(&samples).map_err(|error| error.to_string())
}

/// Samples as a file of 16 bits.
pub fn file(samples: &[i16]) -> Result<Vec<u8>, hound::Error> {
    let spec = WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec)?;
    for &sample in samples {
        writer.write_sample(sample)?;
    }
    writer.finalize()?;
    Ok(bytes.into_inner())
}
