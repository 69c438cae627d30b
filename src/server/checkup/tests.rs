use super::*;
use crate::os::machine::{Buffers, ClockSource, Lag, Quota};
use crate::time::Duration;

fn millis(half: u64, p99: u64, most: u64) -> Lag {
    let [half, p99, most] = [half, p99, most].map(Duration::from_millis);
    Lag { half, p99, most }
}

/// Nothing is the matter with it.
fn sound() -> Machine {
    Machine {
        kernel: Ok("6.12.0".to_owned()),
        real_time: Ok(false),
        lag: Ok(millis(0, 1, 2)),
        real_time_lag: None,
        descriptors: Ok((1_024, 524_288)),
        ephemeral: Ok((32_768, 60_999)),
        reserved: Ok(Vec::new()),
        buffers: Ok(Buffers { unasked: 212_992, given: 8 << 20 }),
        quota: Ok(None),
        cores: Ok(4),
        clock: Ok(ClockSource { name: "tsc".to_owned(), nanos: 30 }),
        filters: Ok(Vec::new()),
        tracked: Ok(None),
        time: Ok((true, 1_500)),
    }
}

fn site() -> Site {
    Site {
        flows: 1,
        addresses: vec![("udp:192.0.2.1:5060".to_owned(), Reach::Free)],
        tls: Some(Ok(())),
        secrets: Ok(()),
        store: StoreSite {
            folder: "/var/lib/askonce".into(),
            made: false,
            writable: Ok(()),
            file_system: Ok("ext4".to_owned()),
        },
    }
}

fn wanted_of(site: Site) -> Wanted {
    let configured = Configured::Yes(Box::new(site));
    Wanted { calls: 2_000, other_descriptors: 2_700, ports: (20_000, 29_999), workers: 3, realtime: false, configured }
}

fn of(check: &str, machine: &Machine, wanted: &Wanted) -> Finding {
    let findings = judge(machine, wanted);
    findings.into_iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("no check {check}"))
}

/// Of one check: its verdict, and a word of what is said (found, cost and remedy).
fn expect(check: &str, machine: &Machine, wanted: &Wanted, verdict: Verdict, word: &str) {
    let finding = of(check, machine, wanted);
    let told = format!("{} {:?} {:?}", finding.found, finding.cost, finding.remedy);
    assert!(finding.verdict == verdict && told.contains(word), "wanted {verdict:?} with {word:?}: {finding:?}");
    let costs = matches!(verdict, Verdict::Warn | Verdict::Fail);
    assert_eq!((finding.cost.is_some(), finding.remedy.is_some()), (costs, costs), "{finding:?}");
}

#[test]
fn a_sound_machine_is_found_sound() {
    let findings = judge(&sound(), &wanted_of(site()));
    let names: Vec<_> = findings.iter().filter(|f| f.verdict == Verdict::Ok).map(|f| f.check).collect();
    assert_eq!(names.len(), findings.len(), "{findings:?}");
    assert_eq!(names.len(), 16);
}

#[test]
fn what_cannot_be_read_is_unknown_and_never_sound() {
    let no = || "hidden".to_owned();
    let blind = Machine {
        kernel: Err(no()),
        real_time: Err(no()),
        lag: Err(no()),
        real_time_lag: None,
        descriptors: Err(no()),
        ephemeral: Err(no()),
        reserved: Err(no()),
        buffers: Err(no()),
        quota: Err(no()),
        cores: Err(no()),
        clock: Err(no()),
        filters: Err(no()),
        tracked: Err(no()),
        time: Err(no()),
    };
    for (configured, verdict) in [(Configured::Not, Verdict::Unknown), (Configured::Wrong(2), Verdict::Fail)] {
        let findings = judge(&blind, &Wanted { configured, ..wanted_of(site()) });
        for finding in &findings {
            let wanted = if finding.check == "configuration" { verdict } else { Verdict::Unknown };
            assert_eq!(finding.verdict, wanted, "{finding:?}");
        }
        assert_eq!(findings.len(), 16);
    }
}

#[test]
fn time_and_the_scheduler() {
    let quota =
        |time, period| Ok(Some(Quota { time: Duration::from_millis(time), period: Duration::from_millis(period) }));
    let clock = |nanos| Ok(ClockSource { name: "hpet".to_owned(), nanos });
    use Verdict::{Fail, Ok as Sound, Unknown, Warn};
    let sound = sound();
    let cases: Vec<(&str, Machine, Verdict, &str)> = vec![
        ("scheduling", Machine { real_time: Ok(true), ..sound.clone() }, Sound, "may be had"),
        ("scheduling", sound.clone(), Sound, "LimitRTPRIO"),
        ("scheduling", sound.clone(), Sound, "does not ask"),
        ("wake-up lag", Machine { lag: Ok(millis(0, 2, 20)), ..sound.clone() }, Sound, "p99 2.00 ms, most 20.00 ms"),
        ("wake-up lag", Machine { lag: Ok(millis(0, 3, 4)), ..sound.clone() }, Warn, "jitter"),
        ("wake-up lag", Machine { lag: Ok(millis(0, 1, 21)), ..sound.clone() }, Warn, "Nice=-10"),
        ("wake-up lag", Machine { lag: Ok(millis(1, 21, 30)), ..sound.clone() }, Fail, "gaps"),
        ("wake-up lag", Machine { real_time_lag: Some(millis(0, 0, 1)), ..sound.clone() }, Sound, "SCHED_FIFO p50"),
        ("cores", Machine { cores: Ok(1), ..sound.clone() }, Warn, "take turns"),
        ("cpu quota", Machine { quota: quota(400, 100), ..sound.clone() }, Sound, "4.00 cores"),
        ("cpu quota", Machine { quota: quota(200, 100), ..sound.clone() }, Warn, "up to 50 ms"),
        ("cpu quota", Machine { quota: quota(50, 100), cores: Err("x".into()), ..sound.clone() }, Unknown, "x"),
        ("clock source", Machine { clock: clock(300), ..sound.clone() }, Sound, "hpet"),
        ("clock source", Machine { clock: clock(1_200), ..sound.clone() }, Warn, "1200 ns"),
        ("time", Machine { time: Ok((false, 16_000_000)), ..sound.clone() }, Warn, "chrony"),
        ("time", sound.clone(), Sound, "2 ms at most"),
    ];
    for (check, machine, verdict, word) in &cases {
        expect(check, machine, &wanted_of(site()), *verdict, word);
    }
    let asking = Wanted { realtime: true, ..wanted_of(site()) };
    let right = Machine { real_time: Ok(true), ..sound.clone() };
    let cases = [
        (right.clone(), Sound, "serve asks"),
        (Machine { real_time: Ok(false), ..sound }, Fail, "LimitRTPRIO=1"),
        (Machine { cores: Ok(3), ..right }, Fail, "no core is left"),
    ];
    for (machine, verdict, word) in &cases {
        expect("scheduling", machine, &asking, *verdict, word);
    }
}

#[test]
fn sockets_and_their_limits() {
    use Verdict::{Ok as Sound, Unknown, Warn};
    let sound = sound();
    let buffers = |unasked, given| Ok(Buffers { unasked, given });
    let tracking = || Ok(vec!["nf_conntrack".to_owned(), "nf_tables".to_owned()]);
    let tracked = |table| Machine { filters: tracking(), tracked: Ok(table), ..sound.clone() };
    let cases: Vec<(&str, Machine, Verdict, &str)> = vec![
        ("descriptors", Machine { descriptors: Ok((64, 10_700)), ..sound.clone() }, Sound, "10700 wanted"),
        ("descriptors", Machine { descriptors: Ok((64, 4_096)), ..sound.clone() }, Warn, "room for 349 calls"),
        ("descriptors", Machine { descriptors: Ok((64, 96)), ..sound.clone() }, Warn, "LimitNOFILE=10700"),
        ("media ports", sound.clone(), Sound, "5000 even ports, 2500 calls"),
        ("media ports", Machine { ephemeral: Ok((29_000, 60_999)), ..sound.clone() }, Warn, "any of 500 of them"),
        (
            "media ports",
            Machine { ephemeral: Ok((1_024, 65_535)), reserved: Ok(vec![(20_000, 29_999)]), ..sound.clone() },
            Sound,
            "1024-65535",
        ),
        (
            "media ports",
            Machine { ephemeral: Ok((1_024, 65_535)), reserved: Ok(vec![(8_080, 8_080)]), ..sound.clone() },
            Warn,
            "reserved_ports=8080-8080,20000-29999",
        ),
        ("media ports", Machine { reserved: Err("hidden".into()), ..sound.clone() }, Unknown, "hidden"),
        ("socket buffers", Machine { buffers: buffers(212_992, 4 << 20), ..sound.clone() }, Sound, "4096 kB"),
        ("socket buffers", Machine { buffers: buffers(212_992, 212_992), ..sound.clone() }, Warn, "rmem_max="),
        ("socket buffers", Machine { buffers: buffers(8_192, 8 << 20), ..sound.clone() }, Warn, "rmem_default="),
        ("connection tracking", sound.clone(), Sound, "not loaded"),
        ("connection tracking", tracked(Some((0, 65_536))), Sound, "tracks 0 of 65536"),
        ("connection tracking", tracked(Some((12, 65_536))), Warn, "every packet"),
        ("connection tracking", tracked(Some((96, 4_095))), Warn, "full with 1999 calls"),
        ("connection tracking", tracked(None), Unknown, "nf_tables"),
    ];
    for (check, machine, verdict, word) in &cases {
        expect(check, machine, &wanted_of(site()), *verdict, word);
    }
    let more = Wanted { calls: 2_501, ..wanted_of(site()) };
    expect("media ports", &sound, &more, Warn, "beyond 2500");
    let hidden = Machine { ephemeral: Err("hidden".into()), ..sound.clone() };
    expect("media ports", &hidden, &more, Warn, "unknown what the kernel gives away: hidden");
}

#[test]
fn the_place_of_the_configuration() {
    use Verdict::{Fail, Ok as Sound, Unknown, Warn};
    let at = |reach| Site { addresses: vec![("http 127.0.0.1:8080".to_owned(), reach)], ..site() };
    let on = |kind: Fact<&str>| {
        let file_system = kind.map(str::to_owned);
        Site { store: StoreSite { file_system, ..site().store }, ..site() }
    };
    let refused = || Err("no permission".to_owned());
    let cases = [
        ("addresses", at(Reach::Free), Sound, "free"),
        ("addresses", at(Reach::InUse), Warn, "does not come up"),
        ("addresses", at(Reach::Untold), Unknown, "ip_nonlocal_bind"),
        ("addresses", at(Reach::Refused("not here".to_owned())), Fail, "not here"),
        ("tls files", Site { tls: None, ..site() }, Sound, "no tls:"),
        ("tls files", Site { tls: Some(refused()), ..site() }, Fail, "no permission"),
        ("secrets", Site { secrets: refused(), ..site() }, Fail, "no permission"),
        ("store", on(Ok("xfs")), Sound, "on xfs"),
        ("store", Site { store: StoreSite { made: true, ..site().store }, ..site() }, Sound, "made in it at the start"),
        ("store", on(Ok("nfs4")), Warn, "locks"),
        ("store", on(Ok("tmpfs")), Warn, "restarts"),
        ("store", on(Err("hidden".to_owned())), Unknown, "hidden"),
        ("store", Site { store: StoreSite { writable: refused(), ..site().store }, ..site() }, Fail, "no permission"),
    ];
    for (check, site, verdict, word) in cases {
        expect(check, &sound(), &wanted_of(site), verdict, word);
    }
}

#[test]
fn an_address_is_ours_or_not_and_a_folder_is_written_or_not() {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let taken = std::net::TcpListener::bind(loopback).expect("a port");
    assert_eq!(reach(loopback, Type::DGRAM), Reach::Free);
    assert_eq!(reach(taken.local_addr().expect("bound"), Type::STREAM), Reach::InUse);
    // Of TEST-NET-1: no machine has it, and where the kernel would bind it all the same, we say so.
    let foreign = reach(SocketAddr::from(([192, 0, 2, 1], 0)), Type::DGRAM);
    assert!(matches!(foreign, Reach::Refused(_) | Reach::Untold), "{foreign:?}");

    let folder = tempfile::tempdir().expect("a folder");
    let there = store(&folder.path().join("askonce.db"));
    assert!(there.writable.is_ok() && there.file_system.is_ok(), "{there:?}");
    assert!(!folder.path().join("askonce.db").exists(), "nothing is left behind");
    let made = store(&folder.path().join("yet/to/be/askonce.db"));
    assert!(made.writable.is_ok() && made.made && made.folder == folder.path(), "{made:?}");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    assert!(store(&file.join("askonce.db")).writable.is_err(), "a file is no folder");
}
