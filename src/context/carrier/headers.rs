//! Carrier `headers`: the reference in `X-Askonce-Context`, and facts in the header fields that the
//! destination maps them to. Peers import only `X-` names, and cut long lines.

use super::{LINE, Parcel, Written};

pub const REFERENCE: &str = "X-Askonce-Context";

pub fn write(parcel: &Parcel<'_>, written: &mut Written) {
    written.headers.push((REFERENCE.to_owned(), parcel.reference.open().to_owned()));
    for (name, value) in &parcel.headers {
        let value = value.open();
        let line = name.len() + ": ".len() + value.len();
        if line < LINE && !value.chars().any(char::is_control) {
            written.headers.push((name.clone(), value.to_owned()));
        } else {
            written.omitted.push(name.clone());
        }
    }
}

/// The header of a fact that no configuration mapped: `account_number` goes as `X-Account-Number`.
pub fn header_name(fact: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    format!("X-{}", fact.split('_').map(word).collect::<Vec<_>>().join("-"))
}
