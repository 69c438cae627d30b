//! A key counts once, whatever carried it: what an entry holds was pressed, in that order, and each press serves one entry.

use super::Scene;
use crate::flow::fact::Kind;
use crate::key::Key;
use crate::record::fixture::{Line, Step};
use crate::record::seam::{FactChange, In, KeyCarrier, Leg, Out};

#[derive(Default)]
pub(super) struct Keys {
    /// What the caller pressed and no entry has taken, oldest first.
    pressed: Vec<char>,
    /// How many of them earlier entries took.
    taken: usize,
    /// The best carrier heard: lesser ones only repeat what it says.
    best: Option<KeyCarrier>,
    /// The key of the input that is answered now.
    last: Option<(Leg, Key)>,
}

impl Keys {
    pub fn pass(&mut self, scene: &mut Scene<'_>, line: &Line) {
        match &line.step {
            Step::In(input) => self.hear(input),
            Step::Out(Out::Press { leg, key }) => {
                if self.last.take() != Some((leg.other(), *key)) {
                    let message = "a key goes to the other side that nobody pressed".to_owned();
                    scene.violated("key-counted-twice", line.t, message);
                }
            }
            Step::Out(Out::Fact(fact)) if fact.by == "keypad" => self.entered(scene, line.t, fact),
            Step::Out(_) => {}
        }
    }

    fn hear(&mut self, input: &In) {
        self.last = None;
        match input {
            In::Key { leg, key, by } => {
                self.last = Some((*leg, *key));
                let counts = self.best.is_none_or(|best| *by as u8 <= best as u8);
                if *leg == Leg::Caller && counts {
                    self.best = Some(*by);
                    self.pressed.push(key.to_char());
                }
            }
            // It may be another phone, with other carriers.
            In::Reoffer { leg: Leg::Caller, .. } | In::LateAnswer { leg: Leg::Caller, .. } => self.best = None,
            _ => {}
        }
    }

    /// The earliest presses that make the entry up: whichever it took, they were no earlier.
    fn entered(&mut self, scene: &mut Scene<'_>, t: u64, fact: &FactChange) {
        let Some(value) = &fact.value else { return };
        // Pressed in an earlier call of the case.
        let earlier = scene.arrival.map_or(&[][..], |arrival| &arrival.case);
        if earlier.iter().any(|earlier| earlier.name == fact.name && earlier.value == *value) {
            return;
        }
        let question = scene.program.flow.facts.iter().find(|known| known.name.text == fact.name);
        let keyed: String = match question.map(|question| &question.kind) {
            Some(Kind::Digits { .. } | Kind::Phone | Kind::Number | Kind::Time) => {
                value.open().chars().filter(char::is_ascii_digit).collect()
            }
            Some(Kind::Choice(values)) => {
                let key = values.iter().find(|(_, known)| known.text == value.open()).map(|(key, _)| key.to_char());
                key.into_iter().collect()
            }
            // What is written of it is not what was keyed in.
            _ => return,
        };
        let mut at = self.taken;
        for key in keyed.chars() {
            match self.pressed[at..].iter().position(|pressed| *pressed == key) {
                Some(found) => at += found + 1,
                None => {
                    let message = format!("`{}` has keys that the caller did not press", fact.name);
                    return scene.violated("key-counted-twice", t, message);
                }
            }
        }
        self.taken = at;
    }
}
