//! SIP (RFC 3261), sans-IO: messages, transactions, dialogs, and the endpoint that drives them.

pub mod auth;
pub mod endpoint;
pub mod framing;
pub mod glance;
pub mod hop;
pub mod info;
pub mod invite;
pub mod mask;
pub mod ping;
pub mod registration;
pub mod uri;
pub mod wire;

mod dialog;
mod message;
pub mod multipart;
mod name_addr;
mod params;
mod transaction;
mod via;

pub use hop::{Hop, Locals, Transport};
pub use message::{BadHeader, Head, Headers, Message, Method, Request, Response};
pub use name_addr::{NameAddr, quoted};
pub use uri::Uri;
pub use via::Via;
