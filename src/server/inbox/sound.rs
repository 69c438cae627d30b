//! What callers said, on its way to their fixtures. A call's sound is here before its recording, but for a recorder that
//! has to wait for its disk.

use crate::rerun::packets::{self, Wanted};
use crate::rerun::redact::Redacted;
use crate::server::recorder::Said;
use crate::time::Duration;
use std::collections::HashMap;
use std::sync::mpsc::Receiver;
use std::time::Instant;

pub const WAV: &str = "caller.wav";
pub const PCAP: &str = "call.pcap";

/// So long the recorder may need more than the recording.
const PATIENCE: Duration = Duration::from_secs(2);
/// A sound whose recording does not come is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// Names and contents.
pub type Files = Vec<(&'static str, Vec<u8>)>;

pub struct Sounds {
    wanted: Wanted,
    heard: Receiver<Said>,
    /// By call, and since when.
    waiting: HashMap<String, (Instant, Said)>,
}

impl Sounds {
    pub fn new(wanted: Wanted, heard: Receiver<Said>) -> Sounds {
        Sounds { wanted, heard, waiting: HashMap::new() }
    }

    /// The sound of a call of which there is to be one; `None`: it did not come.
    pub fn of(&mut self, call: &str) -> Option<Said> {
        let now = Instant::now();
        self.waiting.retain(|_, (since, _)| now.duration_since(*since) < FORGOTTEN);
        self.waiting.extend(self.heard.try_iter().map(|said| (said.call.clone(), (now, said))));
        while !self.waiting.contains_key(call) {
            let left = PATIENCE.checked_sub(now.elapsed())?;
            let said = self.heard.recv_timeout(left).ok()?;
            self.waiting.insert(said.call.clone(), (now, said));
        }
        self.waiting.remove(call).map(|(_, said)| said)
    }

    /// The files beside a recording, whose header learns of them: the reason, where there are none.
    pub fn put_beside(&self, redacted: &mut Redacted, said: Option<Said>) -> Result<Files, String> {
        let made = self.make(redacted, said);
        let header = &mut redacted.fixture.header;
        match made {
            Ok((from, files)) => {
                header.wav_from = from;
                Ok(files)
            }
            Err(why) => {
                header.sound = Some(format!("dropped: {why}"));
                Err(why)
            }
        }
    }

    fn make(&self, redacted: &Redacted, said: Option<Said>) -> Result<(Option<u64>, Files), String> {
        let packets = said.ok_or("it did not come from the recorder")?.packets?;
        let sound = packets::redact(&packets, redacted, self.wanted).map_err(|why| why.to_string())?;
        let from = sound.wav.as_ref().map(|wav| wav.from);
        let wav = sound.wav.map(|wav| wav.to_bytes()).transpose().map_err(|error| error.to_string())?;
        let files = [(WAV, wav), (PCAP, sound.pcap)];
        Ok((from, files.into_iter().filter_map(|(name, bytes)| Some((name, bytes?))).collect()))
    }
}
