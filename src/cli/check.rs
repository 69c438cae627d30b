//! `askonce check`: the mistakes of flows and configurations, each with its place and its remedy.

use super::{Failed, count, show};
use crate::server;
use crate::server::files::{self, Disk};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Flow files
    #[arg(required_unless_present = "config")]
    flows: Vec<PathBuf>,
    /// A configuration: it is checked, and every flow that it names, and the two against each other
    #[arg(long)]
    config: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let mut errors = 0;
    for path in &args.flows {
        let (service, findings) = files::load(&Disk, path);
        show(&findings);
        errors += findings.errors();
        if let Some(service) = service {
            let flow = &service.program.flow;
            println!("{}: flow {} is sound (digest {})", path.display(), flow.name.text, flow.digest);
        }
    }
    if let Some(path) = &args.config {
        let (place, findings) = server::read_place(&Disk, path);
        show(&findings);
        errors += findings.errors();
        if let Some(place) = place {
            println!("{}: the configuration and its {} are sound", path.display(), count(place.services.len(), "flow"));
        }
    }
    if errors == 0 { Ok(()) } else { Err(super::fail(count(errors, "error"))) }
}
