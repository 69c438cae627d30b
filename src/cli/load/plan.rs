//! What is to be done, read off the command line: every mistake is told with what to do about it.

use super::{Args, Carrier, names};
use crate::codec::Codec;
use crate::key::Key;
use crate::keying::Policy;
use crate::media::{FRAME_TIME, Timing};
use crate::peer::Act;
use crate::peer::voice::Speech;
use crate::sip::{Hop, Transport, Uri};
use crate::time::Duration;
use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

/// What needs no word more.
const LIGHT_RATE: f64 = 100.0;
const LIGHT_CONCURRENCY: u32 = 1_000;
/// What is more than one thread can do.
const MOST_RATE: f64 = 10_000.0;
const MOST_CONCURRENCY: u32 = 20_000;
const CALLS: u32 = 10;
/// Every length of time: an hour, but for the whole run a week.
const HOUR: f64 = 3_600.0;
const WEEK: f64 = 7.0 * 24.0 * HOUR;
/// Steps of a script, and keys of one.
const STEPS: usize = 64;
/// A key, and the pause before the next one.
pub const TIMING: Timing = Timing { on: FRAME_TIME.saturating_mul(5), off: FRAME_TIME.saturating_mul(4) };

#[derive(Debug)]
pub struct Plan {
    pub target: Uri,
    pub to: Hop,
    pub from: IpAddr,
    pub rate: f64,
    pub ramp: Duration,
    pub calls: Option<u32>,
    pub duration: Option<Duration>,
    pub concurrency: usize,
    pub script: Arc<[Act]>,
    pub carrier: Carrier,
    pub speech: Speech,
    pub patience: Duration,
    pub agents: Option<SocketAddr>,
    pub records: Option<PathBuf>,
}

impl Plan {
    pub fn of(args: &Args) -> Result<Plan, String> {
        let target = Uri::read(&args.target).map_err(|why| format!("--target {}: {why}", args.target))?;
        let to = hop("--target", &target)?;
        light(args)?;
        let mut codecs: Vec<Codec> = Vec::new();
        for codec in &args.codec {
            if codecs.contains(codec) {
                return Err(format!("--codec: {} is there twice; name each codec once", names(&[*codec])));
            }
            codecs.push(*codec);
        }
        let from = args.from.map_or_else(
            || facing(to.address).map_err(|why| format!("--target: {why}; give our own address with --from")),
            Ok,
        )?;
        if from.is_ipv4() != to.address.is_ipv4() {
            return Err(format!("--from {from}: {} is of the other IP version; give an address of that", to.address));
        }
        let speech = Speech { codecs, srtp: args.srtp, events: args.keys != Carrier::Tones, timing: TIMING };
        Ok(Plan {
            target,
            to,
            from,
            rate: args.rate,
            ramp: seconds("--ramp", args.ramp, 0.0..=HOUR)?,
            calls: args.calls.or(args.duration.is_none().then_some(CALLS)),
            duration: args.duration.map(|duration| seconds("--duration", duration, 0.001..=WEEK)).transpose()?,
            concurrency: args.concurrency.unwrap_or(if args.heavy { MOST_CONCURRENCY } else { LIGHT_CONCURRENCY })
                as usize,
            script: script(&args.script, args.keys)?.into(),
            carrier: args.keys,
            speech,
            patience: seconds("--patience", args.patience, 0.1..=HOUR)?,
            agents: args.agents,
            records: args.records.clone(),
        })
    }

    /// Calls a second at a moment of the run.
    pub fn rate_at(&self, since: Duration) -> f64 {
        if since >= self.ramp { self.rate } else { self.rate * since.as_secs_f64() / self.ramp.as_secs_f64() }
    }

    /// How long a call lasts that goes as it should.
    pub fn call_time(&self) -> Duration {
        let act = |act: &Act| match act {
            Act::Wait(time) => *time,
            Act::Press(keys) => (TIMING.on + TIMING.off) * keys.len() as u32,
            Act::Info(keys) => Duration::from_millis(160) * keys.len().saturating_sub(1) as u32,
            _ => Duration::ZERO,
        };
        self.script.iter().map(act).sum()
    }
}

/// What is about to be done.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "calling {} at {}: {} a second", self.target, self.to, self.rate)?;
        if !self.ramp.is_zero() {
            write!(f, " (after {:?})", self.ramp)?;
        }
        match (self.calls, self.duration) {
            (Some(calls), None) => write!(f, ", {calls} calls")?,
            (Some(calls), Some(duration)) => write!(f, " for {duration:?}, {calls} calls at most")?,
            (None, Some(duration)) => write!(f, " for {duration:?}")?,
            // `Plan::of` sets a number where no duration was given.
            (None, None) => {}
        }
        let keys = match self.carrier {
            Carrier::Event => "telephone-event",
            Carrier::Tones => "tones",
            Carrier::Info => "INFO",
        };
        let srtp = match self.speech.srtp {
            Policy::Off => "off",
            Policy::Offered => "offered",
            Policy::Required => "required",
        };
        let (at_once, each, codecs) = (self.concurrency, self.call_time(), names(&self.speech.codecs));
        write!(f, ", {at_once} at once at most, {each:?} each; {codecs}, keys by {keys}, SRTP {srtp}")
    }
}

/// Where the target of an option is: names are looked up once, by the system.
pub(in crate::cli) fn hop(option: &str, target: &Uri) -> Result<Hop, String> {
    let transport = target.transport().unwrap_or(Transport::Udp);
    if transport == Transport::Tls {
        return Err(format!("{option}: calls are placed over UDP and TCP only; take sip: without transport=tls"));
    }
    if let Some(hop) = target.hop(Transport::Udp) {
        return Ok(hop);
    }
    let (host, port) = (target.host(), target.port().unwrap_or(transport.default_port()));
    let found = (host, port).to_socket_addrs().ok().and_then(|mut found| found.next());
    let found = found.ok_or_else(|| {
        format!("{option}: the host {host:?} is not to be found; give sip:user@address:port, or see your DNS")
    })?;
    Ok(Hop::new(transport, found))
}

/// Our address that leads to the target.
pub(in crate::cli) fn facing(target: SocketAddr) -> Result<IpAddr, String> {
    let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).and_then(|socket| socket.connect(target).and_then(|()| socket.local_addr()));
    socket.map(|local| local.ip()).map_err(|error| format!("no way leads to {target} ({error})"))
}

/// More than a system bears that was not meant needs a word more.
fn light(args: &Args) -> Result<(), String> {
    if !(args.rate > 0.0 && args.rate <= MOST_RATE) {
        return Err(format!("--rate {}: more than 0 and at most {MOST_RATE} calls a second", args.rate));
    }
    if args.rate > LIGHT_RATE && !args.heavy {
        return Err(format!(
            "--rate {}: more than {LIGHT_RATE} calls a second take a whole system down; add --heavy if the target is \
             yours, or its owner knows",
            args.rate
        ));
    }
    if args.calls == Some(0) {
        return Err("--calls 0: at least one".to_owned());
    }
    match args.concurrency {
        Some(at_once) if !(1..=MOST_CONCURRENCY).contains(&at_once) => {
            Err(format!("--concurrency {at_once}: from 1 to {MOST_CONCURRENCY}"))
        }
        Some(at_once) if at_once > LIGHT_CONCURRENCY && !args.heavy => Err(format!(
            "--concurrency {at_once}: more than {LIGHT_CONCURRENCY} calls at once are many a system's last; add --heavy \
             if the target is yours, or its owner knows"
        )),
        _ => Ok(()),
    }
}

fn seconds(option: &str, given: f64, range: std::ops::RangeInclusive<f64>) -> Result<Duration, String> {
    if range.contains(&given) {
        Ok(Duration::from_secs_f64(given))
    } else {
        Err(format!("{option} {given}: from {} to {} seconds", range.start(), range.end()))
    }
}

fn script(text: &str, carrier: Carrier) -> Result<Vec<Act>, String> {
    let mut acts = Vec::new();
    for word in text.split_whitespace() {
        let act = match wait(word)? {
            // The pause behind the last key is a part of the wait.
            Some(time) if matches!(acts.last(), Some(Act::Press(_))) => Act::Wait(time.saturating_sub(TIMING.off)),
            Some(time) => Act::Wait(time),
            None if word.chars().all(|c| Key::from_char(c).is_some()) && carrier == Carrier::Info => {
                Act::Info(word.to_owned())
            }
            None if word.chars().all(|c| Key::from_char(c).is_some()) => Act::Press(word.to_owned()),
            None => return Err(format!("--script: {word:?} is neither a wait (2s, 500ms) nor keys (0-9 * # A-D)")),
        };
        if let Act::Press(keys) | Act::Info(keys) = &act
            && keys.len() > STEPS
        {
            return Err(format!("--script: {} keys in a row; at most {STEPS}", keys.len()));
        }
        acts.push(act);
    }
    if acts.len() > STEPS {
        return Err(format!("--script: {} steps; at most {STEPS}", acts.len()));
    }
    acts.push(Act::HangUp);
    Ok(acts)
}

/// `2s`, `0.5s`, `500ms`; `None` if it is no wait.
fn wait(word: &str) -> Result<Option<Duration>, String> {
    let (number, unit) = match word.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => match word.strip_suffix('s') {
            Some(number) => (number, 1.0),
            None => return Ok(None),
        },
    };
    let number: f64 = number.parse().map_err(|_| format!("--script: {word:?} is no wait; write 2s or 500ms"))?;
    seconds("--script: a wait of", number * unit, 0.0..=HOUR).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn plan(arguments: &str) -> Result<Plan, String> {
        let line = ["load", "--target", "sip:x@127.0.0.1:5060"].into_iter().chain(arguments.split('|'));
        let line = Line::try_parse_from(line.filter(|word| !word.is_empty()));
        Plan::of(&line.map_err(|error| error.to_string())?.args)
    }

    #[test]
    fn the_default_is_the_call_of_the_figures() {
        let plan = plan("").expect("a plan");
        assert_eq!((plan.calls, plan.duration, plan.concurrency, plan.rate), (Some(10), None, 1_000, 1.0));
        assert_eq!(plan.from, IpAddr::from([127, 0, 0, 1]));
        assert_eq!(plan.call_time(), Duration::from_millis(6_540));
        assert_eq!(
            plan.to_string(),
            "calling sip:x@127.0.0.1:5060 at udp:127.0.0.1:5060: 1 a second, 10 calls, 1000 at once at most, 6.54s \
             each; pcmu, pcma, keys by telephone-event, SRTP off"
        );
    }

    #[test]
    fn a_script_is_waits_and_keys() {
        let plan = plan("--script|500ms 1 2s *#|--keys|info|--duration|9.5|--ramp|2").expect("a plan");
        let ms = |millis| Act::Wait(Duration::from_millis(millis));
        let acts = [ms(500), Act::Info("1".into()), ms(2_000), Act::Info("*#".into()), Act::HangUp];
        assert_eq!((*plan.script).to_vec(), acts);
        assert_eq!((plan.calls, plan.duration), (None, Some(Duration::from_millis(9_500))));
        let rates = [0, 1_000, 2_000, 9_000].map(|millis| plan.rate_at(Duration::from_millis(millis)));
        assert_eq!(rates, [0.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn each_mistake_is_named_with_its_remedy() {
        let cases = [
            ("--rate|101", "add --heavy"),
            ("--rate|0", "more than 0"),
            ("--rate|20000|--heavy", "at most 10000"),
            ("--rate|NaN", "more than 0"),
            ("--concurrency|1001", "add --heavy"),
            ("--concurrency|0", "from 1"),
            ("--calls|0", "at least one"),
            ("--duration|0", "from 0.001"),
            ("--ramp|4000", "from 0 to 3600 seconds"),
            ("--patience|0", "from 0.1"),
            ("--script|2x", "neither a wait"),
            ("--script|xs", "write 2s or 500ms"),
            ("--script|9999s", "from 0 to 3600 seconds"),
            ("--codec|speex", "it has pcmu"),
            ("--codec|pcmu,pcmu", "name each codec once"),
            ("--srtp|maybe", "off, offered or required"),
            ("--keys|pigeon", "possible values: event, tones, info"),
            ("--from|::1", "other IP version"),
            ("--target|sips:x@127.0.0.1", "UDP and TCP only"),
            ("--target|x@127.0.0.1", "a URI"),
            ("--target|sip:x@no-such-host.invalid", "is not to be found"),
        ];
        for (arguments, told) in cases {
            let wrong = if arguments.starts_with("--target") {
                let line = Line::try_parse_from(["load"].into_iter().chain(arguments.split('|'))).expect("a line");
                Plan::of(&line.args)
            } else {
                plan(arguments)
            };
            let wrong = wrong.expect_err(arguments);
            assert!(wrong.contains(told), "{arguments}: {wrong}");
        }
        assert!(plan("--rate|500|--concurrency|5000|--heavy").is_ok());
    }
}
