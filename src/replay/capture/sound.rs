//! What callers said, packet by packet: kept only as long as their calls go on.

use super::calls::Legs;
use super::media::Listener;
use crate::media::Tapped;
use crate::rerun::packets::Packets;
use std::collections::HashMap;

/// Bytes of all calls at once; a call that finds no room has no sound.
const ROOM: usize = 512 << 20;
/// What a packet takes besides its sound.
const HEAD: usize = 40;

pub struct Ears<'c, F> {
    /// By the callers' dialogs.
    calls: HashMap<usize, &'c Legs>,
    kept: HashMap<usize, Option<Packets>>,
    bytes: usize,
    each: F,
}

impl<'c, F: FnMut(&Legs, Option<Packets>)> Ears<'c, F> {
    pub fn new(calls: &'c [Legs], each: F) -> Self {
        let calls = calls.iter().map(|legs| (legs.caller, legs)).collect();
        Ears { calls, kept: HashMap::new(), bytes: 0, each }
    }

    /// Calls without an end, and those without a packet.
    pub fn finish(mut self) {
        let mut rest: Vec<usize> = self.calls.keys().copied().collect();
        rest.sort_unstable();
        rest.into_iter().for_each(|dialog| self.ended(dialog));
    }
}

impl<F: FnMut(&Legs, Option<Packets>)> Listener for Ears<'_, F> {
    const LISTENS: bool = true;

    fn packet(&mut self, at: u64, tapped: Tapped<'_>) {
        let dialog = tapped.recording as usize;
        if !self.calls.contains_key(&dialog) {
            return;
        }
        let kept = self.kept.entry(dialog).or_insert_with(|| Some(Packets::default()));
        let Some(packets) = kept else { return };
        let size = tapped.payload.len() + HEAD;
        let full =
            self.bytes + size > ROOM || packets.push(at, tapped.header, tapped.kind, tapped.payload, false).is_err();
        match full {
            true => {
                self.bytes -= packets.iter().map(|packet| packet.length + HEAD).sum::<usize>();
                *kept = None;
            }
            false => self.bytes += size,
        }
    }

    fn ended(&mut self, dialog: usize) {
        let Some(legs) = self.calls.remove(&dialog) else { return };
        let packets = self.kept.remove(&dialog).unwrap_or_else(|| Some(Packets::default()));
        self.bytes -= packets.iter().flat_map(Packets::iter).map(|packet| packet.length + HEAD).sum::<usize>();
        (self.each)(legs, packets);
    }
}
