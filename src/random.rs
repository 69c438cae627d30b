//! Seeded randomness for identity on the wire: tags, branches, SSRCs, ports. The seed is part of a
//! recording, so a replay draws the same values. Secrets (context references, tokens) never come from
//! here: the shell mints them from the system.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[derive(Clone, Debug)]
pub struct Random(ChaCha8Rng);

impl Random {
    pub fn from_seed(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn u16(&mut self) -> u16 {
        (self.0.next_u32() & 0xffff) as u16
    }

    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Evenly drawn from `0..bound` (as evenly as 64 bits over a 32-bit bound are).
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound == 0 { 0 } else { (self.u64() % u64::from(bound)) as u32 }
    }

    /// 64 random bits as 16 hex digits: a tag or a branch (RFC 3261 section 19.3 asks for 32 bits at least).
    pub fn token(&mut self) -> String {
        format!("{:016x}", self.u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_values() {
        let draw = |seed| {
            let mut random = Random::from_seed(seed);
            (random.token(), random.u16(), random.below(10))
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7).0, draw(8).0);
    }

    #[test]
    fn below_stays_below() {
        let mut random = Random::from_seed(1);
        assert!((0..1000).all(|_| random.below(3) < 3));
        assert_eq!(random.below(0), 0);
    }
}
