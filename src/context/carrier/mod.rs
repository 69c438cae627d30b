//! Carriers: one file a way to hand the context on by SIP. A destination lists those that it wants.

pub mod body;
mod call_info;
mod headers;
pub mod refer_to;
pub mod uui;
mod uui_isdn;
mod uui_pd;
mod uui_raw;
mod webhook;

pub use headers::{REFERENCE, header_name};

use crate::secret::Secret;
use serde::{Deserialize, Serialize};

/// The longest header line, with its name, that peers are known to keep whole; ours are shorter.
pub const LINE: usize = 1_024;

/// What is handed on: the reference always, the facts only to a destination that is trusted.
pub struct Parcel<'a> {
    /// 128 random bits as 32 hex digits, good for this hop alone.
    pub reference: &'a Secret,
    pub case: &'a str,
    pub uui: Uui<'a>,
    /// Header name and value of the mapped facts.
    pub headers: Vec<(String, &'a Secret)>,
    /// Every fact that a person may see.
    pub facts: Vec<(&'a str, &'a Secret)>,
    /// What a link to the caller's screen begins with.
    pub call_info: Option<&'a str>,
}

/// What the User-to-User payload holds.
pub enum Uui<'a> {
    /// The reference, then name and value of these facts, in the destination's order.
    Pairs(Vec<(&'a str, &'a Secret)>),
    /// The value of that one fact and nothing else; `None` as long as it is not known.
    Bare(&'a str, Option<&'a Secret>),
}

/// What the carriers wrote, and what they had to leave out.
#[derive(Default)]
pub struct Written {
    /// Header fields for the INVITE.
    pub headers: Vec<(String, String)>,
    /// JSON that goes beside the session description.
    pub body: Option<String>,
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
    UuiRaw = "uui-raw" in uui_raw,
    UuiPd = "uui-pd" in uui_pd,
    Headers = "headers" in headers,
    Webhook = "webhook" in webhook,
    ReferTo = "refer_to" in refer_to,
    Body = "body" in body,
    CallInfo = "call_info" in call_info,
}

impl Carrier {
    /// Whether it takes these facts of a parcel along, whole.
    pub fn brings(self, parcel: &Parcel<'_>, facts: &[String]) -> bool {
        let mut written = Written::default();
        self.write(parcel, &mut written);
        match self {
            Carrier::Webhook => true,
            Carrier::Headers => facts.iter().all(|fact| {
                let value = parcel.facts.iter().find(|(name, _)| name == fact).map(|(_, value)| *value);
                let of_fact =
                    |(_, mapped): &&(String, &Secret)| value.is_some_and(|value| std::ptr::eq(value, *mapped));
                parcel.headers.iter().find(of_fact).is_some_and(|(header, _)| !written.omitted.contains(header))
            }),
            Carrier::Body => !facts.iter().any(|fact| written.omitted.contains(fact)),
            _ => false,
        }
    }

    /// Whether it writes the one User-to-User header that there may be.
    pub fn is_uui(self) -> bool {
        matches!(self, Carrier::UuiIsdn | Carrier::UuiRaw | Carrier::UuiPd)
    }
}

/// The carriers of an INVITE of ours.
pub fn of_invite(listed: &[Carrier]) -> Vec<Carrier> {
    listed.iter().copied().filter(|carrier| *carrier != Carrier::ReferTo).collect()
}

/// The carriers whose header fields ride in the Refer-To of a blind transfer: none unless `refer_to` is listed, and the
/// ISDN form if that is listed alone.
pub fn of_refer(listed: &[Carrier]) -> Vec<Carrier> {
    if !listed.contains(&Carrier::ReferTo) {
        return Vec::new();
    }
    let rides = |carrier: &Carrier| carrier.is_uui() || *carrier == Carrier::Headers;
    let riding: Vec<Carrier> = listed.iter().copied().filter(rides).collect();
    if riding.is_empty() { vec![Carrier::UuiIsdn] } else { riding }
}

#[cfg(test)]
mod tests;
