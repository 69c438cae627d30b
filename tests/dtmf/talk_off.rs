//! Talk-off: voices and music that are no keys. `cargo bench --bench talk_off` does hours of it.

use crate::heard;
use crate::signal::{music, pcm, speech};

#[test]
fn minutes_of_voices_hold_no_key() {
    assert_eq!(heard(&pcm(&speech(240, 1))), "");
}

#[test]
fn minutes_of_music_hold_no_key() {
    assert_eq!(heard(&pcm(&music(240, 1))), "");
}

#[test]
fn our_own_prompts_and_hold_music_hold_no_key() {
    let mut builder = askonce::audio::ArenaBuilder::default();
    for path in prompts() {
        let bytes = std::fs::read(&path).expect("a prompt");
        let clip = askonce::audio::wav::read(&bytes).expect("a prompt that plays");
        builder.clip(&path.to_string_lossy(), &clip.samples, clip.rate).expect("room");
    }
    let arena = builder.build();
    assert!(arena.names().count() > 350, "the prompts were found");
    for name in arena.names() {
        let span = arena.span(name).expect("a clip");
        let frames =
            (span.start..span.start + span.frames).filter_map(|at| arena.frame(askonce::codec::Codec::Pcma, at));
        let bytes: Vec<u8> = frames.flatten().copied().collect();
        let samples: Vec<i16> = bytes.iter().map(|&byte| (askonce::audio::codec::PCMA.decode)(byte)).collect();
        assert_eq!(heard(&samples), "", "{name}");
    }
}

/// Every sound file of the examples, in every language.
fn prompts() -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/prompts")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the prompts") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "wav") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
