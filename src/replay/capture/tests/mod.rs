mod wire;

use super::dialogs::What;
use super::*;
use crate::engine;
use crate::random::Random;
use crate::record::Leg;
use crate::record::fixture::Step;
use crate::record::seam::{Disposition, EndedBy, In, Out};
use crate::rerun;
use crate::server::files::{self, Disk, Embedded};
use std::path::Path;
use wire::{ACCOUNT, BEGUN, CALLER, FROM, Film, LEG, MEDIA, SERVICE, call, fragments, opening, pcap, pcapng, sdp};

const ETHERNET: (u32, usize) = (1, 0);

fn read(file: &[u8]) -> Capture {
    Capture::read(file).expect("a capture")
}

fn film(film: &Film) -> Capture {
    read(&pcap(film, ETHERNET, true, false))
}

fn unread(capture: &Capture) -> Vec<String> {
    capture.unread.ranges().iter().map(Range::to_string).collect()
}

/// The keys of the only call's caller, with their times since the capture began.
fn keys(capture: &Capture) -> Vec<(u64, char)> {
    let (calls, _) = capture.calls(None);
    let [legs] = &calls[..] else { panic!("{} calls", calls.len()) };
    let pressed = capture.dialogs.all[legs.caller].events.iter().filter_map(|event| match &event.what {
        What::Key(key, _) => Some((event.at - BEGUN, key.to_char())),
        _ => None,
    });
    pressed.collect()
}

fn expected() -> Vec<(u64, char)> {
    let account = ACCOUNT.chars().chain(['#']).enumerate();
    account.map(|(number, key)| (1_000_000 + number as u64 * 300_000, key)).chain([(12_000_000, '1')]).collect()
}

#[test]
fn every_kind_of_file_and_link_is_read() {
    let call = call();
    let mut files = Vec::new();
    for (little, nanos) in [(true, false), (false, false), (true, true), (false, true)] {
        files.push((format!("pcap {little} {nanos}"), pcap(&call, ETHERNET, little, nanos)));
    }
    for (little, digits) in [(true, 6), (false, 6), (true, 9), (false, 9)] {
        files.push((format!("pcapng {little} {digits}"), pcapng(&call, 1, little, digits)));
    }
    for link in [(1, 1), (1, 2), (0, 0), (108, 0), (101, 0), (228, 0), (113, 0), (276, 0)] {
        files.push((format!("link {link:?}"), pcap(&call, link, true, false)));
    }
    for (name, file) in files {
        let capture = read(&file);
        let (calls, asides) = capture.calls(None);
        assert_eq!((calls.len(), calls[0].agents.len(), asides.len()), (1, 1, 0), "{name}");
        assert_eq!((keys(&capture), unread(&capture)), (expected(), Vec::new()), "{name}");
        assert_eq!((capture.begun, capture.packets), (BEGUN, call.packets.len() as u64), "{name}");
    }
    let strange = read(&pcap(&call, (147, 0), true, false));
    assert_eq!(unread(&strange).len(), 1);
    assert!(unread(&strange)[0].contains("of link type 147"));
}

#[test]
fn what_is_no_capture_is_said_to_be_none() {
    for file in [&b""[..], b"RIFF....WAVE", &[0; 100], &pcap(&call(), ETHERNET, true, false)[..20]] {
        assert!(Capture::read(file).is_err());
    }
    let whole = pcap(&call(), ETHERNET, true, false);
    let cut = read(&whole[..whole.len() - 5]);
    assert!(unread(&cut)[0].ends_with("the file ends in the middle of it"));
    let snapped = {
        let mut film = call();
        film.packets.truncate(1);
        let mut file = pcap(&film, ETHERNET, true, false);
        // The capture kept 96 bytes of the first packet.
        let kept = 96u32;
        file.truncate(24 + 16 + kept as usize);
        file[32..36].copy_from_slice(&kept.to_le_bytes());
        read(&file)
    };
    assert_eq!(unread(&snapped), [format!("packet 1: {}", Why::Cut)]);
}

#[test]
fn fragments_are_put_together_and_what_is_missing_is_named() {
    for version in [4, 6] {
        let to_six = |text: &str| text.replace("192.0.2.9", "[2001:db8::9]").replace("192.0.2.1:", "[2001:db8::1]:");
        let six = |text: &str| if version == 6 { to_six(text) } else { text.to_owned() };
        let (caller, service) = (six(CALLER), six(SERVICE));
        let offer = sdp(&six("192.0.2.9:4000"));
        let invite = LEG.request(FROM, "INVITE", 1, &format!("X-Long: {}\r\n", "x".repeat(1_500)), &offer);
        let whole = wire::datagram(&caller, &service, &invite);
        let parts = fragments(&whole, 512);
        assert!(parts.len() >= 4);
        for order in [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]] {
            let packets = order.iter().map(|part| (0, parts[*part].clone()));
            let film_ = Film { packets: packets.chain(parts.iter().skip(4).map(|part| (0, part.clone()))).collect() };
            let capture = film(&film_);
            assert_eq!((capture.dialogs.all.len(), unread(&capture)), (1, Vec::new()), "{version} {order:?}");
        }
        let film_ = Film { packets: parts.iter().skip(1).map(|part| (0, part.clone())).collect() };
        let last = parts.len() - 1;
        assert_eq!(unread(&film(&film_)), [format!("packets 1-{last}: IPv{version} fragments without their first")]);
        let film_ = Film { packets: parts.iter().take(2).map(|part| (0, part.clone())).collect() };
        assert_eq!(unread(&film(&film_)), [format!("packets 1-2: IPv{version} fragments without their rest")]);
    }
}

/// The only call's caller over TCP, in segments: where each begins in the stream and its bytes.
fn segments(stream: &[u8], order: &[(usize, usize)]) -> Film {
    let mut film = Film::default();
    let ways = (CALLER, SERVICE);
    film.tcp(0, ways, 999, "S", b"");
    for (number, (from, to)) in order.iter().enumerate() {
        film.tcp(number as u64 * 1_000, ways, 1_000 + *from as u32, "", &stream[*from..(*to).min(stream.len())]);
    }
    film
}

#[test]
fn segments_of_tcp_are_put_in_order() {
    let invite = LEG.request(FROM, "INVITE", 1, "", &sdp("192.0.2.9:4000"));
    let stream = [invite.clone(), LEG.request(FROM, "ACK", 1, "", ""), LEG.request(FROM, "BYE", 2, "", "")].concat();
    let end = stream.len();
    let said = |film_: &Film| {
        let capture = film(film_);
        let events = capture.dialogs.all.first().map_or(0, |dialog| dialog.events.len());
        (capture.dialogs.all.iter().filter(|dialog| dialog.invite.is_some()).count(), events, unread(&capture).len())
    };
    for (name, order, expected) in [
        ("one", vec![(0, end)], (1, 1, 0)),
        ("in order", vec![(0, 100), (100, 400), (400, end)], (1, 1, 0)),
        ("out of order", vec![(400, end), (100, 400), (0, 100)], (1, 1, 0)),
        ("again and overlapping", vec![(0, 100), (0, 100), (50, 300), (200, 400), (300, end)], (1, 1, 0)),
        ("a gap in the INVITE", vec![(0, 100), (200, invite.len()), (invite.len(), end)], (0, 1, 1)),
    ] {
        assert_eq!(said(&segments(&stream, &order)), expected, "{name}");
    }
    // The capture begins within the stream: on with the next message that begins a segment.
    let mut middle = segments(&stream, &[(200, invite.len()), (invite.len(), end)]);
    middle.packets.remove(0);
    assert_eq!(said(&middle).1, 1);
    let mut hidden = Film::default();
    hidden.tcp(0, (CALLER, "192.0.2.1:5061"), 7, "", &[0x16, 3, 1, 0, 5, 1, 2, 3]);
    assert_eq!(unread(&film(&hidden)), [format!("packet 1: {}", Why::Tls)]);
}

fn service() -> engine::Service {
    files::load(&Embedded, Path::new("flows/account-desk.yaml")).0.expect("the flow loads")
}

fn performed(capture: &Capture) -> Reheard {
    let service = service();
    let config = anywhere("account-desk").expect("a place");
    let (calls, _) = capture.calls(None);
    let came = capture.came(&calls[0], &config, None).expect("it is taken");
    assert_eq!(came.flow, "account-desk");
    let program = (&service.program, &*service.arena);
    let heard = capture.perform((&calls[0], &came), &config, program, "call-1", &mut |_| None);
    let heard = heard.expect("it is performed");
    let again = rerun::run(&heard.fixture, service.program.clone()).expect("it runs again");
    assert_eq!(again.comparison.first_difference, None);
    heard
}

fn outs(heard: &Reheard) -> impl Iterator<Item = (u64, &Out)> {
    heard.fixture.lines.iter().filter_map(|line| match &line.step {
        Step::Out(out) => Some((line.t, out)),
        Step::In(_) => None,
    })
}

#[test]
fn a_captured_call_goes_its_way_again() {
    let heard = performed(&film(&call()));
    assert_eq!((heard.remarks.clone(), heard.needs.len()), (Vec::new(), 0));
    let account = outs(&heard).find_map(|(_, out)| match out {
        Out::Fact(fact) => fact.value.clone(),
        _ => None,
    });
    assert_eq!(account.map(|value| value.open().to_owned()).as_deref(), Some(ACCOUNT));
    let pressed = heard.fixture.lines.iter().filter_map(|line| match &line.step {
        Step::In(In::Key { leg: Leg::Caller, .. }) => Some(line.t),
        _ => None,
    });
    let since: Vec<u64> = expected().iter().map(|(at, _)| at - 20_000).collect();
    assert_eq!(pressed.collect::<Vec<_>>(), since, "as long after the answer as they were");
    // The agent answers two seconds after it is called, whenever that is.
    let called = outs(&heard).find(|(_, out)| matches!(out, Out::Agent { .. })).map(|(t, _)| t);
    let bridged = outs(&heard).find(|(_, out)| matches!(out, Out::Bridge)).map(|(t, _)| t);
    assert_eq!(bridged.zip(called).map(|(bridged, called)| bridged - called), Some(2_000_000));
    let end = outs(&heard).last().map(|(_, out)| out);
    assert!(matches!(end, Some(Out::End { disposition: Disposition::Agent, by: EndedBy::Agent })));
}

#[test]
fn keys_come_by_tones_and_by_info_as_well() {
    let mut tones = Film::default();
    let plain = |at: &str| {
        sdp(at).replace(" 101\r\na=rtpmap:0", "\r\na=rtpmap:0").replace("a=rtpmap:101 telephone-event/8000\r\n", "")
    };
    let kind = "Content-Type: application/sdp\r\n";
    tones.udp(0, CALLER, SERVICE, &LEG.request(FROM, "INVITE", 1, kind, &plain("192.0.2.9:4000")));
    tones.udp(20_000, SERVICE, CALLER, &LEG.response(FROM, "200 OK", "INVITE", 1, &plain("192.0.2.1:20000")));
    for (number, key) in ['4', '4', '#'].into_iter().enumerate() {
        tones.tone(1_000_000 * (number as u64 + 1), MEDIA, key, number as u16);
    }
    let dtmf = "Content-Type: application/dtmf-relay\r\n";
    tones.udp(5_000_000, CALLER, SERVICE, &LEG.request(FROM, "INFO", 2, dtmf, "Signal=7\r\nDuration=100\r\n"));
    // Sent again: one press.
    tones.udp(5_500_000, CALLER, SERVICE, &LEG.request(FROM, "INFO", 2, dtmf, "Signal=7\r\nDuration=100\r\n"));
    let heard = keys(&film(&tones));
    assert_eq!(heard.iter().map(|(_, key)| *key).collect::<String>(), "44#7");
    for ((at, _), begun) in heard.iter().zip([1_000_000, 2_000_000, 3_000_000, 5_000_000]) {
        assert!((begun..begun + 80_000).contains(at), "{at}");
    }
}

#[test]
fn what_was_not_captured_is_made_up_and_said() {
    let mut alone = call();
    alone
        .packets
        .retain(|(_, packet)| packet[12..20] != [192, 0, 2, 20, 192, 0, 2, 1] && packet[16..20] != [192, 0, 2, 20]);
    let heard = performed(&film(&alone));
    assert!(heard.remarks.iter().any(|remark| remark.contains("the leg to the agent was not captured")));
    assert!(outs(&heard).any(|(_, out)| matches!(out, Out::Bridge)));
    let mut cut = call();
    cut.packets.retain(|(at, _)| *at < 5_000_000);
    let heard = performed(&film(&cut));
    assert_eq!(heard.remarks, ["no BYE in the capture: it ends where that ends"]);
    let mut late = call();
    late.packets.remove(0);
    let capture = film(&late);
    let (calls, asides) = capture.calls(None);
    // What is left of it looks like a call of the service's to an agent, and is not taken for a caller's.
    assert_eq!(calls.len(), 1);
    assert_eq!(asides.iter().map(|(_, aside)| *aside).collect::<Vec<_>>(), [Aside::NoInvite]);
    assert!(unread(&capture)[0].ends_with("RTP to where no SDP of the capture leads"));
    let told = capture.calls(Some("192.0.2.1".parse().expect("an address")));
    assert_eq!((told.0.len(), told.1.len()), (0, 2), "with the service's address nothing is guessed");
}

#[test]
fn several_calls_of_one_file_are_told_apart() {
    let mut both = call();
    // The second caller: another Call-ID, other addresses, an overlapping time.
    let second = call().packets.into_iter().map(|(at, packet)| {
        let text = |from: &[u8], to: &[u8], packet: Vec<u8>| replaced(&packet, from, to);
        let packet = text(b"Call-ID: one", b"Call-ID: eno", packet);
        let packet = text(b"Call-ID: two", b"Call-ID: owt", packet);
        let packet = text(b"+15551230001", b"+15559990002", packet);
        (at + 700_000, moved(packet))
    });
    both.packets.extend(second.collect::<Vec<_>>());
    let capture = film(&both.sort());
    let (calls, asides) = capture.calls(None);
    let agents: Vec<_> = calls.iter().map(|call| (call.agents.len(), call.remarks.len())).collect();
    assert_eq!((agents, asides.len()), (vec![(1, 0), (1, 0)], 0));
    assert!(calls[0].agents[0] != calls[1].agents[0]);
}

fn replaced(packet: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    while let Some(at) = packet.windows(from.len()).position(|window| window == from) {
        packet[at..at + from.len()].copy_from_slice(to);
    }
    packet
}

/// The caller's media from and to other ports.
fn moved(packet: Vec<u8>) -> Vec<u8> {
    let mut packet = packet;
    for at in [20, 22] {
        let port = u16::from_be_bytes([packet[at], packet[at + 1]]);
        let other = match port {
            4000 => 4100,
            20_000 => 20_100,
            other => other,
        };
        packet[at..at + 2].copy_from_slice(&other.to_be_bytes());
    }
    let packet = replaced(&packet, b"m=audio 4000", b"m=audio 4100");
    replaced(&packet, b"m=audio 20000", b"m=audio 20100")
}

#[test]
fn a_lookup_that_no_capture_knows_is_asked_for() {
    let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/contact-center.yaml");
    let service = files::load(&Disk, &flow).0.expect("the flow loads");
    let mut short = Film::default();
    opening(&mut short);
    short.udp(40_000_000, CALLER, SERVICE, &LEG.request(FROM, "BYE", 2, "", ""));
    let capture = film(&short);
    let config = anywhere("contact-center").expect("a place");
    let (calls, _) = capture.calls(None);
    let came = capture.came(&calls[0], &config, None).expect("it is taken");
    let program = (&service.program, &*service.arena);
    let perform = |answer: Option<&str>| {
        let cue = answer.map(|text| text.parse::<Cue>().expect("a cue"));
        capture.perform((&calls[0], &came), &config, program, "call-1", &mut |_| cue.clone()).expect("performed")
    };
    let needs: Vec<_> = perform(None).needs.into_iter().map(|need| need.lookup).collect();
    assert!(!needs.is_empty());
    assert_eq!(perform(Some("lookup none")).needs, []);
}

#[test]
fn nothing_that_is_damaged_at_random_does_harm() {
    let call = call();
    let mut tcp =
        segments(&LEG.request(FROM, "INVITE", 1, "", &sdp("192.0.2.9:4000")), &[(0, 100), (200, 700), (100, 200)]);
    let invite = wire::datagram(CALLER, SERVICE, &LEG.request(FROM, "INVITE", 1, "", &sdp("192.0.2.9:4000")));
    tcp.packets.extend(fragments(&invite, 256).into_iter().map(|part| (5, part)));
    tcp.packets.extend(call.packets.iter().take(12).cloned());
    let files = [pcap(&call, ETHERNET, true, false), pcapng(&tcp, 1, true, 6), pcap(&tcp, (276, 0), false, true)];
    let mut random = Random::from_seed(7);
    for _ in 0..400 {
        let mut file = files[random.below(3) as usize].clone();
        for _ in 0..=random.below(20) {
            let (at, other) = (random.below(file.len() as u32) as usize, random.below(file.len() as u32) as usize);
            match random.below(4) {
                0 => file[at] ^= 1 << random.below(8),
                1 => file[at] = random.u32() as u8,
                2 => file.swap(at, other),
                _ if random.below(8) == 0 => file.truncate(at.max(24)),
                _ => drop(file.drain(at..(at + random.below(40) as usize).min(file.len()))),
            }
        }
        if let Ok(capture) = Capture::read(&file[..]) {
            let (calls, _) = capture.calls(None);
            calls.iter().for_each(|legs| assert!(!capture.summary(legs).is_empty()));
        }
    }
}

#[test]
fn of_a_call_over_a_proxy_what_comes_to_the_service_counts() {
    let mut hops = Film::default();
    let proxy = "192.0.2.5:5060";
    for (at, packet) in call().packets {
        let named = String::from_utf8_lossy(&packet).into_owned();
        let Some(start) = named.find("SIP/2.0").filter(|_| named.contains("Call-ID: one")).map(|_| 28) else {
            hops.packets.push((at, packet));
            continue;
        };
        let message = String::from_utf8_lossy(&packet[start..]).into_owned();
        let (from, to) = if packet[12..16] == [192, 0, 2, 9] { (CALLER, SERVICE) } else { (SERVICE, CALLER) };
        let added = message.replacen("From:", "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\nFrom:", 1);
        let asserted = added.replacen("From:", "P-Asserted-Identity: <sip:+15557770007@192.0.2.5>\r\nFrom:", 1);
        match from == CALLER {
            true => {
                hops.udp(at, CALLER, proxy, message.as_bytes());
                hops.udp(at + 500, proxy, to, asserted.as_bytes());
            }
            false => {
                hops.udp(at, from, proxy, added.as_bytes());
                hops.udp(at + 500, proxy, CALLER, message.as_bytes());
            }
        }
    }
    let capture = film(&hops);
    assert_eq!(keys(&capture), expected());
    let caller = &capture.dialogs.all[0];
    let count = |is: fn(&What) -> bool| caller.events.iter().filter(|event| is(&event.what)).count();
    assert_eq!((count(|what| matches!(what, What::Answered { .. })), count(|what| matches!(what, What::Bye))), (1, 1));
    let heard = performed(&capture);
    let Some(Step::In(In::Invite(arrival))) = heard.fixture.lines.first().map(|line| &line.step) else {
        panic!("no INVITE")
    };
    assert_eq!(arrival.from.as_ref().map(|number| number.open()), Some("+15557770007"), "the proxy says who it is");
}
