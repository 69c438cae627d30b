//! The keying of SRTP: what `config/`, `sdp/`, `srtp/` and `media/` share. A key never prints itself, and a recording
//! says only that there was one: a replay needs none.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use std::fmt;

/// Whether a peer's media is to be secret. RTP is plain where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// We offer none and take none.
    #[default]
    Off,
    /// SRTP with whom offers or takes it, RTP with the others (RFC 8643).
    Offered,
    /// No call without it.
    Required,
}

impl Policy {
    pub fn is_off(&self) -> bool {
        *self == Policy::Off
    }
}

/// A crypto suite of RFC 4568 section 6.2 or RFC 7714 section 14.2; all have a master key of 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Suite {
    #[serde(rename = "AEAD_AES_128_GCM")]
    Gcm128,
    #[serde(rename = "AES_CM_128_HMAC_SHA1_80")]
    Cm80,
    #[serde(rename = "AES_CM_128_HMAC_SHA1_32")]
    Cm32,
}

impl Suite {
    pub const ALL: [Suite; 3] = [Suite::Gcm128, Suite::Cm80, Suite::Cm32];
    /// What we offer: the cheapest first, and the one that everybody has. The short tag we take from others only.
    pub const OFFERED: [Suite; 2] = [Suite::Gcm128, Suite::Cm80];

    pub fn name(self) -> &'static str {
        match self {
            Suite::Gcm128 => "AEAD_AES_128_GCM",
            Suite::Cm80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::Cm32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// Names of suites are the same in either case (RFC 4568 section 9.1).
    pub fn of(name: &str) -> Option<Suite> {
        Suite::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// Bytes of master key and master salt.
    fn length(self) -> usize {
        match self {
            Suite::Gcm128 => KEY + 12,
            Suite::Cm80 | Suite::Cm32 => KEY + SALT,
        }
    }
}

const KEY: usize = 16;
const SALT: usize = 14;
/// Characters of a key with its salt in base64, of every suite.
pub const INLINE: usize = 40;

/// Master key and master salt of one direction, and the suite that they are for.
#[derive(Clone, PartialEq, Eq)]
pub struct Master {
    suite: Suite,
    key: [u8; KEY],
    /// A salt of 12 bytes has two zeros behind it, as the key derivation wants it (RFC 7714 section 11).
    salt: [u8; SALT],
}

impl Master {
    /// `None` unless there are as many bytes as the suite takes.
    pub fn new(suite: Suite, bytes: &[u8]) -> Option<Master> {
        let (key, rest) = bytes.split_first_chunk()?;
        let mut salt = [0; SALT];
        salt.get_mut(..rest.len())?.copy_from_slice(rest);
        (bytes.len() == suite.length()).then_some(Master { suite, key: *key, salt })
    }

    /// The key of an `inline:`.
    pub fn read(suite: Suite, text: &str) -> Option<Master> {
        Master::new(suite, &BASE64.decode(text.as_bytes()).ok()?)
    }

    /// As it stands in an `inline:`, in clear: for the message to the peer alone.
    pub fn open(&self) -> String {
        let bytes = [&self.key[..], &self.salt].concat();
        BASE64.encode(&bytes[..self.suite.length()])
    }

    pub fn suite(&self) -> Suite {
        self.suite
    }

    pub fn key(&self) -> &[u8; KEY] {
        &self.key
    }

    pub fn salt(&self) -> &[u8; SALT] {
        &self.salt
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Master({})", self.suite.name())
    }
}

/// A recording keeps the suite.
impl Serialize for Master {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.suite.serialize(to)
    }
}

/// What comes out of a recording is no key: nothing is sent in a replay.
impl<'de> Deserialize<'de> for Master {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Master, D::Error> {
        Ok(Master { suite: Suite::deserialize(from)?, key: [0; KEY], salt: [0; SALT] })
    }
}

/// One of our keys by its name. Calls know no more of it, so nothing of it can get into their recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyName {
    /// The session description that it is for.
    pub session: u32,
    /// Grows with each key that this one needs.
    pub generation: u32,
}

impl KeyName {
    /// What stands in the key's place until it is put there: as long as the key, and never base64.
    pub fn placeholder(self) -> String {
        format!("{:*<INLINE$}", format!("{:08x}.{:08x}", self.session, self.generation))
    }

    /// The name in a placeholder.
    pub fn read(text: &str) -> Option<KeyName> {
        let (session, rest) = text.split_at_checked(8)?;
        let generation = rest.strip_prefix('.')?.get(..8)?;
        let [session, generation] = [session, generation].map(|hex| u32::from_str_radix(hex, 16).ok());
        let name = KeyName { session: session?, generation: generation? };
        (text == name.placeholder()).then_some(name)
    }
}

/// A key of ours: by its name in the call, in the media plane itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ours {
    Named(KeyName),
    /// Refuses to be recorded.
    #[serde(skip)]
    Known(Master),
}

/// Where our keys come from: each is a function of its name and of a secret that the shell drew from the system. Who
/// reads a recording, its seed with it, learns nothing of them.
#[derive(Clone)]
pub struct Keyring(Hmac<Sha256>);

impl Keyring {
    pub fn new(secret: [u8; 32]) -> Self {
        // RFC 2104 section 2: a key that is shorter than a block is filled up with zeros.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&secret);
        Self(Hmac::new(&block.into()))
    }

    /// The key of that name on that leg of that call.
    pub fn master(&self, (call, leg): (u32, u8), name: KeyName, suite: Suite) -> Master {
        let mut mac = self.0.clone();
        for number in [call, u32::from(leg), name.session, name.generation] {
            mac.update(&number.to_be_bytes());
        }
        mac.update(suite.name().as_bytes());
        let drawn = mac.finalize().into_bytes();
        let (mut key, mut salt) = ([0; KEY], [0; SALT]);
        let rest = suite.length() - KEY;
        key.copy_from_slice(&drawn[..KEY]);
        salt[..rest].copy_from_slice(&drawn[KEY..KEY + rest]);
        Master { suite, key, salt }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: KeyName = KeyName { session: 0xbad_cafe, generation: 1 };

    #[test]
    fn a_key_is_read_strictly_and_written_as_it_was() {
        let thirty = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
        let gcm = "AAECAwQFBgcICQoLDA0OD1F1aWQgcHJvIHF1bw==";
        for (suite, text) in [(Suite::Cm80, thirty), (Suite::Cm32, thirty), (Suite::Gcm128, gcm)] {
            assert_eq!(Master::read(suite, text).expect("a key").open(), text);
            assert_eq!(text.len(), INLINE);
        }
        let wrong =
            ["", "WVNf", "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGV", gcm, "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVub*Vz"];
        for text in wrong {
            assert_eq!(Master::read(Suite::Cm80, text), None, "{text}");
        }
        assert_eq!(Master::read(Suite::Gcm128, thirty), None);
        assert_eq!(Master::read(Suite::Gcm128, gcm.trim_end_matches('=')), None);
    }

    #[test]
    fn nothing_of_a_key_is_printed_or_recorded() {
        let ring = Keyring::new([7; 32]);
        let master = ring.master((1, 0), NAME, Suite::Cm80);
        assert_eq!(format!("{master:?} {ring:?}"), "Master(AES_CM_128_HMAC_SHA1_80) Keyring");
        assert_eq!(serde_json::to_string(&master).expect("JSON"), "\"AES_CM_128_HMAC_SHA1_80\"");
        assert!(serde_json::to_string(&Ours::Known(master)).is_err(), "it refuses");
        let named = serde_json::to_string(&Ours::Named(NAME)).expect("JSON");
        assert_eq!(serde_json::from_str::<Ours>(&named).expect("a name"), Ours::Named(NAME));
        let read: Master = serde_json::from_str("\"AEAD_AES_128_GCM\"").expect("a suite");
        assert_eq!((read.suite(), read.key()), (Suite::Gcm128, &[0; 16]));
    }

    #[test]
    fn every_name_has_a_key_of_its_own_and_always_the_same() {
        let ring = Keyring::new([7; 32]);
        let next = KeyName { generation: 2, ..NAME };
        let of = |ring: &Keyring, place, name, suite| ring.master(place, name, suite).open();
        let all = [
            of(&ring, (1, 0), NAME, Suite::Cm80),
            of(&ring, (2, 0), NAME, Suite::Cm80),
            of(&ring, (1, 1), NAME, Suite::Cm80),
            of(&ring, (1, 0), next, Suite::Cm80),
            of(&ring, (1, 0), NAME, Suite::Cm32),
            of(&ring, (1, 0), NAME, Suite::Gcm128),
            of(&Keyring::new([8; 32]), (1, 0), NAME, Suite::Cm80),
        ];
        for (at, key) in all.iter().enumerate() {
            assert!(key.len() == INLINE && !all[..at].contains(key), "{at}");
        }
        assert_eq!(of(&ring, (1, 0), NAME, Suite::Cm80), all[0]);
    }

    #[test]
    fn a_placeholder_is_as_long_as_a_key_and_no_key() {
        let text = NAME.placeholder();
        assert_eq!(text, "0badcafe.00000001***********************");
        assert_eq!((text.len(), KeyName::read(&text)), (INLINE, Some(NAME)));
        assert!(Suite::ALL.into_iter().all(|suite| Master::read(suite, &text).is_none()));
        assert_eq!(KeyName::read("0badcafe.00000001"), None);
        assert_eq!(KeyName::read("0BADCAFE.00000001***********************"), None);
    }
}
