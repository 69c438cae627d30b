//! What two others agreed on, for whoever overhears them: one direction of their media, as its receiver has it.

use super::session::{event, events_as_ever, first_common};
use super::{Direction, Negotiated, Offer, Srtp};
use crate::codec::Codec;
use crate::keying::Ours;

/// Media on its way that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deaf {
    /// No codec of ours is in both descriptions.
    Codec,
    /// Over RTP/SAVP without a key that we can use.
    Key,
}

/// What `sender` sends to `receiver`, by the last description of each: payload types are the receiver's, keys the sender's.
pub fn overheard(receiver: &Offer, sender: &Offer) -> Result<Negotiated, Deaf> {
    // Of a description that leaves the profile to the other side, the half that it took.
    let of = |offer: &Offer, secure: bool| match &offer.other {
        Some(other) if offer.secure != secure => Offer::clone(other),
        _ => offer.clone(),
    };
    let secure = receiver.secure && sender.secure
        || receiver.other.is_some() && sender.secure
        || sender.other.is_some() && receiver.secure;
    let (receiver, sender) = (&of(receiver, secure), &of(sender, secure));
    let spoken: Vec<Codec> = Codec::ALL.into_iter().filter(|codec| first_common(sender, &[*codec]).is_some()).collect();
    let (receive_payload_type, codec) = first_common(receiver, &spoken).ok_or(Deaf::Codec)?;
    let (payload_type, _) = first_common(sender, &[codec]).ok_or(Deaf::Codec)?;
    let events = event(receiver, codec.clock()).filter(|(_, clock)| event(sender, *clock).is_some());
    // The answer names one line of the offer by its tag (RFC 4568 section 5.1.3); either side may have offered.
    let pair = receiver.crypto.iter().find_map(|ours| {
        Some((
            ours,
            sender.crypto.iter().find(|theirs| theirs.tag == ours.tag && theirs.key.suite() == ours.key.suite())?,
        ))
    });
    if pair.is_none() && secure {
        return Err(Deaf::Key);
    }
    Ok(Negotiated {
        codec,
        payload_type,
        receive_payload_type,
        event_send: None,
        event_receive: events.map(|(payload_type, _)| payload_type),
        event_clock: events.map_or_else(events_as_ever, |(_, clock)| clock),
        remote: sender.address,
        direction: Direction::SendRecv,
        rtcp_mux: true,
        srtp: pair.map(|(ours, theirs)| Srtp { ours: Ours::Known(ours.key.clone()), theirs: theirs.key.clone() }),
    })
}
