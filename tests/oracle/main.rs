//! Other people's code says what we should: libspandsp of Debian, which nothing else here links.
//! `cargo test --features spandsp --test oracle`; needs libspandsp-dev.

mod dtmf;
mod spandsp;
