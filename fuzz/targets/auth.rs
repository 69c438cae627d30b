#![no_main]

#[path = "../bodies/auth.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::auth(bytes));
