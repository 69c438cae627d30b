//! The system calls that the standard library has not: batched receive and send, the absolute sleep, the wait for several
//! descriptors, limits, the scheduler's and the clock's word, a socket unconnected again, a terminal's single keys. The only unsafe code of the house.
#![allow(unsafe_code)]

use crate::time::Duration;
use std::fs::File;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

/// Datagrams of one receive. Most find one or none; a longer queue takes another call.
pub const BATCH: usize = 4;
/// Bytes kept of an RTP packet: 200 ms of G.711 and more. What is longer is cut off and is no RTP to us.
const PACKET: usize = 2048;

/// Microseconds of CLOCK_MONOTONIC.
pub fn monotonic_micros() -> u64 {
    micros(libc::CLOCK_MONOTONIC)
}

/// What the scheduler says of one thread.
#[derive(Debug)]
pub struct ThreadTimes {
    /// `None` where the kernel keeps no such file (CONFIG_SCHED_INFO): then nothing is known of the waiting.
    schedstat: Option<File>,
}

impl ThreadTimes {
    pub fn of_this_thread() -> ThreadTimes {
        ThreadTimes { schedstat: File::open("/proc/thread-self/schedstat").ok() }
    }

    /// Microseconds that the thread, which must be this one, was on a core, and that it was ready and was not.
    pub fn read(&mut self) -> (u64, u64) {
        let mut text = [0; 64];
        let length = self.schedstat.as_ref().and_then(|file| file.read_at(&mut text, 0).ok());
        let text = length.and_then(|length| std::str::from_utf8(text.get(..length)?).ok());
        let waited = text.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
        (micros(libc::CLOCK_THREAD_CPUTIME_ID), waited.map_or(0, |nanos| nanos / 1000))
    }
}

/// Blocks until CLOCK_MONOTONIC has reached `at`.
pub fn sleep_until(at: Duration) {
    let mut spec: libc::timespec = unsafe { zeroed() };
    spec.tv_sec = at.as_secs() as libc::time_t;
    spec.tv_nsec = at.subsec_nanos() as _;
    // SAFETY: `spec` is a valid time; with TIMER_ABSTIME the remainder is not written.
    while unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &spec, std::ptr::null_mut()) }
        == libc::EINTR
    {}
}

/// A counter of the kernel's that can be waited for: zero, and never blocking (eventfd).
pub fn event_counter() -> io::Result<File> {
    // SAFETY: the call touches no memory of ours, and the descriptor that it gives is nobody else's.
    unsafe {
        let descriptor = libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC);
        if descriptor < 0 { Err(io::Error::last_os_error()) } else { Ok(File::from_raw_fd(descriptor)) }
    }
}

/// Sockets that one thread waits for: of IPv4 and of IPv6.
const SOCKETS: usize = 2;

/// Waits until the counter or a socket can be read (or has an error to tell), or `limit` has passed: which of the two.
pub fn wait_readable<'a>(
    counter: BorrowedFd<'_>,
    sockets: impl Iterator<Item = BorrowedFd<'a>>,
    limit: Option<Duration>,
) -> io::Result<(bool, bool)> {
    let mut watched = [libc::pollfd { fd: -1, events: libc::POLLIN, revents: 0 }; 1 + SOCKETS];
    watched[0].fd = counter.as_raw_fd();
    sockets.enumerate().for_each(|(index, socket)| watched[1 + index].fd = socket.as_raw_fd());
    let mut spec: libc::timespec = unsafe { zeroed() };
    let timeout = limit.map_or(std::ptr::null(), |limit| {
        spec.tv_sec = limit.as_secs() as libc::time_t;
        spec.tv_nsec = limit.subsec_nanos() as _;
        &raw const spec
    });
    // SAFETY: the descriptors and the time outlive the call, and the count is the array's; -1 is looked past.
    let ready = unsafe { libc::ppoll(watched.as_mut_ptr(), watched.len() as _, timeout, std::ptr::null()) };
    if ready < 0 {
        let error = io::Error::last_os_error();
        // A signal: for the caller it is as if the time were up.
        return if error.kind() == io::ErrorKind::Interrupted { Ok((false, false)) } else { Err(error) };
    }
    Ok((watched[0].revents != 0, watched[1..].iter().any(|socket| socket.revents != 0)))
}

/// A terminal whose keys come one by one and unechoed, Ctrl-C among them; as it was before once this is dropped.
pub struct KeyByKey {
    terminal: OwnedFd,
    before: libc::termios,
    wanted: libc::termios,
}

impl KeyByKey {
    pub fn of(terminal: BorrowedFd<'_>) -> io::Result<KeyByKey> {
        let terminal = terminal.try_clone_to_owned()?;
        // SAFETY: all zeros is a valid place for the result, and the descriptor is open.
        let mut before: libc::termios = unsafe { zeroed() };
        if unsafe { libc::tcgetattr(terminal.as_raw_fd(), &raw mut before) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut wanted = before;
        wanted.c_lflag &= !(libc::ICANON | libc::ECHO | libc::ISIG);
        (wanted.c_cc[libc::VMIN], wanted.c_cc[libc::VTIME]) = (1, 0);
        let this = KeyByKey { terminal, before, wanted };
        this.set(&wanted)?;
        Ok(this)
    }

    /// As it was, for a line of text.
    pub fn line_by_line<T>(&self, read: impl FnOnce() -> T) -> io::Result<T> {
        self.set(&self.before)?;
        let line = read();
        self.set(&self.wanted)?;
        Ok(line)
    }

    fn set(&self, to: &libc::termios) -> io::Result<()> {
        // SAFETY: the descriptor is open, and `to` is only read.
        let done = unsafe { libc::tcsetattr(self.terminal.as_raw_fd(), libc::TCSADRAIN, to) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl Drop for KeyByKey {
    fn drop(&mut self) {
        // A terminal that is gone has nothing to be put back.
        let _ = self.set(&self.before);
    }
}

/// Whoever reads what we print may stop reading: that ends the program in silence, as of any tool in a pipe. Not for what
/// holds connections: there a peer that is gone is an error of one of them.
pub fn end_with_the_reader() {
    // SAFETY: the default action of a signal replaces the runtime's, before there is another thread.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

/// Files that this process makes from now on are its user's alone (umask 077).
pub fn private_files() {
    // SAFETY: umask cannot fail and touches no memory of ours.
    unsafe { libc::umask(0o077) };
}

/// Lets this process have as many file descriptors as it may give itself: the soft limit is made for programs of
/// old that cannot count beyond it. Gives how many.
pub fn raise_descriptors() -> io::Result<u64> {
    let (_, most) = descriptor_limits()?;
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: `limit` is a valid limit, and is only read.
    let done = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    if done == 0 { Ok(limit.rlim_cur) } else { Err(io::Error::last_os_error()) }
}

/// How many file descriptors this process may have: now, and as far as it may raise that itself.
pub fn descriptor_limits() -> io::Result<(u64, u64)> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the result.
    let done = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    if done == 0 { Ok((limit.rlim_cur, limit.rlim_max)) } else { Err(io::Error::last_os_error()) }
}

/// Gives the calling thread the least of the real-time priorities (SCHED_FIFO).
pub fn real_time() -> io::Result<()> {
    // SAFETY: all zeros is a valid `sched_param`, and it outlives the call; the thread is the one that asks.
    let done = unsafe {
        let mut param: libc::sched_param = zeroed();
        param.sched_priority = 1;
        libc::pthread_setschedparam(libc::pthread_self(), libc::SCHED_FIFO, &raw const param)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(done)) }
}

/// Lets every other thread go before the calling one (nice 19).
pub fn give_way() -> io::Result<()> {
    // SAFETY: the call touches no memory of ours. 0 is the calling thread, for the kernel keeps the value by thread.
    let done = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Binds the calling thread to one core, counted from 0.
pub fn pin(core: usize) -> io::Result<()> {
    // SAFETY: all zeros is a valid set, and the size is its own; the bit is within it.
    let done = unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        if core >= libc::CPU_SETSIZE as usize {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The cores that the calling thread may run on.
pub fn allowed_cores() -> io::Result<Vec<usize>> {
    // SAFETY: all zeros is a valid set, and the size is its own; CPU_ISSET only reads it.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((0..libc::CPU_SETSIZE as usize).filter(|&core| libc::CPU_ISSET(core, &set)).collect())
    }
}

/// Whether the kernel counts the wall clock as synchronised, and by how many microseconds it may be off at most.
pub fn synchronised() -> io::Result<(bool, u64)> {
    // SAFETY: all zeros is a valid `timex` that changes nothing (`modes` is 0), and is a place for the result.
    let (state, clock) = unsafe {
        let mut clock: libc::timex = zeroed();
        (libc::adjtimex(&raw mut clock), clock)
    };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((clock.status & libc::STA_UNSYNC == 0, u64::try_from(clock.maxerror).unwrap_or(u64::MAX)))
}

/// Undoes `connect`: the socket hears every source again and keeps its port.
pub fn disconnect(socket: &UdpSocket) -> io::Result<()> {
    // SAFETY: an address of the family AF_UNSPEC dissolves the association (connect(2)).
    let done = unsafe {
        let mut address: libc::sockaddr = zeroed();
        address.sa_family = libc::AF_UNSPEC as libc::sa_family_t;
        libc::connect(socket.as_raw_fd(), &address, size_of::<libc::sockaddr>() as libc::socklen_t)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Asks the kernel to say when each datagram of the socket came in (`Batch::age`).
pub fn stamp_arrivals(socket: &UdpSocket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option takes an int, and is given the size of one.
    let done = unsafe {
        let (value, size) = ((&raw const on).cast(), size_of::<libc::c_int>() as libc::socklen_t);
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, value, size)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Room for the control message with the time of arrival.
const CONTROL: usize = 64;

/// Room for the datagrams of one receive, at most `N` of them, made once and used for all sockets of a thread.
pub struct Batch<const N: usize = BATCH> {
    /// Of each datagram as many bytes as are kept.
    bytes: [Box<[u8]>; N],
    sources: [libc::sockaddr_storage; N],
    lengths: [usize; N],
    /// Microseconds of CLOCK_REALTIME, where the kernel was asked to tell.
    arrivals: [Option<u64>; N],
}

/// For RTP.
impl<const N: usize> Default for Batch<N> {
    fn default() -> Self {
        Batch::of(PACKET)
    }
}

impl<const N: usize> Batch<N> {
    /// For datagrams of `longest` bytes at most; longer ones come as empty.
    pub fn of(longest: usize) -> Self {
        // SAFETY: all zeros is a valid `sockaddr_storage`, of no family.
        let sources = unsafe { zeroed() };
        let bytes = std::array::from_fn(|_| vec![0; longest].into_boxed_slice());
        Batch { bytes, sources, lengths: [0; N], arrivals: [None; N] }
    }

    /// Takes what has arrived, without waiting; at most `N` datagrams.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        self.receive_with(socket, false)
    }

    fn receive_with(&mut self, socket: &UdpSocket, stamped: bool) -> io::Result<usize> {
        let mut control = [[0_u64; CONTROL / 8]; N];
        // SAFETY: all zeros is valid for both; every pointer below outlives the call and its length is the buffer's.
        let mut vectors: [libc::iovec; N] = unsafe { zeroed() };
        let mut headers: [libc::mmsghdr; N] = unsafe { zeroed() };
        for (index, header) in headers.iter_mut().enumerate() {
            vectors[index].iov_base = self.bytes[index].as_mut_ptr().cast();
            vectors[index].iov_len = self.bytes[index].len();
            header.msg_hdr.msg_iov = &raw mut vectors[index];
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = (&raw mut self.sources[index]).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            if stamped {
                header.msg_hdr.msg_control = control[index].as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = CONTROL as _;
            }
        }
        // SAFETY: as above; the kernel writes at most N headers and their buffers.
        let taken = unsafe {
            let flags = libc::MSG_DONTWAIT as _;
            libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), N as _, flags, std::ptr::null_mut())
        };
        let taken = usize::try_from(taken).map_err(|_| io::Error::last_os_error())?;
        for (length, header) in self.lengths.iter_mut().zip(&headers[..taken]) {
            let cut = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            *length = if cut { 0 } else { header.msg_len as usize };
        }
        if stamped {
            for (arrival, header) in self.arrivals.iter_mut().zip(&headers[..taken]) {
                *arrival = arrived(&header.msg_hdr);
            }
        }
        Ok(taken)
    }

    /// As `receive`, of a socket that stamps arrivals.
    pub fn receive_stamped(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        self.receive_with(socket, true)
    }

    /// Takes one datagram of a connected, non-blocking socket. Two such calls cost less than one of `receive`, which asks
    /// for sources.
    pub fn receive_one(&mut self, socket: &UdpSocket) -> io::Result<&mut [u8]> {
        let bytes = &mut self.bytes[0];
        let length = socket.recv(bytes)?;
        // What fills the room was longer, or may have been.
        let length = if length == bytes.len() { 0 } else { length };
        Ok(&mut bytes[..length])
    }

    /// How long ago a datagram of the last `receive_stamped` came in.
    pub fn age(&self, index: usize) -> Option<Duration> {
        self.arrivals[index].map(|at| Duration::from_micros(micros(libc::CLOCK_REALTIME).saturating_sub(at)))
    }

    /// Where a datagram of the last receive came from.
    pub fn source(&self, index: usize) -> Option<SocketAddr> {
        address(&self.sources[index])
    }

    /// One datagram of the last receive and its source; empty if it was longer than we keep.
    pub fn datagram(&mut self, index: usize) -> Option<(SocketAddr, &mut [u8])> {
        let source = address(&self.sources[index])?;
        Some((source, &mut self.bytes[index][..self.lengths[index]]))
    }
}

/// Sockets of which only the few are looked at that something came to (epoll).
#[derive(Debug)]
pub struct Watch(File);

/// Sockets that one look finds; the others are found by the next.
const FOUND: usize = 64;

impl Watch {
    pub fn new() -> io::Result<Watch> {
        // SAFETY: the call touches no memory of ours, and the descriptor that it gives is nobody else's.
        unsafe {
            let descriptor = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            if descriptor < 0 { Err(io::Error::last_os_error()) } else { Ok(Watch(File::from_raw_fd(descriptor))) }
        }
    }

    /// Watches a socket by a number, until it is closed.
    pub fn add(&self, socket: &UdpSocket, number: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: number };
        // SAFETY: both descriptors are open, and the event outlives the call.
        let done =
            unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &raw mut event) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// The numbers of sockets that can be read now; it does not wait.
    pub fn ready(&self) -> impl Iterator<Item = u64> + use<> {
        let mut found = [libc::epoll_event { events: 0, u64: 0 }; FOUND];
        // SAFETY: the array has room for as many events as are asked for.
        let many = unsafe { libc::epoll_wait(self.0.as_raw_fd(), found.as_mut_ptr(), FOUND as _, 0) };
        found.into_iter().take(usize::try_from(many).unwrap_or(0)).map(|event| event.u64)
    }
}

/// The time of arrival in a message's control messages.
fn arrived(header: &libc::msghdr) -> Option<u64> {
    // SAFETY: the kernel filled the control buffer; the macros stay within its length.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(control) = message.as_ref() {
            if control.cmsg_level == libc::SOL_SOCKET && control.cmsg_type == libc::SCM_TIMESTAMPNS {
                let at = libc::CMSG_DATA(message).cast::<libc::timespec>().read_unaligned();
                return Some(at.tv_sec as u64 * 1_000_000 + at.tv_nsec as u64 / 1000);
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    None
}

/// Datagrams of one call of `send_burst`.
const BURST: usize = 64;

/// Sends datagrams in order, many at each call of the system. Says how many did not go: a full buffer is a loss.
pub fn send_burst(socket: &UdpSocket, datagrams: &[(SocketAddr, Vec<u8>)]) -> usize {
    let mut lost = 0;
    let mut rest = datagrams;
    while !rest.is_empty() {
        let sent = send_some(socket, &rest[..rest.len().min(BURST)]);
        // Nothing went: it is the first one that cannot.
        lost += usize::from(sent == 0);
        rest = &rest[sent.max(1)..];
    }
    lost
}

fn send_some(socket: &UdpSocket, datagrams: &[(SocketAddr, Vec<u8>)]) -> usize {
    // SAFETY: all zeros is valid for the three; every pointer below outlives the call, and its length is what it leads to.
    let mut addresses: [libc::sockaddr_storage; BURST] = unsafe { zeroed() };
    let mut vectors: [libc::iovec; BURST] = unsafe { zeroed() };
    let mut headers: [libc::mmsghdr; BURST] = unsafe { zeroed() };
    for (index, (to, bytes)) in datagrams.iter().enumerate() {
        vectors[index].iov_base = bytes.as_ptr().cast_mut().cast();
        vectors[index].iov_len = bytes.len();
        let header = &mut headers[index].msg_hdr;
        header.msg_iov = &raw mut vectors[index];
        header.msg_iovlen = 1;
        header.msg_name = (&raw mut addresses[index]).cast();
        header.msg_namelen = store(*to, &mut addresses[index]);
    }
    // SAFETY: as above; the kernel reads as many headers as there are datagrams, and writes their lengths alone.
    let sent = unsafe {
        let (count, flags) = (datagrams.len() as _, libc::MSG_DONTWAIT as _);
        libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, flags)
    };
    usize::try_from(sent).unwrap_or(0)
}

/// Writes an address as the kernel has it; its length.
fn store(address: SocketAddr, storage: &mut libc::sockaddr_storage) -> libc::socklen_t {
    let place = &raw mut *storage;
    match address {
        SocketAddr::V4(v4) => {
            // SAFETY: the storage is large enough for every family, and aligned for them.
            let to = unsafe { &mut *place.cast::<libc::sockaddr_in>() };
            to.sin_family = libc::AF_INET as libc::sa_family_t;
            to.sin_port = v4.port().to_be();
            to.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(v6) => {
            // SAFETY: as above.
            let to = unsafe { &mut *place.cast::<libc::sockaddr_in6>() };
            to.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            to.sin6_port = v6.port().to_be();
            to.sin6_addr.s6_addr = v6.ip().octets();
            to.sin6_scope_id = v6.scope_id();
            size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

fn address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says which type the storage holds.
            let v4 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn micros(clock: libc::clockid_t) -> u64 {
    let mut spec: libc::timespec = unsafe { zeroed() };
    // SAFETY: `spec` is a valid place for the result.
    let done = unsafe { libc::clock_gettime(clock, &mut spec) };
    assert_eq!(done, 0, "a clock that every Linux has");
    spec.tv_sec as u64 * 1_000_000 + spec.tv_nsec as u64 / 1000
}
