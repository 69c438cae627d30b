//! Our signal processing beside libspandsp's, which Debian has: `cargo test --features spandsp --test oracle`.

mod g722;
