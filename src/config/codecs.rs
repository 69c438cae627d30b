//! `codecs:`, of the whole place, a trunk or a destination: what is spoken, the best first.

use crate::codec::{Codec, Preference};
use crate::yaml::{Faults, Node, Value};

const CODECS: [(&str, Codec); Codec::ALL.len()] = [
    #[cfg(feature = "opus")]
    ("opus", Codec::Opus),
    ("g722", Codec::G722),
    ("pcma", Codec::Pcma),
    ("pcmu", Codec::Pcmu),
];

/// The same from a command line: `g722,pcmu`.
pub fn listed(text: &str) -> Result<Preference, String> {
    let mut codecs = Vec::new();
    for name in text.split(',').map(str::trim) {
        let known = CODECS.iter().find(|(known, _)| *known == name).map(|(_, codec)| *codec);
        let Some(codec) = known.filter(|codec| !codecs.contains(codec)) else {
            let names = CODECS.map(|(name, _)| name).join(", ");
            return Err(format!(
                "--codecs {text}: `{name}` is named twice, or no codec of this program; it has {names}"
            ));
        };
        codecs.push(codec);
    }
    Ok(Preference::configured(codecs))
}

pub fn codecs(node: &Node, faults: &mut Faults) -> Option<Preference> {
    if let Value::List(items) = &node.value {
        if items.is_empty() {
            node.wrong("at least one codec", faults).remedy("write codecs: [pcmu, pcma], or leave the key out");
            return None;
        }
        let opus = |item: &&Node| matches!(&item.value, Value::Scalar { text, .. } if text == "opus");
        if let Some(item) = items.iter().find(opus).filter(|_| !cfg!(feature = "opus")) {
            faults
                .error("not-built-in", item.span, "this program was built without Opus")
                .remedy("leave it out, or build with the feature `opus`, which is on unless somebody turned it off");
            return None;
        }
    }
    let codecs = node.choices("codec", &CODECS, faults)?;
    if let Some(at) = (1..codecs.len()).find(|&at| codecs[..at].contains(&codecs[at])) {
        let message = format!("the codec {} is named twice", codecs[at].name());
        faults.error("duplicate-key", node.span, message).remedy("name each once, the best first");
        return None;
    }
    Some(Preference::configured(codecs))
}
