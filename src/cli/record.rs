//! `askonce record`: a call that is over becomes a fixture afterwards, from the journal of the last ones.

use super::{Failed, count, fail, show};
use crate::record::Fixture;
use crate::server;
use crate::server::files::Disk;
use crate::server::inbox::{folder, journal};
use crate::server::store::Places;
use std::path::{Path, PathBuf};

/// Calls that are named to whoever asks for one that is not there.
const NEWEST: usize = 10;

#[derive(clap::Args)]
pub struct Args {
    /// The call's name, as the log and call records have it
    call: String,
    /// The store of the service that had the call
    #[arg(long, default_value = "askonce.db")]
    store: PathBuf,
    /// Its configuration, which names the store
    #[arg(long, conflicts_with = "store")]
    config: Option<PathBuf>,
    /// Where to put the fixture, in a folder of the call's name
    #[arg(long, default_value = ".")]
    out: PathBuf,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let folder = journal(args)?;
    let unread = |error: std::io::Error| {
        fail(format!(
            "{}: {error}\n  remedy: the journal lies beside the store (--store, --config) of a service whose configuration \
             has `record: {{ fixtures: {{}} }}`, or that runs with --record",
            folder.display()
        ))
    };
    let Some(text) = journal::read(&folder, &args.call).map_err(unread)? else {
        let calls = journal::calls(&folder).map_err(unread)?;
        return Err(fail(missing(&folder, &args.call, &calls)));
    };
    let to = args.out.join(&args.call);
    if to.exists() {
        return Err(fail(format!("{} is there already\n  remedy: move it away, or give another --out", to.display())));
    }
    folder::put(&args.out, &args.call, &[(folder::CALL, text.as_bytes())])
        .map_err(|error| fail(format!("{}: {error}", to.display())))?;
    println!("{}", to.join(folder::CALL).display());
    Ok(())
}

fn journal(args: &Args) -> Result<PathBuf, Failed> {
    let Some(path) = &args.config else { return Ok(Places::journal_of(&args.store)) };
    let (config, findings) = server::read_config(&Disk, path);
    show(&findings);
    let config = config.ok_or_else(|| fail("the configuration does not say where the store is"))?;
    Ok(Places::of(&config).journal())
}

/// Which calls there are.
fn missing(folder: &Path, call: &str, calls: &[String]) -> String {
    let mut said = format!("the journal {} has no call `{call}`", folder.display());
    if calls.is_empty() {
        return said + ", and no other one either\n  remedy: calls come into it when they are over";
    }
    said += &format!("; it has {}, the newest:", count(calls.len(), "call"));
    for call in calls.iter().rev().take(NEWEST) {
        let text = journal::read(folder, call).ok().flatten();
        let of = match text.map(|text| Fixture::read(&text)) {
            Some(Ok(Fixture { header, .. })) => format!("{:.0}, flow {}", header.at, header.flow),
            Some(Err(broken)) => broken.to_string(),
            None => "gone meanwhile".to_owned(),
        };
        said += &format!("\n  {call}  {of}");
    }
    said + &format!(
        "\n  the oldest go first: beyond `record: {{ fixtures: {{ journal }} }}` calls, or {} MB",
        journal::BYTES / 1_000_000
    )
}
