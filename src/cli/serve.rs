//! `askonce serve`: answers calls until it is told to stop, then lets those that stand come to their end.

use super::logging::Form;
use super::{Failed, count, fail, show};
use crate::config::{Config, Quick, RtpPorts};
use crate::os::notify::notify;
use crate::server::http::Token;
use crate::server::{self, Origin, Plan, Will};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::signal::unix::{SignalKind, signal};

#[derive(clap::Args)]
pub struct Args {
    /// The configuration (docs/configuration.md); or use the quick mode below
    #[arg(long, conflicts_with_all = ["flow", "destination"], required_unless_present = "flow")]
    config: Option<PathBuf>,
    /// Quick mode: the flow that answers every call from this machine
    #[arg(long)]
    flow: Option<PathBuf>,
    /// Quick mode: where a queue's callers go: NAME=sip:user@address:port
    #[arg(long, value_name = "NAME=URI")]
    destination: Vec<String>,
    /// Quick mode: what a lookup's endpoint is: NAME=http://127.0.0.1:9000
    #[arg(long, value_name = "NAME=URL", conflicts_with = "config")]
    endpoint: Vec<String>,
    /// Quick mode: where SIP is listened for
    #[arg(long, default_value = "udp:127.0.0.1:5060", conflicts_with = "config")]
    sip: String,
    /// Quick mode: what is spoken, the best first: opus, g722, pcma, pcmu [default: G.711 as the caller likes it]
    #[arg(long, value_name = "LIST", conflicts_with = "config")]
    codecs: Option<String>,
    /// Quick mode: address and ports for media
    #[arg(long, default_value = "127.0.0.1:20000-29999", conflicts_with = "config")]
    rtp: String,
    /// Quick mode: where the HTTP API is
    #[arg(long, default_value = "127.0.0.1:8080", conflicts_with = "config")]
    http: SocketAddr,
    /// Quick mode: the SQLite file for contexts and call records
    #[arg(long, default_value = "askonce.db", conflicts_with = "config")]
    store: PathBuf,
    /// A file with the API's bearer token (16 characters at least); without one nobody may read contexts
    #[arg(long)]
    token_file: Option<PathBuf>,
    /// Quick mode: keep every call as a fixture in this folder, without its caller
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    record: Option<PathBuf>,
    /// Keep traces of calls for `askonce trace --live`, with keys and account numbers masked
    #[arg(long)]
    trace: bool,
    /// Form of the log [default: ASKONCE_LOG_FORMAT, else text]
    #[arg(long)]
    pub(super) log: Option<Form>,
    /// Media workers; default: one less than this machine has cores, at least one
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: Option<u8>,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    // Contexts, records and recordings are for this user alone.
    crate::os::sys::private_files();
    let plan = plan(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fail)?;
    // Listened for before the first call can come, so that no signal is missed.
    let listen = || -> std::io::Result<_> {
        Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?))
    };
    let (mut terminate, mut interrupt, mut hangup) = runtime.block_on(async { listen() }).map_err(fail)?;
    let running = server::start(plan).map_err(fail)?;
    let sip = running.sip.iter().map(|hop| hop.to_string()).collect::<Vec<_>>().join(",");
    println!("ready sip={sip} http={} rtp={}", running.http, running.rtp);
    std::io::stdout().flush().map_err(fail)?;
    tell_systemd("READY=1");
    runtime.block_on(async {
        // The first signal drains, the second ends at once; and the service may end by itself.
        let mut wills = [Will::Drain, Will::Stop].into_iter();
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {
                    running.reload();
                    continue;
                }
                () = running.ended() => return,
            }
            let Some(will) = wills.next() else { break };
            tracing::info!(?will, "a signal to end");
            tell_systemd("STOPPING=1");
            running.wants(will);
        }
        running.ended().await;
    });
    if running.join() { Ok(()) } else { Err(fail("the control plane died, and its calls with it")) }
}

/// Where systemd runs us it waits for this.
fn tell_systemd(state: &str) {
    if let Err(error) = notify(state) {
        tracing::warn!(%error, state, "systemd could not be told");
    }
}

/// What is to be served: read, checked, and nothing started yet.
fn plan(args: &Args) -> Result<Plan, Failed> {
    if !args.http.ip().is_loopback() {
        return Err(fail(format!("--http {}: loopback only, until there are users and TLS", args.http)));
    }
    let origin = match (&args.config, &args.flow) {
        (Some(path), _) => Origin::File(path.clone()),
        (None, Some(flow)) => {
            let quick = Quick {
                flow: &flow.display().to_string(),
                destinations: &args.destination,
                endpoints: &args.endpoint,
                sip: sip(&args.sip)?,
                rtp: rtp(&args.rtp)?,
                http: args.http,
                store: &args.store.display().to_string(),
            };
            let config = Config::quick(&quick).and_then(|config| match &args.codecs {
                Some(codecs) => config.speaking(codecs),
                None => Ok(config),
            });
            let config = config.map_err(fail)?;
            Origin::Quick(Box::new(match &args.record {
                Some(folder) => config.keeping_all(folder.display().to_string()),
                None => config,
            }))
        }
        (None, None) => return Err(fail("--config or --flow is needed")),
    };
    let reading = origin.read();
    show(&reading.findings);
    let watch = Some(origin.watch(&reading));
    let errors = reading.findings.errors();
    let place = reading.place.ok_or_else(|| fail(format!("not started: {}", count(errors, "error"))))?;
    let token = args.token_file.as_ref().map(|path| token(path)).transpose()?;
    if token.is_none() {
        eprintln!("askonce: no --token-file: nobody may read contexts over HTTP");
    }
    Ok(Plan { place, watch, token, trace: args.trace, workers: args.workers.map(usize::from) })
}

/// `udp:127.0.0.1:5060`.
fn sip(text: &str) -> Result<SocketAddr, Failed> {
    let address = text.strip_prefix("udp:").and_then(|address| address.parse().ok());
    address.ok_or_else(|| fail(format!("--sip {text}: write udp:ADDRESS:PORT (other transports are not served yet)")))
}

/// `127.0.0.1:20000-29999`.
fn rtp(text: &str) -> Result<RtpPorts, Failed> {
    let ports = || {
        let (address, ports) = text.rsplit_once(':')?;
        let (first, last) = ports.split_once('-')?;
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        let address = address.trim_matches(['[', ']']).parse().ok()?;
        (first >= 1024 && first < last).then_some(RtpPorts { address, first, last })
    };
    ports().ok_or_else(|| fail(format!("--rtp {text}: write ADDRESS:FIRST-LAST, ports from 1024 on")))
}

fn token(path: &Path) -> Result<Token, Failed> {
    let text = std::fs::read_to_string(path).map_err(|error| fail(format!("{}: {error}", path.display())))?;
    Token::new(&text).ok_or_else(|| fail(format!("{}: a token has 16 characters at least", path.display())))
}
