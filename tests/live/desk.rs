//! A server of the business: it takes requests, each on a connection and a thread of its own, and answers by their path.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("no {name} in {self:?}")).1
    }
}

/// What it was asked, in the order in which that came.
pub type Log = Arc<Mutex<Vec<Asked>>>;

/// Answers everything by `answer`, until the test ends.
pub fn serve(answer: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static) -> (SocketAddr, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (log, answer) = (Log::default(), Arc::new(answer));
    let kept = log.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer, log) = (stream.expect("a connection"), answer.clone(), log.clone());
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().expect("its other half"));
                while let Some(asked) = read(&mut reader) {
                    log.lock().expect("a log").push(asked.clone());
                    answer(&asked, &mut stream);
                }
            });
        }
    });
    (address, kept)
}

/// Answers with a status and a body of that kind. Whoever asked may be gone.
pub fn say(stream: &mut TcpStream, status: u16, kind: &str, body: &str) {
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}");
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let path = lines.first()?.split(' ').nth(1)?.to_owned();
    let field = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: Vec<_> = lines.iter().skip(1).filter_map(field).collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { path, headers, body: String::from_utf8(body).ok()? })
}
