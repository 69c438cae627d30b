//! A description that was read, as text again.

use super::Offer;
use std::fmt::Write;

impl Offer {
    /// As it would be in clear, whatever it was: its stream over RTP/AVP, without keys. `id` names the session, `version` its
    /// description.
    pub fn in_clear(&self, id: u32, version: u32) -> String {
        let family = if self.address.is_ipv4() { "IP4" } else { "IP6" };
        let ip = self.address.ip();
        let mut text = format!("v=0\r\no=- {id} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n");
        for (index, refused) in self.streams.iter().enumerate() {
            if index == self.ours {
                self.stream(&mut text);
            } else {
                put(&mut text, format_args!("m={refused}"));
            }
        }
        text
    }

    fn stream(&self, text: &mut String) {
        let types: Vec<String> = self.formats.iter().map(|format| format.payload_type.to_string()).collect();
        put(text, format_args!("m=audio {} RTP/AVP {}", self.address.port(), types.join(" ")));
        for format in &self.formats {
            let stereo = if format.name.eq_ignore_ascii_case("opus") { "/2" } else { "" };
            let (payload_type, name) = (format.payload_type, &format.name);
            put(text, format_args!("a=rtpmap:{payload_type} {name}/{}{stereo}", format.clock));
            if name.eq_ignore_ascii_case("telephone-event") {
                put(text, format_args!("a=fmtp:{payload_type} 0-16"));
            }
        }
        if let Some(ptime) = self.ptime {
            put(text, format_args!("a=ptime:{ptime}"));
        }
        if self.rtcp_mux {
            put(text, format_args!("a=rtcp-mux"));
        }
        put(text, format_args!("a={}", self.direction.as_str()));
    }
}

/// Writing into a String cannot fail.
fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = write!(text, "{line}\r\n");
}

/// A description of ours as `Offer::in_clear` would have it.
pub fn in_clear(sdp: &str) -> String {
    let kept = sdp.split_inclusive('\n').filter(|line| !line.starts_with("a=crypto:"));
    kept.map(|line| line.replacen(" RTP/SAVP ", " RTP/AVP ", usize::from(line.starts_with("m=")))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn what_is_written_is_read_as_it_was_but_for_its_keys() {
        let plain = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\n\
            m=audio 4000 RTP/AVP 9 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:30\r\na=rtcp-mux\r\na=sendonly\r\n";
        let offer = read(plain.as_bytes()).expect("an offer");
        let again = read(offer.in_clear(1, 2).as_bytes()).expect("an offer");
        assert_eq!(again, offer);

        let key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";
        let secure =
            plain.replace("4000 RTP/AVP", "4000 RTP/SAVP").replace("a=sendonly\r\n", &format!("{key}a=sendonly\r\n"));
        let offer = read(secure.as_bytes()).expect("an offer");
        assert!(offer.secure && offer.crypto.len() == 1);
        for text in [offer.in_clear(1, 2), in_clear(&secure)] {
            let again = read(text.as_bytes()).expect("an offer");
            assert!(!again.secure && again.crypto.is_empty() && !text.contains("inline"), "{text}");
            assert_eq!((again.address, again.formats), (offer.address, offer.formats.clone()));
        }
    }
}
