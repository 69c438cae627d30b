//! What the service remembers beyond a call: a case whose reference comes back, and what other channels post.

use crate::server::{Server, TOKEN};
use crate::{ACCOUNT, answers, call, script, set, talk};
use askonce::os::clock::Clock;
use askonce::peer::{Act, Answering};
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn a_caller_who_comes_back_with_the_reference_is_not_asked_again() {
    let clock = Clock::start();
    let mut agent = set(0x42, answers(), clock);
    let mut caller = set(0x31, Answering::Refuse(486), clock);
    let server = Server::start(agent.0.contact(), &[]);
    call(&mut caller, server.sip, Vec::new(), script());
    let context = |reference: &str| -> serde_json::Value {
        let (status, body) = server.get(&format!("/v1/contexts/{reference}"), TOKEN);
        assert_eq!(status, 200);
        serde_json::from_str(&body).expect("JSON")
    };
    let (first, _) = talk(clock, [&mut caller, &mut agent], &mut |_| {});
    let reference = first[0].headers.get("X-Askonce-Context").expect("a reference");
    let header = vec![("X-Askonce-Context".to_owned(), reference.to_owned())];
    call(&mut caller, server.sip, header, vec![Act::Stay]);
    let (second, _) = talk(clock, [&mut caller, &mut agent], &mut |_| {});
    assert_eq!(second[0].headers.get("X-Account"), Some(ACCOUNT));
    let again = second[0].headers.get("X-Askonce-Context").expect("a reference");
    let (one, two) = (context(reference), context(again));
    assert_eq!(one["case"], two["case"]);
    assert_ne!(one["call"], two["call"]);
    assert_eq!(two["facts"]["account"]["from"], "keypad");
}

fn post(server: &Server, token: &str, body: &str) -> u16 {
    let mut stream = TcpStream::connect(server.http).expect("a connection");
    let length = body.len();
    let head = format!(
        "POST /v1/web HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

#[test]
fn another_channel_posts_what_it_knows() {
    let clock = Clock::start();
    let agent = set(0x42, answers(), clock);
    let server = Server::start(agent.0.contact(), &[]);
    let body = format!("{{\"caller\": \"+15551230001\", \"facts\": {{\"account\": \"{ACCOUNT}\"}}, \"expires\": 60}}");
    assert_eq!(post(&server, "another-token-altogether", &body), 401);
    assert_eq!(post(&server, TOKEN, &body.replace("60", "0")), 400);
    assert_eq!(post(&server, TOKEN, &" ".repeat(17 * 1024)), 413);
    assert_eq!(post(&server, TOKEN, &body), 204);
}
