#![no_main]

#[path = "../bodies/via.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::via(bytes));
