//! The bounds of the language: how much of each thing one flow may have. What is beyond is refused with the bound.

use crate::time::Duration;

pub const MAX_BLOCKS: usize = 2_000;
/// Steps of a block.
pub const MAX_STEPS: usize = 1_000;
pub const MAX_LANGUAGES: usize = 20;
pub const MAX_MODULES: usize = 20;
/// Parameters, and values of one.
pub const MAX_PARAMETERS: usize = 32;
pub const MAX_VALUES: usize = 100;

/// Questions, and seconds, of a budget.
pub const MAX_QUESTIONS: usize = 100;
pub const MAX_SECONDS: usize = 3_600;

pub const MAX_FACTS: usize = 200;
/// Sources of a fact, and tries.
pub const MAX_KNOWN: usize = 16;
pub const MAX_TRIES: usize = 9;
/// The keys of a keypad.
pub const MAX_KEYS: usize = 12;
/// Greatest length of a `digits` fact; the type-ahead buffer holds two of them.
pub const MAX_DIGITS: usize = 32;
/// Octets of a pattern.
pub const MAX_PATTERN: usize = 200;
/// How long a recording may be: no prompt is longer.
pub const SHORTEST_TAKE: Duration = Duration::from_secs(1);
pub const LONGEST_TAKE: Duration = Duration::from_secs(300);
/// Facts that go along with a caller.
pub const MAX_NEEDS: usize = 64;

pub const MAX_LOOKUPS: usize = 200;
/// Facts of one lookup, and values.
pub const MAX_LOOKED_UP: usize = 32;
/// How long a caller may be made to wait for one answer.
pub const SHORTEST_TIMEOUT: Duration = Duration::from_millis(50);
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);

pub const MAX_HOURS: usize = 100;
/// Days of a calendar, and ranges of a day.
pub const MAX_DAYS: usize = 400;
pub const MAX_RANGES: usize = 8;

pub const MAX_QUEUES: usize = 500;
/// Callers with the people of one line at once, and callers who wait in it.
pub const MAX_SERVED: usize = 1_000;
pub const MAX_WAITING: usize = 500;
/// How long one may wait, and how often an announcement may interrupt the music.
pub const LONGEST_WAIT: Duration = Duration::from_secs(2 * 3_600);
pub const SELDOM: Duration = Duration::from_secs(10);

/// Words of a condition, names and values among them; and brackets within brackets.
pub const MAX_TOKENS: usize = 200;
pub const MAX_DEPTH: usize = 16;
