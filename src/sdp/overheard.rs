//! What two others agreed on, for whoever overhears them: one direction of their media, as its receiver has it.

use super::session::{event, events_as_ever, first_common};
use super::{Crypto, Direction, Negotiated, Offer, Srtp};
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
    // Who left the choice has what the other side took.
    let secure = match (&receiver.other, &sender.other) {
        (Some(_), None) => sender.secure,
        (None, Some(_)) => receiver.secure,
        _ => receiver.secure && sender.secure,
    };
    let (receiver, sender) = (&of(receiver, secure), &of(sender, secure));
    let spoken: Vec<Codec> = Codec::ALL.into_iter().filter(|codec| first_common(sender, &[*codec]).is_some()).collect();
    let (receive_payload_type, codec) = first_common(receiver, &spoken).ok_or(Deaf::Codec)?;
    let (payload_type, _) = first_common(sender, &[codec]).ok_or(Deaf::Codec)?;
    let events = event(receiver, codec.clock()).filter(|(_, clock)| event(sender, *clock).is_some());
    // The answer names one line of the offer by its tag (RFC 4568 section 5.1.3); either side may have offered.
    let theirs = |ours: &Crypto| {
        sender.crypto.iter().find(|theirs| theirs.tag == ours.tag && theirs.key.suite() == ours.key.suite())
    };
    let pair = receiver.crypto.iter().find_map(|ours| Some((ours, theirs(ours)?)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::read;

    fn described(port: u16, profile: &str, formats: &str, keys: &[(u32, char)]) -> Offer {
        let mut text = format!("v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio {port} {profile} {formats}\r\n");
        for (tag, key) in keys {
            let key = key.to_string().repeat(40);
            text += &format!("a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n");
        }
        read((text + "a=rtpmap:101 telephone-event/8000\r\n").as_bytes()).unwrap()
    }

    #[test]
    fn each_direction_has_its_receivers_types_and_its_senders_key() {
        let offer = described(4000, "RTP/SAVP", "8 0 101", &[(1, 'A'), (2, 'B')]);
        let answer = described(5000, "RTP/SAVP", "0", &[(2, 'C')]);
        let heard = overheard(&answer, &offer).unwrap();
        assert_eq!((heard.codec, heard.receive_payload_type, heard.event_receive), (Codec::Pcmu, 0, None));
        let key = |master: &crate::keying::Master| master.open();
        assert_eq!(heard.srtp.map(|srtp| key(&srtp.theirs)), Some("B".repeat(40)), "the line that was taken");
        let back = overheard(&offer, &answer).unwrap();
        assert_eq!(back.srtp.map(|srtp| key(&srtp.theirs)), Some("C".repeat(40)));
        let both = described(5000, "RTP/AVP", "0 101", &[]);
        assert_eq!(overheard(&both, &both).unwrap().event_receive, Some(101));
    }

    #[test]
    fn what_cannot_be_understood_is_told() {
        let keyless = described(4000, "RTP/SAVP", "0", &[]);
        assert_eq!(overheard(&keyless, &keyless), Err(Deaf::Key));
        assert_eq!(
            overheard(&described(1, "RTP/AVP", "18", &[]), &described(2, "RTP/AVP", "18", &[])),
            Err(Deaf::Codec)
        );
    }
}
