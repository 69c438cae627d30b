//! A recorded call placed at a voice server that somebody else wrote: SIPp, which answers and plays the prompts.

use crate::keys;
use crate::peers::{Sipp, free};
use crate::scenario::speaker;
use askonce::audio::Arena;
use askonce::codec::Codec;
use askonce::flow::script::Script;
use askonce::replay::stage::{self, Place};
use askonce::server::files::{self, Disk};
use std::path::Path;
use std::process::Command;

const FLOW: &str = "flows/account-desk.yaml";

/// What a server says that plays these clips one after the other.
fn saying(arena: &Arena, clips: &[&str]) -> Vec<u8> {
    let spans = clips.iter().map(|clip| arena.span(clip).expect("a clip"));
    let frames = spans.flat_map(|span| span.start..span.start + span.frames);
    keys::speaking(frames.map(|frame| arena.frame(Codec::Pcmu, frame).expect("a frame")))
}

#[test]
fn prompts_of_another_system_are_known_by_their_frames() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let service = files::load(&Disk, &root.join(FLOW)).0.expect("the flow loads");
    let place = Place::made_up(&service.program.flow);
    let script: Script = "hang-up".parse().expect("a script");
    let performed = stage::perform(&service.program, &service.arena, &place, &script).expect("performed");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("call.jsonl"), performed.fixture.write().expect("text")).expect("written");
    // As the files have them, for nobody else brings prompts to one level.
    let arena = files::unlevelled(&Disk, &root.join(FLOW)).expect("the prompts");
    let replay = |clips: &[&str]| {
        let at = free();
        let server = Sipp::saying(&speaker(), at, &saying(&arena, clips));
        let mut command = Command::new(env!("CARGO_BIN_EXE_askonce"));
        command.current_dir(root).arg("replay").arg(folder.path()).args(["--over", &format!("sip:{at}")]);
        let out = command.args(["--patience", "1500"]).output().expect("askonce replay");
        server.messages();
        (out.status.success(), String::from_utf8([out.stdout, out.stderr].concat()).expect("text"))
    };
    let (passed, told) = replay(&["en/welcome", "en/account_ask"]);
    assert!(passed, "{told}");
    let (passed, told) = replay(&["en/welcome", "en/account_last"]);
    let other = "the order of prompts: the caller hears en/account_ask -> the caller hears en/account_last";
    assert!(!passed && told.contains(other), "{told}");
}
