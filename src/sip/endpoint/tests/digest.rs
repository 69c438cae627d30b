//! Challenges to our requests.

use super::*;
use crate::secret::Secret;
use crate::sip::auth::Credentials;

const NOW: Instant = Instant::from_micros(1_000_000);

fn response(request: &str, status: &str, more: &str) -> String {
    let kept = ["Via", "From", "To", "Call-ID", "CSeq"];
    let lines = request.lines().filter(|line| kept.iter().any(|name| line.starts_with(name)));
    let lines = lines
        .collect::<Vec<_>>()
        .join("\r\n")
        .replace("To: <sip:ivr@192.0.2.2:5060>", "To: <sip:ivr@192.0.2.2:5060>;tag=9");
    format!("SIP/2.0 {status}\r\n{lines}\r\n{more}Content-Length: 0\r\n\r\n")
}

/// What the endpoint sends on a response to the last request of that method, and its events.
fn hears(caller: &mut Endpoint, request: &str, status: &str, more: &str) -> (Vec<(Hop, String)>, Vec<String>) {
    caller.on_message(NOW, hop(1), response(request, status, more).as_bytes(), Door::Open);
    let (sent, events) = drain(caller);
    (sent, names(&events))
}

fn line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find(|line| line.starts_with(name))
}

const CHALLENGE: &str = "Proxy-Authenticate: Digest realm=\"carrier.example\", nonce=\"n1\", qop=\"auth\"\r\n";

fn with_account() -> (Endpoint, Account) {
    let mut caller = endpoint(0);
    let credentials = Credentials::new("carrier.example", "100", Secret::new("opensesame")).unwrap();
    let account = caller.open_account(credentials);
    (caller, account)
}

#[test]
fn a_challenged_invite_goes_out_again_and_all_that_follows_is_authorized() {
    let (mut caller, account) = with_account();
    let dialog = caller.invite_on(NOW, hop(1), invite(1), Some(account)).unwrap();
    let first = drain(&mut caller).0.remove(0).1;
    assert!(line(&first, "Proxy-Authorization").is_none());
    let (sent, events) = hears(&mut caller, &first, "407 Proxy Authentication Required", CHALLENGE);
    assert_eq!((words(&sent), events.len()), (vec!["ACK".to_owned(), "INVITE".to_owned()], 0));
    let second = &sent[1].1;
    assert_eq!((line(second, "CSeq"), line(second, "Call-ID")), (Some("CSeq: 2 INVITE"), line(&first, "Call-ID")));
    assert_ne!(line(second, "Via"), line(&first, "Via"));
    let proof = line(second, "Proxy-Authorization").unwrap();
    assert!(proof.contains("username=\"100\"") && proof.contains("nc=00000001") && !proof.contains("opensesame"));
    let (sent, events) = hears(&mut caller, second, "200 OK", "Contact: <sip:b@192.0.2.2>\r\n");
    assert_eq!((words(&sent), events), (vec!["ACK".to_owned()], vec!["Answered(1)".to_owned()]));
    assert_eq!(line(&sent[0].1, "Proxy-Authorization"), Some(proof), "the ACK repeats the credentials");
    caller.bye(NOW, dialog).unwrap();
    let (sent, _) = drain(&mut caller);
    assert!(line(&sent[0].1, "Proxy-Authorization").unwrap().contains("nc=00000002"), "the BYE has its own");
}

#[test]
fn a_wrong_password_and_a_foreign_realm_stay_refused() {
    let foreign = CHALLENGE.replace("carrier.example", "elsewhere.example");
    for (challenges, account_given) in
        [(vec![CHALLENGE, CHALLENGE], true), (vec![&*foreign], true), (vec![CHALLENGE], false)]
    {
        let (mut caller, account) = with_account();
        caller.invite_on(NOW, hop(1), invite(1), account_given.then_some(account)).unwrap();
        let mut request = drain(&mut caller).0.remove(0).1;
        for challenge in &challenges[1..] {
            let (sent, events) = hears(&mut caller, &request, "407 Who", challenge);
            assert!(events.is_empty());
            request = sent[1].1.clone();
        }
        let (sent, events) = hears(&mut caller, &request, "407 Who", challenges[0]);
        assert_eq!((words(&sent), events), (vec!["ACK".to_owned()], vec!["Refused(1, 407)".to_owned()]));
    }
}

/// A call on an account that stands, with the ACK sent.
fn answered(allow: &str) -> (Endpoint, DialogId) {
    let (mut caller, account) = with_account();
    let dialog = caller.invite_on(NOW, hop(1), invite(1), Some(account)).unwrap();
    let first = drain(&mut caller).0.remove(0).1;
    let (sent, _) = hears(&mut caller, &first, "407 Who", CHALLENGE);
    hears(&mut caller, &sent[1].1, "200 OK", &format!("Contact: <sip:b@192.0.2.2>\r\n{allow}"));
    (caller, dialog)
}

#[test]
fn every_challenged_request_in_a_dialog_is_sent_again_once() {
    type Command = fn(&mut Endpoint, DialogId);
    let update = "Allow: INVITE, UPDATE\r\n";
    // What we do; the peer's last word, and what we hear of it
    let cases: [(Command, &str, &str, &str); 4] = [
        (|caller, dialog| caller.bye(NOW, dialog).unwrap(), "BYE", "200 OK", ""),
        (|caller, dialog| caller.info(NOW, dialog, "text/plain", b"1".to_vec()).unwrap(), "INFO", "200 OK", ""),
        (|caller, dialog| caller.refer(NOW, dialog, "<sip:c@h>").unwrap(), "REFER", "202 OK", "Referred(1, 202)"),
        (|caller, dialog| caller.update(NOW, dialog, SDP.to_vec()).unwrap(), "UPDATE", "200 OK", "Reanswered(1)"),
    ];
    for (command, method, last, told) in cases {
        let (mut caller, dialog) = answered(update);
        command(&mut caller, dialog);
        let first = drain(&mut caller).0.remove(0).1;
        let (sent, events) = hears(&mut caller, &first, "407 Who", &CHALLENGE.replace("n1", "n2"));
        assert_eq!((words(&sent), events.len()), (vec![method.to_owned()], 0));
        let second = sent[0].1.clone();
        let proof = line(&second, "Proxy-Authorization").unwrap();
        assert!(proof.contains("nonce=\"n2\"") && proof.contains("nc=00000001"), "{proof}");
        assert_eq!(line(&second, "CSeq").unwrap(), format!("CSeq: 4 {method}"));
        assert_eq!(line(&first, "CSeq").unwrap(), format!("CSeq: 3 {method}"));
        assert!(line(&first, "Supported").is_none_or(|options| !options.contains("100rel")), "nobody would PRACK");
        assert_ne!(line(&first, "Via"), line(&second, "Via"));
        let body = |text: &str| text.split_once("\r\n\r\n").unwrap().1.to_owned();
        assert_eq!(body(&first), body(&second));
        let (sent, events) = hears(&mut caller, &second, last, "");
        assert_eq!((words(&sent), events.join(" ")), (vec![], told.to_owned()), "{method}");
    }
}

#[test]
fn a_bye_whose_proof_is_refused_stays_refused_and_a_stray_fork_s_bye_is_proved() {
    let (mut caller, dialog) = answered("");
    caller.bye(NOW, dialog).unwrap();
    let first = drain(&mut caller).0.remove(0).1;
    let (sent, _) = hears(&mut caller, &first, "407 Who", &CHALLENGE.replace("n1", "n2"));
    assert!(hears(&mut caller, &sent[0].1, "407 Who", &CHALLENGE.replace("n1", "n3")).0.is_empty());

    let (mut caller, account) = with_account();
    caller.invite_on(NOW, hop(1), invite(1), Some(account)).unwrap();
    let first = drain(&mut caller).0.remove(0).1;
    let (sent, _) = hears(&mut caller, &first, "407 Who", CHALLENGE);
    hears(&mut caller, &sent[1].1, "200 OK", "");
    let stray = response(&sent[1].1, "200 OK", "").replace("tag=9", "tag=10");
    caller.on_message(NOW, hop(1), stray.as_bytes(), Door::Open);
    let (sent, _) = drain(&mut caller);
    assert_eq!(words(&sent), ["ACK", "BYE"]);
    assert!(sent.iter().all(|(_, text)| line(text, "Proxy-Authorization").is_some()));
    let (sent, _) = hears(&mut caller, &sent[1].1.clone(), "407 Who", &CHALLENGE.replace("n1", "n2"));
    assert_eq!(words(&sent), ["BYE"], "it is challenged by itself");
}
