#![no_main]

#[path = "../bodies/capture.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::capture(bytes));
