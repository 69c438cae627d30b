//! The example flows, called by SIPp: each caller keys ahead of the prompts, and the context of each arrives at the SIPp that
//! is the person. The systems of the business are those of `cargo run --example business`.

use crate::peers::{Sipp, free};
use crate::scenario::{AGENT, caller};
use crate::server::Server;
use crate::{business, header};
use askonce::context::carrier::uui;
use std::net::SocketAddr;

const RINGS: &str = "<recv response=\"100\" optional=\"true\"/>";

/// What is dialled, whom that reaches, what is keyed, and the facts that arrive by User-to-User.
struct Example {
    number: &'static str,
    person: &'static str,
    keys: String,
    facts: Vec<(&'static str, String)>,
}

fn examples() -> [Example; 8] {
    let fact = |name, value: &str| (name, value.to_owned());
    // Whatever the pharmacy's clock says, this is not past.
    let pickup = jiff::Zoned::now().date().saturating_add(jiff::ToSpan::days(2));
    let account = fact("account", "79927398713");
    [
        Example { number: "100", person: "support", keys: ",79927398713#,1".to_owned(), facts: vec![account.clone()] },
        Example {
            number: "101",
            person: "billing",
            keys: ",1,79927398713#,1,4321,,1".to_owned(),
            facts: vec![account, fact("reason", "billing")],
        },
        Example { number: "102", person: "doctor", keys: ",,1".to_owned(), facts: vec![fact("urgency", "emergency")] },
        Example {
            number: "103",
            person: "cards",
            keys: ",4111111111111111,1,1234,,0".to_owned(),
            facts: vec![fact("verified", "true")],
        },
        Example {
            number: "104",
            person: "counter",
            keys: pickup.strftime(",03011980,1,1234567,,%m%d%Y,,1,7654321").to_string(),
            facts: vec![fact("birth", "1980-03-01"), fact("rx", "7654321")],
        },
        Example {
            number: "105",
            person: "acme",
            keys: ",1,123456#,1".to_owned(),
            facts: vec![fact("reason", "order"), fact("order_number", "123456")],
        },
        Example {
            number: "107",
            person: "crew",
            keys: ",1,2,79927398713#,,0".to_owned(),
            facts: vec![fact("trouble", "no_power"), fact("account", "79927398713")],
        },
        // It is closed, like the practice.
        Example { number: "108", person: "duty", keys: ",1,,1".to_owned(), facts: Vec::new() },
    ]
}

/// Where the business answers, until the test ends.
fn business() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("as tokio wants it");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            business::serve(listener, |_| {}).await.expect("answers")
        })
    });
    address
}

#[test]
fn each_example_is_called_and_its_context_arrives() {
    let examples = examples();
    let people: Vec<(&str, SocketAddr)> = examples.iter().map(|example| (example.person, free())).collect();
    // A whisper is heard out before the two talk.
    let listens = AGENT.replace("<pause milliseconds=\"1000\"/>", "<pause milliseconds=\"14000\"/>");
    let agents: Vec<Sipp> = people.iter().map(|(_, at)| Sipp::answering(&listens, *at)).collect();
    let server = Server::examples(&people, business());
    let calls = examples.iter().map(|example| {
        let scenario = caller(45).replace("18005550100", example.number);
        // The practice speaks before it answers.
        let scenario = scenario.replacen(RINGS, &format!("{RINGS}\n  <recv response=\"183\" optional=\"true\"/>"), 1);
        Sipp::calling(&scenario, server.sip, &format!("{},,,,", example.keys))
    });
    let calls: Vec<Sipp> = calls.collect();
    for ((example, agent), call) in examples.iter().zip(agents).zip(calls) {
        let (agent, call) = (agent.messages(), call.messages());
        let invite = agent.only("INVITE ");
        assert!(invite.starts_with(&format!("INVITE sip:{}@", example.person)), "{invite}");
        let [value] = header(invite, "User-to-User")[..] else { panic!("one User-to-User in\n{invite}") };
        let pairs = uui::read(value, None).expect("readable").pairs;
        let mut pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.open().to_owned()));
        let reference = pairs.next().expect("a reference");
        assert_eq!((reference.0, reference.1.len()), ("ref", 32), "{}", example.person);
        assert_eq!(pairs.collect::<Vec<_>>(), example.facts, "{}", example.person);
        // Nobody hung up on the caller but with the call's end.
        call.only("BYE ");
    }
    let records = server.records();
    assert_eq!(records.len(), examples.len());
    assert!(records.iter().all(|record| record["disposition"] == "agent"), "{records:?}");
}
