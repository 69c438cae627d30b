//! Callers' packets, kept in memory until their calls are over: a test is made of them, and nothing is written before
//! that is done.

use crate::engine::RecordOrder;
use crate::media::{Kind, RecordAct, Tapped};
use crate::rerun::sound::Packets;
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
