//! Records of a service, one JSON object a line: what its callers took.

use super::{Coverage, Taken};
use serde::Deserialize;
use std::io::{self, BufRead, Read as _};

/// A record has some kilobytes; a line that is longer is none.
const LINE: u64 = 1 << 20;

/// Of a record what is counted; the whole of it is `call::cdr::Cdr`.
#[derive(Deserialize)]
struct Record {
    flow: String,
    digest: String,
    /// Absent in records of older versions of askonce.
    path: Option<Vec<String>>,
    #[serde(default)]
    path_dropped: u32,
    #[serde(default)]
    facts: Vec<FactRecord>,
}

#[derive(Deserialize)]
struct FactRecord {
    name: String,
    state: String,
    from: Option<String>,
    #[serde(default)]
    tries: u32,
}

/// What became of the records that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    pub counted: u64,
    /// Of another text of the flow.
    pub other_version: u64,
    /// Of flows that nobody asked for.
    pub other_flow: u64,
    /// They tell no path: an older version of askonce wrote them.
    pub pathless: u64,
    /// Their calls took more steps than a record has room for.
    pub cut: u64,
    /// No records, or not whole.
    pub broken: u64,
}

/// A flow that records are counted for.
pub struct Counted<'c, 'p> {
    pub flow: &'c str,
    pub digest: &'c str,
    pub coverage: &'c mut Coverage<'p>,
}

/// Reads them to their end, one line at a time. `any_version`: those of another text of the flow count by name.
pub fn read(from: impl BufRead, any_version: bool, flows: &mut [Counted], told: &mut Read) -> io::Result<()> {
    let mut from = from;
    let mut line = Vec::new();
    loop {
        line.clear();
        let octets = from.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        if octets == 0 {
            return Ok(());
        }
        if !line.ends_with(b"\n") && octets as u64 == LINE {
            told.broken += 1;
            from.skip_until(b'\n')?;
            continue;
        }
        if !line.trim_ascii().is_empty() {
            take(&line, any_version, flows, told);
        }
    }
}

/// Counts one record.
pub fn take(record: &[u8], any_version: bool, flows: &mut [Counted], told: &mut Read) {
    let Ok(record) = serde_json::from_slice::<Record>(record) else {
        told.broken += 1;
        return;
    };
    let Some(flow) = flows.iter_mut().find(|flow| flow.flow == record.flow) else {
        told.other_flow += 1;
        return;
    };
    if record.digest != flow.digest && !any_version {
        told.other_version += 1;
        return;
    }
    let Some(path) = record.path else {
        told.pathless += 1;
        return;
    };
    told.counted += 1;
    told.cut += u64::from(record.path_dropped > 0);
    let mut taken = Taken::default();
    taken.walk(flow.coverage.plan, path.into_iter());
    for FactRecord { name, state, from, tries } in &record.facts {
        taken.fact(name, state, from.as_deref(), *tries);
    }
    flow.coverage.add(&taken);
}
