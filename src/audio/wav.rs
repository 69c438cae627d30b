//! Reading a prompt's WAV file: mono 16-bit PCM at 8,000 Hz, and a clear word about anything else.

use hound::{SampleFormat, WavReader, WavSpec};
use std::fmt;

/// The rate of every prompt, in samples a second.
pub const RATE: u32 = 8_000;
/// A prompt longer than ten minutes is a mistake.
const LONGEST: u32 = 10 * 60 * RATE;

/// Why a file cannot be a prompt. Its text names the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotPlayable {
    /// No WAV that we can read, or damaged: the reader's own words.
    NotWav(String),
    /// A WAV of another format.
    Format {
        channels: u16,
        bits: u16,
        float: bool,
        rate: u32,
    },
    /// Longer than ten minutes; its length in seconds.
    TooLong {
        seconds: u32,
    },
    Empty,
}

/// The samples of a WAV file given as its bytes.
pub fn read(bytes: &[u8]) -> Result<Vec<i16>, NotPlayable> {
    let damaged = |error: hound::Error| NotPlayable::NotWav(error.to_string());
    let mut reader = WavReader::new(bytes).map_err(damaged)?;
    let WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format } = reader.spec();
    let float = sample_format == SampleFormat::Float;
    if channels != 1 || bits != 16 || float || rate != RATE {
        return Err(NotPlayable::Format { channels, bits, float, rate });
    }
    // The header's length is only a claim: the samples themselves are counted as well.
    match reader.duration() {
        0 => return Err(NotPlayable::Empty),
        duration if duration > LONGEST => return Err(NotPlayable::TooLong { seconds: duration.div_ceil(RATE) }),
        _ => {}
    }
    reader.samples::<i16>().collect::<Result<_, _>>().map_err(damaged)
}

impl fmt::Display for NotPlayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotPlayable::NotWav(reason) => write!(f, "not a WAV file of linear PCM ({reason})")?,
            NotPlayable::Format { channels, bits, float, rate } => {
                let kind = if *float { "float" } else { "integer" };
                write!(f, "a WAV of {channels} channel(s), {bits}-bit {kind}, {rate} Hz")?;
            }
            NotPlayable::TooLong { seconds } => {
                return write!(f, "{seconds} s long; a prompt has at most {} s", LONGEST / RATE);
            }
            NotPlayable::Empty => return f.write_str("a WAV without a sample"),
        }
        write!(f, "; a prompt is mono, 16-bit PCM, {RATE} Hz: sox in.wav -r {RATE} -c 1 -b 16 out.wav")
    }
}

impl std::error::Error for NotPlayable {}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::WavWriter;
    use std::io::Cursor;

    fn wav(channels: u16, bits_per_sample: u16, sample_rate: u32, samples: &[i16]) -> Vec<u8> {
        let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format: SampleFormat::Int };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut bytes, spec).expect("a writer");
        for &sample in samples {
            writer.write_sample(sample).expect("a sample");
        }
        writer.finalize().expect("a file");
        bytes.into_inner()
    }

    #[test]
    fn a_prompt_is_read_sample_for_sample() {
        assert_eq!(read(&wav(1, 16, 8000, &[0, 1, -32768, 32767])), Ok(vec![0, 1, -32768, 32767]));
    }

    #[test]
    fn another_format_is_refused_by_name_and_with_the_remedy() {
        let cases = [
            (wav(1, 16, 44_100, &[0]), "1 channel(s), 16-bit integer, 44100 Hz"),
            (wav(2, 16, 8000, &[0, 0]), "2 channel(s), 16-bit integer, 8000 Hz"),
            (wav(1, 8, 8000, &[0]), "1 channel(s), 8-bit integer, 8000 Hz"),
            (b"ID3 this is an mp3 file".to_vec(), "not a WAV"),
            (Vec::new(), "not a WAV"),
            (wav(1, 16, 8000, &[1, 2, 3])[..47].to_vec(), "not a WAV"),
        ];
        for (bytes, found) in cases {
            let text = read(&bytes).expect_err(found).to_string();
            assert!(text.contains(found) && text.contains("sox in.wav -r 8000 -c 1 -b 16 out.wav"), "{found}: {text}");
        }
        assert_eq!(read(&wav(1, 16, 8000, &[])), Err(NotPlayable::Empty));
    }

    #[test]
    fn ten_minutes_are_the_most() {
        let long = vec![0; 8000 * 600 + 1];
        assert_eq!(read(&wav(1, 16, 8000, &long)), Err(NotPlayable::TooLong { seconds: 601 }));
        assert!(read(&wav(1, 16, 8000, &long[1..])).is_ok());
    }

    #[test]
    fn a_damaged_file_is_an_error_and_never_a_panic() {
        let whole = wav(1, 16, 8000, &[5; 40]);
        for index in 0..44 {
            for byte in [0, 1, 2, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[index] = byte;
                let _ = read(&bytes);
            }
        }
    }
}
