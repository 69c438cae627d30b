//! What a page shows of a call: its story, and what lay beside each other in time.

use crate::context::Context;
use crate::record::fixture::{Line, Step};
use crate::record::seam::{In, Leg, Out};
use crate::replay::stage::Words;
use crate::replay::tell::{Reader, Row, Teller};

/// What lies beside each other, from above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    Keys,
    Heard,
    Block,
    Lookup,
    Person,
    Fact,
}

impl Lane {
    pub const ALL: [(Lane, &'static str); 6] = [
        (Lane::Keys, "keys"),
        (Lane::Heard, "hears"),
        (Lane::Block, "block"),
        (Lane::Lookup, "lookups"),
        (Lane::Person, "people"),
        (Lane::Fact, "knows"),
    ];

    /// Of its items; the flow's picture has classes of its own.
    pub fn class(self) -> &'static str {
        match self {
            Lane::Keys => "on-keys",
            Lane::Heard => "on-heard",
            Lane::Block => "on-block",
            Lane::Lookup => "on-lookup",
            Lane::Person => "on-person",
            Lane::Fact => "on-fact",
        }
    }
}

/// Something on a lane. Times are microseconds since the INVITE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub lane: Lane,
    pub from: u64,
    /// A moment has none.
    pub to: Option<u64>,
    pub label: String,
}

#[derive(Default)]
pub struct Gathered {
    pub rows: Vec<Row>,
    /// Those that tell of facts.
    pub facts: Vec<Row>,
    pub items: Vec<Item>,
    /// When the last line was.
    pub end: u64,
}

/// Takes the lines of a call, one after the other.
pub struct Told<'w> {
    teller: Teller<'w>,
    all: Gathered,
    /// What goes on: its place among the items, and the play or lookup that it is.
    open: Vec<(usize, u32)>,
}

impl<'w> Told<'w> {
    pub fn new(words: Option<&'w Words>) -> Self {
        Told { teller: Teller::new(Reader::Anybody, words), all: Gathered::default(), open: Vec::new() }
    }

    pub fn take(&mut self, line: &Line, context: Option<&Context>) {
        self.all.end = line.t;
        let rows = self.teller.tell(line, context);
        let told = rows.last().map_or("", |row| row.text.as_str()).to_owned();
        if matches!(line.step, Step::Out(Out::Fact(_))) {
            self.all.facts.extend(rows.last().cloned());
        }
        self.all.rows.extend(rows);
        match &line.step {
            Step::In(input) => self.input(line.t, input),
            Step::Out(out) => self.output(line.t, out, told),
        }
    }

    /// What goes on to the end has none of its own.
    pub fn gathered(mut self) -> Gathered {
        let end = self.all.end;
        self.close(end, |_, _| true);
        self.all
    }

    fn input(&mut self, t: u64, input: &In) {
        match input {
            In::Key { leg, key, .. } => {
                let key = Some(key.to_char()).filter(|key| matches!(key, '#' | '*')).unwrap_or('\u{2022}');
                let lane = if *leg == Leg::Caller { Lane::Keys } else { Lane::Person };
                self.all.items.push(Item { lane, from: t, to: None, label: key.to_string() });
            }
            In::PlayEnded { play } => self.close(t, |lane, number| lane == Lane::Heard && number == *play),
            In::LookedUp { lookup, .. } => self.close(t, |lane, number| lane == Lane::Lookup && number == *lookup),
            In::Refused { .. } | In::Bye { leg: Leg::Agent } | In::Lost { leg: Leg::Agent, .. } => self.person(t, ""),
            _ => {}
        }
    }

    fn output(&mut self, t: u64, out: &Out, told: String) {
        match out {
            Out::Play { leg: Leg::Caller, play, .. } => {
                self.close(t, |lane, _| lane == Lane::Heard);
                let label = ["says: ", "asks: "].iter().find_map(|verb| told.strip_prefix(verb)).unwrap_or(&told);
                self.begin(Lane::Heard, t, label, *play);
            }
            Out::Stop { leg: Leg::Caller } => self.close(t, |lane, _| lane == Lane::Heard),
            Out::Step { block, .. } => {
                let goes_on = |(at, _): &(usize, u32)| {
                    let item = &self.all.items[*at];
                    item.lane == Lane::Block && item.label == *block
                };
                if !self.open.iter().any(goes_on) {
                    self.close(t, |lane, _| lane == Lane::Block);
                    self.begin(Lane::Block, t, block, 0);
                }
            }
            Out::Lookup { lookup, name, .. } => self.begin(Lane::Lookup, t, name, *lookup),
            Out::Join { queue, .. } => self.person(t, &format!("in the line of {queue}")),
            Out::Agent { destination, .. } => self.person(t, &format!("calls {destination}")),
            Out::Refer { destination, .. } => self.person(t, &format!("sends the caller to {destination}")),
            Out::Bridge => self.person(t, "the two hear each other"),
            Out::Leave | Out::Cancel | Out::Unbridge | Out::Hangup { leg: Leg::Agent } => self.person(t, ""),
            Out::Fact(change) => {
                // A fact is forgotten, or stays as it is.
                let items = &self.all.items;
                let own = self
                    .open
                    .iter()
                    .position(|(at, _)| items[*at].lane == Lane::Fact && items[*at].label == change.name);
                match own {
                    Some(own) => self.all.items[self.open.remove(own).0].to = Some(t),
                    None => self.begin(Lane::Fact, t, &change.name, 0),
                }
            }
            _ => {}
        }
    }

    /// How it stands with people, from now on.
    fn person(&mut self, t: u64, label: &str) {
        self.close(t, |lane, _| lane == Lane::Person);
        if !label.is_empty() {
            self.begin(Lane::Person, t, label, 0);
        }
    }

    fn begin(&mut self, lane: Lane, from: u64, label: &str, number: u32) {
        self.open.push((self.all.items.len(), number));
        self.all.items.push(Item { lane, from, to: Some(from), label: label.to_owned() });
    }

    fn close(&mut self, t: u64, which: impl Fn(Lane, u32) -> bool) {
        let items = &mut self.all.items;
        self.open.retain(|(at, number)| {
            let ends = which(items[*at].lane, *number);
            if ends {
                items[*at].to = Some(t);
            }
            !ends
        });
    }
}
