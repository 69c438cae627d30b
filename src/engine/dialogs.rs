//! What the SIP endpoint tells of its dialogs, on its way to the calls that they belong to.

use super::{CallNumber, Engine, Output, Phase};
use crate::record::seam::{In, KeyCarrier, Leg};
use crate::sip::endpoint::{self, DialogId};
use crate::sip::uri::decode;
use crate::sip::{Locals, NameAddr, Request, info};
use crate::time::Instant;

/// How we name ourselves in SIP.
pub(super) const USER_AGENT: &str = concat!("askonce/", env!("CARGO_PKG_VERSION"));

impl Engine {
    pub(super) fn drain_endpoint(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                endpoint::Output::Send { to, bytes } => {
                    self.trace_out(now, to, &bytes);
                    self.out.push_back(Output::Send { to, bytes });
                }
                endpoint::Output::Event(event) => self.sip_event(now, event),
            }
        }
    }

    fn sip_event(&mut self, now: Instant, event: endpoint::Event) {
        use endpoint::Event;
        match event {
            Event::Invite { dialog, from, request } => self.arrive(now, dialog, from, &request),
            Event::Confirmed { dialog, answer } => {
                self.half_open.ends(dialog);
                // A late answer opens the stream that the ACK ungates.
                if let Some(body) = answer {
                    let answer = crate::sdp::read(&body).ok();
                    self.leg_input(now, dialog, |leg| In::LateAnswer { leg, answer });
                }
                self.ungate(dialog);
            }
            // Our 183 holds no offer.
            Event::Acknowledged { dialog, .. } => {
                if let Some(&(call, Leg::Caller)) = self.dialogs.get(&dialog) {
                    self.shown(now, call);
                }
            }
            Event::Cancelled { dialog } | Event::Bye { dialog } => self.gone(now, dialog, None),
            Event::Lost { dialog, why } => self.gone(now, dialog, Some(format!("{why:?}"))),
            Event::Reinvite { dialog, request } => self.reinvite(now, dialog, &request),
            Event::Info { dialog, request } => self.info(now, dialog, &request),
            Event::Progress { dialog, status, body } => {
                let answer = crate::sdp::read(&body).ok();
                self.leg_input(now, dialog, |_| In::Progress { status, answer });
            }
            Event::Answered { dialog, response } => {
                let answer = crate::sdp::read(&response.body).ok();
                if let Some(&(call, leg)) = self.dialogs.get(&dialog) {
                    self.keep_dialog(call, leg);
                }
                self.leg_input(now, dialog, |_| In::Answered { answer });
            }
            Event::Refused { dialog, status, reason, contacts } => {
                if let Some((call, _)) = self.forget(dialog) {
                    self.deliver(now, call, In::Refused { status, reason, contacts });
                }
            }
            Event::Refer { dialog, refer_to } => self.sent_on(now, dialog, &refer_to),
            Event::Referred { dialog, status } => self.leg_input(now, dialog, |_| In::Referred { status }),
            Event::Transfer { dialog, status, last } => {
                self.leg_input(now, dialog, |_| In::Transfer { status, last });
            }
            Event::Ended { dialog } => self.half_open.ends(dialog),
            Event::Outcome { request, response } => {
                if !self.orphan_answered(request, response.as_ref().map(|response| response.status)) {
                    self.trunk_answered(now, request, response.as_deref());
                }
            }
            // We send no re-INVITE of our own yet.
            Event::Reanswered { .. } | Event::ReinviteRefused { .. } => {}
        }
    }

    fn leg_input(&mut self, now: Instant, dialog: DialogId, input: impl FnOnce(Leg) -> In) {
        if let Some(&(call, leg)) = self.dialogs.get(&dialog) {
            self.deliver(now, call, input(leg));
        }
    }

    /// A dialog is gone, or none of ours any more: whose it was.
    pub(super) fn forget(&mut self, dialog: DialogId) -> Option<(CallNumber, Leg)> {
        // One that we end before its ACK costs us our 200 again and again: it keeps its place until `Ended`.
        if !self.endpoint.is_unacked(dialog) {
            self.half_open.ends(dialog);
        }
        self.dialogs.remove(&dialog)
    }

    fn gone(&mut self, now: Instant, dialog: DialogId, lost: Option<String>) {
        let Some((number, leg)) = self.forget(dialog) else { return };
        let Some(slot) = self.slots.get_mut(&number) else { return };
        match leg {
            Leg::Caller => slot.caller = None,
            Leg::Agent => slot.agent = None,
        }
        if matches!(slot.phase, Phase::Arriving { .. }) {
            // Gone before it was a call: nobody else knows of it yet.
            self.slots.remove(&number);
            self.trace_over(now, number, None);
            return;
        }
        if leg == Leg::Agent {
            self.close_stream(number, Leg::Agent);
        }
        let input = match lost {
            None => In::Bye { leg },
            Some(why) => In::Lost { leg, why },
        };
        self.deliver(now, number, input);
    }

    fn reinvite(&mut self, now: Instant, dialog: DialogId, request: &Request) {
        if request.body.is_empty() {
            return self.leg_input(now, dialog, |leg| In::Reoffer { leg, offer: None });
        }
        match crate::sdp::read(&request.body) {
            Ok(offer) => self.leg_input(now, dialog, |leg| In::Reoffer { leg, offer: Some(offer) }),
            Err(_) => {
                let told = self.endpoint.refuse_reinvite(now, dialog, 488);
                self.told(told);
            }
        }
    }

    /// The peer of a dialog sends the other side of its call elsewhere. The call decides, for an agent's phone; a caller
    /// does not choose whom we call.
    fn sent_on(&mut self, now: Instant, dialog: DialogId, refer_to: &str) {
        let whose = self.dialogs.get(&dialog).copied();
        let (Some((to, replaces)), Some((call, leg @ Leg::Agent))) = (referred_to(refer_to), whose) else {
            let told = self.endpoint.answer_refer(now, dialog, 403);
            return self.told(told);
        };
        self.deliver(now, call, In::Refer { leg, to, replaces });
    }

    fn info(&mut self, now: Instant, dialog: DialogId, request: &Request) {
        match info::key(request) {
            Some(key) => self.leg_input(now, dialog, |leg| In::Key { leg, key, by: KeyCarrier::Info }),
            None => self.counters.info_ignored += 1,
        }
    }

    /// Counts a refused command. A dialog may have ended just now: its end is among the events to come.
    pub(super) fn told(&mut self, told: Result<(), endpoint::Refusal>) {
        if let Err(refusal) = told
            && refusal != endpoint::Refusal::NoDialog
        {
            self.counters.sip_refused += 1;
            tracing::warn!(?refusal, "the SIP endpoint refused a command");
        }
    }
}

/// Where a Refer-To leads, and in place of which dialog (Replaces).
pub fn referred_to(refer_to: &str) -> Option<(String, Option<String>)> {
    let target = NameAddr::read(refer_to).ok()?.uri;
    let mut headers = target.headers().split('&').filter_map(|header| header.split_once('='));
    let replaces = headers.find(|(name, _)| name.eq_ignore_ascii_case("Replaces")).map(|(_, value)| decode(value));
    Some((target.without_headers().to_string(), replaces))
}

/// Room for every call with its agent, and for the transactions that outlive them by 32 s: two a second and call.
///
/// What a flood can take of it, as measured: one address of a trunk, at 50 openers a second and a burst of 100, leaves
/// 1,700 transactions behind when it cancels each INVITE, 1.1 kB each: 2 MB; 26 MB if each INVITE fills its 4 kB with
/// what is kept of it. A call whose peer floods it leaves 1,700, for a dialog takes 50 requests a second: 2 MB, and 7 MB if
/// these are of 4 kB. All transactions together, 384,000 for 6,000 calls, are 0.4 GB: that takes 226 addresses of trunks.
pub(super) fn sip_config(locals: Locals, calls: usize) -> endpoint::Config {
    endpoint::Config { locals, user_agent: USER_AGENT.to_owned(), max_transactions: 64 * calls, max_dialogs: 4 * calls }
}
