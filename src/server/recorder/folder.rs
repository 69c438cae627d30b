//! Where recordings are: a folder for each day, a WAV for each recording, for this user alone. A file that its process
//! left unfinished is mended when the next one starts.

use hound::{SampleFormat, WavSpec, WavWriter};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Bytes of two channels of 16 bits.
const PAIR: u64 = 4;
/// What is before the sound in a file of ours.
const HEADER: usize = 44;
/// The folders of the last days that are looked at: no call is longer than some hours.
const DAYS: usize = 2;
/// Bytes that are written in one go: half a second.
const CHUNK: usize = 16 * 1024;

pub type Wav = WavWriter<BufWriter<File>>;

/// A new file, of which there was none.
pub fn create(folder: &Path, file: &str) -> io::Result<Wav> {
    let path = folder.join(file);
    if let Some(day) = path.parent() {
        make(day)?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let spec = WavSpec {
        channels: 2,
        sample_rate: crate::media::tape::RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    WavWriter::new(BufWriter::with_capacity(CHUNK, file), spec).map_err(plain)
}

/// Writes left and right in turn.
pub fn write(wav: &mut Wav, samples: &[i16]) -> io::Result<()> {
    let mut writer = wav.get_i16_writer(samples.len() as u32);
    samples.iter().for_each(|&sample| writer.write_sample(sample));
    writer.flush().map_err(plain)
}

/// Makes what was written a whole file, which it stays if this process is killed.
pub fn flush(wav: &mut Wav) -> io::Result<()> {
    wav.flush().map_err(plain)
}

pub fn finish(wav: Wav) -> io::Result<()> {
    wav.finalize().map_err(plain)
}

fn plain(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        other => io::Error::other(other),
    }
}

/// Makes the folder if it is not there, and sees that files can be made in it.
pub fn prepare(folder: &Path) -> io::Result<()> {
    make(folder)?;
    tempfile::tempfile_in(folder).map(drop)
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Mends the files whose process was killed; returns how many.
pub fn mend(folder: &Path) -> io::Result<usize> {
    let mut days = folders(folder)?;
    days.sort();
    let mut mended = 0;
    for day in days.iter().rev().take(DAYS) {
        for entry in std::fs::read_dir(day)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "wav") {
                mended += usize::from(mend_file(&path)?);
            }
        }
    }
    Ok(mended)
}

fn folders(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let paths = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

/// The lengths in the header as the file's own says; `false` if they were right, or the file is none of ours.
fn mend_file(path: &Path) -> io::Result<bool> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut header = [0; HEADER];
    if length < HEADER as u64 || file.read_exact(&mut header).is_err() || &header[36..40] != b"data" {
        return Ok(false);
    }
    let sound = (length - HEADER as u64) / PAIR * PAIR;
    let Ok(told) = u32::try_from(sound) else { return Ok(false) };
    if header[40..44] == told.to_le_bytes() {
        return Ok(false);
    }
    file.set_len(HEADER as u64 + sound)?;
    for (at, value) in [(4, told + HEADER as u32 - 8), (40, told)] {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&value.to_le_bytes())?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_a_killed_process_left_is_mended_to_the_last_pair() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut wav = create(folder.path(), "2026-12-01/a.wav").expect("a file");
        let path = folder.path().join("2026-12-01/a.wav");
        for (path, mode) in [(&path, 0o600), (&folder.path().join("2026-12-01"), 0o700)] {
            assert_eq!(std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777, mode);
        }
        write(&mut wav, &[7; 8_000]).expect("written");
        flush(&mut wav).expect("flushed");
        // As a killed process leaves it: readable up to the last flush, with more behind it.
        let killed = std::fs::read(&path).expect("the file");
        let pairs = |path: &Path| hound::WavReader::open(path).expect("readable").duration();
        assert_eq!(pairs(&path), 4_000);
        finish(wav).expect("finished");
        std::fs::write(&path, [&killed[..], &[1; 4_003]].concat()).expect("written");
        assert_eq!(pairs(&path), 4_000);
        assert_eq!(mend(folder.path()).expect("mended"), 1);
        assert_eq!(pairs(&path), 5_000);
        assert_eq!(mend(folder.path()).expect("nothing to mend"), 0);
        // Another program's, and one that ended before its header was whole.
        std::fs::write(folder.path().join("2026-12-01/b.wav"), [0; 100]).expect("written");
        std::fs::write(folder.path().join("2026-12-01/c.wav"), [0; 10]).expect("written");
        assert_eq!(mend(folder.path()).expect("nothing to mend"), 0);
    }

    #[test]
    fn no_file_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        create(folder.path(), "2026-12-01/a.wav").expect("a file");
        assert!(create(folder.path(), "2026-12-01/a.wav").is_err());
    }
}
