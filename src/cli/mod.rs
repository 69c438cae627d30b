//! The command line: one file a verb.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the shells own what the core may not have")]

mod check;
mod coverage;
mod debug;
mod demo;
mod doctor;
mod erase;
mod explain;
mod explore;
mod fmt;
mod graph;
mod import;
mod load;
mod logging;
mod over;
mod play;
mod prompts;
mod record;
mod replay;
mod review;
mod schema;
mod scrub;
mod serve;
mod suite;
mod trace;

use crate::flow::Flow;
use crate::os::sys::end_with_the_reader;
use crate::replay::quote::Quotes;
use crate::server::files::Findings;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// IVR and call flows over SIP that ask a caller once: what the caller keys in reaches every person after.
#[derive(Parser)]
#[command(name = "askonce", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Show the whole thing on this machine: a call comes in, keys an account number, an agent's phone gets it
    Demo(demo::Args),
    /// Answer calls
    Serve(serve::Args),
    /// Read flows (and a configuration) and say what is wrong with them
    Check(check::Args),
    /// Make up the smallest suite of calls that takes all of a flow, and keep it as recordings
    Explore(explore::Args),
    /// What of flows recorded calls have taken, or the callers of a service
    Coverage(coverage::Args),
    /// Draw a flow: its blocks, their steps and ways out
    Graph(graph::Args),
    /// Try a flow from the keyboard, without a phone, or by a script
    Play(play::Args),
    /// Lay out flows, prompts and configurations in one way; comments and styles stay the author's
    Fmt(fmt::Args),
    /// The language as a JSON Schema for editors, or as a reference
    Schema(schema::Args),
    /// What flows say: list it, write the script for a studio, let a machine speak it, check it
    Prompts(prompts::Args),
    /// Say whether this machine is fit for the service, what that costs where it is not, and how to mend it
    Doctor(doctor::Args),
    /// Take a caller out of everything that is kept: contexts, records, recordings, webhooks
    Erase(erase::Args),
    /// Make recordings of captured calls (pcap, pcapng) and of callers' sound (WAV)
    Import(import::Args),
    /// Make a fixture of a call that is over, from the journal of the last ones
    Record(record::Args),
    /// Run recorded calls again in virtual time and compare
    Replay(replay::Args),
    /// Review what differs in recorded calls, equal differences together, and accept what is right from now on
    Review(review::Args),
    /// Go through a recorded call event by event, either way: what happened, where, what was known and why
    Debug(debug::Args),
    /// Take callers out of recordings, and look whether numbers of theirs are left in files
    Scrub(scrub::Args),
    /// Tell one call in plain words: what was asked, what is known and from where, whom it went to, how it ended
    Explain(explain::Args),
    /// Show a call as a ladder of its SIP messages, with keys and prompts in their places
    Trace(trace::Args),
    /// Place calls against a SIP server and report how they went
    Load(load::Args),
}

/// Parses the command line and runs its verb. Exit codes: 0 done, 1 the verb found something wrong or could
/// not do its work, 2 the command line is wrong, 3 `load` was slower than what it measures.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    // A service tells of itself; the other verbs say what they have to say by themselves.
    let level = if matches!(cli.verb, Verb::Serve(_)) { "info" } else { "warn" };
    let form = if let Verb::Serve(args) = &cli.verb { args.log } else { None };
    if logging::begin(level, form).is_err() {
        return ExitCode::FAILURE;
    }
    if !matches!(cli.verb, Verb::Serve(_) | Verb::Demo(_) | Verb::Load(_)) {
        end_with_the_reader();
    }
    let done = match cli.verb {
        Verb::Demo(args) => demo::run(&args),
        Verb::Serve(args) => serve::run(&args),
        Verb::Check(args) => check::run(&args),
        Verb::Explore(args) => explore::run(&args),
        Verb::Coverage(args) => coverage::run(&args),
        Verb::Graph(args) => graph::run(&args),
        Verb::Play(args) => play::run(&args),
        Verb::Fmt(args) => fmt::run(&args),
        Verb::Schema(args) => schema::run(&args),
        Verb::Prompts(args) => prompts::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Erase(args) => erase::run(&args),
        Verb::Import(args) => import::run(&args),
        Verb::Record(args) => record::run(&args),
        Verb::Replay(args) => replay::run(&args),
        Verb::Review(args) => review::run(&args),
        Verb::Debug(args) => debug::run(&args),
        Verb::Scrub(args) => scrub::run(&args),
        Verb::Explain(args) => explain::run(&args),
        Verb::Trace(args) => trace::run(&args),
        Verb::Load(args) => return load::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed) => ExitCode::FAILURE,
    }
}

/// The verb failed and has said why.
#[derive(Debug)]
struct Failed;

/// Says what went wrong, for a person.
fn fail(what: impl std::fmt::Display) -> Failed {
    eprintln!("askonce: {what}");
    Failed
}

/// Prints findings as a person reads them.
fn show(findings: &Findings) {
    eprint!("{}", findings.render());
}

/// `1 error`, `3 errors`.
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The files of a flow, to be quoted from.
fn quotes(flow: &Flow) -> Quotes {
    Quotes::of(flow, |path| std::fs::read_to_string(path).ok())
}
