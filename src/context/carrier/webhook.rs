//! The whole context by HTTP, to where the configuration says. Nothing of it is in the INVITE: the shell brings it, and
//! brings it again until it is taken.

use super::{Parcel, Written};

pub fn write(_: &Parcel<'_>, _: &mut Written) {}
