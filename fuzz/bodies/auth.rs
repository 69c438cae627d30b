use askonce::random::Random;
use askonce::secret::Secret;
use askonce::sip::auth::{Challenge, Client, Credentials, MAX_PARAMETER, Tries};
use askonce::sip::{Headers, Message, Method, Request, Uri, wire};

const PASSWORD: &str = "7e3f-Ssesame-0p3n";

/// Each line is a challenge. Those of our realm are answered so that the answer reads back, survives the wire and
/// does not hold the password; those of another realm are not answered, and no peer keeps us busy.
pub fn auth(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let realm = text.lines().find_map(|line| Challenge::read(line).ok()).map(|challenge| challenge.realm);
    let realm = realm.unwrap_or_else(|| "here".to_owned());
    let credentials = Credentials::new(&realm, "us", Secret::new(PASSWORD)).expect("a realm without control bytes");
    let (mut client, mut tries, mut random) = (Client::new(credentials), Tries::default(), Random::from_seed(1));
    let mut learned = 0;
    for line in text.lines() {
        let mut refusal = Headers::default();
        // Quoting makes a parameter twice as long at most, and the answer is to be read within the bound.
        if line.len() > MAX_PARAMETER / 2 || refusal.push("WWW-Authenticate", line).is_err() {
            continue;
        }
        let foreign = Challenge::read(line).map_or(true, |challenge| challenge.realm != realm);
        let taken = client.learn(&refusal, &mut tries, &mut random).is_ok();
        assert!(!(foreign && taken));
        learned += usize::from(taken);
        if taken {
            check_answer(&mut client, &realm, text);
        }
    }
    assert!(learned <= 3, "one request, three tries");
}

fn check_answer(client: &mut Client, realm: &str, challenges: &str) {
    let uri = Uri::read("sip:carrier.example").expect("a URI");
    let mut headers = Headers::default();
    let head = [
        ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
        ("From", "<sip:us@carrier.example>;tag=1"),
        ("To", "<sip:us@carrier.example>"),
        ("Call-ID", "1"),
        ("CSeq", "2 REGISTER"),
    ];
    for (name, value) in head {
        headers.push(name, value).expect("a sound header");
    }
    let mut request = Request { method: Method::Register, uri, headers, body: Vec::new() };
    client.authorize(&mut request);
    let answer = request.headers.get("Authorization").expect("an answer");
    assert!(!answer.contains(PASSWORD) || challenges.contains(PASSWORD));
    assert_eq!(Challenge::read(answer).expect("an answer has what a challenge has").realm, realm);
    let Ok(Message::Request(read)) = wire::read(&request.to_bytes()) else { panic!("the wire refuses it") };
    assert_eq!(read.headers.get("Authorization"), Some(answer));
}
