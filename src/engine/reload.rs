//! Another configuration and other flows take the place of those that serve. Calls that stand go on with what they
//! began with: their flow, their sound, their trunk, their destinations.

use super::{Engine, Service, destinations};
use crate::config::Config;
use crate::secret::Secret;
use crate::sip::auth::Credentials;
use crate::time::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What calls that begin from now on are made from.
pub struct NewPlace {
    pub config: Arc<Config>,
    /// By the flow's name.
    pub services: BTreeMap<String, Service>,
    /// By the trunk's name.
    pub credentials: BTreeMap<String, Credentials>,
    /// What callers' entries are held against, by the secret's name.
    pub pins: BTreeMap<String, Secret>,
    /// How the switches stand.
    pub switches: BTreeMap<String, bool>,
}

impl Engine {
    pub(super) fn reload(&mut self, now: Instant, place: NewPlace) {
        // No call begins any more, and trunks that were left must not be registered at again.
        if self.draining {
            return;
        }
        let NewPlace { config, services, credentials, pins, switches } = place;
        self.pins.renew(pins);
        let around = (&self.locals, &mut self.endpoint, &mut self.random);
        self.trunks.renew(now, &config, &credentials, around);
        self.gate.limit(config.limits.per_source);
        self.half_open.limit(config.limits.calls, config.limits.per_source);
        self.destinations = Arc::new(destinations(&config));
        (self.config, self.services) = (config, services);
        self.tend_trunks(now);
        for (name, on) in &switches {
            if self.switches.get(name) != Some(on) {
                self.switch(now, name, *on);
            }
        }
        self.switches = switches;
    }

    /// Name and digest of each flow that answers.
    pub fn flows(&self) -> impl Iterator<Item = (&str, &str)> {
        self.services.values().map(|service| {
            let flow = &service.program.flow;
            (flow.name.text.as_str(), flow.digest.as_str())
        })
    }

    pub fn draining(&self) -> bool {
        self.draining
    }
}
