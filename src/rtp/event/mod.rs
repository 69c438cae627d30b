//! Keys as RTP events (RFC 4733): one key press is one key, whatever the sender's habits and the network's.

mod receive;
mod send;
#[cfg(test)]
mod tests;

pub use receive::{Ignored, PACKED, Receiver};
pub use send::{Sender, TooLong, Update};
