//! Carrier `uui-raw`: `User-to-User: <hex>;encoding=hex`, without a discriminator, for peers that read the hex as text.

use super::uui::put;
use super::{Parcel, Written};

pub fn write(parcel: &Parcel<'_>, written: &mut Written) {
    put(parcel, written, |payload| format!("{payload};encoding=hex"));
}
