//! `askonce doctor`: whether this machine is fit for the service, what it costs where it is not, and the remedy.

use super::{Failed, count, fail, show};
use crate::server;
use crate::server::checkup::{self, Finding, Verdict};
use crate::server::files::Disk;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// The configuration that is to be served: its addresses, files and limits are looked at as well
    #[arg(long)]
    config: Option<PathBuf>,
    /// JSON instead of lines
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let read = args.config.as_ref().map(|path| server::read_place(&Disk, path));
    let place = read.as_ref().map(|(place, findings)| {
        show(findings);
        place.as_ref().ok_or(findings.errors())
    });
    let findings = checkup::examine(place);
    if args.json {
        println!("{}", serde_json::json!({ "checks": findings }));
    } else {
        findings.iter().for_each(|finding| println!("{}", line(finding)));
    }
    let failures = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    if failures == 0 { Ok(()) } else { Err(fail(count(failures, "failure"))) }
}

fn line(finding: &Finding) -> String {
    let verdict = match finding.verdict {
        Verdict::Ok => "ok",
        Verdict::Warn => "warn",
        Verdict::Fail => "fail",
        Verdict::Unknown => "unknown",
    };
    let mut line = format!("{verdict:<8}{:<21}{}", finding.check, finding.found);
    if let Some(cost) = &finding.cost {
        line += &format!(". It costs: {cost}");
    }
    if let Some(remedy) = &finding.remedy {
        line += &format!(". Remedy: {remedy}");
    }
    line
}
