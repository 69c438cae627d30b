//! `askonce erase`: takes a caller out of everything that is kept, beside a running service or without one.

use super::{Failed, fail, show};
use crate::server;
use crate::server::files::Disk;
use crate::server::store::Places;
use crate::server::store::erase::erase;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// The caller's number, as call records have it: +15551230001
    #[arg(long)]
    number: String,
    /// The configuration that the service runs with
    #[arg(long)]
    config: PathBuf,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let (config, findings) = server::read_config(&Disk, &args.config);
    show(&findings);
    let config = config.ok_or_else(|| fail("nothing was erased: the configuration does not say where things are"))?;
    let erased = erase(&Places::of(&config), &args.number).map_err(fail)?;
    for (count, what) in [
        (erased.contexts, "contexts"),
        (erased.references, "references of contexts"),
        (erased.deliveries, "webhooks that were not delivered"),
        (erased.remembered, "values that were kept for the next call"),
        (erased.records, "call records in the database: they have no caller any more"),
        (erased.lines, "call records in their files: they have no caller any more"),
        (erased.recordings, "recordings"),
        (erased.fixtures, "fixtures and calls of the journal (what was copied out of the inbox has pseudonyms only)"),
    ] {
        println!("{count:8} {what}");
    }
    if erased.in_log {
        println!(
            "The service was reading: what was deleted leaves the database's log (-wal) with its next checkpoint."
        );
    }
    if erased.under_way > 0 {
        return Err(fail(format!(
            "{} of that number are under way, and were left as they are\n  remedy: run this again once they have ended",
            super::count(erased.under_way.unsigned_abs() as usize, "call")
        )));
    }
    Ok(())
}
