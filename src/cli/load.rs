//! `askonce load`: places calls at a steady rate against any SIP server, keys digits in, hangs up, and
//! reports how it went. Its smallest form; ramps and concurrency come with the media work.

use super::{Failed, fail};
use crate::os::clock::Clock;
use crate::peer::net::Net;
use crate::peer::talk::Counted;
use crate::peer::{Act, Answering, Happened, Phones};
use crate::sip::{Transport, Uri};
use crate::time::{Duration, Instant};
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// How long the last calls may take beyond their script.
const TAIL: Duration = Duration::from_secs(40);

#[derive(clap::Args)]
pub struct Args {
    /// Whom to call: sip:user@address:port
    #[arg(long)]
    target: String,
    /// Calls a second
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// Calls in all
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    calls: u32,
    /// What each caller keys in, two seconds after the answer
    #[arg(long, default_value = "12345674#")]
    digits: String,
    /// How long each caller stays after that, in seconds
    #[arg(long, default_value_t = 3.0)]
    stay: f64,
    /// The address that the callers have
    #[arg(long, default_value = "127.0.0.1")]
    from: IpAddr,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// What the calls came to.
#[derive(Serialize)]
struct Report {
    calls: u32,
    /// Answered, keyed in, and ended by us as the script says.
    succeeded: u32,
    refused: u32,
    /// Nothing came back at all.
    unanswered: u32,
    /// Ended by the other side before the script was through.
    broken: u32,
    /// The greatest number at once.
    concurrent: usize,
    seconds: f64,
    /// From the INVITE to its 200, in milliseconds.
    setup_ms: Percentiles,
    /// Between two packets of a call, in milliseconds, by the kernel's receive time where it tells.
    gap_ms: Percentiles,
    packets_received: u64,
}

#[derive(Serialize)]
struct Percentiles {
    p50: f64,
    p99: f64,
    p999: f64,
    most: f64,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let target = Uri::read(&args.target).map_err(|why| fail(format!("--target {}: {why}", args.target)))?;
    let to = target
        .hop(Transport::Udp)
        .filter(|hop| hop.transport == Transport::Udp)
        .map(|hop| hop.address)
        .ok_or_else(|| fail("--target: an IP address is needed after the @, and UDP (names are not resolved)"))?;
    if !(args.rate > 0.0 && args.rate <= 10_000.0) {
        return Err(fail("--rate: between 0 and 10,000 calls a second"));
    }
    if !(0.0..=3600.0).contains(&args.stay) {
        return Err(fail("--stay: between 0 and 3,600 seconds"));
    }
    let clock = Clock::start();
    let mut net = Net::bind(SocketAddr::new(args.from, 0), clock).map_err(fail)?;
    let mut phones = Phones::new(net.contact(), 0x31, Answering::Refuse(486), None, clock.now().as_micros());
    let from = Uri::of("load", net.contact()).map_err(fail)?;
    let script: Arc<[Act]> = Arc::new([
        Act::Wait(Duration::from_secs(2)),
        Act::Press(args.digits.clone()),
        Act::Wait(Duration::from_secs_f64(args.stay)),
        Act::HangUp,
    ]);
    let mut tally = Tally::default();
    let began = clock.now();
    let mut placed = 0;
    let mut last = began;
    while placed < args.calls || phones.talks() > 0 && clock.now().since(last) < TAIL {
        let now = clock.now();
        let due = (now.since(began).as_secs_f64() * args.rate) as u32 + 1;
        while placed < due.min(args.calls) {
            phones.call(to, target.clone(), from.clone(), Vec::new(), script.clone());
            placed += 1;
            last = now;
        }
        tally.concurrent = tally.concurrent.max(phones.talks());
        net.turn(&mut phones, &mut |_, _, happened| tally.take(happened));
        net.wait(&phones);
        if !args.json && placed % 1000 == 0 && now.since(tally.said) > Duration::from_secs(1) {
            tally.said = now;
            eprintln!("{placed} placed, {} at once, {} done", phones.talks(), tally.ended());
        }
    }
    let report = tally.report(args.calls, clock.now().since(began));
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(fail)?);
    } else {
        print(&report);
    }
    if report.succeeded == report.calls { Ok(()) } else { Err(fail("not every call succeeded")) }
}

fn print(report: &Report) {
    let Report { calls, succeeded, refused, unanswered, broken, .. } = report;
    println!(
        "calls      {calls} placed, {succeeded} succeeded, {refused} refused, {unanswered} unanswered, {broken} broken"
    );
    println!("at once    {} at most, {:.1} s in all", report.concurrent, report.seconds);
    for (name, p) in [("set-up", &report.setup_ms), ("gaps", &report.gap_ms)] {
        if p.most.is_nan() {
            println!("{name:10} -");
            continue;
        }
        println!("{name:10} p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, most {:.1} ms", p.p50, p.p99, p.p999, p.most);
    }
    println!("packets    {} received", report.packets_received);
}

#[derive(Default)]
struct Tally {
    succeeded: u32,
    refused: u32,
    unanswered: u32,
    broken: u32,
    concurrent: usize,
    setup: Vec<f64>,
    gaps: Vec<u64>,
    received: u64,
    said: Instant,
}

impl Tally {
    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Answered { after } => self.setup.push(after.as_secs_f64() * 1e3),
            Happened::Ended { by_us, status, through, counted } => {
                match (by_us && through, status) {
                    (true, _) => self.succeeded += 1,
                    (false, 408) => self.unanswered += 1,
                    (false, 300..) => self.refused += 1,
                    (false, _) => self.broken += 1,
                }
                self.count(&counted);
            }
            _ => {}
        }
    }

    fn count(&mut self, counted: &Counted) {
        self.received += counted.received;
        self.gaps.resize(counted.gaps.len().max(self.gaps.len()), 0);
        for (sum, gap) in self.gaps.iter_mut().zip(&counted.gaps) {
            *sum += u64::from(*gap);
        }
    }

    fn ended(&self) -> u32 {
        self.succeeded + self.refused + self.unanswered + self.broken
    }

    fn report(mut self, calls: u32, took: Duration) -> Report {
        self.setup.sort_by(f64::total_cmp);
        let setup = |share: f64| {
            let at = (self.setup.len() as f64 * share) as usize;
            self.setup.get(at.min(self.setup.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
        };
        let all: u64 = self.gaps.iter().sum();
        let gap = |share: f64| {
            let mut left = (all as f64 * share) as u64;
            let step = self.gaps.iter().position(|count| {
                let here = left < *count;
                left = left.saturating_sub(*count);
                here
            });
            step.or(self.gaps.iter().rposition(|count| *count > 0)).map_or(f64::NAN, |step| step as f64)
        };
        let percentiles =
            |of: &dyn Fn(f64) -> f64| Percentiles { p50: of(0.5), p99: of(0.99), p999: of(0.999), most: of(1.0) };
        Report {
            calls,
            succeeded: self.succeeded,
            refused: self.refused,
            unanswered: self.unanswered,
            broken: calls - self.succeeded - self.refused - self.unanswered,
            concurrent: self.concurrent,
            seconds: took.as_secs_f64(),
            setup_ms: percentiles(&setup),
            gap_ms: percentiles(&gap),
            packets_received: self.received,
        }
    }
}
