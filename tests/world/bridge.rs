//! Two people in a bridge: the whisper before it, hold on either side, the music, and the keys.

use crate::scenarios::{ACCOUNT, FAIR, answers, caller, flow, ms, plan, world};
use crate::{Plan, World};
use askonce::audio::arena::HOLD;
use askonce::engine::{Series, Setup};
use askonce::peer::{Act, Answering, Happened};
use askonce::record::Fixture;
use askonce::record::fixture::Step;
use askonce::record::seam::{Disposition, EndedBy, Leg, Out};
use askonce::rerun;
use askonce::server::files::{self, Disk, Files};
use askonce::time::Duration;
use std::path::{Path, PathBuf};

/// The account desk, whose agent hears the account before the caller.
struct Whispering;

impl Files for Whispering {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let bytes = Disk.read(path)?;
        if path.file_name() != flow().file_name() {
            return Ok(bytes);
        }
        let text = String::from_utf8(bytes).expect("a flow");
        let text = text.replace("else: continue", "else: sorry");
        Ok(text.replace("needs: [account]", "needs: [account]\n      whisper: account_readback").into_bytes())
    }

    fn below(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        Disk.below(folder)
    }
}

fn whispering(setup: &mut Setup) {
    let service = files::load(&Whispering, &flow()).0.expect("the flow loads");
    setup.services.insert("account-desk".to_owned(), service);
}

/// The account is a card's number: no agent has it, and both hear its end.
struct Masked;

impl Files for Masked {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let bytes = Disk.read(path)?;
        let Ok(text) = String::from_utf8(bytes.clone()) else { return Ok(bytes) };
        let text = text.replace("class: pii", "class: pci").replace("I have {account}", "I have {account.last4}");
        let text = text.replace("else: continue", "else: sorry");
        Ok(text.replace("needs: [account]", "whisper: account_readback").into_bytes())
    }

    fn below(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        Disk.below(folder)
    }
}

fn masked(setup: &mut Setup) {
    let service = files::load(&Masked, &flow()).0.expect("the flow loads");
    setup.services.insert("account-desk".to_owned(), service);
}

fn untrusted(setup: &mut Setup) {
    whispering(setup);
    let config = std::sync::Arc::get_mut(&mut setup.config).expect("a configuration of its own");
    config.destinations[0].trusted = false;
}

/// A caller who keys the account and then does that.
fn then(acts: &[Act]) -> Vec<Act> {
    let mut script = caller(ACCOUNT);
    script.truncate(5);
    script.extend_from_slice(acts);
    script
}

fn hear(clip: &str) -> Act {
    Act::Hear(clip.to_owned())
}

fn run(seed: u64, tamper: fn(&mut Setup), agent: &[Act], caller: &[Act]) -> World {
    let mut world = World::new(Plan { tamper, ..plan(seed, answers(agent)) });
    world.captured = Some(Vec::new());
    world.call("+15551230001", Vec::new(), then(caller));
    world.run(Duration::from_secs(180));
    world
}

/// What a side heard, in order.
fn heard<'h>(happened: impl Iterator<Item = &'h Happened>) -> Vec<String> {
    let name = |happened: &Happened| match happened {
        Happened::Heard(clip) => Some(clip.clone()),
        Happened::HeardVoice => Some("voice".to_owned()),
        Happened::KeyHeard(key) => Some(key.to_char().to_string()),
        _ => None,
    };
    let mut names: Vec<String> = happened.filter_map(name).collect();
    names.dedup();
    names
}

fn agent_heard(world: &World) -> Vec<String> {
    heard(world.agents_happened.iter().map(|(_, happened)| happened))
}

/// What the caller heard from the waiting music on.
fn caller_heard(world: &World) -> Vec<String> {
    let heard = heard(world.happened[&0].iter());
    let waits = heard.iter().position(|what| what == HOLD).expect("music");
    heard[waits..].to_vec()
}

fn through(world: &World) {
    let unfinished = |h: &&Happened| matches!(h, Happened::Ended { through: false, .. });
    assert_eq!(world.happened[&0].iter().filter(unfinished).count(), 0, "{:?}", world.happened[&0]);
    let agents = world.agents_happened.iter().map(|(_, happened)| happened);
    assert_eq!(agents.filter(unfinished).count(), 0, "{:?}", world.agents_happened);
}

/// The recording runs again as it was.
fn replays(world: &World, files: &dyn Files) {
    let text = world.recordings[0].write().expect("a recording");
    let service = files::load(files, &flow()).0.expect("the flow loads");
    crate::rehearsed::again_on(world, &service);
    let program = service.program;
    let read = Fixture::read(&text).expect("the same recording");
    assert_eq!(rerun::run(&read, program).expect("a playable recording").comparison.first_difference, None);
}

fn plays(world: &World, leg: Leg) -> usize {
    let music = |out: &Step| matches!(out, Step::Out(Out::Play { leg: to, looped: true, .. }) if *to == leg);
    world.recordings[0].lines.iter().filter(|line| music(&line.step)).count()
}

fn trusted(_: &mut Setup) {}

#[test]
fn who_is_held_hears_music_whichever_side_holds() {
    let agent = [
        Act::HearVoice,
        Act::Wait(ms(300)),
        Act::Park,
        Act::Wait(ms(1500)),
        Act::Resume,
        Act::HearVoice,
        hear(HOLD),
        Act::Wait(ms(3000)),
        Act::HangUp,
    ];
    let caller =
        [Act::HearVoice, hear(HOLD), Act::Wait(ms(3000)), Act::Park, Act::Wait(ms(1500)), Act::Resume, Act::Stay];
    let world = run(60, trusted, &agent, &caller);
    through(&world);
    assert_eq!(caller_heard(&world), [HOLD, "voice", HOLD, "voice"], "waiting, talking, held, talking");
    assert_eq!((plays(&world, Leg::Caller), plays(&world, Leg::Agent)), (2, 1));
    let cdr = &world.cdrs[0];
    assert_eq!((cdr.disposition, cdr.by), (Disposition::Agent, EndedBy::Agent));
    replays(&world, &Disk);
}

#[test]
fn both_hold_and_each_takes_it_back_in_any_order() {
    for (agent_back, caller_back) in [(2_000, 4_000), (4_000, 2_000), (3_000, 3_000)] {
        let agent = [
            Act::HearVoice,
            Act::Wait(ms(500)),
            Act::Park,
            Act::Wait(ms(agent_back)),
            Act::Resume,
            Act::HearVoice,
            Act::Stay,
        ];
        let caller = [
            Act::HearVoice,
            Act::Wait(ms(1000)),
            Act::Park,
            Act::Wait(ms(caller_back)),
            Act::Resume,
            Act::Wait(ms(5000)),
            Act::HangUp,
        ];
        let world = run(61, trusted, &agent, &caller);
        through(&world);
        // The agent holds first: the caller hears music until it holds as well. Who takes it back first hears it again.
        let again = usize::from(agent_back > caller_back + 500);
        assert_eq!(plays(&world, Leg::Caller), 2 + again, "{agent_back} {caller_back}");
        assert_eq!(plays(&world, Leg::Agent), 1 - again, "{agent_back} {caller_back}");
        replays(&world, &Disk);
    }
}

#[test]
fn a_side_that_holds_with_music_of_its_own_is_heard_instead_of_ours() {
    let agent = [Act::HearVoice, Act::Wait(ms(300)), Act::Hold, Act::Wait(ms(3000)), Act::HangUp];
    let world = run(62, trusted, &agent, &[Act::HearVoice, hear(HOLD), Act::Stay]);
    through(&world);
    let Some(Happened::Ended { counted, .. }) = world.happened[&0].last() else { panic!("the call ended") };
    // Before the hold some 30 frames, of its 3 s all but the first half second.
    assert!((130..170).contains(&counted.voice_frames), "{}", counted.voice_frames);
    assert_eq!(plays(&world, Leg::Caller), 2);
}

#[test]
fn an_agent_that_hangs_up_while_it_holds_gives_the_caller_back() {
    let world =
        run(63, trusted, &[Act::HearVoice, Act::Park, Act::Wait(ms(1500)), Act::HangUp], &[hear(HOLD), Act::Stay]);
    through(&world);
    assert_eq!((world.cdrs[0].disposition, world.cdrs[0].by), (Disposition::Agent, EndedBy::Agent));
    replays(&world, &Disk);
}

#[test]
fn all_who_wait_hear_the_same_place_of_the_music() {
    let mut world = World::new(plan(64, Answering::Ring));
    for wait in [0, 3_333, 1_111] {
        world.run(ms(wait));
        world.call("+15551230001", Vec::new(), then(&[Act::Stay]));
    }
    world.run(Duration::from_secs(12));
    let arena = files::load(&Disk, &flow()).0.expect("the flow loads").arena;
    let span = arena.span(HOLD).expect("music");
    let place = |packet: &Vec<u8>| {
        let same = |at: &u32| arena.frame(askonce::codec::Codec::Pcmu, span.start + at) == Some(&packet[12..]);
        (0..span.frames).find(same).expect("a frame of the music")
    };
    let places: Vec<u32> = world.last_sound.values().map(place).collect();
    assert_eq!(places.len(), 3);
    let (least, most) = (places.iter().min().expect("three"), places.iter().max().expect("three"));
    assert!(most - least <= 2, "{places:?}: but for the frames under way");
    // It is 10:15 and some seconds: the tune has been going round since 1970, but for what 32 bits cannot say.
    let since = (world.now.as_micros() / 20_000 + 1_796_120_100 * 50) as u32 % span.frames;
    assert!(most.abs_diff(since) <= 3, "{places:?} {since}");
}

#[test]
fn the_agent_hears_the_whisper_and_the_caller_music_until_it_ends() {
    let agent = [
        hear("en/account_readback.1"),
        hear("en/digits/7"),
        hear("en/account_readback.2"),
        Act::HearVoice,
        Act::Wait(ms(500)),
        Act::HangUp,
    ];
    let world = run(65, whispering, &agent, &[Act::HearVoice, Act::Stay]);
    through(&world);
    assert_eq!(caller_heard(&world), [HOLD, "voice"], "of the whisper nothing");
    let hop = &world.cdrs[0].hops[0];
    assert!(hop.waited_ms > 5_000, "{} ms: the caller waited through it", hop.waited_ms);
    assert_eq!(world.cdrs[0].disposition, Disposition::Agent);
    replays(&world, &Whispering);
}

#[test]
fn a_key_of_the_agent_s_cuts_the_whisper_short_and_is_no_key_of_the_caller_s() {
    for press in [Act::Press("1".to_owned()), Act::Info("1".to_owned())] {
        let agent = [hear("en/account_readback.1"), press, Act::HearVoice, Act::Wait(ms(500)), Act::HangUp];
        let world = run(66, whispering, &agent, &[Act::HearVoice, Act::Stay]);
        through(&world);
        assert_eq!(caller_heard(&world), [HOLD, "voice"], "not the key either");
        assert_eq!(world.cdrs[0].keys, 13);
        assert!(world.cdrs[0].hops[0].waited_ms < 2_500, "{}", world.cdrs[0].hops[0].waited_ms);
        replays(&world, &Whispering);
    }
}

#[test]
fn an_agent_that_hangs_up_in_the_whisper_has_not_taken_the_call() {
    let world = run(67, whispering, &[hear("en/account_readback.1"), Act::HangUp], &[hear("en/call_later"), Act::Stay]);
    through(&world);
    let cdr = &world.cdrs[0];
    assert_eq!((cdr.disposition, cdr.refusals[0].status), (Disposition::Failed, 480));
    replays(&world, &Whispering);
}

#[test]
fn a_caller_that_hangs_up_in_the_whisper_takes_the_agent_along() {
    let world = run(
        68,
        whispering,
        &[hear("en/account_readback.1"), Act::Stay],
        &[hear(HOLD), Act::Wait(ms(1500)), Act::HangUp],
    );
    through(&world);
    assert_eq!(world.cdrs[0].disposition, Disposition::AbandonedQueue);
    assert!(world.engine.idle());
    replays(&world, &Whispering);
}

#[test]
fn an_agent_that_holds_in_the_whisper_is_not_waited_for_for_ever() {
    let agent =
        [hear("en/account_readback.1"), Act::Wait(ms(300)), Act::Park, Act::Wait(Duration::from_secs(40)), Act::HangUp];
    let world = run(69, whispering, &agent, &[hear(HOLD), Act::Stay]);
    through(&world);
    let waited = world.cdrs[0].hops[0].waited_ms;
    assert!((30_000..31_500).contains(&waited), "{waited}");
    assert_eq!(world.cdrs[0].disposition, Disposition::Agent);
}

#[test]
fn what_is_the_caller_s_own_is_not_whispered_to_who_is_not_trusted() {
    let agent = [hear("en/account_readback.1"), hear("en/account_readback.2"), Act::HearVoice, Act::HangUp];
    let world = run(70, untrusted, &agent, &[Act::HearVoice, Act::Stay]);
    through(&world);
    assert!(!agent_heard(&world).iter().any(|clip| clip.contains("digits")), "{:?}", agent_heard(&world));
}

#[test]
fn of_a_card_both_hear_the_last_four_digits() {
    let agent = [hear("en/account_readback.2"), Act::HearVoice, Act::HangUp];
    let mut world = World::new(Plan { tamper: masked, ..plan(71, answers(&agent)) });
    world.captured = Some(Vec::new());
    let mut patient = then(&[Act::HearVoice, Act::Stay]);
    patient[2] = hear("en/account_readback.2");
    world.call("+15551230001", Vec::new(), patient);
    world.run(Duration::from_secs(180));
    through(&world);
    let digits = |heard: Vec<String>| heard.into_iter().filter(|clip| clip.contains("digits")).collect::<Vec<_>>();
    let last = ACCOUNT[ACCOUNT.len() - 4..].chars().map(|digit| format!("en/digits/{digit}")).collect::<Vec<_>>();
    assert_eq!(digits(agent_heard(&world)), last);
    assert_eq!(digits(heard(world.happened[&0].iter())), last);
    replays(&world, &Masked);
}

#[test]
fn keys_go_both_ways_whatever_brings_them() {
    let agent = [
        Act::HearVoice,
        Act::Wait(ms(300)),
        Act::Press("12".to_owned()),
        Act::Wait(ms(800)),
        Act::Info("3".to_owned()),
        Act::Stay,
    ];
    let caller = [Act::HearVoice, Act::Wait(ms(1500)), Act::Press("4".to_owned()), Act::Wait(ms(800)), Act::Stay];
    let mut world = world(71, FAIR, answers(&agent));
    world.call("+15551230001", Vec::new(), then(&caller));
    let mut by_info = then(&[Act::HearVoice, Act::Wait(ms(1500)), Act::Info("56".to_owned()), Act::Stay]);
    by_info[1] = Act::Info(format!("{ACCOUNT}#"));
    by_info[4] = Act::Info("1".to_owned());
    world.call("+15551230002", Vec::new(), by_info);
    world.run(Duration::from_secs(40));
    let keys = |happened: Vec<String>| happened.into_iter().filter(|what| what.len() == 1).collect::<String>();
    assert_eq!(keys(heard(world.happened[&0].iter())), "12", "an INFO after events repeats them");
    let talks = [0, 1].map(|talk| world.agents_happened.iter().filter(move |(of, _)| *of == talk).map(|(_, h)| h));
    assert_eq!(talks.map(|talk| keys(heard(talk))), ["56", "4"]);
}

#[test]
fn an_agent_that_asks_for_what_it_was_given_is_told_of_and_what_callers_key_in_otherwise_is_not() {
    let agent = [Act::HearVoice, Act::Wait(ms(15_000)), Act::HangUp];
    let (digits, rest) = ACCOUNT.split_at(5);
    let talks = [
        // After another entry, and with a pause that ends it.
        (vec![format!("12#{ACCOUNT}")], 1),
        (vec!["12".to_owned(), ACCOUNT.to_owned()], 1),
        (vec![format!("1{ACCOUNT}")], 0),
        (vec![digits.to_owned(), rest.to_owned()], 0),
    ];
    for (entries, told) in talks {
        let mut caller = vec![Act::HearVoice, Act::Wait(ms(500))];
        for entry in &entries {
            caller.extend([Act::Press(entry.clone()), Act::Wait(ms(6_000))]);
        }
        caller.push(Act::Stay);
        let world = run(73, |_| {}, &agent, &caller);
        let again: Vec<_> = world.cdrs[0].asked_again.iter().map(|again| (&*again.to, &*again.fact)).collect();
        assert_eq!(again, vec![("support", "account"); told], "{entries:?}");
        let tally = world.engine.tally();
        let counted = |series: &Series| {
            series.iter().map(|(labels, n)| (labels.collect::<Vec<_>>().join(" "), n)).collect::<Vec<_>>()
        };
        assert_eq!(counted(&tally.facts), [("account-desk account filled keypad".to_owned(), 1)]);
        assert_eq!(counted(&tally.asked), [("account-desk account".to_owned(), 1)]);
        assert_eq!(counted(&tally.exits), [("account-desk start".to_owned(), 1)]);
        assert_eq!(counted(&tally.ended), [("account-desk agent agent".to_owned(), 1)]);
        assert_eq!(tally.asked_again.iter().count(), told);
        assert!(tally.handoffs.iter().count() > 0 && tally.setup.buckets.iter().sum::<u64>() == 1);
    }
}

#[test]
fn a_phone_that_is_silent_for_minutes_is_asked_and_stays() {
    let agent = [
        Act::HearVoice,
        Act::Wait(ms(300)),
        Act::Park,
        Act::Wait(Duration::from_secs(150)),
        Act::Resume,
        Act::HearVoice,
        Act::HangUp,
    ];
    let mut world = World::new(plan(72, answers(&agent)));
    world.call("+15551230001", Vec::new(), then(&[Act::HearVoice, Act::Stay]));
    world.run(Duration::from_secs(300));
    through(&world);
    assert_eq!((world.engine.counters().silent, world.cdrs[0].disposition), (2, Disposition::Agent));
}

#[test]
fn who_is_silent_and_gone_is_lost_after_a_minute() {
    // A caller of whom there is an INVITE and an ACK, and nobody behind it who knows the dialog.
    let (mut world, _) = crate::codecs::called("0");
    world.run(Duration::from_secs(45));
    assert_eq!((world.engine.counters().silent, world.cdrs.len()), (0, 0));
    world.run(Duration::from_secs(10));
    assert_eq!(world.engine.counters().silent, 1);
    assert_eq!((world.cdrs[0].disposition, world.cdrs[0].by), (Disposition::Failed, EndedBy::System));
}
