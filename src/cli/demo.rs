//! `askonce demo`: the whole main job on loopback, with real SIP and RTP and nothing to set up. A caller
//! keys an account number in once; the agent's phone receives it.

use super::{Failed, fail, show};
use crate::audio::Arena;
use crate::config::{Config, Quick, RtpPorts};
use crate::context::carrier::uui;
use crate::os::clock::Clock;
use crate::peer::ear::Ear;
use crate::peer::net::Net;
use crate::peer::{Act, Answering, Happened, Phones, http};
use crate::server::files::{self, Embedded};
use crate::server::http::Token;
use crate::server::{self, Plan, Will};
use crate::sip::{Request, Uri};
use crate::time::{Duration, Instant};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// The account that the caller keys in: it passes the flow's Luhn check.
const ACCOUNT: &str = "79927398713";
const FLOW: &str = "flows/account-desk.yaml";
const LOOPBACK: [u8; 4] = [127, 0, 0, 1];
const CALLER: &str = "+15551230001";
const CALLED: &str = "+18005550100";
/// The voices of the two phones: what fills their frames, so that each can tell that it hears the other.
const CALLER_VOICE: u8 = 0x31;
const AGENT_VOICE: u8 = 0x42;
/// The demonstration takes some 20 s; this is when something has gone wrong.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(clap::Args)]
pub struct Args {
    /// Print nothing but the verdict
    #[arg(long)]
    quiet: bool,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    let clock = Clock::start();
    // The two phones know the prompts by their frames.
    let (service, _) = files::load(&Embedded, Path::new(FLOW));
    let service = service.ok_or_else(|| fail("the built-in flow does not load"))?;
    let (prompts, arena) = (service.program.prompts, service.arena);
    let mut agent = agent(clock, &arena).map_err(fail)?;
    let folder = tempfile::tempdir().map_err(fail)?;
    let token = random_token().map_err(fail)?;
    let config = Config::quick(&Quick {
        flow: FLOW,
        destinations: &[format!("support=sip:agent@{}", agent.0.contact())],
        endpoints: &[],
        sip: SocketAddr::from((LOOPBACK, 0)),
        rtp: RtpPorts { address: LOOPBACK.into(), first: 20_000, last: 29_999 },
        http: SocketAddr::from((LOOPBACK, 0)),
        store: &folder.path().join("askonce.db").display().to_string(),
    });
    let (place, findings) = server::quick_place(&Embedded, &config.map_err(fail)?);
    show(&findings);
    let place = place.ok_or_else(|| fail("the built-in flow does not load"))?;
    let plan = Plan { place, watch: None, token: Token::new(&token), trace: false, workers: None };
    let running = server::start(plan).map_err(fail)?;
    let mut caller = caller(clock, &arena, running.sip[0].address).map_err(fail)?;
    let mut story =
        Story { quiet: args.quiet, began: clock.now(), prompts, http: running.http, token, seen: Seen::default() };
    story.line(story.began, "caller", &format!("INVITE sip:{CALLED}@{} from {CALLER}", running.sip[0].address));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fail)?;
    while story.seen.ended < 2 && clock.now().since(story.began) < PATIENCE {
        for (who, (net, phones)) in [("caller", &mut caller), ("agent", &mut agent)] {
            net.turn(phones, &mut |_, at, happened| story.tell(who, at, happened));
        }
        if let Some(reference) = story.seen.reference.take() {
            story.fetch(&runtime, &reference);
        }
        caller.0.wait(&caller.1);
    }
    // A demonstration that failed may have calls that nobody would end.
    running.wants(Will::Stop);
    running.join();
    story.verdict()
}

fn agent(clock: Clock, arena: &Arc<Arena>) -> std::io::Result<(Net, Phones)> {
    let net = Net::bind(SocketAddr::from((LOOPBACK, 0)), clock)?;
    let script = [Act::HearVoice, Act::Wait(Duration::from_secs(2)), Act::HangUp];
    let answering = Answering::Answer { after: Duration::from_millis(1500), script: Arc::new(script) };
    let phones = Phones::new(
        net.contact(),
        AGENT_VOICE,
        answering,
        Some(Arc::new(Ear::new(arena))),
        clock.now().as_micros() + 1,
    );
    Ok((net, phones))
}

fn caller(clock: Clock, arena: &Arc<Arena>, server: SocketAddr) -> std::io::Result<(Net, Phones)> {
    let net = Net::bind(SocketAddr::from((LOOPBACK, 0)), clock)?;
    let script = [
        Act::Hear("en/account_ask".to_owned()),
        Act::Wait(Duration::from_millis(1200)),
        Act::Press(format!("{ACCOUNT}#")),
        Act::Hear("en/digits/7".to_owned()),
        Act::Wait(Duration::from_millis(900)),
        Act::Press("1".to_owned()),
        Act::HearVoice,
        Act::Stay,
    ];
    let ear = Some(Arc::new(Ear::new(arena)));
    let mut phones = Phones::new(net.contact(), CALLER_VOICE, Answering::Refuse(486), ear, clock.now().as_micros());
    let uri = |user: &str, host: SocketAddr| Uri::of(user, host).map_err(std::io::Error::other);
    phones.call(server, uri(CALLED, server)?, uri(CALLER, net.contact())?, Vec::new(), Arc::new(script));
    Ok((net, phones))
}

fn random_token() -> Result<String, getrandom::Error> {
    let mut bits = [0; 24];
    getrandom::fill(&mut bits)?;
    Ok(bits.iter().map(|octet| format!("{octet:02x}")).collect())
}

/// What came over the wire, as far as the verdict needs it.
#[derive(Default)]
struct Seen {
    asked: u32,
    agent_account: Option<String>,
    header_account: Option<String>,
    reference: Option<String>,
    context_account: Option<String>,
    talked: u32,
    ended: u32,
}

struct Story {
    quiet: bool,
    began: Instant,
    prompts: Arc<crate::flow::Prompts>,
    http: SocketAddr,
    token: String,
    seen: Seen,
}

impl Story {
    fn line(&self, at: Instant, who: &str, what: &str) {
        if !self.quiet {
            println!("{:8.3}  {who:8}{what}", at.since(self.began).as_secs_f64());
        }
    }

    fn more(&self, what: &str) {
        if !self.quiet {
            println!("{:18}{what}", "");
        }
    }

    fn tell(&mut self, who: &str, at: Instant, happened: Happened) {
        match happened {
            Happened::Invited(request) => self.invited(at, &request),
            Happened::Ringing => self.line(at, who, "ringing"),
            Happened::Answered { after } if who == "caller" => {
                self.line(at, who, &format!("answered after {:.1} ms", after.as_secs_f64() * 1e3));
            }
            Happened::Answered { .. } => self.line(at, who, "answers"),
            Happened::Heard(clip) => self.heard(at, who, &clip),
            Happened::HeardVoice => {
                self.seen.talked += 1;
                let other = if who == "caller" { "agent" } else { "caller" };
                self.line(at, who, &format!("hears the {other}'s voice through the bridge"));
            }
            Happened::KeyHeard(_) => self.line(at, who, "hears a key of the other side"),
            Happened::Referred(status) => self.line(at, who, &format!("is told {status}")),
            Happened::Pressed => self.line(at, who, "has keyed it in"),
            Happened::Ended { by_us, status, counted, .. } => {
                self.seen.ended += 1;
                let how = if by_us { "hangs up" } else { "is hung up on" };
                let refused = if status == 0 { String::new() } else { format!(" with {status}") };
                let packets = format!("{} RTP packets sent, {} received", counted.sent, counted.received);
                self.line(at, who, &format!("{how}{refused} ({packets})"));
            }
        }
    }

    fn heard(&mut self, at: Instant, who: &str, clip: &str) {
        if clip == "en/account_ask" {
            self.seen.asked += 1;
        }
        if clip.contains("/digits/") {
            return;
        }
        let text = self.words(clip);
        self.line(at, who, &format!("hears {text}"));
    }

    /// The words of a clip: those of its prompt.
    fn words(&self, clip: &str) -> String {
        let id = clip.rsplit('/').next().unwrap_or(clip);
        let (id, piece) = id.split_once('.').unwrap_or((id, ""));
        match self.prompts.first().prompt(id) {
            Some(prompt) if piece.is_empty() || piece == "1" => {
                format!("\u{201c}{}\u{201d}", prompt.text.replace("{account}", "7 9 9 2 \u{2026}"))
            }
            Some(_) => format!("the rest of {id}"),
            None => clip.to_owned(),
        }
    }

    fn invited(&mut self, at: Instant, request: &Request) {
        self.line(at, "agent", &format!("INVITE {}", request.uri));
        for value in request.headers.all("User-to-User") {
            self.more(&format!("User-to-User: {value}"));
            for (name, value) in uui::read(value, None).map_or_else(|_| Vec::new(), |read| read.pairs) {
                self.more(&format!("    {name} = {}", value.open()));
                match name.as_str() {
                    "account" => self.seen.agent_account = Some(value.open().to_owned()),
                    "ref" => self.seen.reference = Some(value.open().to_owned()),
                    _ => {}
                }
            }
        }
        for (name, value) in request.headers.iter().filter(|(name, _)| name.starts_with("X-")) {
            self.more(&format!("{name}: {value}"));
            if name == "X-Account" {
                self.seen.header_account = Some(value.to_owned());
            }
        }
    }

    /// Fetches the context while the agent's phone rings: it was durable before.
    fn fetch(&mut self, runtime: &tokio::runtime::Runtime, reference: &str) {
        let path = format!("/v1/contexts/{reference}");
        match runtime.block_on(http::get(self.http, &path, &self.token)) {
            Ok((status, body)) => {
                self.more(&format!("GET {path} -> {status}"));
                let document: serde_json::Value = serde_json::from_str(&body).unwrap_or(serde_json::Value::Null);
                let pretty = serde_json::to_string_pretty(&document).unwrap_or(body);
                pretty.lines().for_each(|line| self.more(&format!("    {line}")));
                self.seen.context_account = document["facts"]["account"]["value"].as_str().map(str::to_owned);
            }
            Err(error) => self.more(&format!("GET {path} failed: {error}")),
        }
    }

    fn verdict(&self) -> Result<(), Failed> {
        let seen = &self.seen;
        let is_account = |got: &Option<String>| got.as_deref() == Some(ACCOUNT);
        let checks = [
            (seen.asked == 1, "the caller was asked exactly once"),
            (is_account(&seen.agent_account), "the agent's phone received the number in User-to-User"),
            (is_account(&seen.header_account), "and in X-Account"),
            (is_account(&seen.context_account), "the context held it before the phone was answered"),
            (seen.talked == 2, "the two heard each other"),
            (seen.ended == 2, "both calls ended"),
        ];
        println!();
        for (held, what) in checks {
            println!("  {}  {what}", if held { "yes" } else { "NO " });
        }
        if checks.iter().all(|(held, _)| *held) {
            println!("\nasked once: {ACCOUNT} was keyed in once and reached the agent's phone over the wire");
            Ok(())
        } else {
            Err(fail("the demonstration did not hold"))
        }
    }
}
