//! Servers that answer as they should, and in all the ways in which they should not.

use super::*;
use crate::yaml::{Span, Word};
use std::sync::atomic::AtomicU32;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What a server does once it has read the head of a request.
#[derive(Clone)]
enum Does {
    Says(&'static str),
    /// Says it and keeps the connection for the next one.
    Serves(&'static str),
    /// Nothing.
    Waits,
    /// A byte every 20 ms.
    Drips(&'static str),
    /// Zeroes without an end behind this head.
    Floods(&'static str),
    Closes,
    /// Says it to the first request of a connection, and closes at the second.
    Tires(&'static str),
}

const LIMIT: Duration = Duration::from_millis(400);

async fn serve(does: Does, connections: Arc<AtomicU32>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            connections.fetch_add(1, Relaxed);
            tokio::spawn(one(stream, does.clone()));
        }
    });
    address
}

async fn one(mut stream: TcpStream, does: Does) -> Option<()> {
    head(&mut stream).await?;
    match does {
        Does::Says(text) => stream.write_all(text.as_bytes()).await.ok()?,
        Does::Serves(text) => loop {
            stream.write_all(text.as_bytes()).await.ok()?;
            head(&mut stream).await?;
        },
        Does::Waits => drop(head(&mut stream).await),
        Does::Drips(text) => {
            for byte in text.bytes() {
                stream.write_all(&[byte]).await.ok()?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Does::Floods(text) => {
            stream.write_all(text.as_bytes()).await.ok()?;
            while stream.write_all(&[b'0'; 4_096]).await.is_ok() {}
        }
        Does::Closes => {}
        Does::Tires(text) => {
            stream.write_all(text.as_bytes()).await.ok()?;
            head(&mut stream).await?;
        }
    }
    Some(())
}

async fn head(stream: &mut TcpStream) -> Option<()> {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.push(stream.read_u8().await.ok()?);
    }
    Some(())
}

fn client(host: &str, port: u16, private: bool) -> Client {
    let name = Word { text: "crm".to_owned(), span: Span::default() };
    let (host, path) = (host.to_owned(), String::new());
    let endpoint = Endpoint { name, tls: false, host, port, path, ca: None, private };
    Client::new(vec![(endpoint, None)], crate::server::dns::resolver(&[]).expect("a resolver"))
}

fn errand(repeatable: bool) -> Errand {
    let (method, path) = (Method::GET, "/phone/1".to_owned());
    Errand { method, path, headers: HeaderMap::new(), body: Bytes::new(), repeatable, reads: true }
}

async fn asked(does: Does) -> Result<(u16, String), Failure> {
    let address = serve(does, Arc::default()).await;
    ask(&client("127.0.0.1", address.port(), false), true).await
}

async fn ask(client: &Client, repeatable: bool) -> Result<(u16, String), Failure> {
    let answer = client.exchange("crm", &errand(repeatable), LIMIT).await?;
    Ok((answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned()))
}

macro_rules! http {
    ($status:literal, $kind:literal, $rest:literal) => {
        concat!("HTTP/1.1 ", $status, " X\r\nContent-Type: ", $kind, "\r\n", $rest)
    };
}

#[tokio::test]
async fn every_answer_and_every_lie_has_its_word_in_time() {
    let ok = |status, body: &str| Ok((status, body.to_owned()));
    let cases = [
        (Does::Says(http!("200", "application/json", "Content-Length: 2\r\n\r\n{}")), ok(200, "{}")),
        (
            Does::Says(http!("200", "Application/Vnd.A+JSON; charset=utf-8", "Content-Length: 2\r\n\r\n{}")),
            ok(200, "{}"),
        ),
        (
            Does::Says(http!("200", "application/json", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")),
            ok(200, "{}"),
        ),
        (Does::Says(http!("200", "text/html", "Content-Length: 6\r\n\r\n<html>")), Err(Failure::NotJson)),
        (Does::Says("HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}"), Err(Failure::NotJson)),
        (
            Does::Says(http!("200", "application/json", "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}")),
            Err(Failure::NotJson),
        ),
        // Its length is a lie: more was said than came, and less.
        (Does::Says(http!("200", "application/json", "Content-Length: 9\r\n\r\n{}")), Err(Failure::Broken)),
        (
            Does::Says(http!("200", "application/json", "Content-Length: 2\r\n\r\n{}HTTP/1.1 200 X\r\n\r\n")),
            ok(200, "{}"),
        ),
        (
            Does::Says(http!("200", "application/json", "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}")),
            Err(Failure::Broken),
        ),
        (
            Does::Says(http!("200", "application/json", "Transfer-Encoding: chunked\r\n\r\nzz\r\n")),
            Err(Failure::Broken),
        ),
        (Does::Says("SSH-2.0-OpenSSH\r\n"), Err(Failure::Broken)),
        (Does::Closes, Err(Failure::Broken)),
        (Does::Waits, Err(Failure::Slow)),
        (Does::Drips(http!("200", "application/json", "Content-Length: 2\r\n\r\n{}")), Err(Failure::Slow)),
        (Does::Floods(http!("200", "application/json", "Content-Length: 104857600\r\n\r\n")), Err(Failure::TooLarge)),
        (Does::Floods(http!("200", "application/json", "\r\n")), Err(Failure::TooLarge)),
        (Does::Floods("HTTP/1.1 200 X\r\nX: "), Err(Failure::Broken)),
        // Nobody reads these, and nobody follows that.
        (Does::Floods(http!("404", "text/html", "Content-Length: 104857600\r\n\r\n")), ok(404, "")),
        (Does::Says("HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), ok(302, "")),
        (Does::Says("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"), ok(500, "")),
        (Does::Says("HTTP/1.1 204 X\r\n\r\n"), ok(204, "")),
    ];
    for (number, (does, expected)) in cases.into_iter().enumerate() {
        let began = Instant::now();
        assert_eq!(asked(does).await, expected, "case {number}");
        assert!(began.elapsed() < 2 * LIMIT, "case {number}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_says_why() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    assert_eq!(ask(&client("127.0.0.1", closed.port(), false), true).await, Err(Failure::Unreachable));
    let served =
        serve(Does::Says(http!("200", "application/json", "Content-Length: 2\r\n\r\n{}")), Arc::default()).await;
    // A name that leads into our own network.
    assert_eq!(ask(&client("localhost", served.port(), false), true).await, Err(Failure::PrivateAddress));
    assert_eq!(ask(&client("localhost", served.port(), true), true).await, Ok((200, "{}".to_owned())));
    let other = client("127.0.0.1", served.port(), false).exchange("erp", &errand(true), LIMIT).await;
    assert_eq!(other.map(|answer| answer.status), Err(Failure::NoSuchPlace));
}

#[tokio::test]
async fn a_connection_is_used_again_and_one_that_was_closed_is_not_noticed() {
    let answer = http!("200", "application/json", "Content-Length: 2\r\n\r\n{}");
    for (does, repeatable, expected) in [
        (Does::Serves(answer), true, [Ok(()), Ok(())]),
        (Does::Tires(answer), true, [Ok(()), Ok(())]),
        // It may have been seen: nobody does it twice.
        (Does::Tires(answer), false, [Ok(()), Err(Failure::Broken)]),
    ] {
        let connections = Arc::new(AtomicU32::new(0));
        let used_again = matches!(does, Does::Serves(_)) || !repeatable;
        let client = client("127.0.0.1", serve(does, connections.clone()).await.port(), false);
        for expected in expected {
            assert_eq!(ask(&client, repeatable).await.map(drop), expected);
        }
        assert_eq!(connections.load(Relaxed), if used_again { 1 } else { 2 });
    }
}

#[tokio::test]
async fn so_many_wait_at_once_and_one_that_never_answers_is_left_alone() {
    let connections = Arc::new(AtomicU32::new(0));
    let client = Arc::new(client("127.0.0.1", serve(Does::Waits, connections.clone()).await.port(), false));
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..=AT_ONCE {
        let client = client.clone();
        waiting.spawn(async move { ask(&client, true).await });
    }
    let ends = waiting.join_all().await;
    let count = |failure| ends.iter().filter(|end| **end == Err(failure)).count();
    assert_eq!((count(Failure::Slow), count(Failure::NoRoom)), (AT_ONCE, 1));
    let before = connections.load(Relaxed);
    assert_eq!(ask(&client, true).await, Err(Failure::LeftAlone));
    assert_eq!(connections.load(Relaxed), before, "it was not asked");
    let counters = &client.counters()["crm"];
    assert_eq!((counters.slow.load(Relaxed), counters.left_alone.load(Relaxed)), (AT_ONCE as u64, 1));
}
