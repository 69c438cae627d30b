//! The HTTP API, with a bearer token: `GET /v1/contexts/{reference}` and, where calls are traced, `GET /v1/calls` and
//! `GET /v1/calls/{call}/trace`. Runs on the service thread; it never touches the control plane.

use super::store::Reader;
use super::traces::Traces;
use crate::record::trace::Told;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

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

#[derive(Clone)]
struct Api {
    reader: Reader,
    /// Without a token nobody may read anything.
    token: Option<Token>,
    /// `None`: calls are not traced.
    traces: Option<Traces>,
}

/// Starts the API on a thread of its own and tells the address that it bound. `told`: what the control plane tells of
/// calls that are traced.
pub fn start(
    listen: SocketAddr,
    reader: Reader,
    token: Option<Token>,
    told: Option<mpsc::Receiver<Told>>,
) -> std::io::Result<SocketAddr> {
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
            axum::serve(listener, router(Api { reader, token, traces })).await
        });
        if let Err(error) = served {
            tracing::error!(%error, "the HTTP API ended");
        }
    })?;
    Ok(bound)
}

fn router(api: Api) -> Router {
    Router::new()
        .route("/v1/contexts/{reference}", get(context))
        .route("/v1/calls", get(calls))
        .route("/v1/calls/{call}/trace", get(trace))
        .with_state(api)
}

async fn context(State(api): State<Api>, Path(reference): Path<String>, headers: HeaderMap) -> Response {
    if !api.allows(&headers) {
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

/// The calls under way.
async fn calls(State(api): State<Api>, headers: HeaderMap) -> Response {
    if !api.allows(&headers) {
        return unauthorized();
    }
    match api.traces {
        None => (StatusCode::NOT_FOUND, problem(NOT_TRACED)).into_response(),
        Some(traces) => written("application/json", serde_json::to_string(&traces.under_way())),
    }
}

/// A call's trace as JSON lines: what it is, then its messages and what happened in between.
async fn trace(State(api): State<Api>, Path(call): Path<String>, headers: HeaderMap) -> Response {
    if !api.allows(&headers) {
        return unauthorized();
    }
    match api.traces.map(|traces| traces.of(&call)) {
        None => (StatusCode::NOT_FOUND, problem(NOT_TRACED)).into_response(),
        Some(None) => (StatusCode::NOT_FOUND, problem("no such call, or it ended long ago")).into_response(),
        Some(Some(trace)) => written("application/x-ndjson", trace.write()),
    }
}

const NOT_TRACED: &str = "calls are not traced: `askonce serve --trace`";

fn unauthorized() -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge, problem("a bearer token is needed")).into_response()
}

fn found(kind: &'static str, document: String) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], document).into_response()
}

fn written(kind: &'static str, document: serde_json::Result<String>) -> Response {
    match document {
        Ok(document) => found(kind, document),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, problem("writing failed")).into_response()
        }
    }
}

/// What is wrong, as JSON.
fn problem(what: &str) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "application/json")], serde_json::json!({ "error": what }).to_string())
}

impl Api {
    fn allows(&self, headers: &HeaderMap) -> bool {
        let presented = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let presented = presented.and_then(|value| value.split_once(' '));
        match (presented, &self.token) {
            (Some((scheme, presented)), Some(token)) => {
                scheme.eq_ignore_ascii_case("bearer") && token.matches(presented.trim())
            }
            _ => false,
        }
    }
}
