//! What is known before a call begins: the shell is asked, and the call waits a moment for the answer.

use super::{CallNumber, Engine, Output, Phase, Slot};
use crate::config::Trunk;
use crate::context::Earlier;
use crate::context::carrier::{REFERENCE, uui};
use crate::record::seam::{Arrival, Disposition};
use crate::secret::Secret;
use crate::sip::Request;
use crate::time::{Duration, Instant};

/// The caller hears ringing meanwhile, and begins without what is not there by then.
const PATIENCE: Duration = Duration::from_millis(250);

/// User-to-User headers of one INVITE that are looked at.
const UUI: usize = 8;

/// Hex digits of a reference.
const DIGITS: usize = 32;

/// What is to be looked up for a call.
pub struct Recall {
    pub call: CallNumber,
    /// It came with the call, over a trunk that is believed.
    pub reference: Option<Secret>,
    /// The caller's number, if the flow wants to know more of it.
    pub caller: Option<Secret>,
}

/// What was found of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recalled {
    /// The name of the case that it came back to.
    pub case: Option<String>,
    /// What was known of that.
    pub earlier: Vec<Earlier>,
    /// Posted by another channel for the caller or the reference.
    pub web: Vec<Earlier>,
    /// Of the same caller's call before this one, which was cut off.
    pub last_call: Vec<Earlier>,
}

impl Engine {
    /// Asks for what the call brings a name of; without one it goes on to its sockets.
    pub(super) fn recall(&mut self, now: Instant, call: CallNumber) {
        let Some(slot) = self.slots.get_mut(&call) else { return };
        let Phase::Arriving { arrival, recall } = &mut slot.phase else { return };
        let caller = arrival.from.clone().filter(|_| slot.service.program.flow.knows_callers());
        let asked = Recall { call, reference: reference(arrival), caller };
        if asked.reference.is_none() && asked.caller.is_none() {
            return self.out.push_back(Output::Reserve { call });
        }
        *recall = Some(now + PATIENCE);
        self.out.push_back(Output::Recall(asked));
        self.arm(now, call);
    }

    /// The shell's answer, or `None` once the call has waited long enough.
    pub(super) fn recalled(&mut self, call: CallNumber, found: Option<Recalled>) {
        let Some(slot) = self.slots.get_mut(&call) else { return };
        let Phase::Arriving { arrival, recall } = &mut slot.phase else { return };
        if recall.take().is_none() {
            return;
        }
        match found {
            Some(found) => {
                self.counters.cases_resumed += u64::from(found.case.is_some());
                slot.case = found.case;
                (arrival.case, arrival.web, arrival.last_call) = (found.earlier, found.web, found.last_call);
            }
            None => self.counters.recalls_late += 1,
        }
        self.out.push_back(Output::Reserve { call });
    }

    /// A caller who was cut off may call again, and go on where it was; one who was served begins anew.
    pub(super) fn leave_behind(&mut self, call: CallNumber, disposition: Disposition) {
        let Some(Slot { phase: Phase::Live { call }, service, .. }) = self.slots.get(&call) else { return };
        let context = call.context();
        let Some(caller) = context.caller_number.clone() else { return };
        if !service.program.flow.resumes_calls() {
            return;
        }
        let cut_off =
            matches!(disposition, Disposition::AbandonedFlow | Disposition::AbandonedQueue | Disposition::Failed);
        let facts = if cut_off { context.left_behind() } else { Vec::new() };
        self.out.push_back(Output::Leave { caller, facts });
    }

    pub(super) fn count_uui(&mut self, trunk: &Trunk, forms: &[Option<uui::Form>]) {
        let counters = &mut self.counters;
        for (at, form) in forms.iter().enumerate() {
            tracing::debug!(trunk = trunk.name.text, ?form, at, "User-to-User");
            let counter = match form {
                Some(uui::Form::Isdn) => &mut counters.uui_isdn,
                Some(uui::Form::Raw) => &mut counters.uui_raw,
                Some(uui::Form::Pd) => &mut counters.uui_pd,
                Some(uui::Form::Text) => &mut counters.uui_text,
                None => &mut counters.uui_ignored,
            };
            *counter += 1;
        }
    }
}

/// The pairs of the first User-to-User that gives some, and the form of each value: `None` of others, and of what cannot be
/// read. The call goes on without them.
pub(super) fn uui(trunk: &Trunk, request: &Request) -> (Vec<(String, Secret)>, Vec<Option<uui::Form>>) {
    let (mut pairs, mut forms) = (Vec::new(), Vec::new());
    for (at, value) in request.headers.tokens("User-to-User").enumerate() {
        let read = uui::read(value, trunk.uui_bare.as_deref()).ok();
        let read = read.filter(|_| pairs.is_empty() && at < UUI);
        forms.push(read.as_ref().map(|read| read.form));
        if let Some(read) = read {
            pairs = read.pairs;
        }
    }
    (pairs, forms)
}

/// The reference that came with a call, in User-to-User or in a header of its own.
fn reference(arrival: &Arrival) -> Option<Secret> {
    let uui = arrival.uui.iter().find(|(name, _)| name == "ref");
    let header = arrival.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(REFERENCE));
    let value = |(_, value): &(String, Secret)| value.clone();
    let is_reference = |value: &Secret| value.is_hex(DIGITS);
    [uui, header].into_iter().flatten().map(value).find(is_reference)
}
