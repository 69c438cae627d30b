//! What we tell systemd of ourselves, where it runs us (sd_notify(3)): a datagram to a socket that it names.

use crate::time::Duration;
use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends lines such as `READY=1`. False: nobody wants to hear.
pub fn notify(state: &str) -> io::Result<bool> {
    let Some(place) = env::var_os("NOTIFY_SOCKET") else { return Ok(false) };
    tell(place.as_bytes(), state).map(|()| true)
}

fn tell(place: &[u8], state: &str) -> io::Result<()> {
    let address = match place.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(place))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

/// How often systemd wants to hear `WATCHDOG=1` of this process at the least (sd_watchdog_enabled(3)).
pub fn watchdog() -> Option<Duration> {
    let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
    let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    number("WATCHDOG_USEC").filter(|_| ours).map(Duration::from_micros)
}

/// Whether standard error is a stream of the journal's: it stamps lines itself and reads `<6>` before them (sd-daemon(3),
/// systemd.exec(5)).
pub fn is_journal() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let named = env::var("JOURNAL_STREAM").unwrap_or_else(|_| String::new());
    let stream = io::stderr().as_fd().try_clone_to_owned().and_then(|stream| std::fs::File::from(stream).metadata());
    stream.is_ok_and(|stream| named == format!("{}:{}", stream.dev(), stream.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_to_a_socket_with_a_path_and_to_an_abstract_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let name = format!("askonce-{}", std::process::id());
        let abstracted = SocketAddr::from_abstract_name(&name).expect("a name");
        let places = [
            (UnixDatagram::bind(&path).expect("a socket"), path.display().to_string()),
            (UnixDatagram::bind_addr(&abstracted).expect("a socket"), format!("@{name}")),
        ];
        for (socket, place) in places {
            tell(place.as_bytes(), "READY=1").expect("sent");
            let mut buffer = [0; 16];
            let length = socket.recv(&mut buffer).expect("a state");
            assert_eq!(&buffer[..length], b"READY=1", "{place}");
        }
        assert!(tell(b"/nowhere/at/all", "READY=1").is_err());
    }
}
