//! `askonce replay --over`: recorded calls placed at another system, by real phones.

use super::load;
use super::suite::{Case, Suite};
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
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

#[derive(clap::Args)]
pub struct Elsewhere {
    /// Place the calls at that system over UDP, in real time, and judge what is seen from outside: sip:[user@]host[:port];
    /// without a user each call asks for the number that it asked for then
    #[arg(long, value_name = "URI", conflicts_with = "exact")]
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
    let calls = suite.calls();
    let mut cases = BTreeMap::new();
    let mut flows: BTreeMap<&str, Vec<Wanted>> = BTreeMap::new();
    for (number, (path, title, call)) in calls.iter().enumerate() {
        match call {
            Ok(fixture) => flows.entry(&fixture.header.flow).or_default().push((number, fixture)),
            Err(why) => drop(cases.insert(number, Case::broken(path, title.clone(), String::new(), why.clone()))),
        }
    }
    for (flow, wanted) in flows {
        of_flow(&mut line, suite, (flow, &wanted), &options, &stop, &mut |(number, fixture), over| {
            let (path, title, _) = &calls[number];
            let replayed = Replayed { outcome: over.outcome, ran: None, edited: false };
            let case = Case::of(path, title.clone(), flow.to_owned(), replayed, fixture.clone());
            cases.insert(number, Case { took: over.took, ..case });
        })?;
    }
    Ok(cases.into_values().collect())
}

/// A call and its number among all.
type Wanted<'c> = (usize, &'c Fixture);

/// Places the calls of one flow.
fn of_flow<'c>(
    line: &mut Line,
    suite: &Suite,
    (flow, wanted): (&str, &[Wanted<'c>]),
    options: &Options,
    stop: &AtomicBool,
    told: &mut dyn FnMut(Wanted<'c>, Over),
) -> Result<(), Failed> {
    let sounds = match suite.flows.file(flow).and_then(sounds) {
        Ok(sounds) => Arc::new(sounds),
        Err(why) => {
            wanted.iter().for_each(|one| told(*one, broken(why.clone())));
            return Ok(());
        }
    };
    let calls: Vec<&Fixture> = wanted.iter().map(|(_, fixture)| *fixture).collect();
    let mut unjudged = BTreeSet::new();
    let ran = line.run(&sounds, &calls, options, stop, &mut |at, mut over| {
        unjudged.append(&mut over.unjudged);
        told(wanted[at], over);
    });
    unjudged.iter().for_each(|what| eprintln!("{flow}: not judged: {what}"));
    ran.map_err(fail)
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
