use super::*;
use hound::{Sample, SampleFormat, WavSpec, WavWriter};
use std::io::Cursor;

/// A file as hound writes it: beyond 16 bits, and of two channels, an extensible one.
fn written<S: Sample + Copy>(format: (SampleFormat, u16), channels: u16, sample_rate: u32, samples: &[S]) -> Vec<u8> {
    let (sample_format, bits_per_sample) = format;
    let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).expect("a writer");
    samples.iter().for_each(|&sample| writer.write_sample(sample).expect("a sample"));
    writer.finalize().expect("a file");
    bytes.into_inner()
}

fn pcm(channels: u16, rate: u32, samples: &[i16]) -> Vec<u8> {
    written((SampleFormat::Int, 16), channels, rate, samples)
}

fn chunk(name: &[u8; 4], length: u32, body: &[u8]) -> Vec<u8> {
    [&name[..], &length.to_le_bytes(), body].concat()
}

/// Of 18 bytes, as sox writes it for the laws.
fn format(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let numbers = [tag, channels, rate as u16, (rate >> 16) as u16, 0, 0, channels * bits / 8, bits, 0];
    chunk(b"fmt ", 18, &numbers.map(u16::to_le_bytes).concat())
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    [&b"RIFF\0\0\0\0WAVE"[..], &chunks.concat()].concat()
}

fn clip(samples: &[i16], rate: u32, remarks: &[Remark]) -> Result<Clip, NotPlayable> {
    Ok(Clip { samples: samples.to_vec(), rate, remarks: remarks.to_vec() })
}

#[test]
fn every_coding_of_pcm_gives_the_same_samples() {
    let samples = [0, 256, -256, 32_512, -32_768];
    let wider = |by: i32| samples.map(|sample| i32::from(sample as i16) * by);
    let int = |bits| (SampleFormat::Int, bits);
    let eight = samples.map(|sample| (sample as i16 / 256) as i8);
    for rate in RATES {
        for bytes in [
            written(int(8), 1, rate, &eight),
            written(int(16), 1, rate, &samples.map(|sample| sample as i16)),
            written(int(24), 1, rate, &wider(1 << 8)),
            written(int(32), 1, rate, &wider(1 << 16)),
            written((SampleFormat::Float, 32), 1, rate, &samples.map(|sample| sample as f32 / 32_768.0)),
        ] {
            assert_eq!(read(&bytes), clip(&samples.map(|sample| sample as i16), rate, &[]));
        }
    }
}

#[test]
fn floats_beyond_full_scale_are_full_scale() {
    let bytes = written((SampleFormat::Float, 32), 1, 8_000, &[1.0, 1.5, -7e30, f32::NAN, f32::INFINITY, 1e-9]);
    assert_eq!(read(&bytes), clip(&[i16::MAX, i16::MAX, i16::MIN, 0, i16::MAX, 0], 8_000, &[]));
}

#[test]
fn the_laws_are_decoded_plain_and_extensible() {
    let bytes: Vec<u8> = (0..=255).collect();
    for (tag, decode) in [(A_LAW, decode_alaw as fn(u8) -> i16), (MU_LAW, decode_ulaw)] {
        let samples: Vec<i16> = bytes.iter().map(|&byte| decode(byte)).collect();
        let fact = chunk(b"fact", 4, &[0; 4]);
        let plain = file(&[format(tag, 1, 8_000, 8), fact, chunk(b"data", 256, &bytes)]);
        assert_eq!(read(&plain), clip(&samples, 8_000, &[]));
        let head = &format(EXTENSIBLE, 1, 8_000, 8)[8..24];
        let tail = [&[22, 0, 8, 0, 0, 0, 0, 0][..], &tag.to_le_bytes(), &GUID].concat();
        let extensible = chunk(b"fmt ", 40, &[head, &tail].concat());
        assert_eq!(read(&file(&[extensible, chunk(b"data", 256, &bytes)])), clip(&samples, 8_000, &[]));
    }
}

#[test]
fn two_channels_are_mixed_and_it_is_said() {
    let bytes = pcm(2, 44_100, &[100, 200, i16::MIN, i16::MIN, 5, -5]);
    assert_eq!(read(&bytes), clip(&[150, i16::MIN, 0], 44_100, &[Remark::Stereo]));
    for (channel, samples) in [(Channel::Left, [100, i16::MIN, 5]), (Channel::Right, [200, i16::MIN, -5])] {
        assert_eq!(read_longer(&bytes, 1, Some(channel)), clip(&samples, 44_100, &[]), "one of them is only itself");
    }
}

#[test]
fn a_length_that_is_no_length_means_what_is_there() {
    for (said, there) in [(0, 4), (u32::MAX, 4), (5, 4), (3_000_000_000, 5)] {
        let data = chunk(b"data", said, &[1, 0, 2, 0, 9][..there]);
        let expected = clip(&[1, 2], 8_000, &[Remark::Length { said, there }]);
        assert_eq!(read(&file(&[format(PCM, 1, 8_000, 16), data])), expected, "{said}");
    }
    let whole = file(&[format(PCM, 1, 8_000, 16), chunk(b"data", 4, &[1, 0, 2, 0]), chunk(b"LIST", 2, b"ab")]);
    assert_eq!(read(&whole), clip(&[1, 2], 8_000, &[]), "what follows is no sound");
}

#[test]
fn other_chunks_are_skipped_with_their_padding() {
    let others = |count| vec![chunk(b"LIST", 3, b"abc\0"); count];
    let file = |count| file(&[others(count), vec![format(PCM, 1, 8_000, 16), chunk(b"data", 2, &[7, 0])]].concat());
    assert_eq!(read(&file(CHUNKS - 2)), clip(&[7], 8_000, &[]));
    assert_eq!(read(&file(CHUNKS - 1)), Err(NotPlayable::NotWav("it has too many parts before its sound")));
}

#[test]
fn what_is_no_prompt_is_refused_by_name_and_with_the_remedy() {
    let with = |format: Vec<u8>| file(&[format, chunk(b"data", 4, &[0; 4])]);
    let mut block = format(PCM, 1, 8_000, 16);
    block[20] = 3;
    let cases = [
        (b"ID3 this is an mp3 file".to_vec(), "RIFF and WAVE"),
        (b"RF64\xff\xff\xff\xffWAVEds64".to_vec(), "RIFF and WAVE"),
        (Vec::new(), "too short"),
        (with(chunk(b"fmt ", 14, &[1; 14])), "format is too short"),
        (pcm(1, 8_000, &[1, 2, 3])[..40].to_vec(), "ends before its sound"),
        (file(&[chunk(b"data", 2, &[0; 2]), format(PCM, 1, 8_000, 16)]), "before its format"),
        (with(block), "contradicts itself"),
        (with(format(PCM, 3, 8_000, 16)), "3 channels"),
        (with(format(PCM, 0, 8_000, 16)), "0 channels"),
        (with(format(PCM, 1, 8_001, 16)), "8001 Hz"),
        (with(format(PCM, 1, 8_000, 12)), "0x0001 with 12 bits"),
        (with(format(FLOAT, 1, 8_000, 64)), "0x0003 with 64 bits"),
        (with(format(A_LAW, 1, 8_000, 16)), "0x0006 with 16 bits"),
        (with(format(0x55, 1, 8_000, 16)), "0x0055 with 16 bits"),
        (with(format(EXTENSIBLE, 1, 8_000, 16)), "0xfffe with 16 bits"),
        (vec![0; LARGEST + 1], "larger than 128 MB"),
    ];
    for (bytes, found) in cases {
        let text = read(&bytes).expect_err(found).to_string();
        assert!(text.contains(found) && text.ends_with("sox in.wav -r 16000 -c 1 -b 16 out.wav"), "{found}: {text}");
    }
    for nothing in [pcm(1, 8_000, &[]), file(&[format(PCM, 1, 8_000, 16), chunk(b"data", 3, &[1])])] {
        assert_eq!(read(&nothing), Err(NotPlayable::Empty));
    }
}

#[test]
fn ten_minutes_are_the_most() {
    let long = |samples: usize| {
        let sound = chunk(b"data", samples as u32, &vec![0xd5; samples]);
        read(&file(&[format(A_LAW, 1, 8_000, 8), sound]))
    };
    assert_eq!(long(8_000 * 600 + 1), Err(NotPlayable::TooLong { seconds: 601, most: 600 }));
    assert!(long(8_000 * 600).is_ok());
}

#[test]
fn a_damaged_file_is_an_error_or_a_clip_and_never_a_panic() {
    let float = written((SampleFormat::Float, 32), 2, 48_000, &[0.5_f32; 40]);
    let law = file(&[format(MU_LAW, 1, 8_000, 8), chunk(b"fact", 4, &[0; 4]), chunk(b"data", 40, &[3; 40])]);
    for whole in [pcm(1, 8_000, &[5; 40]), float, law] {
        for index in 0..whole.len() {
            assert!(read(&whole[..index]).is_err_and(|error| !error.to_string().is_empty()) || index > 44, "{index}");
            for byte in [0, 1, 2, 3, 6, 7, 0x10, 0x7f, 0x80, 0xfe, 0xff] {
                let mut bytes = whole.clone();
                bytes[index] = byte;
                if let Ok(clip) = read(&bytes) {
                    assert!(RATES.contains(&clip.rate) && (1..=whole.len()).contains(&clip.samples.len()));
                }
            }
        }
    }
}
