//! Whether two runs of a call are one but for the values: the same steps, prompts, facts and ends, at the same times.

use super::Unredacted;
use crate::audio::Utterance;
use crate::key::Key;
use crate::record::fixture::{Line, Step};
use crate::record::seam::{FactChange, In, Out};
use crate::secret::Secret;
use serde_json::Value;

/// The first place where they part. `sweep` takes the values out of what was not blanked.
pub fn same(original: &[Line], redacted: &[Line], sweep: impl Fn(&str) -> String) -> Result<(), Unredacted> {
    let (mut left, mut right) = (original.iter(), redacted.iter());
    loop {
        let (a, b) = match (left.next(), right.next()) {
            (None, None) => return Ok(()),
            (Some(a), Some(b)) if a.t == b.t && alike(&a.step, &b.step, &sweep) => continue,
            (a, b) => (a, b),
        };
        let t = a.or(b).map_or(0, |line| line.t);
        return Err(Unredacted::Parts { t, recorded: named(a), redacted: named(b) });
    }
}

fn alike(a: &Step, b: &Step, sweep: &impl Fn(&str) -> String) -> bool {
    match (a, b) {
        // The stimuli are the same by construction, but for their values.
        (Step::In(a), Step::In(b)) => std::mem::discriminant(a) == std::mem::discriminant(b),
        (Step::Out(a), Step::Out(b)) => blank(a, sweep) == blank(b, &|text| text.to_owned()),
        _ => false,
    }
}

/// Without values. Lengths are kept where they are of the form: a message that is longer may take another way.
fn blank(out: &Out, sweep: &impl Fn(&str) -> String) -> Out {
    let mut out = out.clone();
    match &mut out {
        Out::Play { say, .. } => {
            for utterance in say {
                if let Utterance::Value { value, .. } = utterance {
                    *value = Secret::default();
                }
            }
        }
        Out::Press { key, .. } => *key = Key::POUND,
        Out::Fact(FactChange { value, .. }) => *value = value.as_ref().map(|_| Secret::default()),
        Out::Store { reference, context, .. } => (*reference, *context) = (Secret::default(), Value::Null),
        Out::Lookup { request, .. } => {
            request.path = Secret::new(request.path.len().to_string());
            request.body = request.body.as_ref().map(|body| Secret::new(body.len().to_string()));
        }
        Out::Resolve { uri, .. } => *uri = sweep(uri),
        Out::Agent { target, invite, .. } => (*target, *invite) = (sweep(target), invite.len().to_string()),
        Out::Refer { target, refer_to, .. } => {
            *target = sweep(target);
            *refer_to = Secret::new(refer_to.len().to_string());
        }
        Out::Reject { .. }
        | Out::Answer { .. }
        | Out::Early { .. }
        | Out::Listen { .. }
        | Out::Reanswer { .. }
        | Out::Retarget { .. }
        | Out::Rerefuse { .. }
        | Out::Step { .. }
        | Out::Stop { .. }
        | Out::Mint
        | Out::Join { .. }
        | Out::Leave
        | Out::Bodiless { .. }
        | Out::AnswerRefer { .. }
        | Out::Record { .. }
        | Out::Take { .. }
        | Out::EndTake { .. }
        | Out::Announce { .. }
        | Out::Cancel
        | Out::Bridge
        | Out::Unbridge
        | Out::Hangup { .. }
        | Out::End { .. } => {}
    }
    out
}

/// What a line is, without a value.
fn named(line: Option<&Line>) -> String {
    let Some(line) = line else { return "nothing more".to_owned() };
    match &line.step {
        Step::Out(Out::Step { block, step, verb, line }) => format!("step {block}:{step} ({verb}, line {line})"),
        Step::Out(Out::Fact(FactChange { name, state, by, .. })) => format!("fact {name} {state} by {by}"),
        Step::Out(Out::Play { say, .. }) => match say.first() {
            Some(Utterance::Clip(clip)) => format!("prompt {clip}"),
            _ => "prompt".to_owned(),
        },
        Step::Out(Out::Lookup { name, .. }) => format!("lookup {name}"),
        Step::Out(Out::Agent { destination, .. }) => format!("INVITE to {destination}"),
        Step::Out(Out::Refer { destination, .. }) => format!("REFER to {destination}"),
        Step::Out(out) => kind(serde_json::to_value(out), "out"),
        Step::In(In::Key { .. }) => "key".to_owned(),
        Step::In(input) => kind(serde_json::to_value(input), "in"),
    }
}

fn kind(written: serde_json::Result<Value>, tag: &str) -> String {
    let kind = written.ok().and_then(|value| value.get(tag).and_then(Value::as_str).map(str::to_owned));
    kind.unwrap_or_else(|| "another line".to_owned())
}
