//! A line of a recording, read in one pass. serde's `flatten`, `untagged` and `tag` would read each five times over: here the
//! key behind the time says what the line is. Only one that somebody wrote in another order is gathered first.

use super::fixture::{Line, Step};
use super::seam::{In, Out};
use super::trace::Sip;
use serde::de::value::{BorrowedStrDeserializer, EnumAccessDeserializer, MapAccessDeserializer, MapDeserializer};
use serde::de::{DeserializeSeed, EnumAccess, Error, IgnoredAny, IntoDeserializer, MapAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::fmt;

/// What a line is.
pub(super) enum Entry {
    Step(Line),
    Sip(Sip),
}

#[derive(Clone, Copy)]
enum Kind {
    In,
    Out,
    Sip,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::In, Kind::Out, Kind::Sip];

    /// The key that says so.
    fn key(self) -> &'static str {
        match self {
            Kind::In => "in",
            Kind::Out => "out",
            Kind::Sip => "sip",
        }
    }
}

/// The time.
const T: &str = "t";

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Line, D::Error> {
        match Entry::deserialize(from)? {
            Entry::Step(line) => Ok(line),
            Entry::Sip(_) => Err(D::Error::custom("a SIP message is neither an input nor an output")),
        }
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Entry, D::Error> {
        from.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `t`, and with `in`, `out` or `sip`")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entry, M::Error> {
        let mut gathered = Map::new();
        if let Some(first) = map.next_key::<Name>()? {
            if !matches!(first, Name::T) {
                gathered.insert(first.into_text(), map.next_value()?);
                return gather(gathered, map);
            }
            let t = map.next_value()?;
            let second = map.next_key::<Name>()?;
            if let Some(kind) = second.as_ref().and_then(Name::kind) {
                return entry(t, kind, map);
            }
            gathered.insert(T.to_owned(), Value::from(t));
            if let Some(second) = second {
                gathered.insert(second.into_text(), map.next_value()?);
            }
        }
        gather(gathered, map)
    }
}

/// A line whose kind is known; its value comes next.
fn entry<'de, M: MapAccess<'de>>(t: u64, kind: Kind, map: M) -> Result<Entry, M::Error> {
    let tagged = |map| EnumAccessDeserializer::new(Tagged(map));
    Ok(match kind {
        Kind::In => Entry::Step(Line { t, step: Step::In(In::deserialize(tagged(map))?) }),
        Kind::Out => Entry::Step(Line { t, step: Step::Out(Out::deserialize(tagged(map))?) }),
        Kind::Sip => {
            let whole = Whole { t: Some(t), kind: Some(kind), map };
            Entry::Sip(Sip::deserialize(MapAccessDeserializer::new(whole))?)
        }
    })
}

/// A line in another order.
fn gather<'de, M: MapAccess<'de>>(mut gathered: Map<String, Value>, mut map: M) -> Result<Entry, M::Error> {
    while let Some((name, value)) = map.next_entry()? {
        gathered.insert(name, value);
    }
    let t = gathered.shift_remove(T).ok_or_else(|| M::Error::missing_field(T))?;
    let t = t.as_u64().ok_or_else(|| M::Error::custom(format!("`t` is microseconds, a whole number, not {t}")))?;
    let found = Kind::ALL.into_iter().find_map(|kind| Some((kind, gathered.shift_remove(kind.key())?)));
    let (kind, value) = found.ok_or_else(|| M::Error::custom("it has neither `in` nor `out` nor `sip`"))?;
    let rest = std::iter::once((kind.key().to_owned(), value)).chain(gathered);
    let mut sorted = MapDeserializer::<_, serde_json::Error>::new(rest);
    let _: Option<String> = sorted.next_key().map_err(M::Error::custom)?;
    entry(t, kind, sorted).map_err(M::Error::custom)
}

/// What a kind's value tags: the rest of the line is its content.
struct Tagged<M>(M);

impl<'de, M: MapAccess<'de>> EnumAccess<'de> for Tagged<M> {
    type Error = M::Error;
    type Variant = Tagged<M>;

    fn variant_seed<V: DeserializeSeed<'de>>(mut self, seed: V) -> Result<(V::Value, Tagged<M>), M::Error> {
        Ok((self.0.next_value_seed(seed)?, self))
    }
}

impl<'de, M: MapAccess<'de>> VariantAccess<'de> for Tagged<M> {
    type Error = M::Error;

    fn unit_variant(mut self) -> Result<(), M::Error> {
        while self.0.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, M::Error> {
        seed.deserialize(MapAccessDeserializer::new(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, M::Error> {
        Err(M::Error::custom("a line is an object"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, M::Error> {
        visitor.visit_map(self.0)
    }
}

/// A key of the two that are looked at.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Name {
    T,
    In,
    Out,
    Sip,
    Other(String),
}

impl Name {
    fn kind(&self) -> Option<Kind> {
        match self {
            Name::In => Some(Kind::In),
            Name::Out => Some(Kind::Out),
            Name::Sip => Some(Kind::Sip),
            Name::T | Name::Other(_) => None,
        }
    }

    fn into_text(self) -> String {
        match self {
            Name::Other(name) => name,
            known => known.kind().map_or(T, Kind::key).to_owned(),
        }
    }
}

/// A line from its beginning: the time and the kind's key were read, and come once more.
struct Whole<M> {
    t: Option<u64>,
    kind: Option<Kind>,
    map: M,
}

impl<'de, M: MapAccess<'de>> MapAccess<'de> for Whole<M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, M::Error> {
        let again = if self.t.is_some() { Some(T) } else { self.kind.take().map(Kind::key) };
        match again {
            Some(key) => seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, M::Error> {
        match self.t.take() {
            Some(t) => seed.deserialize(t.into_deserializer()),
            None => self.map.next_value_seed(seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Fixture;

    #[test]
    fn a_line_is_read_in_any_order() {
        let line = |text: &str| serde_json::from_str::<Line>(text);
        let key = line(r#"{"t":5,"in":"play-ended","play":3}"#).unwrap();
        assert!(matches!(key, Line { t: 5, step: Step::In(In::PlayEnded { play: 3 }) }));
        let others = [
            r#"{"in":"play-ended","t":5,"play":3}"#,
            r#"{"t":5,"play":3,"in":"play-ended"}"#,
            r#"{"play":3,"in":"play-ended","t":5}"#,
            r#"{"t":5,"in":"play-ended","play":3,"note":["kept by hand",{"out":1}]}"#,
        ];
        for other in others {
            assert_eq!(line(other).unwrap(), key, "{other}");
        }
    }

    #[test]
    fn a_line_that_is_none_says_what_is_wrong_with_it() {
        let cases = [
            ("{}", "missing field `t`"),
            (r#"{"t":5}"#, "neither `in` nor `out`"),
            (r#"{"t":5,"play":3}"#, "neither `in` nor `out`"),
            (r#"{"in":"play-ended","play":3}"#, "missing field `t`"),
            (r#"{"t":-1,"in":"mint"}"#, "expected u64"),
            (r#"{"in":"play-ended","t":"soon","play":3}"#, "whole number"),
            (r#"{"t":5,"in":"play-ended"}"#, "missing field `play`"),
            (r#"{"t":5,"in":"played","play":3}"#, "unknown variant `played`"),
            (r#"{"t":5,"out":"hangup","leg":"both"}"#, "unknown variant `both`"),
            (r#"{"t":5,"sip":"in","leg":"caller"}"#, "missing field `via`"),
            (r#"{"t":5,"in":"play-ended","play":3"#, "EOF"),
            ("[5]", "expected an object with `t`"),
        ];
        let header = include_str!("../../fixtures/clean/call.jsonl").lines().next().unwrap();
        for (text, why) in cases {
            let broken = Fixture::read(&format!("{header}\n\n{text}\n")).unwrap_err();
            assert!(broken.line == 3 && broken.why.contains(why), "{text}: {broken}");
        }
    }
}
