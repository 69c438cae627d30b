#![no_main]

#[path = "../bodies/dialogs.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::dialogs(bytes));
