//! `askonce replay --over`: recorded calls placed at another system, by real phones.

use super::load;
use super::suite::{self, Case, Suite};
use super::{Failed, fail};
use crate::codec::Codec;
use crate::record::Fixture;
use crate::record::compare::Layers;
use crate::record::seam::KeyCarrier;
use crate::replay::over::{Line, Options, Over, Sounds};
use crate::rerun::Outcome;
use crate::rerun::outcome::Replayed;
use crate::server::files::{self, Disk};
use crate::sip::{Transport, Uri};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

#[derive(clap::Args)]
pub struct Elsewhere {
    /// Place the calls at that system over UDP, in real time, and judge what is seen from outside: sip:[user@]host[:port];
    /// without a user each call asks for the number that it asked for then
    #[arg(long, value_name = "URI")]
    over: Option<String>,
    /// With --over: where our phone stands in for the people whom that system calls [default: a free port of the address
    /// that leads there]
    #[arg(long, value_name = "ADDRESS:PORT", requires = "over")]
    agent: Option<SocketAddr>,
    /// With --over: what carries the callers' keys [default: what did then]
    #[arg(long, value_enum, requires = "over")]
    keys: Option<Keys>,
    /// With --over: how long is waited for what does not come, in milliseconds
    #[arg(long, value_name = "MS", requires = "over", default_value_t = 4_000)]
    patience: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Keys {
    /// Telephone-event (RFC 4733)
    Rtp,
    /// SIP INFO (application/dtmf-relay)
    Info,
    /// Tones in the audio; telephone-event is not offered
    Inband,
}

impl Elsewhere {
    /// Whether calls are placed.
    pub fn wanted(&self) -> bool {
        self.over.is_some()
    }
}

/// Places the suite's calls, one after the other unless more were asked for.
pub fn run(args: &Elsewhere, suite: &Suite, layers: &Layers) -> Result<Vec<Case>, Failed> {
    let (options, from) = options(args, suite, layers).map_err(fail)?;
    let agent = args.agent.unwrap_or(SocketAddr::new(from, 0));
    let mut line = Line::open(from, agent).map_err(fail)?;
    let stop = load::stop_on_signal().map_err(fail)?;
    let people = line.agent();
    eprintln!("calling {}; the people whom it calls are at sip:{people} (--agent)", options.to);
    let mut read = Vec::new();
    let mut cases = BTreeMap::new();
    for (number, path) in suite.paths.iter().enumerate() {
        match suite::read(path) {
            Ok(fixture) => read.push((number, fixture)),
            Err(why) => drop(cases.insert(number, case(path, None, broken(why)))),
        }
    }
    let flows: BTreeSet<String> = read.iter().map(|(_, fixture)| fixture.header.flow.clone()).collect();
    for flow in flows {
        let of_flow: Vec<(usize, &Fixture)> = read
            .iter()
            .filter(|(_, one)| one.header.flow == flow)
            .map(|(number, fixture)| (*number, fixture))
            .collect();
        let done = of_one(&mut line, suite, &flow, &of_flow, &options, &stop)?;
        for (number, fixture, over) in done {
            cases.insert(number, case(&suite.paths[number], Some(fixture), over));
        }
    }
    Ok(cases.into_values().collect())
}

type Done<'f> = (usize, &'f Fixture, Over);

/// Places the calls of one flow.
fn of_one<'f>(
    line: &mut Line,
    suite: &Suite,
    flow: &str,
    fixtures: &[(usize, &'f Fixture)],
    options: &Options,
    stop: &AtomicBool,
) -> Result<Vec<Done<'f>>, Failed> {
    let sounds = match suite.flows.file(flow).and_then(sounds) {
        Ok(sounds) => Arc::new(sounds),
        Err(why) => return Ok(fixtures.iter().map(|(number, one)| (*number, *one, broken(why.clone()))).collect()),
    };
    let calls: Vec<&Fixture> = fixtures.iter().map(|(_, fixture)| *fixture).collect();
    let mut done = Vec::new();
    let ran = line.run(&sounds, &calls, options, stop, &mut |at, over| {
        let (number, fixture) = fixtures[at];
        done.push((number, fixture, over));
    });
    let unjudged: BTreeSet<&String> = done.iter().flat_map(|(_, _, over)| &over.unjudged).collect();
    unjudged.iter().for_each(|what| eprintln!("{flow}: not judged: {what}"));
    ran.map_err(fail).map(|()| done)
}

fn options(args: &Elsewhere, suite: &Suite, layers: &Layers) -> Result<(Options, IpAddr), String> {
    let over = args.over.as_deref().unwrap_or("");
    let target = Uri::read(over).map_err(|why| format!("--over {over}: {why}; write sip:host:port"))?;
    let to = load::hop("--over", &target)?;
    if to.transport != Transport::Udp {
        return Err("--over: calls are placed over UDP only; take sip: without a transport".to_owned());
    }
    let from = match args.agent {
        Some(agent) if !agent.ip().is_unspecified() => agent.ip(),
        _ => load::facing(to.address).map_err(|why| format!("--over: {why}; give our own address with --agent"))?,
    };
    if from.is_ipv4() != to.address.is_ipv4() {
        return Err(format!("--agent {from}: {} is of the other IP version; give an address of that", to.address));
    }
    let keys = args.keys.map(|keys| match keys {
        Keys::Rtp => KeyCarrier::Rtp,
        Keys::Info => KeyCarrier::Info,
        Keys::Inband => KeyCarrier::InBand,
    });
    let user = target.user().map(str::to_owned);
    let (patience, at_once) = (Duration::from_millis(args.patience), suite.jobs.unwrap_or(1));
    Ok((Options { to, user, keys, layers: layers.clone(), patience, at_once }, from))
}

/// The prompts of a flow as a server of ours plays them, and as they are in their files.
fn sounds(path: &Path) -> Result<Sounds, String> {
    let (service, _) = files::load_unproved(&Disk, path, &Codec::LAWS);
    let does_not = || format!("the flow {} does not load; `askonce check` says why", path.display());
    let service = service.ok_or_else(does_not)?;
    let others = files::unlevelled(&Disk, path);
    Ok(Sounds::of(&service.program.prompts, service.arena, others.as_slice()))
}

fn broken(why: String) -> Over {
    Over { outcome: Outcome::Broken(why), unjudged: BTreeSet::new(), took: Duration::ZERO }
}

fn case(path: &PathBuf, fixture: Option<&Fixture>, over: Over) -> Case {
    let flow = fixture.map_or(String::new(), |fixture| fixture.header.flow.clone());
    let fixture = fixture.filter(|_| !over.outcome.passes()).cloned().map(Box::new);
    let replayed = Replayed { outcome: over.outcome, ran: None, edited: false };
    Case { path: path.clone(), flow, replayed, fixture, took: over.took }
}
