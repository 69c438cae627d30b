//! Prompts that espeak-ng speaks: what `askonce prompts build` makes loads without a word, and calls can be answered with it.

use std::process::Command;

/// Runs `askonce prompts`: what it printed, and whether it was content.
fn prompts(args: &[&str]) -> (String, bool) {
    let output = Command::new(env!("CARGO_BIN_EXE_askonce")).arg("prompts").args(args).output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.success())
}

#[test]
fn what_espeak_ng_speaks_is_sound_in_every_language() {
    let folder = tempfile::tempdir().expect("a folder");
    let flow = "askonce: 1\nflow: t\nlanguages: [en, es, de]\nfacts:\n  language: { type: choice, keys: { 1: en, 2: es, 3: de }, \
                survey: true, ask: [pick] }\n  x: { type: digits, survey: true, length: 4, ask: [ask], confirm: back }\nblocks: { start: [{ collect: \
                language, else: continue }, { collect: x, else: continue }, hangup] }\n";
    let file = folder.path().join("t.yaml");
    std::fs::write(&file, flow).expect("written");
    std::fs::create_dir(folder.path().join("prompts")).expect("made");
    let catalogues = [
        ("en", "pick: For English, press 1.\nask: Your number?\nback: \"Is it {x}? Then press 1.\"\n"),
        ("es", "pick: Para español, oprima 2.\nask: ¿Su número?\nback: \"¿Es {x}? Entonces, oprima 1.\"\n"),
        ("de", "pick: Für Deutsch drücken Sie 3.\nask: Ihre Nummer?\nback: \"Ist es {x}? Dann drücken Sie 1.\"\n"),
    ];
    for (language, text) in catalogues {
        std::fs::write(folder.path().join(format!("prompts/{language}.yaml")), text).expect("written");
    }
    let file = file.to_str().expect("a path");
    let (told, sound) = prompts(&["check", file]);
    assert!(!sound && told.contains("askonce prompts build"), "{told}");
    let (told, sound) = prompts(&["build", file]);
    // Four files each, and the digits of German, which no built-in voice has.
    assert!(sound && told.contains("22 files spoken"), "{told}");
    let (told, sound) = prompts(&["check", file]);
    assert!(sound && told.contains("0 errors, 0 warnings"), "{told}");
    let (told, sound) = prompts(&["build", file, "--force", "--voice", "de=nobody"]);
    assert!(!sound && told.contains("nobody") && told.contains("--voices"), "{told}");
}
