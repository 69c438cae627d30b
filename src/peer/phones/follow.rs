//! A phone follows its script.

use super::*;
use crate::key::Key;

/// INFO requests of one phone follow each other at this distance: over UDP two at once may change places.
const INFO_EVERY: Duration = Duration::from_millis(160);

impl Phones {
    /// One act more, behind what the phone is to do so far.
    pub fn tell(&mut self, now: Instant, talk: TalkId, act: Act) {
        let Some(phone) = self.phones.get_mut(talk) else { return };
        // What is done already need not stay.
        phone.script = phone.script.iter().skip(phone.step).cloned().chain([act]).collect();
        phone.step = 0;
        self.follow(now, talk);
        self.drain(now);
    }

    /// A call that came in to be told (`Answering::Told`) rings.
    pub fn ring(&mut self, now: Instant, talk: TalkId) {
        if let Some(dialog) = self.phones.get(talk).and_then(|phone| phone.dialog) {
            told(self.endpoint.ring(now, dialog, 180, Vec::new()));
            self.drain(now);
        }
    }

    /// A call that came in to be told is answered.
    pub fn take(&mut self, now: Instant, talk: TalkId) {
        self.answer(now, talk);
        self.drain(now);
    }

    /// A call that came in to be told is refused.
    pub fn refuse(&mut self, now: Instant, talk: TalkId, status: u16) {
        if let Some(dialog) = self.phones.get(talk).and_then(|phone| phone.dialog) {
            told(self.endpoint.refuse(now, dialog, status, &[]));
            self.over(now, talk, true, status);
            self.drain(now);
        }
    }

    /// Goes on with the script as far as it can.
    pub(super) fn follow(&mut self, now: Instant, talk: TalkId) {
        while let Some(phone) = self.phones.get_mut(talk) {
            let (Some(sound), State::Talking) = (&mut phone.talk, &phone.state) else { return };
            if phone.begun && now < phone.wait_until && matches!(phone.script.get(phone.step), Some(Act::Wait(_))) {
                return;
            }
            let script = phone.script.clone();
            let Some(act) = script.get(phone.step) else { return };
            let begins = !std::mem::replace(&mut phone.begun, true);
            let done = match act {
                Act::Wait(time) => {
                    if begins {
                        phone.wait_until = now + *time;
                    }
                    now >= phone.wait_until
                }
                Act::Hear(name) => {
                    let ear = self.ear.as_ref();
                    phone.heard.is_some_and(|clip| ear.is_some_and(|ear| ear.name(clip) == name))
                }
                Act::HearVoice => sound.counted.voice_frames > 0,
                Act::Press(keys) => {
                    if begins {
                        sound.press(now, keys.chars().filter_map(Key::from_char));
                    }
                    sound.pressed()
                }
                Act::Info(keys) => inform(&mut self.endpoint, phone, now, keys, begins),
                Act::Hold | Act::Park | Act::Resume => {
                    if let Some(dialog) = phone.dialog {
                        sound.counted.voice_frames = 0;
                        told(self.endpoint.reinvite(now, dialog, sound.offer(offered(act))));
                    }
                    true
                }
                Act::SendOn(to) => {
                    if let Some(dialog) = phone.dialog {
                        told(self.endpoint.refer(now, dialog, to));
                    }
                    true
                }
                Act::Stay => false,
                Act::HangUp => {
                    phone.step += 1;
                    return self.hang_up(now, talk);
                }
            };
            if !done {
                return;
            }
            if matches!(act, Act::Hear(_)) {
                phone.heard = None;
            }
            phone.step += 1;
            phone.begun = false;
            if matches!(act, Act::Press(_) | Act::Info(_)) {
                self.event(now, talk, Happened::Pressed);
            }
        }
    }
}

/// Presses keys by INFO, one after the other; true once all are out.
fn inform(endpoint: &mut Endpoint, phone: &mut Phone, now: Instant, keys: &str, begins: bool) -> bool {
    let Some(sound) = &mut phone.talk else { return true };
    if begins {
        phone.informed = 0;
        phone.wait_until = now;
        sound.end_entry(now);
    }
    let next = keys.chars().nth(phone.informed).filter(|_| now >= phone.wait_until);
    if let (Some(key), Some(dialog)) = (next, phone.dialog) {
        let body = format!("Signal={key}\r\nDuration=100\r\n").into_bytes();
        told(endpoint.info(now, dialog, "application/dtmf-relay", body));
        phone.informed += 1;
        phone.wait_until = now + INFO_EVERY;
        sound.key_begins(now, phone.informed == keys.chars().count());
    }
    phone.informed >= keys.chars().count()
}

/// As we see it, from this act on.
fn offered(act: &Act) -> Direction {
    match act {
        Act::Hold => Direction::SendOnly,
        Act::Park => Direction::Inactive,
        _ => Direction::SendRecv,
    }
}
