//! The key of redaction, in a file beside the store: made once, of the system's randomness, for this user alone.

use crate::rerun::redact::OCTETS;
use crate::server::{NotStarted, drawn, not_started};
use data_encoding::HEXLOWER;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

pub fn read_or_make(path: &Path) -> Result<[u8; OCTETS], NotStarted> {
    let failed = |error: io::Error| {
        let what = format!("the key of redaction {}", path.display());
        not_started(
            what,
            error,
            "put back the file that was there, for this user alone; or move it away: another key is made, and values get other pseudonyms than before",
        )
    };
    match read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let key = drawn()?;
            make(path, &key).map_err(failed)?;
            Ok(key)
        }
        read => read.map_err(failed),
    }
}

fn read(path: &Path) -> io::Result<[u8; OCTETS]> {
    let file = std::fs::metadata(path)?;
    if file.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("others than this user may read it"));
    }
    let text = std::fs::read_to_string(path)?;
    let octets = HEXLOWER.decode(text.trim_ascii().as_bytes()).ok().and_then(|octets| octets.try_into().ok());
    octets.ok_or_else(|| io::Error::other(format!("it is not {} hex digits", 2 * OCTETS)))
}

/// Whole or not at all: a part of a key would be another key.
fn make(path: &Path, key: &[u8; OCTETS]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    writeln!(file, "{}", HEXLOWER.encode(key))?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_this_user_alone_and_a_broken_one_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("askonce.redaction-key");
        let made = read_or_make(&path).expect("a key");
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        assert_eq!(read_or_make(&path).expect("the same"), made);
        assert_ne!(made, [0; OCTETS]);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("changed");
        let told = read_or_make(&path).expect_err("others may read it").to_string();
        assert!(told.contains("others than this user") && told.contains("remedy"), "{told}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("changed");
        std::fs::write(&path, "abc").expect("written");
        let told = read_or_make(&path).expect_err("a part of it").to_string();
        assert!(told.contains("64 hex digits") && told.contains("askonce.redaction-key"), "{told}");
    }
}
