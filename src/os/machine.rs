//! What this machine is, as far as the service feels it: read from the kernel, or measured. Nothing is judged here.

use super::clock::Clock;
use super::sys;
use crate::time::Duration;
use socket2::{Domain, Socket, Type};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A fact, or why it cannot be known.
pub type Fact<T> = Result<T, String>;

#[derive(Clone, Debug)]
pub struct Machine {
    pub kernel: Fact<String>,
    /// Whether a thread of this process may have SCHED_FIFO: tried.
    pub real_time: Fact<bool>,
    /// How late a thread is that sleeps from tick to tick.
    pub lag: Fact<Lag>,
    /// The same with SCHED_FIFO, where that may be had.
    pub real_time_lag: Option<Lag>,
    /// File descriptors: the limit, and how far the process may raise it itself.
    pub descriptors: Fact<(u64, u64)>,
    /// Ports that the kernel gives to sockets that ask for none, first and last.
    pub ephemeral: Fact<(u16, u16)>,
    /// Ports that it keeps out of that.
    pub reserved: Fact<Vec<(u16, u16)>>,
    pub buffers: Fact<Buffers>,
    /// Cores' worth of time that the cgroup gives; `None`: as much as there is.
    pub quota: Fact<Option<Quota>>,
    /// Cores that this process may run on.
    pub cores: Fact<usize>,
    pub clock: Fact<ClockSource>,
    /// Of the modules that look at each packet, those that are loaded.
    pub filters: Fact<Vec<String>>,
    /// Connections that the kernel tracks in this network namespace, and how many there may be; `None`: it has no
    /// table here.
    pub tracked: Fact<Option<(u64, u64)>>,
    /// Whether the wall clock is synchronised, and by how many microseconds it is off at most.
    pub time: Fact<(bool, u64)>,
}

/// Of `TICKS` wake-ups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    pub half: Duration,
    pub p99: Duration,
    pub most: Duration,
}

/// Bytes that wait in a UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// Of a socket that asks for nothing.
    pub unasked: usize,
    /// What one gets that asks for `ASKED`.
    pub given: usize,
}

/// So much time of the cores in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub time: Duration,
    pub period: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockSource {
    pub name: String,
    /// What a reading takes: measured.
    pub nanos: u64,
}

/// Ticks of the measurement, one second of a media worker's.
const TICKS: u32 = 500;
const TICK: Duration = Duration::from_millis(2);
/// Readings of the clock that are timed together.
const READINGS: u32 = 100_000;
/// Modules that see each packet, as `/sys/module` calls them.
const FILTERS: &[&str] = &["nf_conntrack", "ip_tables", "ip6_tables", "nf_tables"];

impl Machine {
    /// Takes about a second, or two where SCHED_FIFO may be had. `ask`: the receive buffer that is asked for, bytes.
    pub fn read(ask: usize) -> Machine {
        let right = may_real_time();
        let real_time_lag = if right == Ok(true) { lag(true).ok() } else { None };
        Machine {
            kernel: read("/proc/sys/kernel/osrelease"),
            real_time: right,
            lag: lag(false).map_err(told),
            real_time_lag,
            descriptors: sys::descriptor_limits().map_err(told),
            ephemeral: read("/proc/sys/net/ipv4/ip_local_port_range").and_then(|text| port_pair(&text)),
            reserved: read("/proc/sys/net/ipv4/ip_local_reserved_ports").and_then(|text| port_ranges(&text)),
            buffers: buffers(ask).map_err(told),
            quota: quota(),
            cores: sys::allowed_cores().map(|cores| cores.len()).map_err(told),
            clock: read("/sys/devices/system/clocksource/clocksource0/current_clocksource").map(clock_source),
            filters: filters(),
            tracked: tracked(),
            time: sys::synchronised().map_err(told),
        }
    }
}

fn told(error: io::Error) -> String {
    error.to_string()
}

fn read(path: impl AsRef<Path>) -> Fact<String> {
    let path = path.as_ref();
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// Whether a file or folder is there at all; an error where that cannot be seen.
fn there(path: &Path) -> Fact<bool> {
    path.try_exists().map_err(|error| format!("{}: {error}", path.display()))
}

/// On a thread of its own, as it stays with the thread.
fn on_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let thread = std::thread::Builder::new().name("doctor".to_owned()).spawn(work)?;
    thread.join().map_err(|_| io::Error::other("the thread died"))?
}

fn may_real_time() -> Fact<bool> {
    match on_thread(sys::real_time) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
        Err(error) => Err(told(error)),
    }
}

fn lag(real_time: bool) -> io::Result<Lag> {
    on_thread(move || {
        if real_time {
            sys::real_time()?;
        }
        let clock = Clock::start();
        let begin = clock.now() + TICK;
        let late = (0..TICKS).map(|tick| {
            let at = begin + TICK * tick;
            clock.sleep_until(at);
            clock.now().since(at)
        });
        Ok(spread(late.collect()))
    })
}

fn spread(mut late: Vec<Duration>) -> Lag {
    late.sort_unstable();
    let at = |percent: usize| late.get((late.len() * percent / 100).min(late.len().saturating_sub(1)));
    let [half, p99, most] = [50, 99, 100].map(|percent| at(percent).copied().unwrap_or(Duration::ZERO));
    Lag { half, p99, most }
}

/// Asked of a socket, as the sysctls are not to be seen in every container.
fn buffers(ask: usize) -> io::Result<Buffers> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    let unasked = socket.recv_buffer_size()?;
    socket.set_recv_buffer_size(ask)?;
    // The kernel doubles what was asked for, for its own needs (socket(7)).
    Ok(Buffers { unasked, given: socket.recv_buffer_size()? / 2 })
}

fn clock_source(name: String) -> ClockSource {
    let begin = sys::monotonic_micros();
    let last = (0..READINGS).fold(begin, |last, _| last.max(sys::monotonic_micros()));
    ClockSource { name, nanos: (last - begin) * 1000 / u64::from(READINGS) }
}

fn filters() -> Fact<Vec<String>> {
    let modules = Path::new("/sys/module");
    if !there(modules)? {
        return Err("there is no /sys/module".to_owned());
    }
    let mut loaded = Vec::new();
    for name in FILTERS {
        if there(&modules.join(name))? {
            loaded.push((*name).to_owned());
        }
    }
    Ok(loaded)
}

fn tracked() -> Fact<Option<(u64, u64)>> {
    let folder = Path::new("/proc/sys/net/netfilter");
    if !there(Path::new("/proc/sys/net"))? {
        return Err("there is no /proc/sys/net".to_owned());
    }
    if !there(&folder.join("nf_conntrack_max"))? {
        return Ok(None);
    }
    let number = |name: &str| {
        let text = read(folder.join(name))?;
        text.parse::<u64>().map_err(|_| format!("{name}: {text:?} is no number"))
    };
    Ok(Some((number("nf_conntrack_count")?, number("nf_conntrack_max")?)))
}

/// `32768  60999`.
fn port_pair(text: &str) -> Fact<(u16, u16)> {
    let ports: Vec<u16> = text.split_whitespace().filter_map(|port| port.parse().ok()).collect();
    let [first, last] = ports[..] else { return Err(format!("{text:?} are no two ports")) };
    Ok((first, last))
}

/// `8080,20000-29999`.
fn port_ranges(text: &str) -> Fact<Vec<(u16, u16)>> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| range(part).ok_or_else(|| format!("{part:?} are no ports"))).collect()
}

/// The tightest quota from the process's cgroup up to the highest that it sees.
fn quota() -> Fact<Option<Quota>> {
    let (groups, mounts) = (read("/proc/self/cgroup")?, read("/proc/self/mountinfo")?);
    let places = cgroups(&groups, &mounts);
    if places.is_empty() {
        return Err("no cgroup file system with the cpu controller is mounted".to_owned());
    }
    let mut tightest: Option<Quota> = None;
    for place in places {
        for folder in place.folder.ancestors().take_while(|folder| folder.starts_with(&place.top)) {
            let found = if place.v2 { quota_v2(folder)? } else { quota_v1(folder)? };
            let share = |quota: &Quota| quota.time.as_secs_f64() / quota.period.as_secs_f64();
            tightest = [tightest, found].into_iter().flatten().min_by(|a, b| share(a).total_cmp(&share(b)));
        }
    }
    Ok(tightest)
}

/// `max 100000` or `50000 100000`. A group without the file (the root, or one that the controller is not on) sets none.
fn quota_v2(folder: &Path) -> Fact<Option<Quota>> {
    if !there(folder)? {
        return Err(format!("{} is not to be seen from here", folder.display()));
    }
    let path = folder.join("cpu.max");
    if !there(&path)? {
        return Ok(None);
    }
    let text = read(&path)?;
    let (time, period) = text.split_once(' ').ok_or_else(|| format!("cpu.max: {text:?}"))?;
    if time == "max" { Ok(None) } else { of(time, period).map(Some) }
}

/// Two files; a quota of -1 is none.
fn quota_v1(folder: &Path) -> Fact<Option<Quota>> {
    let path = folder.join("cpu.cfs_quota_us");
    if there(folder)? && !there(&path)? {
        // A kernel without CONFIG_CFS_BANDWIDTH knows no quotas.
        return Ok(None);
    }
    let time = read(&path)?;
    if time.starts_with('-') {
        return Ok(None);
    }
    of(&time, &read(folder.join("cpu.cfs_period_us"))?).map(Some)
}

fn of(time: &str, period: &str) -> Fact<Quota> {
    let micros = |text: &str| text.trim().parse().ok().filter(|micros| *micros > 0).map(Duration::from_micros);
    let quota = || Some(Quota { time: micros(time)?, period: micros(period)? });
    quota().ok_or_else(|| format!("a quota of {time:?} in {period:?}"))
}

#[derive(Debug, PartialEq, Eq)]
struct Cgroup {
    v2: bool,
    /// The process's own group.
    folder: PathBuf,
    /// Where the file system is mounted.
    top: PathBuf,
}

/// The process's groups of the cpu controller, by /proc/self/cgroup and /proc/self/mountinfo. A mount may show a
/// part of the tree only: its root is then cut off the group's path.
fn cgroups(groups: &str, mounts: &str) -> Vec<Cgroup> {
    let mut found = Vec::new();
    for group in groups.lines() {
        let mut fields = group.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let v2 = controllers.is_empty();
        if !v2 && !controllers.split(',').any(|controller| controller == "cpu") {
            continue;
        }
        let mount = mounts.lines().find_map(|line| {
            let mount = mount(line)?;
            let options = mount.options.split(',').any(|option| option == "cpu");
            let right = if v2 { mount.kind == "cgroup2" } else { mount.kind == "cgroup" && options };
            right.then_some(mount)
        });
        let Some(mount) = mount else { continue };
        let below = Path::new(path).strip_prefix(mount.root).unwrap_or(Path::new(path.trim_start_matches('/')));
        found.push(Cgroup { v2, folder: Path::new(mount.point).join(below), top: PathBuf::from(mount.point) });
    }
    found
}

struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

/// A line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
fn mount(line: &str) -> Option<Mount<'_>> {
    let (ours, kinds) = line.split_once(" - ")?;
    let mut ours = ours.split(' ').skip(3);
    let (root, point) = (ours.next()?, ours.next()?);
    let mut kinds = kinds.split(' ');
    Some(Mount { root, point, kind: kinds.next()?, options: kinds.nth(1)? })
}

/// The kind of file system that a folder is on (`ext4`, `nfs4`).
pub fn file_system(folder: &Path) -> Fact<String> {
    let folder = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    let kind = file_system_in(&folder, &read("/proc/self/mountinfo")?);
    kind.ok_or_else(|| format!("no mount holds {}", folder.display()))
}

fn file_system_in(folder: &Path, mounts: &str) -> Option<String> {
    let holding = mounts.lines().filter_map(mount).filter(|mount| {
        // Blanks in names are written as octal digits.
        folder.starts_with(mount.point.replace("\\040", " "))
    });
    // Of the same place the last one lies on top.
    holding.max_by_key(|mount| mount.point.len()).map(|mount| mount.kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 0:25 / /var/lib rw - xfs /dev/vdb rw
29 27 0:25 / /var/lib rw - nfs4 server:/x rw
30 27 0:25 / /with\\040blank rw - tmpfs tmpfs rw
32 31 0:29 /docker/abc /sys/fs/cgroup/cpu rw,relatime shared:1 - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";

    #[test]
    fn a_folder_is_on_the_mount_that_lies_on_top() {
        let cases = [("/home", "ext4"), ("/var/lib/askonce", "nfs4"), ("/with blank", "tmpfs"), ("/var/libre", "ext4")];
        for (folder, kind) in cases {
            assert_eq!(file_system_in(Path::new(folder), MOUNTS).as_deref(), Some(kind), "{folder}");
        }
        assert_eq!(file_system_in(Path::new("/home"), ""), None);
    }

    #[test]
    fn the_groups_of_the_cpu_controller_are_found() {
        let place = |v2, folder: &str, top: &str| Cgroup { v2, folder: folder.into(), top: top.into() };
        let unified = "/sys/fs/cgroup/unified";
        for (groups, places) in [
            ("0::/system.slice/a.service", vec![place(true, "/sys/fs/cgroup/unified/system.slice/a.service", unified)]),
            ("0::/", vec![place(true, unified, unified)]),
            (
                "3:cpuset:/x\n1:cpu,cpuacct:/docker/abc/y",
                vec![place(false, "/sys/fs/cgroup/cpu/y", "/sys/fs/cgroup/cpu")],
            ),
            ("3:cpuset:/x", vec![]),
        ] {
            assert_eq!(cgroups(groups, MOUNTS), places, "{groups}");
        }
    }

    #[test]
    fn quotas_are_read_of_either_version() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
        let half = Quota { time: Duration::from_millis(50), period: Duration::from_millis(100) };
        assert_eq!((quota_v2(folder.path()), quota_v1(folder.path())), (Ok(None), Ok(None)));
        write("cpu.cfs_period_us", "100000\n");
        for (v1, v2, quota) in [("-1\n", "max 100000\n", None), ("50000\n", "50000 100000\n", Some(half))] {
            write("cpu.cfs_quota_us", v1);
            write("cpu.max", v2);
            assert_eq!((quota_v2(folder.path()), quota_v1(folder.path())), (Ok(quota), Ok(quota)));
        }
        write("cpu.max", "many 100000");
        assert!(quota_v2(folder.path()).is_err());
        assert!(quota_v2(&folder.path().join("gone")).is_err() && quota_v1(&folder.path().join("gone")).is_err());
    }

    #[test]
    fn ports_are_read_as_the_kernel_writes_them() {
        assert_eq!(port_pair("32768\t60999"), Ok((32_768, 60_999)));
        assert_eq!(port_ranges(""), Ok(vec![]));
        assert_eq!(port_ranges("8080,20000-29999"), Ok(vec![(8_080, 8_080), (20_000, 29_999)]));
        assert!(port_pair("32768").is_err() && port_ranges("x-1").is_err());
    }

    #[test]
    fn the_spread_of_lags_is_by_rank() {
        let lag = spread((1..=500).rev().map(Duration::from_micros).collect());
        let micros = [lag.half, lag.p99, lag.most].map(|lag| lag.as_micros());
        assert_eq!(micros, [251, 496, 500]);
    }
}
