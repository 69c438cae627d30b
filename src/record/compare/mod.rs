//! Compares what a call did again with what its recording says. To the byte (`outputs`), where nothing was edited; and else
//! as the people of QA see it, in layers that may be looked at by themselves: a prompt that was spoken anew is one difference,
//! not a hundred.

mod bytes;
mod handoff;
mod item;

pub use bytes::{Comparison, Parting, outputs};
pub use item::{of_clip, prompt};

use super::fixture::Line;
use crate::time::Duration;
use item::Item;
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// What is said of one difference: so many things, and how many more there are.
const TOLD: usize = 3;
/// What people do not notice, and a slower machine may add.
const WINDOW: Duration = Duration::from_millis(250);

/// One line a layer: the variant and its name.
macro_rules! layers {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// What two runs are compared in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Layer { $($(#[$doc])* $variant),* }

        impl Layer {
            pub const ALL: &[Layer] = &[$(Layer::$variant),*];

            pub fn name(self) -> &'static str {
                match self { $(Layer::$variant => $name),* }
            }
        }
    };
}

layers! {
    /// What the caller keyed in, where that is heard anew: in its sound, or in its packets.
    Keys = "keys",
    /// The steps that the call took, and what it asked the world for.
    Path = "path",
    /// How each fact came to be known, and its value.
    Facts = "facts",
    /// What each side heard.
    Prompts = "prompts",
    /// The context as it was stored, and what went to the person's phone, without what is new in every call.
    HandOff = "hand-off",
    /// When things happened, counted from what happened before.
    Timing = "timing",
    /// How the call ended.
    Disposition = "disposition",
    /// Invariants of every call.
    Invariants = "invariants",
    /// Every output with its time, to the byte; looked at where the flow is as it was recorded and all else is equal.
    Bytes = "bytes",
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The layers that are looked at. Written `path,facts` for these alone, `-timing,-bytes` for all but these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers {
    layers: Vec<Layer>,
    pub window: Duration,
}

impl Default for Layers {
    fn default() -> Self {
        Self { layers: Layer::ALL.to_vec(), window: WINDOW }
    }
}

impl Layers {
    pub fn has(&self, layer: Layer) -> bool {
        self.layers.contains(&layer)
    }
}

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |name: &str| {
            let layer = Layer::ALL.iter().find(|layer| layer.name() == name).copied();
            let names = || Layer::ALL.iter().map(|layer| layer.name()).collect::<Vec<_>>().join(", ");
            layer.ok_or_else(|| format!("`{name}` is no layer: there are {}", names()))
        };
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let without =
            words.iter().filter_map(|word| word.strip_prefix('-')).map(named).collect::<Result<Vec<_>, _>>()?;
        if without.len() == words.len() {
            let layers = Layer::ALL.iter().copied().filter(|layer| !without.contains(layer)).collect();
            return Ok(Layers { layers, window: WINDOW });
        }
        if !without.is_empty() {
            return Err("name the layers to look at, or with `-` those to leave out; not both".to_owned());
        }
        Ok(Layers { layers: words.into_iter().map(named).collect::<Result<_, _>>()?, window: WINDOW })
    }
}

/// Where two runs part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub layer: Layer,
    /// Microseconds since the INVITE, in the recording; in the replay, where the recording had ended.
    pub t: u64,
    /// Block and step that the call was in.
    pub place: Option<(String, usize)>,
    /// Of the flow's file, as the flow is now; of what is no more, as it was.
    pub line: Option<usize>,
    /// What it is about. Neither this nor the two below show a caller's values, but single keys (`Layer::Keys`).
    pub subject: String,
    pub recorded: Option<String>,
    pub replayed: Option<String>,
}

impl Difference {
    /// Equal for what is the same difference in other calls: without times, and without what is one call's own.
    pub fn signature(&self) -> String {
        let block = self.place.as_ref().map_or("", |(block, _)| block);
        let none = || "-".to_owned();
        let (recorded, replayed) = match self.layer {
            // Its sides are times.
            Layer::Timing | Layer::Bytes | Layer::Keys => (none(), none()),
            _ => (self.recorded.clone().unwrap_or_else(none), self.replayed.clone().unwrap_or_else(none)),
        };
        format!("{} | {block} | {} | {recorded} | {replayed}", self.layer, self.subject)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { layer, place, line, subject, recorded, replayed, .. } = self;
        write!(f, "{layer}")?;
        if let Some((block, step)) = place {
            write!(f, " at {block}.{step}")?;
        }
        if let Some(line) = line {
            write!(f, " (line {line})")?;
        }
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, ": {subject}: {} -> {}", side(recorded), side(replayed))
    }
}

/// Compares two runs in the layers that are looked at; in the order of the call. What follows a prompt whose sound is another
/// one now, by its name, may follow it at another distance.
pub fn compare(
    recorded: &[Line],
    replayed: &[Line],
    layers: &Layers,
    renewed: &dyn Fn(&str) -> bool,
) -> Vec<Difference> {
    let (left, right) = (item::items(recorded), item::items(replayed));
    let mut numbers = Numbers::default();
    let (was, is) = (numbers.of(&left), numbers.of(&right));
    let mut differences = Vec::new();
    let mut timing = Vec::new();
    let mut before: Option<(usize, usize)> = None;
    for op in capture_diff_slices(Algorithm::Myers, &was, &is) {
        let (old, new) = (op.old_range(), op.new_range());
        if let DiffOp::Equal { .. } = op {
            for pair in old.zip(new) {
                // What stands beside a difference has its time from it.
                let known = before.filter(|(was, _)| !left[*was].words.split(" + ").any(renewed));
                if let Some(before) = known {
                    let (old, new) = ((&left[before.0], &left[pair.0]), (&right[before.1], &right[pair.1]));
                    timing.extend(late((old.0, new.0), (old.1, new.1), layers.window));
                }
                before = Some(pair);
            }
            continue;
        }
        before = None;
        for layer in Layer::ALL.iter().filter(|layer| layers.has(**layer)) {
            let of_layer = |item: &&Item| item.layer == *layer;
            let old: Vec<&Item> = left[old.clone()].iter().filter(of_layer).collect();
            let new: Vec<&Item> = right[new.clone()].iter().filter(of_layer).collect();
            differences.extend(hunk(*layer, &old, &new));
        }
    }
    if layers.has(Layer::Timing) {
        differences.extend(timing);
    }
    differences.sort_by_key(|difference| (difference.t, difference.layer));
    differences
}

/// What one layer has on both sides between two things that are equal.
fn hunk(layer: Layer, old: &[&Item], new: &[&Item]) -> Option<Difference> {
    let first = old.first().or(new.first())?;
    // The flow as it is now has the line that somebody may want to look at.
    let stands = new.first().or(old.first())?.place.as_ref();
    let values_only = words(old) == words(new);
    let told = |items: &[&Item], suffix: &str| {
        let told = words(items).into_iter().take(TOLD).collect::<Vec<_>>().join(", ");
        let more = items.len().saturating_sub(TOLD);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!items.is_empty()).then(|| told + &more + suffix)
    };
    let subject = if values_only { "another value" } else { first.subject() };
    Some(Difference {
        layer,
        t: first.t,
        place: stands.map(|place| (place.block.clone(), place.step)),
        line: stands.map(|place| place.line),
        subject: subject.to_owned(),
        recorded: told(old, ""),
        replayed: told(new, if values_only { " with another value" } else { "" }),
    })
}

fn words<'i>(items: &[&'i Item]) -> Vec<&'i str> {
    items.iter().map(|item| item.words.as_str()).collect()
}

/// Two things follow each other in both runs, but not at the same distance.
fn late(before: (&Item, &Item), pair: (&Item, &Item), window: Duration) -> Option<Difference> {
    let (was, is) = (pair.0.t.saturating_sub(before.0.t), pair.1.t.saturating_sub(before.1.t));
    if u128::from(was.abs_diff(is)) <= window.as_micros() {
        return None;
    }
    let time = |micros: u64| format!("{:.3} s after", micros as f64 / 1e6);
    Some(Difference {
        layer: Layer::Timing,
        t: pair.0.t,
        place: pair.1.place.as_ref().map(|place| (place.block.clone(), place.step)),
        line: pair.1.place.as_ref().map(|place| place.line),
        subject: format!("{} after {}", pair.1.words, before.1.words),
        recorded: Some(time(was)),
        replayed: Some(time(is)),
    })
}

/// Equal items have the same number.
#[derive(Default)]
struct Numbers<'i> {
    known: HashMap<(Layer, &'i str), Vec<(&'i Item, u32)>>,
    next: u32,
}

impl<'i> Numbers<'i> {
    fn of(&mut self, items: &'i [Item]) -> Vec<u32> {
        let numbers = items.iter().map(|item| {
            let known = self.known.entry((item.layer, item.words.as_str())).or_default();
            if let Some((_, number)) = known.iter().find(|(other, _)| other.values == item.values) {
                return *number;
            }
            self.next += 1;
            known.push((item, self.next));
            self.next
        });
        numbers.collect()
    }
}
