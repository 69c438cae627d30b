//! A GET with a bearer token, as the agent's desktop does it.

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// A context is smaller than this, and so is a trace, whatever JSON makes of its bytes.
const BODY: usize = 2 << 20;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The status and the body of `GET path`.
pub async fn get(server: SocketAddr, path: &str, token: &str) -> Result<(StatusCode, String), Error> {
    let stream = TcpStream::connect(server).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, server.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), BODY).collect().await?.to_bytes();
    drop(sender);
    connection.await??;
    Ok((status, String::from_utf8(body.to_vec())?))
}
