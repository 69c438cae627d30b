//! What a caller notices of a menu: how soon a prompt gives way to the first key, and how soon the next one comes after
//! the last.

use super::voice::Level;
use crate::time::{Duration, Instant};

/// A sound after so much silence is another prompt; a shorter pause lies between two words of one.
const APART: Duration = Duration::from_millis(60);
/// A stream that brings nothing for so long is silent from when its last packet was over.
const FRAME: Duration = Duration::from_millis(20);

/// One entry of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From the first key's first packet to the first packet without sound; `None` if the prompt did not stop, or there
    /// was none to be stopped.
    pub stopped: Option<Duration>,
    /// What came of the last key.
    pub reply: Reply,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It was not silent when the last key was pressed: whatever came then may be the old prompt.
    Unclear,
    /// Nothing was heard.
    None,
    /// From the last key's first packet to the first one of the next prompt.
    After(Duration),
}

#[derive(Debug, Default)]
pub struct Watch {
    sound: Option<Instant>,
    /// The first packet without sound since.
    quiet: Option<Instant>,
    /// The newest packet was silence as a machine makes it: what differs from it is a prompt, however softly it begins.
    nothing: bool,
    entry: Option<Going>,
}

#[derive(Debug)]
struct Going {
    first: Instant,
    last: Option<Instant>,
    /// A prompt could be heard when the first key was pressed.
    sounding: bool,
    stopped: Option<Duration>,
    reply: Reply,
}

impl Watch {
    /// A key begins to go out; `last` of its entry.
    pub fn key(&mut self, at: Instant, last: bool) {
        let silent = self.silent(at);
        let going = self.entry.get_or_insert_with(|| {
            let sounding = silent.is_none() && self.sound.is_some();
            Going { first: at, last: None, sounding, stopped: None, reply: Reply::Unclear }
        });
        if last {
            going.last = Some(at);
            if let Some(since) = silent {
                going.stop(since);
                going.reply = Reply::None;
            }
        }
    }

    /// A packet came; `begins`: the sender says by marker or timestamps that it paused before.
    pub fn heard(&mut self, at: Instant, level: Level, begins: bool) {
        let silent = self.silent(at);
        let (sounds, nothing) = (level == Level::Sound, level == Level::Nothing);
        let breaks = std::mem::replace(&mut self.nothing, nothing) && !nothing;
        if let Some(going) = &mut self.entry
            && let Some(last) = going.last.filter(|last| at > *last)
            && (sounds || begins || breaks)
            && !matches!(going.reply, Reply::After(_))
        {
            let apart = silent.is_some_and(|since| at.since(since) >= APART);
            // A single key may have stopped a prompt itself.
            let clear = going.reply == Reply::None || going.first == last;
            if clear && (begins || apart) {
                going.stop(silent.unwrap_or(at));
                going.reply = Reply::After(at.since(last));
            }
        }
        if sounds {
            (self.sound, self.quiet) = (Some(at), None);
        } else {
            self.quiet.get_or_insert(silent.unwrap_or(at));
        }
    }

    /// The entry is over, as far as it went: the next one begins, or the call ends.
    pub fn close(&mut self, at: Instant) -> Option<Entry> {
        let silent = self.silent(at);
        let mut going = self.entry.take()?;
        if going.first == going.last?
            && going.reply == Reply::Unclear
            && let Some(since) = silent
        {
            going.stop(since);
            going.reply = Reply::None;
        }
        Some(Entry { stopped: going.stopped, reply: going.reply })
    }

    /// Since when it is silent; since ever, if nothing was heard yet.
    fn silent(&self, at: Instant) -> Option<Instant> {
        let Some(sound) = self.sound else { return Some(Instant::ZERO) };
        let over = sound + FRAME;
        self.quiet.or((at.since(over) >= APART).then_some(over))
    }
}

impl Going {
    fn stop(&mut self, since: Instant) {
        if self.sounding && self.stopped.is_none() && since >= self.first {
            self.stopped = Some(since.since(self.first));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes in: a letter every 20 ms. `s` sound, `,` a quiet room, `.` silence, ` ` no packet, `m` sound with the
    /// marker; `k` a key that begins 5 ms after a packet of sound, `K` the last one, `q` and `Q` the same in silence, `n`
    /// and `N` in a quiet room.
    fn watched(script: &str) -> Option<(Option<u128>, Reply)> {
        let mut watch = Watch::default();
        let mut at = Instant::from_micros(1_000_000);
        for letter in script.chars() {
            at = at + FRAME;
            match letter {
                ' ' => {}
                's' | 'k' | 'K' => watch.heard(at, Level::Sound, false),
                'm' => watch.heard(at, Level::Sound, true),
                ',' | 'n' | 'N' => watch.heard(at, Level::Quiet, false),
                _ => watch.heard(at, Level::Nothing, false),
            }
            if "kKqQnN".contains(letter) {
                watch.key(at + Duration::from_millis(5), letter.is_ascii_uppercase());
            }
        }
        watch.close(at).map(|entry| (entry.stopped.map(|time| time.as_millis()), entry.reply))
    }

    #[test]
    fn a_menu_is_watched() {
        let after = |millis| Reply::After(Duration::from_millis(millis));
        let cases = [
            ("a prompt stops and the next one comes", "ssssk....Q..ssss", Some((Some(15), after(55)))),
            ("it stops late", "sssskss....Q..ssss", Some((Some(55), after(55)))),
            ("the sender pauses instead of silence", "ssssk        Q   mss", Some((Some(15), after(75)))),
            ("no prompt was there, one comes", "sss.....q....Q..sss", Some((None, after(55)))),
            ("no prompt comes", "ssssk....Q......", Some((Some(15), Reply::None))),
            ("the prompt goes on", "sssskssssKssss", Some((None, Reply::Unclear))),
            ("and has pauses", "sssskssssKsss...sss", Some((None, Reply::Unclear))),
            ("pauses of one word's length are the prompt's", "ssssk..ss....Q.....s", Some((Some(95), after(115)))),
            ("a prompt begins softly", "ssssk....Q..,,ss", Some((Some(15), after(55)))),
            ("silence is what a room has", "ssssk,,,,N,,,,ss", Some((Some(15), after(95)))),
            ("one key", "ssssKs.....ss", Some((Some(35), after(135)))),
            ("one key, and the next prompt at once, as the marker says", "ssssKsmss", Some((Some(35), after(35)))),
            ("one key, and nothing more", "ssssKs......", Some((Some(35), Reply::None))),
            ("nothing was ever heard", "q....Q.....", Some((None, Reply::None))),
            ("a silent line speaks", "q....Q....s", Some((None, after(95)))),
            ("the entry was not finished", "ssssk....", None),
            ("no key", "ssss....", None),
        ];
        for (name, script, expected) in cases {
            assert_eq!(watched(script), expected, "{name}");
        }
    }
}
