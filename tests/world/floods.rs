//! Floods: one source sends twenty times what it may, and the calls of another are as they always are.

use crate::messages::{bye, garbage, invite, invite_and_cancel, options, register};
use crate::scenarios::{ACCOUNT, answers, caller, ms, plan, uui};
use crate::simulation::AGENTS;
use crate::{Plan, World};
use askonce::config::Unknown;
use askonce::engine::{Engine, Input, Output, Setup};
use askonce::peer::{Act, Answering, Happened};
use askonce::record::seam::Disposition;
use askonce::sip::Hop;
use askonce::time::Duration;
use std::net::SocketAddr;

/// Milliseconds.
const FLOOD: u64 = 30_000;
/// The prober places a call this often.
const EVERY: u64 = 200;

struct Flood {
    name: &'static str,
    /// Where the message of that number comes from.
    from: fn(u64) -> SocketAddr,
    message: fn(u64) -> Vec<u8>,
    /// Messages a millisecond: 20 times 50 openers a second, or 20 times 1,000 messages; a stranger may send an eighth.
    rate: u64,
    /// Dialogs and transactions at once, not more than this. The prober alone has 42 and 414.
    most: (usize, usize),
    /// What was counted of it, and how often at least.
    counted: fn(&Engine) -> u64,
    least: u64,
}

const PROBER: (usize, usize) = (60, 450);

const FLOODS: &[Flood] = &[
    Flood {
        name: "INVITE without ACK",
        from: trunk,
        message: invite,
        rate: 1,
        most: (360, 750),
        counted: |engine| engine.counters().turned_away_half_open,
        least: 1_000,
    },
    // The source's CANCELs cost it tokens as well, so that of some INVITEs nobody hears the end.
    Flood {
        name: "INVITE and CANCEL",
        from: trunk,
        message: invite_and_cancel,
        rate: 2,
        most: (360, 2_050),
        counted: |engine| engine.gate().counters().floods,
        least: 27_900,
    },
    Flood {
        name: "REGISTER",
        from: trunk,
        message: register,
        rate: 1,
        most: PROBER,
        counted: |engine| engine.sip_counters().refused,
        least: 30_000,
    },
    Flood {
        name: "OPTIONS",
        from: trunk,
        message: options,
        rate: 1,
        most: PROBER,
        counted: |engine| engine.counters().turned_away_rate,
        least: 28_000,
    },
    Flood {
        name: "garbage",
        from: trunk,
        message: garbage,
        rate: 20,
        most: PROBER,
        counted: |engine| engine.gate().counters().floods,
        least: 560_000,
    },
    Flood {
        name: "BYE of no call",
        from: trunk,
        message: bye,
        rate: 20,
        most: PROBER,
        counted: |engine| engine.gate().counters().floods,
        least: 560_000,
    },
    Flood {
        name: "one INVITE again and again",
        from: trunk,
        message: |_| invite(0),
        rate: 20,
        most: PROBER,
        counted: |engine| engine.gate().counters().floods,
        least: 560_000,
    },
    Flood {
        name: "INVITE of a stranger",
        from: stranger,
        message: invite,
        rate: 3,
        most: PROBER,
        counted: |engine| engine.gate().counters().strangers,
        least: 89_800,
    },
    Flood {
        name: "INVITE of many strangers",
        from: crowd,
        message: invite,
        rate: 5,
        most: PROBER,
        counted: |engine| engine.sip_counters().forbidden,
        least: 150_000,
    },
];

/// Of the trunk's network, but not where the prober is.
fn trunk(_: u64) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 4], 5061))
}

fn stranger(_: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 4], 5061))
}

/// Never the same twice.
fn crowd(n: u64) -> SocketAddr {
    SocketAddr::from(((0xc000_0000 + n as u32).to_be_bytes(), 5061))
}

#[test]
fn as_many_calls_as_there_may_be_and_no_more() {
    let tamper = |setup: &mut Setup| std::sync::Arc::make_mut(&mut setup.config).limits.calls = 2;
    let mut world = World::new(Plan { tamper, ..plan(21, Answering::Refuse(486)) });
    let scripts = [Act::Stay, Act::Stay, Act::Stay].map(|act| vec![act]);
    let talks = scripts.map(|script| world.call("+15551230001", Vec::new(), script));
    world.run(Duration::from_secs(1));
    let ended = |talk| world.happened[talk].iter().any(|h| matches!(h, Happened::Ended { status: 503, .. }));
    assert_eq!(talks.iter().filter(|talk| ended(talk)).count(), 1, "{:?}", world.happened);
    assert_eq!((world.engine.calls(), world.engine.counters().turned_away_full), (2, 1));
    world.tell(Input::Drain);
    world.call("+15551230001", Vec::new(), vec![Act::Stay]);
    world.run(Duration::from_secs(1));
    assert_eq!(world.engine.counters().turned_away_draining, 1);
}

#[test]
fn nobody_is_let_in_while_there_is_no_time_for_another_call() {
    let mut world = World::new(plan(23, Answering::Refuse(486)));
    for (full, calls) in [(false, 1), (true, 1), (false, 2)] {
        world.tell(Input::Full(full));
        world.call("+15551230001", Vec::new(), vec![Act::Stay]);
        world.run(Duration::from_secs(1));
        assert_eq!(world.engine.calls(), calls, "{full}");
    }
    assert_eq!(world.engine.counters().turned_away_busy, 1);
}

#[test]
fn who_is_called_hears_answers_and_no_other_stranger_does() {
    let tamper = |setup: &mut Setup| {
        let config = std::sync::Arc::make_mut(&mut setup.config);
        config.unknown = Unknown::Drop;
        std::sync::Arc::make_mut(&mut config.trunks[0]).from = vec!["127.0.0.2/32".parse().expect("a network")];
    };
    let mut world = World::new(Plan { tamper, ..plan(24, answers(&[Act::HearVoice, Act::HangUp])) });
    let agent = Hop::udp(SocketAddr::new(AGENTS, 5060));
    let answered = |world: &mut World, from: Hop, message: Vec<u8>| {
        world.engine.handle(world.now, Input::Message { from, bytes: &message });
        let said = |output| match output {
            Output::Send { bytes, .. } => String::from_utf8(bytes[8..11].to_vec()).expect("text"),
            _ => String::new(),
        };
        std::iter::from_fn(|| world.engine.poll()).map(said).collect::<String>()
    };
    assert_eq!(answered(&mut world, agent, options(1)), "");
    world.call("+15551230001", Vec::new(), caller(ACCOUNT));
    world.run(Duration::from_secs(120));
    assert_eq!(world.invites.len(), 1);
    assert_eq!(answered(&mut world, agent, options(2)), "403");
    assert_eq!(answered(&mut world, agent, bye(3)), "481");
    assert_eq!(answered(&mut world, Hop::udp(stranger(0)), options(4)), "");
}

/// Our 200 goes out again and again for half a minute, whoever ended the call.
#[test]
fn a_call_that_we_end_before_its_ack_keeps_its_place_among_the_half_open() {
    let mut world = World::new(plan(23, Answering::Refuse(486)));
    for n in 0..3 {
        world.tell(Input::Message { from: Hop::udp(trunk(n)), bytes: &invite(n) });
    }
    world.run(Duration::from_secs(1));
    assert_eq!((world.engine.calls(), world.engine.half_open()), (3, 3));
    world.tell(Input::Stop);
    world.run(Duration::from_secs(20));
    assert_eq!((world.engine.calls(), world.engine.half_open()), (0, 3));
    world.run(Duration::from_secs(15));
    assert_eq!(world.engine.half_open(), 0);
}

#[test]
fn a_flood_of_one_source_costs_another_s_calls_nothing() {
    std::thread::scope(|scope| {
        for flood in FLOODS {
            scope.spawn(|| weather(flood));
        }
    });
}

fn weather(flood: &Flood) {
    let name = flood.name;
    let mut world = World::new(plan(20, answers(&[Act::HearVoice, Act::Wait(ms(300)), Act::HangUp])));
    let mut most = (0, 0);
    for millisecond in 0..FLOOD {
        if millisecond % EVERY == 0 {
            world.call("+15551230001", Vec::new(), caller(ACCOUNT));
        }
        // All in one breath: an INVITE has no answer yet when its CANCEL comes.
        for n in millisecond * flood.rate..(millisecond + 1) * flood.rate {
            let from = Hop::udp((flood.from)(n));
            world.engine.handle(world.now, Input::Message { from, bytes: &(flood.message)(n) });
        }
        world.tell(Input::Deadline);
        world.run(ms(1));
        let (dialogs, transactions) = world.engine.sip_load();
        most = (dialogs.max(most.0), transactions.max(most.1));
    }
    world.run(Duration::from_secs(180));

    let calls = (FLOOD / EVERY) as usize;
    let complete = |happened: &&Vec<Happened>| {
        happened.iter().any(|h| matches!(h, Happened::Ended { status: 0, through: true, .. }))
    };
    assert_eq!(world.happened.values().filter(complete).count(), calls, "{name}: the prober's calls");
    assert_eq!(world.invites.len(), calls, "{name}");
    assert!(world.invites.iter().all(|invite| uui(invite)["account"] == ACCOUNT), "{name}: every key counts");
    let connected: Vec<_> = world.cdrs.iter().filter(|cdr| cdr.disposition == Disposition::Agent).collect();
    assert_eq!(connected.len(), calls, "{name}");
    assert!(connected.iter().all(|cdr| (cdr.keys, cdr.facts[0].tries) == (13, 1)), "{name}: asked once");

    let counted = (flood.counted)(&world.engine);
    assert!(counted >= flood.least, "{name}: {counted} counted");
    assert!(most.0 <= flood.most.0 && most.1 <= flood.most.1, "{name}: {most:?} at once");
    assert_eq!((world.engine.sip_load(), world.engine.half_open()), ((0, 0), 0), "{name}: nothing is left");
    assert_eq!(world.engine.gate().sources(world.now), 0, "{name}");
    assert!(world.engine.idle(), "{name}");
}
