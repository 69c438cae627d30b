//! Keys as tones in the audio (ITU-T Q.23): made for a far end that takes no telephone-event, and heard from one that
//! sends none.

mod detect;
mod generate;

pub use detect::Detector;
pub use generate::Tone;

use crate::key::Key;

/// Samples a second of everything here.
const RATE: f64 = 8000.0;

/// The frequencies in Hz (Q.23): four of the low group, a row of the keypad each, and four of the high group, a column.
const FREQUENCIES: [f64; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];

/// The event codes of the keys by row and column.
const KEYS: [[u8; 4]; 4] = [[1, 2, 3, 12], [4, 5, 6, 13], [7, 8, 9, 14], [10, 0, 11, 15]];

fn key(row: usize, column: usize) -> Option<Key> {
    Key::from_code(*KEYS.get(row)?.get(column)?)
}

/// Row and column of a key.
fn place(key: Key) -> (usize, usize) {
    let index = KEYS.iter().flatten().position(|&code| code == key.code()).unwrap_or(0);
    (index / 4, index % 4)
}

/// The level in dBm0 of the sine that fills 16 bits: G.711 has it 0.01 lower for A-law and 0.02 higher for mu-law.
const FULL: f64 = 3.15;

/// The peak of a sine of this level.
fn peak(dbm0: f64) -> f64 {
    f64::from(i16::MAX) * 10f64.powf((dbm0 - FULL) / 20.0)
}

/// Sine and cosine of a small angle (0 to 2 pi) in a constant, by their series.
const fn sin_cos(angle: f64) -> (f64, f64) {
    let (mut sin, mut cos) = (0.0, 0.0);
    let (mut term, mut n) = (1.0, 0);
    while n < 40 {
        match n % 4 {
            0 => cos += term,
            1 => sin += term,
            2 => cos -= term,
            _ => sin -= term,
        }
        n += 1;
        term *= angle / n as f64;
    }
    (sin, cos)
}
