use std::process::ExitCode;

/// Calls come and go by the thousand, and transactions stay on for 32 seconds: what the system's allocator makes of
/// the holes that they leave costs a quarter of the CPU of a call.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    askonce::cli::run()
}
