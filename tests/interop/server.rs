//! `askonce serve` in a folder of its own, over UDP, TCP and TLS.

use crate::program::Program;
use askonce::sip::Transport;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

pub const DESK: &str = include_str!("../../flows/account-desk.yaml");
/// Sends the caller's phone away, or is sorry.
pub const AWAY: &str = "askonce: 1
flow: away
facts:
  account: { type: digits, length: 8, known: [uui.account] }
blocks:
  start:
    - transfer: support
      because: the desk has its own phones
      needs: [account]
      else: sorry
  sorry:
    - say: call_later
    - hangup
";

pub struct Server {
    pub program: Program,
    pub sip: SocketAddr,
    hops: Vec<(Transport, SocketAddr)>,
    folder: TempDir,
}

impl Server {
    /// Serves the account desk, whose people are at `agent`.
    pub fn start(agent: SocketAddr) -> Server {
        Server::serving(DESK, &format!("sip:agent@{agent}"), "", &[])
    }

    /// Serves a flow with people at `to`, with `more` lines of configuration and of command line.
    pub fn serving(flow: &str, to: &str, more: &str, arguments: &[&str]) -> Server {
        Server::placed(flow, &PLACE.replace("TO", to).replace("MORE", more), arguments)
    }

    /// Serves the account desk with that `srtp:` of its callers, and of the people at `to`.
    pub fn secure(callers: &str, people: &str, to: &str) -> Server {
        let place = PLACE.replace("trust: [", &format!("srtp: {callers}, trust: ["));
        let place = place.replace("trusted:", &format!("srtp: {people}, trusted:"));
        Server::placed(DESK, &place.replace("TO", to).replace("MORE", ""), &[])
    }

    /// Serves the account desk in one codec, with SRTP or without, and records into a folder.
    pub fn recording(codec: &str, srtp: &str, to: &str, record: &Path) -> Server {
        let place = PLACE.replace("trust: [", &format!("srtp: {srtp}, trust: ["));
        let place = place.replace("trusted:", &format!("srtp: {srtp}, trusted:"));
        let place = place.replace("TO", to).replace("MORE", &format!("codecs: [{codec}]\n{}", keeping(record)));
        Server::placed(DESK, &place, &[])
    }

    /// Serves the examples as `examples/place.yaml` does, for people at these addresses; the doctor's practice is closed today,
    /// everybody else never closes.
    pub fn examples(people: &[(&str, SocketAddr)], business: SocketAddr) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let (ours, flows) = (Path::new(env!("CARGO_MANIFEST_DIR")), folder.path().join("flows"));
        std::fs::create_dir(&flows).expect("a folder");
        for entry in std::fs::read_dir(ours.join("flows")).expect("the flows") {
            let from = entry.expect("an entry").path();
            let to = flows.join(from.file_name().expect("a name"));
            match from.is_dir() {
                true => std::os::unix::fs::symlink(from, to).expect("the prompts"),
                false => {
                    let flow = std::fs::read_to_string(from).expect("a flow");
                    std::fs::write(to, at_any_hour(&flow)).expect("a file");
                }
            }
        }
        let mut place = std::fs::read_to_string(ours.join("examples/place.yaml")).expect("the place");
        let business = business.to_string();
        let mut put = |from: &str, to: &str| place = place.replace(from, to);
        for (from, to) in [
            ("127.0.0.1:5060", "127.0.0.1:0"),
            ("127.0.0.1:8080", "127.0.0.1:0"),
            ("20000-29999", "21000-28999"),
            ("../", ""),
            ("127.0.0.1:9000", &business),
        ] {
            put(from, to);
        }
        for (person, at) in people {
            put(&format!("{person}@127.0.0.1:5090"), &format!("{person}@{at}"));
        }
        std::fs::copy(ours.join("examples/announce-pin"), folder.path().join("announce-pin")).expect("a copy");
        std::fs::write(folder.path().join("askonce.yaml"), place).expect("a file");
        Server::run(folder, &[])
    }

    fn placed(flow: &str, place: &str, arguments: &[&str]) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
        certificates(folder.path());
        let name = flow.lines().find_map(|line| line.strip_prefix("flow: ")).expect("its name");
        write("flow.yaml", flow);
        std::os::unix::fs::symlink(
            concat!(env!("CARGO_MANIFEST_DIR"), "/flows/prompts"),
            folder.path().join("prompts"),
        )
        .expect("the prompts");
        write("askonce.yaml", &place.replace("FLOW", name));
        Server::run(folder, arguments)
    }

    fn run(folder: TempDir, arguments: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_askonce"));
        command.current_dir(folder.path()).args(["serve", "--config", "askonce.yaml"]).args(arguments);
        let mut program = Program::start(command, "nothing: cargo builds it");
        let ready = program.says("ready sip=");
        let sip = ready.split_whitespace().find_map(|word| word.strip_prefix("sip=")).expect("SIP addresses");
        let hops: Vec<_> = sip
            .split(',')
            .map(|hop| {
                let (transport, address) = hop.split_once(':').expect("a transport");
                (Transport::of(transport).expect("one of three"), address.parse().expect("an address"))
            })
            .collect();
        Server { sip: hops[0].1, program, hops, folder }
    }

    pub fn at(&self, transport: Transport) -> SocketAddr {
        self.hops.iter().find(|hop| hop.0 == transport).expect("listened on").1
    }

    /// What callers dial; `host` is a name of this machine.
    pub fn uri(&self, host: &str, transport: Transport) -> String {
        format!("sip:18005550100@{host}:{};transport={}", self.at(transport).port(), transport.as_str())
    }

    /// Where `cert.pem`, `key.pem`, `both.pem` and `ca.pem` are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the server once its calls have ended; gives their records.
    pub fn records(self) -> Vec<serde_json::Value> {
        self.program.signal("-TERM");
        self.ended()
    }

    /// Waits for its end; gives the records of its calls.
    pub fn ended(mut self) -> Vec<serde_json::Value> {
        assert!(self.program.ends().success());
        let records = std::fs::read_to_string(self.folder.path().join("askonce.cdr.jsonl")).expect("the records");
        records.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// The flow with other hours: the practice has a holiday, all others are open.
fn at_any_hour(flow: &str) -> String {
    let today = jiff::Zoned::now().date();
    let day = |after: i64| today.saturating_add(jiff::ToSpan::days(after)).to_string();
    let closed = format!("us: [{}, {}, {}, ", day(-1), day(0), day(1));
    let (always, office) = ("mon-sun: 00:00-24:00", "mon-fri: 08:00-20:00, sat: 09:00-13:00");
    let flow = flow.replace("us: [", &closed).replace("12-25, 01-01", "2020-12-25");
    flow.replace(office, always).replace("mon-fri: 07:00-16:00", always)
}

const PLACE: &str = r#"askonce: 1
listen:
  sip: [udp:127.0.0.1:0, tcp:127.0.0.1:0, tls:127.0.0.1:0]
  rtp: { address: 127.0.0.1, ports: 21000-28999 }
  http: 127.0.0.1:0
tls: { cert: cert.pem, key: key.pem, ca: ca.pem }
flows: [flow.yaml]
store: askonce.db
trunks: { local: { from: [127.0.0.0/8], trust: [uui, headers] } }
numbers: { "*": FLOW }
destinations: { support: { to: ["TO"], trusted: true, carriers: [uui-isdn, headers, refer_to] } }
MORE
"#;

/// A certificate for this machine, for askonce and its peers alike, and the authority that vouches for it.
/// Has every call kept in that folder.
pub fn keeping(record: &Path) -> String {
    format!("record: {{ fixtures: {{ keep: all, folder: \"{}\" }} }}", record.display())
}

fn certificates(folder: &Path) {
    let mut authority = CertificateParams::new([]).expect("an authority");
    // OpenSSL takes a certificate of its issuer's name for one that vouches for itself.
    authority.distinguished_name.push(DnType::CommonName, "authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("signed");
    let key = KeyPair::generate().expect("a key");
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = CertificateParams::new(names).expect("names").signed_by(&key, &authority).expect("signed");
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    let both = format!("{certificate}{key}");
    for (name, text) in
        [("cert.pem", &certificate), ("key.pem", &key), ("both.pem", &both), ("ca.pem", &authority.pem())]
    {
        std::fs::write(folder.join(name), text).expect("a file");
    }
}
