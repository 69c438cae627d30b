//! The HTTP API: `GET /v1/contexts/{reference}` with a bearer token. Runs on the service thread; it never
//! touches the control plane.

use super::store::Reader;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

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
}

/// Starts the API on a thread of its own and tells the address that it bound.
pub fn start(listen: SocketAddr, reader: Reader, token: Option<Token>) -> std::io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
    std::thread::Builder::new().name("service".to_owned()).spawn(move || {
        let served = runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            axum::serve(listener, router(Api { reader, token })).await
        });
        if let Err(error) = served {
            tracing::error!(%error, "the HTTP API ended");
        }
    })?;
    Ok(bound)
}

fn router(api: Api) -> Router {
    Router::new().route("/v1/contexts/{reference}", get(context)).with_state(api)
}

async fn context(State(api): State<Api>, Path(reference): Path<String>, headers: HeaderMap) -> Response {
    if !api.allows(&headers) {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge, problem("a bearer token is needed")).into_response();
    }
    let read = tokio::task::spawn_blocking(move || api.reader.context(&reference)).await;
    match read {
        Ok(Ok(Some(document))) => {
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
            (headers, document).into_response()
        }
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
