//! Signals at 8,000 Hz, made from a seed: keys with every fault that a line adds, and voices and music that are no keys.
#![allow(dead_code, reason = "the tests, the oracle and the bench take what they need of it")]

use askonce::random::Random;
use std::f64::consts::TAU;

pub const RATE: f64 = 8000.0;
pub const KEYS: &str = "123A456B789C*0#D";
const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];

/// A key as a line delivers it.
#[derive(Clone, Copy, Debug)]
pub struct Press {
    /// Level of each tone in dBm0.
    pub row: f64,
    pub column: f64,
    /// How far the frequencies are off, in per cent.
    pub row_off: f64,
    pub column_off: f64,
    /// Tone and the silence behind it, in samples.
    pub on: usize,
    pub off: usize,
}

/// An ordinary key: 50 ms and 50 ms at -10 dBm0.
pub const PLAIN: Press = Press { row: -10.0, column: -10.0, row_off: 0.0, column_off: 0.0, on: 400, off: 400 };

impl Press {
    /// The samples of one key, from a random phase.
    pub fn samples(&self, key: char, random: &mut Random) -> Vec<f64> {
        let at = KEYS.find(key).expect("a key");
        let tone = |frequency: f64, off: f64, level: f64, phase: f64| {
            let step = TAU * frequency * (1.0 + off / 100.0) / RATE;
            move |n: usize| peak(level) * (step * n as f64 + phase).sin()
        };
        let row = tone(ROWS[at / 4], self.row_off, self.row, TAU * unit(random));
        let column = tone(COLUMNS[at % 4], self.column_off, self.column, TAU * unit(random));
        let sound = (0..self.on).map(|n| row(n) + column(n));
        sound.chain(std::iter::repeat_n(0.0, self.off)).collect()
    }

    pub fn power(&self) -> f64 {
        (peak(self.row).powi(2) + peak(self.column).powi(2)) / 2.0
    }
}

/// The level in dBm0 of the sine that fills 16 bits (G.711: A-law and mu-law differ by 0.03).
const FULL: f64 = 3.15;

/// The peak of a sine of that level.
pub fn peak(dbm0: f64) -> f64 {
    32767.0 * 10f64.powf((dbm0 - FULL) / 20.0)
}

pub fn unit(random: &mut Random) -> f64 {
    f64::from(random.u32()) / 4_294_967_296.0
}

pub fn between(random: &mut Random, low: f64, high: f64) -> f64 {
    low + (high - low) * unit(random)
}

/// Near enough to a normal distribution of deviation 1.
pub fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| unit(random)).sum::<f64>() - 6.0
}

/// White noise of that power on top.
pub fn add_noise(samples: &mut [f64], power: f64, random: &mut Random) {
    for sample in samples {
        *sample += power.sqrt() * normal(random);
    }
}

/// As 16-bit samples, clipped as a converter clips.
pub fn pcm(samples: &[f64]) -> Vec<i16> {
    samples.iter().map(|&sample| sample.round().clamp(-32768.0, 32767.0) as i16).collect()
}

/// A resonance of a vocal tract.
#[derive(Default, Clone, Copy)]
struct Formant {
    frequency: f64,
    bandwidth: f64,
    last: f64,
    before: f64,
}

impl Formant {
    fn step(&mut self, input: f64) -> f64 {
        let radius = (-std::f64::consts::PI * self.bandwidth / RATE).exp();
        let a = 2.0 * radius * (TAU * self.frequency / RATE).cos();
        let b = -radius * radius;
        let out = (1.0 - a - b) * input + a * self.last + b * self.before;
        self.before = std::mem::replace(&mut self.last, out);
        out
    }
}

/// First three formants of vowels (after the well-known measurements of American English) for a man.
const VOWELS: [[f64; 3]; 10] = [
    [270.0, 2290.0, 3010.0],
    [390.0, 1990.0, 2550.0],
    [530.0, 1840.0, 2480.0],
    [660.0, 1720.0, 2410.0],
    [730.0, 1090.0, 2440.0],
    [570.0, 840.0, 2410.0],
    [440.0, 1020.0, 2240.0],
    [300.0, 870.0, 2240.0],
    [640.0, 1190.0, 2390.0],
    [490.0, 1350.0, 1690.0],
];

/// Somebody who talks without sense: syllables of vowels and noise, with melody, tremor and pauses.
pub struct Speaker {
    random: Random,
    pitch: f64,
    scale: f64,
    level: f64,
    formants: [Formant; 4],
    phase: f64,
    breath: f64,
}

impl Speaker {
    pub fn new(seed: u64) -> Speaker {
        let mut random = Random::from_seed(seed);
        let (pitch, scale) = match random.below(4) {
            0 => (between(&mut random, 80.0, 130.0), 1.0),
            1 => (between(&mut random, 110.0, 160.0), 1.05),
            2 => (between(&mut random, 170.0, 240.0), 1.17),
            _ => (between(&mut random, 240.0, 350.0), 1.3),
        };
        let level = peak(between(&mut random, -25.0, -5.0));
        Speaker { random, pitch, scale, level, formants: [Formant::default(); 4], phase: 0.0, breath: 0.0 }
    }

    /// One syllable: a consonant, a vowel that slides to another, sometimes a pause.
    pub fn syllable(&mut self, out: &mut Vec<f64>) {
        let random = &mut self.random;
        let consonant = between(random, 0.0, 0.12);
        let vowel = between(random, 0.06, 0.35);
        let voiced = random.below(3) > 0;
        let [from, to] = [0; 2].map(|_| VOWELS[random.below(10) as usize]);
        let [start, end] = [0; 2].map(|_| self.pitch * between(random, 0.75, 1.5));
        let noise = (between(random, 1500.0, 3600.0), between(random, 300.0, 1500.0));
        self.consonant((consonant * RATE) as usize, voiced, noise, out);
        self.vowel((vowel * RATE) as usize, [from, to], [start, end], out);
        if self.random.below(8) == 0 {
            let pause = between(&mut self.random, 0.1, 0.8);
            out.extend(std::iter::repeat_n(0.0, (pause * RATE) as usize));
        }
    }

    fn consonant(&mut self, samples: usize, voiced: bool, noise: (f64, f64), out: &mut Vec<f64>) {
        let mut filter = Formant { frequency: noise.0, bandwidth: noise.1, ..Formant::default() };
        for n in 0..samples {
            let hum = if voiced { self.pulse(self.pitch) * 0.1 } else { 0.0 };
            let hiss = filter.step(normal(&mut self.random));
            let swell = (n.min(samples - n) as f64 / 80.0).min(1.0);
            out.push((hiss * 0.4 + hum) * swell * self.level);
        }
    }

    fn vowel(&mut self, samples: usize, vowels: [[f64; 3]; 2], pitch: [f64; 2], out: &mut Vec<f64>) {
        let tremor = between(&mut self.random, 4.0, 7.0);
        for n in 0..samples {
            let along = n as f64 / samples as f64;
            let [from, to] = vowels;
            for (at, formant) in self.formants.iter_mut().enumerate() {
                let frequency = if at < 3 { from[at] + (to[at] - from[at]) * along } else { 3300.0 };
                formant.frequency = (frequency * self.scale).min(3800.0);
                formant.bandwidth = 50.0 + 40.0 * at as f64;
            }
            let wobble = 1.0 + 0.01 * (TAU * tremor * n as f64 / RATE).sin() + 0.004 * normal(&mut self.random);
            let hz = (pitch[0] + (pitch[1] - pitch[0]) * along) * wobble;
            let source = self.pulse(hz);
            let mut sound = 0.0;
            for (formant, weight) in self.formants.iter_mut().zip([1.0, 0.6, 0.35, 0.2]) {
                sound += formant.step(source) * weight;
            }
            let swell = (n.min(samples - n) as f64 / 160.0).min(1.0);
            out.push(sound * swell * self.level);
        }
    }

    /// The glottis: a rise and a fall each period, with some breath.
    fn pulse(&mut self, hz: f64) -> f64 {
        self.phase = (self.phase + hz / RATE) % 1.0;
        let open = if self.phase < 0.6 { (TAU * self.phase / 1.2).sin().powi(2) } else { 0.0 };
        let flow = open + 0.03 * normal(&mut self.random);
        (flow - std::mem::replace(&mut self.breath, flow)) * 8.0
    }
}

/// So many seconds of one speaker after the other, half a minute each.
pub fn speech(seconds: usize, seed: u64) -> Vec<f64> {
    let total = seconds * RATE as usize;
    let mut out = Vec::with_capacity(total + 100_000);
    let mut number = 0;
    while out.len() < total {
        let mut speaker = Speaker::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
        number += 1;
        let until = out.len() + 30 * RATE as usize;
        while out.len() < until {
            speaker.syllable(&mut out);
        }
    }
    out.truncate(total);
    out
}

/// Notes of a tempered scale: chords, arpeggios and melodies of instruments with one to eight overtones.
pub fn music(seconds: usize, seed: u64) -> Vec<f64> {
    let total = seconds * RATE as usize;
    let mut random = Random::from_seed(seed);
    let mut mix = vec![0.0; total];
    let mut start = 0;
    while start < total {
        let root = 36 + random.below(24);
        let beat = between(&mut random, 0.1, 0.6);
        let overtones = 1 + random.below(8) as usize;
        let voices = 1 + random.below(4) as usize;
        let chord = [[0, 4, 7, 12], [0, 3, 7, 10], [0, 5, 9, 12], [0, 4, 7, 11]][random.below(4) as usize];
        let level = peak(between(&mut random, -30.0, -8.0)) / voices as f64;
        let broken = random.below(2) == 0;
        for step in 0..16 {
            for voice in 0..voices {
                let note = root + chord[(step + voice) % 4] + 12 * random.below(3);
                let offset = if broken { voice as f64 * beat / voices as f64 } else { 0.0 };
                let at = start + ((step as f64 * beat + offset) * RATE) as usize;
                add_note(&mut mix, at, (beat * 1.5 * RATE) as usize, note, overtones, level);
            }
        }
        start += (16.0 * beat * RATE) as usize;
    }
    mix
}

/// A note by its MIDI number, struck and dying away.
fn add_note(mix: &mut [f64], start: usize, samples: usize, note: u32, overtones: usize, level: f64) {
    let frequency = 440.0 * 2f64.powf((f64::from(note) - 69.0) / 12.0);
    for overtone in 1..=overtones {
        let hz = frequency * overtone as f64;
        if hz > 3400.0 {
            break;
        }
        let level = level / overtone as f64;
        let step = TAU * hz / RATE;
        for (n, sample) in mix.iter_mut().skip(start).take(samples).enumerate() {
            let envelope = (n as f64 / 80.0).min(1.0) * (-2.0 * n as f64 / RATE).exp();
            *sample += (step * n as f64).sin() * level * envelope * ((samples - n) as f64 / 400.0).min(1.0);
        }
    }
}
