//! `askonce load`: calls any SIP server at a given rate, keys in, listens, hangs up, and reports how it went. It says
//! what it is about to do, asks for a word more where that is much, and tells if it was itself the bottleneck.

mod drive;
mod plan;
mod records;
mod report;
mod tally;

pub(super) use drive::stop_on_signal;
pub(super) use plan::{facing, hop};

use super::fail;
use crate::codec::Codec;
use crate::keying::Policy;
use plan::Plan;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

/// The exit code of a run in which the tool itself was too slow: its figures do not count.
const BOTTLENECK: u8 = 3;

#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 every call was complete, 1 some were not, 2 the command line is wrong, 3 the load \
                        tool was the bottleneck and its figures do not count."
)]
pub struct Args {
    /// Whom to call: sip:user@host[:port], with ;transport=tcp over TCP
    #[arg(long)]
    target: String,
    /// Calls a second
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// Seconds in which the rate grows from nothing
    #[arg(long, default_value_t = 0.0)]
    ramp: f64,
    /// Calls in all [default: 10, unless --duration is given]
    #[arg(long)]
    calls: Option<u32>,
    /// Seconds in which calls are placed
    #[arg(long)]
    duration: Option<f64>,
    /// Calls at once, at most; more wait until one ends [default: 1000]
    #[arg(long)]
    concurrency: Option<u32>,
    /// Allow more than 100 calls a second or 1,000 at once: the target is yours, or its owner knows
    #[arg(long)]
    heavy: bool,
    /// What each caller does before it hangs up: waits (2s, 500ms) and keys, in their order
    #[arg(long, default_value = "2s 12345674# 3s")]
    script: String,
    /// What carries the keys
    #[arg(long, value_enum, default_value_t = Carrier::Event)]
    keys: Carrier,
    /// Codecs that are offered, in this order: pcmu, pcma, g722, opus
    #[arg(long, value_delimiter = ',', default_value = "pcmu,pcma", value_parser = codec)]
    codec: Vec<Codec>,
    /// off, offered or required
    #[arg(long, default_value = "off", value_parser = srtp)]
    srtp: Policy,
    /// Give a call up that is not answered for so many seconds
    #[arg(long, default_value_t = 30.0)]
    patience: f64,
    /// The address that the callers have [default: the one that leads to the target]
    #[arg(long)]
    from: Option<IpAddr>,
    /// Answer the calls that come in here, as the agents that the target sends callers to
    #[arg(long)]
    agents: Option<SocketAddr>,
    /// The call records of a target that is askonce: the keys it heard are counted against those that were pressed
    #[arg(long)]
    records: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// How keys go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Carrier {
    /// Telephone-event (RFC 4733)
    Event,
    /// Tones in the audio; telephone-event is not offered
    Tones,
    /// SIP INFO (application/dtmf-relay)
    Info,
}

pub fn run(args: &Args) -> ExitCode {
    let plan = match Plan::of(args) {
        Ok(plan) => plan,
        Err(wrong) => {
            fail(wrong);
            return ExitCode::from(2);
        }
    };
    eprintln!("{plan}");
    let report = match drive::run(&plan) {
        Ok(report) => report,
        Err(error) => {
            fail(error);
            return ExitCode::FAILURE;
        }
    };
    if args.json {
        println!("{}", report.json());
    } else {
        print!("{report}");
    }
    match (report.tool.bottleneck, report.calls.failed) {
        (true, _) => ExitCode::from(BOTTLENECK),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::FAILURE,
    }
}

fn codec(name: &str) -> Result<Codec, String> {
    let known = Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name));
    known.ok_or_else(|| format!("no codec of this build; it has {}", names(&Codec::ALL)))
}

fn srtp(name: &str) -> Result<Policy, &'static str> {
    match name {
        "off" => Ok(Policy::Off),
        "offered" => Ok(Policy::Offered),
        "required" => Ok(Policy::Required),
        _ => Err("off, offered or required"),
    }
}

fn names(codecs: &[Codec]) -> String {
    codecs.iter().map(|codec| codec.name().to_ascii_lowercase()).collect::<Vec<_>>().join(", ")
}
