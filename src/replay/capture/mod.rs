//! A capture off the wire, pcap or pcapng, read for its calls in bounded memory.
//!
//! ```text
//! packets -> ip (VLAN, fragments) -> UDP: SIP ------------------> dialogs -> calls: whose legs they are
//!                                         RTP -> media (keys) ------^
//!                                 -> TCP (order, messages): SIP ----^
//! ```
//! What cannot be read is told by ranges of packets (`Unread`), and nothing ends because of it.

mod acts;
mod born;
mod calls;
mod dialogs;
mod ip;
mod media;
mod packets;
mod sound;
mod summary;
mod tcp;
#[cfg(test)]
mod tests;
mod unread;

pub use born::{Came, anywhere};
pub use calls::{Aside, Legs, Service};
pub use packets::NotACapture;
pub use unread::{Range, Unread, Why};

use crate::audio::Arena;
use crate::call::Program;
use crate::config::Config;
use crate::flow::script::Cue;
use crate::replay::stage::Reheard;
use crate::rerun::packets::Packets;
use crate::sip::{Hop, Transport};
use dialogs::{Change, Dialogs, Told};
use ip::{Carried, Ip};
use media::{Heard, Listener, Media};
use std::io::Read;
use std::net::SocketAddr;
use tcp::Tcp;

/// The first line of a message is no longer, nor does a method have more letters.
const LINE: usize = 4_096;
const METHOD: usize = 16;

/// What such a recording says of where it comes from.
const SOURCE: &str = "capture";

/// What a capture holds.
#[derive(Default)]
pub struct Capture {
    dialogs: Dialogs,
    pub unread: Unread,
    pub packets: u64,
    /// Microseconds since 1970.
    pub begun: u64,
    pub ended: u64,
}

impl Capture {
    /// Reads it to its end.
    pub fn read(source: impl Read + Send) -> Result<Capture, NotACapture> {
        Capture::listen(source, &mut ())
    }

    /// Its calls in the order in which they came, and the dialogs that are none. `service`: where that is, if it is known.
    pub fn calls(&self, service: Option<Service>) -> (Vec<Legs>, Vec<(usize, Aside)>) {
        calls::calls(&self.dialogs.all, service)
    }

    /// How a place takes a call; `dialled` in place of what was dialled.
    pub fn came(&self, legs: &Legs, config: &Config, dialled: Option<&str>) -> Result<Came, String> {
        born::came(self, legs, config, dialled)
    }

    /// The call made again by its flow as it is now; `answers`: how a lookup of that name ends.
    pub fn perform(
        &self,
        (legs, came): (&Legs, &Came),
        config: &Config,
        (program, arena): (&Program, &Arena),
        name: &str,
        answers: &mut dyn FnMut(&str) -> Option<Cue>,
    ) -> Result<Reheard, String> {
        let mut remarks = legs.remarks.clone();
        let (birth, timed) = born::birth(self, (legs, came), config, program, name, &mut remarks)?;
        let mut heard = timed.perform((program, arena), (birth, came.arrival.clone()), SOURCE, answers)?;
        heard.remarks.splice(0..0, remarks);
        Ok(heard)
    }

    /// The packets of each caller, once nothing of its call comes any more: the capture is read again for them. Their times
    /// are microseconds since 1970; `None` where they are more than are kept.
    pub fn sounds(
        &self,
        source: impl Read + Send,
        calls: &[Legs],
        each: impl FnMut(&Legs, Option<Packets>),
    ) -> Result<(), NotACapture> {
        let mut ears = sound::Ears::new(calls, each);
        Capture::listen(source, &mut ears)?;
        ears.finish();
        Ok(())
    }

    /// When a call's caller was answered, as its flow begins; microseconds since 1970.
    pub fn answered(&self, legs: &Legs, early: bool) -> u64 {
        let caller = &self.dialogs.all[legs.caller];
        let begun = caller.invite.as_ref().map_or(0, |invite| invite.at);
        acts::answered(caller, early).unwrap_or(begun)
    }

    fn listen(source: impl Read + Send, listener: &mut impl Listener) -> Result<Capture, NotACapture> {
        let mut reader = Reader::default();
        let mut unread = Unread::default();
        packets::read(source, &mut unread, |packet, unread| reader.packet(&packet, unread, listener))?;
        reader.finish(&mut unread, listener);
        Ok(Capture { unread, ..reader.capture })
    }
}

/// The messages and datagrams of a capture as they are: the time in microseconds since 1970, from where and to where. What
/// cannot be read is left out.
pub fn carried(source: impl Read + Send, mut each: impl FnMut(u64, Hop, SocketAddr, &[u8])) -> Result<(), NotACapture> {
    let (mut ip, mut tcp, mut unread, mut last) = (Ip::default(), Tcp::default(), Unread::default(), 0);
    packets::read(source, &mut unread, |packet, unread| {
        last = packet.at;
        ip.take(&packet, unread, |carried, unread| match carried {
            Carried::Datagram { from, to, bytes } => each(packet.at, Hop::udp(from), to, bytes),
            Carried::Segment(segment) => tcp.take(packet.number, &segment, unread, |message, _| {
                each(packet.at, Hop::new(Transport::Tcp, segment.from), segment.to, message);
            }),
        });
    })?;
    tcp.finish(&mut unread, |(from, to), message, _| each(last, Hop::new(Transport::Tcp, from), to, message));
    Ok(())
}

#[derive(Default)]
struct Reader {
    capture: Capture,
    ip: Ip,
    tcp: Tcp,
    media: Media,
}

impl Reader {
    fn packet(&mut self, packet: &packets::Packet, unread: &mut Unread, listener: &mut impl Listener) {
        let Reader { capture, ip, tcp, media } = self;
        capture.packets = packet.number;
        if packet.number == 1 {
            capture.begun = packet.at;
        }
        capture.ended = capture.ended.max(packet.at);
        let (number, at) = (packet.number, packet.at);
        let mut desk = Desk { dialogs: &mut capture.dialogs, media, number, at, listener };
        ip.take(packet, unread, |carried, unread| match carried {
            Carried::Datagram { from, to, bytes } if is_sip(bytes.trim_ascii_start()) => {
                desk.message(Transport::Udp, (from, to), bytes, unread);
            }
            Carried::Datagram { from, to, bytes } => desk.sound((from, to), bytes, unread),
            Carried::Segment(segment) => tcp.take(number, &segment, unread, |message, unread| {
                desk.message(Transport::Tcp, (segment.from, segment.to), message, unread);
            }),
        });
    }

    fn finish(&mut self, unread: &mut Unread, listener: &mut impl Listener) {
        let Reader { capture, ip, tcp, media } = self;
        let (number, at) = (capture.packets, capture.ended);
        let mut desk = Desk { dialogs: &mut capture.dialogs, media, number, at, listener };
        tcp.finish(unread, |way, message, unread| desk.message(Transport::Tcp, way, message, unread));
        ip.finish(unread);
    }
}

/// Where what a packet carried is taken in.
struct Desk<'r, L> {
    dialogs: &'r mut Dialogs,
    media: &'r mut Media,
    number: u64,
    at: u64,
    listener: &'r mut L,
}

impl<L: Listener> Desk<'_, L> {
    fn message(
        &mut self,
        transport: Transport,
        (from, to): (SocketAddr, SocketAddr),
        bytes: &[u8],
        unread: &mut Unread,
    ) {
        let (from, to) = (Hop::new(transport, from), Hop::new(transport, to));
        let told = Told { number: self.number, at: self.at, from, to, bytes };
        let change = self.dialogs.message(&told, unread);
        let at = self.at;
        let mut sink = Heard { at, pressed: Vec::new(), refused: 0, listener: &mut *self.listener };
        match change {
            Some(Change::Described(dialog)) => {
                self.media.agree(dialog, &self.dialogs.all[dialog].described, L::LISTENS, &mut sink);
            }
            Some(Change::Ended(dialog)) => {
                self.media.close(dialog, &mut sink);
                sink.listener.ended(dialog);
            }
            None => {}
        }
        if sink.refused > 0 {
            unread.note(self.number, Why::Full);
        }
    }

    fn sound(&mut self, way: (SocketAddr, SocketAddr), bytes: &[u8], unread: &mut Unread) {
        let at = self.at;
        let mut sink = Heard { at, pressed: Vec::new(), refused: 0, listener: &mut *self.listener };
        self.media.packet((self.number, at), way, bytes, unread, &mut sink);
        for pressed in sink.pressed {
            self.dialogs.pressed(at, pressed);
        }
    }
}

/// Whether bytes begin like a message: a status line, or a request line.
fn is_sip(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"SIP/2.0 ") {
        return true;
    }
    let line = &bytes[..bytes.len().min(LINE)];
    let Some(end) = line.iter().position(|byte| *byte == b'\n') else { return false };
    let method = line.iter().position(|byte| *byte == b' ').unwrap_or(0);
    (1..=METHOD).contains(&method)
        && line[..method].iter().all(u8::is_ascii_uppercase)
        && line[..end].trim_ascii_end().ends_with(b" SIP/2.0")
}
