//! What a made-up world takes its time for: systems, callers, lines and people.

use crate::time::Duration;

/// Between what the caller hears and its first key, and from one key to the next.
pub const PAUSE: Duration = Duration::from_millis(700);
pub const RHYTHM: Duration = Duration::from_millis(250);
pub const LOOKUP_TAKES: Duration = Duration::from_millis(120);
/// A phone says that it rings, and somebody takes it.
pub const RINGS: Duration = Duration::from_millis(300);
pub const ANSWERS: Duration = Duration::from_secs(3);
/// Whoever is called talks for so long, where nobody says otherwise.
pub const TALKS: Duration = Duration::from_secs(20);
/// A line in which somebody is ahead moves after so long.
pub const MOVES: Duration = Duration::from_secs(2);
