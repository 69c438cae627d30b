//! The HTTP API, with a bearer token: `GET /v1/contexts/{reference}`, `POST /v1/web` and, where calls are traced,
//! `GET /v1/calls` and `GET /v1/calls/{call}/trace`. Runs on the service thread; it never touches the control plane. A connection is for one
//! request and has a time: whoever has no token may connect all the same.

use super::memory::Memory;
use super::operating::{self, Desk};
use super::store::Reader;
use super::traces::Traces;
use super::web;
use crate::record::trace::Told;
use crate::time::Duration;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

/// Connections at once; others wait to be accepted.
const CONNECTIONS: usize = 64;
/// For a request to come and its answer to be taken.
const EXCHANGE: Duration = Duration::from_secs(10);
/// Accepting fails while the process has no file descriptors left; it is tried again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A bearer token, held as its digest.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// `None` for a token too short to be one.
    pub fn new(text: &str) -> Option<Token> {
        let text = text.trim();
        (text.len() >= 16).then(|| Token(Sha256::digest(text).into()))
    }

    fn matches(&self, presented: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        self.0.ct_eq(&presented).into()
    }
}

/// Who may use the API: whoever has the token. Without one nobody may.
#[derive(Clone)]
pub struct Guard(pub Option<Token>);

impl Guard {
    pub fn allows(&self, headers: &HeaderMap) -> bool {
        let presented = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let presented = presented.and_then(|value| value.split_once(' '));
        match (presented, &self.0) {
            (Some((scheme, presented)), Some(token)) => {
                scheme.eq_ignore_ascii_case("bearer") && token.matches(presented.trim())
            }
            _ => false,
        }
    }
}

#[derive(Clone)]
struct Api {
    reader: Reader,
    guard: Guard,
    memory: Memory,
    /// `None`: calls are not traced.
    traces: Option<Traces>,
}

/// Starts the API on a thread of its own and tells the address that it bound. `told`: what the control plane tells of
/// calls that are traced.
pub fn start(
    listen: SocketAddr,
    desk: Desk,
    memory: Memory,
    told: Option<mpsc::Receiver<Told>>,
) -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
    std::thread::Builder::new().name("service".to_owned()).spawn(move || {
        let served = runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            let traces = told.map(|told| {
                let traces = Traces::default();
                tokio::spawn(traces.clone().follow(told));
                traces
            });
            tokio::spawn(operating::expire(desk.switches.clone()));
            tokio::spawn(operating::keep_alive(desk.clone()));
            let (reader, guard) = (desk.reader.clone(), desk.guard.clone());
            let router = router(Api { reader, guard, memory, traces }).merge(operating::router(desk));
            serve(listener, router, EXCHANGE).await
        });
        let Err(error) = served;
        tracing::error!(%error, "the HTTP API ended");
    })?;
    Ok(bound)
}

async fn serve(listener: TcpListener, router: Router, exchange: Duration) -> io::Result<Infallible> {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::trace!(%error, "accept for HTTP");
                sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        let served = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            if !matches!(timeout(exchange, served).await, Ok(Ok(()))) {
                tracing::trace!("a connection for HTTP brought no request, or took no answer");
            }
            drop(place);
        });
    }
}

fn router(api: Api) -> Router {
    Router::new()
        .route("/v1/contexts/{reference}", get(context))
        .route("/v1/calls", get(calls))
        .route("/v1/calls/{call}/trace", get(trace))
        .route("/v1/web", post(posted).layer(DefaultBodyLimit::max(web::MAX_POST)))
        .with_state(api)
}

async fn context(State(api): State<Api>, Path(reference): Path<String>, headers: HeaderMap) -> Response {
    if !api.guard.allows(&headers) {
        return unauthorized();
    }
    let read = tokio::task::spawn_blocking(move || api.reader.context(&reference)).await;
    match read {
        Ok(Ok(Some(document))) => found("application/json", document),
        // Unknown and expired look alike.
        Ok(Ok(None)) => (StatusCode::NOT_FOUND, problem("no such context")).into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "a context could not be read");
            (StatusCode::SERVICE_UNAVAILABLE, problem("the store does not answer")).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "reading a context failed");
            (StatusCode::INTERNAL_SERVER_ERROR, problem("reading failed")).into_response()
        }
    }
}

/// What another channel knows of a caller.
async fn posted(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    if !api.guard.allows(&headers) {
        return unauthorized();
    }
    let (status, why) = web::post(&api.memory, &body).await;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if why.is_empty() { status.into_response() } else { (status, problem(why)).into_response() }
}

/// The calls under way.
async fn calls(State(api): State<Api>, headers: HeaderMap) -> Response {
    if !api.guard.allows(&headers) {
        return unauthorized();
    }
    match api.traces {
        None => (StatusCode::NOT_FOUND, problem(NOT_TRACED)).into_response(),
        Some(traces) => written("application/json", serde_json::to_string(&traces.under_way())),
    }
}

/// A call's trace as JSON lines: what it is, then its messages and what happened in between.
async fn trace(State(api): State<Api>, Path(call): Path<String>, headers: HeaderMap) -> Response {
    if !api.guard.allows(&headers) {
        return unauthorized();
    }
    match api.traces.map(|traces| traces.of(&call)) {
        None => (StatusCode::NOT_FOUND, problem(NOT_TRACED)).into_response(),
        Some(None) => (StatusCode::NOT_FOUND, problem("no such call, or it ended long ago")).into_response(),
        Some(Some(trace)) => written("application/x-ndjson", trace.write()),
    }
}

const NOT_TRACED: &str = "calls are not traced: `askonce serve --trace`";

pub(super) fn unauthorized() -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge, problem("a bearer token is needed")).into_response()
}

fn found(kind: &'static str, document: String) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], document).into_response()
}

pub(super) fn written(kind: &'static str, document: serde_json::Result<String>) -> Response {
    match document {
        Ok(document) => found(kind, document),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, problem("writing failed")).into_response()
        }
    }
}

/// What is wrong, as JSON.
pub(super) fn problem(what: &str) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "application/json")], serde_json::json!({ "error": what }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    const DEADLINE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn so_many_connections_are_open_at_once_and_silent_ones_give_their_place_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "here" }));
        tokio::spawn(serve(listener, router, Duration::from_millis(200)));
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        timeout(DEADLINE, stream.read_to_string(&mut answer)).await.expect("an answer in time").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
        // It was not accepted before one of them was closed, and that was told first.
        assert!(silent.iter().any(|silent| matches!(silent.try_read(&mut [0]), Ok(0))));
        for mut silent in silent {
            assert_eq!(timeout(DEADLINE, silent.read(&mut [0])).await.expect("an end in time").unwrap(), 0);
        }
    }
}
