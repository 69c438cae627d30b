//! What the gate costs a message: `cargo bench --bench gate`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads the clock")]

use askonce::engine::gate::Gate;
use askonce::random::Random;
use askonce::time::Instant;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

const MESSAGES: u32 = 5_000_000;

fn main() {
    let [invite, bye] = ["INVITE sip:1@192.0.2.1 SIP/2.0\r\n", "BYE sip:1@192.0.2.1 SIP/2.0\r\n"].map(str::as_bytes);
    let mut random = Random::from_seed(1);
    let anywhere: Vec<u32> = (0..1 << 20).map(|_| random.u32()).collect();
    let anywhere = |n: u32| anywhere[n as usize % anywhere.len()];
    measure("one trunk within its rate", 1, bye, true, |_| 1);
    measure("one trunk floods with INVITE", 1_000, invite, true, |_| 1);
    measure("one stranger floods with INVITE", 1_000, invite, false, |_| 1);
    measure("1,000 trunks", 1_000, invite, true, |n| n % 1_000);
    measure("a million strangers", 100, invite, false, anywhere);
    measure("a million strangers, all places taken", 1_000_000, invite, false, anywhere);
}

/// `rate`: messages a millisecond.
fn measure(name: &str, rate: u32, bytes: &[u8], trunk: bool, source: impl Fn(u32) -> u32) {
    let mut gate = Gate::new(Some(50), &mut Random::from_seed(1));
    let began = std::time::Instant::now();
    for n in 0..MESSAGES {
        let now = Instant::from_micros(u64::from(n) * 1_000 / u64::from(rate));
        let source = IpAddr::V4(Ipv4Addr::from(source(n)));
        black_box(gate.admit(now, source, black_box(bytes), trunk));
    }
    let each = began.elapsed().as_nanos() / u128::from(MESSAGES);
    println!("{name}: {each} ns a message, {:?}", gate.counters());
}
