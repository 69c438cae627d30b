//! `queues:` and `waiting:`, from their text.

use super::limits::{LONGEST_WAIT, MAX_QUEUES, MAX_SERVED, MAX_WAITING, SELDOM};
use super::{Loading, key};
use crate::flow::model::{Held, Instead, Queue, Waiting};
use crate::flow::shape::tables;
use crate::time::Duration;
use crate::yaml::{Fields, Node, Word};

/// Keys of lines with people of our own, which nothing serves yet.
const UNSERVED: [&str; 3] = ["agents", "strategy", "wrap_up"];
/// Keys that only a line of ours has.
const OURS: [&str; 3] = ["size", "longest", "waiting"];

pub fn load(queues: Option<&Node>, waiting: Option<&Node>, loading: &mut Loading) {
    let waiting = self::waiting(waiting, loading);
    let entries = queues.and_then(|n| n.map("the queues", MAX_QUEUES, &mut loading.faults)).unwrap_or(&[]);
    let mut used = vec![false; waiting.len()];
    for (name, node) in entries {
        name.is_name("the name of a queue", &mut loading.faults);
        let queue = queue(name, node, (&waiting, &mut used), loading);
        let at = loading.queues.declare(name);
        loading.queues.define(at, queue);
    }
    let sound = !loading.faults.has_errors();
    for (waiting, _) in waiting.iter().zip(used).filter(|(_, used)| sound && !used) {
        let name = &waiting.name;
        loading.faults.warning("unused", name.span, format!("nothing uses waiting `{}`", name.text));
    }
}

fn queue(name: &Word, node: &Node, around: (&[Waiting], &mut [bool]), loading: &mut Loading) -> Option<Queue> {
    let mut fields = Fields::of(node, format!("queue `{}`", name.text), &mut loading.faults)?.by(tables::QUEUE);
    let agents = fields.rest().find(|key| key.text == "agents").map(|key| key.span);
    for key in UNSERVED {
        fields.take(key);
    }
    if let Some(span) = agents {
        let remedy = "its callers go on at the `else:` of `agent:`";
        loading.faults.warning("not-served-yet", span, "people of our own are not served yet").remedy(remedy);
    }
    let hours = fields.take("hours").map(|node| {
        let word = node.word("the name of hours", &mut loading.faults)?;
        loading.hours.find(&word, None, &mut loading.faults)
    });
    let to = match (agents, fields.take("to")) {
        (_, Some(node)) => loading.destination(node).map(Some),
        (Some(_), None) => Some(None),
        (None, None) => {
            fields.missing("to", &mut loading.faults);
            None
        }
    };
    let held = held(&mut fields, around, loading);
    fields.finish(&mut loading.faults);
    let hours = hours.map_or(Some(None), |hours| hours.map(Some))?;
    Some(Queue { name: name.clone(), to: to?, hours, held: held? })
}

/// `at_once:` makes the line ours; without it there is nothing to be told of it.
fn held(fields: &mut Fields, (all, used): (&[Waiting], &mut [bool]), loading: &mut Loading) -> Option<Option<Held>> {
    let Some(at_once) = fields.take("at_once") else {
        let ours: Vec<_> = fields.rest().filter(|key| OURS.contains(&key.text.as_str())).cloned().collect();
        for key in &ours {
            let message = format!("`{}:` is of a line that we hold, and this one is the destination's", key.text);
            loading
                .faults
                .error("no-effect", key.span, message)
                .remedy("add `at_once: 10`: so many callers are offered");
        }
        for key in OURS {
            fields.take(key);
        }
        // Whose line it is meant to be is not known then.
        return ours.is_empty().then_some(None);
    };
    let at_once = at_once.number("a number of callers", 1..=MAX_SERVED, &mut loading.faults);
    let size = fields.need("size", &mut loading.faults);
    let size = size.and_then(|node| node.number("a number of callers", 0..=MAX_WAITING, &mut loading.faults));
    let longest = fields.need("longest", &mut loading.faults);
    let longest = longest.and_then(|node| within(node, Duration::from_secs(1), LONGEST_WAIT, loading));
    let waiting = fields.take("waiting").map(|node| {
        let word = node.word("the name of a waiting", &mut loading.faults)?;
        let at = all.iter().position(|waiting| waiting.name.text == word.text);
        match at {
            Some(at) => used[at] = true,
            None => {
                let names = all.iter().map(|waiting| waiting.name.text.as_str());
                loading.faults.unknown("waiting", &word, names);
            }
        }
        at.map(|at| all[at].clone())
    });
    let waiting = waiting.map_or(Some(None), |waiting| waiting.map(Some))?;
    Some(Some(Held { at_once: at_once?, size: size?, longest: longest?, waiting }))
}

fn within(node: &Node, least: Duration, most: Duration, loading: &mut Loading) -> Option<Duration> {
    let time = node.duration(&mut loading.faults)?;
    if !(least..=most).contains(&time) {
        let (least, most) = (least.as_secs(), most.as_secs());
        node.wrong(&format!("a time from {least}s to {most}s"), &mut loading.faults);
    }
    Some(time)
}

/// `hold: { music: jazz, every: 45s, say: queue_position, instead: { after: 90s, key: 1, say: callback_offer, to: call_me } }`
fn waiting(node: Option<&Node>, loading: &mut Loading) -> Vec<Waiting> {
    let entries = node.and_then(|n| n.map("what is heard in a line", MAX_QUEUES, &mut loading.faults)).unwrap_or(&[]);
    let mut all = Vec::with_capacity(entries.len());
    for (name, node) in entries {
        name.is_name("the name of a waiting", &mut loading.faults);
        loading.place = format!("waiting {}", name.text);
        let Some(mut fields) = Fields::of(node, format!("waiting `{}`", name.text), &mut loading.faults) else {
            continue;
        };
        fields = fields.by(tables::WAITING);
        let music = fields.take("music").and_then(|node| node.name("the name of the music", &mut loading.faults));
        let (every, say) = (fields.take("every"), fields.take("say"));
        let announce = match (every, say) {
            (Some(every), Some(say)) => {
                let every = within(every, SELDOM, LONGEST_WAIT, loading);
                let say = loading.announcement(say);
                every.zip(say.map(|prompt| prompt.text))
            }
            (None, None) => None,
            (every, say) => {
                let node = every.or(say).unwrap_or(node);
                let message = "`every:` and `say:` stand together";
                loading.faults.error("missing-key", node.span, message).remedy("every: 45s, say: PROMPT");
                None
            }
        };
        let instead = fields.take("instead").and_then(|node| instead(node, loading));
        fields.finish(&mut loading.faults);
        let music = music.map(|music| format!("music/{}", music.text));
        all.push(Waiting { name: name.clone(), music, announce, instead });
    }
    all
}

fn instead(node: &Node, loading: &mut Loading) -> Option<Instead> {
    let mut fields = Fields::of(node, "`instead`", &mut loading.faults)?.by(tables::INSTEAD);
    let after = fields.need("after", &mut loading.faults).and_then(|node| within(node, SELDOM, LONGEST_WAIT, loading));
    let key = fields.need("key", &mut loading.faults).and_then(|node| key(node, loading));
    let say = fields.need("say", &mut loading.faults).and_then(|node| loading.announcement(node));
    let to = fields.need("to", &mut loading.faults).and_then(|node| loading.block(node));
    fields.finish(&mut loading.faults);
    Some(Instead { after: after?, key: key?, say: say?.text, to: to? })
}
