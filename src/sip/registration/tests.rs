use super::*;
use crate::secret::Secret;

const CHALLENGE: (&str, &str) = ("WWW-Authenticate", "Digest realm=\"carrier.example\", nonce=\"a\", qop=\"auth\"");
const FOREIGN: (&str, &str) = ("WWW-Authenticate", "Digest realm=\"else.example\", nonce=\"a\"");
const STALE: (&str, &str) = ("WWW-Authenticate", "Digest realm=\"carrier.example\", nonce=\"b\", stale=true");
const OWN: &str = "<sip:100@192.0.2.1:5060>";

fn config() -> Config {
    let uri = |text| Uri::read(text).unwrap();
    Config {
        registrar: uri("sip:carrier.example"),
        address_of_record: uri("sip:100@carrier.example"),
        every: Duration::from_secs(600),
        credentials: Some(Credentials::new("carrier.example", "100", Secret::new("zanzibar")).unwrap()),
    }
}

/// A registration on the virtual clock.
struct World {
    registration: Registration,
    now: Instant,
    told: Vec<State>,
    sent: Vec<Request>,
    answered: usize,
}

impl World {
    fn new(seed: u64) -> World {
        let registration = Registration::new(Instant::ZERO, config(), Random::from_seed(seed)).unwrap();
        World { registration, now: Instant::ZERO, told: Vec::new(), sent: Vec::new(), answered: 0 }
    }

    fn drain(&mut self) {
        while let Some(output) = self.registration.poll(self.now) {
            match output {
                Output::State(state) => self.told.push(state),
                Output::Send(mut request) => {
                    self.registration.bind(&mut request, "udp:192.0.2.1:5060".parse().unwrap()).unwrap();
                    self.sent.push(*request);
                }
            }
        }
    }

    /// Sends what is due next and answers it; how long that took to be due. 0 is no answer.
    fn meet(&mut self, status: u16, headers: &[(&str, &str)]) -> Duration {
        let begun = self.now;
        self.drain();
        while self.sent.len() == self.answered {
            self.now = self.registration.next_deadline().expect("a request is to come").max(self.now);
            self.drain();
        }
        assert_eq!(self.sent.len(), self.answered + 1, "one request at a time");
        self.answer(status, headers);
        self.now.since(begun)
    }

    fn answer(&mut self, status: u16, list: &[(&str, &str)]) {
        let mut headers = Headers::default();
        for (name, value) in list {
            headers.push(name, *value).unwrap();
        }
        self.answered = self.sent.len();
        match status {
            0 => self.registration.on_failure(self.now),
            _ => self.registration.on_response(self.now, status, &headers),
        }
        self.drain();
    }

    fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.sent.last().unwrap().headers.get(name)
    }
}

#[test]
fn a_register_has_what_it_must_and_one_call_id_for_all() {
    let mut world = World::new(1);
    world.meet(401, &[CHALLENGE]);
    world.meet(200, &[("Expires", "600")]);
    world.meet(200, &[("Expires", "600")]);
    for (at, request) in world.sent.iter_mut().enumerate() {
        request.headers.put("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa");
        let head = request.headers.head().unwrap();
        assert_eq!(
            (head.cseq as usize, &head.method, request.uri.as_str()),
            (at + 1, &request.method, "sip:carrier.example")
        );
        assert!(head.from.uri.as_str() == "sip:100@carrier.example" && head.from.uri == head.to.uri);
        assert!(head.from.tag().is_some() && head.to.tag().is_none());
        let expected = [("Contact", OWN), ("Expires", "600"), ("Max-Forwards", "70"), ("Supported", "path")];
        assert!(expected.iter().all(|(name, value)| request.headers.get(name) == Some(value)));
    }
    let call_ids: Vec<_> = world.sent.iter().map(|request| request.headers.get("Call-ID")).collect();
    assert!(call_ids.iter().all(|id| *id == call_ids[0]));
    // Once challenged, authorized at once.
    let count = |request: &Request| Some(request.headers.get("Authorization")?.split_once("nc=")?.1[..8].to_owned());
    assert_eq!(
        world.sent.iter().map(count).collect::<Vec<_>>(),
        [None, Some("00000001".into()), Some("00000002".into())]
    );
}

#[test]
fn the_time_granted_is_found_and_refreshed_before_it_ends() {
    let own = |rest: &str| format!("{OWN}{rest}");
    let cases = [
        (vec![("Contact", own(";expires=300"))], 300),
        (vec![("Contact", own(";q=0.5;EXPIRES=\"300\"")), ("Expires", "200".into())], 300),
        (vec![("Contact", own("")), ("Expires", "200".into())], 200),
        (vec![("Contact", "<sip:100@198.51.100.7>;expires=100".into()), ("Contact", own(";expires=300"))], 300),
        (vec![("Contact", "<sip:100@198.51.100.7:9>;expires=300".into())], 300),
        (vec![("Contact", "<sip:x@a>;expires=300".into()), ("Contact", "<sip:y@a>;expires=250".into())], 250),
        (vec![("Contact", "\"open <sip:x@a>;expires=1".into()), ("Expires", "60".into())], 60),
        (vec![("Contact", own(";expires=soon"))], 600),
        (vec![("Contact", own(";expires=4294967295"))], 600),
        (vec![], 600),
    ];
    for (seed, (headers, granted)) in cases.iter().enumerate() {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        let mut world = World::new(seed as u64);
        world.meet(200, &headers);
        let refreshed = world.meet(200, &headers);
        let window = Duration::from_secs(*granted) * 7 / 10..=Duration::from_secs(*granted) * 8 / 10;
        assert!(window.contains(&refreshed), "{headers:?}: {refreshed:?}");
        // Unanswered, the next refresh leaves the binding to lapse.
        let since = world.now;
        world.meet(0, &[]);
        assert_eq!(world.told, [State::Up]);
        while world.told.len() == 1 {
            world.now = world.registration.next_deadline().unwrap();
            world.drain();
        }
        assert_eq!(world.told[1], State::Down(Failure::NoAnswer));
        assert_eq!(world.now.since(since), Duration::from_secs(*granted), "{headers:?}");
    }
}

#[test]
fn each_answer_has_its_consequence() {
    let at_once = 0..=0;
    let first_gap = 30..=60;
    let longest = 300..=600;
    let denied = |denied| Some(Failure::Denied(denied));
    let min = |secs| vec![("Min-Expires", secs)];
    let cases = [
        (vec![(401, vec![CHALLENGE])], at_once.clone(), None),
        (vec![(407, vec![CHALLENGE, FOREIGN])], at_once.clone(), None),
        (vec![(401, vec![CHALLENGE]), (401, vec![STALE])], at_once.clone(), None),
        (vec![(401, vec![CHALLENGE]), (401, vec![CHALLENGE])], longest.clone(), denied(Denied::WrongPassword)),
        (vec![(401, vec![FOREIGN])], longest.clone(), denied(Denied::ForeignRealm)),
        (vec![(401, vec![])], longest.clone(), denied(Denied::NoChallenge)),
        (vec![(423, min("1800"))], at_once, None),
        (vec![(423, min("600"))], first_gap.clone(), Some(Failure::Status(423))),
        (vec![(423, min("86401"))], first_gap.clone(), Some(Failure::Status(423))),
        (vec![(423, vec![])], first_gap.clone(), Some(Failure::Status(423))),
        (vec![(403, vec![])], first_gap.clone(), Some(Failure::Status(403))),
        (vec![(302, vec![("Contact", "<sip:elsewhere.example>")])], first_gap.clone(), Some(Failure::Status(302))),
        (vec![(200, vec![("Expires", "0")])], first_gap.clone(), Some(Failure::NothingGranted)),
        (vec![(0, vec![])], first_gap.clone(), Some(Failure::NoAnswer)),
        (vec![(503, vec![("Retry-After", "120 (a rest);duration=9")])], 120..=120, Some(Failure::Status(503))),
        (vec![(503, vec![("Retry-After", "1")])], first_gap.clone(), Some(Failure::Status(503))),
        (vec![(503, vec![("Retry-After", "99999")])], 3600..=3600, Some(Failure::Status(503))),
        (vec![(503, vec![]), (500, vec![])], 60..=120, Some(Failure::Status(500))),
        (vec![(0, vec![]); 3], 120..=240, Some(Failure::NoAnswer)),
        (vec![(0, vec![]); 9], longest, Some(Failure::NoAnswer)),
    ];
    for (seed, (met, gap, failure)) in cases.into_iter().enumerate() {
        let mut world = World::new(seed as u64);
        for (status, headers) in &met {
            world.meet(*status, headers);
        }
        assert_eq!(world.told.last().copied(), failure.map(State::Down), "{met:?}");
        let waited = world.meet(200, &[]);
        assert!((*gap.start()..=*gap.end()).contains(&waited.as_secs()), "{met:?}: {waited:?}");
        assert_eq!(world.told.last(), Some(&State::Up), "{met:?}");
        if met[0].1 == min("1800") {
            assert_eq!(world.header("Expires"), Some("1800"));
        }
    }
}

#[test]
fn all_begins_anew_after_a_success() {
    let mut world = World::new(1);
    for status in [0, 0, 0, 200, 0] {
        world.meet(status, &[]);
    }
    let waited = world.meet(200, &[]).as_secs();
    assert!((30..=60).contains(&waited), "{waited}");
    // A nonce that has grown old may be challenged without `stale`: that is not yet a wrong password.
    for _ in 0..3 {
        world.meet(401, &[CHALLENGE]);
        assert_eq!(world.meet(200, &[]), Duration::ZERO);
    }
}

#[test]
fn without_credentials_a_challenge_is_a_refusal() {
    let config = Config { credentials: None, ..config() };
    let mut world = World::new(1);
    world.registration = Registration::new(Instant::ZERO, config, Random::from_seed(1)).unwrap();
    world.meet(401, &[CHALLENGE]);
    assert_eq!(world.told, [State::Down(Failure::Status(401))]);
}

#[test]
fn no_registrar_can_make_us_busy() {
    // What an hour of each registrar costs: requests, most within a minute, and most in all.
    let rising = |at: usize| (423, "Min-Expires", (700 + at).to_string());
    let stale =
        |at: usize| (401, "WWW-Authenticate", format!("Digest realm=\"carrier.example\", nonce=\"{at}\", stale=true"));
    let brief = |_| (200, "Expires", "1".to_owned());
    let fresh = |at: usize| (407, "Proxy-Authenticate", format!("Digest realm=\"carrier.example\", nonce=\"{at}\""));
    type Answer<'a> = &'a dyn Fn(usize) -> (u16, &'static str, String);
    let registrars: [(Answer<'_>, usize, usize); 4] =
        [(&rising, 10, 80), (&stale, 8, 60), (&brief, 7, 361), (&fresh, 3, 30)];
    for (which, (answer, a_minute, an_hour)) in registrars.into_iter().enumerate() {
        let mut world = World::new(which as u64);
        let mut times = Vec::new();
        while world.now < Instant::ZERO + Duration::from_secs(3600) {
            let (status, name, value) = answer(times.len());
            world.meet(status, &[(name, &value)]);
            times.push(world.now);
        }
        let minute = |from: &Instant| times.iter().filter(|at| *at >= from && at.since(*from).as_secs() < 60).count();
        assert!(times.len() <= an_hour, "{which}: {}", times.len());
        assert!(times.iter().map(minute).max().unwrap() <= a_minute, "{which}");
    }
}

#[test]
fn a_farewell_takes_the_binding_away_and_is_said_once() {
    // What was met before and after `unregister`, the requests in all, and the last state told.
    type Met = &'static [(u16, &'static [(&'static str, &'static str)])];
    let unregistered = Some(State::Down(Failure::Unregistered));
    let cases: [(Met, Met, usize, Option<State>); 8] = [
        (&[], &[], 0, None),
        (&[(0, &[])], &[], 1, Some(State::Down(Failure::NoAnswer))),
        (&[(200, &[])], &[(200, &[])], 2, unregistered),
        (&[(200, &[]), (503, &[])], &[(200, &[])], 3, unregistered),
        (&[(200, &[])], &[(401, &[CHALLENGE]), (200, &[])], 3, unregistered),
        (&[(200, &[])], &[(401, &[FOREIGN])], 2, Some(State::Down(Failure::Denied(Denied::ForeignRealm)))),
        (&[(200, &[])], &[(0, &[])], 2, Some(State::Down(Failure::NoAnswer))),
        (&[(401, &[CHALLENGE]), (200, &[])], &[(200, &[])], 3, unregistered),
    ];
    for (before, after, requests, last) in cases {
        let mut world = World::new(7);
        for (status, headers) in before {
            world.meet(*status, headers);
        }
        world.registration.unregister(world.now);
        for (status, headers) in after {
            assert!(!world.registration.is_over());
            assert_eq!(world.meet(*status, headers), Duration::ZERO, "at once");
            assert_eq!((world.header("Expires"), world.header("Contact")), (Some("0"), Some(OWN)));
        }
        assert!(world.registration.is_over(), "{before:?} {after:?}");
        assert_eq!((world.sent.len(), world.told.last().copied()), (requests, last), "{before:?} {after:?}");
        world.now = world.now + Duration::from_secs(86_400);
        world.drain();
        assert_eq!((world.sent.len(), world.registration.next_deadline()), (requests, None));
    }
}

#[test]
fn a_farewell_waits_for_the_request_on_its_way() {
    // Whether a binding was there, how the request on its way ends, and whether there is one to take away then.
    for (bound, status, farewell) in [(false, 200, true), (false, 403, false), (true, 403, true), (true, 0, true)] {
        let mut world = World::new(3);
        if bound {
            world.meet(200, &[]);
            world.now = world.registration.next_deadline().unwrap();
        }
        world.drain();
        let sent = world.sent.len();
        world.registration.unregister(world.now);
        world.drain();
        assert_eq!((world.sent.len(), world.registration.is_over()), (sent, false));
        world.answer(status, &[]);
        assert_eq!(world.sent.len(), sent + usize::from(farewell), "{bound} {status}");
        if farewell {
            assert_eq!(world.header("Expires"), Some("0"));
            world.answer(200, &[]);
        }
        assert!(world.registration.is_over());
    }
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut world = World::new(1);
    world.meet(200, &[]);
    let next = world.registration.next_deadline();
    for status in [0, 200, 401, 423, 503] {
        world.answer(status, &[CHALLENGE]);
        assert_eq!((world.registration.next_deadline(), &*world.told), (next, &[State::Up][..]), "{status}");
    }
}

#[test]
fn faulty_configurations_are_refused() {
    let uri = |text| Uri::read(text).unwrap();
    let secs = Duration::from_secs;
    let cases = [
        Config { registrar: uri("sip:user@carrier.example"), ..config() },
        Config { registrar: uri("tel:+1555"), ..config() },
        Config { registrar: uri("sip:carrier.example?x=1"), ..config() },
        Config { address_of_record: uri("tel:+1555"), ..config() },
        Config { address_of_record: uri("sip:carrier.example"), ..config() },
        Config { every: secs(9), ..config() },
        Config { every: secs(86_401), ..config() },
        Config { every: Duration::MAX, ..config() },
    ];
    for config in cases {
        let told = format!("{config:?}");
        assert!(Registration::new(Instant::ZERO, config, Random::from_seed(1)).is_err(), "{told}");
        assert!(!told.contains("zanzibar"));
    }
}
