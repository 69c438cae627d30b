//! What whoever operates the service asks over HTTP: `/livez`, `/readyz` and `/metrics`, open to this machine, and with
//! the token `/v1/reload` and `/v1/switches`. Its thread also lets switches expire, and tells the watchdog that the
//! control plane turns.

use super::control::Order;
use super::http::{Guard, problem, unauthorized, written};
use super::metrics;
use super::reload::Reloads;
use super::report::Standing;
use super::store::Reader;
use super::switches::{LONGEST, NotSet, Switches};
use crate::os::notify;
use crate::time::Duration;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The control plane and the store answer within this, or something is wrong with them.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way to all that is asked.
#[derive(Clone)]
pub struct Desk {
    pub orders: mpsc::Sender<Order>,
    pub reloads: Reloads,
    pub switches: Switches,
    pub reader: Reader,
    pub guard: Guard,
}

pub fn router(desk: Desk) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(measured))
        .route("/v1/reload", get(reload))
        .route("/v1/switches", get(switches))
        .route("/v1/switches/{name}", put(switch))
        .with_state(desk)
}

impl Desk {
    /// The control plane's answer to an order; `None`: it does not answer.
    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Option<T> {
        let asked = async {
            let (asked, answer) = oneshot::channel();
            self.orders.send(order(asked)).await.ok()?;
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
    match desk.ask(Order::Stand).await {
        Some(_) => "ok\n".into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the control plane does not answer\n").into_response(),
    }
}

/// Whether new calls should come here.
async fn readyz(State(desk): State<Desk>) -> Response {
    let (standing, store, last) = (desk.ask(Order::Stand).await, desk.store_answers().await, desk.reloads.last());
    let lives = standing.is_some();
    // Whoever does not answer says nothing of flows and of draining, and is not ready.
    let Standing { draining, store: writes, flows } =
        standing.unwrap_or(Standing { draining: false, store: false, flows: Vec::new() });
    let store = store && writes;
    let ready = lives && store && !draining;
    let flows: Vec<_> = flows.iter().map(|(name, digest)| json!({ "name": name, "digest": digest })).collect();
    let mut reload = json!({ "at": last.at, "ok": last.ok });
    if let Some(error) = last.error {
        reload["error"] = error.into();
    }
    if !last.findings.is_empty() {
        reload["findings"] = json!(last.findings);
    }
    let state = json!({
        "ready": ready, "control": lives, "store": store, "draining": draining, "flows": flows, "reload": reload,
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, written("application/json", serde_json::to_string(&state))).into_response()
}

/// Numbers and names of the configuration: the API is for this machine alone, and so they need no token.
async fn measured(State(desk): State<Desk>) -> Response {
    let Some(report) = desk.ask(Order::Report).await else {
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

async fn switches(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    if !desk.guard.allows(&headers) {
        return unauthorized();
    }
    written("application/json", serde_json::to_string(&desk.switches.list()))
}

/// `{"on": true, "for": "2h"}`; without `for` until it is set again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    on: bool,
    #[serde(rename = "for")]
    lasts: Option<SignedDuration>,
}

/// Who sets a switch: there is one token.
const WHO: &str = "api";

async fn switch(State(desk): State<Desk>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    if !desk.guard.allows(&headers) {
        return unauthorized();
    }
    let wanted = serde_json::from_slice::<Wanted>(&body).map_err(|error| error.to_string());
    let wanted = wanted.and_then(|wanted| match wanted.lasts {
        Some(lasts) if !lasts.is_positive() || lasts > LONGEST => Err("`for` is from 1 ns to 8784 h".to_owned()),
        _ => Ok(wanted),
    });
    let Wanted { on, lasts } = match wanted {
        Ok(wanted) => wanted,
        Err(why) => {
            let why = format!("{why}: write {{\"on\": true}} or {{\"on\": true, \"for\": \"2h\"}}");
            return (StatusCode::BAD_REQUEST, problem(&why)).into_response();
        }
    };
    let set = tokio::task::spawn_blocking(move || desk.switches.set(&name, on, lasts, WHO)).await;
    match set {
        Ok(Ok(switch)) => written("application/json", serde_json::to_string(&switch)),
        Ok(Err(NotSet::Unknown)) => (StatusCode::NOT_FOUND, problem("no such switch is configured")).into_response(),
        Ok(Err(NotSet::Store(error))) => {
            tracing::error!(%error, "a switch could not be set");
            (StatusCode::SERVICE_UNAVAILABLE, problem("the store does not answer")).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "setting a switch failed");
            (StatusCode::INTERNAL_SERVER_ERROR, problem("setting failed")).into_response()
        }
    }
}

/// How often switches are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Lets switches expire, for ever.
pub async fn expire(switches: Switches) {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let switches = switches.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || switches.expire(Timestamp::now())).await {
            tracing::error!(%error, "looking at the switches failed");
        }
    }
}

/// Tells systemd that we live for as long as the control plane does, twice in the time that it allows.
pub async fn keep_alive(desk: Desk) {
    let Some(allowed) = notify::watchdog() else { return };
    let mut due = interval(allowed / 2);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        if desk.ask(Order::Stand).await.is_none() {
            tracing::error!("the control plane does not answer: the watchdog is not told that it lives");
        } else if let Err(error) = notify::notify("WATCHDOG=1") {
            tracing::error!(%error, "the watchdog could not be told");
        }
    }
}
