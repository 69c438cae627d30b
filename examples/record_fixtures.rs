//! Records the shipped fixtures anew, from live calls on loopback: `cargo run --example record_fixtures`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an example runs in the world")]

use askonce::config::{Config, Quick, RtpPorts};
use askonce::os::clock::Clock;
use askonce::peer::ear::Ear;
use askonce::peer::net::Net;
use askonce::peer::{Act, Answering, Happened, Phones};
use askonce::server::files::{self, Disk};
use askonce::server::{self, Plan, Will};
use askonce::sip::Uri;
use askonce::time::Duration;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

const FLOW: &str = "flows/account-desk.yaml";
/// Not anybody's account: the number that explains the Luhn check everywhere.
const ACCOUNT: &str = "79927398713";
const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

fn main() -> Result<(), Box<dyn Error>> {
    let answers = || {
        let script = [Act::HearVoice, Act::Wait(Duration::from_secs(1)), Act::HangUp];
        Answering::Answer { after: Duration::from_millis(800), script: script.into() }
    };
    record("clean", clean(), answers())?;
    record("retries", retries(), answers())?;
    record("agent-busy", busy(), Answering::Refuse(486))
}

fn hear(clip: &str) -> Act {
    Act::Hear(format!("en/{clip}"))
}

fn press(keys: &str) -> Act {
    Act::Press(keys.to_owned())
}

fn pause() -> Act {
    Act::Wait(Duration::from_millis(700))
}

/// Listens to everything, keys the number in, confirms it.
fn clean() -> Vec<Act> {
    vec![
        hear("account_ask"),
        Act::Wait(Duration::from_millis(3500)),
        press(ACCOUNT),
        press("#"),
        hear("account_readback.2"),
        Act::Wait(Duration::from_secs(4)),
        press("1"),
        Act::HearVoice,
        Act::Stay,
    ]
}

/// Types ahead over the welcome and gets it wrong; interrupts the second question; corrects what is read back.
fn retries() -> Vec<Act> {
    vec![
        hear("welcome"),
        pause(),
        press("12345678#"),
        hear("account_invalid"),
        pause(),
        press("12345674#"),
        hear("account_readback.1"),
        pause(),
        press("2"),
        hear("account_last"),
        pause(),
        press(&format!("{ACCOUNT}#")),
        hear("account_readback.1"),
        pause(),
        press("1"),
        Act::HearVoice,
        Act::Stay,
    ]
}

/// The agent is busy: the flow says so and hangs up.
fn busy() -> Vec<Act> {
    vec![
        hear("account_ask"),
        pause(),
        press(&format!("{ACCOUNT}#")),
        hear("account_readback.1"),
        press("1"),
        hear("call_later"),
        Act::Stay,
    ]
}

fn record(name: &str, script: Vec<Act>, answering: Answering) -> Result<(), Box<dyn Error>> {
    let clock = Clock::start();
    let (service, findings) = files::load(&Disk, Path::new(FLOW));
    let ear = Some(Arc::new(Ear::new(&service.ok_or_else(|| findings.render())?.arena)));
    let set = |voice, answering| -> std::io::Result<(Net, Phones)> {
        let net = Net::bind(SocketAddr::from((LOOPBACK, 0)), clock)?;
        let phones = Phones::new(net.contact(), voice, answering, ear.clone(), u64::from(voice));
        Ok((net, phones))
    };
    let (mut agent, mut caller) = (set(0x42, answering)?, set(0x31, Answering::Refuse(486))?);
    let folder = tempfile::tempdir()?;
    let config = Config::quick(&Quick {
        flow: FLOW,
        destinations: &[format!("support=sip:agent@{}", agent.0.contact())],
        endpoints: &[],
        sip: SocketAddr::from((LOOPBACK, 0)),
        rtp: RtpPorts { address: LOOPBACK.into(), first: 20_000, last: 29_999 },
        http: SocketAddr::from((LOOPBACK, 0)),
        store: &folder.path().join("askonce.db").display().to_string(),
    })?;
    let recordings = folder.path().join("recordings");
    let config = config.keeping_all(recordings.display().to_string());
    let (place, findings) = server::quick_place(&Disk, &config);
    let place = place.ok_or_else(|| findings.render())?;
    let running = server::start(Plan { place, watch: None, token: None, trace: false, workers: None })?;
    let uri = |user: &str, host: SocketAddr| Uri::of(user, host);
    let (to, from) = (uri("+18005550100", running.sip[0].address)?, uri("+15551230001", caller.0.contact())?);
    caller.1.call(running.sip[0].address, to, from, Vec::new(), script.into());
    let mut over = false;
    while !over {
        caller.0.turn(&mut caller.1, &mut |_, at, happened| {
            println!("{name} {:8.3} {happened:?}", at.as_micros() as f64 / 1e6);
            over = matches!(happened, Happened::Ended { .. });
        });
        agent.0.turn(&mut agent.1, &mut |_, _, _| {});
        caller.0.wait(&caller.1);
    }
    running.wants(Will::Drain);
    running.join();
    let recorded = std::fs::read_dir(&recordings)?.next().ok_or("nothing was recorded")??;
    let fixture = Path::new("fixtures").join(name);
    std::fs::create_dir_all(&fixture)?;
    std::fs::copy(recorded.path().join("call.jsonl"), fixture.join("call.jsonl"))?;
    Ok(())
}
