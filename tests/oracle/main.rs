//! Other people's code says what we should: libspandsp of Debian, which nothing else here links.
//! `cargo test --release --features spandsp --test oracle`; needs libspandsp-dev.

mod dtmf;
mod g722;
mod spandsp;
