//! A network that loses, doubles and delays datagrams, from one seed.

use askonce::random::Random;
use askonce::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::net::SocketAddr;

pub struct Datagram {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// How the network treats each datagram, in percent.
#[derive(Clone, Copy)]
pub struct Weather {
    pub loss: u32,
    pub duplication: u32,
}

pub struct Network {
    weather: Weather,
    random: Random,
    /// By arrival; the number keeps ties in the order of sending.
    under_way: BTreeMap<(Instant, u64), Datagram>,
    sent: u64,
}

impl Network {
    pub fn new(weather: Weather, seed: u64) -> Self {
        Self { weather, random: Random::from_seed(seed), under_way: BTreeMap::new(), sent: 0 }
    }

    /// From now on the network treats datagrams like this.
    pub fn turn(&mut self, weather: Weather) {
        self.weather = weather;
    }

    pub fn send(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let copies = if self.random.below(100) < self.weather.loss {
            0
        } else {
            1 + u32::from(self.random.below(100) < self.weather.duplication)
        };
        for _ in 0..copies {
            // 2 to 8 ms: two packets of one tick may overtake each other.
            let delay = Duration::from_micros(2_000 + u64::from(self.random.below(6_000)));
            self.sent += 1;
            self.under_way.insert((now + delay, self.sent), Datagram { from, to, bytes: bytes.to_vec() });
        }
    }

    pub fn next(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    pub fn arrived(&mut self, now: Instant) -> Option<Datagram> {
        let entry = self.under_way.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}
