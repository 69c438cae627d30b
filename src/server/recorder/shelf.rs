//! Callers' packets, kept in memory until their calls are over: a test is made of them, and nothing is written before
//! that is done.

use crate::engine::RecordOrder;
use crate::media::{Kind, RecordAct, Tapped};
use crate::rerun::packets::Packets;
use crate::time::Instant;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of all packets that are kept, those included that wait to be written.
pub const MEMORY: usize = 256 * 1024 * 1024;

/// What a caller of a call said.
pub struct Said {
    /// The call's name.
    pub call: String,
    /// Or why there is nothing.
    pub packets: Result<Packets, &'static str>,
    /// Goes with them.
    _room: Room,
}

/// Whom it is given to once the call is over.
pub type Taker = Box<dyn FnMut(Said) + Send>;

pub struct Shelf {
    calls: HashMap<u32, Call>,
    memory: Arc<AtomicUsize>,
    bound: usize,
    taker: Taker,
}

struct Call {
    name: String,
    /// When its INVITE came.
    began: Instant,
    /// The next number of what is tapped.
    number: u32,
    /// From when to when its sound is left away, the last time.
    masked: Option<(Instant, Option<Instant>)>,
    over: Option<Instant>,
    packets: Result<Packets, &'static str>,
    room: Room,
}

/// Memory that is taken, and given back when this is dropped.
struct Room {
    of: Arc<AtomicUsize>,
    bytes: usize,
}

impl Shelf {
    pub fn new(bound: usize, taker: Taker) -> Shelf {
        Shelf { calls: HashMap::new(), memory: Arc::default(), bound, taker }
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub fn has(&self, recording: u32) -> bool {
        self.calls.contains_key(&recording)
    }

    pub fn begin(&mut self, order: RecordOrder) {
        let room = Room { of: self.memory.clone(), bytes: 0 };
        let (began, packets) = (order.at, Ok(Packets::default()));
        let call = Call { name: order.file, began, number: 0, masked: None, over: None, packets, room };
        self.calls.insert(order.recording, call);
    }

    pub fn act(&mut self, order: &RecordOrder) {
        let Some(call) = self.calls.get_mut(&order.recording) else { return };
        match order.act {
            RecordAct::Mask => call.masked = Some((order.at, None)),
            RecordAct::Unmask => call.masked = call.masked.map(|(from, _)| (from, Some(order.at))),
            RecordAct::Stop => call.over = Some(order.at),
            RecordAct::Start | RecordAct::Pause | RecordAct::Resume => {}
        }
    }

    pub fn take(&mut self, at: Instant, tapped: &Tapped<'_>) {
        let Some(call) = self.calls.get_mut(&tapped.recording) else { return };
        if let Err(why) = call.take(at, tapped, self.bound) {
            // Its memory is others' from now on.
            call.packets = Err(why);
            call.room.give_back();
        }
    }

    /// Hands over those whose calls were over by `now`.
    pub fn hand_over(&mut self, now: Instant) {
        let over = self.calls.extract_if(|_, call| call.over.is_some_and(|over| over <= now));
        for (_, Call { name, packets, room, .. }) in over {
            (self.taker)(Said { call: name, packets, _room: room });
        }
    }
}

impl Call {
    fn take(&mut self, at: Instant, tapped: &Tapped<'_>, bound: usize) -> Result<(), &'static str> {
        let Ok(packets) = &mut self.packets else { return Ok(()) };
        if std::mem::replace(&mut self.number, tapped.number.wrapping_add(1)) != tapped.number {
            return Err("packets found no way to the recorder");
        }
        let within = |(from, until): (Instant, Option<Instant>)| from <= at && until.is_none_or(|until| at < until);
        let masked = matches!(tapped.kind, Kind::Audio(_)) && self.masked.is_some_and(within);
        let t = at.as_micros().saturating_sub(self.began.as_micros());
        let pushed = packets.push(t, tapped.header, tapped.kind, tapped.payload, masked);
        pushed.map_err(|_| "the call was longer than half an hour of sound")?;
        self.room.grow(packets.size(), bound).map_err(|()| "the sound of too many calls is kept at once")
    }
}

impl Room {
    fn grow(&mut self, bytes: usize, bound: usize) -> Result<(), ()> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        self.bytes = bytes;
        if self.of.fetch_add(more, Ordering::Relaxed) + more > bound { Err(()) } else { Ok(()) }
    }

    fn give_back(&mut self) {
        self.of.fetch_sub(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::engine::Onto;
    use crate::media::Side;
    use crate::rtp::Header;
    use std::sync::mpsc::{Receiver, channel};

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    fn shelf(bound: usize) -> (Shelf, Receiver<Said>) {
        let (tell, told) = channel();
        (Shelf::new(bound, Box::new(move |said| tell.send(said).expect("a test that listens"))), told)
    }

    fn order(recording: u32, ms: u64, act: RecordAct) -> RecordOrder {
        let (file, onto, because) = (format!("call-{recording}"), Onto::Packets, "");
        RecordOrder { recording, call: 7, at: at(ms), act, file, onto, because }
    }

    fn say(shelf: &mut Shelf, recording: u32, number: u32, length: usize) {
        let header =
            Header { marker: false, payload_type: 0, sequence: number as u16, timestamp: number * 160, ssrc: 1 };
        let (side, kind, payload) = (Side::Said, Kind::Audio(Codec::Pcmu), &[7; 1_000][..length]);
        shelf.take(at(1_000 + u64::from(number) * 20), &Tapped { recording, number, side, kind, header, payload });
    }

    #[test]
    fn packets_of_a_call_are_handed_over_when_it_is_over_without_what_was_said_to_a_person() {
        let (mut shelf, told) = shelf(MEMORY);
        shelf.begin(order(1, 900, RecordAct::Start));
        shelf.begin(order(2, 900, RecordAct::Start));
        for number in 0..20 {
            match number {
                5 => shelf.act(&order(1, 1_100, RecordAct::Mask)),
                10 => shelf.act(&order(1, 1_200, RecordAct::Unmask)),
                _ => {}
            }
            say(&mut shelf, 1, number, 160);
            // Of the other one a packet found no room in the ring.
            say(&mut shelf, 2, number + u32::from(number > 7), 160);
        }
        shelf.act(&order(1, 1_400, RecordAct::Stop));
        shelf.act(&order(2, 1_500, RecordAct::Stop));
        shelf.hand_over(at(1_399));
        assert!(told.try_recv().is_err() && shelf.has(1));
        shelf.hand_over(at(1_400));
        let said = told.try_recv().expect("a call");
        let packets = said.packets.as_ref().expect("packets");
        assert_eq!(said.call, "call-1");
        let kept: Vec<(u64, bool)> = packets.iter().map(|packet| (packet.t, packet.payload.is_some())).collect();
        let expected: Vec<_> = (0..20).map(|n| (100_000 + n * 20_000, !(5..10).contains(&n))).collect();
        assert_eq!(kept, expected);
        shelf.hand_over(at(2_000));
        let other = told.try_recv().expect("a call").packets;
        assert_eq!(other.map(drop), Err("packets found no way to the recorder"));
        assert!(shelf.is_empty());
    }

    #[test]
    fn the_memory_of_all_is_bounded_and_comes_back() {
        let (mut shelf, told) = shelf(100_000);
        let fill = |shelf: &mut Shelf, recording, packets| {
            shelf.begin(order(recording, 900, RecordAct::Start));
            (0..packets).for_each(|number| say(shelf, recording, number, 1_000));
            shelf.act(&order(recording, 950, RecordAct::Stop));
            shelf.hand_over(at(3_000));
            told.try_recv().expect("a call")
        };
        let first = fill(&mut shelf, 1, 40);
        assert!(first.packets.is_ok());
        // They wait to be written, and take their room until they are.
        assert_eq!(fill(&mut shelf, 2, 40).packets.map(drop), Err("the sound of too many calls is kept at once"));
        drop(first);
        assert!(fill(&mut shelf, 3, 40).packets.is_ok());
        assert_eq!(shelf.memory.load(Ordering::Relaxed), 0);
    }
}
