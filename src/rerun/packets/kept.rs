//! What a caller sent in a call: its packets of RTP, in clear, in the order in which they came.

use crate::media::Kind;
use crate::rtp::Header;

/// Packets that are kept of a call: half an hour of 20 ms each.
pub const PACKETS: usize = 90_000;
/// Bytes of sound that are kept of a call: as long in G.711.
pub const BYTES: usize = PACKETS * 160;

#[derive(Default)]
pub struct Packets {
    all: Vec<Kept>,
    bytes: Vec<u8>,
}

struct Kept {
    t: u64,
    header: Header,
    kind: Kind,
    /// `None`: it was left away.
    from: Option<u32>,
    length: u16,
}

/// A packet as it came.
#[derive(Clone, Copy)]
pub struct Packet<'p> {
    /// When: microseconds since the INVITE.
    pub t: u64,
    pub header: Header,
    pub kind: Kind,
    /// `None`: nobody is to hear it. It has silence of that length.
    pub payload: Option<&'p [u8]>,
    pub length: usize,
}

/// There is no room for another packet of this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Packets {
    /// `masked`: its sound is left away.
    pub fn push(&mut self, t: u64, header: Header, kind: Kind, payload: &[u8], masked: bool) -> Result<(), Full> {
        let length = u16::try_from(payload.len()).map_err(|_| Full)?;
        let from = (!masked).then_some(self.bytes.len() as u32);
        let kept = if masked { &[] } else { payload };
        if self.all.len() == PACKETS || self.bytes.len() + kept.len() > BYTES {
            return Err(Full);
        }
        self.bytes.extend_from_slice(kept);
        self.all.push(Kept { t, header, kind, from, length });
        Ok(())
    }

    pub fn iter(&self) -> impl Iterator<Item = Packet<'_>> {
        self.all.iter().map(|&Kept { t, header, kind, from, length }| {
            let length = usize::from(length);
            let payload = from.and_then(|from| self.bytes.get(from as usize..from as usize + length));
            Packet { t, header, kind, payload, length }
        })
    }

    /// Bytes of memory.
    pub fn size(&self) -> usize {
        self.all.capacity() * size_of::<Kept>() + self.bytes.capacity()
    }
}

/// What a caller said is shown to nobody.
impl std::fmt::Debug for Packets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packets({})", self.all.len())
    }
}
