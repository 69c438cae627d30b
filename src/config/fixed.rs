//! What a running service cannot take over from another configuration: what its sockets, threads and files were made
//! from.

use super::{Config, Endpoint, Fixtures};
use crate::yaml::{Diagnostic, Faults, Source, Span, Value, Word, read};

/// A diagnostic for each key that a restart is needed for, where it stands in the configuration that is wanted.
/// `source` is its text.
pub fn fixed(running: &Config, wanted: &Config, source: Option<&Source>) -> Vec<Diagnostic> {
    let sound = |config: &Config| (config.record.folder.clone(), config.record.longest, config.record.at_once);
    // Which calls are kept may change; the thread that keeps them is there or not, and has its folders.
    let inbox = |config: &Config| {
        config
            .record
            .fixtures
            .clone()
            .map(|Fixtures { folder, journal, audio, packets, .. }| (folder, journal, audio, packets))
    };
    let hooks = |config: &Config| -> Vec<_> {
        let hooks = config.destinations.iter().filter_map(|to| Some((to.name.text.clone(), to.webhook.clone()?)));
        hooks.collect()
    };
    let announced = |config: &Config| config.announcements.as_ref().map(|announced| announced.folder.clone());
    let changed = [
        ("listen", running.listen != wanted.listen),
        ("advertise", running.advertise != wanted.advertise),
        ("tls", running.tls != wanted.tls),
        ("resolver", running.resolver != wanted.resolver),
        ("store", (&running.store, running.synchronous) != (&wanted.store, wanted.synchronous)),
        ("media", running.realtime != wanted.realtime),
        ("limits", running.limits.calls != wanted.limits.calls),
        ("record", (sound(running), inbox(running)) != (sound(wanted), inbox(wanted))),
        ("announcements", announced(running) != announced(wanted)),
        ("retention", running.retention != wanted.retention),
        ("endpoints", bare(running) != bare(wanted)),
        ("destinations", hooks(running) != hooks(wanted)),
    ];
    let changed = changed.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(key, _)| needs_restart(key, &wanted.path, source)).collect()
}

/// The endpoints wherever in the file they stand.
fn bare(config: &Config) -> Vec<Endpoint> {
    let bare = |endpoint: &Endpoint| {
        let name = Word { span: Span::default(), ..endpoint.name.clone() };
        Endpoint { name, ..endpoint.clone() }
    };
    config.endpoints.iter().map(bare).collect()
}

/// Says that a key's new value waits for a restart.
pub fn needs_restart(key: &str, path: &str, source: Option<&Source>) -> Diagnostic {
    let part = match key {
        "limits" => "limits: { calls }",
        "destinations" => "webhook",
        "announcements" => "announcements: { folder }",
        key => key,
    };
    let message = format!("`{part}` cannot change while the service runs");
    // A key that was taken out has no place.
    let span = source.and_then(|source| place(source, key)).unwrap_or_default();
    let mut needs = Diagnostic::error(path, "needs-restart", span, message);
    needs.remedy("restart the service, or put it back as it was");
    needs
}

/// Where the key stands; `None` once it was taken out.
fn place(source: &Source, key: &str) -> Option<Span> {
    let Value::Map(entries) = read(source, &mut Faults::new(&source.path))?.value else { return None };
    entries.iter().find(|(name, _)| name.text == key).map(|(name, _)| name.span)
}
