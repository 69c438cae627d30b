//! Against a DNS server of our own on 127.0.0.1.

use super::*;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, Record};
use std::str::FromStr;
use std::sync::Mutex;
use tokio::net::UdpSocket;

const DEADLINE: Duration = Duration::from_secs(10);
pub const A_EXAMPLE: &str = "a.example";
const UDP_TCP: [&str; 2] = ["udp:192.0.2.1:5060", "tcp:192.0.2.1:5060"];

#[derive(Clone, Copy)]
enum Mood {
    Well,
    Failing,
    Silent,
}

/// What the server says, and the questions it was asked.
struct World {
    mood: Mood,
    records: Vec<(&'static str, RData)>,
    asked: Vec<(String, RecordType)>,
}

struct Place {
    world: Arc<Mutex<World>>,
    resolver: Resolver,
    answers: mpsc::Receiver<Resolved>,
}

fn name(text: &str) -> Name {
    Name::from_str(text).unwrap()
}

fn a(address: &str) -> RData {
    RData::A(A(address.parse().unwrap()))
}

fn srv(priority: u16, port: u16, target: &str) -> RData {
    RData::SRV(SRV::new(priority, 1, port, name(target)))
}

fn naptr(order: u16, service: &str, replacement: &str) -> RData {
    let bytes = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
    RData::NAPTR(NAPTR::new(order, 1, bytes("s"), bytes(service), bytes(""), name(replacement)))
}

async fn place(records: Vec<(&'static str, RData)>) -> Place {
    place_within(DEADLINE, records).await
}

async fn place_within(limit: Duration, records: Vec<(&'static str, RData)>) -> Place {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = socket.local_addr().unwrap();
    let world = Arc::new(Mutex::new(World { mood: Mood::Well, records, asked: Vec::new() }));
    tokio::spawn(serve(socket, world.clone()));
    let locals = Locals::new(UDP_TCP.iter().map(|hop| hop.parse().unwrap()));
    let (resolver, answers) = Resolver::start_within(limit, &[server], locals, 7).unwrap();
    Place { world, resolver, answers }
}

/// Asks nobody who answers.
pub fn searcher() -> Searcher {
    let resolver = resolver(&["127.0.0.1:1".parse().unwrap()]).unwrap();
    let locals = Arc::new(Locals::new(UDP_TCP.iter().map(|hop| hop.parse().unwrap())));
    Searcher { resolver, locals, limit: DEADLINE, random: Random::from_seed(7) }
}

async fn serve(socket: UdpSocket, world: Arc<Mutex<World>>) {
    let mut bytes = [0; 4_096];
    while let Ok((length, peer)) = socket.recv_from(&mut bytes).await {
        let answer = world.lock().unwrap().answer(&Message::from_vec(&bytes[..length]).unwrap());
        if let Some(answer) = answer {
            socket.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
        }
    }
}

impl World {
    fn answer(&mut self, asked: &Message) -> Option<Message> {
        let query = asked.queries[0].clone();
        let (wanted, kind) = (query.name().to_string().to_ascii_lowercase(), query.query_type());
        self.asked.push((wanted.clone(), kind));
        let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
        answer.add_query(query.clone());
        match self.mood {
            Mood::Silent => return None,
            Mood::Failing => answer.metadata.response_code = ResponseCode::ServFail,
            Mood::Well => {
                let named: Vec<&RData> =
                    self.records.iter().filter(|(name, _)| *name == wanted).map(|(_, data)| data).collect();
                if named.is_empty() {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                }
                for data in named.into_iter().filter(|data| data.record_type() == kind) {
                    // For no time: what is asked twice comes to us twice.
                    answer.add_answer(Record::from_rdata(query.name().clone(), 0, data.clone()));
                }
            }
        }
        Some(answer)
    }
}

impl Place {
    async fn hops(&mut self, id: u32, host: &str, port: Option<u16>, transport: Option<Transport>) -> Vec<String> {
        let query = Query { host: host.to_owned(), port, transport, secure: false };
        assert!(self.resolver.resolve(Asker::Call(id, 0), query));
        let resolved = timeout(DEADLINE, self.answers.recv()).await.expect("an answer in time").expect("it lives");
        assert_eq!((resolved.asker, resolved.host.as_str()), (Asker::Call(id, 0), host));
        resolved.hops.iter().map(Hop::to_string).collect()
    }

    fn mood(&self, mood: Mood) {
        self.world.lock().unwrap().mood = mood;
    }

    fn asked(&self) -> Vec<(String, RecordType)> {
        std::mem::take(&mut self.world.lock().unwrap().asked)
    }

    fn counted(&self) -> (u64, u64) {
        let counters = self.resolver.counters();
        (counters.failed.load(Relaxed), counters.stale.load(Relaxed))
    }
}

#[tokio::test]
async fn pointers_lead_to_services_and_these_to_addresses() {
    let records = vec![
        ("a.example.", naptr(20, "SIP+D2U", "_sip._udp.a.example.")),
        ("a.example.", naptr(10, "SIP+D2T", "_sip._tcp.b.example.")),
        ("a.example.", naptr(5, "SIPS+D2T", "_sips._tcp.a.example.")),
        ("_sip._tcp.b.example.", srv(20, 5072, "two.b.example.")),
        ("_sip._tcp.b.example.", srv(10, 5071, "one.b.example.")),
        ("_sip._udp.a.example.", srv(1, 5073, "one.b.example.")),
        ("one.b.example.", a("198.51.100.1")),
        ("one.b.example.", RData::AAAA(AAAA("2001:db8::1".parse().unwrap()))),
        ("two.b.example.", a("198.51.100.2")),
        ("two.b.example.", a("198.51.100.3")),
    ];
    let mut place = place(records).await;
    let hops = place.hops(1, "a.example", None, None).await;
    assert_eq!(hops[0], "tcp:198.51.100.1:5071");
    let mut equal = hops[1..3].to_vec();
    equal.sort();
    assert_eq!(equal, ["tcp:198.51.100.2:5072", "tcp:198.51.100.3:5072"]);
    assert_eq!(hops[3..], ["udp:198.51.100.1:5073"]);
    // IPv6 is not listened on, nor TLS: nobody is asked for it.
    let asked = place.asked();
    assert!(asked.iter().all(|(name, kind)| *kind != RecordType::AAAA && !name.starts_with("_sips")), "{asked:?}");
}

#[tokio::test]
async fn without_pointers_services_are_asked_and_without_these_addresses() {
    let records = vec![
        ("_sip._tcp.a.example.", srv(1, 5071, "one.a.example.")),
        ("one.a.example.", a("198.51.100.1")),
        ("b.example.", a("198.51.100.2")),
        ("_sip._udp.c.example.", srv(1, 0, ".")),
        ("c.example.", a("198.51.100.3")),
    ];
    let mut place = place(records).await;
    assert_eq!(place.hops(1, "a.example", None, None).await, ["tcp:198.51.100.1:5071"]);
    assert_eq!(place.hops(2, "b.example", None, None).await, ["udp:198.51.100.2:5060"]);
    assert_eq!(place.hops(3, "b.example", None, Some(Transport::Tcp)).await, ["tcp:198.51.100.2:5060"]);
    place.asked();
    assert_eq!(place.hops(4, "b.example", Some(5080), None).await, ["udp:198.51.100.2:5080"]);
    assert_eq!(place.asked(), [("b.example.".to_owned(), RecordType::A)]);
    // Its domain says that there is no such service.
    assert_eq!(place.hops(5, "c.example", None, Some(Transport::Udp)).await, [""; 0]);
    assert_eq!(place.hops(6, "198.51.100.9", None, None).await, ["udp:198.51.100.9:5060"]);
    assert_eq!(place.counted(), (0, 0));
}

#[tokio::test]
async fn while_dns_fails_its_last_good_answer_is_given() {
    let mut place = place(vec![("a.example.", a("198.51.100.1"))]).await;
    let good = ["udp:198.51.100.1:5060"];
    assert_eq!(place.hops(1, "a.example", None, None).await, good);
    place.mood(Mood::Failing);
    assert_eq!(place.hops(2, "a.example", None, None).await, good);
    assert_eq!(place.counted(), (1, 1));
    assert_eq!(place.hops(3, "b.example", None, None).await, [""; 0]);
    assert_eq!(place.counted(), (2, 1));
    // That there is no such name is an answer, and the old one is no longer good.
    place.mood(Mood::Well);
    place.world.lock().unwrap().records.clear();
    let searched = async {
        // Until the search behind the last good answer has ended.
        while !place.hops(4, "a.example", None, None).await.is_empty() {}
    };
    timeout(DEADLINE, searched).await.expect("the old answer goes in time");
    place.mood(Mood::Failing);
    assert_eq!(place.hops(5, "a.example", None, None).await, [""; 0]);
    assert_eq!(place.counted().0, 3);
}

#[tokio::test]
async fn equal_queries_are_one_search() {
    let mut place = place_within(Duration::from_secs(1), Vec::new()).await;
    place.mood(Mood::Silent);
    for id in 0..200 {
        let query = Query { host: A_EXAMPLE.to_owned(), port: Some(5060), transport: None, secure: false };
        assert!(place.resolver.resolve(Asker::Call(id, 0), query));
    }
    for id in 0..200 {
        let resolved = timeout(DEADLINE, place.answers.recv()).await.expect("an answer in time").expect("it lives");
        assert_eq!((resolved.asker, resolved.hops.len()), (Asker::Call(id, 0), 0));
    }
    assert_eq!(place.counted(), (1, 0));
}

#[tokio::test]
async fn silent_dns_is_waited_for_no_longer_than_the_limit() {
    let mut place = place_within(Duration::from_secs(1), vec![("a.example.", a("198.51.100.1"))]).await;
    let good = ["udp:198.51.100.1:5060"];
    assert_eq!(place.hops(1, "a.example", None, None).await, good);
    place.mood(Mood::Silent);
    let asked = tokio::time::Instant::now();
    assert_eq!(place.hops(2, "a.example", None, None).await, good);
    // What one server gets for the first of the questions would be twice as long.
    assert!(asked.elapsed() < SERVER * ATTEMPTS as u32);
    assert_eq!(place.counted(), (1, 1));
    // A failure that is known is waited for no more: a hundred searches would take a hundred seconds.
    let asked = tokio::time::Instant::now();
    for id in 0..100 {
        assert_eq!(place.hops(id, "a.example", None, None).await, good);
    }
    assert!(asked.elapsed() < DEADLINE);
    assert_eq!(place.counted().1, 101);
}

#[tokio::test]
async fn an_answer_has_at_most_sixteen_hops() {
    let record = |number| ("a.example.", RData::A(A::new(198, 51, 100, number)));
    let mut place = place((1..40).map(record).collect()).await;
    assert_eq!(place.hops(1, "a.example", Some(5060), None).await.len(), HOPS);
}
