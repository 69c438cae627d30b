//! IPv6, alone and beside IPv4.

use crate::line::offer;
use crate::server::{Server, tcp_line};
use crate::{ACCOUNT, answers, call, script, set_at, talk};
use askonce::os::clock::Clock;
use askonce::peer::net::Net;
use askonce::peer::{Answering, Phones};
use askonce::sip::Transport;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

const V4: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const V6: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 0);

fn pair(at: SocketAddr, clock: Clock) -> [(Net, Phones); 2] {
    [set_at(at, 0x31, Answering::Refuse(486), clock), set_at(at, 0x42, answers(), clock)]
}

#[test]
fn a_call_over_ipv6_from_end_to_end() {
    let clock = Clock::start();
    let [mut caller, mut agent] = pair(V6, clock);
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::configured(folder, "\"udp:[::1]:0\", \"tcp:[::1]:0\"", agent.0.contact(), "");
    call(&mut caller, server.at(Transport::Udp), Vec::new(), script());
    let (invites, status) = talk(clock, [&mut caller, &mut agent], &mut |_| {});
    assert_eq!((invites.len(), status), (1, 0));
    assert_eq!(invites[0].headers.get("X-Member"), Some(ACCOUNT));
    let sdp = String::from_utf8_lossy(&invites[0].body);
    assert!(sdp.contains("c=IN IP6 ::1\r\n"), "{sdp}");
    server.terminate();
}

#[test]
fn calls_over_ipv4_and_over_ipv6_to_one_server() {
    let clock = Clock::start();
    let [mut caller, mut agent] = pair(V4, clock);
    let folder = tempfile::tempdir().expect("a folder");
    let listen = "udp:127.0.0.1:0, \"udp:[::1]:0\", tcp:127.0.0.1:0, \"tcp:[::1]:0\"";
    let mut server = Server::configured(folder, listen, agent.0.contact(), "");
    assert_eq!(server.hops.len(), 4);
    call(&mut caller, server.sip, Vec::new(), script());
    let (invites, status) = talk(clock, [&mut caller, &mut agent], &mut |_| {});
    assert_eq!((invites.len(), status), (1, 0));
    // Media has one address, of IPv4 here: who offers IPv6 alone hears so, and not silence.
    let ipv6 = server.hops[1].address;
    let mut other = set_at(V6, 0x32, Answering::Refuse(486), clock);
    call(&mut other, ipv6, Vec::new(), script());
    assert_eq!(talk(clock, [&mut other, &mut agent], &mut |_| {}).1, 488);
    // SIP over IPv6 and media over IPv4 go together.
    let mut line = tcp_line(server.hops[3].address);
    let invite = line.request(1, "INVITE", "Content-Type: application/sdp\r\n", &offer(V4));
    line.write(invite.as_bytes());
    line.accepted("1 INVITE");
    line.write(line.request(1, "ACK", "", "").as_bytes());
    line.write(line.request(2, "BYE", "", "").as_bytes());
    line.accepted("2 BYE");
    server.terminate();
}
