//! The words that values are read with, one a line as `name: text`, for `flows/prompts/build.sh` and for whoever records
//! them: `cargo run -q --example spoken_words -- es`.

#![allow(clippy::disallowed_methods, reason = "an example reads its command line")]

fn main() {
    for language in std::env::args().skip(1) {
        for (name, text) in askonce::audio::spoken::words(&language) {
            println!("{name}: {text}");
        }
    }
}
