//! What only shows when the configuration and its flows are seen together.

use super::{Config, Fixtures, Uui, carried};
use crate::context::carrier::Carrier;
use crate::secret::Secret;
use crate::yaml::near::suggestion;
use crate::yaml::{Diagnostic, Span, Word};

/// The names of one loaded flow.
#[derive(Clone, Debug)]
pub struct Names<'f> {
    /// The flow's file, as diagnostics call it.
    pub path: &'f str,
    pub name: &'f Word,
    /// The destinations that it names.
    pub destinations: Vec<&'f Word>,
    /// The endpoints that its lookups ask, and the secrets that they show.
    pub endpoints: Vec<&'f Word>,
    pub secrets: Vec<&'f Word>,
    pub facts: Vec<&'f str>,
    /// Those that a person may see, with the longest value that each may have.
    pub longest: Vec<(&'f str, Secret)>,
    pub handoffs: Vec<Handoff<'f>>,
    /// Whether it changes what other callers hear.
    pub announces: bool,
    /// The switches that it reads and sets.
    pub switches: Vec<Word>,
    /// Its parameters, and what each may be.
    pub parameters: Vec<(&'f str, Vec<&'f str>)>,
}

/// A step that hands callers to a destination.
#[derive(Clone, Debug)]
pub struct Handoff<'f> {
    pub to: &'f Word,
    /// Facts that go along.
    pub needs: Vec<&'f str>,
    /// The caller is sent there, by REFER.
    pub transfer: bool,
}

/// Every number's flow is there, every destination that a flow names is there, every fact that a destination
/// carries is declared by some flow, and no two flows have one name. Each fault is placed in the file to mend.
pub fn check(config: &Config, flows: &[Names]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (at, flow) in flows.iter().enumerate() {
        if let Some(other) = flows[..at].iter().find(|other| other.name.text == flow.name.text) {
            let message = format!("another flow is named `{}` too", flow.name.text);
            fault(&mut found, flow.path, "duplicate-flow", flow.name.span, message)
                .note(format!("it is {}:{}", other.path, other.name.span.line));
        }
        let destinations = config.destinations.iter().map(|destination| &destination.name);
        let endpoints = config.endpoints.iter().map(|endpoint| &endpoint.name);
        let secrets = config.secrets.iter().map(|secret| &secret.name);
        for (what, named, known) in [
            ("destination", &flow.destinations, destinations.collect::<Vec<_>>()),
            ("endpoint", &flow.endpoints, endpoints.collect()),
            ("secret", &flow.secrets, secrets.collect()),
        ] {
            for word in named.iter().filter(|word| !known.iter().any(|known| known.text == word.text)) {
                let message = format!("no {what} `{}` is configured", word.text);
                fault(&mut found, flow.path, "unknown-name", word.span, message)
                    .remedy(suggestion(&word.text, known.iter().map(|known| known.text.as_str())))
                    .note(format!("{what}s stand in {}", config.path));
            }
        }
    }
    flows.iter().for_each(|flow| sent_away(config, flow, &mut found));
    found.extend(carried::check(config, flows));
    announced(config, flows, &mut found);
    kept(config, flows, &mut found);
    // In quick mode there are none, and a flow that reads one can be tried all the same.
    for flow in flows.iter().filter(|_| config.numbers.iter().all(|number| number.flow.is_some())) {
        for switch in &flow.switches {
            let names = || config.switches.iter().map(|(name, _)| name.text.as_str());
            if !names().any(|name| name == switch.text) {
                let message = format!("no switch `{}` is configured", switch.text);
                fault(&mut found, flow.path, "unknown-name", switch.span, message)
                    .remedy(suggestion(&switch.text, names()))
                    .note(format!("switches stand in {}", config.path));
            }
        }
    }
    for flow in config.numbers.iter().filter_map(|number| number.flow.as_ref()) {
        let names = || flows.iter().map(|f| f.name.text.as_str());
        if !names().any(|name| name == flow.text) {
            let message = format!("there is no flow `{}`", flow.text);
            fault(&mut found, &config.path, "unknown-name", flow.span, message).remedy(suggestion(&flow.text, names()));
        }
    }
    for number in &config.numbers {
        let flow = number.flow.as_ref().and_then(|name| flows.iter().find(|flow| flow.name.text == name.text));
        flow.into_iter().for_each(|flow| given(config, &number.with, flow, &mut found));
    }
    for destination in &config.destinations {
        let uui = destination.uui.iter().flat_map(Uui::facts);
        let carried = destination.headers.iter().map(|(_, fact)| fact).chain(uui);
        for fact in carried {
            let names = || flows.iter().flat_map(|f| f.facts.iter().copied());
            if !names().any(|name| name == fact.text) {
                let message = format!("no flow has a fact `{}`", fact.text);
                let remedy = suggestion(&fact.text, names());
                fault(&mut found, &config.path, "unknown-name", fact.span, message).remedy(remedy);
            }
        }
    }
    found
}

/// What a number gives is a parameter of its flow, and one of its values.
fn given(config: &Config, with: &[(Word, Word)], flow: &Names, found: &mut Vec<Diagnostic>) {
    for (name, value) in with {
        let parameter = flow.parameters.iter().find(|(parameter, _)| *parameter == name.text);
        let (word, names) = match parameter {
            None => (name, flow.parameters.iter().map(|(name, _)| *name).collect()),
            Some((_, values)) if !values.contains(&value.text.as_str()) => (value, values.clone()),
            Some(_) => continue,
        };
        let what = if parameter.is_none() { "has no parameter" } else { "does not take" };
        let message = format!("flow `{}` {what} `{}`", flow.name.text, word.text);
        fault(found, &config.path, "unknown-name", word.span, message).remedy(suggestion(&word.text, names));
    }
}

/// Only flows that the configuration lists announce, and what it lists is there.
fn announced(config: &Config, flows: &[Names], found: &mut Vec<Diagnostic>) {
    let listed = config.announcements.as_ref().map_or(&[][..], |announcements| &announcements.flows);
    for flow in flows.iter().filter(|flow| flow.announces) {
        if !listed.iter().any(|word| word.text == flow.name.text) {
            let name = &flow.name.text;
            let message = format!("flow `{name}` announces, and the configuration does not let it");
            fault(found, flow.path, "not-allowed", flow.name.span, message)
                .remedy(format!("announcements: {{ flows: [{name}] }} in {}", config.path));
        }
    }
    for word in listed {
        if !flows.iter().any(|flow| flow.announces && flow.name.text == word.text) {
            let announcing = flows.iter().filter(|flow| flow.announces).map(|flow| flow.name.text.as_str());
            let message = format!("no flow `{}` announces anything", word.text);
            let remedy = suggestion(&word.text, announcing);
            fault(found, &config.path, "unknown-name", word.span, message).remedy(remedy);
        }
    }
}

/// What fixtures are kept of is there.
fn kept(config: &Config, flows: &[Names], found: &mut Vec<Diagnostic>) {
    let Some(Fixtures { keeping, .. }) = &config.record.fixtures else { return };
    let numbers = || config.numbers.iter().map(|number| number.number.text.as_str());
    let flows = || flows.iter().map(|flow| flow.name.text.as_str());
    let number = |word: &&Word| !numbers().any(|known| known == "*" || known == word.text);
    let unknown = keeping.numbers.iter().filter(number).map(|word| {
        let message = format!("no call to `{}` is answered: `numbers:` has no such number", word.text);
        (word, message, suggestion(&word.text, numbers()))
    });
    let flow = |word: &&Word| !flows().any(|known| known == word.text);
    let unknown = unknown.chain(
        keeping
            .flows
            .iter()
            .filter(flow)
            .map(|word| (word, format!("there is no flow `{}`", word.text), suggestion(&word.text, flows()))),
    );
    for (word, message, remedy) in unknown {
        fault(found, &config.path, "unknown-name", word.span, message).remedy(remedy);
    }
}

/// A transfer wants facts to go along, and its destination has no way for them.
fn sent_away(config: &Config, flow: &Names, found: &mut Vec<Diagnostic>) {
    for Handoff { to, .. } in flow.handoffs.iter().filter(|handoff| handoff.transfer && !handoff.needs.is_empty()) {
        let destination = config.destinations.iter().find(|destination| destination.name.text == to.text);
        if destination.is_some_and(|destination| !destination.carriers.contains(&Carrier::ReferTo)) {
            let message = format!("a transfer to `{}` takes no facts along: its carriers lack `refer_to`", to.text);
            let mut lost = Diagnostic::warning(flow.path, "no-effect", to.span, message);
            lost.remedy("add `refer_to` to its `carriers:`, or leave `needs:` out");
            found.push(lost);
        }
    }
}

fn fault<'f>(
    found: &'f mut Vec<Diagnostic>,
    path: &str,
    code: &'static str,
    span: Span,
    message: String,
) -> &'f mut Diagnostic {
    found.push(Diagnostic::error(path, code, span, message));
    let last = found.len() - 1;
    &mut found[last]
}
