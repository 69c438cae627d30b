//! A worker with real sockets on the loopback. Every wait has a deadline and ends with what it waits for.

use super::*;
use crate::audio::{Arena, ArenaBuilder};
use crate::codec::Codec;
use crate::random::Random;
use crate::rtp::packet::{HEADER, Header};
use crate::sdp::{Direction, Negotiated};
use crate::server::ports::bind_even_port;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::runtime::Runtime;

const DEADLINE: Duration = Duration::from_secs(10);
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const A: StreamId = StreamId { call: 7, leg: 0 };
const B: StreamId = StreamId { call: 7, leg: 1 };

/// The far end of one stream.
struct Phone {
    socket: UdpSocket,
    sequence: u16,
}

impl Phone {
    fn new() -> Self {
        let socket = UdpSocket::bind((LOOPBACK, 0)).expect("a port");
        socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        Self { socket, sequence: 0 }
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("bound")
    }

    fn hear(&self) -> (Header, Vec<u8>) {
        let mut bytes = [0; 2048];
        let (length, _) = self.socket.recv_from(&mut bytes).expect("a packet in time");
        let (header, payload) = Header::read(&bytes[..length]).expect("RTP");
        (header, bytes[payload].to_vec())
    }

    /// Hears packets until one has the payload; returns it and how many came before.
    fn hear_until(&self, payload: &[u8]) -> (Header, usize) {
        for before in 0..500 {
            let (header, heard) = self.hear();
            if heard == payload {
                return (header, before);
            }
        }
        panic!("not heard in ten seconds of packets");
    }

    fn say(&mut self, to: SocketAddr, payload_type: u8, timestamp: u32, payload: &[u8]) {
        self.sequence += 1;
        let header = Header { marker: false, payload_type, sequence: self.sequence, timestamp, ssrc: 9 };
        let mut packet = vec![0; HEADER];
        header.write(packet.first_chunk_mut().expect("twelve bytes"));
        packet.extend_from_slice(payload);
        self.socket.send_to(&packet, to).expect("sent");
    }

    /// Key number `n`, as the one END that arrived of it.
    fn press(&mut self, to: SocketAddr, n: u32, key: u8) {
        self.say(to, 101, n * 8000, &[key, 0x8a, 3, 32]);
    }
}

struct World {
    worker: WorkerHandle,
    events: tokio::sync::mpsc::Receiver<WorkerEvent>,
    runtime: Runtime,
    random: Random,
}

impl World {
    fn with_queue(length: usize, seed: u64) -> Self {
        let (sender, events) = tokio::sync::mpsc::channel(length);
        let worker = Worker::spawn(Configuration::default(), Clock::start(), sender).expect("a thread");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { worker, events, runtime, random: Random::from_seed(seed) }
    }

    fn socket(&mut self) -> UdpSocket {
        bind_even_port(LOOPBACK, 43_000..=48_999, &mut self.random).expect("a port").0
    }

    /// Opens a stream to a phone; returns the address that the phone sends to.
    fn open(&mut self, id: StreamId, codec: Codec, phone: &Phone) -> SocketAddr {
        let socket = self.socket();
        self.open_on(id, codec, phone, socket)
    }

    fn open_on(&mut self, id: StreamId, codec: Codec, phone: &Phone, socket: UdpSocket) -> SocketAddr {
        let local = socket.local_addr().expect("bound");
        let open = Open {
            id,
            session: session(codec, phone),
            signalling: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            media_from: Vec::new(),
            ssrc: 1,
            sequence: 100,
            timestamp: 0,
            gated: false,
        };
        self.worker.send(WorkerCommand::Open(Box::new(open), socket)).expect("taken");
        phone.hear(); // It is open: what the phone says from now on counts.
        local
    }

    fn send(&self, command: Command) {
        self.worker.send(WorkerCommand::Media(command)).expect("taken");
    }

    /// Returns once the commands so far have taken effect: the refusal of one more says so.
    fn settle(&mut self) {
        let id = StreamId { call: 0, leg: 0 };
        self.send(Command::Ungate(id));
        assert_eq!(self.event(), Event::Refused { id, refusal: Refusal::Unknown });
    }

    fn next(&mut self) -> WorkerEvent {
        let events = &mut self.events;
        let next = self.runtime.block_on(async { tokio::time::timeout(DEADLINE, events.recv()).await });
        next.expect("an event in time").expect("a worker that lives")
    }

    fn event(&mut self) -> Event {
        self.told().0
    }

    /// An event, and the socket of a stream that closed.
    fn told(&mut self) -> (Event, Option<UdpSocket>) {
        match self.next().told {
            Told::Event(event, socket) => (event, socket),
            Told::Left(leaving) => panic!("nobody asked {leaving:?} to leave"),
        }
    }
}

fn arena() -> Arc<Arena> {
    let mut builder = ArenaBuilder::default();
    builder.clip("prompt", &[1000; 480], 8_000).expect("room");
    Arc::new(builder.build())
}

fn play(arena: &Arc<Arena>) -> Command {
    let spans = arena.span("prompt").into_iter().collect();
    Command::Play { id: A, play: 5, arena: arena.clone(), spans, looped: false, from: 0 }
}

fn session(codec: Codec, phone: &Phone) -> Negotiated {
    Negotiated {
        codec,
        payload_type: codec.payload_type(),
        receive_payload_type: codec.payload_type(),
        event_send: Some(101),
        event_receive: Some(101),
        event_clock: 8_000,
        remote: phone.address(),
        direction: Direction::SendRecv,
        rtcp_mux: false,
        srtp: None,
    }
}

#[test]
fn a_stream_is_paced_played_into_heard_and_closed() {
    let (mut world, mut phone) = (World::with_queue(64, 1), Phone::new());
    let local = world.open(A, Codec::Pcmu, &phone);
    let (second, silence) = phone.hear();
    assert_eq!((second.marker, second.sequence, second.timestamp), (false, 101, 160));
    assert_eq!(silence, [0xff; 160]);
    world.send(play(&arena()));
    let (prompt, before) = phone.hear_until(&[(crate::audio::codec::PCMU.encode)(1000); 160]);
    let passed = before as u32 + 2;
    assert_eq!((u32::from(prompt.sequence), prompt.timestamp), (100 + passed, 160 * passed));
    assert_eq!(world.event(), Event::Ended { id: A, play: 5 });
    phone.press(local, 1, 4);
    let key = world.event();
    assert!(matches!(key, Event::Key { id: A, key } if key.to_char() == '4'), "{key:?}");
    assert_eq!(world.worker.load().streams, 1);
    world.send(Command::Close { id: A });
    let (event, socket) = world.told();
    let Event::Closed { id: A, statistics } = event else { panic!("closed, not {event:?}") };
    assert_eq!((statistics.keys, statistics.received), (1, 1));
    // The port serves the call's next stream: it hears another phone then.
    let (socket, mut other) = (socket.expect("the socket comes back"), Phone::new());
    assert_eq!(world.open_on(A, Codec::Pcmu, &other, socket), local);
    other.press(local, 1, 5);
    let key = world.event();
    assert!(matches!(key, Event::Key { id: A, key } if key.to_char() == '5'), "{key:?}");
    world.worker.join().expect("no panic");
}

#[test]
fn a_bridge_passes_packets_and_keys_between_two_sockets() {
    let (mut world, mut caller, mut agent) = (World::with_queue(64, 2), Phone::new(), Phone::new());
    let to_a = world.open(A, Codec::Pcmu, &caller);
    let to_b = world.open(B, Codec::Pcma, &agent);
    world.send(Command::Bridge { call: 7, a: 0, b: 1 });
    world.settle();
    caller.say(to_a, 0, 0, &[0xff; 80]);
    agent.hear_until(&[0xd5; 80]);
    agent.say(to_b, 8, 0, &[0x2a; 80]);
    caller.hear_until(&[0x00; 80]);
    caller.press(to_a, 1, 9);
    let (key, _) = agent.hear_until(&[9, 0x8a, 3, 32]);
    assert_eq!(key.payload_type, 101);
}

#[test]
fn a_far_end_without_a_port_does_not_end_the_stream() {
    let (mut world, phone) = (World::with_queue(64, 3), Phone::new());
    let address = phone.address();
    let mut first = phone;
    let local = world.open(A, Codec::Pcmu, &first);
    // The stream knows its source: its socket is connected, and hears of refused packets.
    first.press(local, 0, 1);
    assert!(matches!(world.event(), Event::Key { .. }));
    drop(first);
    // Every packet is now answered by ICMP: some failure is counted while the stream goes on.
    let clock = Clock::start();
    while world.worker.load().receives_failed == 0 {
        assert!(clock.now().since(Instant::ZERO) < DEADLINE, "{:?}", world.worker.load());
        std::thread::yield_now();
    }
    let socket = UdpSocket::bind(address).expect("the port is free again");
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let mut second = Phone { socket, sequence: 50 };
    assert_eq!(second.hear().1, [0xff; 160]);
    second.press(local, 1, 4);
    assert!(matches!(world.event(), Event::Key { .. }));
}

#[test]
fn no_key_is_lost_while_nobody_takes_events() {
    const KEYS: u32 = 60;
    let (mut world, mut phone) = (World::with_queue(1, 4), Phone::new());
    let local = world.open(A, Codec::Pcmu, &phone);
    for n in 0..KEYS {
        phone.press(local, n, (n % 16) as u8);
        phone.hear(); // Paced by the stream itself: no burst overflows a socket.
    }
    for n in 0..KEYS {
        let event = world.event();
        assert!(matches!(event, Event::Key { key, .. } if u32::from(key.code()) == n % 16), "{n}: {event:?}");
    }
}

#[test]
fn after_a_re_invite_the_new_address_is_heard() {
    let (mut world, mut old, mut new) = (World::with_queue(64, 5), Phone::new(), Phone::new());
    let local = world.open(A, Codec::Pcmu, &old);
    old.press(local, 1, 1);
    assert!(matches!(world.event(), Event::Key { .. }));
    world.send(Command::Retarget { id: A, session: Box::new(session(Codec::Pcma, &new)) });
    assert_eq!(new.hear().1, [0xd5; 160]);
    new.sequence = old.sequence;
    new.press(local, 2, 2);
    let key = world.event();
    assert!(matches!(key, Event::Key { key, .. } if key.to_char() == '2'), "{key:?}");
}

#[test]
fn what_waited_in_a_socket_before_the_stream_is_thrown_away() {
    let (mut world, mut phone) = (World::with_queue(64, 6), Phone::new());
    let socket = world.socket();
    let local = socket.local_addr().expect("bound");
    for n in 0..20 {
        phone.press(local, n, 1);
    }
    world.open_on(A, Codec::Pcmu, &phone, socket);
    phone.press(local, 30, 2);
    let key = world.event();
    assert!(matches!(key, Event::Key { key, .. } if key.to_char() == '2'), "{key:?}");
}

/// Both legs, their bridge and what waits in a socket go from one thread to another.
#[test]
fn a_call_moves_to_another_worker_and_goes_on() {
    let (mut world, mut caller, mut agent) = (World::with_queue(64, 9), Phone::new(), Phone::new());
    let to_a = world.open(A, Codec::Pcmu, &caller);
    let to_b = world.open(B, Codec::Pcmu, &agent);
    world.send(Command::Bridge { call: 7, a: 0, b: 1 });
    world.settle();
    for n in 0..3 {
        caller.say(to_a, 0, n * 160, &[0x31; 160]);
        agent.hear_until(&[0x31; 160]);
    }
    world.worker.send(WorkerCommand::Leave(7)).expect("taken");
    let Told::Left(leaving) = world.next().told else { panic!("it leaves") };
    assert_eq!((leaving.call(), leaving.lines.len()), (7, 2));
    // What comes while nobody reads is not lost.
    caller.press(to_a, 1, 9);
    agent.say(to_b, 0, 0, &[0x32; 160]);
    let mut other = World::with_queue(64, 10);
    other.worker.send(WorkerCommand::Arrive(leaving)).expect("taken");
    let (key, _) = agent.hear_until(&[9, 0x8a, 3, 32]);
    assert_eq!(key.payload_type, 101);
    caller.hear_until(&[0x32; 160]);
    assert!(matches!(other.event(), Event::Key { id: A, .. }));
    other.send(Command::Close { id: A });
    let (Event::Closed { id: A, statistics }, Some(_)) = other.told() else { panic!("it closes here") };
    assert_eq!((statistics.received, statistics.keys, statistics.lost), (4, 1, 0));
    world.send(Command::Ungate(B));
    assert_eq!(world.event(), Event::Refused { id: B, refusal: Refusal::Unknown });
}

#[test]
fn what_cannot_be_done_is_refused() {
    let (mut world, phone) = (World::with_queue(64, 7), Phone::new());
    let local = world.open(A, Codec::Pcmu, &phone);
    assert_ne!(world.open(A, Codec::Pcmu, &phone), local);
    assert_eq!(world.event(), Event::Refused { id: A, refusal: Refusal::Taken });
    world.send(Command::Stop { id: B });
    assert_eq!(world.event(), Event::Refused { id: B, refusal: Refusal::Unknown });
    let odd = Configuration { tick: Duration::from_millis(3), ..Configuration::default() };
    let (sender, _events) = tokio::sync::mpsc::channel(1);
    assert_eq!(
        Worker::spawn(odd, Clock::start(), sender).map(drop).map_err(|e| e.kind()),
        Err(ErrorKind::InvalidInput)
    );
}

#[test]
fn a_worker_whose_events_nobody_takes_any_more_ends() {
    let World { worker, events, .. } = World::with_queue(1, 8);
    drop(events);
    let clock = Clock::start();
    let gone = |sent: Result<(), Unsent>| sent.is_err_and(|unsent| unsent.why == Unreachable::Gone);
    while !gone(worker.send(WorkerCommand::Media(Command::Stop { id: A }))) {
        assert!(clock.now().since(Instant::ZERO) < DEADLINE);
        std::thread::yield_now();
    }
    worker.join().expect("no panic");
}

#[test]
fn reports_go_out_of_the_port_beside_and_are_heard_there() {
    let mut world = World::with_queue(100, 9);
    let (phone, beside) = loop {
        let phone = Phone::new();
        let port = phone.address().port();
        if let Some(Ok(beside)) = port.checked_add(1).map(|port| UdpSocket::bind((LOOPBACK, port))) {
            break (phone, beside);
        }
    };
    let local = world.open(A, Codec::Pcmu, &phone);
    beside.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let mut bytes = [0; 256];
    let (length, source) = beside.recv_from(&mut bytes).expect("a report in time");
    assert_eq!((source.ip(), source.port()), (local.ip(), local.port() + 1));
    assert!(crate::rtp::rtcp::read(&bytes[..length], 0).is_some_and(|report| report.ntp.is_some()));
    beside.send_to(&[0x80, 201, 0, 1, 0, 0, 0, 9], source).expect("sent");
    // Two refusals are told two ticks later.
    (0..2).for_each(|_| world.settle());
    world.send(Command::Close { id: A });
    let Event::Closed { statistics, .. } = world.event() else { panic!("closed") };
    assert_eq!((statistics.reports, statistics.rtcp), (1, 1));
    UdpSocket::bind(source).expect("the port is free again");
}
