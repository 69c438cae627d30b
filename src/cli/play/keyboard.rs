//! The call from the keyboard: what it waits for says what a key means.

use super::Session;
use crate::cli::{Failed, fail};
use crate::flow::script::Cue;
use crate::key::Key;
use crate::os::sys::KeyByKey;
use crate::replay::stage::Awaits;
use std::io::{Read, Write};
use std::os::fd::AsFd;

const ENTER: [u8; 2] = [b'\r', b'\n'];
/// Ctrl-C and Ctrl-D.
const ENOUGH: [u8; 2] = [3, 4];

/// What may be done where the call waits for that: the key, what it says, and the cue.
const AGENT: &[(u8, &str, &str)] = &[
    (b'a', "answers, talks and hangs up", "agent hangs-up"),
    (b'n', "nobody answers", "agent fails"),
    (b't', "transfers the caller", "agent sends-on"),
];
const LINE: &[(u8, &str, &str)] = &[
    (b't', "the caller's turn", "line turn"),
    (b'f', "the line is full", "line full"),
    (b'o', "until the way out is offered", "line offer"),
    (b'l', "as long as one may wait", "line longest"),
];

pub fn play(session: &mut Session) -> Result<(), Failed> {
    let keys = KeyByKey::of(std::io::stdin().as_fd()).map_err(fail)?;
    let mut hinted = None;
    loop {
        let awaits = session.stage.listen();
        session.tell();
        if awaits == Awaits::Over {
            return Ok(());
        }
        if hinted.as_ref() != Some(&awaits) {
            hint(&awaits);
            hinted = Some(awaits.clone());
        }
        if let Awaits::Lookup { name, .. } = &awaits {
            match session.answers.next(name) {
                // One that does not fit would not the next time either.
                Some(cue) => session.stage.give(&cue).map_err(fail)?,
                None => match keys.line_by_line(ask).map_err(fail)? {
                    Some(cue) => give(session, &cue),
                    None => return end(session),
                },
            }
            hinted = None;
            continue;
        }
        let Some(byte) = key().filter(|byte| !ENOUGH.contains(byte)) else { return end(session) };
        match byte {
            b'h' => give(session, &Cue::HangUp),
            b'p' => session.panel(),
            b'?' => hinted = None,
            byte => pressed(session, &awaits, byte),
        }
    }
}

/// The person at the keyboard has had enough, and so has the caller.
fn end(session: &mut Session) -> Result<(), Failed> {
    println!();
    session.stage.close();
    session.tell();
    Ok(())
}

/// A key that means something where the call is.
fn pressed(session: &mut Session, awaits: &Awaits, byte: u8) {
    let choices = match awaits {
        Awaits::Agent => AGENT,
        Awaits::Line { .. } => LINE,
        _ => &[],
    };
    let phone = Key::from_char(char::from(byte)).filter(|_| byte.is_ascii_digit() || b"*#".contains(&byte));
    let listens = matches!(awaits, Awaits::Key | Awaits::Line { offered: true, .. });
    match (choices.iter().find(|(key, ..)| *key == byte), phone.filter(|_| listens)) {
        (Some((_, _, cue)), _) => match cue.parse() {
            Ok(cue) => give(session, &cue),
            Err(misread) => println!("{misread}"),
        },
        (None, Some(key)) => {
            let shown = if session.stage.asks_in_private() { '\u{2022}' } else { char::from(byte) };
            print!("[{shown}]");
            let _ = std::io::stdout().flush();
            session.stage.key(key);
            if !session.stage.is_entering() {
                println!();
            }
        }
        (None, None) if *awaits == Awaits::Key && (ENTER.contains(&byte) || byte == b's') => {
            if session.stage.is_entering() {
                println!();
                session.stage.settle();
            } else {
                give(session, &Cue::Silence);
            }
        }
        (None, None) => hint(awaits),
    }
}

fn give(session: &mut Session, cue: &Cue) {
    println!("> {cue}");
    let given = session.stage.give(cue);
    session.tell();
    if let Err(unfit) = given {
        println!("{unfit}");
    }
}

fn hint(awaits: &Awaits) {
    let of = |choices: &[(u8, &str, &str)]| {
        let said = choices.iter().map(|(key, what, _)| format!("{} {what}", char::from(*key)));
        said.collect::<Vec<_>>().join(", ")
    };
    let keys = match awaits {
        Awaits::Key => "0-9 * #, Enter: the entry ends, or nothing is said".to_owned(),
        Awaits::Lookup { name, wants } => {
            // A line is read here, and no single key.
            let values = wants.iter().map(|want| format!(" {want}=..")).collect::<String>();
            return println!(
                "  [how does the lookup {name} end? ok{values}, none, refused, slow, failed; Ctrl-D: the end]"
            );
        }
        Awaits::Line { offered: true, .. } => format!("{}, or the key that was offered", of(LINE)),
        Awaits::Line { .. } => of(LINE),
        Awaits::Agent => of(AGENT),
        Awaits::Nothing => "it goes on and on".to_owned(),
        Awaits::Over => return,
    };
    println!("  [{keys}; h: hang up, p: facts, ?: this]");
}

/// How a lookup ends; `None` at the end of the input.
fn ask() -> Option<Cue> {
    loop {
        print!("lookup ");
        let _ = std::io::stdout().flush();
        let mut line = String::new();
        match std::io::stdin().read_line(&mut line) {
            Ok(0) | Err(_) => return None,
            Ok(_) => match format!("lookup {}", line.trim()).parse() {
                Ok(cue) => return Some(cue),
                Err(misread) => println!("{misread}"),
            },
        }
    }
}

fn key() -> Option<u8> {
    let mut byte = [0];
    std::io::stdin().read_exact(&mut byte).ok().map(|()| byte[0])
}
