//! `askonce trace`: a call as a SIP ladder, from a recording or from a running service.

use super::{Failed, fail};
use crate::peer::http;
use crate::record::Fixture;
use crate::record::ladder::{self, Row};
use crate::record::pcap;
use crate::record::trace::{Head, Sip, Trace};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a call that is followed is looked at.
const AGAIN: Duration = Duration::from_millis(300);

#[derive(clap::Args)]
pub struct Args {
    /// A recording (call.jsonl, or its folder)
    #[arg(required_unless_present = "live", conflicts_with = "live")]
    recording: Option<PathBuf>,
    /// A call of a running service (`serve --trace`) that is under way or ended not long ago; without a name: which there are
    #[arg(long, value_name = "CALL", num_args = 0..=1, default_missing_value = "", requires = "token_file")]
    live: Option<String>,
    /// Where the service's HTTP API is
    #[arg(long, default_value = "127.0.0.1:8080", requires = "live")]
    http: SocketAddr,
    /// A file with the API's bearer token
    #[arg(long, requires = "live")]
    token_file: Option<PathBuf>,
    /// Go on until the call is over
    #[arg(long, requires = "live")]
    follow: bool,
    /// Write the call's SIP messages, masked, as a capture file for Wireshark or sngrep
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let trace = match (&args.recording, &args.live) {
        (Some(path), _) => recorded(path)?,
        (None, Some(call)) => {
            let service = Service::of(args)?;
            if call.is_empty() {
                return service.list();
            }
            service.call(call, args.follow)?
        }
        (None, None) => return Err(fail("a recording or --live is needed")),
    };
    if trace.head.dropped > 0 {
        println!("{} more found no room in this trace", trace.head.dropped);
    }
    args.pcap.as_ref().map_or(Ok(()), |path| capture(&trace, path))
}

fn recorded(path: &Path) -> Result<Trace, Failed> {
    let file = if path.is_dir() { path.join("call.jsonl") } else { path.to_owned() };
    let failed = |why: &dyn std::fmt::Display| fail(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(&file).map_err(|error| failed(&error))?;
    let fixture = Fixture::read(&text).map_err(|broken| failed(&broken))?;
    let trace = Trace::of(&fixture);
    println!("{}", ladder::heading(&trace.head));
    print(&ladder::of_recording(&fixture));
    Ok(trace)
}

fn print(rows: &[Row]) {
    let colours = std::io::stdout().is_terminal();
    rows.iter().for_each(|row| println!("{}", row.render(colours)));
}

fn capture(trace: &Trace, path: &Path) -> Result<(), Failed> {
    let mut messages: Vec<&Sip> = trace.messages().collect();
    if messages.is_empty() {
        return Err(fail("there are no SIP messages to capture: recordings of older versions have none"));
    }
    messages.sort_by_key(|sip| sip.t);
    let count = messages.len();
    std::fs::write(path, pcap::write(trace.head.at, messages))
        .map_err(|error| fail(format!("{}: {error}", path.display())))?;
    eprintln!("askonce: {} in {}", super::count(count, "message"), path.display());
    Ok(())
}

/// The HTTP API of a running service.
struct Service {
    http: SocketAddr,
    token: String,
    runtime: tokio::runtime::Runtime,
}

impl Service {
    fn of(args: &Args) -> Result<Service, Failed> {
        let file = args.token_file.as_ref().ok_or_else(|| fail("--token-file is needed"))?;
        let token = std::fs::read_to_string(file).map_err(|error| fail(format!("{}: {error}", file.display())))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fail)?;
        Ok(Service { http: args.http, token: token.trim().to_owned(), runtime })
    }

    fn get(&self, path: &str) -> Result<String, Failed> {
        let failed = |why: &dyn std::fmt::Display| fail(format!("http://{}{path}: {why}", self.http));
        match self.runtime.block_on(http::get(self.http, path, &self.token)) {
            Ok((status, body)) if status.is_success() => Ok(body),
            Ok((status, body)) => Err(failed(&format!("{status}: {body}"))),
            Err(error) => Err(failed(&error)),
        }
    }

    fn list(&self) -> Result<(), Failed> {
        let heads: Vec<Head> = serde_json::from_str(&self.get("/v1/calls")?).map_err(fail)?;
        for head in &heads {
            println!("{}  {}  {}  {}", head.call, head.at, head.flow, head.from);
        }
        println!("{} under way", super::count(heads.len(), "call"));
        Ok(())
    }

    /// Prints the call's ladder; where it is followed, what is new of it each time.
    fn call(&self, call: &str, follow: bool) -> Result<Trace, Failed> {
        let path = format!("/v1/calls/{call}/trace");
        let mut printed = None;
        loop {
            let trace = Trace::read(&self.get(&path)?).map_err(fail)?;
            if printed.is_none() {
                println!("{}", ladder::heading(&trace.head));
            }
            let seen = printed.unwrap_or(0);
            print(&ladder::rows(trace.entries.get(seen..).unwrap_or(&[])));
            printed = Some(trace.entries.len());
            if trace.head.over || !follow {
                return Ok(trace);
            }
            // Made within the runtime: a timer is of one.
            self.runtime.block_on(async { tokio::time::sleep(AGAIN).await });
        }
    }
}
