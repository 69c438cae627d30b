//! What one thread waits by: datagrams on its sockets, and a bell that other threads ring.

use super::sys;
use crate::time::Duration;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::task::Wake;

/// The owner of the bell is at work, and will look at the bell before it sleeps.
const AWAKE: u8 = 0;
/// It has not seen yet that somebody rang.
const RUNG: u8 = 1;
const ASLEEP: u8 = 2;

/// Ringing it costs a system call only while its owner sleeps. As a `Waker` it is rung by the queues of tokio.
pub struct Bell {
    state: AtomicU8,
    counter: File,
}

/// Why `Bell::wait` returned; neither if the time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Woken {
    pub rung: bool,
    pub readable: bool,
}

impl Bell {
    pub fn new() -> io::Result<Arc<Bell>> {
        // Rung once, so that its owner looks at its queues before it sleeps for the first time.
        Ok(Arc::new(Bell { state: AtomicU8::new(RUNG), counter: sys::event_counter()? }))
    }

    pub fn ring(&self) {
        if self.state.swap(RUNG, SeqCst) == ASLEEP {
            // It fails only at 2^64 - 1 rings that nobody heard, and then there is one to hear.
            let _ = (&self.counter).write(&1_u64.to_ne_bytes());
        }
    }

    /// Waits until somebody rings, a datagram may be there, or `limit` has passed. For one thread only.
    pub fn wait<'a>(
        &self,
        sockets: impl Iterator<Item = BorrowedFd<'a>>,
        limit: Option<Duration>,
    ) -> io::Result<Woken> {
        let asleep = self.state.compare_exchange(AWAKE, ASLEEP, SeqCst, SeqCst).is_ok();
        let limit = if asleep { limit } else { Some(Duration::ZERO) };
        let waited = sys::wait_readable(self.counter.as_fd(), sockets, limit);
        let rung = self.state.swap(AWAKE, SeqCst) == RUNG;
        let (counted, readable) = waited?;
        if counted {
            let mut rings = [0; 8];
            // Another read cannot have come before: this thread is the only one.
            (&self.counter).read_exact(&mut rings)?;
        }
        Ok(Woken { rung, readable })
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    const AT_ONCE: Option<Duration> = Some(Duration::ZERO);
    /// Longer than any test takes.
    const LONG: Option<Duration> = Some(Duration::from_secs(10));
    const NOTHING: Woken = Woken { rung: false, readable: false };

    #[test]
    fn rings_are_heard_once_whether_the_owner_sleeps_or_not() {
        let bell = Bell::new().expect("a bell");
        assert_eq!(bell.wait(std::iter::empty(), LONG).expect("it waits"), Woken { rung: true, readable: false });
        assert_eq!(bell.wait(std::iter::empty(), AT_ONCE).expect("it waits"), NOTHING);
        bell.ring();
        bell.ring();
        assert_eq!(bell.wait(std::iter::empty(), LONG).expect("it waits"), Woken { rung: true, readable: false });
        assert_eq!(bell.wait(std::iter::empty(), AT_ONCE).expect("it waits"), NOTHING);
        let other = bell.clone();
        let ringer = std::thread::spawn(move || {
            while other.state.load(SeqCst) != ASLEEP {
                std::thread::yield_now();
            }
            other.ring();
        });
        assert_eq!(bell.wait(std::iter::empty(), LONG).expect("it waits"), Woken { rung: true, readable: false });
        ringer.join().expect("it rang");
        assert_eq!(bell.wait(std::iter::empty(), AT_ONCE).expect("it waits"), NOTHING);
    }

    #[test]
    fn a_datagram_is_told_of_until_it_is_taken() {
        let bell = Bell::new().expect("a bell");
        let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a port"));
        let sockets = || [one.as_fd(), other.as_fd()].into_iter();
        bell.wait(sockets(), AT_ONCE).expect("it waits");
        one.send_to(b"x", other.local_addr().expect("bound")).expect("sent");
        for _ in 0..2 {
            assert_eq!(bell.wait(sockets(), LONG).expect("it waits"), Woken { rung: false, readable: true });
        }
        other.recv(&mut [0; 8]).expect("it is there");
        assert_eq!(bell.wait(sockets(), AT_ONCE).expect("it waits"), NOTHING);
    }
}
