//! SIP over TCP and TLS: calls over one connection, and what the agent's side is called over.

use crate::line::{Line, offer};
use crate::server::{Server, connect, tcp_line};
use crate::{ACCOUNT, PATIENCE, answers, call, set, set_at, talk};
use askonce::os::clock::Clock;
use askonce::peer::net::Net;
use askonce::peer::{Act, Answering, Happened, Phones};
use askonce::random::Random;
use askonce::sip::invite::MAX_DATAGRAM;
use askonce::sip::{Request, Transport};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Arc;

/// Runs a set of phones until one of its calls has come to what is awaited; gives the INVITEs by then.
fn until((net, phones): &mut (Net, Phones), awaited: impl Fn(&Happened) -> bool) -> Vec<Request> {
    let clock = Clock::start();
    let (mut done, mut invites) = (false, Vec::new());
    while !done {
        assert!(clock.now().as_micros() < PATIENCE.as_micros() as u64, "it did not happen");
        net.turn(phones, &mut |_, _, happened| {
            done |= awaited(&happened);
            if let Happened::Invited(request) = happened {
                invites.push(*request);
            }
        });
        net.wait(phones);
    }
    invites
}

fn answered(happened: &Happened) -> bool {
    matches!(happened, Happened::Answered { .. })
}

fn ended(happened: &Happened) -> bool {
    matches!(happened, Happened::Ended { .. })
}

/// A caller keys the account, confirms it, reaches a person and hangs up, all over one connection.
fn whole_call(mut line: Line, agent: &mut (Net, Phones)) {
    // Keep-alives before there is a call, one in two halves (RFC 5626 section 3.5.1).
    for halves in [["\r\n\r\n", ""], ["\r\n", "\r\n"]] {
        halves.iter().for_each(|half| line.write(half.as_bytes()));
        let mut pong = [0; 3];
        assert_eq!((line.read(&mut pong), &pong), (2, b"\r\n\0"));
    }
    let invite = line.invite();
    invite.as_bytes().chunks(7).for_each(|chunk| line.write(chunk));
    line.accepted("1 INVITE");
    // All in one write: datagrams would have changed places now and then, a stream must keep its order.
    let mut glued = line.request(1, "ACK", "", "");
    for (number, key) in (2..).zip(ACCOUNT.chars().chain(['#'])) {
        glued += &info(&line, number, key);
    }
    line.write(glued.as_bytes());
    for number in 2..14 {
        line.accepted(&format!("{number} INFO"));
    }
    // Over the read-back.
    line.write(info(&line, 14, '1').as_bytes());
    line.accepted("14 INFO");
    let invites = until(agent, answered);
    assert_eq!(invites[0].headers.get("X-Member"), Some(ACCOUNT));
    let bye = line.request(15, "BYE", "", "");
    let (begin, end) = bye.split_at(bye.len() / 2);
    line.write(begin.as_bytes());
    line.write(end.as_bytes());
    line.accepted("15 BYE");
    until(agent, ended);
}

fn info(line: &Line, number: u32, key: char) -> String {
    let body = format!("Signal={key}\r\nDuration=100\r\n");
    line.request(number, "INFO", "Content-Type: application/dtmf-relay\r\n", &body)
}

/// An address at which neither UDP nor TCP has its port taken: nobody else uses that of 127.0.0.77.
fn unused() -> SocketAddr {
    UdpSocket::bind("127.0.0.77:0").and_then(|socket| socket.local_addr()).expect("a port")
}

#[test]
fn a_call_goes_over_one_tcp_connection_on_the_port_that_udp_has_as_well() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let at = unused();
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::configured(folder, &format!("udp:{at}, tcp:{at}"), agent.0.contact(), "");
    assert_eq!((server.at(Transport::Udp), server.at(Transport::Tcp)), (at, at));
    whole_call(tcp_line(at), &mut agent);
    // By UDP on the same port.
    let mut caller = known(at, clock);
    assert_eq!(talk(clock, [&mut caller, &mut agent], &mut |_| {}).1, 0);
    server.terminate();
}

/// Makes an authority and a certificate for 127.0.0.1; gives the authority.
fn certificates(folder: &Path) -> CertificateDer<'static> {
    let mut params = CertificateParams::new([]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    for (name, text) in [("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem()), ("ca.pem", authority.pem())]
    {
        std::fs::write(folder.join(name), text).expect("a file");
    }
    authority.der().clone()
}

const TLS: &str = "tls: { cert: cert.pem, key: key.pem, ca: ca.pem }\n";

fn client(authority: CertificateDer<'static>) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(authority).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1").expect("a name")).expect("a client")
}

fn over_tls(server: SocketAddr, authority: CertificateDer<'static>) -> Line {
    let (stream, local) = connect(server);
    Line::over(Box::new(StreamOwned::new(client(authority), stream)), "TLS", server, local)
}

#[test]
fn a_call_goes_over_one_tls_connection() {
    let mut agent = set(0x42, answers(), Clock::start());
    let folder = tempfile::tempdir().expect("a folder");
    let authority = certificates(folder.path());
    let mut server = Server::configured(folder, "udp:127.0.0.1:0, tls:127.0.0.1:0", agent.0.contact(), TLS);
    whole_call(over_tls(server.at(Transport::Tls), authority), &mut agent);
    server.terminate();
}

/// Rubbish, hellos cut off, hellos with octets that are not as they were: each costs its connection and no more.
#[test]
fn rubbish_instead_of_a_handshake_ends_its_own_connection_only() {
    const EACH: u32 = 40;
    let mut agent = set(0x42, answers(), Clock::start());
    let folder = tempfile::tempdir().expect("a folder");
    let authority = certificates(folder.path());
    let listen = "udp:127.0.0.1:0, tls:127.0.0.1:0, tcp:127.0.0.1:0";
    let mut server = Server::configured(folder, listen, agent.0.contact(), TLS);
    let at = server.at(Transport::Tls);
    let mut hello = Vec::new();
    client(authority.clone()).write_tls(&mut hello).expect("a hello");
    let mut random = Random::from_seed(44);
    for _ in 0..EACH {
        let rubbish: Vec<u8> = (0..random.below(4_000)).map(|_| random.below(256) as u8).collect();
        let mut flipped = hello.clone();
        flipped[random.below(hello.len() as u32) as usize] ^= 1 << random.below(8);
        let cut = &hello[..random.below(hello.len() as u32) as usize];
        for bytes in [&rubbish, cut, &flipped] {
            ends(at, bytes);
        }
        // Nor does it hurt where no handshake comes first.
        ends(server.at(Transport::Tcp), &rubbish);
    }
    whole_call(over_tls(at, authority), &mut agent);
    server.terminate();
    let counted = format!("failed_handshakes: {}", 3 * EACH);
    assert!(server.log().contains(&counted), "no {counted} in\n{}", server.log());
}

/// Writes these bytes and no more, and waits until the server has closed the connection.
fn ends(server: SocketAddr, bytes: &[u8]) {
    let (mut stream, _) = connect(server);
    // It may be closed, or reset, before all is written.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
}

/// A caller over UDP whose account is known.
fn known(server: SocketAddr, clock: Clock) -> (Net, Phones) {
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let account = vec![("X-Account-Number".to_owned(), ACCOUNT.to_owned())];
    call(&mut caller, server, account, vec![Act::Stay]);
    caller
}

/// An agent's side over TCP: takes a call and hangs up. Gives the INVITE.
fn answer_and_leave(listener: &TcpListener) -> String {
    let at = listener.local_addr().expect("its address");
    let (stream, server) = listener.accept().expect("a call");
    stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    let mut line = Line::over(Box::new(stream), "TCP", server, at);
    let invite = line.message();
    line.write(ok(&invite, ";tag=agent", at, &offer(at)).as_bytes());
    let ack = line.message();
    assert!(ack.starts_with("ACK "), "{ack}");
    let header = |name: &str| invite.lines().find_map(|line| line.strip_prefix(name)).expect(name).to_owned();
    let bye = format!(
        "BYE {} SIP/2.0\r\nVia: SIP/2.0/TCP {at};branch=z9hG4bKbye\r\nMax-Forwards: 70\r\nFrom: {};tag=agent\r\n\
         To: {}\r\nCall-ID: {}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
        header("Contact: ").trim_matches(['<', '>']),
        header("To: "),
        header("From: "),
        header("Call-ID: "),
    );
    line.write(bye.as_bytes());
    let answer = line.answer("1 BYE");
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    invite
}

#[test]
fn an_invite_too_large_for_a_datagram_goes_by_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let at = listener.local_addr().expect("its address");
    let mut server = two_transports(at);
    let mut caller = known(server.at(Transport::Udp), Clock::start());
    let agent = std::thread::spawn(move || answer_and_leave(&listener));
    until(&mut caller, ended);
    let invite = agent.join().expect("the agent's side");
    assert!(invite.len() > MAX_DATAGRAM, "{invite}");
    assert!(invite.contains(&format!("\r\nVia: SIP/2.0/TCP {};", server.at(Transport::Tcp))), "{invite}");
    server.terminate();
}

/// RFC 3261 section 18.1.1.
#[test]
fn and_by_udp_all_the_same_where_nobody_takes_tcp() {
    let clock = Clock::start();
    // No other test has an address there, by TCP least of all.
    let mut agent = set_at("127.0.0.78:0".parse().expect("an address"), 0x42, answers(), clock);
    let mut server = two_transports(agent.0.contact());
    let mut caller = known(server.at(Transport::Udp), clock);
    let (invites, status) = talk(clock, [&mut caller, &mut agent], &mut |_| {});
    assert_eq!((invites.len(), status), (1, 0));
    let via = invites[0].headers.get("Via").expect("a Via");
    assert!(invites[0].to_bytes().len() > MAX_DATAGRAM && via.starts_with("SIP/2.0/UDP "), "{via}");
    server.terminate();
}

fn two_transports(agent: SocketAddr) -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    Server::configured(folder, "udp:127.0.0.1:0, tcp:127.0.0.1:0", agent, "")
}

/// What a request is answered with: its own Vias, From, To, Call-ID and CSeq.
fn ok(request: &str, tag: &str, contact: SocketAddr, body: &str) -> String {
    let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
    for line in request.split("\r\n").take_while(|line| !line.is_empty()) {
        if ["Via: ", "From: ", "Call-ID: ", "CSeq: ", "To: "].iter().any(|name| line.starts_with(name)) {
            let tag = if line.starts_with("To: ") && !line.contains(";tag=") { tag } else { "" };
            answer += &format!("{line}{tag}\r\n");
        }
    }
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let contact = format!("Contact: <sip:{contact};transport=tcp>\r\n");
    format!("{answer}{contact}{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}
