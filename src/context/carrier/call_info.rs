//! Carrier `call_info`: `Call-Info: <https://desk.example/c/REF>;purpose=info` (RFC 3261 section 20.9). A phone that
//! opens it gives a screen pop; behind the link is a log-in, so that it gives nobody anything.

use super::{Parcel, Written};

pub fn write(parcel: &Parcel<'_>, written: &mut Written) {
    if let Some(base) = parcel.call_info {
        written.headers.push(("Call-Info".to_owned(), format!("<{base}{}>;purpose=info", parcel.reference.open())));
    }
}
