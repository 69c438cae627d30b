//! A whole clip at another rate.

/// The samples at another rate, as many as the same time has, rounded up: straight lines between them.
pub fn resample(samples: &[i16], from: u32, to: u32) -> Vec<i16> {
    if from == to {
        return samples.to_vec();
    }
    let (from, to) = (u64::from(from), u64::from(to).max(1));
    let length = (samples.len() as u64 * to).div_ceil(from.max(1));
    let at = |index: u64| samples.get(index as usize).or(samples.last()).map_or(0, |&sample| i64::from(sample));
    let between = |n: u64| {
        let (index, rest) = (n * from / to, (n * from % to) as i64);
        (at(index) + (at(index + 1) - at(index)) * rest / to as i64) as i16
    };
    (0..length).map(between).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_keeps_its_length_in_time() {
        for (samples, from, to, expected) in
            [(160, 8_000, 16_000, 320), (161, 16_000, 8_000, 81), (441, 44_100, 16_000, 160), (7, 8_000, 8_000, 7)]
        {
            assert_eq!(resample(&vec![900; samples], from, to), vec![900; expected], "{from} to {to}");
        }
        assert_eq!(resample(&[0, 100, 50], 8_000, 16_000), [0, 50, 100, 75, 50, 50]);
        assert!(resample(&[], 8_000, 16_000).is_empty());
    }
}
