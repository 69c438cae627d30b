//! RTP on the wire (RFC 3550) and the keys in it (RFC 4733). No sockets, no clock, no allocation.

pub mod event;
pub mod order;
pub mod packet;
pub mod rtcp;

pub use order::{Order, Place};
pub use packet::{Header, NotRtp};
