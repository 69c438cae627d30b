//! What calls took, counted against a plan.

use super::plan::{Item, Kind, ON_ERROR, ON_HANGUP, Plan, Planned, TAKEN, declined_name, lookup_name, try_name};
use crate::audio::Utterance;
use crate::call::Program;
use crate::context::{Outcome, Passed};
use crate::flow::run::{ESCAPE, HANGUP, INVALID, SILENT};
use crate::record::fixture::{Fixture, Line, Step};
use crate::record::seam::{FactChange, In, Out};
use crate::rerun::{Sounds, Unplayable, anchored};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What one call took, each as often as it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken(pub BTreeMap<Item, u64>);

/// What calls took of a plan.
pub struct Coverage<'p> {
    pub plan: &'p Plan,
    pub calls: u64,
    /// How often each of the plan was taken.
    pub counts: Vec<u64>,
}

impl<'p> Coverage<'p> {
    pub fn new(plan: &'p Plan) -> Self {
        Coverage { plan, calls: 0, counts: vec![0; plan.all.len()] }
    }

    /// What the plan does not know is of another text of the flow, and not counted.
    pub fn add(&mut self, taken: &Taken) {
        self.calls += 1;
        for (item, times) in &taken.0 {
            if let Some(number) = self.plan.number(item) {
                self.counts[number] += times;
            }
        }
    }

    /// Of what some call can take, how much was taken, and how much there is.
    pub fn of(&self, kind: Kind, block: Option<usize>) -> (usize, usize) {
        let of =
            |planned: &Planned| planned.item.kind == kind && block.is_none_or(|block| planned.block == Some(block));
        let all = self.plan.within().filter(|(_, planned)| of(planned));
        all.fold((0, 0), |(taken, all), (number, _)| (taken + usize::from(self.counts[number] > 0), all + 1))
    }

    /// The ways that nobody took, by their names in the flow's picture.
    pub fn untaken_ways(&self) -> BTreeSet<String> {
        let ways = |kind| {
            let untaken =
                move |(number, planned): &(usize, &Planned)| planned.item.kind == kind && self.counts[*number] == 0;
            self.plan.all.iter().enumerate().filter(untaken).map(|(_, planned)| planned.item.name.clone())
        };
        let mut untaken: BTreeSet<String> = ways(Kind::Exits).chain(ways(Kind::Always)).collect();
        if self.of(Kind::Escapes, None).0 == 0 {
            untaken.insert(ESCAPE.to_owned());
        }
        untaken
    }

    /// What nobody took.
    pub fn missing(&self, kind: Kind) -> impl Iterator<Item = &Planned> {
        let missing =
            self.plan.within().filter(move |(number, planned)| planned.item.kind == kind && self.counts[*number] == 0);
        missing.map(|(_, planned)| planned)
    }
}

impl Taken {
    /// What a recorded call takes of the flow as it is now.
    pub fn again(plan: &Plan, fixture: &Fixture, program: &Program, sounds: &Sounds) -> Result<Taken, Unplayable> {
        let mut journey = Vec::new();
        let ran = anchored::watched(fixture, program, sounds, |line, context| {
            if let Step::Out(Out::End { .. }) = &line.step {
                journey.clone_from(&context.journey);
            }
        })?;
        Ok(Taken::of(plan, ran.lines.iter(), &journey, fixture.header.at))
    }

    /// What a call that came in at that time took, of all that it was told and did, in any order, and its steps.
    pub fn of<'l>(
        plan: &Plan,
        lines: impl Iterator<Item = &'l Line> + Clone,
        journey: &[Passed],
        at: Timestamp,
    ) -> Taken {
        let mut taken = Taken::default();
        taken.walk(plan, journey.iter().map(Passed::told));
        let consulted =
            journey.iter().filter_map(|passed| plan.consults.get(&format!("{}:{}", passed.block, passed.step)));
        let minutes: BTreeSet<String> = consulted.flatten().map(|hours| hours.minute(at)).collect();
        let planned = minutes.into_iter().map(|minute| Item::new(Kind::Hours, minute));
        planned.filter(|item| plan.number(item).is_some()).for_each(|item| taken.add(item.kind, item.name));
        let asked = lines.clone().filter_map(|line| match &line.step {
            Step::Out(Out::Lookup { lookup, name, .. }) => Some((*lookup, name.as_str())),
            _ => None,
        });
        let asked: BTreeMap<u32, &str> = asked.collect();
        for line in lines {
            match &line.step {
                Step::Out(Out::Fact(FactChange { name, state, by, tries, .. })) => {
                    taken.fact(name, state, Some(by), *tries);
                }
                Step::Out(Out::Play { say, .. }) => taken.hear(plan, say),
                Step::In(In::LookedUp { lookup, outcome, .. }) => taken.looked_up(asked.get(lookup).copied(), *outcome),
                _ => {}
            }
        }
        taken
    }

    fn add(&mut self, kind: Kind, name: String) {
        *self.0.entry(Item { kind, name }).or_insert(0) += 1;
    }

    /// Follows the steps of a call, each told as `Passed::told` tells it.
    pub fn walk(&mut self, plan: &Plan, path: impl Iterator<Item = String>) {
        // What was run, to come back behind it.
        let mut runs: Vec<String> = Vec::new();
        for told in path {
            let Some((place, words)) = split(&told) else { continue };
            self.add(Kind::Steps, place.to_owned());
            let (failed, exit) = became(words);
            if let Some(fact) = plan.asks.get(place) {
                let failed = failed.into_iter().enumerate();
                failed.for_each(|(at, end)| self.add(Kind::Tries, try_name(fact, at + 1, end)));
            }
            let Some(exit) = exit else { continue };
            let name = format!("{place}:{exit}");
            let is_way = plan.number(&Item::new(Kind::Exits, name.as_str())).is_some();
            match exit {
                ESCAPE if !is_way => {
                    runs.clear();
                    self.add(Kind::Escapes, name);
                    continue;
                }
                // The caller has gone.
                HANGUP if !is_way => {
                    runs.clear();
                    let led = Item::new(Kind::Always, ON_HANGUP);
                    if plan.number(&led).is_some() {
                        self.add(led.kind, led.name);
                    }
                    continue;
                }
                "run" => runs.push(place.to_owned()),
                "return" => runs.pop().into_iter().for_each(|run| self.add(Kind::Exits, format!("{run}:next"))),
                _ => {}
            }
            if plan.errors.contains(&name) {
                runs.clear();
                self.add(Kind::Always, ON_ERROR.to_owned());
            }
            self.add(Kind::Exits, name);
        }
    }

    /// How a fact came to be as it is, in the words of recordings and records.
    pub fn fact(&mut self, name: &str, state: &str, by: Option<&str>, tries: u32) {
        let Some(by) = by else { return };
        match state {
            "filled" => {
                let keyed = matches!(by, "keypad" | "spoken");
                if keyed && tries > 0 {
                    self.add(Kind::Tries, try_name(name, tries as usize, TAKEN));
                }
                // What was keyed in, and nobody asked for it, came with the case.
                let by = if keyed && tries == 0 { "case" } else { by };
                self.add(Kind::Sources, format!("{name} from {by}"));
            }
            "declined" => self.add(Kind::Sources, declined_name(name, by)),
            _ => {}
        }
    }

    fn looked_up(&mut self, lookup: Option<&str>, outcome: Outcome) {
        lookup.into_iter().for_each(|lookup| self.add(Kind::Lookups, lookup_name(lookup, outcome)));
    }

    /// A prompt is heard once a play, of however many clips it is made.
    fn hear(&mut self, plan: &Plan, say: &[Utterance]) {
        let mut heard: Vec<&String> = Vec::new();
        for utterance in say {
            let Utterance::Clip(clip) = utterance else { continue };
            let Some(prompt) = plan.clips.get(clip) else { continue };
            if !heard.contains(&prompt) {
                heard.push(prompt);
            }
        }
        heard.into_iter().for_each(|prompt| self.add(Kind::Prompts, prompt.clone()));
    }
}

/// `start:2:silent:next` as `start:2` and `silent:next`.
fn split(told: &str) -> Option<(&str, &str)> {
    let (block, _) = told.split_once(':')?;
    let step = told[block.len() + 1..].split(':').next()?;
    let place = block.len() + 1 + step.len();
    Some((&told[..place], told[place..].trim_start_matches(':')))
}

/// The tries that failed, and the way out.
fn became(mut words: &str) -> (Vec<&'static str>, Option<&str>) {
    let mut failed = Vec::new();
    'tries: while !words.is_empty() {
        for end in [SILENT, INVALID] {
            let rest = words.strip_prefix(end).filter(|rest| rest.is_empty() || rest.starts_with(':'));
            if let Some(rest) = rest {
                failed.push(end);
                words = rest.trim_start_matches(':');
                continue 'tries;
            }
        }
        break;
    }
    (failed, Some(words).filter(|words| !words.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_told_with_what_became_of_it() {
        type Told = (&'static str, &'static str, &'static [&'static str], Option<&'static str>);
        let cases: [Told; 6] = [
            ("start:2", "start:2", &[], None),
            ("start:2:next", "start:2", &[], Some("next")),
            ("m.ask:12:silent:invalid:silent:else", "m.ask:12", &[SILENT, INVALID, SILENT], Some("else")),
            ("start:2:silent", "start:2", &[SILENT], None),
            // A value of a choice may be anything.
            ("start:2:to.silent", "start:2", &[], Some("to.silent")),
            ("start:2:to.a:b", "start:2", &[], Some("to.a:b")),
        ];
        for (told, place, failed, exit) in cases {
            let (at, words) = split(told).expect("a step");
            assert_eq!((at, became(words)), (place, (failed.to_vec(), exit)), "{told}");
        }
        assert_eq!(split("start"), None);
    }
}
