//! `askonce graph`: a flow as a picture.

use super::{Failed, fail, show};
use crate::graph;
use crate::server::files::{self, Disk, Findings};
use std::io::Write as _;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// A flow's file
    flow: PathBuf,
    /// What kind of picture
    #[arg(long, value_enum, default_value = "svg")]
    format: Format,
    /// The same as --format html: the picture in a page where a block shows its lines and its prompts
    #[arg(long, conflicts_with = "format")]
    html: bool,
    /// Where it goes; without it, to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For what draws Mermaid: GitHub, GitLab, many a wiki
    Mermaid,
    /// A picture, drawn by askonce
    Svg,
    /// A page with it, in one file
    Html,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let mut findings = Findings::default();
    let written = files::read_flow(&Disk, &args.flow, &mut findings);
    show(&findings);
    let Some((flow, prompts)) = written.and_then(|written| Some((written.flow?, written.prompts))) else {
        return Err(fail("only a flow that loads has a picture"));
    };
    let picture = match if args.html { Format::Html } else { args.format } {
        Format::Mermaid => graph::mermaid(&flow),
        Format::Svg => graph::svg(&flow, None),
        Format::Html => {
            let catalogue = |path: &str| prompts.books().any(|book| book.path == path);
            let files: Vec<_> = findings.sources.iter().filter(|source| !catalogue(&source.path)).collect();
            graph::html(&flow, &prompts, &files, None)
        }
    };
    let failed = |error: std::io::Error| match &args.output {
        Some(path) => fail(format!("{}: {error}", path.display())),
        None => fail(error),
    };
    match &args.output {
        Some(path) => std::fs::write(path, picture).map_err(failed),
        None => std::io::stdout().write_all(picture.as_bytes()).map_err(failed),
    }
}
