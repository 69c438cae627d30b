//! The inputs of a call with pseudonyms in place of what its caller, and who knows of it, told.

use super::laws::keys_of;
use super::learn::{Became, Learned, Pressing, is_sensitive};
use super::pseudonym::{Pseudonyms, Scope};
use super::{Map, Pressed, Unredacted};
use crate::context::{Class, Earlier};
use crate::flow::Flow;
use crate::flow::fact::{Kind, Known, Question};
use crate::key::Key;
use crate::record::fixture::{Fixture, Line, Step};
use crate::record::seam::{Arrival, In, Leg, Out};
use crate::secret::Secret;
use std::collections::BTreeMap;

/// Keys that nobody took and that lie apart by so much are not of one number, in microseconds (`call::again`).
const PAUSE: u64 = 5_000_000;

/// What is to become of the value of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    /// A word of the flow, or of an open class: it stays, unless it is somebody's elsewhere in the call.
    Stays,
    Pseudonym(Scope),
}

fn due(question: &Question) -> Due {
    match (is_sensitive(question), question.class) {
        (false, _) => Due::Stays,
        (true, Class::Secret) => Due::Pseudonym(Scope::Call),
        (true, _) => Due::Pseudonym(Scope::Caller),
    }
}

pub struct Replacing<'a> {
    flow: &'a Flow,
    learned: &'a Learned,
    pub names: Pseudonyms<'a>,
    /// The names of the lookups, by their numbers.
    lookups: BTreeMap<u32, &'a str>,
    /// Whether this is the second time: what is somebody's is known by now.
    again: bool,
}

impl<'a> Replacing<'a> {
    pub fn new(flow: &'a Flow, learned: &'a Learned, names: Pseudonyms<'a>) -> Self {
        let lookups = learned.lines.iter().filter_map(|line| match &line.step {
            Step::Out(Out::Lookup { lookup, name, .. }) => Some((*lookup, name.as_str())),
            _ => None,
        });
        Self { flow, learned, names, lookups: lookups.collect(), again: false }
    }

    /// The inputs, and what became of the keys.
    pub fn run(&mut self, fixture: &Fixture) -> Result<(Vec<Line>, Map), Unredacted> {
        // Twice: a value may stand in an open place before it is known to be somebody's.
        self.lines(fixture, &[])?;
        self.keys()?;
        self.again = true;
        let keys = self.keys()?;
        let lines = self.lines(fixture, &keys)?;
        let pressed = self.learned.keys.iter().zip(keys).map(|(was, pseudonym)| Pressed {
            t: was.t,
            leg: was.leg,
            by: was.by,
            original: was.key,
            pseudonym,
        });
        let map = Map { values: self.names.replaced(), keys: pressed.collect(), spans: self.learned.spans.clone() };
        Ok((lines, map))
    }

    fn lines(&mut self, fixture: &Fixture, keys: &[Key]) -> Result<Vec<Line>, Unredacted> {
        let mut keys = keys.iter();
        let inputs = fixture.lines.iter().filter_map(|line| match &line.step {
            Step::In(input) => Some((line.t, input)),
            Step::Out(_) => None,
        });
        let mut lines = Vec::new();
        for (t, input) in inputs {
            let mut input = input.clone();
            match &mut input {
                In::Key { key, .. } => *key = keys.next().copied().unwrap_or(*key),
                input => self.input(input)?,
            }
            lines.push(Line { t, step: Step::In(input) });
        }
        Ok(lines)
    }

    fn input(&mut self, input: &mut In) -> Result<(), Unredacted> {
        match input {
            In::Invite(arrival) => self.arrival(arrival)?,
            In::Ref { reference } => self.replace("ref", reference, Due::Pseudonym(Scope::Caller))?,
            In::LookedUp { lookup, values, .. } => {
                let lookup = self.lookups.get(lookup).copied();
                for (name, value) in values {
                    let due = self.looked_up(lookup, name);
                    self.replace(&format!("{}.{name}", lookup.unwrap_or("lookup")), value, due)?;
                }
            }
            In::Refer { to, replaces, .. } => {
                *to = self.names.sweep(to);
                *replaces = replaces.take().map(|replaces| self.names.sweep(&replaces));
            }
            In::Refused { reason, contacts, .. } => {
                *reason = self.names.sweep(reason);
                contacts.iter_mut().for_each(|contact| *contact = self.names.sweep(contact));
            }
            In::Lost { why, .. } => *why = self.names.sweep(why),
            In::Key { .. }
            | In::Shown
            | In::PlayEnded { .. }
            | In::Store { .. }
            | In::Resolved { .. }
            | In::Line(_)
            | In::Switch { .. }
            | In::Progress { .. }
            | In::Answered { .. }
            | In::Referred { .. }
            | In::Transfer { .. }
            | In::Reoffer { .. }
            | In::LateAnswer { .. }
            | In::Recorded { .. }
            | In::Taken { .. }
            | In::Announced { .. }
            | In::Bye { .. } => {}
        }
        Ok(())
    }

    fn arrival(&mut self, arrival: &mut Arrival) -> Result<(), Unredacted> {
        let anybody = Due::Pseudonym(Scope::Caller);
        if let Some(number) = &mut arrival.from {
            self.replace("caller.number", number, anybody)?;
        }
        if let Some(name) = &mut arrival.name {
            self.replace("caller.name", name, anybody)?;
        }
        for (name, value) in &mut arrival.uui {
            let due = self.known_by(|known| *known == Known::Uui(name.clone()));
            self.replace(&format!("uui.{name}"), value, due)?;
        }
        for (name, value) in &mut arrival.headers {
            let due =
                self.known_by(|known| matches!(known, Known::Header(header) if header.eq_ignore_ascii_case(name)));
            self.replace(&format!("header.{name}"), value, due)?;
        }
        for Earlier { name, value, .. } in &mut arrival.web {
            let due = self.known_by(|known| *known == Known::Web(name.clone()));
            self.replace(&format!("web.{name}"), value, due)?;
        }
        for Earlier { name, value, .. } in arrival.last_call.iter_mut().chain(&mut arrival.case) {
            let question = self.flow.facts.iter().find(|question| question.name.text == *name);
            let due = question.map_or(anybody, due);
            self.replace(name, value, due)?;
        }
        Ok(())
    }

    /// By the facts that know it from there: all of them have to be open for it to stay.
    fn known_by(&self, source: impl Fn(&Known) -> bool) -> Due {
        strictest(self.flow.facts.iter().filter(|question| question.known.iter().any(&source)))
    }

    /// By the facts that it fills. What is given to the flow alone has no class: it is somebody's, but for a yes or no.
    fn looked_up(&self, lookup: Option<&str>, name: &str) -> Due {
        let lookup = self.flow.lookups.iter().find(|declared| Some(declared.name.text.as_str()) == lookup);
        let Some(lookup) = lookup else { return Due::Pseudonym(Scope::Caller) };
        let filled = lookup.fills.iter().map(|(fact, _)| &self.flow.facts[*fact]);
        let due = strictest(filled.filter(|question| question.name.text == name));
        let yes_or_no = lookup.gives.iter().any(|given| given.name.text == name && given.kind == Kind::Bool);
        if yes_or_no { Due::Stays } else { due }
    }

    fn replace(&mut self, of: &str, value: &mut Secret, due: Due) -> Result<(), Unredacted> {
        let pseudonym = match due {
            Due::Pseudonym(scope) => self.names.of(scope, value.open()),
            Due::Stays if self.again => self.names.known(value.open()).or_else(|| Some(value.open().to_owned())),
            Due::Stays => return Ok(()),
        };
        *value = Secret::new(pseudonym.ok_or_else(|| Unredacted::NoPseudonym { of: of.to_owned() })?);
        Ok(())
    }

    /// What becomes of each key.
    fn keys(&mut self) -> Result<Vec<Key>, Unredacted> {
        let learned = self.learned;
        let mut keys: Vec<Key> = learned.keys.iter().map(|pressing| pressing.key).collect();
        for group in groups(&learned.keys) {
            let text: String = group.iter().map(|at| learned.keys[*at].key.to_char()).collect();
            let replaced = self.number(&learned.keys[group[0]].became, &text)?;
            for (at, c) in group.into_iter().zip(replaced.chars()) {
                keys[at] = Key::from_char(c).unwrap_or(keys[at]);
            }
        }
        for (at, pressing) in learned.keys.iter().enumerate() {
            if let Became::Again(first) = pressing.became {
                keys[at] = keys[first];
            }
        }
        Ok(keys)
    }

    /// The pseudonym of keys.
    fn number(&mut self, became: &Became, keys: &str) -> Result<String, Unredacted> {
        let Became::Entered { fact, language, .. } = became else {
            // Of a number that is somebody's elsewhere in the call, that comes first.
            return if self.again { self.unheard(keys) } else { Ok(keys.to_owned()) };
        };
        let question = &self.flow.facts[*fact];
        let scope = match due(question) {
            Due::Pseudonym(scope) => scope,
            Due::Stays if self.again => return Ok(self.names.known(keys).unwrap_or_else(|| keys.to_owned())),
            Due::Stays => return Ok(keys.to_owned()),
        };
        let pressed = |keys: &str| keys.chars().filter_map(Key::from_char).collect::<Vec<Key>>();
        let value = |keys: &str| question.value_of(&pressed(keys), language);
        let found = match value(keys) {
            Some(entered) => {
                let keyed = |value: &str| keys_of(&question.kind, value, keys.len(), language);
                let fits =
                    |candidate: &str| keyed(candidate).and_then(|keys| value(&keys)) == Some(Secret::new(candidate));
                self.names.number(scope, entered.open(), fits).and_then(|value| keyed(&value))
            }
            // As wrong as it was.
            None => self.names.number(scope, keys, |candidate| value(candidate).is_none()),
        };
        found.ok_or_else(|| Unredacted::NoPseudonym { of: question.name.text.clone() })
    }

    /// Of keys that nobody took: they may be anything. Those that mean something to the flow everywhere are neither taken
    /// away nor put in.
    fn unheard(&mut self, keys: &str) -> Result<String, Unredacted> {
        let escape = self.flow.escape.and_then(|escape| escape.menu).map(Key::to_char);
        let ways_out =
            self.flow.queues.iter().filter_map(|queue| queue.held.as_ref()?.waiting.as_ref()?.instead.as_ref());
        let meant: Vec<char> = ways_out.map(|way| way.key.to_char()).chain(escape).collect();
        let unmeant =
            |candidate: &str| candidate.chars().zip(keys.chars()).all(|(c, was)| c == was || !meant.contains(&c));
        let known = self.names.known(keys);
        let found = known.or_else(|| self.names.number(Scope::Call, keys, unmeant));
        found.ok_or_else(|| Unredacted::NoPseudonym { of: "keys that nobody took".to_owned() })
    }
}

/// The keys of each number that was pressed, by their places: those of an entry, and what nobody took without a pause.
fn groups(keys: &[Pressing]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for leg in Leg::BOTH {
        let mut last: Option<usize> = None;
        for (at, key) in keys.iter().enumerate().filter(|(_, key)| key.leg == leg) {
            let with_the_last = last.is_some_and(|last| together(&keys[last], key));
            match (&key.became, groups.last_mut().filter(|_| with_the_last)) {
                // It goes with the one that it tells again.
                (Became::Again(_), _) => continue,
                (Became::Answered, _) => {}
                (_, Some(group)) => group.push(at),
                (_, None) => groups.push(vec![at]),
            }
            last = Some(at);
        }
    }
    groups
}

/// Whether a key goes on with what the one before it is a part of.
fn together(last: &Pressing, key: &Pressing) -> bool {
    let digits = [last, key].iter().all(|pressing| pressing.key.to_char().is_ascii_digit());
    match (&last.became, &key.became) {
        (Became::Entered { entry, .. }, Became::Entered { entry: this, .. }) => entry == this,
        (Became::Unheard, Became::Unheard) => digits && key.t - last.t <= PAUSE,
        _ => false,
    }
}

/// What the strictest of these facts asks for; of none, whatever there is belongs to somebody.
fn strictest<'q>(questions: impl Iterator<Item = &'q Question>) -> Due {
    let all: Vec<Due> = questions.map(due).collect();
    let has = |due| all.contains(&due);
    if has(Due::Pseudonym(Scope::Call)) {
        Due::Pseudonym(Scope::Call)
    } else if all.is_empty() || has(Due::Pseudonym(Scope::Caller)) {
        Due::Pseudonym(Scope::Caller)
    } else {
        Due::Stays
    }
}
