//! From a media worker to the recorder: a ring of frames, made once. Nothing waits on it, so neither end takes a lock
//! and the worker makes no system call; what finds no room is lost, and its recording has silence there.

use crate::media::{Kind, Side, Tapped};
use crate::rtp::Header;
use crate::time::Instant;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Bytes of a packet that one frame holds: 20 ms of G.711. A longer packet is several frames.
const PIECE: usize = 160;
/// Frames for each recording: a quarter of a second of both sides.
const FRAMES: usize = 25;
/// At least.
const FEWEST: usize = 1_024;

struct Frame {
    recording: u32,
    number: u32,
    at: Instant,
    header: Header,
    side: Side,
    kind: Kind,
    length: u8,
    /// Another piece of the same packet follows.
    more: bool,
    piece: [u8; PIECE],
}

/// The worker's end.
#[derive(Clone, Debug)]
pub struct Inlet(SyncSender<Frame>);

/// The recorder's end.
pub struct Outlet {
    frames: Receiver<Frame>,
    /// The pieces of a packet so far, and whose they are.
    packet: Vec<u8>,
    whose: (u32, u32),
}

/// A ring for so many recordings at once.
pub fn ring(recordings: usize) -> (Inlet, Outlet) {
    let (inlet, frames) = sync_channel((recordings * FRAMES).max(FEWEST));
    (Inlet(inlet), Outlet { frames, packet: Vec::new(), whose: (0, 0) })
}

impl Inlet {
    /// `false`: there is no room for all of it.
    pub fn push(&self, at: Instant, tapped: &Tapped<'_>) -> bool {
        let Tapped { recording, number, side, kind, header, mut payload } = *tapped;
        loop {
            let (head, rest) = payload.split_at(payload.len().min(PIECE));
            let mut piece = [0; PIECE];
            piece[..head.len()].copy_from_slice(head);
            let (length, more) = (head.len() as u8, !rest.is_empty());
            let frame = Frame { recording, number, at, header, side, kind, length, more, piece };
            if self.0.try_send(frame).is_err() {
                return false;
            }
            if !more {
                return true;
            }
            payload = rest;
        }
    }
}

impl Outlet {
    /// Hands over every packet that is whole.
    pub fn drain(&mut self, mut take: impl FnMut(Instant, &Tapped<'_>)) {
        while let Ok(frame) = self.frames.try_recv() {
            let Frame { recording, number, at, header, side, kind, length, more, piece } = frame;
            if self.whose != (recording, number) {
                // Of the one before, the last piece found no room.
                self.packet.clear();
                self.whose = (recording, number);
            }
            self.packet.extend_from_slice(&piece[..usize::from(length)]);
            if !more {
                take(at, &Tapped { recording, number, side, kind, header, payload: &self.packet });
                self.packet.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;

    #[test]
    fn packets_of_any_length_come_out_whole_and_in_order_until_it_is_full() {
        let (inlet, mut outlet) = ring(1);
        let sound: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        let tapped = |number: u32, length: usize| Tapped {
            recording: 3,
            number,
            side: Side::Heard,
            kind: Kind::Audio(Codec::Pcma),
            header: Header { marker: true, payload_type: 8, sequence: 7, timestamp: number, ssrc: 9 },
            payload: &sound[..length],
        };
        let now = Instant::from_micros(5);
        let lengths = [0, 1, 160, 161, 480, 1_000];
        for round in 0..2 {
            for (number, length) in lengths.into_iter().enumerate() {
                assert!(inlet.push(now, &tapped(number as u32, length)), "{round}");
            }
            let mut came = Vec::new();
            outlet.drain(|at, tapped| {
                assert_eq!((at, tapped.recording, tapped.side), (now, 3, Side::Heard));
                assert_eq!((tapped.header.sequence, tapped.header.timestamp), (7, tapped.number));
                assert_eq!(tapped.payload, &sound[..tapped.payload.len()]);
                came.push((tapped.number, tapped.payload.len()));
            });
            assert_eq!(came, lengths.into_iter().enumerate().map(|(n, l)| (n as u32, l)).collect::<Vec<_>>());
        }
        // One frame is left for the last packet, which has seven.
        for number in 0..FEWEST as u32 - 1 {
            assert!(inlet.push(now, &tapped(number, 160)));
        }
        assert!(!inlet.push(now, &tapped(5_000, 1_000)));
        let mut came = 0;
        outlet.drain(|_, tapped| {
            assert!(tapped.number < 5_000);
            came += 1;
        });
        assert_eq!(came, FEWEST - 1);
        assert!(inlet.push(now, &tapped(5_001, 480)));
        outlet.drain(|_, tapped| assert_eq!((tapped.number, tapped.payload.len()), (5_001, 480)));
    }
}
