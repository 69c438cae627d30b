//! Session timers (RFC 4028): a dialog whose ends stopped talking to each other ends by itself.
//!
//! ```text
//! 2xx ---------- half the interval: the refresher's UPDATE (or re-INVITE) ---- 2xx: from the start
//!  \------------ the interval less 32 s or a third: BYE
//! ```

use super::usage::Alarm;
use super::{DialogId, Endpoint, Refusal};
use crate::sip::message::{Headers, Response};
use crate::sip::params;
use crate::sip::transaction::TransactionId;
use crate::time::{Duration, Instant};

/// The interval that we ask for (section 4 recommends it).
pub(in crate::sip) const INTERVAL: u32 = 1800;
/// The shortest interval that we take: the least that section 4 lets anybody name.
const MIN_SE: u32 = 90;
/// A longer interval is cut to this: its deadline would outlive the call by too much.
const LONGEST: u32 = 86_400;
/// A refresh that was refused is tried again after this time, unless the refusal names another.
const AGAIN: Duration = Duration::from_secs(10);
/// A refresh that meets another request of ours or the peer's waits so long.
const BUSY: Duration = Duration::from_secs(2);

/// Whose duty the refresh is: the sender's of the request, or its receiver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresher {
    Uac,
    Uas,
}

/// What a 2xx of ours says of the session's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    seconds: u32,
    refresher: Refresher,
    /// The peer knows session timers.
    supported: bool,
}

#[derive(Default)]
pub(super) struct SessionTimer {
    /// The interval in seconds, and whether we refresh; none without a timer.
    agreed: Option<(u32, bool)>,
    /// The highest Min-SE that a 422 asked for.
    min_se: Option<u32>,
    refresh_at: Option<Instant>,
    expires_at: Option<Instant>,
    /// The request of ours that does nothing but refresh.
    pub(super) refreshing: Option<TransactionId>,
}

impl Terms {
    /// What we answer to an INVITE or UPDATE (section 9, table 2); none to a peer that never spoke of timers.
    pub(super) fn answering(request: &Headers) -> Option<Terms> {
        let supported = knows_timers(request);
        let asked = read(request);
        if !supported && asked.is_none() {
            return None;
        }
        let seconds = asked.map_or(INTERVAL, |(seconds, _)| seconds.min(INTERVAL));
        let refresher = match asked.and_then(|(_, refresher)| refresher) {
            // A proxy asked for the timer, and the caller would not know what to do.
            _ if !supported => Refresher::Uas,
            asked => asked.unwrap_or(Refresher::Uac),
        };
        let seconds = seconds.max(min_se(request).unwrap_or(MIN_SE)).clamp(MIN_SE, LONGEST);
        Some(Terms { seconds, refresher, supported })
    }

    pub(super) fn write(self, response: &mut Response) {
        let refresher = match self.refresher {
            Refresher::Uac => "uac",
            Refresher::Uas => "uas",
        };
        response.headers.put("Session-Expires", format!("{};refresher={refresher}", self.seconds));
        if self.supported && self.refresher == Refresher::Uac {
            response.headers.put("Require", "timer");
        }
    }
}

/// Whether an INVITE or UPDATE is to be refused with 422, and with which Min-SE (section 9).
pub(super) fn too_short(request: &Headers) -> Option<u32> {
    let (seconds, _) = read(request)?;
    (knows_timers(request) && seconds < MIN_SE).then_some(MIN_SE)
}

/// The Min-SE of a request or of a 422.
pub(super) fn min_se(headers: &Headers) -> Option<u32> {
    leading_number(headers.get("Min-SE")?)
}

/// Retry-After (RFC 3261 section 20.33) in seconds.
pub(super) fn retry_after(headers: &Headers) -> Option<Duration> {
    leading_number(headers.get("Retry-After")?).map(|seconds| Duration::from_secs(seconds.into()))
}

fn knows_timers(headers: &Headers) -> bool {
    headers.tokens("Supported").chain(headers.tokens("Require")).any(|option| option.eq_ignore_ascii_case("timer"))
}

fn read(headers: &Headers) -> Option<(u32, Option<Refresher>)> {
    let value = headers.get("Session-Expires")?;
    let refresher = params::split(value, b';').skip(1).find_map(|param| {
        let (name, side) = param.split_once('=')?;
        match side.trim().to_ascii_lowercase().as_str() {
            "uac" if name.trim().eq_ignore_ascii_case("refresher") => Some(Refresher::Uac),
            "uas" if name.trim().eq_ignore_ascii_case("refresher") => Some(Refresher::Uas),
            _ => None,
        }
    });
    Some((leading_number(value)?, refresher))
}

fn leading_number(value: &str) -> Option<u32> {
    let digits = value.trim_start().split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

impl SessionTimer {
    /// Our 2xx went out with these terms.
    pub(super) fn answered(&mut self, now: Instant, terms: Option<Terms>) {
        self.start(now, terms.map(|terms| (terms.seconds, terms.refresher == Refresher::Uas)));
    }

    /// The peer's 2xx to our INVITE or UPDATE came; without Session-Expires the session does not expire (section 7.2).
    pub(super) fn accepted(&mut self, now: Instant, response: &Headers) {
        let agreed = read(response);
        let ours = |(seconds, refresher): (u32, _)| (seconds.clamp(MIN_SE, LONGEST), refresher != Some(Refresher::Uas));
        self.start(now, agreed.map(ours));
    }

    fn start(&mut self, now: Instant, agreed: Option<(u32, bool)>) {
        let span = |seconds: u32| Duration::from_secs(seconds.into());
        self.agreed = agreed;
        self.refresh_at = agreed.filter(|(_, ours)| *ours).map(|(seconds, _)| now + span(seconds / 2));
        // Section 10: the BYE goes out a little before the end.
        self.expires_at = agreed.map(|(seconds, _)| now + span(seconds - (seconds / 3).min(32)));
    }

    /// What a request of ours that refreshes the session says of it.
    pub(super) fn write(&self, headers: &mut Headers) {
        if let Some((seconds, ours)) = self.agreed {
            let refresher = if ours { "uac" } else { "uas" };
            headers.put("Session-Expires", format!("{seconds};refresher={refresher}"));
        }
        if let Some(least) = self.min_se {
            headers.put("Min-SE", least.to_string());
        }
    }

    /// Takes a higher Min-SE from a 422; false if it is none.
    pub(super) fn lengthen(&mut self, response: &Headers) -> Option<u32> {
        let least = min_se(response).filter(|least| Some(*least) > self.min_se && *least <= LONGEST)?;
        self.min_se = Some(least);
        self.agreed = self.agreed.map(|(seconds, ours)| (seconds.max(least), ours));
        Some(least)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.refresh_at, self.expires_at].into_iter().flatten().min()
    }

    pub(super) fn on_deadline(&mut self, now: Instant) -> Option<Alarm> {
        if self.expires_at.take_if(|at| *at <= now).is_some() {
            return Some(Alarm::Expired);
        }
        self.refresh_at.take_if(|at| *at <= now).map(|_| Alarm::Refresh)
    }
}

impl Endpoint {
    /// It is upon us to refresh the session: by UPDATE where the peer takes it, else by offering the same again.
    pub(super) fn refresh(&mut self, now: Instant, id: DialogId) {
        let Ok(usage) = self.usage(id) else { return };
        let sent = match usage.takes_update {
            true => self.send_update(now, id, Vec::new()),
            false => {
                let sdp = usage.described.clone();
                self.send_reinvite(now, id, sdp)
            }
        };
        match sent {
            Ok(transaction) => {
                if let Ok(usage) = self.usage(id) {
                    usage.timer.refreshing = Some(transaction);
                }
            }
            Err(Refusal::NotNow | Refusal::Full) => self.refresh_later(now, id, BUSY),
            Err(Refusal::NoDialog | Refusal::Bad(_)) => {}
        }
    }

    /// A refresh of ours was refused, though not with what ends a dialog. It is tried again until the session expires.
    pub(super) fn on_refresh_refused(&mut self, now: Instant, id: DialogId, response: &Response) {
        let wait = match response.status {
            491 => self.glare_wait(id),
            405 | 501 => {
                if let Ok(usage) = self.usage(id) {
                    usage.takes_update = false;
                }
                // The re-INVITE takes its place; should that be refused so as well, it is no use to hurry.
                BUSY
            }
            _ => retry_after(&response.headers).unwrap_or(AGAIN).max(BUSY),
        };
        self.refresh_later(now, id, wait);
    }

    fn refresh_later(&mut self, now: Instant, id: DialogId, wait: Duration) {
        if let Some(usage) = self.usages.get_mut(id) {
            usage.timer.refresh_at = Some(now + wait);
            self.usages.arm(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        lines.iter().for_each(|(name, value)| headers.put(name, *value));
        headers
    }

    #[test]
    fn the_answer_follows_table_2_and_the_bounds() {
        // Supported, Session-Expires, Min-SE; our answer's Session-Expires, its Require, the 422's Min-SE
        let cases = [
            ("", "", "", None, None, None),
            ("timer", "", "", Some("1800;refresher=uac"), Some("timer"), None),
            ("timer", "", "3600", Some("3600;refresher=uac"), Some("timer"), None),
            ("timer", "600;refresher=uas", "", Some("600;refresher=uas"), None, None),
            ("100rel, timer", "600 ; Refresher=UAC", "", Some("600;refresher=uac"), Some("timer"), None),
            ("timer", "7200", "90", Some("1800;refresher=uac"), Some("timer"), None),
            ("timer", "60", "", Some("90;refresher=uac"), Some("timer"), Some(90)),
            ("", "60", "", Some("90;refresher=uas"), None, None),
            ("", "600;refresher=uac", "", Some("600;refresher=uas"), None, None),
        ];
        for (supported, expires, least, answer, require, refused) in cases {
            let lines = [("Supported", supported), ("Session-Expires", expires), ("Min-SE", least)];
            let lines: Vec<_> = lines.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            let request = headers(&lines);
            let mut response = Response { status: 200, reason: "OK".into(), headers: headers(&[]), body: Vec::new() };
            if let Some(terms) = Terms::answering(&request) {
                terms.write(&mut response);
            }
            let said = (response.headers.get("Session-Expires"), response.headers.get("Require"));
            assert_eq!((said.0, said.1, too_short(&request)), (answer, require, refused), "{lines:?}");
        }
    }

    #[test]
    fn the_refresher_acts_at_half_time_and_both_end_before_the_end() {
        let now = Instant::from_micros(0);
        let at = |seconds| now + Duration::from_secs(seconds);
        // Session-Expires of the 2xx to our INVITE; refresh, end
        for (value, refresh, end) in [
            ("1800;refresher=uac", Some(900), 1768),
            ("1800;refresher=uas", None, 1768),
            ("90", Some(45), 60),
            ("1", Some(45), 60),
            ("4294967295;refresher=uas", None, 86_368),
        ] {
            let mut timer = SessionTimer::default();
            timer.accepted(now, &headers(&[("Session-Expires", value)]));
            assert_eq!((timer.refresh_at, timer.expires_at), (refresh.map(at), Some(at(end))), "{value}");
            timer.accepted(now, &headers(&[]));
            assert_eq!(timer.deadline(), None);
        }
    }
}
