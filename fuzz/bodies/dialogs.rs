use askonce::random::Random;
use askonce::sip::endpoint::{Config, DialogId, Door, Endpoint, Event, Output, Refusal, RequestId};
use askonce::sip::invite::Invite;
use askonce::sip::{Headers, Hop, Locals, Method, Request, Uri, wire};
use askonce::time::{Duration, Instant};
use std::collections::BTreeSet;

/// Operations of one input; the rest of it is not looked at.
const MAX_OPERATIONS: usize = 200;
/// Messages on their way, and messages remembered; of more the oldest is lost.
const MAX_FLYING: usize = 32;
/// What one input may make an endpoint say.
const MAX_OUTPUT: usize = 64;
const SDP: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";

/// The bytes are what happens to two endpoints and to the messages between them. Whatever it is: each says little at a
/// time and nothing that our reader refuses, tells of a dialog from its beginning to its end and not beyond, knows the
/// dialogs that it told of and no others, and when all is ended keeps nothing.
pub fn dialogs(bytes: &[u8]) {
    let mut world = World::new();
    let mut script = Script(bytes);
    for _ in 0..MAX_OPERATIONS {
        let Some(operation) = script.next() else { break };
        world.play(operation, &mut script);
    }
    world.end();
}

/// The input, taken byte by byte; zeros once it is used up.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn byte(&mut self) -> usize {
        self.next().map_or(0, usize::from)
    }

    fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

#[derive(Clone)]
struct Flying {
    to: usize,
    bytes: Vec<u8>,
}

struct End {
    endpoint: Endpoint,
    /// Dialogs that began and did not end.
    live: BTreeSet<DialogId>,
    requests: BTreeSet<RequestId>,
}

struct World {
    now: Instant,
    ends: [End; 2],
    flying: Vec<Flying>,
    /// Messages that arrived, to arrive again.
    heard: Vec<Flying>,
    /// Seed of the next INVITE.
    invites: u64,
}

impl World {
    fn new() -> World {
        let end = |who: usize| {
            let locals = Locals::new([hop(who)]);
            let config = Config { locals, user_agent: "fuzz".to_owned(), max_transactions: 16, max_dialogs: 8 };
            let endpoint = Endpoint::new(config, Random::from_seed(who as u64)).expect("a sound name");
            End { endpoint, live: BTreeSet::new(), requests: BTreeSet::new() }
        };
        let now = Instant::from_micros(1_000_000);
        World { now, ends: [end(0), end(1)], flying: Vec::new(), heard: Vec::new(), invites: 0 }
    }

    fn play(&mut self, operation: u8, script: &mut Script<'_>) {
        match operation % 16 {
            // The one that leads on comes most often.
            0..4 => self.settle(),
            4 => {
                if let Some(flying) = self.take(script) {
                    self.deliver(flying, Door::Open);
                }
            }
            5 => drop(self.take(script)),
            6 => {
                let door = [Door::Open, Door::Forbidden, Door::Unavailable][script.byte() % 3];
                if let Some(mut again) = self.again(script) {
                    mutate(&mut again.bytes, script);
                    self.deliver(again, door);
                }
            }
            7 => {
                if let Some(mut again) = self.again(script) {
                    reword(&mut again.bytes, script);
                    self.deliver(again, Door::Open);
                }
            }
            8 => {
                let (to, length) = (script.byte() % 2, script.byte() * 4);
                let bytes = script.bytes(length).to_vec();
                self.deliver(Flying { to, bytes }, Door::Open);
            }
            // Ten milliseconds to eleven minutes.
            9 => self.pass(Duration::from_millis(10 * (script.byte() as u64).pow(2))),
            10 => {
                if let Some(lost) = self.take(script) {
                    let from = 1 - lost.to;
                    self.ends[from].endpoint.on_undelivered(self.now, &lost.bytes);
                    self.drain(from, MAX_OUTPUT, true);
                }
            }
            11 => self.call(script.byte()),
            _ => self.command(script),
        }
    }

    /// All that is on its way arrives, and what is answered to it.
    fn settle(&mut self) {
        for _ in 0..MAX_FLYING {
            if self.flying.is_empty() {
                return;
            }
            let first = self.flying.remove(0);
            self.deliver(first, Door::Open);
        }
    }

    fn take(&mut self, script: &mut Script<'_>) -> Option<Flying> {
        let at = script.byte().checked_rem(self.flying.len())?;
        Some(self.flying.remove(at))
    }

    /// One that is on its way, or one that arrived before; to the other end if the script says so.
    fn again(&self, script: &mut Script<'_>) -> Option<Flying> {
        let (at, turned) = (script.byte(), script.byte() % 4 == 3);
        let at = at.checked_rem(self.flying.len() + self.heard.len())?;
        let Flying { to, bytes } = self.flying.iter().chain(&self.heard).nth(at)?.clone();
        Some(Flying { to: if turned { 1 - to } else { to }, bytes })
    }

    fn deliver(&mut self, flying: Flying, door: Door) {
        let to = flying.to;
        self.ends[to].endpoint.on_message(self.now, hop(1 - to), &flying.bytes, door);
        // An answer to what cannot be read repeats what it could not read.
        let readable = wire::read(&flying.bytes).is_ok();
        remember(&mut self.heard, flying);
        self.drain(to, MAX_OUTPUT, readable);
    }

    /// Time passes, and each thing that falls due falls due at its time.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let next = self.ends.iter().filter_map(|end| end.endpoint.next_deadline()).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            for who in 0..2 {
                let (dialogs, transactions) = self.ends[who].endpoint.load();
                self.ends[who].endpoint.on_deadline(self.now);
                self.drain(who, MAX_OUTPUT + 2 * (dialogs + transactions), true);
            }
        }
        self.now = end;
    }

    fn call(&mut self, choice: usize) {
        let (who, to) = (choice % 2, hop(1 - choice % 2));
        self.invites += 1;
        let target = Uri::of("x", to.address).expect("a URI");
        let invite = Invite {
            local: hop(who),
            from: target.clone(),
            target,
            display: "A, \"B\"".to_owned(),
            headers: Vec::new(),
            sdp: if choice & 2 == 0 { SDP.to_vec() } else { Vec::new() },
            beside: None,
            user_agent: "fuzz".to_owned(),
            max_forwards: 70,
        };
        let request = invite.build(&mut Random::from_seed(self.invites)).expect("an INVITE");
        let end = &mut self.ends[who];
        if choice & 4 != 0 {
            let request = Request { method: Method::Options, headers: options(request.headers), ..request };
            if let Ok(id) = end.endpoint.request_outside(self.now, to, request) {
                assert!(end.requests.insert(id));
            }
        } else if let Ok(id) = end.endpoint.invite(self.now, to, request) {
            assert!(end.live.insert(id), "a number used twice");
        }
        self.drain(who, MAX_OUTPUT, true);
    }

    /// A command for a dialog, most often one that lives.
    fn command(&mut self, script: &mut Script<'_>) {
        let (who, which, what) = (script.byte() % 2, script.byte(), script.byte());
        let (now, End { endpoint, live, .. }) = (self.now, &mut self.ends[who]);
        let known = which.checked_rem(live.len()).and_then(|at| live.iter().nth(at).copied());
        let id = known.filter(|_| which < 240).unwrap_or(DialogId(which as u64 % 16));
        let lives = live.contains(&id);
        let sdp = if which & 8 == 0 { SDP.to_vec() } else { Vec::new() };
        let (done, ends) = match what % 13 {
            0 | 1 => (endpoint.accept(now, id, sdp), false),
            2 => (endpoint.ring(now, id, [180, 183, 100, 199][which % 4], sdp), false),
            3 => (endpoint.refuse(now, id, [486, 302, 699, 200][which % 4], &[]), true),
            4 => (endpoint.accept_reinvite(now, id, sdp), false),
            5 => (endpoint.refuse_reinvite(now, id, 488), false),
            6 => (endpoint.cancel(now, id), false),
            7 => (endpoint.reinvite(now, id, sdp), false),
            // With a body that serves a NOTIFY as well (see `reword`).
            8 => (endpoint.info(now, id, "application/dtmf-relay", b"SIP/2.0 200 OK".to_vec()), false),
            9 => (endpoint.refer(now, id, "<sip:y@192.0.2.3>"), false),
            10 => (endpoint.bye(now, id), true),
            11 => (endpoint.update(now, id, sdp), false),
            _ => {
                endpoint.drop_dialog(now, id);
                (if lives { Ok(()) } else { Err(Refusal::NoDialog) }, true)
            }
        };
        // `Bad` is said of a value before anybody looks at the dialog.
        assert!(matches!(done, Err(Refusal::Bad(_))) || lives == (done != Err(Refusal::NoDialog)), "{done:?}");
        if ends && done.is_ok() {
            live.remove(&id);
        }
        self.drain(who, MAX_OUTPUT, true);
    }

    /// Takes what an endpoint says, and holds it to its rules.
    fn drain(&mut self, who: usize, most: usize, readable: bool) {
        let mut said = 0;
        while let Some(output) = self.ends[who].endpoint.poll() {
            said += 1;
            match output {
                Output::Event(event) => self.ends[who].on_event(&event),
                Output::Send { bytes, .. } => {
                    if readable && let Err(malformed) = wire::read(&bytes) {
                        panic!(
                            "said what it would not read: {}\n{}",
                            malformed.reason,
                            String::from_utf8_lossy(&bytes)
                        );
                    }
                    remember(&mut self.flying, Flying { to: 1 - who, bytes });
                }
            }
        }
        assert!(said <= most, "{said} things said at once");
    }

    /// Both let go of everything; the network is down.
    fn end(mut self) {
        for who in 0..2 {
            for id in std::mem::take(&mut self.ends[who].live) {
                assert_eq!(self.ends[who].endpoint.bye(self.now, id), Ok(()));
                self.drain(who, MAX_OUTPUT, true);
            }
        }
        self.pass(Duration::from_secs(600));
        for end in &self.ends {
            assert_eq!((end.endpoint.load(), end.endpoint.waiting()), ((0, 0), 0));
            assert!(end.requests.is_empty());
        }
    }
}

impl End {
    fn on_event(&mut self, event: &Event) {
        let (id, last) = match event {
            Event::Ended { dialog } => return assert!(!self.live.contains(dialog), "{event:?} of what nobody ended"),
            Event::Outcome { request, .. } => return assert!(self.requests.remove(request), "{event:?}"),
            Event::Invite { dialog, .. } => {
                assert!(self.live.insert(*dialog), "a number used twice");
                (dialog, false)
            }
            Event::Cancelled { dialog }
            | Event::Bye { dialog }
            | Event::Refused { dialog, .. }
            | Event::Lost { dialog, .. } => (dialog, true),
            Event::Confirmed { dialog, .. }
            | Event::Acknowledged { dialog, .. }
            | Event::Reinvite { dialog, .. }
            | Event::Info { dialog, .. }
            | Event::Progress { dialog, .. }
            | Event::Answered { dialog, .. }
            | Event::Reanswered { dialog, .. }
            | Event::ReinviteRefused { dialog, .. }
            | Event::Refer { dialog, .. }
            | Event::Referred { dialog, .. }
            | Event::Transfer { dialog, .. } => (dialog, false),
        };
        assert!(self.live.contains(id), "{event:?} after its end");
        if last {
            self.live.remove(id);
        }
    }
}

fn hop(who: usize) -> Hop {
    Hop::udp(([192, 0, 2, 1 + who as u8], 5060).into())
}

fn remember(list: &mut Vec<Flying>, flying: Flying) {
    if list.len() == MAX_FLYING {
        list.remove(0);
    }
    list.push(flying);
}

/// The headers of an INVITE as an OPTIONS has them, without Via.
fn options(invite: Headers) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in invite.iter().filter(|(name, _)| *name != "Via") {
        headers.push(name, value.replace("1 INVITE", "1 OPTIONS")).expect("it was there");
    }
    headers
}

fn mutate(bytes: &mut Vec<u8>, script: &mut Script<'_>) {
    let Some(at) = (script.byte() * 256 + script.byte()).checked_rem(bytes.len()) else { return };
    match script.byte() {
        0 => bytes.truncate(at),
        byte => bytes[at] = byte as u8,
    }
}

/// Words that make another message of one.
#[rustfmt::skip]
const WORDS: [&str; 38] = [
    "INVITE", "ACK", "BYE", "CANCEL", "INFO", "NOTIFY", "OPTIONS", "REFER", "UPDATE", "PRACK", " 100 ", " 180 ", " 183 ",
    " 200 ", " 302 ", " 401 ", " 408 ", " 422 ", " 481 ", " 491 ", " 500 ", " 503 ", "CSeq: 1 ", "CSeq: 2 ", "CSeq: 3 ",
    "RSeq: ", "RAck: 1 ", "Contact:", "Record-Route:", "Supported:", "Require:", "100rel", "Session-Expires: ", "Min-SE: ",
    "refresher=uac", "refresher=uas", "Content-Type: application/dtmf-relay", "Event: refer",
];

/// One to three words change, so that an INFO may become the NOTIFY of a REFER.
fn reword(bytes: &mut Vec<u8>, script: &mut Script<'_>) {
    for _ in 0..=script.byte() % 3 {
        let [from, to] = [0; 2].map(|_| WORDS[script.byte() % WORDS.len()]);
        if let Ok(text) = std::str::from_utf8(bytes) {
            *bytes = text.replace(from, to).into_bytes();
        }
    }
}
