//! Where a packet stands in its stream: the sequence checks of RFC 3550 appendix A.1, and what was lost.

/// A packet this far ahead is a gap; further, the sender has begun again (RFC 3550 MAX_DROPOUT).
const DROPOUT: u16 = 3000;
/// A packet this far behind came late; further, the sender has begun again (RFC 3550 MAX_MISORDER).
const MISORDER: u16 = 100;

/// The order of one source's packets. A new SSRC, or a sequence that jumps, is believed after two packets in order.
#[derive(Clone, Debug, Default)]
pub struct Order {
    believed: Option<(u32, u16)>,
    /// The SSRC of a packet not believed yet and the sequence number that would prove it.
    candidate: Option<(u32, u16)>,
    lost: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The next one, or ahead of it: packets in between are counted as lost until they come.
    Ahead,
    /// Behind the newest: reordered on its way.
    Late,
    /// The newest once more.
    Repeated,
    /// The second in order of a new SSRC or a new sequence: a new base for whatever is mapped.
    Restarted,
    /// The first of such; not to be believed.
    Unproven,
}

impl Order {
    pub fn place(&mut self, ssrc: u32, sequence: u16) -> Place {
        let Some((believed, newest)) = self.believed else {
            // The very first packet is believed: a key may be the first thing that a silent phone sends.
            self.believed = Some((ssrc, sequence));
            return Place::Ahead;
        };
        let ahead = sequence.wrapping_sub(newest);
        if believed != ssrc || (DROPOUT..=u16::MAX - MISORDER).contains(&ahead) {
            return self.prove(ssrc, sequence);
        }
        match ahead {
            0 => Place::Repeated,
            1..DROPOUT => {
                self.lost += u64::from(ahead - 1);
                self.believed = Some((ssrc, sequence));
                Place::Ahead
            }
            _ => {
                self.lost = self.lost.saturating_sub(1);
                Place::Late
            }
        }
    }

    /// Packets missing so far; one that comes late is taken off again.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn prove(&mut self, ssrc: u32, sequence: u16) -> Place {
        if self.candidate == Some((ssrc, sequence)) {
            self.candidate = None;
            self.believed = Some((ssrc, sequence));
            return Place::Restarted;
        }
        self.candidate = Some((ssrc, sequence.wrapping_add(1)));
        Place::Unproven
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Place::*;

    #[test]
    fn packets_find_their_place() {
        type Script = &'static [(u32, u16, Place)];
        let cases: [(&str, Script, u64); 8] = [
            ("in order over the wrap", &[(1, 65534, Ahead), (1, 65535, Ahead), (1, 0, Ahead)], 0),
            ("a gap of two", &[(1, 5, Ahead), (1, 8, Ahead)], 2),
            ("one of the gap comes late", &[(1, 5, Ahead), (1, 8, Ahead), (1, 6, Late)], 1),
            ("twice", &[(1, 5, Ahead), (1, 5, Repeated)], 0),
            ("new ssrc", &[(1, 5, Ahead), (2, 900, Unproven), (2, 901, Restarted), (2, 902, Ahead)], 0),
            ("a jump", &[(1, 5, Ahead), (1, 9005, Unproven), (1, 9006, Restarted)], 0),
            (
                "events under an ssrc of their own, between the audio",
                &[(1, 5, Ahead), (2, 90, Unproven), (1, 6, Ahead), (2, 91, Restarted), (2, 92, Ahead)],
                0,
            ),
            (
                "an injected packet changes nothing",
                &[(1, 5, Ahead), (9, 7, Unproven), (1, 6, Ahead), (9, 9, Unproven), (1, 7, Ahead)],
                0,
            ),
        ];
        for (name, script, lost) in cases {
            let mut order = Order::default();
            for &(ssrc, sequence, place) in script {
                assert_eq!(order.place(ssrc, sequence), place, "{name}: {sequence}");
            }
            assert_eq!(order.lost(), lost, "{name}");
        }
    }
}
