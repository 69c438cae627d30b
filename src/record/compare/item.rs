//! What a call does, as a comparison looks at it: in words that are the same in every call of the kind, and the values beside
//! them.

use super::{Layer, handoff};
use crate::audio::Utterance;
use crate::record::fixture::{Line, Step};
use crate::record::seam::{FactChange, Leg, Out};
use crate::secret::Secret;

/// Where in the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub block: String,
    pub step: usize,
    pub line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub t: u64,
    pub layer: Layer,
    pub place: Option<Place>,
    /// No value of a caller's is in them.
    pub words: String,
    pub values: Vec<Secret>,
}

impl Item {
    /// What a difference of it is about.
    pub fn subject(&self) -> &'static str {
        match self.layer {
            Layer::Keys => "what is keyed in",
            Layer::Path => "the way",
            Layer::Facts => "what is known",
            Layer::Prompts => "what is heard",
            Layer::HandOff => "what the person gets",
            Layer::Timing => "when",
            Layer::Disposition => "the end",
            Layer::Invariants => "what no call may do",
            Layer::Bytes => "an output",
        }
    }
}

/// The outputs of a run as items, in order.
pub fn items(lines: &[Line]) -> Vec<Item> {
    let (mut items, mut place) = (Vec::new(), None);
    for line in lines {
        let Step::Out(out) = &line.step else { continue };
        if let Out::Step { block, step, line, .. } = out {
            place = Some(Place { block: block.clone(), step: *step, line: *line });
        }
        let mut add = |layer, words: String, values| {
            items.push(Item { t: line.t, layer, place: place.clone(), words, values });
        };
        match out {
            Out::Play { leg, say, looped, .. } => {
                let to = if *leg == Leg::Agent { " (to the person)" } else { "" };
                let on = if *looped { " (looped)" } else { "" };
                add(Layer::Prompts, prompt(say) + to + on, values(say));
            }
            Out::Fact(fact) => {
                let FactChange { name, state, by, tries, value } = fact;
                let words = format!("{name} {state} by {by}, try {tries}");
                add(Layer::Facts, words, value.iter().cloned().collect());
            }
            Out::Store { destination, context, .. } => {
                handoff::context(destination, context, &mut |words, values| add(Layer::HandOff, words, values));
            }
            Out::Agent { destination, target, invite, omitted, .. } => {
                add(Layer::HandOff, format!("{destination} is called at {target}"), Vec::new());
                handoff::invite(invite, &mut |words, values| add(Layer::HandOff, words, values));
                if !omitted.is_empty() {
                    add(Layer::HandOff, format!("without {}", omitted.join(", ")), Vec::new());
                }
            }
            Out::Refer { destination, target, refer_to, because, .. } => {
                let words = format!("the caller is sent to {destination} at {target}, because {because}");
                add(Layer::HandOff, words, Vec::new());
                handoff::refer_to(refer_to, &mut |words, values| add(Layer::HandOff, words, values));
            }
            Out::Press { leg, key } => {
                let side = if *leg == Leg::Agent { "the person's side" } else { "the caller's side" };
                add(Layer::Path, format!("a key on {side}"), vec![Secret::new(key.to_char().to_string())]);
            }
            Out::Hangup { leg } => {
                let side = if *leg == Leg::Agent { "the person" } else { "the caller" };
                add(Layer::Disposition, format!("{side} is hung up on"), Vec::new());
            }
            Out::End { disposition, by } => {
                add(Layer::Disposition, format!("{disposition:?} by {by:?}").to_lowercase(), Vec::new());
            }
            out => {
                if let Some(words) = path(out) {
                    add(Layer::Path, words, Vec::new());
                }
            }
        }
    }
    items
}

/// What is a part of the call's way. A step has no number: the ones behind a step that is new keep their words.
fn path(out: &Out) -> Option<String> {
    Some(match out {
        Out::Step { block, verb, .. } => format!("{block}: {verb}"),
        Out::Answer { .. } => "answered".to_owned(),
        Out::Early { .. } => "heard before the answer".to_owned(),
        Out::Reject { status, .. } => format!("refused with {status}"),
        Out::Lookup { name, .. } => format!("looks up {name}"),
        Out::Join { queue, .. } => format!("into the line of {queue}"),
        Out::Leave => "out of the line".to_owned(),
        Out::Record { act, .. } => format!("recording: {act:?}").to_lowercase(),
        Out::Take { .. } => "what the caller says is recorded".to_owned(),
        Out::EndTake { .. } => "the caller has said it".to_owned(),
        Out::Announce { prompt, language, .. } => format!("announces {language}/{prompt}"),
        Out::AnswerRefer { leg, status } => format!("{leg:?} who sends the other on gets {status}").to_lowercase(),
        Out::Cancel => "the person is not called any more".to_owned(),
        Out::Bridge => "the two talk".to_owned(),
        Out::Unbridge => "the two are parted".to_owned(),
        _ => return None,
    })
}

/// The prompts of a play by their ids: `en/account_readback`, whatever it reads between its clips.
pub fn prompt(say: &[Utterance]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for utterance in say {
        let Utterance::Clip(clip) = utterance else { continue };
        let name = of_clip(clip);
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { "a value".to_owned() } else { names.join(" + ") }
}

/// The prompt that a clip is of: of one that reads values between its clips, each has a number.
pub fn of_clip(clip: &str) -> &str {
    match clip.rsplit_once('.') {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => clip,
    }
}

fn values(say: &[Utterance]) -> Vec<Secret> {
    let values = say.iter().filter_map(|utterance| match utterance {
        Utterance::Value { value, .. } => Some(value.clone()),
        Utterance::Clip(_) => None,
    });
    values.collect()
}
