//! What stands between a stream and the wire: nothing, or SRTP. Where SRTP was agreed on, nothing passes without it.

use super::Statistics;
use crate::keying::{Master, Ours};
use crate::sdp::Srtp;
use crate::srtp::{Inbound, OVERHEAD, Outbound, Refused};

/// More than a datagram holds of any codec of ours; what is longer is not protected, and not sent.
const PACKET: usize = 2048;
/// Nearly every packet is smaller, and to clear room for the largest each time would take longer than half a cipher.
const USUAL: usize = 512;

#[derive(Debug)]
pub enum Guard {
    Clear,
    /// Boxed: streams in clear are not to grow by it.
    Keyed(Box<(Key<Outbound>, Key<Inbound>)>),
    /// SRTP without a key of ours: a mistake in the engine, and silence rather than speech for everyone.
    Shut,
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
            Some(Srtp { ours: Ours::Known(ours), theirs }) => Guard::Keyed(Box::new((
                Key { context: Outbound::new(ours), master: ours.clone() },
                Key { context: Inbound::new(theirs), master: theirs.clone() },
            ))),
        }
    }

    pub fn is_clear(&self) -> bool {
        matches!(self, Guard::Clear)
    }

    /// A re-INVITE: a key that stays goes on counting, a new one begins at zero (RFC 4568 section 7.1.4).
    pub fn renew(&mut self, srtp: Option<&Srtp>) {
        let mut renewed = Guard::new(srtp);
        if let (Guard::Keyed(old), Guard::Keyed(new)) = (&mut *self, &mut renewed) {
            if old.0.master == new.0.master {
                std::mem::swap(&mut old.0, &mut new.0);
            }
            if old.1.master == new.1.master {
                std::mem::swap(&mut old.1, &mut new.1);
            }
        }
        *self = renewed;
    }

    /// Our SSRC is another one from the next packet on. Says whether its numbers are counted for SRTP, from zero.
    pub fn restart(&mut self) -> bool {
        let Guard::Keyed(keys) = self else { return false };
        keys.0.context.restart();
        true
    }

    /// The packet that a datagram of the trusted source holds: its length, the bytes as they were before they were
    /// protected. `None`, counted, where it does not come from who has the key, or came before.
    pub fn open(&mut self, bytes: &mut [u8], statistics: &mut Statistics) -> Option<usize> {
        let opened = match self {
            Guard::Clear => return Some(bytes.len()),
            Guard::Keyed(keys) if is_rtcp(bytes) => keys.1.context.unprotect_rtcp(bytes),
            Guard::Keyed(keys) => keys.1.context.unprotect(bytes),
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
            Guard::Keyed(keys) => keys.0.seal(packet, send),
            Guard::Shut => false,
        };
        if sent {
            statistics.sent += 1;
        } else {
            statistics.unprotected += 1;
        }
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
