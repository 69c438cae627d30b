//! The digits of a private fact are where they belong and nowhere else: in what the caller hears, in what it is asked by a
//! lookup, and in what goes to people who may have them; not in names, reasons and targets.

use super::Scene;
use crate::audio::Utterance;
use crate::context::Class;
use crate::context::carrier::uui;
use crate::flow::fact::Kind;
use crate::record::fixture::{Line, Step};
use crate::record::seam::Out;
use crate::sip::{Message, NameAddr, uri, wire};

/// Fewer digits are met by chance: in a time, in the name of a call.
const LEAST: usize = 6;

/// Private values as the call learned them. They are not forgotten when their facts are.
#[derive(Default)]
pub(super) struct Shown<'a> {
    values: Vec<Private<'a>>,
}

struct Private<'a> {
    fact: &'a str,
    class: Class,
    /// As it is written, and without what is no digit.
    written: &'a str,
    digits: String,
}

impl Private<'_> {
    fn is_in(&self, text: &str) -> bool {
        text.contains(self.written) || text.contains(&self.digits)
    }
}

impl<'a> Shown<'a> {
    pub fn pass(&mut self, scene: &mut Scene<'a>, line: &'a Line) {
        let Step::Out(out) = &line.step else { return };
        if let Out::Fact(change) = out {
            self.values.extend(private(scene, change));
        }
        if self.values.is_empty() {
            return;
        }
        let seen = |class: fn(Class) -> bool, text: &str| {
            let found = self.values.iter().find(|value| class(value.class) && value.is_in(text));
            found.map(|value| value.fact)
        };
        let any = |_: Class| true;
        let withheld = |class: Class| !class.for_agent();
        let in_names = names(out).find_map(|name| Some((seen(any, name)?, "a name, a target or a reason")));
        let in_words = || match out {
            Out::Play { say, .. } => say.iter().find_map(|utterance| {
                let Utterance::Value { value, .. } = utterance else { return None };
                Some((seen(withheld, value.open())?, "what is read out"))
            }),
            Out::Store { context, .. } => Some((seen(withheld, &context.to_string())?, "the stored context")),
            Out::Agent { destination, invite, .. } => {
                let class = if trusts(scene, destination) { withheld } else { any };
                Some((carried(invite).iter().find_map(|text| seen(class, text))?, "what goes to the person"))
            }
            Out::Refer { destination, refer_to, .. } => {
                let class = if trusts(scene, destination) { withheld } else { any };
                Some((referred(refer_to.open()).iter().find_map(|text| seen(class, text))?, "the Refer-To"))
            }
            _ => None,
        };
        if let Some((fact, place)) = in_names.or_else(in_words) {
            scene.violated("value-shown", line.t, format!("`{fact}` is in {place}, where it does not belong"));
        }
    }
}

/// What a fact is known to be, if that is private and long enough to be told from anything else.
fn private<'a>(scene: &Scene<'_>, change: &'a crate::record::seam::FactChange) -> Option<Private<'a>> {
    let question = scene.program.flow.facts.iter().find(|known| known.name.text == change.name)?;
    // A date is in the name of many a file.
    let numbered = matches!(question.kind, Kind::Digits { .. } | Kind::Phone | Kind::Number | Kind::Text);
    let written = change.value.as_ref().filter(|_| numbered && question.class != Class::Public)?.open();
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    (digits.len() >= LEAST).then_some(Private { fact: &change.name, class: question.class, written, digits })
}

/// Whether a destination may have what is private to the caller.
fn trusts(scene: &Scene<'_>, destination: &str) -> bool {
    scene.header.destinations.get(destination).is_some_and(|to| to.trusted)
}

/// What an output calls things: none of it is for values.
fn names(out: &Out) -> impl Iterator<Item = &str> {
    let (said, named): (&[Utterance], [Option<&str>; 4]) = match out {
        Out::Play { say, .. } => (say, [None; 4]),
        Out::Step { block, verb, .. } => (&[], [Some(block), Some(verb), None, None]),
        Out::Fact(change) => (&[], [Some(&change.name), Some(&change.by), None, None]),
        Out::Reject { because, .. } => (&[], [because.as_deref(), None, None, None]),
        Out::Store { destination, .. } | Out::Bodiless { destination } => (&[], [Some(destination), None, None, None]),
        Out::Join { queue, .. } => (&[], [Some(queue), None, None, None]),
        Out::Lookup { name, request, .. } => {
            (&[], [Some(name), Some(&request.endpoint), request.auth.as_deref(), request.key.as_deref()])
        }
        Out::Resolve { uri, .. } => (&[], [Some(uri), None, None, None]),
        Out::Agent { destination, target, .. } => (&[], [Some(destination), Some(target), None, None]),
        Out::Refer { destination, target, because, .. } => {
            (&[], [Some(destination), Some(target), Some(because), None])
        }
        Out::Record { file, .. } => (&[], [Some(file), None, None, None]),
        Out::Take { take, .. } | Out::EndTake { take } => (&[], [Some(take), None, None, None]),
        Out::Announce { prompt, language, take, switch, .. } => {
            let switch = switch.as_ref().map(|switch| switch.name.as_str());
            (&[], [Some(prompt), Some(language), take.as_deref(), switch])
        }
        _ => (&[], [None; 4]),
    };
    let clips = said.iter().filter_map(|utterance| match utterance {
        Utterance::Clip(name) => Some(name.as_str()),
        Utterance::Value { .. } => None,
    });
    clips.chain(named.into_iter().flatten())
}

/// What an INVITE carries of the context; the numbers of SIP and of its session are drawn by lot.
fn carried(invite: &str) -> Vec<String> {
    let Ok(Message::Request(request)) = wire::read(invite.as_bytes()) else { return vec![invite.to_owned()] };
    let fields = request.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = String::from_utf8_lossy(&request.body);
    let json = body.lines().filter(|line| line.starts_with('{')).map(str::to_owned);
    of_fields(fields).into_iter().chain(json).collect()
}

fn referred(refer_to: &str) -> Vec<String> {
    let Ok(address) = NameAddr::read(refer_to) else { return vec![refer_to.to_owned()] };
    let pairs = address.uri.headers().split('&').filter_map(|pair| pair.split_once('='));
    of_fields(pairs.map(|(name, value)| (uri::decode(name), uri::decode(value))))
}

fn of_fields(fields: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let ours = fields.filter(|(name, _)| {
        let named = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        let extension = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("X-"));
        extension && !named(crate::context::carrier::REFERENCE) || named("User-to-User")
    });
    let read = ours.flat_map(|(name, value)| match name.eq_ignore_ascii_case("User-to-User") {
        // In hex, nobody sees it by looking.
        true => match uui::read(&value, Some("")) {
            Ok(read) => read
                .pairs
                .into_iter()
                .filter(|(name, _)| name != "ref")
                .map(|(_, value)| value.open().to_owned())
                .collect(),
            Err(_) => vec![value],
        },
        false => vec![value],
    });
    read.collect()
}
