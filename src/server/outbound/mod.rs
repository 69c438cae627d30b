//! What goes out by HTTP: lookups, for which a call waits, and webhooks, which wait until they are taken. A thread of its
//! own: neither the control plane nor the API waits for somebody else's server.

mod breaker;
mod client;
mod line;
mod reach;
