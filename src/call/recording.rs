//! The recording of the call: begun by the configuration or the flow, masked while the caller keys in what nobody may
//! hear. One file after the other, named by the call.

use super::Call;
use crate::context::{Ended, Recording};
use crate::media::RecordAct;
use crate::record::seam::Out;
use crate::time::Instant;

/// Files of one call. A flow that goes round through its agents ends long before.
const FILES: usize = 64;

/// The file that is written now.
#[derive(Debug)]
pub(super) struct Running {
    file: String,
    masked: bool,
}

impl Call {
    pub(super) fn record(&mut self, now: Instant, act: RecordAct) {
        match (act, &self.recording) {
            (RecordAct::Start, None) => {
                let count = self.context.recordings.len();
                if count == FILES {
                    self.unrecorded += 1;
                    return;
                }
                let day = self.birth.at.strftime("%Y-%m-%d");
                let number = if count == 0 { String::new() } else { format!("-{}", count + 1) };
                let file = format!("{day}/{}{number}.wav", self.birth.call);
                self.context.recordings.push(Recording { file: file.clone(), ended: None });
                self.recording = Some(Running { file: file.clone(), masked: false });
                self.emit(now, Out::Record { act, file });
                self.mask(now);
            }
            // It goes on as it is, or there is nothing to pause.
            (RecordAct::Start, Some(_)) | (_, None) => {}
            (_, Some(running)) => {
                let file = running.file.clone();
                if act == RecordAct::Stop {
                    self.recording = None;
                }
                self.emit(now, Out::Record { act, file });
            }
        }
    }

    /// Masks the recording while a fact is asked for that nobody may hear.
    pub(super) fn mask(&mut self, now: Instant) {
        if self.ended.is_some() {
            return;
        }
        let wanted = self.run.asks_in_private();
        let Some(running) = self.recording.as_mut().filter(|running| running.masked != wanted) else { return };
        running.masked = wanted;
        let (act, file) = (if wanted { RecordAct::Mask } else { RecordAct::Unmask }, running.file.clone());
        self.emit(now, Out::Record { act, file });
    }

    /// The shell's word: that file is finished, or was not to be written any more.
    pub(super) fn recorded(&mut self, file: &str, ended: Ended) {
        if let Some(recording) = self.context.recordings.iter_mut().find(|recording| recording.file == file) {
            recording.ended = Some(ended);
        }
        if self.recording.as_ref().is_some_and(|running| running.file == file) {
            self.recording = None;
        }
    }
}
