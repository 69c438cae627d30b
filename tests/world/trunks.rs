//! What the engine does for a trunk without a call: REGISTER, OPTIONS, and leaving.

use askonce::config::{self, Config};
use askonce::engine::{Asker, Engine, Input, NewPlace, Output, Setup};
use askonce::secret::Secret;
use askonce::sip::auth::Credentials;
use askonce::sip::{Hop, Locals, Message, Request, wire};
use askonce::time::{Duration, Instant};
use askonce::yaml::Source;
use std::collections::BTreeMap;
use std::sync::Arc;

const CONFIG: &str = "askonce: 1
listen: { sip: [\"udp:127.0.0.1:5060\"], http: 127.0.0.1:8080 }
flows: [flows/]
tls: { cert: cert.pem, key: key.pem }
secrets: { password: { env: PASSWORD } }
trunks:
  carrier:
    from: [127.0.0.9]
    proxy: sip:sbc.example
    register: { user: \"100\", realm: sbc.example, secret: password, every: 600s }
    ping: 30s
numbers: { \"*\": none }
";

struct World {
    engine: Engine,
    now: Instant,
    /// Where `sbc.example` leads.
    hops: Vec<Hop>,
    /// What the trunk's side heard, and has not answered.
    heard: Vec<(Hop, Request)>,
    asked: usize,
}

fn hop(text: &str) -> Hop {
    text.parse().expect("a hop")
}

fn loaded(text: String) -> Arc<Config> {
    let source = Source { path: "askonce.yaml".to_owned(), text };
    let (config, _) = config::load(&source).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    Arc::new(config)
}

fn credentials(password: &str) -> BTreeMap<String, Credentials> {
    let own = Credentials::new("sbc.example", "100", Secret::new(password)).expect("credentials");
    BTreeMap::from([("carrier".to_owned(), own)])
}

impl World {
    fn new(hops: &[&str]) -> World {
        World::listening(&["udp:127.0.0.1:5060"], hops)
    }

    fn listening(on: &[&str], hops: &[&str]) -> World {
        let text = CONFIG.replace("[\"udp:127.0.0.1:5060\"]", &format!("{on:?}"));
        let engine = Engine::new(Setup {
            config: loaded(text),
            services: BTreeMap::new(),
            locals: Locals::new(on.iter().map(|text| hop(text))),
            credentials: credentials("opensesame"),
            pins: BTreeMap::new(),
            switches: BTreeMap::new(),
            seed: 5,
            keyring: askonce::keying::Keyring::new([9; 32]),
            record: false,
            sound: false,
            trace: false,
        });
        let hops = hops.iter().map(|text| hop(text)).collect();
        World { engine, now: Instant::from_micros(1_000_000), hops, heard: Vec::new(), asked: 0 }
    }

    /// Another configuration; what was heard before is forgotten.
    fn reload(&mut self, text: String, password: &str) {
        self.heard.clear();
        let (config, credentials) = (loaded(text), credentials(password));
        let place = NewPlace {
            config,
            services: BTreeMap::new(),
            credentials,
            pins: BTreeMap::new(),
            switches: BTreeMap::new(),
        };
        self.engine.handle(self.now, Input::Reload(Box::new(place)));
        self.drain();
    }

    /// The user and the expiry of each REGISTER that was heard.
    fn registered(&self) -> Vec<(String, &str)> {
        let registers = self.heard.iter().filter(|(_, request)| request.method.as_str() == "REGISTER");
        let told = |request: &'_ Request, name| request.headers.get(name).map(str::to_owned).expect("a field");
        let user = |request: &Request| told(request, "To").split(['@', ':']).nth(1).expect("a user").to_owned();
        registers.map(|(_, request)| (user(request), request.headers.get("Expires").unwrap_or("none"))).collect()
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.engine.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.engine.handle(self.now, Input::Deadline);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Send { to, bytes } => match wire::read(&bytes) {
                    Ok(Message::Request(request)) => self.heard.push((to, request)),
                    _ => panic!("only requests go to a trunk"),
                },
                Output::Resolve { asker: Asker::Trunk(trunk), uri } => {
                    assert_eq!(uri.host(), "sbc.example");
                    self.asked += 1;
                    let input = Input::Resolved { asker: Asker::Trunk(trunk), hops: self.hops.clone() };
                    self.engine.handle(self.now, input);
                }
                _ => panic!("there is no call"),
            }
        }
    }

    /// Answers every request heard of that method; those of the others are forgotten.
    fn answer(&mut self, method: &str, status: &str, more: &str) {
        for (from, request) in std::mem::take(&mut self.heard) {
            if request.method.as_str() != method {
                continue;
            }
            let kept = ["Via", "From", "To", "Call-ID", "CSeq"];
            let lines = request.headers.iter().filter(|(name, _)| kept.contains(name));
            let lines: String = lines.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let text = format!("SIP/2.0 {status}\r\n{lines}{more}Content-Length: 0\r\n\r\n");
            self.engine.handle(self.now, Input::Message { from, bytes: text.as_bytes() });
        }
        self.drain();
    }

    fn methods(&self) -> Vec<&str> {
        self.heard.iter().map(|(_, request)| request.method.as_str()).collect()
    }
}

#[test]
fn a_trunk_is_registered_at_asked_and_left() {
    let mut world = World::new(&["udp:127.0.0.9:5060"]);
    world.pass(Duration::from_millis(1));
    assert_eq!((world.methods(), world.asked), (vec!["REGISTER", "OPTIONS"], 1));
    let (to, register) = &world.heard[0];
    assert_eq!((to.to_string().as_str(), register.uri.as_str()), ("udp:127.0.0.9:5060", "sip:sbc.example"));
    assert_eq!(register.headers.get("Contact"), Some("<sip:100@127.0.0.1:5060>"));
    world.answer(
        "REGISTER",
        "401 Who",
        "WWW-Authenticate: Digest realm=\"sbc.example\", nonce=\"n\", qop=\"auth\"\r\n",
    );
    assert_eq!(world.methods(), ["REGISTER"], "again, at once");
    let proof = world.heard[0].1.headers.get("Authorization").expect("a proof");
    assert!(proof.contains("username=\"100\"") && !proof.contains("opensesame"));
    world.answer("REGISTER", "200 OK", "Expires: 600\r\n");
    world.pass(Duration::from_secs(400));
    assert!(!world.methods().contains(&"REGISTER"), "granted for 600 s");
    world.heard.clear();
    world.pass(Duration::from_secs(80));
    assert!(world.methods().contains(&"REGISTER"), "in time before it lapses");
    world.answer("REGISTER", "200 OK", "Expires: 600\r\n");
    world.heard.clear();
    world.engine.handle(world.now, Input::Drain);
    world.drain();
    assert_eq!(world.methods(), ["REGISTER"]);
    assert_eq!(world.heard[0].1.headers.get("Expires"), Some("0"), "no more calls, please");
    assert!(!world.engine.idle(), "the registrar has to hear of it");
    world.answer("REGISTER", "200 OK", "");
    world.pass(Duration::from_secs(60));
    assert!(world.engine.idle());
}

#[test]
fn a_silent_hop_is_passed_over_and_a_name_that_leads_nowhere_is_asked_again() {
    let mut world = World::new(&["udp:127.0.0.8:5060", "udp:127.0.0.9:5060"]);
    world.pass(Duration::from_secs(200));
    let hops: Vec<String> = world.heard.iter().map(|(to, _)| to.to_string()).collect();
    assert!(hops.iter().any(|hop| hop.contains("127.0.0.8")) && hops.iter().any(|hop| hop.contains("127.0.0.9")));
    let mut world = World::new(&[]);
    world.pass(Duration::from_secs(200));
    assert!(world.heard.is_empty() && (5..60).contains(&world.asked), "{} times", world.asked);
}

#[test]
fn calls_are_asked_to_come_by_the_way_that_the_register_takes() {
    let (udp, tls) = ("udp:127.0.0.1:5060", "tls:127.0.0.1:5061");
    for (on, leads_to, contact) in [
        (&[udp, tls][..], "udp:127.0.0.9:5060", "<sip:100@127.0.0.1:5060>"),
        (&[udp, tls], "tls:127.0.0.9:5061", "<sip:100@127.0.0.1:5061;transport=tls>"),
        // Without UDP, and with a proxy that asks for no transport.
        (&[tls], "tls:127.0.0.9:5061", "<sip:100@127.0.0.1:5061;transport=tls>"),
    ] {
        let mut world = World::listening(on, &[leads_to]);
        world.pass(Duration::from_millis(1));
        assert_eq!(world.methods(), ["REGISTER", "OPTIONS"], "{leads_to}");
        let (to, register) = &world.heard[0];
        assert_eq!((*to, register.headers.get("Contact")), (hop(leads_to), Some(contact)));
        let via = register.headers.get("Via").expect("a Via").to_ascii_lowercase();
        assert!(via.starts_with(&format!("sip/2.0/{}", &leads_to[..3])), "{via}");
    }
}

#[test]
fn a_reload_leaves_what_is_the_same_and_tells_registrars_what_is_not() {
    let mut world = World::new(&["udp:127.0.0.9:5060"]);
    world.pass(Duration::from_millis(1));
    let call_id = |world: &World| world.heard[0].1.headers.get("Call-ID").expect("one").to_owned();
    let first = call_id(&world);
    world.answer("REGISTER", "200 OK", "Expires: 600\r\n");
    world.reload(CONFIG.replace("numbers: {", "numbers: { \"1\": none,"), "opensesame");
    assert_eq!(world.methods(), Vec::<&str>::new(), "the same trunk");

    // Another password: the same binding is refreshed by somebody new, and nobody takes it away.
    world.reload(CONFIG.to_owned(), "another");
    assert_eq!(world.registered(), [("100".to_owned(), "600")]);
    assert_ne!(call_id(&world), first);
    world.answer("REGISTER", "200 OK", "Expires: 600\r\n");

    // Another user: the old one's calls are wanted no more.
    world.reload(CONFIG.replace("\"100\"", "\"200\""), "another");
    let mut registered = world.registered();
    registered.sort_unstable();
    assert_eq!(registered, [("100".to_owned(), "0"), ("200".to_owned(), "600")]);
    world.answer("REGISTER", "200 OK", "Expires: 600\r\n");
    assert_eq!(world.engine.trunks().len(), 1);

    let without = CONFIG
        .split_inclusive('\n')
        .filter(|line| !["proxy", "register", "ping"].iter().any(|key| line.trim_start().starts_with(key)));
    world.reload(without.collect(), "another");
    assert_eq!(world.registered(), [("200".to_owned(), "0")]);
    world.answer("REGISTER", "200 OK", "");
    // Pings that nobody answered are sent again for so long.
    world.pass(Duration::from_secs(40));
    world.heard.clear();
    world.pass(Duration::from_secs(1_000));
    assert_eq!((world.methods(), world.engine.trunks()), (Vec::new(), Vec::new()), "nothing is left of it");
}
