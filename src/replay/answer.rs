//! What a recording cannot answer, answered by a person: the question and its answer become lines of the recording, and what
//! was recorded behind them comes so much later.

use super::stage::agent_sdp;
use super::stage::rhythm::{ANSWERS, LOOKUP_TAKES, MOVES, PAUSE, RHYTHM, RINGS, TALKS};
use crate::context::Outcome;
use crate::flow::run::AgentEnd;
use crate::flow::script::{Cue, LineCue};
use crate::key::Key;
use crate::record::fixture::{Fixture, Line, Step};
use crate::record::seam::{In, KeyCarrier, Leg, LineTold, Out};
use crate::rerun::anchored::{Need, Ran, Wanted};
use crate::secret::Secret;
use crate::time::Duration;
use crate::yaml::near::suggestion;

/// What may be answered to it, for a person; `None`: nothing that could be written down here.
pub fn form(wanted: &Wanted) -> Option<String> {
    Some(match wanted {
        Wanted::Lookup { values, .. } => {
            let values = values.iter().map(|name| format!(" {name}=..")).collect::<String>();
            format!("ok{values}, none, refused, slow, failed")
        }
        Wanted::Entry { .. } => "the keys that the caller presses, as 1234#".to_owned(),
        Wanted::Line { .. } => "turn, full".to_owned(),
        Wanted::Person { .. } => "hangs-up (answers, talks and hangs up), fails".to_owned(),
        Wanted::Name { .. } => return None,
    })
}

/// An answer as it is typed: a cue of a script, its verb left out.
pub fn read(wanted: &Wanted, text: &str) -> Result<Cue, String> {
    let verb = match wanted {
        Wanted::Lookup { .. } => "lookup",
        Wanted::Entry { .. } => "press",
        Wanted::Line { .. } => "line",
        Wanted::Person { .. } => "agent",
        Wanted::Name { .. } => return Err("where a name leads cannot be told here: record the call anew".to_owned()),
    };
    let text = text.trim();
    let text = text.strip_prefix(verb).filter(|rest| rest.starts_with(' ')).unwrap_or(text).trim();
    let cue: Cue = format!("{verb} {text}").parse().map_err(|misread| format!("{misread}"))?;
    if let (Wanted::Lookup { name, values: wants }, Cue::Lookup { values, .. }) = (wanted, &cue)
        && let Some((foreign, _)) = values.iter().find(|(value, _)| !wants.contains(value))
    {
        let near = suggestion(foreign, wants.iter().map(String::as_str));
        return Err(format!("the lookup `{name}` wants no `{foreign}`: {near}"));
    }
    Ok(cue)
}

/// The recording with the answer in it. `ran`: the run that asked.
pub fn answered(fixture: &Fixture, ran: &Ran, need: &Need, cue: &Cue) -> Result<Fixture, String> {
    let question = question(ran, need).ok_or("the run that asked this has no such question")?;
    let answer = answer(fixture, &ran.lines[question], cue)?;
    let behind = behind(fixture, &ran.lines[..question]);
    let mut fixture = fixture.clone();
    let since = fixture.lines[behind].t;
    let takes = answer.last().map_or(0, |(after, _)| *after);
    let added = answer.into_iter().map(|(after, step)| Line { t: since + after, step });
    // What the call did at that moment is behind it, and what the world said next is later.
    fixture.lines[behind + 1..].iter_mut().for_each(|line| line.t += takes);
    fixture.sip.iter_mut().filter(|sip| sip.t > since).for_each(|sip| sip.t += takes);
    fixture.lines.splice(behind + 1..behind + 1, added);
    Ok(fixture)
}

/// Where in the run the output is that nothing in the recording answers to.
fn question(ran: &Ran, need: &Need) -> Option<usize> {
    let asks = |out: &Out| match (&need.what, out) {
        (Wanted::Lookup { name, .. }, Out::Lookup { name: asked, .. }) => name == asked,
        (Wanted::Entry { .. }, Out::Play { leg: Leg::Caller, .. }) => true,
        (Wanted::Line { queue }, Out::Join { queue: joined, .. }) => queue == joined,
        (Wanted::Person { destination }, Out::Agent { destination: to, .. } | Out::Refer { destination: to, .. }) => {
            destination == to
        }
        _ => false,
    };
    ran.lines.iter().position(|line| line.t == need.t && matches!(&line.step, Step::Out(out) if asks(out)))
}

/// The line of the recording behind which the question comes: the last input that it had before. Inputs that are alike are
/// told apart by how often they came.
fn behind(fixture: &Fixture, before: &[Line]) -> usize {
    let known =
        |line: &&Line| matches!(line.step, Step::In(_)) && fixture.lines.iter().any(|own| own.step == line.step);
    let Some(last) = before.iter().rfind(known) else { return 0 };
    let times = before.iter().filter(|line| line.step == last.step).count();
    let mut same = fixture.lines.iter().enumerate().filter(|(_, line)| line.step == last.step);
    let at = same.nth(times - 1).map_or(0, |(at, _)| at);
    // And what the call did about it, as long as it does nothing that is asked of the world.
    let steps = fixture.lines[at + 1..].iter().take_while(|line| line.t == fixture.lines[at].t);
    at + steps.take_while(|line| matches!(&line.step, Step::Out(out) if !asks(out))).count()
}

fn asks(out: &Out) -> bool {
    matches!(
        out,
        Out::Play { .. }
            | Out::Lookup { .. }
            | Out::Join { .. }
            | Out::Agent { .. }
            | Out::Refer { .. }
            | Out::Step { .. }
    )
}

/// The question and its answer, each so many microseconds later. Numbers are such that no other line has.
fn answer(fixture: &Fixture, question: &Line, cue: &Cue) -> Result<Vec<(u64, Step)>, String> {
    let Step::Out(out) = &question.step else { return Err("only an output asks".to_owned()) };
    let mut out = out.clone();
    let number = free(fixture);
    let inputs: Vec<(Duration, In)> = match (cue, &mut out) {
        (Cue::Lookup { outcome, values }, Out::Lookup { lookup, request, .. }) => {
            *lookup = number;
            let takes = if *outcome == Outcome::Slow { request.timeout } else { LOOKUP_TAKES.min(request.timeout) };
            let values = values.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))).collect();
            vec![(takes, In::LookedUp { lookup: number, outcome: *outcome, values })]
        }
        (Cue::Press(keys), Out::Play { play, .. }) => {
            *play = number;
            let keys = keys.chars().filter_map(Key::from_char).map(|key| In::Key {
                leg: Leg::Caller,
                key,
                by: KeyCarrier::Rtp,
            });
            keys.zip(0..).map(|(key, at)| (PAUSE + RHYTHM * at, key)).collect()
        }
        (Cue::Line(word), Out::Join { .. }) => {
            let told = match word {
                LineCue::Turn => LineTold::Turn,
                LineCue::Full => LineTold::Full,
                LineCue::Longest | LineCue::Offer => return Err("here a line is for `turn` or `full`".to_owned()),
            };
            vec![(MOVES, In::Line(told))]
        }
        (Cue::Agent(end), Out::Agent { .. }) => {
            let rings = (RINGS, In::Progress { status: 180, answer: None });
            let taken = RINGS + ANSWERS;
            match end {
                AgentEnd::Failed => {
                    let reason = "Busy Here".to_owned();
                    vec![rings, (taken, In::Refused { status: 486, reason, contacts: Vec::new() })]
                }
                AgentEnd::Done => {
                    let answered = In::Answered { answer: Some(agent_sdp()) };
                    vec![rings, (taken, answered), (taken + TALKS, In::Bye { leg: Leg::Agent })]
                }
                AgentEnd::Escalated => return Err("here a person is for `hangs-up` or `fails`".to_owned()),
            }
        }
        (Cue::Agent(end), Out::Refer { .. }) => {
            let status = if *end == AgentEnd::Done { 200 } else { 486 };
            vec![(RINGS, In::Referred { status: 202 }), (RINGS + ANSWERS, In::Transfer { status, last: true })]
        }
        _ => return Err(format!("`{cue}` is no answer to that")),
    };
    let asked = std::iter::once((0, Step::Out(out)));
    Ok(asked.chain(inputs.into_iter().map(|(after, input)| (after.as_micros() as u64, Step::In(input)))).collect())
}

/// A number that no play and no lookup of the recording has.
fn free(fixture: &Fixture) -> u32 {
    let numbers = fixture.lines.iter().filter_map(|line| match &line.step {
        Step::Out(Out::Play { play: number, .. } | Out::Lookup { lookup: number, .. }) => Some(*number),
        _ => None,
    });
    numbers.max().map_or(1, |most| most.saturating_add(1))
}
