//! Carrier `uui-pd`: `User-to-User: <hex>;pd=04;encoding=hex`, with the discriminator in a parameter, as gateways of
//! AudioCodes write it and Genesys reads it.

use super::uui::{DISCRIMINATOR, put};
use super::{Parcel, Written};

pub fn write(parcel: &Parcel<'_>, written: &mut Written) {
    put(parcel, written, |payload| format!("{payload};pd={DISCRIMINATOR:02x};encoding=hex"));
}
