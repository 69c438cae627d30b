//! A captured call in a line.

use super::Capture;
use super::acts::answered;
use super::calls::{Legs, ended};
use super::dialogs::{Dialog, What};
use super::media::Party;
use crate::record::seam::KeyCarrier;
use crate::sip::NameAddr;
use jiff::Timestamp;

/// Digits of a number that are shown.
const TAIL: usize = 2;

impl Capture {
    /// `2026-12-01T10:15:00Z ...01 calls 18005550100, 31.2 s, 13 keys (telephone-event), 1 agent called, which answered`.
    pub fn summary(&self, legs: &Legs) -> String {
        let dialogs = &self.dialogs.all;
        let caller = &dialogs[legs.caller];
        let Some(invite) = &caller.invite else { return self.place(legs.caller) };
        let at = i64::try_from(invite.at).ok().and_then(|at| Timestamp::from_microsecond(at).ok());
        let at = at.map_or_else(String::new, |at| at.strftime("%FT%TZ ").to_string());
        let from = invite.request.headers.get("From").and_then(|from| NameAddr::read(from).ok());
        let from = from.and_then(|from| Some(masked(from.uri.user()?))).unwrap_or_else(|| "somebody".to_owned());
        let to = invite.request.uri.user().unwrap_or("").to_owned();
        let until = ended(caller).unwrap_or(self.ended);
        let seconds = until.saturating_sub(invite.at) as f64 / 1e6;
        let answered = if answered(caller, true).is_some() { "" } else { ", never answered" };
        let agents: Vec<&Dialog> = legs.agents.iter().map(|agent| &dialogs[*agent]).collect();
        format!("{at}{from} calls {to}, {seconds:.1} s{answered}{}{}", keys(caller), called(&agents))
    }

    /// `packets 3-17`, of the messages of a dialog.
    pub fn place(&self, dialog: usize) -> String {
        let Dialog { first, last, .. } = &self.dialogs.all[dialog];
        if first == last { format!("packet {first}") } else { format!("packets {first}-{last}") }
    }
}

fn keys(caller: &Dialog) -> String {
    let count = |wanted: KeyCarrier| {
        let is = |what: &What| matches!(what, What::Key(_, by) if *by == wanted);
        caller.events.iter().filter(|event| event.by == Party::Calling && is(&event.what)).count()
    };
    let carriers = [(KeyCarrier::Rtp, "telephone-event"), (KeyCarrier::Info, "INFO"), (KeyCarrier::InBand, "tones")];
    let there = carriers.iter().filter_map(|(by, name)| match count(*by) {
        0 => None,
        1 => Some(format!(", 1 key ({name})")),
        keys => Some(format!(", {keys} keys ({name})")),
    });
    let there: String = there.collect();
    if there.is_empty() { ", no keys".to_owned() } else { there }
}

fn called(agents: &[&Dialog]) -> String {
    let answers = agents.iter().filter(|agent| answered(agent, false).is_some()).count();
    match agents.len() {
        0 => ", no agent".to_owned(),
        1 if answers == 1 => ", an agent answered".to_owned(),
        1 => ", an agent was called in vain".to_owned(),
        all => format!(", {all} calls to agents, {answers} answered"),
    }
}

fn masked(number: &str) -> String {
    let shown = number.chars().count().saturating_sub(TAIL);
    let tail: String = number.chars().skip(shown.max(TAIL)).collect();
    format!("...{tail}")
}
