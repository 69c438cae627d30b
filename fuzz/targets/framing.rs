#![no_main]

#[path = "../bodies/framing.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::framing(bytes));
