//! `askonce fmt`: one way to lay out flows, prompts and configurations.

use super::{Failed, count, fail, show};
use crate::server::files::{Disk, Findings};
use crate::yaml::{Source, format};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Files; `-` is standard input, which goes to standard output
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Change nothing, and fail if anything would be changed
    #[arg(long)]
    check: bool,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let (mut refused, mut changed) = (0, 0);
    for path in &args.files {
        match one(path, args.check) {
            Ok(true) => changed += 1,
            Ok(false) => {}
            Err(Failed) => refused += 1,
        }
    }
    match (refused, changed) {
        (0, _) if changed == 0 || !args.check => Ok(()),
        (0, _) => Err(fail(format!("{} not laid out as `askonce fmt` does", count(changed, "file")))),
        _ => Err(fail(format!("{} left as it was", count(refused, "file")))),
    }
}

/// Whether the file is, or would be, another one.
fn one(path: &Path, check: bool) -> Result<bool, Failed> {
    let mut findings = Findings::default();
    let is_stream = path == Path::new("-");
    let source = if is_stream { Some(stream(&mut findings)?) } else { findings.read(&Disk, path) };
    let laid =
        source.as_ref().and_then(|source| format(source).map_err(|found| findings.diagnostics.extend(found)).ok());
    let (Some(source), Some(laid)) = (&source, laid) else {
        show(&findings);
        return Err(Failed);
    };
    let changed = laid != source.text;
    if is_stream && !check {
        std::io::stdout().write_all(laid.as_bytes()).map_err(fail)?;
    } else if changed && check {
        println!("{}", source.path);
    } else if changed {
        std::fs::write(path, laid).map_err(|error| fail(format!("{}: {error}", source.path)))?;
        println!("{}", source.path);
    }
    Ok(changed)
}

fn stream(findings: &mut Findings) -> Result<Source, Failed> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(fail)?;
    let source = Source { path: "-".into(), text };
    findings.sources.push(source.clone());
    Ok(source)
}
