//! The laws of the house (ARCHITECTURE.md), read off the source. Each law is a function from one file to its
//! violations, so that each is also tried on a planted one.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read the sources and run the program")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Rooms and their floors: a file imports its own room and lower floors only.
const FLOORS: &[(&str, u8)] = &[
    ("time", 0),
    ("secret", 0),
    ("random", 0),
    ("key", 0),
    ("codec", 0),
    ("keying", 0),
    ("yaml", 1),
    ("sip", 1),
    ("sdp", 1),
    ("rtp", 1),
    ("srtp", 1),
    ("audio", 1),
    ("media", 2),
    ("context", 2),
    ("record", 3),
    ("flow", 3),
    ("config", 3),
    ("call", 4),
    ("graph", 4),
    ("acd", 5),
    ("rerun", 5),
    ("engine", 6),
    ("os", 7),
    ("peer", 8),
    ("server", 9),
    ("replay", 9),
    ("cli", 10),
];

/// From this floor on a file may touch the world.
const SHELLS: u8 = 7;

/// What only the shells may do. clippy.toml bans the same by type; this catches it in any spelling.
const WORLD: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
    "std::thread",
    "std::fs",
    "std::{",
    "std::env",
    "std::process",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "tokio::",
    "getrandom",
    "thread_rng",
    "rand::random",
    "Mutex",
    "RwLock",
];

/// Words that name nothing.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "manager", "handler", "process", "data", "misc"];

/// Rooms where bytes off the wire and authors' text are read.
const NO_UNWRAP: &[&str] =
    &["sip", "sdp", "rtp", "srtp", "keying", "audio", "media", "context", "yaml", "flow", "config", "record"];

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;

/// Files and functions that may be longer, and why.
const LONGER: &[(&str, &str)] = &[];

/// Crates that stay behind one door.
const DOORS: &[(&str, &[&str])] = &[
    ("rsip::", &["src/sip/message.rs"]),
    ("serde_yaml::", &["src/yaml/node.rs"]),
    ("libc::", &["src/os/sys.rs"]),
    ("ezk_sdp_types", &["src/sdp/read.rs"]),
];

/// The files that may open a `Secret`: carriers and the store by class, recordings of test calls, what compares
/// them, what reads a value to check it or to hold keys against it, what shows an author its own, what is a caller's phone again, the record's caller number, the digest of a password, a PIN of the configuration, and our key of SRTP in its description.
const OPENERS: &[&str] = &[
    "src/secret.rs",
    "src/audio/arena.rs",
    "src/call/again.rs",
    "src/call/cdr.rs",
    "src/call/mod.rs",
    "src/call/person.rs",
    "src/cli/demo.rs",
    "src/context/carrier/body.rs",
    "src/context/carrier/call_info.rs",
    "src/context/carrier/headers.rs",
    "src/context/carrier/uui.rs",
    "src/context/document.rs",
    "src/engine/act.rs",
    "src/engine/pins.rs",
    "src/flow/expr/mod.rs",
    "src/flow/fact.rs",
    "src/flow/lookup.rs",
    "src/flow/run/inquiry.rs",
    "src/flow/run/turn.rs",
    "src/flow/step/route.rs",
    "src/record/clear.rs",
    "src/record/compare/handoff.rs",
    "src/rerun/judge/handed.rs",
    "src/rerun/judge/keys.rs",
    "src/rerun/judge/shown.rs",
    "src/rerun/packets/dialogs.rs",
    "src/replay/case/expect.rs",
    "src/replay/over/handoff.rs",
    "src/replay/over/plan.rs",
    "src/replay/stage/words.rs",
    "src/rerun/redact/inputs.rs",
    "src/rerun/redact/scan/forms.rs",
    "src/replay/tell.rs",
    "src/replay/world/agent.rs",
    "src/sdp/crypto.rs",
    "src/server/outbound/lookups.rs",
    "src/server/outbound/webhooks.rs",
    "src/server/memory/tables.rs",
    "src/server/store.rs",
    "src/server/store/outbox.rs",
    "src/sip/auth.rs",
];

struct File {
    path: String,
    /// Without its tests.
    code: String,
    lines: usize,
}

impl File {
    fn planted(path: &str, text: &str) -> File {
        File { path: path.to_owned(), code: without_tests(text), lines: text.lines().count() }
    }

    /// `src/sip/wire.rs` and `src/time.rs` are in the rooms `sip` and `time`.
    fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let room = inside.split('/').next()?.trim_end_matches(".rs");
        (!["lib", "main"].contains(&room)).then_some(room)
    }

    fn floor(&self) -> Option<u8> {
        floor(self.room()?)
    }

    /// Lines of code that are not comments, with their numbers.
    fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.lines().enumerate().map(|(at, line)| (at + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// Cuts a file at its test module: by our layout it is the last thing in a file. A module of tests in a file of its
/// own is a line, and leaves the rest as it is.
fn without_tests(text: &str) -> String {
    text[..text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len())].to_owned()
}

/// The rooms that a line names after `crate::`, alone or in braces.
fn imports(line: &str) -> Vec<&str> {
    let mut rooms = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let word = |text: &'_ str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        match rest.strip_prefix('{') {
            None => rooms.push(&rest[..word(rest)]),
            Some(group) => rooms.extend(group.split(',').map(|item| {
                let item = item.trim_start();
                &item[..word(item)]
            })),
        }
    }
    rooms
}

fn floors(file: &File) -> Vec<String> {
    let Some(own) = file.room() else { return Vec::new() };
    let Some(own_floor) = floor(own) else { return vec![format!("{}: the room `{own}` has no floor", file.path)] };
    let mut found = Vec::new();
    for (number, line) in file.code_lines() {
        for room in imports(line).into_iter().filter(|room| *room != own) {
            match floor(room) {
                Some(floor) if floor < own_floor => {}
                Some(floor) => {
                    found.push(format!("{}:{number}: floor {own_floor} imports `{room}` of floor {floor}", file.path))
                }
                None => found.push(format!("{}:{number}: `crate::{room}` is no room", file.path)),
            }
        }
    }
    found
}

fn world(file: &File) -> Vec<String> {
    if file.floor().is_none_or(|floor| floor >= SHELLS) {
        return Vec::new();
    }
    let touches = |(number, line): (usize, &str)| {
        let word = WORLD.iter().find(|word| line.contains(**word))?;
        Some(format!("{}:{number}: `{word}` below the shells", file.path))
    };
    file.code_lines().filter_map(touches).collect()
}

fn names(file: &File) -> Vec<String> {
    let parts = file.path.split('/').map(|part| part.trim_end_matches(".rs"));
    let mut found: Vec<String> = parts
        .filter(|part| EMPTY_NAMES.contains(part))
        .map(|part| format!("{}: `{part}` names nothing", file.path))
        .collect();
    for (number, line) in file.code_lines() {
        let module = line.trim().strip_prefix("pub ").unwrap_or(line.trim()).strip_prefix("mod ");
        let module = module.map(|rest| rest.trim_end_matches([' ', '{', ';']));
        if let Some(name) = module.filter(|name| EMPTY_NAMES.contains(name)) {
            found.push(format!("{}:{number}: `mod {name}` names nothing", file.path));
        }
    }
    found
}

fn lengths(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    if file.lines > FILE_LINES && !LONGER.iter().any(|(path, _)| *path == file.path) {
        found.push(format!("{}: {} lines (at most {FILE_LINES})", file.path, file.lines));
    }
    // rustfmt closes a function with a brace at the indent of its first line.
    let lines: Vec<&str> = file.code.lines().collect();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some(head) = function_head(line) else { continue };
        let closing = format!("{}}}", " ".repeat(indent));
        let length = lines[start..].iter().position(|line| *line == closing).map_or(0, |end| end + 1);
        let name = format!("{}:{}", file.path, head.split(['(', '<']).next().unwrap_or(""));
        if length > FUNCTION_LINES && !LONGER.iter().any(|(path, _)| *path == name) {
            found.push(format!("{name}: {length} lines (at most {FUNCTION_LINES})"));
        }
    }
    found
}

/// What follows `fn` in the first line of a function, whatever its visibility.
fn function_head(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub(") {
        Some(scoped) => scoped.split_once(") ")?.1,
        None => line.strip_prefix("pub ").unwrap_or(line),
    };
    line.trim_start_matches("const ").trim_start_matches("async ").trim_start_matches("unsafe ").strip_prefix("fn ")
}

/// `super::super` out of a room is an import that names no room.
fn escapes(file: &File) -> Vec<String> {
    let Some(inside) = file.path.strip_prefix("src/") else { return Vec::new() };
    // src/sip/transaction/client.rs is crate::sip::transaction::client: three steps up are the crate.
    let depth = inside.split('/').count() - usize::from(inside.ends_with("/mod.rs"));
    let climbs = |line: &str| {
        let mut most = 0;
        for (at, _) in line.match_indices("super::") {
            let steps = line[at..].split("::").take_while(|step| *step == "super").count();
            most = most.max(steps);
        }
        most
    };
    let out = file.code_lines().filter(|(_, line)| climbs(line) >= depth);
    out.map(|(number, _)| format!("{}:{number}: `super` leads out of the room", file.path)).collect()
}

fn unwraps(file: &File) -> Vec<String> {
    if !file.room().is_some_and(|room| NO_UNWRAP.contains(&room)) || is_test(&file.path) {
        return Vec::new();
    }
    let unwraps = |line: &str| line.contains(".unwrap()") || line.contains(".expect(");
    file.code_lines()
        .filter(|(_, line)| unwraps(line))
        .map(|(number, _)| format!("{}:{number}: unwrap or expect", file.path))
        .collect()
}

fn doors(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in file.code_lines() {
        for (name, doors) in DOORS {
            if line.contains(name) && !doors.contains(&file.path.as_str()) {
                found.push(format!("{}:{number}: `{name}` stays behind {}", file.path, doors.join(", ")));
            }
        }
        if line.contains(".open()") && !OPENERS.contains(&file.path.as_str()) {
            found.push(format!("{}:{number}: a secret is opened outside of the files that may", file.path));
        }
        if line.contains("unsafe ") && file.path != "src/os/sys.rs" {
            found.push(format!("{}:{number}: unsafe outside of os/sys.rs", file.path));
        }
    }
    found
}

/// A law: a file in, its violations out.
type Law = fn(&File) -> Vec<String>;

const LAWS: &[Law] = &[floors, world, names, lengths, unwraps, doors, escapes];

fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/")
}

fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join("src"), &mut paths);
    assert!(paths.len() > 40, "the sources were not found");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
        File::planted(&name, &std::fs::read_to_string(&path).expect("a readable source"))
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            paths.push(path);
        }
    }
}

#[test]
fn every_source_keeps_every_law() {
    let files = sources();
    let mut report = String::new();
    for file in &files {
        // Test files are read by the laws on length and names only.
        let laws = if is_test(&file.path) { &LAWS[2..4] } else { LAWS };
        for violation in laws.iter().flat_map(|law| law(file)) {
            let _ = writeln!(report, "{violation}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn each_law_catches_a_planted_violation() {
    let long_function = format!("fn f() {{\n{}}}\n", "    g();\n".repeat(69));
    let planted: &[(Law, &str, &str)] = &[
        (floors, "src/sip/wire.rs", "use crate::engine::Engine;\n"),
        (floors, "src/sip/wire.rs", "use crate::{time::Instant, rtp::packet};\n"),
        (floors, "src/flow/run.rs", "fn f(call: &crate::call::Call) {}\n"),
        (floors, "src/nowhere/a.rs", ""),
        (world, "src/call/mod.rs", "let now = std::time::Instant::now();\n"),
        (world, "src/engine/mod.rs", "use tokio::net::UdpSocket;\n"),
        (world, "src/flow/load.rs", "let text = std::fs::read(path);\n"),
        (world, "src/flow/load.rs", "use std::{fs, thread};\n"),
        (world, "src/media/mod.rs", "#[cfg(test)]\nmod tests;\nuse std::fs::File;\n"),
        (escapes, "src/sip/wire.rs", "use super::super::engine::Engine;\n"),
        (escapes, "src/sip/mod.rs", "use super::engine::Engine;\n"),
        (names, "src/sip/util.rs", ""),
        (names, "src/sip/mod.rs", "pub mod helper;\n"),
        (lengths, "src/sip/wire.rs", &"// line\n".repeat(601)),
        (lengths, "src/sip/wire.rs", &long_function),
        (lengths, "src/sip/wire.rs", &format!("pub(in crate::sip) {long_function}")),
        (unwraps, "src/sip/wire.rs", "let x = bytes.first().unwrap();\n"),
        (unwraps, "src/flow/load/mod.rs", "let x = text.parse().expect(\"digits\");\n"),
        (doors, "src/sip/uri.rs", "fn f(uri: rsip::Uri) {}\n"),
        (doors, "src/engine/mod.rs", "log(secret.open());\n"),
        (doors, "src/media/mod.rs", "unsafe { f() }\n"),
    ];
    for (law, path, text) in planted {
        let found = law(&File::planted(path, text));
        assert_eq!(found.len(), 1, "{path} with {text:?} gave {found:?}");
    }
}

#[test]
fn lawful_code_and_tests_are_left_alone() {
    let lawful: &[(Law, &str, &str)] = &[
        (floors, "src/engine/mod.rs", "use crate::{sip, time::Instant};\nuse crate::engine::act;\n"),
        (floors, "src/sip/wire.rs", "// crate::engine would be too high\n"),
        (world, "src/server/control.rs", "use tokio::net::UdpSocket;\n"),
        (escapes, "src/sip/transaction/client.rs", "use super::super::message::Request;\n"),
        (unwraps, "src/sip/wire.rs", "#[cfg(test)]\nmod tests {\n    fn f() { x.unwrap() }\n}\n"),
        (unwraps, "src/engine/mod.rs", "x.unwrap();\n"),
    ];
    for (law, path, text) in lawful {
        assert_eq!(law(&File::planted(path, text)), Vec::<String>::new(), "{path}");
    }
}
