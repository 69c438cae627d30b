//! Takes the caller out of a recording before it is written, and keeps its form. Each value becomes a pseudonym of equal
//! length under a key, and the call runs again with the pseudonyms: what that run does is what is written, so no output
//! can have a digit of the original in it.
//!
//! ```text
//! recorded inputs -- rerun --> what became of each key, when somebody was asked for what nobody may hear
//!        |                            |
//!        +-- pseudonyms (key, flow) --+--> redacted inputs -- rerun --> the recording
//!                                                             |  as the first rerun, but for the values: else no recording
//!                                                             +  searched for the originals: else no recording
//! ```
//!
//! What becomes of what: docs/recording.md.

mod inputs;
mod key;
mod laws;
mod learn;
mod pseudonym;
pub mod scan;
mod shape;

pub use key::{Key, OCTETS};

use super::Unplayable;
use crate::call::Program;
use crate::key::Key as Dtmf;
use crate::record::fixture::Broken;
use crate::record::seam::{KeyCarrier, Leg};
use crate::record::{Fixture, Header, Line};
use crate::secret::Secret;
use inputs::Replacing;
use jiff::tz::TimeZone;
use laws::Laws;
use pseudonym::Pseudonyms;
use scan::Search;
use std::fmt;
use std::ops::Range;

/// A recording without its caller. Its header says under which key (`redacted`), and whether the first rerun did something
/// else than the live call (`live_differs`): then the recording is of the rerun.
#[derive(Clone, Debug, PartialEq)]
pub struct Redacted {
    pub fixture: Fixture,
    pub map: Map,
    /// SIP messages that are left out, as an original was in them though they were masked.
    pub dropped: usize,
}

/// What became of what, for whoever has more of the same call to redact: its sound, its packets. Never written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    /// Values, no two alike; where a value was written in several ways, as its digits.
    pub values: Vec<Replaced>,
    /// Every `In::Key` of the recording in its order, those among them that stay as they are.
    pub keys: Vec<Pressed>,
    /// When the caller was asked for what is somebody's, in order and apart, in microseconds since the INVITE: there the caller may have said it. Keys
    /// that were typed ahead lie before them.
    pub spans: Vec<Range<u64>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    pub original: Secret,
    pub pseudonym: Secret,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// When the call took it, in microseconds since the INVITE: telephone-events and INFO came right before, tones began
    /// some 30 ms before.
    pub t: u64,
    pub leg: Leg,
    pub by: KeyCarrier,
    pub original: Dtmf,
    pub pseudonym: Dtmf,
}

/// Why a recording cannot be redacted. It tells no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unredacted {
    /// It cannot be run again.
    Unplayable(Unplayable),
    /// It was redacted before, under the key of that name.
    Already(String),
    /// The flow has another text than when the call was recorded: nobody can say what became of its keys.
    Edited,
    /// There is no other value of that length for which the flow's checks hold as for this one.
    NoPseudonym {
        /// `account`, `uui.account`.
        of: String,
    },
    /// With the pseudonyms the call goes another way.
    Parts { t: u64, recorded: String, redacted: String },
    /// It cannot be written.
    Unwritable(String),
    /// A value is still in it.
    Left {
        /// `line 12`, as it would have been written.
        place: String,
    },
}

/// The recording without its caller. `program` is the one that ran. It costs two reruns, and
/// what is written is written once more to be searched.
pub fn redact(fixture: &Fixture, program: &Program, key: &Key) -> Result<Redacted, Unredacted> {
    let (header, flow) = (&fixture.header, &program.flow);
    if let Some(key) = &header.redacted {
        return Err(Unredacted::Already(key.clone()));
    }
    if flow.digest != header.digest {
        return Err(Unredacted::Edited);
    }
    let learned = learn::learn(fixture, program.clone())?;
    let laws = Laws::new(flow, header.at.to_zoned(TimeZone::UTC).date());
    let mut replacing = Replacing::new(flow, &learned, Pseudonyms::new(key, laws, &header.call));
    let (inputs, map) = replacing.run(fixture)?;
    let header =
        Header { redacted: Some(key.id()), live_differs: header.live_differs || learned.differs, ..header.clone() };
    let lines = again(&Fixture { header: header.clone(), lines: inputs, sip: Vec::new() }, program)?;
    shape::same(&learned.lines, &lines, |text| replacing.names.sweep(text))?;
    let search = Search::of(map.values.iter().map(|replaced| &replaced.original));
    let mut clean = Fixture { header, lines, sip: fixture.sip.clone() };
    clean.sip.iter_mut().for_each(|message| message.text = without_tails(&message.text));
    let mut found = search.octets(clean.write()?.as_bytes());
    if !found.is_empty() {
        clean.sip.retain(|message| search.octets(message.text.as_bytes()).is_empty());
        found = search.octets(clean.write()?.as_bytes());
    }
    let dropped = fixture.sip.len() - clean.sip.len();
    match found.first() {
        Some(found) => Err(Unredacted::Left { place: found.place.to_string() }),
        None => Ok(Redacted { fixture: clean, map, dropped }),
    }
}

/// A masked number shows its last digits (`sip::mask`), and they are those of the caller.
fn without_tails(text: &str) -> String {
    const STARS: usize = 4;
    const TAIL: usize = 2;
    let (mut stars, mut hidden) = (0, 0);
    let hide = |c: char| match c {
        '*' => {
            (stars, hidden) = (stars + 1, 0);
            c
        }
        '0'..='9' if stars >= STARS && hidden < TAIL => {
            hidden += 1;
            '*'
        }
        _ => {
            stars = 0;
            c
        }
    };
    text.chars().map(hide).collect()
}

/// All that a run takes and does.
fn again(fixture: &Fixture, program: &Program) -> Result<Vec<Line>, Unplayable> {
    let mut lines = Vec::new();
    super::watched(fixture, program.clone(), |line, _| lines.push(line.clone()))?;
    Ok(lines)
}

impl fmt::Display for Unredacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unredacted::Unplayable(why) => why.fmt(f),
            Unredacted::Already(key) => write!(f, "it is redacted already, under the key {key}"),
            Unredacted::Edited => f.write_str("the flow was edited since the call was recorded"),
            Unredacted::NoPseudonym { of } => {
                write!(f, "`{of}` has no pseudonym for which the flow's checks hold alike")
            }
            Unredacted::Parts { t, recorded, redacted } => {
                let (seconds, micros) = (t / 1_000_000, t % 1_000_000);
                write!(
                    f,
                    "with pseudonyms it goes another way at {seconds}.{micros:06} s: {redacted} instead of {recorded}"
                )
            }
            Unredacted::Unwritable(why) => f.write_str(why),
            Unredacted::Left { place } => write!(f, "a value of the caller would still be in {place}"),
        }
    }
}

impl std::error::Error for Unredacted {}

impl From<Broken> for Unredacted {
    fn from(why: Broken) -> Unredacted {
        Unredacted::Unwritable(why.to_string())
    }
}

impl From<Unplayable> for Unredacted {
    fn from(why: Unplayable) -> Unredacted {
        Unredacted::Unplayable(why)
    }
}
