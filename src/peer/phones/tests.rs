use super::*;
use crate::peer::talk::Counted;

const A: ([u8; 4], u16) = ([192, 0, 2, 1], 5060);
const B: ([u8; 4], u16) = ([192, 0, 2, 2], 5060);

/// Two sets of phones without a network between them, and what happened to the caller's calls.
fn run(script: &[Act], answering: Answering, patience: Duration, seconds: u64) -> Vec<Happened> {
    let [a, b] = [A, B].map(SocketAddr::from);
    let mut sets = [Phones::new(a, 1, Answering::Refuse(486), None, 1), Phones::new(b, 2, answering, None, 2)];
    let uri = |host| Uri::of("x", host).expect("a URI");
    sets[0].patience(patience);
    sets[0].call(b, uri(b), uri(a), Vec::new(), script.into());
    let mut happened = Vec::new();
    let mut now = Instant::from_micros(1_000_000);
    let end = now + Duration::from_secs(seconds);
    while now < end {
        for own in [0, 1] {
            sets[own].on_deadline(now);
            while let Some(output) = sets[own].poll() {
                let [here, there] = if own == 0 { [a, b] } else { [b, a] };
                match output {
                    Output::Sip { bytes, .. } => sets[1 - own].on_sip(now, Hop::udp(here), &bytes),
                    Output::Rtp { bytes, .. } => sets[1 - own].on_rtp(now, 0, &bytes),
                    Output::Open { talk } => sets[own].opened(now, talk, SocketAddr::new(here.ip(), 4000)),
                    Output::Expect { from, .. } => assert_eq!(from, SocketAddr::new(there.ip(), 4000)),
                    Output::Event { happened: told, .. } if own == 0 => happened.push(told),
                    Output::Event { .. } | Output::Close { .. } => {}
                }
            }
        }
        now = now + Duration::from_millis(5);
    }
    assert_eq!(sets.map(|set| set.talks()), [0, 0]);
    happened
}

fn ended(happened: &[Happened]) -> (bool, u16, &Counted) {
    let Some(Happened::Ended { by_us, status, counted, .. }) = happened.last() else { panic!("{happened:?}") };
    (*by_us, *status, counted)
}

#[test]
fn a_call_longer_than_the_patience_has_fifty_packets_a_second() {
    let stays = Answering::Answer { after: Duration::ZERO, script: [Act::Stay].into() };
    let script = [Act::Wait(Duration::from_secs(2)), Act::Press("12".to_owned()), Act::HangUp];
    let happened = run(&script, stays, Duration::from_secs(1), 4);
    let (by_us, status, counted) = ended(&happened);
    assert_eq!((by_us, status, counted.keys_pressed), (true, 0, 2));
    // 2 s and two keys of 220 ms.
    assert!((120..=124).contains(&counted.sent) && (120..=124).contains(&counted.received), "{counted:?}");
}

#[test]
fn a_call_that_nobody_answers_is_given_up() {
    let happened = run(&[Act::HangUp], Answering::Ring, Duration::from_secs(1), 3);
    let (by_us, status, counted) = ended(&happened);
    assert_eq!((by_us, status, counted.sent), (true, 408, 0));
    assert!(matches!(happened[0], Happened::Ringing), "{happened:?}");
}
