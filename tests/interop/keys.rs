//! What a phone sends while its owner keys: RTP with telephone-events, as a capture file for SIPp to play.

use askonce::key::Key;
use askonce::rtp::event::Sender;
use askonce::rtp::packet::{HEADER, Header};
use askonce::time::Duration;

/// Payload types of the caller's offer.
const PCMU: u8 = 0;
const EVENT: u8 = 101;
/// 20 ms of silence, and its units of the 8,000 Hz clock.
const SILENCE: [u8; 160] = [0xff; 160];
const STEP: Duration = Duration::from_millis(20);
const HELD: Duration = Duration::from_millis(100);
/// Silence between two keys, in steps.
const BETWEEN: u32 = 3;

/// A capture of `keys`; a `,` is a second of silence.
pub fn capture(keys: &str) -> Vec<u8> {
    let mut capture = Capture::default();
    for key in keys.chars() {
        match Key::from_char(key) {
            Some(key) => capture.press(key),
            None => {
                assert_eq!(key, ',', "neither key nor pause");
                capture.silence(50);
            }
        }
    }
    capture.bytes()
}

/// A capture of somebody who speaks these frames of PCMU.
pub fn speaking<'f>(frames: impl IntoIterator<Item = &'f [u8]>) -> Vec<u8> {
    let mut capture = Capture::default();
    frames.into_iter().for_each(|frame| capture.packet(false, PCMU, capture.timestamp(), frame));
    capture.bytes()
}

/// Packets 20 ms apart, each ready for the file.
#[derive(Default)]
struct Capture {
    packets: Vec<Vec<u8>>,
}

impl Capture {
    fn press(&mut self, key: Key) {
        let mut sender = Sender::new(key, self.timestamp(), HELD).expect("a short press");
        while let Some(update) = sender.step() {
            self.packet(update.marker, EVENT, update.timestamp, &update.payload);
        }
        self.silence(BETWEEN);
    }

    fn silence(&mut self, steps: u32) {
        for _ in 0..steps {
            self.packet(false, PCMU, self.timestamp(), &SILENCE);
        }
    }

    /// Of the audio at this step.
    fn timestamp(&self) -> u32 {
        u32::try_from(self.packets.len() * SILENCE.len()).expect("a short capture")
    }

    fn packet(&mut self, marker: bool, payload_type: u8, timestamp: u32, payload: &[u8]) {
        let sequence = u16::try_from(self.packets.len()).expect("a short capture");
        let header = Header { marker, payload_type, sequence, timestamp, ssrc: 0x0a5c_09ce };
        let mut fixed = [0; HEADER];
        header.write(&mut fixed);
        self.packets.push([&fixed, payload].concat());
    }

    /// The file of libpcap, little-endian, in microseconds, of Ethernet frames.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = [0xa1b2_c3d4_u32, 4 << 16 | 2, 0, 0, 65_535, 1].map(u32::to_le_bytes).concat();
        let mut at = Duration::ZERO;
        for packet in &self.packets {
            let frame = frame(packet);
            let length = u32::try_from(frame.len()).expect("a short frame");
            let seconds = u32::try_from(at.as_secs()).expect("a short capture");
            bytes.extend([seconds, at.subsec_micros(), length, length].map(u32::to_le_bytes).concat());
            bytes.extend(frame);
            at += STEP;
        }
        bytes
    }
}

/// RTP in UDP in IPv4 in Ethernet. SIPp sets addresses, ports and checksums anew.
fn frame(rtp: &[u8]) -> Vec<u8> {
    let udp = u16::try_from(8 + rtp.len()).expect("a short packet");
    let [u0, u1] = udp.to_be_bytes();
    let [i0, i1] = (20 + udp).to_be_bytes();
    let ethernet = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x00];
    let ip = [0x45, 0, i0, i1, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
    let ports = [0x10, 0, 0x10, 0, u0, u1, 0, 0];
    [&ethernet[..], &ip, &ports, rtp].concat()
}
