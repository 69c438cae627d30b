//! What stands between a stream and the wire: nothing, or SRTP. Where SRTP was agreed on, nothing passes without it.

use super::Statistics;
use crate::keying::{Master, Ours};
use crate::rtp::rtcp::LONGEST;
use crate::sdp::Srtp;
use crate::srtp::{Inbound, OVERHEAD, Outbound, Refused};

/// Datagrams that a peer's old key is tried on after a new one was agreed on: two seconds of speech. The packets that were on
/// their way are far fewer, but a phone may begin with its new key only when it has our answer, or its ACK is through.
const GRACE: u32 = 100;

/// More than a datagram holds of any codec of ours; what is longer is not protected, and not sent.
const PACKET: usize = 2048;
/// Nearly every packet is smaller, and to clear room for the largest each time would take longer than half a cipher.
const USUAL: usize = 512;

#[derive(Debug)]
pub enum Guard {
    Clear,
    /// Boxed: streams in clear are not to grow by it.
    Keyed(Box<Keys>),
    /// SRTP without a key of ours: a mistake in the engine, and silence rather than speech for everyone.
    Shut,
}

/// The keys of both directions, and for a while the one that the peer had before.
#[derive(Debug)]
pub struct Keys {
    ours: Key<Outbound>,
    theirs: Key<Inbound>,
    /// With how many datagrams it may still open.
    before: Option<(Key<Inbound>, u32)>,
}

/// A context, and the key that it was made from.
#[derive(Debug)]
pub struct Key<C> {
    master: Master,
    context: C,
}

impl Guard {
    pub fn new(srtp: Option<&Srtp>) -> Guard {
        match srtp {
            None => Guard::Clear,
            Some(Srtp { ours: Ours::Named(_), .. }) => Guard::Shut,
            Some(Srtp { ours: Ours::Known(ours), theirs }) => Guard::Keyed(Box::new(Keys {
                ours: Key { context: Outbound::new(ours), master: ours.clone() },
                theirs: Key { context: Inbound::new(theirs), master: theirs.clone() },
                before: None,
            })),
        }
    }

    pub fn is_clear(&self) -> bool {
        matches!(self, Guard::Clear)
    }

    /// A re-INVITE: a key that stays goes on counting, a new one begins at zero (RFC 4568 section 7.1.4).
    pub fn renew(&mut self, srtp: Option<&Srtp>) {
        let renewed = Guard::new(srtp);
        let old = std::mem::replace(self, renewed);
        if let (Guard::Keyed(old), Guard::Keyed(new)) = (old, self) {
            let Keys { ours, theirs, before } = *old;
            if ours.master == new.ours.master {
                new.ours = ours;
            }
            if theirs.master == new.theirs.master {
                (new.theirs, new.before) = (theirs, before);
            } else {
                new.before = Some((theirs, GRACE));
            }
        }
    }

    /// Our SSRC is another one from the next packet on. Says whether its numbers are counted for SRTP, from zero.
    pub fn restart(&mut self) -> bool {
        let Guard::Keyed(keys) = self else { return false };
        keys.ours.context.restart();
        true
    }

    /// The packet that a datagram of the trusted source holds: its length, the bytes as they were before they were
    /// protected. `None`, counted, where it does not come from who has the key, or came before.
    pub fn open(&mut self, bytes: &mut [u8], statistics: &mut Statistics) -> Option<usize> {
        let opened = match self {
            Guard::Clear => return Some(bytes.len()),
            Guard::Keyed(keys) => keys.open(bytes),
            Guard::Shut => Err(Refused::Forged),
        };
        let refused = &mut statistics.refused;
        match opened {
            Ok(length) => return Some(length),
            Err(Refused::Malformed) => refused.malformed += 1,
            Err(_) => refused.forged += 1,
        }
        None
    }

    /// Hands the packet over to `send` as it goes out; what must not go out is counted.
    pub fn close(&mut self, packet: &[u8], statistics: &mut Statistics, send: impl FnOnce(&[u8])) {
        let sent = match self {
            Guard::Clear => {
                send(packet);
                true
            }
            Guard::Keyed(keys) => keys.ours.seal(packet, send),
            Guard::Shut => false,
        };
        if sent {
            statistics.sent += 1;
        } else {
            statistics.unprotected += 1;
        }
    }
}

impl Guard {
    /// The same of a report; `false` if nothing went out.
    pub fn close_report(&mut self, report: &[u8; LONGEST], length: usize, send: impl FnOnce(&[u8])) -> bool {
        let mut room = [0; LONGEST + OVERHEAD];
        room[..LONGEST].copy_from_slice(report);
        let length = match self {
            Guard::Clear => Some(length),
            Guard::Keyed(keys) => keys.ours.context.protect_rtcp(&mut room, length).ok(),
            Guard::Shut => None,
        };
        length.and_then(|length| room.get(..length)).map(send).is_some()
    }
}

impl Keys {
    fn open(&mut self, bytes: &mut [u8]) -> Result<usize, Refused> {
        let Some((before, left)) = &mut self.before else { return self.theirs.open(bytes) };
        // What a key does not open is worth nothing afterwards.
        let mut kept = [0; PACKET];
        let kept = kept.get_mut(..bytes.len()).ok_or(Refused::Malformed)?;
        kept.copy_from_slice(bytes);
        let opened = self.theirs.open(bytes).or_else(|refused| {
            bytes.copy_from_slice(kept);
            before.open(bytes).map_err(|_| refused)
        });
        *left -= 1;
        if *left == 0 {
            self.before = None;
        }
        opened
    }
}

impl Key<Inbound> {
    fn open(&mut self, bytes: &mut [u8]) -> Result<usize, Refused> {
        if is_rtcp(bytes) { self.context.unprotect_rtcp(bytes) } else { self.context.unprotect(bytes) }
    }
}

impl Key<Outbound> {
    fn seal(&mut self, packet: &[u8], send: impl FnOnce(&[u8])) -> bool {
        if packet.len() + OVERHEAD <= USUAL {
            self.seal_in(&mut [0; USUAL], packet, send)
        } else {
            self.seal_in(&mut [0; PACKET], packet, send)
        }
    }

    fn seal_in(&mut self, room: &mut [u8], packet: &[u8], send: impl FnOnce(&[u8])) -> bool {
        let Some(copied) = room.get_mut(..packet.len()) else { return false };
        copied.copy_from_slice(packet);
        let sealed = self.context.protect(room, packet.len());
        sealed.ok().and_then(|length| room.get(..length)).map(send).is_some()
    }
}

/// RFC 5761 section 4: the packet type lies in clear.
fn is_rtcp(bytes: &[u8]) -> bool {
    bytes.get(1).is_some_and(|kind| (192..=223).contains(kind))
}
