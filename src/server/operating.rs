//! What whoever operates the service asks over HTTP: `/livez`, `/readyz` and `/metrics`, open to this machine, and with
//! the token `/v1/reload`.

use super::control::Order;
use super::http::{Guard, problem, unauthorized, written};
use super::metrics;
use super::reload::Reloads;
use super::report::Report;
use super::store::Reader;
use crate::time::Duration;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// The control plane and the store answer within this, or something is wrong with them.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way to all that is asked.
#[derive(Clone)]
pub struct Desk {
    pub orders: mpsc::Sender<Order>,
    pub reloads: Reloads,
    pub reader: Reader,
    pub guard: Guard,
}

pub fn router(desk: Desk) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(measured))
        .route("/v1/reload", get(reload))
        .with_state(desk)
}

impl Desk {
    /// The control plane's word on how things stand; `None`: it does not answer.
    pub async fn report(&self) -> Option<Box<Report>> {
        let asked = async {
            let (asked, answer) = oneshot::channel();
            self.orders.send(Order::Report(asked)).await.ok()?;
            answer.await.ok()
        };
        timeout(PATIENCE, asked).await.ok().flatten()
    }

    async fn store_answers(&self) -> bool {
        let reader = self.reader.clone();
        let asked = tokio::task::spawn_blocking(move || reader.answers());
        matches!(timeout(PATIENCE, asked).await, Ok(Ok(true)))
    }
}

/// Whether a restart would help: the control plane turns.
async fn livez(State(desk): State<Desk>) -> Response {
    match desk.report().await {
        Some(_) => "ok\n".into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the control plane does not answer\n").into_response(),
    }
}

/// Whether new calls should come here.
async fn readyz(State(desk): State<Desk>) -> Response {
    let (report, store, last) = (desk.report().await, desk.store_answers().await, desk.reloads.last());
    let lives = report.is_some();
    let report = report.unwrap_or_default();
    let store = store && report.store;
    let ready = lives && store && !report.draining;
    let flows: Vec<_> = report.flows.iter().map(|(name, digest)| json!({ "name": name, "digest": digest })).collect();
    let mut reload = json!({ "at": last.at, "ok": last.ok });
    if let Some(error) = last.error {
        reload["error"] = error.into();
    }
    let state = json!({
        "ready": ready, "control": lives, "store": store, "draining": report.draining, "flows": flows, "reload": reload,
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, written("application/json", serde_json::to_string(&state))).into_response()
}

/// Numbers and names of the configuration: the API is for this machine alone, and so they need no token.
async fn measured(State(desk): State<Desk>) -> Response {
    let Some(report) = desk.report().await else {
        return (StatusCode::SERVICE_UNAVAILABLE, problem("the control plane does not answer")).into_response();
    };
    match metrics::page(&report, desk.reloads.counts()) {
        Ok(page) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, problem("writing failed")).into_response()
        }
    }
}

/// How the last edit was taken, with everything that is wrong with it.
async fn reload(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    if !desk.guard.allows(&headers) {
        return unauthorized();
    }
    written("application/json", serde_json::to_string(&desk.reloads.last()))
}
