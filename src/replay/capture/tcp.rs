//! SIP over TCP: segments in order, whatever came again or late, and the messages in them. A stream that the capture has
//! from its middle on is read from the next message that begins with a segment.

use super::ip::Segment;
use super::unread::{Unread, Why};
use crate::sip::framing::{Frame, Framer};
use std::collections::HashMap;
use std::net::SocketAddr;

/// Streams of one direction that are followed at once.
const STREAMS: usize = 4_096;
/// Of one stream, segments and bytes that wait for one before them.
const WAITING: usize = 256;
const HELD: usize = 256 * 1024;

#[derive(Default)]
pub struct Tcp {
    streams: HashMap<(SocketAddr, SocketAddr), Stream>,
    /// Counts segments, to know which stream was quiet for the longest.
    clock: u64,
}

#[derive(Default)]
struct Stream {
    /// The sequence number that is next.
    next: Option<u32>,
    /// In no order.
    waiting: Vec<(u32, Vec<u8>, u64)>,
    held: usize,
    framer: Framer,
    /// Messages were found in it.
    sip: bool,
    /// Bytes are in the framer that belong to no whole message yet.
    open: bool,
    touched: u64,
}

impl Tcp {
    /// Gives the messages that the segment completes to `each`.
    pub fn take(
        &mut self,
        number: u64,
        segment: &Segment,
        unread: &mut Unread,
        mut each: impl FnMut(&[u8], &mut Unread),
    ) {
        self.clock += 1;
        if segment.bytes.is_empty() && !segment.begins && !segment.ends {
            return;
        }
        if self.streams.len() >= STREAMS {
            self.make_room();
        }
        let way = (segment.from, segment.to);
        let stream = self.streams.entry(way).or_default();
        stream.touched = self.clock;
        if segment.begins {
            *stream = Stream { next: Some(segment.sequence.wrapping_add(1)), touched: self.clock, ..Stream::default() };
        }
        if !segment.bytes.is_empty() {
            let at = if segment.begins { segment.sequence.wrapping_add(1) } else { segment.sequence };
            stream.take(at, segment.bytes, number, unread, &mut each);
        }
        if segment.ends {
            stream.skip(unread, &mut each);
            self.streams.remove(&way);
        }
    }

    /// The capture is at its end: what waits for a segment is read without it.
    pub fn finish(&mut self, unread: &mut Unread, mut each: impl FnMut((SocketAddr, SocketAddr), &[u8], &mut Unread)) {
        let mut rest: Vec<_> = self.streams.drain().collect();
        rest.sort_by_key(|(way, _)| *way);
        for (way, mut stream) in rest {
            stream.skip(unread, &mut |message, unread| each(way, message, unread));
        }
    }

    /// The half that was quiet for the longest goes.
    fn make_room(&mut self) {
        let mut touched: Vec<u64> = self.streams.values().map(|stream| stream.touched).collect();
        touched.sort_unstable();
        let middle = touched[touched.len() / 2];
        self.streams.retain(|_, stream| stream.touched > middle);
    }
}

impl Stream {
    fn take(
        &mut self,
        at: u32,
        bytes: &[u8],
        number: u64,
        unread: &mut Unread,
        each: &mut impl FnMut(&[u8], &mut Unread),
    ) {
        let next = *self.next.get_or_insert(at);
        if (at.wrapping_sub(next) as i32) > 0 {
            self.held += bytes.len();
            self.waiting.push((at, bytes.to_vec(), number));
            if self.waiting.len() > WAITING || self.held > HELD {
                self.skip(unread, each);
            }
            return;
        }
        self.push(at, bytes, number, unread, each);
        self.catch_up(unread, each);
    }

    /// What was there already is left out.
    fn push(
        &mut self,
        at: u32,
        bytes: &[u8],
        number: u64,
        unread: &mut Unread,
        each: &mut impl FnMut(&[u8], &mut Unread),
    ) {
        let known = self.next.map_or(0, |next| next.wrapping_sub(at) as usize);
        let Some(mut bytes) = bytes.get(known..).filter(|bytes| !bytes.is_empty()) else { return };
        self.next = Some(at.wrapping_add((known + bytes.len()) as u32));
        if !self.open {
            match start(bytes) {
                Some(at) => bytes = &bytes[at..],
                // Empty lines keep a connection open (RFC 5626 section 3.5.1); anything else is no SIP.
                None => {
                    return if bytes.starts_with(&[0x16, 3]) {
                        unread.note(number, Why::Tls)
                    };
                }
            }
        }
        self.framer.push(bytes);
        while let Some(frame) = self.framer.frame() {
            match frame {
                Frame::Message(message) => {
                    self.sip = true;
                    each(&message, unread);
                }
                Frame::Ping => {}
                Frame::Lost(_) => {
                    unread.note(number, Why::Endless);
                    self.framer = Framer::default();
                }
            }
        }
        self.open = self.framer.begun();
    }

    /// What waits and is next.
    fn catch_up(&mut self, unread: &mut Unread, each: &mut impl FnMut(&[u8], &mut Unread)) {
        while let Some(next) = self.next
            && let Some(place) = self.waiting.iter().position(|(at, ..)| at.wrapping_sub(next) as i32 <= 0)
        {
            let (at, bytes, number) = self.waiting.swap_remove(place);
            self.held -= bytes.len();
            self.push(at, &bytes, number, unread, each);
        }
    }

    /// The segment that is missing does not come any more: on with the first one behind it.
    fn skip(&mut self, unread: &mut Unread, each: &mut impl FnMut(&[u8], &mut Unread)) {
        while let Some(next) = self.next
            && let Some((at, number)) =
                self.waiting.iter().map(|(at, _, number)| (*at, *number)).min_by_key(|(at, _)| at.wrapping_sub(next))
        {
            if self.sip || self.open {
                unread.note(number, Why::Gap);
            }
            self.framer = Framer::default();
            (self.next, self.open) = (Some(at), false);
            self.catch_up(unread, each);
        }
    }
}

/// Where a message begins: at the start, or after empty lines.
fn start(bytes: &[u8]) -> Option<usize> {
    let at = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    super::is_sip(&bytes[at..]).then_some(at)
}
