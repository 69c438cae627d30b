//! Asking a peer every few seconds whether it is there: OPTIONS outside of dialogs (RFC 3261 section 11), apart from
//! the endpoint like [`Registration`](super::registration::Registration), and driven the same way.

use super::message::{Headers, Method, Request};
use super::registration::{Failure, Output, State, between};
use super::uri::{Scheme, Uri};
use crate::random::Random;
use crate::time::{Duration, Instant};

/// How often a peer may be asked.
const EVERY: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
/// One lost answer says nothing yet.
const MISSES: u8 = 2;

#[derive(Clone, Debug)]
pub struct Config {
    /// Request-URI and To.
    pub target: Uri,
    pub from: Uri,
    /// From one request to the next, give or take a tenth; 1 s to a day.
    pub every: Duration,
}

pub struct Ping {
    config: Config,
    random: Random,
    phase: Phase,
    /// In a row.
    misses: u8,
    state: Option<State>,
    told: Option<State>,
}

#[derive(Clone, Copy)]
enum Phase {
    Due(Instant),
    /// A request is on its way; the next one is due at this time, or when this one has ended.
    Waiting(Instant),
}

impl Ping {
    /// Begins to ask at `now`.
    pub fn new(now: Instant, config: Config, random: Random) -> Result<Ping, &'static str> {
        if !matches!(config.target.scheme(), Scheme::Sip | Scheme::Sips) || !config.target.headers().is_empty() {
            return Err("a ping goes to a sip: or sips: URI without headers");
        }
        if !EVERY.contains(&config.every) {
            return Err("a ping goes out every second at most, and once a day at least");
        }
        Ok(Ping { config, random, phase: Phase::Due(now), misses: 0, state: None, told: None })
    }

    /// When `poll` is to be called next, should nothing else happen.
    pub fn next_deadline(&self) -> Option<Instant> {
        if let Phase::Due(at) = self.phase { Some(at) } else { None }
    }

    /// The next thing to do at `now`.
    pub fn poll(&mut self, now: Instant) -> Option<Output> {
        if self.told != self.state {
            self.told = self.state;
            return self.state.map(Output::State);
        }
        match self.phase {
            Phase::Due(at) if at <= now => Some(Output::Send(Box::new(self.request(now)))),
            _ => None,
        }
    }

    /// The final answer to the request. 408, 503 and 504 say in the peer's own words that a call would not get
    /// through; any other, a refusal as well, comes from a peer that is there: many carriers answer 403, 404 or 405.
    pub fn on_response(&mut self, now: Instant, status: u16) {
        match status {
            408 | 503 | 504 => self.end(now, Err(Failure::Status(status))),
            _ => self.end(now, Ok(())),
        }
    }

    /// The request had no final answer, or could not be sent.
    pub fn on_failure(&mut self, now: Instant) {
        self.end(now, Err(Failure::NoAnswer));
    }

    fn end(&mut self, now: Instant, outcome: Result<(), Failure>) {
        let Phase::Waiting(next) = self.phase else { return };
        self.phase = Phase::Due(next.max(now));
        match outcome {
            Ok(()) => (self.misses, self.state) = (0, Some(State::Up)),
            Err(failure) => {
                self.misses = (self.misses + 1).min(MISSES);
                if self.misses == MISSES {
                    self.state = Some(State::Down(failure));
                }
            }
        }
    }

    fn request(&mut self, now: Instant) -> Request {
        let Config { target, from, every } = &self.config;
        self.phase = Phase::Waiting(now + between(&mut self.random, *every * 9 / 10, *every * 11 / 10));
        let mut headers = Headers::default();
        headers.put("Max-Forwards", "70");
        headers.put("From", format!("<{from}>;tag={}", self.random.token()));
        headers.put("To", format!("<{target}>"));
        headers.put("Call-ID", self.random.token() + &self.random.token());
        headers.put("CSeq", "1 OPTIONS");
        headers.put("Accept", "application/sdp");
        Request { method: Method::Options, uri: target.clone(), headers, body: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ping() -> Ping {
        let config = Config {
            target: Uri::read("sip:sbc.carrier.example").unwrap(),
            from: Uri::read("sip:192.0.2.1:5060").unwrap(),
            every: Duration::from_secs(30),
        };
        Ping::new(Instant::ZERO, config, Random::from_seed(1)).unwrap()
    }

    /// What `ping` tells at `now`, once all is drained, and how many requests it sends.
    fn drain(ping: &mut Ping, now: Instant) -> (Vec<State>, usize) {
        let (mut states, mut sent) = (Vec::new(), 0);
        while let Some(output) = ping.poll(now) {
            match output {
                Output::State(state) => states.push(state),
                Output::Send(_) => sent += 1,
            }
        }
        (states, sent)
    }

    #[test]
    fn one_answer_is_up_and_two_misses_in_a_row_are_down() {
        const NONE: u16 = 0;
        let down = |status| State::Down(if status == NONE { Failure::NoAnswer } else { Failure::Status(status) });
        // How the requests ended, and what was told in all.
        let cases: &[(&[u16], &[State])] = &[
            (&[200], &[State::Up]),
            (&[405, 200, 403], &[State::Up]),
            (&[NONE], &[]),
            (&[NONE, NONE], &[down(NONE)]),
            (&[503, 200], &[State::Up]),
            (&[200, NONE, 486, NONE, 481], &[State::Up]),
            (&[200, NONE, 503, NONE, 503], &[State::Up, down(503), down(NONE), down(503)]),
            (&[408, 504, 504, 504, 401], &[down(504), State::Up]),
        ];
        for (ends, expected) in cases {
            let mut ping = ping();
            let mut told = Vec::new();
            for &status in *ends {
                let now = ping.next_deadline().unwrap();
                let (states, sent) = drain(&mut ping, now);
                assert_eq!(sent, 1, "{ends:?}");
                told.extend(states);
                match status {
                    NONE => ping.on_failure(now + Duration::from_secs(32)),
                    status => ping.on_response(now, status),
                }
                told.extend(drain(&mut ping, now).0);
            }
            assert_eq!(&told, expected, "{ends:?}");
        }
    }

    #[test]
    fn requests_come_a_tenth_around_their_time_and_never_two_at_once() {
        let mut ping = ping();
        let mut last = Instant::ZERO;
        let mut gaps = Vec::new();
        for _ in 0..200 {
            assert_eq!(drain(&mut ping, last).1, 1);
            assert_eq!((drain(&mut ping, last + Duration::from_secs(900)).1, ping.next_deadline()), (0, None));
            ping.on_response(last + Duration::from_secs(1), 200);
            let next = ping.next_deadline().unwrap();
            assert_eq!(drain(&mut ping, next - Duration::from_millis(1)).1, 0);
            gaps.push(next.since(last));
            last = next;
        }
        let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
        assert!((27_000..28_000).contains(&least.as_millis()) && (32_000..=33_000).contains(&most.as_millis()));
        // A late end, and one that nobody waits for.
        drain(&mut ping, last);
        let late = last + Duration::from_secs(40);
        ping.on_failure(late);
        ping.on_response(late, 503);
        assert_eq!((ping.next_deadline(), ping.misses), (Some(late), 1));
    }

    #[test]
    fn a_request_is_whole_but_for_its_via_and_each_is_new() {
        let mut ping = ping();
        let mut next = |at| match ping.poll(Instant::from_micros(at)) {
            Some(Output::Send(mut request)) => {
                ping.on_failure(Instant::from_micros(at));
                request.headers.put("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa");
                request
            }
            _ => panic!("no request"),
        };
        let (first, second) = (next(0), next(60_000_000));
        let (one, two) = (first.headers.head().unwrap(), second.headers.head().unwrap());
        assert_eq!((one.cseq, &one.method, first.uri.as_str()), (1, &Method::Options, "sip:sbc.carrier.example"));
        assert!(one.call_id != two.call_id && one.from.tag() != two.from.tag() && one.to.tag().is_none());
    }

    #[test]
    fn faulty_configurations_are_refused() {
        let uri = |text| Uri::read(text).unwrap();
        let cases = [("tel:+1555", 30_000), ("sip:a@b?x=1", 30_000), ("sip:a", 999), ("sip:a", 86_400_001)];
        for (target, every) in cases {
            let config = Config { target: uri(target), from: uri("sip:b"), every: Duration::from_millis(every) };
            assert!(Ping::new(Instant::ZERO, config, Random::from_seed(1)).is_err(), "{target} {every}");
        }
    }
}
