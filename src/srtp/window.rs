//! Which index a packet has, and whether it was here before (RFC 3711 sections 3.3.1 and 3.3.2).

/// Packets behind the newest one that can still be told apart.
const WIDTH: u64 = 64;

#[derive(Clone, Copy, Debug)]
pub struct Window {
    newest: u64,
    /// Bit n: `newest - n` was here.
    seen: u64,
}

impl Window {
    pub fn new(index: u64) -> Self {
        Self { newest: index, seen: 1 }
    }

    /// The index nearest to the newest one that ends in this sequence number; `None`: it would lie before the first.
    pub fn guess(&self, sequence: u16) -> Option<u64> {
        let ahead = sequence.wrapping_sub(self.newest as u16) as i16;
        self.newest.checked_add_signed(i64::from(ahead))
    }

    pub fn is_new(&self, index: u64) -> bool {
        match self.newest.checked_sub(index) {
            None => true,
            Some(behind) => behind < WIDTH && self.seen >> behind & 1 == 0,
        }
    }

    pub fn note(&mut self, index: u64) {
        match index.checked_sub(self.newest) {
            None | Some(0) => {
                let behind = self.newest - index;
                self.seen |= if behind < WIDTH { 1 << behind } else { 0 };
            }
            Some(ahead) => {
                self.seen = if ahead < WIDTH { self.seen << ahead | 1 } else { 1 };
                self.newest = index;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_index_is_guessed_over_wraps_both_ways() {
        let cases: [(u64, u16, Option<u64>); 9] = [
            (0, 1, Some(1)),
            (5, 65_530, None),
            (65_535, 0, Some(65_536)),
            (65_536, 65_535, Some(65_535)),
            (65_536, 32_767, Some(65_536 + 32_767)),
            (65_537, 65_000, Some(65_000)),
            (3 << 16 | 100, 99, Some(3 << 16 | 99)),
            (3 << 16 | 65_000, 10, Some(4 << 16 | 10)),
            (3 << 16 | 10, 65_000, Some(2 << 16 | 65_000)),
        ];
        for (newest, sequence, index) in cases {
            assert_eq!(Window::new(newest).guess(sequence), index, "{sequence} after {newest}");
        }
    }

    #[test]
    fn what_was_here_is_known_and_what_is_too_old_is_refused() {
        let mut window = Window::new(1000);
        assert!(!window.is_new(1000) && window.is_new(999) && window.is_new(937) && !window.is_new(936));
        window.note(937);
        window.note(900); // Older than can be told: nothing to note.
        assert!(!window.is_new(937) && window.is_new(938));
        window.note(1001);
        assert!(!window.is_new(1000) && !window.is_new(937) && window.is_new(938) && window.is_new(1002));
        window.note(1064);
        assert!(!window.is_new(1001) && window.is_new(1002));
        window.note(1064 + 64);
        assert!(!window.is_new(1064) && window.is_new(1065));
    }
}
