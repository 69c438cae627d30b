//! Calls of real phones, kept as recordings and captures in fixtures/peers, run again: the flow's decisions to the byte,
//! and every key from the packets. tests/interop/captures.rs made them, and makes them anew.
#![allow(clippy::disallowed_methods, reason = "tests read the recordings")]

#[path = "captured/mod.rs"]
mod captured;

use captured::Captured;
use std::path::Path;

#[test]
fn the_kept_calls_of_real_phones_run_again() {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/peers");
    let folders = std::fs::read_dir(peers).expect("fixtures/peers").map(|folder| folder.expect("a folder").path());
    let mut folders: Vec<_> = folders.collect();
    folders.sort();
    assert_eq!(folders.len(), 9, "each codec and SRTP of baresip and Linphone");
    for folder in folders {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        if cfg!(not(feature = "opus")) && name.contains("opus") {
            continue;
        }
        let legs = Captured::read(&folder).again(&name);
        assert_eq!(legs.each_ref().map(|leg| leg.keys), [13, 3], "{name}");
        assert_eq!(legs[0].srtp.is_some(), name.ends_with("srtp"), "{name}");
    }
}
