//! Carrier `uui-isdn`: `User-to-User: 04<hex>;encoding=hex` (RFC 7433 section 4, RFC 7434 section 9). Without `purpose`
//! the ISDN package applies: one protocol-discriminator octet, then the payload.

use super::uui::{DISCRIMINATOR, put};
use super::{Parcel, Written};

pub fn write(parcel: &Parcel<'_>, written: &mut Written) {
    put(parcel, written, |payload| format!("{DISCRIMINATOR:02x}{payload};encoding=hex"));
}
