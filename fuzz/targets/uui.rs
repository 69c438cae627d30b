#![no_main]

#[path = "../bodies/uui.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::uui(bytes));
