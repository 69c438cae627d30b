//! G.722 at 64 kbit/s: two bands of 4 kHz by a mirror filter, the lower one coded with six bits a sample, the upper one
//! with two, both by an adaptive predictor. Numbers are those of the Recommendation, in its fixed point; names in
//! capitals are its blocks.

/// The mirror filter's first twelve coefficients; the other twelve are the same backwards.
const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
const TAPS: usize = 2 * QMF.len();

/// Decision levels of the lower band's quantizer, in units of its scale factor.
const Q6: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
    1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// Output values of the two inverse quantizers of the lower band, and of the one of the upper band.
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576,
    -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040,
    -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
const QM4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];
/// What a code adds to the logarithm of the scale factor: `WL[RL42[code]]` and `WH[RH2[code]]` of the Recommendation.
const WL: [i32; 16] = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];
const WH: [i32; 4] = [798, -214, 798, -214];
/// The antilogarithm's mantissas.
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// The two bands are 15-bit numbers.
const BAND: std::ops::RangeInclusive<i32> = -16384..=16383;

#[derive(Clone, Debug, Default)]
pub struct Encoder {
    filter: Filter,
    low: Band<0>,
    high: Band<1>,
}

#[derive(Clone, Debug, Default)]
pub struct Decoder {
    filter: Filter,
    low: Band<0>,
    high: Band<1>,
}

impl Encoder {
    /// Codes two samples at 16,000 Hz as one byte.
    pub fn encode(&mut self, [first, second]: [i16; 2]) -> u8 {
        let [odd, even] = self.filter.push(first.into(), second.into());
        let (low, high) = (clamp((even + odd) >> 14), clamp((even - odd) >> 14));
        let code = quantize_low(saturate(low - self.low.estimate), self.low.scale);
        self.low.adapt((self.low.scale * QM4[usize::from(code >> 2)]) >> 15, WL[usize::from(code >> 2)]);
        let upper = quantize_high(saturate(high - self.high.estimate), self.high.scale);
        self.high.adapt((self.high.scale * QM2[usize::from(upper)]) >> 15, WH[usize::from(upper)]);
        (upper << 6) | code
    }
}

impl Decoder {
    /// The two samples at 16,000 Hz of a byte.
    pub fn decode(&mut self, byte: u8) -> [i16; 2] {
        let (code, upper) = (usize::from(byte & 0x3f), usize::from(byte >> 6));
        // The sound has all six bits; what adapts has four, as it has at a sender of 56 or 48 kbit/s.
        let low = clamp(self.low.estimate + ((self.low.scale * QM6[code]) >> 15));
        self.low.adapt((self.low.scale * QM4[code >> 2]) >> 15, WL[code >> 2]);
        let difference = (self.high.scale * QM2[upper]) >> 15;
        let high = clamp(self.high.estimate + difference);
        self.high.adapt(difference, WH[upper]);
        let [odd, even] = self.filter.push(low + high, low - high);
        [even, odd].map(|sample| saturate(sample >> 11) as i16)
    }
}

/// QUANTL: the six-bit code of a difference. Codes fall as the size grows, and those of negative ones come first.
fn quantize_low(difference: i32, scale: i32) -> u8 {
    let size = if difference < 0 { !difference } else { difference };
    let level = Q6.partition_point(|level| size >= (level * scale) >> 12) as u8;
    match (difference < 0, level) {
        (true, 0..2) => 63 - level,
        (true, _) => 33 - level,
        (false, _) => 61 - level,
    }
}

/// QUANTH: the two-bit code of a difference.
fn quantize_high(difference: i32, scale: i32) -> u8 {
    let size = if difference < 0 { !difference } else { difference };
    let small = u8::from(size < (564 * scale) >> 12);
    if difference < 0 { small } else { 2 | small }
}

/// The mirror filter's memory: the newest pair is the last.
#[derive(Clone, Debug, Default)]
struct Filter([i32; TAPS]);

impl Filter {
    /// Takes a pair in. Returns the sums over the older and over the newer sample of each pair.
    fn push(&mut self, first: i32, second: i32) -> [i32; 2] {
        self.0.copy_within(2.., 0);
        self.0[TAPS - 2..].copy_from_slice(&[first, second]);
        let pairs = self.0.as_chunks::<2>().0.iter();
        pairs
            .enumerate()
            .fold([0, 0], |[odd, even], (at, pair)| [odd + pair[0] * QMF[at], even + pair[1] * QMF[QMF.len() - 1 - at]])
    }
}

/// The predictor and the scale factor of one band: 0 the lower, 1 the upper. Encoder and decoder keep the same.
#[derive(Clone, Debug)]
struct Band<const UPPER: usize> {
    /// S: what the next sample is expected to be.
    estimate: i32,
    /// SZ: the zeros' share of it.
    zeros: i32,
    /// NB, the logarithm of the scale factor, and DET, the scale factor.
    logarithm: i32,
    scale: i32,
    /// R and P, the newest first: the reconstructed signal, and that less the poles' share.
    reconstructed: [i32; 2],
    partial: [i32; 2],
    /// A1 and A2.
    poles: [i32; 2],
    /// D and B, the newest first.
    differences: [i32; 6],
    coefficients: [i32; 6],
}

impl<const UPPER: usize> Default for Band<UPPER> {
    /// The reset of the Recommendation: all is zero but the scale factors.
    fn default() -> Self {
        Self {
            estimate: 0,
            zeros: 0,
            logarithm: 0,
            scale: [32, 8][UPPER],
            reconstructed: [0; 2],
            partial: [0; 2],
            poles: [0; 2],
            differences: [0; 6],
            coefficients: [0; 6],
        }
    }
}

impl<const UPPER: usize> Band<UPPER> {
    /// Takes a quantized difference in: the scale factor follows by `step`, the predictor by gradients.
    fn adapt(&mut self, difference: i32, step: i32) {
        // LOGSCL and SCALEL, or LOGSCH and SCALEH.
        self.logarithm = (((self.logarithm * 127) >> 7) + step).clamp(0, [18_432, 22_528][UPPER]);
        let mantissa = ILB[((self.logarithm >> 6) & 31) as usize];
        let exponent = [8, 10][UPPER] - (self.logarithm >> 11);
        self.scale = if exponent < 0 { mantissa << -exponent } else { mantissa >> exponent } << 2;
        // PARREC and RECONS.
        let partial = saturate(self.zeros + difference);
        let reconstructed = saturate(self.estimate + difference);
        self.adapt_poles(partial);
        self.adapt_zeros(difference);
        self.partial = [partial, self.partial[0]];
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.differences.copy_within(..5, 1);
        self.differences[0] = difference;
        // FILTEP, FILTEZ and PREDIC.
        let share = |(&weight, &signal): (&i32, &i32)| (weight * saturate(2 * signal)) >> 15;
        let poles = saturate(self.poles.iter().zip(&self.reconstructed).map(share).sum());
        self.zeros = saturate(self.coefficients.iter().zip(&self.differences).map(share).sum());
        self.estimate = saturate(poles + self.zeros);
    }

    /// UPPOL2 and UPPOL1.
    fn adapt_poles(&mut self, partial: i32) {
        let alike = |other: i32| (partial < 0) == (other < 0);
        let [first, second] = self.poles;
        let four = saturate(4 * first);
        let push = if alike(self.partial[0]) { (-four).min(32_767) } else { four };
        let sign = if alike(self.partial[1]) { 128 } else { -128 };
        let second = ((push >> 7) + sign + ((second * 32_512) >> 15)).clamp(-12_288, 12_288);
        let sign = if alike(self.partial[0]) { 192 } else { -192 };
        let most = 15_360 - second;
        self.poles = [saturate(sign + ((first * 32_640) >> 15)).clamp(-most, most), second];
    }

    /// UPZERO.
    fn adapt_zeros(&mut self, difference: i32) {
        let size = if difference == 0 { 0 } else { 128 };
        for (weight, &other) in self.coefficients.iter_mut().zip(&self.differences) {
            let sign = if (difference < 0) == (other < 0) { size } else { -size };
            *weight = saturate(sign + ((*weight * 32_640) >> 15));
        }
    }
}

fn clamp(value: i32) -> i32 {
    value.clamp(*BAND.start(), *BAND.end())
}

fn saturate(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}
