//! Captures made by hand: a call packet by packet, and the frames and files that packets lie in.

use crate::audio::codec::Law;
use crate::audio::dtmf::Tone;
use crate::codec::Codec;
use crate::key::Key;
use crate::rtp::Header;
use crate::rtp::packet::HEADER;
use etherparse::PacketBuilder;
use std::net::{IpAddr, SocketAddr};

pub const ACCOUNT: &str = "79927398713";
/// 2026-12-01T10:15:00Z.
pub const BEGUN: u64 = 1_796_120_100_000_000;

pub const CALLER: &str = "192.0.2.9:5062";
pub const SERVICE: &str = "192.0.2.1:5060";
pub const AGENT: &str = "192.0.2.20:5060";

/// IP packets with their times since `BEGUN`.
#[derive(Clone, Default)]
pub struct Film {
    pub packets: Vec<(u64, Vec<u8>)>,
}

/// A side of a dialog: where it is, and how it is called in it.
#[derive(Clone, Copy)]
pub struct End {
    pub at: &'static str,
    pub named: &'static str,
}

pub struct Talk {
    pub id: &'static str,
    pub calling: End,
    pub called: End,
}

pub const FROM: End = End { at: CALLER, named: "<sip:+15551230001@192.0.2.9>;tag=caller" };
pub const LEG: Talk =
    Talk { id: "one", calling: FROM, called: End { at: SERVICE, named: "<sip:18005550100@192.0.2.1>;tag=service" } };
pub const AWAY: Talk = Talk {
    id: "two",
    calling: End { at: SERVICE, named: "<sip:+15551230001@192.0.2.1>;tag=ours" },
    called: End { at: AGENT, named: "<sip:agent@192.0.2.20>;tag=agent" },
};

impl Talk {
    /// A request of one side; an INVITE of `cseq` 1 has no tag of the other yet.
    pub fn request(&self, from: End, method: &str, cseq: u32, more: &str, body: &str) -> Vec<u8> {
        let to = if from.named == self.calling.named { self.called } else { self.calling };
        let untagged = to.named.split(";tag").next().expect("a name");
        let named = if (method, cseq) == ("INVITE", 1) { untagged } else { to.named };
        let user = untagged.trim_start_matches('<').trim_end_matches('>');
        format!(
            "{method} {user} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{}{method}{cseq}\r\nFrom: {}\r\nTo: {named}\r\n\
             Call-ID: {}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{}>\r\nMax-Forwards: 70\r\n{more}Content-Length: {}\r\n\r\n{body}",
            from.at, self.id, from.named, self.id, from.at, body.len()
        )
        .into_bytes()
    }

    /// The answer to a request of `from`'s.
    pub fn response(&self, from: End, status: &str, method: &str, cseq: u32, body: &str) -> Vec<u8> {
        let to = if from.named == self.calling.named { self.called } else { self.calling };
        format!(
            "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{}{method}{cseq}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:{}>\r\nContent-Length: {}\r\n\r\n{body}",
            from.at, self.id, from.named, to.named, self.id, to.at, body.len()
        )
        .into_bytes()
    }
}

pub fn sdp(at: &str) -> String {
    let at: SocketAddr = at.parse().expect("an address");
    let family = if at.is_ipv4() { "IP4" } else { "IP6" };
    format!(
        "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP 0 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n",
        at.port(),
        ip = at.ip()
    )
}

impl Film {
    pub fn udp(&mut self, at: u64, from: &str, to: &str, payload: &[u8]) {
        self.packets.push((at, datagram(from, to, payload)));
    }

    pub fn tcp(&mut self, at: u64, (from, to): (&str, &str), sequence: u32, flags: &str, payload: &[u8]) {
        let (from, to) = (address(from), address(to));
        let (IpAddr::V4(source), IpAddr::V4(target)) = (from.ip(), to.ip()) else { panic!("IPv4 only") };
        let mut builder =
            PacketBuilder::ipv4(source.octets(), target.octets(), 64).tcp(from.port(), to.port(), sequence, 512);
        if flags.contains('S') {
            builder = builder.syn();
        }
        if flags.contains('F') {
            builder = builder.fin();
        }
        let mut packet = Vec::new();
        builder.write(&mut packet, payload).expect("a packet");
        self.packets.push((at, packet));
    }

    /// A key by RFC 4733: three packets of its press, three of its end.
    pub fn key(&mut self, at: u64, (from, to): (&str, &str), key: char, number: u16) {
        let code = Key::from_char(key).expect("a key").code();
        let timestamp = u32::from(number) * 8_000;
        for step in 0..6u16 {
            let header =
                Header { marker: step == 0, payload_type: 101, sequence: number * 6 + step, timestamp, ssrc: 0x1234 };
            let mut packet = vec![0; HEADER];
            header.write(packet.first_chunk_mut().expect("room"));
            let duration = (160 * (step.min(3) + 1)).to_be_bytes();
            packet.extend([code, if step >= 3 { 0x8a } else { 0x0a }, duration[0], duration[1]]);
            self.udp(at + u64::from(step) * 20_000, from, to, &packet);
        }
    }

    /// A key as a tone of 80 ms in the audio, and as much silence behind it; `number` counts such packets.
    pub fn tone(&mut self, at: u64, (from, to): (&str, &str), key: char, number: u16) {
        let law = Law::of(Codec::Pcmu).expect("a law");
        let tone = Tone::new(Key::from_char(key).expect("a key"), 640).chain(std::iter::repeat(0));
        let samples: Vec<u8> = tone.take(1_280).map(|sample| (law.encode)(sample)).collect();
        for (step, frame) in samples.chunks(160).enumerate() {
            let sequence = number * 8 + step as u16;
            // Between two keys the caller's telephone sends nothing.
            let timestamp = u32::from(number) * 8_000 + step as u32 * 160;
            let header = Header { marker: step == 0, payload_type: 0, sequence, timestamp, ssrc: 0x1234 };
            let mut packet = vec![0; HEADER];
            header.write(packet.first_chunk_mut().expect("room"));
            packet.extend_from_slice(frame);
            self.udp(at + step as u64 * 20_000, from, to, &packet);
        }
    }

    pub fn sort(mut self) -> Film {
        self.packets.sort_by_key(|(at, _)| *at);
        self
    }
}

/// What the caller says and what is said to it by SIP, up to the ACK.
pub fn opening(film: &mut Film) {
    film.udp(
        0,
        CALLER,
        SERVICE,
        &LEG.request(FROM, "INVITE", 1, "Content-Type: application/sdp\r\n", &sdp("192.0.2.9:4000")),
    );
    film.udp(20_000, SERVICE, CALLER, &LEG.response(FROM, "200 OK", "INVITE", 1, &sdp("192.0.2.1:20000")));
    film.udp(40_000, CALLER, SERVICE, &LEG.request(FROM, "ACK", 1, "", ""));
}

pub const MEDIA: (&str, &str) = ("192.0.2.9:4000", "192.0.2.1:20000");

/// The account, and a yes to what was read back.
pub fn keys(film: &mut Film) {
    let pressed = ACCOUNT.chars().chain(['#']).enumerate();
    for (number, key) in pressed {
        film.key(1_000_000 + number as u64 * 300_000, MEDIA, key, number as u16);
    }
    film.key(12_000_000, MEDIA, '1', 12);
}

/// A call that keys its account and is put through to an agent, who hangs up.
pub fn call() -> Film {
    let mut film = Film::default();
    opening(&mut film);
    keys(&mut film);
    let us = AWAY.calling;
    film.udp(
        16_000_000,
        SERVICE,
        AGENT,
        &AWAY.request(us, "INVITE", 1, "X-Askonce-Context: aa\r\n", &sdp("192.0.2.1:20002")),
    );
    film.udp(16_200_000, AGENT, SERVICE, &AWAY.response(us, "180 Ringing", "INVITE", 1, ""));
    film.udp(18_000_000, AGENT, SERVICE, &AWAY.response(us, "200 OK", "INVITE", 1, &sdp("192.0.2.20:6000")));
    film.udp(18_010_000, SERVICE, AGENT, &AWAY.request(us, "ACK", 1, "", ""));
    film.udp(26_000_000, AGENT, SERVICE, &AWAY.request(AWAY.called, "BYE", 1, "", ""));
    film.udp(26_010_000, SERVICE, AGENT, &AWAY.response(AWAY.called, "200 OK", "BYE", 1, ""));
    film.udp(26_020_000, SERVICE, CALLER, &LEG.request(LEG.called, "BYE", 1, "", ""));
    film.udp(26_030_000, CALLER, SERVICE, &LEG.response(LEG.called, "200 OK", "BYE", 1, ""));
    film.sort()
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub fn datagram(from: &str, to: &str, payload: &[u8]) -> Vec<u8> {
    let (from, to) = (address(from), address(to));
    let mut packet = Vec::new();
    match (from.ip(), to.ip()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let builder = PacketBuilder::ipv4(a.octets(), b.octets(), 64).udp(from.port(), to.port());
            builder.write(&mut packet, payload).expect("a packet");
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let builder = PacketBuilder::ipv6(a.octets(), b.octets(), 64).udp(from.port(), to.port());
            builder.write(&mut packet, payload).expect("a packet");
        }
        _ => panic!("one version"),
    }
    packet
}

/// An IP packet as fragments, each of so many bytes of what it carries.
pub fn fragments(packet: &[u8], size: usize) -> Vec<Vec<u8>> {
    let four = packet[0] >> 4 == 4;
    let (head, payload) = packet.split_at(if four { 20 } else { 40 });
    let parts: Vec<&[u8]> = payload.chunks(size).collect();
    let cut = |(number, part): (usize, &&[u8])| {
        let (offset, more) = (number * size / 8, number + 1 < parts.len());
        let mut fragment = head.to_vec();
        if four {
            fragment[2..4].copy_from_slice(&(20 + part.len() as u16).to_be_bytes());
            fragment[6..8].copy_from_slice(&(u16::from(more) << 13 | offset as u16).to_be_bytes());
        } else {
            fragment[4..6].copy_from_slice(&(8 + part.len() as u16).to_be_bytes());
            let carries = std::mem::replace(&mut fragment[6], 44);
            let place = ((offset as u16) << 3 | u16::from(more)).to_be_bytes();
            fragment.extend([carries, 0, place[0], place[1], 0, 0, 0, 77]);
        }
        fragment.extend_from_slice(part);
        fragment
    };
    parts.iter().enumerate().map(cut).collect()
}

/// What a link puts before an IP packet. By its number, and for Ethernet how many tags of VLANs.
pub fn framed(link: u32, tags: usize, packet: &[u8]) -> Vec<u8> {
    let kind: [u8; 2] = if packet[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
    let mut frame = match link {
        0 => vec![2, 0, 0, 0],
        108 => vec![0, 0, 0, 2],
        1 => {
            let mut frame = vec![0; 12];
            for tag in 0..tags {
                frame.extend([if tag + 1 < tags { [0x88, 0xa8] } else { [0x81, 0] }, [0, 42]].concat());
            }
            [frame, kind.to_vec()].concat()
        }
        113 => [vec![0; 14], kind.to_vec()].concat(),
        276 => [kind.to_vec(), vec![0; 18]].concat(),
        _ => Vec::new(),
    };
    frame.extend_from_slice(packet);
    frame
}

/// A file of libpcap's format.
pub fn pcap(film: &Film, (link, tags): (u32, usize), little: bool, nanos: bool) -> Vec<u8> {
    let long = |n: u32| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let magic = if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    let version = if little { [2, 0, 4, 0] } else { [0, 2, 0, 4] };
    let mut file = [long(magic), version, [0; 4], [0; 4], long(65_535), long(link)].concat();
    for (at, packet) in &film.packets {
        let (at, frame) = (BEGUN + at, framed(link, tags, packet));
        let part = (at % 1_000_000) as u32 * if nanos { 1_000 } else { 1 };
        let length = frame.len() as u32;
        file.extend([long((at / 1_000_000) as u32), long(part), long(length), long(length)].concat());
        file.extend(frame);
    }
    file
}

/// A file of pcapng, its times in units of 10 to the minus `digits` seconds.
pub fn pcapng(film: &Film, link: u32, little: bool, digits: u8) -> Vec<u8> {
    let long = |n: u32| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let short = |n: u16| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let block = |kind: u32, body: Vec<u8>| {
        let padded = body.len().next_multiple_of(4);
        let length = long(12 + padded as u32);
        [&long(kind)[..], &length, &body, &vec![0; padded - body.len()], &length].concat()
    };
    let section = [&long(0x1a2b_3c4d)[..], &short(1), &short(0), &[0xff; 8]].concat();
    let resolution = [&short(9)[..], &short(1), &[digits, 0, 0, 0], &[0; 4]].concat();
    let interface = [&short(link as u16)[..], &short(0), &long(0), &resolution].concat();
    let mut file = [block(0x0a0d_0d0a, section), block(1, interface)].concat();
    for (at, packet) in &film.packets {
        let frame = framed(link, 0, packet);
        let ticks = u128::from(BEGUN + at) * 10u128.pow(digits.into()) / 1_000_000;
        let length = long(frame.len() as u32);
        let head = [long(0), long((ticks >> 32) as u32), long(ticks as u32), length, length].concat();
        file.extend(block(6, [head, frame].concat()));
    }
    file
}
