//! What the caller and the agents of a call did, as the call learns it, each with its cause.

use super::calls::Legs;
use super::dialogs::{Dialog, Invite, What};
use super::media::Party;
use crate::record::seam::{In, Leg};
use crate::replay::stage::{Scene, Timed};
use crate::sdp::Offer;

/// Who is told to go by the service, and does not in this flow, stays so long.
const STAYS: u64 = 10_000_000;

/// Something with its time since 1970.
enum Act {
    /// The service calls an agent (its dialog), or sends the caller away (`None`).
    Cause(Option<usize>),
    Caller(In),
    /// Of that agent, or of the transfer under way.
    Agent(Option<usize>, In),
}

/// What was done since the answer, or since the caller heard the service where the flow is `early`; `until` is the end of
/// the capture.
pub fn acts(dialogs: &[Dialog], legs: &Legs, early: bool, until: u64, remarks: &mut Vec<String>) -> Option<Timed> {
    let caller = &dialogs[legs.caller];
    let invite = caller.invite.as_ref()?;
    let begun = answered(caller, early).unwrap_or(invite.at);
    let mut all = of_caller(caller, invite, begun, until, remarks);
    for &agent in &legs.agents {
        let dialog = &dialogs[agent];
        let Some(invite) = &dialog.invite else { continue };
        all.push((invite.at, Act::Cause(Some(agent))));
        for event in dialog.events.iter().filter(|event| event.by == Party::Called) {
            all.extend(of_agent(&event.what).map(|input| (event.at, Act::Agent(Some(agent), input))));
        }
    }
    all.sort_by_key(|(at, _)| *at);
    let mut scenes = vec![(begun, None, Scene::default())];
    for (at, act) in all {
        let after = |begun: u64| at.saturating_sub(begun);
        match act {
            Act::Cause(whose) => {
                scenes.push((at, Some(whose), Scene { at: after(begun), inputs: Vec::new() }));
            }
            Act::Caller(input) => {
                if let Some((begun, _, scene)) = scenes.last_mut() {
                    scene.inputs.push((after(*begun), input));
                }
            }
            Act::Agent(whose, input) => {
                if let Some((begun, _, scene)) = scenes.iter_mut().rfind(|(_, cause, _)| *cause == Some(whose)) {
                    scene.inputs.push((after(*begun), input));
                }
            }
        }
    }
    Some(Timed { scenes: scenes.into_iter().map(|(_, _, scene)| scene).collect() })
}

/// When the caller was answered, or, where the flow speaks before that, heard the service.
pub fn answered(caller: &Dialog, early: bool) -> Option<u64> {
    let at = |is: fn(&What) -> bool| caller.events.iter().find(|event| is(&event.what)).map(|event| event.at);
    let heard = at(|what| matches!(what, What::Progress { answer: Some(_), .. }));
    heard.filter(|_| early).or_else(|| at(|what| matches!(what, What::Answered { .. })))
}

fn of_caller(caller: &Dialog, invite: &Invite, begun: u64, until: u64, remarks: &mut Vec<String>) -> Vec<(u64, Act)> {
    let mut acts = Vec::new();
    let mut ended = None;
    let offered = !invite.request.body.is_empty();
    for event in &caller.events {
        let leg = Leg::Caller;
        let act = match (event.by, &event.what) {
            (Party::Calling, What::Key(key, by)) => Act::Caller(In::Key { leg, key: *key, by: *by }),
            (Party::Calling, What::Reinvite(offer)) => Act::Caller(In::Reoffer { leg, offer: offer.clone() }),
            (Party::Calling, What::Late(answer)) if !offered => {
                Act::Caller(In::LateAnswer { leg, answer: answer.clone() })
            }
            (Party::Calling, What::Bye) => {
                ended = ended.or(Some(event.at));
                Act::Caller(In::Bye { leg })
            }
            (Party::Called, What::Bye) => {
                ended = ended.or(Some(event.at));
                acts.push((event.at + STAYS, Act::Caller(In::Bye { leg })));
                continue;
            }
            (Party::Called, What::Refer { .. }) => Act::Cause(None),
            (Party::Calling, What::Referred(status)) => Act::Agent(None, In::Referred { status: *status }),
            (Party::Calling, What::Transfer { status, last }) => {
                Act::Agent(None, In::Transfer { status: *status, last: *last })
            }
            _ => continue,
        };
        acts.push((event.at, act));
    }
    if ended.is_none() {
        remarks.push("no BYE in the capture: it ends where that ends".to_owned());
        let why = "the capture ends".to_owned();
        acts.push((until.max(begun), Act::Caller(In::Lost { leg: Leg::Caller, why })));
    }
    acts
}

fn of_agent(what: &What) -> Option<In> {
    let leg = Leg::Agent;
    Some(match what {
        What::Progress { status, answer } => In::Progress { status: *status, answer: answer.clone().map(in_clear) },
        What::Answered { answer } => In::Answered { answer: answer.clone().map(in_clear) },
        What::Refused { status, reason, contacts } => {
            In::Refused { status: *status, reason: reason.clone(), contacts: contacts.clone() }
        }
        What::Key(key, by) => In::Key { leg, key: *key, by: *by },
        What::Reinvite(offer) => In::Reoffer { leg, offer: offer.clone().map(in_clear) },
        What::Refer { to, replaces } => In::Refer { leg, to: to.clone(), replaces: replaces.clone() },
        What::Bye => In::Bye { leg },
        What::Late(_) | What::Referred(_) | What::Transfer { .. } => return None,
    })
}

/// The leg to the agent is made without SRTP here: what it is protected with decides nothing.
fn in_clear(mut offer: Offer) -> Offer {
    offer.secure = false;
    offer.crypto.clear();
    offer.other = None;
    offer
}
