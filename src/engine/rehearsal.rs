//! A call that was recorded comes in again, packet by packet: what the engine would draw, or know from its configuration
//! and from other calls, the recording knows better.

use super::Engine;
use crate::record::fixture::Header;
use std::sync::Arc;

impl Engine {
    /// Calls that begin from now on are that recorded one: its seed, so that what it draws for the wire is the same, and its
    /// destinations. No line of ours holds it and no secret of ours is compared: `Input::Line` and `Input::LookedUp` say
    /// what came of it.
    pub fn rehearse(&mut self, header: &Header) {
        self.destinations = Arc::new(header.destinations.clone());
        self.rehearsed = Some(header.seed);
    }
}
