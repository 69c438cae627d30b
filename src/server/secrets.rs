//! The secrets that the configuration names, read from where it says they lie.

use super::{NotStarted, not_started};
use crate::config::{Config, SecretSource};
use crate::engine::Service;
use crate::secret::Secret;
use crate::sip::auth::Credentials;
use std::collections::BTreeMap;

/// Greatest size of a secret's file.
const MAX: usize = 4_096;

/// What each trunk's challenges are answered with, by the trunk's name.
pub fn credentials(config: &Config) -> Result<BTreeMap<String, Credentials>, NotStarted> {
    let mut credentials = BTreeMap::new();
    for trunk in &config.trunks {
        let Some(register) = &trunk.register else { continue };
        let password = read(config, &register.secret)?;
        let what = || format!("the account of trunk `{}`", trunk.name.text);
        let own = Credentials::new(&register.realm, &register.user, password)
            .map_err(|why| not_started(what(), why, "one line without control characters"))?;
        credentials.insert(trunk.name.text.clone(), own);
    }
    Ok(credentials)
}

/// All that are configured, by name.
pub fn all(config: &Config) -> Result<BTreeMap<String, Secret>, NotStarted> {
    config.secrets.iter().map(|place| Ok((place.name.text.clone(), read(config, &place.name.text)?))).collect()
}

/// What callers' entries are held against, by name: those that a flow names.
pub fn pins(config: &Config, services: &BTreeMap<String, Service>) -> Result<BTreeMap<String, Secret>, NotStarted> {
    let named = services.values().flat_map(|service| service.program.flow.pins());
    named.map(|word| Ok((word.text.clone(), read(config, &word.text)?))).collect()
}

fn read(config: &Config, name: &str) -> Result<Secret, NotStarted> {
    let what = || format!("secret `{name}`");
    let place = config.secrets.iter().find(|place| place.name.text == name);
    let place = place.ok_or_else(|| not_started(what(), "it is not configured", "add it to `secrets:`"))?;
    let text = match &place.source {
        SecretSource::Env(variable) => std::env::var(variable).map_err(|_| {
            let why = format!("the environment variable {variable} is not set, or is no text");
            not_started(what(), why, "set it, or name a file: { file: PATH }")
        })?,
        SecretSource::File(path) => std::fs::read_to_string(path)
            .map_err(|error| not_started(what(), format!("{path}: {error}"), "a file that this user can read"))?,
    };
    // Editors end a file with a line feed.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() || text.len() > MAX {
        return Err(not_started(what(), "it is empty, or longer than 4 kB", "one line with the secret, and no more"));
    }
    Ok(Secret::new(text))
}
