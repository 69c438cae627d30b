//! What callers key in, held against a secret of the configuration: a lookup that nobody else answers.

use super::{CallNumber, Engine, Output};
use crate::context::{LookupRequest, Method, Outcome, Want};
use crate::record::seam::In;
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;
use subtle::ConstantTimeEq;

/// Wrong ones that are looked at: of four digits, somebody who tries them all day finds one in 20.
const WRONG: u32 = 10;
/// In this time.
const WITHIN: Duration = Duration::from_secs(3_600);

/// The secrets, by name, and how often each was missed of late.
#[derive(Default)]
pub(super) struct Pins {
    secrets: BTreeMap<String, Secret>,
    /// How many were wrong since then.
    wrong: BTreeMap<String, (Instant, u32)>,
}

impl Pins {
    pub fn new(secrets: BTreeMap<String, Secret>) -> Pins {
        Pins { secrets, wrong: BTreeMap::new() }
    }

    /// Others count from now on; what was missed is not forgotten.
    pub fn renew(&mut self, secrets: BTreeMap<String, Secret>) {
        self.secrets = secrets;
    }

    /// `Ok`, or `Refused`; `Failed` if there is no such secret.
    fn compare(&mut self, now: Instant, name: &str, keyed: &Secret) -> Outcome {
        let Some(secret) = self.secrets.get(name) else { return Outcome::Failed };
        let (since, wrong) =
            self.wrong.get(name).copied().filter(|(since, _)| now.since(*since) < WITHIN).unwrap_or((now, 0));
        if wrong >= WRONG {
            return Outcome::Refused;
        }
        if bool::from(keyed.open().as_bytes().ct_eq(secret.open().as_bytes())) {
            self.wrong.remove(name);
            return Outcome::Ok;
        }
        if wrong + 1 == WRONG {
            tracing::warn!(secret = name, "{WRONG} wrong entries within an hour: all are refused until it is over");
        }
        self.wrong.insert(name.to_owned(), (since, wrong + 1));
        Outcome::Refused
    }
}

impl Engine {
    /// Asks the shell, or answers itself: that word comes before anything else happens in the call.
    pub(super) fn look_up(&mut self, now: Instant, call: CallNumber, lookup: u32, request: LookupRequest) {
        if request.method != Method::Compare || self.rehearsed.is_some() {
            return self.out.push_back(Output::Lookup { call, lookup, request: Box::new(request) });
        }
        let outcome = self.pins.compare(now, &request.endpoint, &request.path);
        let yes = |want: &Want| (want.name.clone(), Secret::new("true"));
        let values = if outcome == Outcome::Ok { request.wants.iter().map(yes).collect() } else { Vec::new() };
        self.counters.pins_refused += u64::from(outcome == Outcome::Refused);
        self.count_lookup(now, call, lookup, outcome);
        self.deliver(now, call, In::LookedUp { lookup, outcome, values });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_ones_an_hour_are_looked_at_and_a_right_one_begins_anew() {
        let mut pins = Pins::new(BTreeMap::from([("pin".to_owned(), Secret::new("4711"))]));
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let mut ask = |seconds, keyed: &str| pins.compare(at(seconds), "pin", &Secret::new(keyed));
        for second in 0..9 {
            assert_eq!(ask(second, "471"), Outcome::Refused);
        }
        assert_eq!(ask(10, "4711"), Outcome::Ok);
        for second in 20..30 {
            assert_eq!(ask(second, "4712"), Outcome::Refused);
        }
        assert_eq!(ask(30, "4711"), Outcome::Refused, "not looked at");
        assert_eq!(ask(3_619, "4711"), Outcome::Refused);
        assert_eq!(ask(3_620, "4711"), Outcome::Ok);
        assert_eq!(pins.compare(at(0), "other", &Secret::new("4711")), Outcome::Failed);
    }
}
