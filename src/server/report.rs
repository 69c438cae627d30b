//! How the service stands, as the control plane tells it.

/// At one moment.
#[derive(Default)]
pub struct Report {
    pub draining: bool,
    /// Whether the store's writer lives.
    pub store: bool,
    /// Name and digest.
    pub flows: Vec<(String, String)>,
}
