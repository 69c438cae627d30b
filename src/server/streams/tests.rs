//! On real sockets of 127.0.0.1. What is waited for has a deadline; the bounds are made small where one is tried.

mod secure;

use super::*;
use crate::sip::hop::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(10);
const OPTIONS: &str = "OPTIONS sip:a SIP/2.0\r\nl: 2\r\n\r\nab";
const ANSWER: &str = "SIP/2.0 200 OK\r\nl: 0\r\n\r\n";

struct Side {
    streams: Streams,
    events: Receiver<StreamEvent>,
    address: SocketAddr,
}

fn side(transport: Transport, files: Option<tls::Files>, bounds: Bounds) -> Side {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (streams, events) = Streams::start(vec![(transport, listener)], files, bounds, 7).unwrap();
    Side { streams, events, address }
}

fn tcp(bounds: Bounds) -> Side {
    side(Transport::Tcp, None, bounds)
}

impl Side {
    async fn event(&mut self) -> StreamEvent {
        timeout(DEADLINE, self.events.recv()).await.expect("an event in time").expect("the streams live")
    }

    async fn message(&mut self) -> (Hop, String) {
        match self.event().await {
            StreamEvent::Message { from, bytes } => (from, String::from_utf8(bytes).unwrap()),
            other => panic!("{other:?} instead of a message"),
        }
    }

    /// Waits for the word that what was sent to that hop did not get there.
    async fn failed(&mut self, wanted: Hop) {
        match self.event().await {
            StreamEvent::Failed { to, bytes } => assert_eq!((to, bytes.is_empty()), (wanted, false)),
            other => panic!("{other:?} instead of a failure"),
        }
    }

    fn send(&self, to: Hop, text: &str) {
        self.streams.send(to, text.as_bytes().to_vec()).unwrap();
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Connects until that many were accepted: a place is free once the hub has seen the end of a connection.
    async fn takes_another(&self, accepted: u64) {
        let again = async {
            while self.streams.counters().accepted.load(Relaxed) < accepted {
                let mut peer = self.connect().await;
                // Refused ones end at once; one that is taken answers a ping.
                let _ = peer.write_all(b"\r\n\r\n").await;
                let _ = peer.read(&mut [0; 2]).await;
            }
        };
        timeout(DEADLINE, again).await.expect("a place in time");
    }

    /// Waits until a counter has got there.
    async fn counted(&self, counter: impl Fn(&Counters) -> &AtomicU64, wanted: u64) {
        let reached = async {
            while counter(self.streams.counters()).load(Relaxed) < wanted {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, reached).await.expect("counted in time");
        assert_eq!(counter(self.streams.counters()).load(Relaxed), wanted);
    }
}

async fn reads(peer: &mut TcpStream, wanted: &str) {
    let mut bytes = vec![0; wanted.len()];
    timeout(DEADLINE, peer.read_exact(&mut bytes)).await.expect("bytes in time").expect("bytes");
    assert_eq!(String::from_utf8_lossy(&bytes), wanted);
}

/// The connection ends, by a reset or not, with nothing more to read.
async fn ends(peer: &mut TcpStream) {
    let mut rest = Vec::new();
    let read = timeout(DEADLINE, peer.read_to_end(&mut rest)).await.expect("an end in time");
    assert!(read.is_err() || rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
}

fn short() -> Duration {
    Duration::from_millis(50)
}

#[tokio::test]
async fn a_request_and_its_answer_take_one_connection() {
    let (mut a, mut b) = (tcp(Bounds::default()), tcp(Bounds::default()));
    a.send(Hop::new(Transport::Tcp, b.address), OPTIONS);
    let (from_a, text) = b.message().await;
    assert_eq!(text, OPTIONS);
    b.send(from_a, ANSWER);
    let (from_b, text) = a.message().await;
    assert_eq!((text.as_str(), from_b.address), (ANSWER, b.address));
    // The next one to the same address goes the same way; and so does what b sends to where a's came from.
    a.send(Hop::new(Transport::Tcp, b.address), OPTIONS);
    assert_eq!(b.message().await.0, from_a);
    b.send(Hop::new(Transport::Tcp, from_a.address), OPTIONS);
    assert_eq!(a.message().await.0, from_b);
    a.counted(|counters| &counters.opened, 1).await;
    b.counted(|counters| &counters.opened, 0).await;
}

/// A peer that asks something, leaves before it has the answer, and listens on.
async fn asks_and_leaves(side: &mut Side, listener: &tokio::net::TcpListener) -> Hop {
    let mut peer = side.connect().await;
    peer.write_all(OPTIONS.as_bytes()).await.unwrap();
    let (from, _) = side.message().await;
    // What is sent over a connection that ends fails or is lost; nothing is left of it once another has its place.
    peer.shutdown().await.unwrap();
    ends(&mut peer).await;
    side.takes_another(2).await;
    let answer = format!(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 192.0.2.1:{};branch=z9hG4bK1;received=127.0.0.1\r\n\
         f: <sip:a>;tag=1\r\nt: <sip:b>;tag=2\r\ni: 1\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n",
        listener.local_addr().unwrap().port()
    );
    side.send(from, &answer);
    from
}

#[tokio::test]
async fn an_answer_whose_connection_is_gone_goes_to_the_port_of_sent_by_at_a_trunk_only() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bounds = Bounds { per_source: 1, ..Bounds::default() };
    let mut side = tcp(bounds.clone());
    let from = asks_and_leaves(&mut side, &listener).await;
    side.failed(from).await;
    side.counted(|counters| &counters.opened, 0).await;
    let mut side = tcp(Bounds { trunks: vec!["127.0.0.1/32".parse().unwrap()], ..bounds });
    asks_and_leaves(&mut side, &listener).await;
    let mut peer = timeout(DEADLINE, listener.accept()).await.expect("a connection in time").unwrap().0;
    reads(&mut peer, "SIP/2.0 200 OK\r\n").await;
    side.counted(|counters| &counters.opened, 1).await;
}

#[tokio::test]
async fn messages_come_whole_however_they_are_cut_and_pings_are_answered() {
    let mut side = tcp(Bounds::default());
    let mut peer = side.connect().await;
    for byte in OPTIONS.bytes() {
        peer.write_all(&[byte]).await.unwrap();
    }
    peer.write_all(format!("{OPTIONS}\r\n\r\n{OPTIONS}").as_bytes()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(side.message().await.1, OPTIONS);
    }
    reads(&mut peer, "\r\n").await;
}

#[tokio::test]
async fn what_cannot_be_delivered_is_told_with_the_hop_it_was_given_for() {
    let bounds = Bounds { connect: short(), ..Bounds::default() };
    let mut side = tcp(bounds);
    // A port that was just free, an address that routers drop, TLS without a certificate.
    let closed = listen("127.0.0.1:0".parse().unwrap()).unwrap().local_addr().unwrap();
    let nowhere = "192.0.2.1:5060".parse().unwrap();
    for to in [
        Hop { connection: Some(Connection(999)), ..Hop::new(Transport::Tcp, closed) },
        Hop::new(Transport::Tcp, nowhere),
        Hop::new(Transport::Tls, closed),
    ] {
        side.send(to, OPTIONS);
        side.failed(to).await;
    }
    side.counted(|counters| &counters.failed_connects, 2).await;
}

#[tokio::test]
async fn one_source_has_a_share_of_the_connections_and_gets_it_back() {
    let side = tcp(Bounds { per_source: 2, ..Bounds::default() });
    let mut first = side.connect().await;
    let _second = side.connect().await;
    side.counted(|counters| &counters.accepted, 2).await;
    ends(&mut side.connect().await).await;
    side.counted(|counters| &counters.refused_per_source, 1).await;
    first.shutdown().await.unwrap();
    ends(&mut first).await;
    side.takes_another(3).await;
}

#[tokio::test]
async fn strangers_leave_half_of_the_connections_to_trunks() {
    let trunk = "127.0.0.2".parse().unwrap();
    let side = tcp(Bounds { accepted: 4, trunks: vec![IpNet::from(trunk)], ..Bounds::default() });
    let _strangers = (side.connect().await, side.connect().await);
    side.counted(|counters| &counters.accepted, 2).await;
    ends(&mut side.connect().await).await;
    side.counted(|counters| &counters.refused_strangers, 1).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(trunk, 0)).unwrap();
    let mut peer = socket.connect(side.address).await.unwrap();
    peer.write_all(b"\r\n\r\n").await.unwrap();
    reads(&mut peer, "\r\n").await;
}

#[tokio::test]
async fn a_peer_that_connects_and_says_nothing_is_let_go_of() {
    let side = tcp(Bounds { first: short(), ..Bounds::default() });
    let mut silent = side.connect().await;
    let mut pings = side.connect().await;
    pings.write_all(b"\r\n\r\n").await.unwrap();
    reads(&mut pings, "\r\n").await;
    ends(&mut silent).await;
    ends(&mut pings).await;
    side.counted(|counters| &counters.closed_idle, 2).await;
}

#[tokio::test]
async fn there_is_a_bound_for_all_connections_in_either_direction() {
    let mut side = tcp(Bounds { accepted: 1, opened: 1, ..Bounds::default() });
    let _taken = side.connect().await;
    side.counted(|counters| &counters.accepted, 1).await;
    ends(&mut side.connect().await).await;
    side.counted(|counters| &counters.refused_accepted, 1).await;
    let peers = [(); 2].map(|()| listen("127.0.0.1:0".parse().unwrap()).unwrap());
    let to = |index: usize| Hop::new(Transport::Tcp, peers[index].local_addr().unwrap());
    side.send(to(0), OPTIONS);
    side.send(to(1), OPTIONS);
    side.failed(to(1)).await;
    side.counted(|counters| &counters.refused_opened, 1).await;
    // And one for those to each address.
    let mut side = tcp(Bounds { per_source: 1, ..Bounds::default() });
    side.send(to(0), OPTIONS);
    side.send(to(1), OPTIONS);
    side.failed(to(1)).await;
    side.counted(|counters| &counters.refused_opened_per_source, 1).await;
    side.counted(|counters| &counters.opened, 1).await;
}

#[tokio::test]
async fn a_message_that_trickles_closes_and_so_does_silence() {
    let mut side = tcp(Bounds { message: short(), ..Bounds::default() });
    let mut slow = side.connect().await;
    // Whole messages in between gain no time for one that is not.
    slow.write_all(OPTIONS.as_bytes()).await.unwrap();
    side.message().await;
    slow.write_all(b"OPTIONS").await.unwrap();
    ends(&mut slow).await;
    side.counted(|counters| &counters.closed_slow, 1).await;

    let side = tcp(Bounds { idle: short(), ..Bounds::default() });
    ends(&mut side.connect().await).await;
    side.counted(|counters| &counters.closed_idle, 1).await;
}

#[tokio::test]
async fn lost_framing_gets_its_answer_and_then_the_end() {
    let mut side = tcp(Bounds::default());
    let mut peer = side.connect().await;
    let lost = "OPTIONS sip:a SIP/2.0\r\nl: x\r\n\r\n";
    peer.write_all(format!("{OPTIONS}{lost}{OPTIONS}").as_bytes()).await.unwrap();
    let (from, _) = side.message().await;
    assert_eq!(side.message().await.1, lost);
    // The answer to the message before does not cut off the refusal.
    side.send(from, ANSWER);
    reads(&mut peer, ANSWER).await;
    side.send(from, ANSWER);
    reads(&mut peer, ANSWER).await;
    ends(&mut peer).await;
    side.counted(|counters| &counters.closed_lost, 1).await;

    let mut side = tcp(Bounds { last_words: short(), ..Bounds::default() });
    let mut peer = side.connect().await;
    peer.write_all(lost.as_bytes()).await.unwrap();
    assert_eq!(side.message().await.1, lost);
    ends(&mut peer).await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_closed_and_its_messages_fail() {
    let mut side = tcp(Bounds { queue: 4, ..Bounds::default() });
    let mut peer = side.connect().await;
    peer.write_all(OPTIONS.as_bytes()).await.unwrap();
    let (from, _) = side.message().await;
    // Far more than the kernel buffers for a peer that does not read.
    let mut sent = 0;
    while side.streams.counters().closed_full.load(Relaxed) == 0 {
        assert!(sent < 1_000, "the queue has no bound");
        side.send(from, &"x".repeat(1 << 20));
        sent += 1;
        tokio::task::yield_now().await;
    }
    side.failed(from).await;
}

#[tokio::test]
async fn a_full_control_plane_holds_the_peer_back_and_loses_nothing() {
    let mut side = tcp(Bounds { events: 1, ..Bounds::default() });
    let peer = side.connect().await;
    let (_read, mut write) = peer.into_split();
    let writer = tokio::spawn(async move {
        for number in 0..20_000 {
            write.write_all(format!("OPTIONS sip:{number} SIP/2.0\r\nl: 0\r\n\r\n").as_bytes()).await.unwrap();
        }
        write
    });
    for number in 0..20_000 {
        assert_eq!(side.message().await.1, format!("OPTIONS sip:{number} SIP/2.0\r\nl: 0\r\n\r\n"));
    }
    drop(writer.await);
}

#[tokio::test]
async fn we_ping_where_we_connected_and_end_when_a_peer_stops_answering() {
    let ping = short()..short() + Duration::from_millis(1);
    let side = tcp(Bounds { ping, pong: Duration::from_millis(500), ..Bounds::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    side.send(Hop::new(Transport::Tcp, listener.local_addr().unwrap()), OPTIONS);
    let mut peer = listener.accept().await.unwrap().0;
    reads(&mut peer, OPTIONS).await;
    // One that never answered is pinged on and on; once it has answered, silence is an end.
    reads(&mut peer, "\r\n\r\n\r\n\r\n").await;
    peer.write_all(b"\r\n").await.unwrap();
    reads(&mut peer, "\r\n\r\n").await;
    ends(&mut peer).await;
    side.counted(|counters| &counters.closed_silent, 1).await;
}
