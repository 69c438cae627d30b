//! The program as its user runs it: `askonce serve` on real sockets, with real phones calling and answering.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read the sources and run the program")]

mod announce;
mod descriptors;
mod desk;
mod doctor;
mod encodings;
mod inbox;
mod kill;
mod line;
mod load;
mod lookups;
mod operating;
mod over;
mod recording;
mod reload;
mod returning;
mod scan;
mod server;
mod streams;
mod versions;

use askonce::os::clock::Clock;
use askonce::peer::net::Net;
use askonce::peer::{Act, Answering, Happened, Phones};
use askonce::sip::{Request, Uri};
use askonce::time::Duration;
use encodings::Search;
use server::{Server, TOKEN, askonce};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;

const ACCOUNT: &str = "79927398713";
const PATIENCE: Duration = Duration::from_secs(60);

fn set(voice: u8, answering: Answering, clock: Clock) -> (Net, Phones) {
    set_at(SocketAddr::from(([127, 0, 0, 1], 0)), voice, answering, clock)
}

fn set_at(address: SocketAddr, voice: u8, answering: Answering, clock: Clock) -> (Net, Phones) {
    let net = Net::bind(address, clock).expect("a socket");
    let phones = Phones::new(net.contact(), voice, answering, None, u64::from(voice));
    (net, phones)
}

/// Runs both sets of phones until the caller's call has ended; gives the agent's INVITEs and the caller's end.
fn talk(clock: Clock, sets: [&mut (Net, Phones); 2], during: &mut dyn FnMut(&Request)) -> (Vec<Request>, u16) {
    let began = clock.now();
    let mut invites = Vec::new();
    let mut ended = None;
    let [caller, agent] = sets;
    while ended.is_none() {
        assert!(clock.now().since(began) < PATIENCE, "the call did not end");
        caller.0.turn(&mut caller.1, &mut |_, _, happened| {
            if let Happened::Ended { status, .. } = happened {
                ended = Some(status);
            }
        });
        agent.0.turn(&mut agent.1, &mut |_, _, happened| {
            if let Happened::Invited(request) = happened {
                during(&request);
                invites.push(*request);
            }
        });
        caller.0.wait(&caller.1);
    }
    (invites, ended.expect("an end"))
}

fn call(caller: &mut (Net, Phones), server: SocketAddr, headers: Vec<(String, String)>, script: Vec<Act>) {
    let uri = |user: &str, host| Uri::of(user, host).expect("a URI");
    let from = uri("+15551230001", caller.0.contact());
    caller.1.call(server, uri("+18005550100", server), from, headers, script.into());
}

/// Keys the account over the welcome, confirms it over the read-back, and stays.
fn script() -> Vec<Act> {
    let second = Duration::from_secs(1);
    vec![Act::Wait(second), Act::Press(format!("{ACCOUNT}#")), Act::Wait(second), Act::Press("1".to_owned()), Act::Stay]
}

fn answers() -> Answering {
    let script = [Act::HearVoice, Act::Wait(Duration::from_millis(300)), Act::HangUp];
    Answering::Answer { after: Duration::from_millis(200), script: script.into() }
}

fn recordings(folder: &Path) -> Vec<PathBuf> {
    let calls = std::fs::read_dir(folder).expect("the recordings");
    calls.map(|call| call.expect("a call").path().join("call.jsonl")).collect()
}

#[test]
fn a_live_call_is_recorded_without_its_caller_and_runs_again() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().to_str().expect("a name").to_owned();
    let mut server = Server::start(agent.0.contact(), &["--record", &record]);
    call(&mut caller, server.sip, Vec::new(), script());
    let mut reference = String::new();
    let (invites, status) = talk(clock, [&mut caller, &mut agent], &mut |invite| {
        reference = invite.headers.get("X-Askonce-Context").expect("a reference").to_owned();
        // Durable before the phone rings: it can be read now.
        let path = format!("/v1/contexts/{reference}");
        let (status, body) = server.get(&path, TOKEN);
        assert_eq!(status, 200);
        let context: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(context["facts"]["account"]["value"], ACCOUNT);
        assert_eq!(server.get(&path, "another-token-altogether").0, 401);
        assert_eq!(server.get("/v1/contexts/00000000000000000000000000000000", TOKEN).0, 404);
        assert_eq!(server.get("/v1/calls", TOKEN).0, 404, "calls are traced only where it is asked for");
    });
    assert_eq!(status, 0, "a BYE, not a refusal");
    let [invite] = invites.as_slice() else { panic!("{} INVITEs", invites.len()) };
    server.terminate();

    let paths = recordings(folder.path());
    assert_eq!(paths.len(), 1);
    let text = std::fs::read_to_string(&paths[0]).expect("a recording");
    assert_eq!(invite.headers.get("X-Account"), Some(ACCOUNT), "the person had it");
    assert_eq!(Search::of([ACCOUNT.to_owned()]).found(text.as_bytes()), [""; 0], "the recording has not");
    let replay = askonce().args(["replay", &record]).output().expect("askonce replay");
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));

    let records = std::fs::read_to_string(server.path("askonce.cdr.jsonl")).expect("the call records");
    let cdr: serde_json::Value = serde_json::from_str(records.lines().next().expect("a record")).expect("JSON");
    assert_eq!((cdr["disposition"].as_str(), cdr["keys"].as_u64()), (Some("agent"), Some(13)));
    assert_eq!(cdr["media"].as_array().map(Vec::len), Some(2), "both streams told what they counted: {cdr}");
    assert!(!records.contains(ACCOUNT));
}

#[test]
fn a_configuration_binds_numbers_and_headers() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let folder = tempfile::tempdir().expect("a folder");
    let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let config = format!(
        "askonce: 1
listen: {{ sip: [udp:127.0.0.1:0], rtp: {{ ports: 21000-28999 }}, http: 127.0.0.1:0 }}
flows: [{flows}/account-desk.yaml]
store: askonce.db
trunks: {{ local: {{ from: [127.0.0.0/8], trust: [headers] }} }}
numbers: {{ \"+18005550100\": account-desk }}
destinations:
  support:
    to: [\"sip:agent@{agent}\"]
    trusted: true
    carriers: [headers]
    headers: {{ X-Member: account }}
",
        flows = flows.display(),
        agent = agent.0.contact(),
    );
    let path = folder.path().join("askonce.yaml");
    std::fs::write(&path, config).expect("a configuration");
    let path = path.to_str().expect("a name").to_owned();
    let checked = askonce().args(["check", "--config", &path]).status().expect("askonce check");
    assert!(checked.success());
    let mut server = Server::serve(folder, &["--config", &path]);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let uri = |user: &str, host| Uri::of(user, host).expect("a URI");
    let known = vec![("X-Account-Number".to_owned(), ACCOUNT.to_owned())];
    let mut place = |number: &str| {
        let from = uri("+15551230001", caller.0.contact());
        caller.1.call(server.sip, uri(number, server.sip), from, known.clone(), [Act::Stay].into());
        talk(clock, [&mut caller, &mut agent], &mut |_| {})
    };
    let (invites, status) = place("+18005550100");
    assert_eq!((invites.len(), status), (1, 0));
    assert_eq!(invites[0].headers.get("X-Member"), Some(ACCOUNT));
    assert_eq!(invites[0].headers.get("User-to-User"), None);
    let (invites, status) = place("+18005550199");
    assert_eq!((invites.len(), status), (0, 404), "a number that nobody answers");
    server.terminate();
}

#[test]
fn one_bad_call_does_not_spoil_the_next() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let mut server = Server::start(agent.0.contact(), &[]);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a deadline");
    let ask = |message: &str| {
        socket.send_to(message.as_bytes(), server.sip).expect("sent");
        let mut buffer = [0; 2048];
        let (length, _) = socket.recv_from(&mut buffer).expect("an answer");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    socket.send_to(b"\0\xff not SIP at all", server.sip).expect("sent");
    let head = "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1;rport\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\n";
    let unknown = ask(&format!("JUMP sip:x@127.0.0.1 SIP/2.0\r\n{head}CSeq: 1 JUMP\r\nMax-Forwards: 70\r\n\r\n"));
    assert!(unknown.starts_with("SIP/2.0 501 "), "{unknown}");
    let short = ask(&format!("OPTIONS sip:x@127.0.0.1 SIP/2.0\r\n{head}CSeq: 2 OPTIONS\r\nContent-Length: 99\r\n\r\n"));
    assert!(short.starts_with("SIP/2.0 400 "), "{short}");
    call(&mut caller, server.sip, Vec::new(), script());
    let (invites, status) = talk(clock, [&mut caller, &mut agent], &mut |_| {});
    assert_eq!((invites.len(), status), (1, 0));
    server.terminate();
}

fn refused(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = askonce().args(arguments).output().expect("askonce");
    let said = String::from_utf8(stderr).expect("text");
    assert!(!status.success(), "{arguments:?} succeeded: {said}");
    said
}

#[test]
fn what_cannot_start_says_where_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let flow = folder.path().join("broken.yaml");
    std::fs::write(&flow, "askonce: 1\nflow: broken\nblocks:\n  start:\n    - sya: welcome\n").expect("a flow");
    let flow = flow.to_str().expect("a name");
    let said = refused(&["serve", "--flow", flow, "--sip", "udp:127.0.0.1:0"]);
    assert!(said.contains("broken.yaml:5:7") && said.contains("say"), "{said}");

    let desk = ["serve", "--flow", "flows/account-desk.yaml", "--destination", "support=sip:agent@127.0.0.1:9"];
    let with = |more: &[&str]| refused(&[&desk[..], more].concat());
    let said = with(&["--record", flow, "--store", folder.path().join("c.db").to_str().expect("a name")]);
    assert!(said.contains("the inbox") && said.contains("remedy"), "a file where the folder should be: {said}");
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let taken = format!("udp:{}", taken.local_addr().expect("an address"));
    let said = with(&[
        "--sip",
        &taken,
        "--http",
        "127.0.0.1:0",
        "--store",
        folder.path().join("a.db").to_str().expect("a name"),
    ]);
    assert!(said.contains(&taken) && said.contains("remedy"), "{said}");
    let said = with(&["--sip", "udp:127.0.0.1:0", "--http", "127.0.0.1:0", "--store", "/nowhere/at/all.db"]);
    assert!(said.contains("/nowhere/at/all.db") && said.contains("remedy"), "{said}");
    let store = folder.path().join("b.db").display().to_string();
    let free = ["--sip", "udp:127.0.0.1:0", "--http", "127.0.0.1:0", "--store", &store];
    for (ports, why) in [("127.0.0.1:20001-20002", "two even ports"), ("192.0.2.1:20000-20999", "192.0.2.1")] {
        let said = with(&[&free[..], &["--rtp", ports]].concat());
        assert!(said.contains(why) && said.contains("remedy"), "{said}");
    }
    let mut first = Server::start("127.0.0.1:9".parse().expect("an address"), &["--store", &store]);
    let said = with(&free);
    assert!(said.contains("another service holds"), "{said}");
    first.terminate();
    let said = refused(&["serve", "--flow", "flows/account-desk.yaml", "--sip", "udp:127.0.0.1:0"]);
    assert!(said.contains("support"), "a queue without a destination: {said}");
}

#[test]
fn a_call_can_be_watched_while_it_is_under_way_and_captured_after() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let mut server = Server::start(agent.0.contact(), &["--trace"]);
    let (http, token) = (server.http.to_string(), server.path("token").display().to_string());
    let trace = |arguments: &[&str]| {
        let place = ["--http", &http, "--token-file", &token];
        let Output { status, stdout, stderr } =
            askonce().arg("trace").args(arguments).args(place).output().expect("askonce trace");
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("text")
    };
    call(&mut caller, server.sip, Vec::new(), script());
    let mut name = String::new();
    talk(clock, [&mut caller, &mut agent], &mut |_| {
        let listed = trace(&["--live"]);
        assert!(listed.contains("account-desk  **********01\n1 call under way"), "{listed}");
        name = listed.split_whitespace().next().expect("a name").to_owned();
        let ladder = trace(&["--live", &name]);
        for told in
            ["INVITE +18005550100", "keys \u{2022}\u{2022}", "step start.2 collect", "fact account filled", "hand-off"]
        {
            assert!(ladder.contains(told), "no {told} in\n{ladder}");
        }
        assert!(!ladder.contains(ACCOUNT) && !ladder.contains("bridge"), "{ladder}");
        assert_eq!(server.get("/v1/calls", "another-token-altogether").0, 401);
        assert_eq!(server.get(&format!("/v1/calls/{name}/trace"), "another-token-altogether").0, 401);
        assert_eq!(server.get("/v1/calls/another/trace", TOKEN).0, 404);
    });
    let pcap = server.path("call.pcap");
    let ladder = trace(&["--live", &name, "--follow", "--pcap", pcap.to_str().expect("a name")]);
    for told in ["* bridge", "* end agent by agent", "200 OK (BYE)"] {
        assert!(ladder.contains(told), "no {told} in\n{ladder}");
    }
    assert!(trace(&["--live"]).contains("0 calls under way"));
    let capture = std::fs::read(&pcap).expect("a capture");
    let has = |text: &str| capture.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("INVITE sip:+18005550100@") && has("X-Account: ***********\r\n") && !has(ACCOUNT));
    server.terminate();
}

#[test]
fn the_example_flows_their_prompts_and_their_place_are_sound() {
    for arguments in [&["check", "--config", "examples/place.yaml"][..], &["prompts", "check", "flows/"]] {
        let Output { status, stdout, stderr } = askonce().args(arguments).output().expect("askonce");
        let told = String::from_utf8([stdout, stderr].concat()).expect("text");
        assert!(status.success() && told.contains("`callback` is not served yet"), "{told}");
        assert_eq!(told.matches("warning[").count(), 1, "{told}");
    }
}

#[test]
fn a_flow_is_drawn_in_three_forms_and_a_broken_one_is_told_of() {
    let graph = |arguments: &[&str]| askonce().arg("graph").args(arguments).output().expect("askonce graph");
    let flow = "flows/contact-center.yaml";
    for (form, begins) in [("svg", "<svg "), ("mermaid", "---\ntitle: contact-center\n")] {
        let drawn = graph(&[flow, "--format", form]);
        assert!(drawn.status.success() && drawn.stdout.starts_with(begins.as_bytes()), "{form}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (page, broken) = (folder.path().join("page.html"), folder.path().join("broken.yaml"));
    assert!(graph(&[flow, "--html", "-o", page.to_str().expect("a name")]).status.success());
    let text = std::fs::read_to_string(&page).expect("the page");
    assert!(text.contains("- callback: support") && text.contains("We will call you back."), "{text}");
    std::fs::write(&broken, "askonce: 1\nflow: broken\n").expect("a flow");
    let Output { status, stdout, stderr } = graph(&[broken.to_str().expect("a name")]);
    let told = String::from_utf8_lossy(&stderr);
    assert!(status.code() == Some(1) && stdout.is_empty() && told.contains("broken.yaml"), "{told}");
}
