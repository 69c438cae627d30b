//! A destination: where the configuration lets a caller be handed to, and what of the context goes along.

use super::carrier::Carrier;
use crate::codec::Preference;
use crate::keying::Policy;
use crate::sip::Hop;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A SIP target: `sip:agent@192.0.2.7:5060`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub uri: String,
    /// Where the INVITE is sent, the first that answers. None: the host (the proxy's, where there is one, else the
    /// URI's) is a name, to be resolved before each call.
    pub hops: Vec<Hop>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Tried in order, each for `ring`.
    pub to: Vec<Target>,
    /// The URI of the proxy that these calls go through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    pub ring: Duration,
    /// What is offered there.
    #[serde(default, skip_serializing_if = "Preference::is_default")]
    pub codecs: Preference,
    #[serde(default, skip_serializing_if = "Policy::is_off")]
    pub srtp: Policy,
    /// Whether the caller hears what this side sends before it answers, in place of our music.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub early_media: bool,
    /// Only a trusted destination gets facts by SIP; the others get the reference alone.
    pub trusted: bool,
    pub carriers: Vec<Carrier>,
    /// Header name to fact name, for the carrier `headers`; none = the facts that the agent step needs, each
    /// under its own name.
    pub headers: Vec<(String, String)>,
    /// What is in the User-to-User payload; `None`: the facts that the agent step needs.
    pub uui: Option<UuiFacts>,
    /// What a link to the caller's screen begins with, for the carrier `call_info`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_info: Option<String>,
}

/// The facts of the User-to-User payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum UuiFacts {
    /// In this order, behind the reference.
    Pairs(Vec<String>),
    /// This one alone, without its name and without the reference.
    Bare { bare: String },
}
