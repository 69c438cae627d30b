//! `askonce schema`: the language for editors, and for people.

use super::Failed;
use crate::flow::shape::{self, File};

#[derive(clap::Args)]
pub struct Args {
    /// Of which file; `reference` is the language as a page
    #[arg(value_enum, default_value_t = What::Flow)]
    what: What,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum What {
    Flow,
    Module,
    Prompts,
    Reference,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let file = match args.what {
        What::Flow => File::Flow,
        What::Module => File::Module,
        What::Prompts => File::Prompts,
        What::Reference => {
            print!("{}", shape::reference());
            return Ok(());
        }
    };
    println!("{:#}", shape::of(file));
    Ok(())
}
