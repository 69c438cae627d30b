//! G.722, bit for bit. Only below some -3 dBFS: what is louder wraps in libspandsp 0.0.6, where the Recommendation
//! saturates.
#![allow(unsafe_code, reason = "a library in C")]

use askonce::audio::codec::{Decoder, Encoder, FRAME, LONGEST, SAMPLES};
use askonce::codec::Codec;
use askonce::random::Random;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

#[link(name = "spandsp")]
unsafe extern "C" {
    fn g722_encode_init(state: *mut c_void, rate: c_int, options: c_int) -> *mut c_void;
    fn g722_encode(state: *mut c_void, out: *mut u8, samples: *const i16, length: c_int) -> c_int;
    fn g722_encode_free(state: *mut c_void) -> c_int;
    fn g722_decode_init(state: *mut c_void, rate: c_int, options: c_int) -> *mut c_void;
    fn g722_decode(state: *mut c_void, out: *mut i16, bytes: *const u8, length: c_int) -> c_int;
    fn g722_decode_free(state: *mut c_void) -> c_int;
}

const BITRATE: c_int = 64_000;

fn theirs_encoded(sound: &[i16]) -> Vec<u8> {
    let mut out = vec![0; sound.len() / 2];
    // They allocate the state, write half as many bytes as there are samples, and free it.
    unsafe {
        let state = g722_encode_init(null_mut(), BITRATE, 0);
        assert!(!state.is_null());
        let written = g722_encode(state, out.as_mut_ptr(), sound.as_ptr(), sound.len() as c_int);
        assert_eq!(written as usize, out.len());
        g722_encode_free(state);
    }
    out
}

fn theirs_decoded(bytes: &[u8]) -> Vec<i16> {
    let mut out = vec![0; bytes.len() * 2];
    // As above, two samples a byte.
    unsafe {
        let state = g722_decode_init(null_mut(), BITRATE, 0);
        assert!(!state.is_null());
        let written = g722_decode(state, out.as_mut_ptr(), bytes.as_ptr(), bytes.len() as c_int);
        assert_eq!(written as usize, out.len());
        g722_decode_free(state);
    }
    out
}

fn ours_encoded(sound: &[i16]) -> Vec<u8> {
    let mut encoder = Encoder::new(Codec::G722);
    let frames = sound.as_chunks::<SAMPLES>().0.iter();
    frames.flat_map(|frame| encoder.encode(frame, &mut [0; FRAME]).to_vec()).collect()
}

fn ours_decoded(bytes: &[u8]) -> Vec<i16> {
    let mut decoder = Decoder::new(Codec::G722);
    let packets = bytes.chunks(FRAME);
    packets.flat_map(|packet| decoder.decode(packet, &mut [0; LONGEST]).expect("sound").to_vec()).collect()
}

/// Ten seconds each, by name.
fn sounds() -> Vec<(String, Vec<i16>)> {
    let mut random = Random::from_seed(722);
    let mut noise = move || f64::from(random.u16()) / 32_768.0 - 1.0;
    let length = 10 * 16_000;
    let mut sounds = vec![("silence".to_owned(), vec![0; length])];
    for peak in [1.0, 30.0, 3_000.0, 10_000.0, 20_000.0] {
        let tone = |n: usize, hz: f64| (std::f64::consts::TAU * hz * n as f64 / 16_000.0).sin();
        let mut add = |name: &str, sample: &mut dyn FnMut(usize) -> f64| {
            sounds.push((format!("{name} of {peak}"), (0..length).map(|n| (peak * sample(n)) as i16).collect()));
        };
        add("noise", &mut |_| noise());
        for hz in [50.0, 300.0, 1_000.0, 3_999.0, 5_000.0, 7_900.0] {
            add(&format!("{hz} Hz"), &mut |n| tone(n, hz));
        }
        add("a sweep", &mut |n| tone(n, n as f64 / 40.0));
        add("bursts", &mut |n| if n / 3_000 % 2 == 0 { tone(n, 700.0) } else { 0.0 });
        add("pulses", &mut |n| if n % 133 == 0 { 1.0 } else { 0.0 });
    }
    sounds
}

/// Whatever differs is at our limit: there theirs wraps.
fn assert_alike(ours: &[i16], theirs: &[i16], name: &str) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    let differs = |&(_, (a, b)): &(usize, (&i16, &i16))| a != b && ![i16::MAX, i16::MIN].contains(a);
    assert_eq!(ours.iter().zip(theirs).enumerate().find(differs), None, "decoding {name}");
}

#[test]
fn every_byte_and_every_sample_is_theirs() {
    for (name, sound) in sounds() {
        let (ours, theirs) = (ours_encoded(&sound), theirs_encoded(&sound));
        let differs = ours.iter().zip(&theirs).position(|(a, b)| a != b);
        assert_eq!((ours.len(), differs), (theirs.len(), None), "encoding {name}");
        assert_alike(&ours_decoded(&theirs), &theirs_decoded(&theirs), &name);
    }
}

#[test]
fn any_bytes_are_decoded_alike() {
    let mut random = Random::from_seed(1);
    for mask in [0xff, 0x7f, 0x3f, 0x0f] {
        let bytes: Vec<u8> = (0..160_000).map(|_| random.u16() as u8 & mask).collect();
        assert_alike(&ours_decoded(&bytes), &theirs_decoded(&bytes), "random bytes");
    }
}
