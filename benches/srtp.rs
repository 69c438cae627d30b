//! What SRTP costs a packet of 20 ms of G.711, by suite: `cargo bench --bench srtp`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads the clock")]

mod meter;

use askonce::keying::{KeyName, Keyring, Suite};
use askonce::rtp::packet::{HEADER, Header};
use askonce::srtp::{Inbound, OVERHEAD, Outbound};
use meter::{Work, measure};
use std::hint::black_box;

const PACKET: usize = HEADER + 160;
const TIMES: u32 = 500;

fn main() {
    for suite in Suite::ALL {
        println!("{}: {} bytes a context", suite.name(), size_of::<Outbound>());
        let master = Keyring::new([1; 32]).master((1, 0), KeyName { session: 1, generation: 0 }, suite);
        let (mut alone, mut both, mut into) = (Outbound::new(&master), Outbound::new(&master), Inbound::new(&master));
        let mut protect = Sequence::default();
        let mut protect = || {
            black_box(protect.next(&mut alone));
        };
        let mut there_and_back = Sequence::default();
        let mut there_and_back = || {
            let (mut packet, length) = there_and_back.next(&mut both);
            assert_eq!(into.unprotect(&mut packet[..length]), Ok(PACKET));
            black_box(packet);
        };
        let mut context = || drop(black_box((Outbound::new(&master), Inbound::new(&master))));
        let minima = measure(&mut [
            Work { name: "protect", times: TIMES, once: &mut protect },
            Work { name: "protect and unprotect", times: TIMES, once: &mut there_and_back },
            Work { name: "the contexts of a stream", times: TIMES / 10, once: &mut context },
        ]);
        println!("unprotect, by difference: {:.0} ns\n", minima[1] - minima[0]);
    }
}

#[derive(Default)]
struct Sequence(u16);

impl Sequence {
    /// The next packet, protected, and its length.
    fn next(&mut self, by: &mut Outbound) -> ([u8; PACKET + OVERHEAD], usize) {
        let header = Header { marker: false, payload_type: 0, sequence: self.0, timestamp: 0, ssrc: 7 };
        let mut packet = [0xd5; PACKET + OVERHEAD];
        header.write(packet.first_chunk_mut().expect("room"));
        self.0 = self.0.wrapping_add(1);
        let length = by.protect(&mut packet, PACKET).expect("a new number");
        (packet, length)
    }
}
