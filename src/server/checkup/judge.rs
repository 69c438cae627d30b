//! Facts in, findings out: what each fact costs the service, and how it is mended. Pure.

use super::{Configured, Reach, Site, StoreSite, Wanted};
use crate::config::even_ports;
use crate::os::machine::{Buffers, ClockSource, Fact, Lag, Machine, Quota};
use crate::server::ports::DESCRIPTORS;
use crate::time::Duration;
use serde::Serialize;

/// One check, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub verdict: Verdict,
    pub found: String,
    /// What it costs; only of a warning or a failure.
    pub cost: Option<String>,
    pub remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    /// It costs something.
    Warn,
    /// The service does not start, or its calls sound broken.
    Fail,
    /// It could not be looked at.
    Unknown,
}

/// Every check has its finding, always in this order.
pub fn judge(machine: &Machine, wanted: &Wanted) -> Vec<Finding> {
    let mut findings = vec![
        kernel(&machine.kernel),
        scheduling(&machine.real_time, &machine.cores, wanted),
        lag(&machine.lag, machine.real_time_lag),
        cores(&machine.cores, wanted.workers),
        quota(&machine.quota, &machine.cores),
        clock(&machine.clock),
        time(&machine.time),
        descriptors(&machine.descriptors, wanted),
        ports(machine, wanted),
        buffers(&machine.buffers),
        tracking(machine, wanted.calls),
    ];
    findings.extend(configured(&wanted.configured));
    findings
}

/// A tick of the media workers: later than this, and the next one is due.
const TICK: Duration = Duration::from_millis(2);
/// From packet to packet.
const PACKET: Duration = Duration::from_millis(20);
/// Of the SIP socket: what a few thousand calls a second were measured with (docs/operating.md).
const SIP_BUFFER: usize = 4 << 20;
/// Of a media socket: a fifth of a second of packets, at the 1,280 bytes or less that the kernel counts one with.
const MEDIA_BUFFER: usize = 16 << 10;
/// Nanoseconds; a reading without a system call takes some tens.
const SLOW_READING: u64 = 300;
/// File systems of other machines.
const REMOTE: &[&str] =
    &["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs"];
/// Those that do not outlive a restart of the machine.
const FLEETING: &[&str] = &["tmpfs", "ramfs"];

fn ok(check: &'static str, found: impl Into<String>) -> Finding {
    Finding { check, verdict: Verdict::Ok, found: found.into(), cost: None, remedy: None }
}

fn unknown(check: &'static str, why: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Unknown, ..ok(check, why) }
}

impl Finding {
    fn warn(mut self, cost: impl Into<String>, remedy: impl Into<String>) -> Finding {
        (self.verdict, self.cost, self.remedy) = (Verdict::Warn, Some(cost.into()), Some(remedy.into()));
        self
    }

    fn fail(self, cost: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Fail, ..self.warn(cost, remedy) }
    }
}

fn kernel(kernel: &Fact<String>) -> Finding {
    match kernel {
        Ok(kernel) => ok("kernel", format!("Linux {kernel}")),
        Err(why) => unknown("kernel", why),
    }
}

/// Without `media: { realtime: true }` the service does not ask for SCHED_FIFO, and without the right loses nothing.
fn scheduling(right: &Fact<bool>, cores: &Fact<usize>, wanted: &Wanted) -> Finding {
    const CHECK: &str = "scheduling";
    let found = match right {
        Ok(true) => "SCHED_FIFO may be had",
        Ok(false) => "SCHED_FIFO may not be had (it takes CAP_SYS_NICE or LimitRTPRIO)",
        Err(why) => return unknown(CHECK, why),
    };
    let finding = |asked: &str| ok(CHECK, format!("{found}; serve {asked} for it (media: {{ realtime: true }})"));
    if !wanted.realtime {
        finding("does not ask")
    } else if *right == Ok(false) {
        finding("asks").fail("the service does not start", "LimitRTPRIO=1 in the unit, or leave realtime out")
    } else if cores.as_ref().is_ok_and(|cores| *cores <= wanted.workers) {
        let remedy = "more cores (CPUAffinity=, the container's cpuset), or leave realtime out";
        finding("asks").fail("the service does not start: no core is left beside the media workers'", remedy)
    } else {
        finding("asks")
    }
}

fn lag(lag: &Fact<Lag>, real_time: Option<Lag>) -> Finding {
    let lag = match lag {
        Ok(lag) => lag,
        Err(why) => return unknown("wake-up lag", why),
    };
    let told = |lag: &Lag| {
        let [half, p99, most] = [lag.half, lag.p99, lag.most].map(|lag| lag.as_secs_f64() * 1e3);
        format!("p50 {half:.2} ms, p99 {p99:.2} ms, most {most:.2} ms")
    };
    let mut found = format!("{} in a second of 2 ms ticks", told(lag));
    if let Some(real_time) = &real_time {
        found += &format!("; with SCHED_FIFO {}", told(real_time));
    }
    let finding = ok("wake-up lag", found);
    let remedy = "keep other work off its cores (CPUAffinity=, or another machine), or Nice=-10 in the unit";
    if lag.p99 > PACKET {
        finding.fail("packets leave more than a packet's length late: callers hear gaps", remedy)
    } else if lag.p99 > TICK || lag.most > PACKET {
        finding.warn("packets leave as late as the ticks come: it uses up the callers' jitter buffers", remedy)
    } else {
        finding
    }
}

fn cores(cores: &Fact<usize>, workers: usize) -> Finding {
    let workers = format!("{workers} media worker{}", if workers == 1 { "" } else { "s" });
    match cores {
        Ok(1) => ok("cores", format!("1 allowed, {workers}")).warn(
            "the control thread and the media worker take turns: a burst of calls delays packets",
            "two cores (CPUAffinity=, the container's cpuset)",
        ),
        Ok(cores) => ok("cores", format!("{cores} allowed, {workers}")),
        Err(why) => unknown("cores", why),
    }
}

fn quota(quota: &Fact<Option<Quota>>, cores: &Fact<usize>) -> Finding {
    let (quota, cores) = match (quota, cores) {
        (Ok(None), _) => return ok("cpu quota", "none in the cgroups that this process sees"),
        (Ok(Some(quota)), Ok(cores)) => (quota, *cores),
        (Err(why), _) | (_, Err(why)) => return unknown("cpu quota", why),
    };
    let share = quota.time.as_secs_f64() / quota.period.as_secs_f64();
    let period = quota.period.as_millis();
    let finding = ok("cpu quota", format!("{share:.2} cores' time in each {period} ms, {cores} allowed"));
    if share >= cores as f64 {
        return finding;
    }
    let still = quota.period.saturating_sub(quota.time / u32::try_from(cores).unwrap_or(u32::MAX).max(1));
    finding.warn(
        format!("once it is used up, every thread stands still for up to {} ms: a gap in all calls", still.as_millis()),
        "no CPUQuota= (a container: no cpu limit), or one of as many cores as are allowed",
    )
}

fn clock(clock: &Fact<ClockSource>) -> Finding {
    let ClockSource { name, nanos } = match clock {
        Ok(clock) => clock,
        Err(why) => return unknown("clock source", why),
    };
    let finding = ok("clock source", format!("{name}, {nanos} ns a reading"));
    if *nanos <= SLOW_READING {
        return finding;
    }
    finding.warn(
        "every tick and every message reads the clock, and a reading is a system call or as slow as one",
        "a clock source that needs none (tsc, kvm-clock): dmesg says why the kernel chose this one",
    )
}

fn time(time: &Fact<(bool, u64)>) -> Finding {
    match time {
        Ok((true, micros)) => ok("time", format!("synchronised, off by {} ms at most", micros.div_ceil(1000))),
        Ok((false, _)) => ok("time", "the kernel's clock is not synchronised").warn(
            "times in records and contexts may be wrong, and certificates be taken for expired or not yet valid",
            "run chrony or systemd-timesyncd here (a container: on its host)",
        ),
        Err(why) => unknown("time", why),
    }
}

fn descriptors(limits: &Fact<(u64, u64)>, wanted: &Wanted) -> Finding {
    let (soft, hard) = match limits {
        Ok(limits) => *limits,
        Err(why) => return unknown("descriptors", why),
    };
    let (calls, other) = (wanted.calls as u64, wanted.other_descriptors as u64);
    let each = DESCRIPTORS as u64;
    let need = each * calls + other;
    let finding = ok(
        "descriptors",
        format!("soft limit {soft} (serve raises it to the hard one), hard {hard}; {need} wanted for {calls} calls"),
    );
    if hard >= need {
        return finding;
    }
    let room = hard.saturating_sub(other) / each;
    finding.warn(
        format!("with every SIP connection in use there is room for {room} calls; more are refused with 503"),
        format!("LimitNOFILE={need} in the unit, or ulimit -Hn {need}"),
    )
}

fn ports(machine: &Machine, wanted: &Wanted) -> Finding {
    let (first, last) = wanted.ports;
    let holds = even_ports(&(first..=last));
    let carries = holds as usize / 2;
    let mut finding = ok("media ports", format!("{first}-{last}: {holds} even ports, {carries} calls"));
    let (mut costs, mut remedies) = (Vec::new(), Vec::new());
    if carries < wanted.calls {
        costs.push(format!(
            "of the {} calls of limits.calls, those beyond {carries} are refused with 503",
            wanted.calls
        ));
        remedies.push(format!("a range of {} ports, or limits: {{ calls: {carries} }}", 4 * wanted.calls));
    }
    match (&machine.ephemeral, &machine.reserved) {
        (Ok((low, high)), Ok(reserved)) => {
            finding.found += &format!("; the kernel gives {low}-{high} to other sockets");
            let free = |port: &u16| !reserved.iter().any(|(from, to)| (from..=to).contains(&port));
            let shared = (first.max(*low)..=last.min(*high)).filter(|port| port % 2 == 0 && free(port)).count();
            if shared > 0 {
                costs.push(format!("any of {shared} of them may be taken when a call wants it: room for fewer calls"));
                remedies.push(reserve(wanted.ports, reserved));
            }
        }
        (Err(why), _) | (_, Err(why)) if costs.is_empty() => {
            return unknown("media ports", format!("{}; {why}", finding.found));
        }
        (Err(why), _) | (_, Err(why)) => finding.found += &format!("; unknown what the kernel gives away: {why}"),
    }
    if costs.is_empty() { finding } else { finding.warn(costs.join("; "), remedies.join("; ")) }
}

/// What is reserved already stays so.
fn reserve(ports: (u16, u16), reserved: &[(u16, u16)]) -> String {
    let all = reserved.iter().chain([&ports]).map(|(first, last)| format!("{first}-{last}"));
    format!("sysctl -w net.ipv4.ip_local_reserved_ports={}", all.collect::<Vec<_>>().join(","))
}

fn buffers(buffers: &Fact<Buffers>) -> Finding {
    let Buffers { unasked, given } = match buffers {
        Ok(buffers) => *buffers,
        Err(why) => return unknown("socket buffers", why),
    };
    let finding = ok("socket buffers", format!("SIP gets {} kB, a media socket {} kB", given >> 10, unasked >> 10));
    let (mut costs, mut remedies) = (Vec::new(), Vec::new());
    if given < SIP_BUFFER {
        costs.push("in a burst of SIP what does not fit is dropped, and comes again half a second later");
        remedies.push(format!("sysctl -w net.core.rmem_max={}", 2 * SIP_BUFFER));
    }
    if unasked < MEDIA_BUFFER {
        costs.push("media packets are dropped where a worker is late by a few of them");
        remedies.push("sysctl -w net.core.rmem_default=212992".to_owned());
    }
    if costs.is_empty() { finding } else { finding.warn(costs.join("; "), remedies.join("; ")) }
}

fn tracking(machine: &Machine, calls: usize) -> Finding {
    const CHECK: &str = "connection tracking";
    let (loaded, table) = match (&machine.filters, &machine.tracked) {
        (Ok(loaded), Ok(table)) => (loaded, table),
        (Err(why), _) | (_, Err(why)) => return unknown(CHECK, why),
    };
    let others: Vec<&str> = loaded.iter().map(String::as_str).filter(|name| *name != "nf_conntrack").collect();
    let others = if others.is_empty() { String::new() } else { format!("; firewall loaded: {}", others.join(", ")) };
    let Some((count, most)) = *table else {
        return match loaded.iter().any(|name| name == "nf_conntrack") {
            true => {
                unknown(CHECK, format!("nf_conntrack is loaded, and its table is not to be seen from here{others}"))
            }
            false => ok(CHECK, format!("nf_conntrack is not loaded{others}")),
        };
    };
    let finding = ok(CHECK, format!("nf_conntrack is loaded and tracks {count} of {most} connections here{others}"));
    if count == 0 {
        return finding;
    }
    // One entry for each of a call's media sockets with its peer.
    let need = 2 * calls as u64 + count;
    let mut cost = "every packet is looked up in its table".to_owned();
    if need > most {
        let room = most.saturating_sub(count) / 2;
        cost += &format!(", which is full with {room} calls of {calls}: then packets are dropped");
    }
    let remedy = format!(
        "a notrack rule for the media ports both ways (nft, iptables -t raw), or sysctl -w net.netfilter.nf_conntrack_max={}",
        most.max(2 * need)
    );
    finding.warn(cost, remedy)
}

const CONFIGURED: [&str; 5] = ["configuration", "addresses", "tls files", "secrets", "store"];

fn configured(configured: &Configured) -> Vec<Finding> {
    let [configuration, ..] = CONFIGURED;
    let site = match configured {
        Configured::Yes(site) => site,
        Configured::Not => return CONFIGURED.map(|check| unknown(check, "no --config was given")).into(),
        Configured::Wrong(errors) => {
            let mut findings = CONFIGURED.map(|check| unknown(check, "the configuration has errors"));
            findings[0] = ok(configuration, format!("errors in it and its flows: {errors}"))
                .fail("the service does not start", "mend what askonce check --config tells");
            return findings.into();
        }
    };
    let plural = if site.flows == 1 { "" } else { "s" };
    vec![
        ok(configuration, format!("sound, with {} flow{plural}", site.flows)),
        addresses(site),
        files(
            "tls files",
            site.tls.as_ref(),
            "none are read: no tls:, or SIP over UDP alone",
            "readable, and they belong together",
        ),
        files("secrets", Some(&site.secrets), "", "those of registering trunks are readable"),
        store(&site.store),
    ]
}

fn addresses(site: &Site) -> Finding {
    const CHECK: &str = "addresses";
    let told = |reach: &Reach| match reach {
        Reach::Free => "free".to_owned(),
        Reach::InUse => "in use".to_owned(),
        Reach::Untold => "unknown whether it is this machine's, as ip_nonlocal_bind is set".to_owned(),
        Reach::Refused(why) => why.clone(),
    };
    let all = site.addresses.iter().map(|(name, reach)| format!("{name} {}", told(reach)));
    let found = all.collect::<Vec<_>>().join(", ");
    let any = |wanted: fn(&Reach) -> bool| site.addresses.iter().any(|(_, reach)| wanted(reach));
    if any(|reach| matches!(reach, Reach::Refused(_))) {
        ok(CHECK, found)
            .fail("the service does not start", "addresses of this machine (ip address) that this user may bind")
    } else if any(|reach| *reach == Reach::InUse) {
        ok(CHECK, found).warn(
            "a service started now does not come up",
            "none, if it is askonce that runs there; else another address or port (ss -lnptu says who has it)",
        )
    } else if any(|reach| *reach == Reach::Untold) {
        unknown(CHECK, found)
    } else {
        ok(CHECK, found)
    }
}

fn files(check: &'static str, usable: Option<&Result<(), String>>, none: &str, sound: &str) -> Finding {
    match usable {
        None => ok(check, none),
        Some(Ok(())) => ok(check, sound),
        Some(Err(why)) => ok(check, why.as_str())
            .fail("the service does not start", "files that are whole, and that the service's user may read"),
    }
}

fn store(store: &StoreSite) -> Finding {
    let folder = store.folder.display();
    if let Err(why) = &store.writable {
        return ok("store", format!("{folder}: {why}"))
            .fail("the service does not start", "a folder, and a database in it, that the service's user may write");
    }
    let kind = match &store.file_system {
        Ok(kind) => kind.as_str(),
        Err(why) => return unknown("store", format!("{folder} is writable, on what is unknown: {why}")),
    };
    let made = if store.made { "; the store's own folder is made in it at the start" } else { "" };
    let finding = ok("store", format!("{folder} is writable, on {kind}{made}"));
    if REMOTE.contains(&kind) {
        finding.warn(
            "SQLite's write-ahead log and its locks are not safe there: contexts may be lost",
            "a folder on a disk of this machine",
        )
    } else if FLEETING.contains(&kind) {
        finding.warn("contexts and call records are gone when the machine restarts", "a folder on a disk")
    } else {
        finding
    }
}
