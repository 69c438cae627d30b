//! Carrier `refer_to`: what the other carriers write as header fields, escaped in the Refer-To of a blind transfer
//! (RFC 3261 section 19.1.1). The phone that is sent away writes them into its INVITE.

use super::{LINE, Parcel, Written};
use crate::sip::uri::encode;

/// An INVITE of ours has the fields themselves.
pub fn write(_: &Parcel<'_>, _: &mut Written) {}

/// The Refer-To of a target with what was written for it. Fields that would make the line too long are left out, and
/// named.
pub fn address(target: &str, written: &mut Written) -> String {
    let mut address = format!("<{target}");
    for (name, value) in &written.headers {
        let joint = if address.contains('?') { '&' } else { '?' };
        let field = field(joint, name, value);
        if "Refer-To: >".len() + address.len() + field.len() < LINE {
            address.push_str(&field);
        } else {
            written.omitted.push(name.clone());
        }
    }
    address.push('>');
    address
}

fn field(joint: char, name: &str, value: &str) -> String {
    format!("{joint}{}={}", encode(name), encode(value))
}

/// The bytes of the line with everything that was written, whether or not it may have so many.
pub fn line(target: &str, written: &Written) -> usize {
    let fields = written.headers.iter().map(|(name, value)| field('&', name, value).len());
    "Refer-To: <>".len() + target.len() + fields.sum::<usize>()
}
