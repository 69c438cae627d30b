//! Carriers: one file a way to hand the context on by SIP. A destination lists those that it wants.

mod headers;
pub mod uui_isdn;
mod webhook;

use crate::secret::Secret;
use serde::{Deserialize, Serialize};

/// What is handed on: the reference always, the facts only to a destination that is trusted.
pub struct Parcel<'a> {
    /// 128 random bits as 32 hex digits, good for this hop alone.
    pub reference: &'a Secret,
    /// Name and value of the facts for the User-to-User payload, in the destination's order.
    pub uui: Vec<(&'a str, &'a Secret)>,
    /// Header name and value of the mapped facts.
    pub headers: Vec<(String, &'a Secret)>,
}

/// What a carrier wrote, and what it had to leave out.
#[derive(Default)]
pub struct Written {
    /// Header fields for the INVITE.
    pub headers: Vec<(String, String)>,
    /// Facts that did not fit or cannot be written in this form. The reference still reaches them.
    pub omitted: Vec<String>,
}

/// One line a carrier: the variant, its name in the configuration, its room.
macro_rules! carriers {
    ($($variant:ident = $name:literal in $room:ident),* $(,)?) => {
        /// A way to hand the context on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Carrier { $(#[serde(rename = $name)] $variant),* }

        impl Carrier {
            /// Every carrier with its name in the configuration.
            pub const ALL: &[(&str, Carrier)] = &[$(($name, Carrier::$variant)),*];

            pub fn name(self) -> &'static str {
                match self { $(Carrier::$variant => $name),* }
            }

            /// Writes the parcel in this carrier's form.
            pub fn write(self, parcel: &Parcel<'_>, written: &mut Written) {
                match self { $(Carrier::$variant => $room::write(parcel, written)),* }
            }
        }
    };
}

carriers! {
    UuiIsdn = "uui-isdn" in uui_isdn,
    Headers = "headers" in headers,
    Webhook = "webhook" in webhook,
}
