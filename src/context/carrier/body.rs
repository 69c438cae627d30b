//! Carrier `body`: a JSON object beside the session description. It is `handling=optional` there (RFC 5621 section 8.1:
//! the default would oblige a peer that does not know it to refuse the call).
//!
//! ```json
//! {"askonce": 1, "ref": "9f…", "case": "01J…", "facts": {"account": "79927398713"}}
//! ```

use super::{Parcel, Written};
use serde_json::{Map, Value, json};

/// Octets of the facts, names and values: an INVITE of 4 kB is what stacks are known to take.
pub const OCTETS: usize = 2_048;

pub fn write(parcel: &Parcel<'_>, written: &mut Written) {
    let mut object = json!({ "askonce": 1, "ref": parcel.reference.open(), "case": parcel.case });
    let (mut facts, mut room) = (Map::new(), OCTETS);
    for (name, value) in &parcel.facts {
        let size = name.len() + value.open().len();
        let fits = size <= room && !value.open().chars().any(char::is_control);
        if fits {
            room -= size;
            facts.insert((*name).to_owned(), Value::from(value.open()));
        } else {
            written.omitted.push((*name).to_owned());
        }
    }
    if !facts.is_empty() {
        object["facts"] = Value::Object(facts);
    }
    written.body = Some(object.to_string());
}
