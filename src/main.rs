use std::process::ExitCode;

fn main() -> ExitCode {
    askonce::cli::run()
}
