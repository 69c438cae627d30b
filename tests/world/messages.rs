//! What floods are made of: the message of each number. The suite with real sockets has this file as well.

fn request(method: &str, n: u64, cseq: &str, to_tag: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "{method} sip:1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.4:5061;branch=z9hG4bK{n}\r\nFrom: \
         <sip:flood@127.0.0.4>;tag=a{n}\r\nTo: <sip:1@127.0.0.1>{to_tag}\r\nCall-ID: c{n}\r\nCSeq: 1 {cseq}\r\nContact: \
         <sip:127.0.0.4:5061>\r\nMax-Forwards: 70\r\n"
    );
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("{head}{kind}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

pub fn invite(n: u64) -> Vec<u8> {
    let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.4\r\ns=-\r\nc=IN IP4 127.0.0.4\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n";
    request("INVITE", n, "INVITE", "", offer)
}

pub fn invite_and_cancel(n: u64) -> Vec<u8> {
    if n.is_multiple_of(2) { invite(n) } else { request("CANCEL", n - 1, "CANCEL", "", "") }
}

pub fn register(n: u64) -> Vec<u8> {
    request("REGISTER", n, "REGISTER", "", "")
}

pub fn options(n: u64) -> Vec<u8> {
    request("OPTIONS", n, "OPTIONS", "", "")
}

pub fn bye(n: u64) -> Vec<u8> {
    request("BYE", n, "BYE", ";tag=b", "")
}

/// An INVITE with an octet that is not as it was, each time another, and the end cut off.
pub fn garbage(n: u64) -> Vec<u8> {
    let mut bytes = invite(n);
    let at = n as usize % bytes.len();
    bytes[at] ^= 0x80;
    bytes.truncate(bytes.len() - n as usize % 97);
    bytes
}
