//! What is fuzzed: each takes any bytes and panics if a promise is broken. The fuzz targets run them on bytes that
//! libFuzzer thinks of, `tests/corpora.rs` on those that it kept.

pub mod auth;
pub mod capture;
pub mod dialogs;
pub mod framing;
pub mod uri;
pub mod uui;
pub mod via;
pub mod wire;
