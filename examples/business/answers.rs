//! What the business knows, and its answers.

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The one caller whom the crm knows: number, account, language.
const CUSTOMER: (&str, &str, &str) = ("+15551230002", "79927398713", "es");
/// Accounts and their PINs.
const ACCOUNTS: [(&str, &str); 2] = [("79927398713", "4321"), ("12345674", "1234")];
/// The account that has no power now.
const OUTAGE: &str = "12345674";
/// A card that everybody tests with, and its PIN.
const CARD: (&str, &str) = ("4111111111111111", "1234");
/// Prescriptions, and how many refills are left of each.
const PRESCRIPTIONS: [(&str, u32); 2] = [("1234567", 3), ("7654321", 0)];

/// The patient whom the clinic knows: number and date of birth, record, next visit. The other visit is twelve days later.
const PATIENT: [&str; 4] = ["15551230001", "1980-03-01", "204117", "2027-01-12"];
const OTHER_VISIT: &str = "2027-01-24";

/// Answers until the process ends; `told` hears of each request.
pub async fn serve(listener: TcpListener, told: fn(&str)) -> std::io::Result<()> {
    let tell = move |request: Request, next: Next| async move {
        let asked = format!("{} {}", request.method(), request.uri().path());
        let answer = next.run(request).await;
        told(&format!("{asked}: {}", answer.status().as_u16()));
        answer
    };
    let answers = Router::new()
        .route("/phone/{number}", get(customer))
        .route("/verify", post(pin))
        .route("/outage/{account}", get(outage))
        .route("/cards/verify", post(card_pin))
        .route("/cards/block", post(block))
        .route("/prescriptions/{rx}", get(prescription))
        .route("/refills", post(refill))
        .route("/premises/{account}", get(premises))
        .route("/reports", post(report))
        .route("/patients/{phone}/{birth}", get(patient))
        .route("/visits/{patient}/{day}", get(visit))
        .route("/visits", post(visits))
        .route("/renewals", post(renewal));
    axum::serve(listener, answers.layer(middleware::from_fn(tell))).await
}

async fn customer(Path(number): Path<String>) -> Response {
    let (known, account, language) = CUSTOMER;
    when(number == known, json!({ "account": account, "language": language }))
}

async fn pin(body: String) -> Response {
    with(&body, ["account", "pin"], |account, pin| json!({ "verified": ACCOUNTS.contains(&(account, pin)) }))
}

async fn outage(Path(account): Path<String>) -> Response {
    when(
        ACCOUNTS.iter().any(|(known, _)| *known == account),
        json!({ "active": account == OUTAGE, "restored": "16:30" }),
    )
}

async fn card_pin(body: String) -> Response {
    with(&body, ["card", "pin"], |card, pin| json!({ "verified": (card, pin) == CARD }))
}

async fn block(body: String) -> Response {
    with(&body, ["card", "card"], |_, _| json!({ "reference": "20261122" }))
}

async fn prescription(Path(rx): Path<String>) -> Response {
    match PRESCRIPTIONS.iter().find(|(known, _)| *known == rx) {
        Some((_, refills)) => answer(&json!({ "refills": refills })),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn refill(body: String) -> Response {
    with(&body, ["rx", "pickup"], |_, _| json!({}))
}

async fn premises(Path(account): Path<String>) -> Response {
    when(ACCOUNTS.iter().any(|(known, _)| *known == account), json!({}))
}

async fn report(body: String) -> Response {
    with(&body, ["account", "extent"], |_, _| json!({}))
}

async fn patient(Path((phone, birth)): Path<(String, String)>) -> Response {
    let [number, born, record, visit] = PATIENT;
    when([phone.as_str(), &birth] == [number, born], json!({ "patient": record, "visit": visit }))
}

async fn visit(Path((_, day)): Path<(String, String)>) -> Response {
    when([PATIENT[3], OTHER_VISIT].contains(&day.as_str()), json!({}))
}

async fn visits(body: String) -> Response {
    with(&body, ["visit", "change"], |_, _| json!({}))
}

async fn renewal(body: String) -> Response {
    with(&body, ["patient", "rx"], |_, _| json!({}))
}

fn when(known: bool, then: Value) -> Response {
    if known { answer(&then) } else { StatusCode::NOT_FOUND.into_response() }
}

/// The answer to an object that has these two as text.
fn with(body: &str, [one, other]: [&str; 2], then: impl Fn(&str, &str) -> Value) -> Response {
    let object: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    match (object[one].as_str(), object[other].as_str()) {
        (Some(one), Some(other)) => answer(&then(one, other)),
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}

fn answer(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
