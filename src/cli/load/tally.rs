//! What the calls came to, as it is learned.

use super::plan::TIMING;
use crate::media::FRAME_TIME;
use crate::peer::Happened;
use crate::peer::histogram::Histogram;
use crate::peer::talk::Counted;
use crate::peer::watch::Reply;
use crate::time::Duration;
use std::collections::BTreeMap;

/// The end of a key comes so long after its beginning: its last update is the end (RFC 4733 section 2.5.1.4).
const HELD: Duration = TIMING.on.saturating_sub(FRAME_TIME);

/// Why a call was not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// With its status.
    Refused(u16),
    Unanswered,
    /// The answer was of no use: no codec of ours, not the SRTP that we asked for.
    Unusable,
    HungUp,
    NoMedia,
    NoPrompt,
    /// By the tool's user, or at the end of its patience.
    Stopped,
    /// The tool had no socket, or no room for a dialog.
    NoRoom,
}

impl Failure {
    pub fn reason(self) -> &'static str {
        match self {
            Failure::Refused(408) => "refused, or a request was not answered",
            Failure::Refused(_) => "refused",
            Failure::Unanswered => "not answered in time",
            Failure::Unusable => "answered with a description of no use",
            Failure::HungUp => "hung up by the target",
            Failure::NoMedia => "answered without a packet of audio",
            Failure::NoPrompt => "no prompt after the keys",
            Failure::Stopped => "stopped",
            Failure::NoRoom => "the load tool had no room",
        }
    }

    pub fn status(self) -> Option<u16> {
        match self {
            Failure::Refused(status) => Some(status),
            _ => None,
        }
    }
}

#[derive(Default)]
pub struct Tally {
    pub tried: u32,
    pub answered: u32,
    pub complete: u32,
    pub failures: BTreeMap<Failure, u32>,
    pub at_once: usize,
    pub setup: Histogram,
    /// From the INVITE to its 503.
    pub turned_away: Histogram,
    /// From the first key to silence.
    pub stopped: Histogram,
    /// From the last key to the next prompt: from where the key begins, and from its end; zero if that was later.
    pub reply: Histogram,
    pub reply_after_end: Histogram,
    pub keys: u64,
    pub sent: u64,
    pub received: u64,
    pub lost: u64,
    pub late: u64,
    pub pauses: u64,
    /// Packets of SRTP that were refused, and those of ours that could not be protected.
    pub forged: u64,
    pub unprotected: u64,
}

impl Tally {
    /// What happened to a caller; `events` are its keys' carrier, so that they have an end.
    pub fn caller(&mut self, happened: Happened, held: bool) {
        match happened {
            Happened::Answered { after } => {
                self.answered += 1;
                self.setup.add(after);
            }
            Happened::Ended { by_us, status, through, after, counted } => {
                match failure(by_us, status, through, &counted) {
                    None => self.complete += 1,
                    Some(failure) => *self.failures.entry(failure).or_default() += 1,
                }
                if (by_us, status) == (false, 503) {
                    self.turned_away.add(after);
                }
                for entry in &counted.entries {
                    entry.stopped.into_iter().for_each(|time| self.stopped.add(time));
                    if let Reply::After(time) = entry.reply {
                        self.reply.add(time);
                        self.reply_after_end.add(if held { time.saturating_sub(HELD) } else { time });
                    }
                }
                self.keys += counted.keys_pressed;
                self.count(&counted);
            }
            _ => {}
        }
    }

    /// The packets of a call, a caller's or an agent's.
    pub fn count(&mut self, counted: &Counted) {
        self.sent += counted.sent;
        self.received += counted.received;
        self.lost += counted.lost;
        self.late += counted.late;
        self.pauses += counted.pauses;
        self.forged += counted.media.refused.forged;
        self.unprotected += counted.media.unprotected;
    }

    pub fn failed(&self) -> u32 {
        self.failures.values().sum()
    }
}

/// `None`: as the script says, and audio was heard wherever it had to be.
fn failure(by_us: bool, status: u16, through: bool, counted: &Counted) -> Option<Failure> {
    match (by_us, status) {
        (true, 408) => Some(Failure::Unanswered),
        (true, 488) => Some(Failure::Unusable),
        (true, 503) => Some(Failure::NoRoom),
        (true, _) if !through => Some(Failure::Stopped),
        (true, _) if counted.received == 0 => Some(Failure::NoMedia),
        (true, _) => counted.entries.iter().any(|entry| entry.reply == Reply::None).then_some(Failure::NoPrompt),
        (false, 0) => Some(Failure::HungUp),
        (false, status) => Some(Failure::Refused(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::watch::Entry;

    #[test]
    fn each_end_of_a_call_is_complete_or_has_its_reason() {
        let heard = |received, reply| {
            let entries = vec![Entry { stopped: Some(Duration::from_millis(15)), reply }];
            Counted { received, entries, ..Counted::default() }
        };
        let replied = heard(9, Reply::After(Duration::from_millis(90)));
        let cases = [
            (true, 0, true, &replied, None),
            (true, 0, true, &heard(9, Reply::Unclear), None),
            (true, 0, true, &heard(9, Reply::None), Some(Failure::NoPrompt)),
            (true, 0, true, &Counted::default(), Some(Failure::NoMedia)),
            (true, 0, false, &replied, Some(Failure::Stopped)),
            (true, 408, false, &Counted::default(), Some(Failure::Unanswered)),
            (true, 488, false, &Counted::default(), Some(Failure::Unusable)),
            (true, 503, false, &Counted::default(), Some(Failure::NoRoom)),
            (false, 0, false, &replied, Some(Failure::HungUp)),
            (false, 503, false, &Counted::default(), Some(Failure::Refused(503))),
        ];
        let mut tally = Tally::default();
        for (by_us, status, through, counted, expected) in cases {
            assert_eq!(failure(by_us, status, through, counted), expected);
            let (after, counted) = (Duration::from_millis(3), Box::new(counted.clone()));
            tally.caller(Happened::Ended { by_us, status, through, after, counted }, true);
        }
        assert_eq!((tally.complete, tally.failed(), tally.turned_away.total()), (2, 8, 1));
        assert_eq!(
            (tally.reply.most(), tally.reply_after_end.most()),
            (Duration::from_millis(90), Duration::from_millis(10))
        );
    }
}
