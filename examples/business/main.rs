//! A stand-in for the systems of a business that the example flows ask: `cargo run --example business`.
//! What it knows is in `answers.rs`. It prints what it was asked for, and nothing of what came along.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an example runs in the world")]

mod answers;

use std::error::Error;
use tokio::net::TcpListener;

/// Where `examples/place.yaml` has it.
const ADDRESS: &str = "127.0.0.1:9000";

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(ADDRESS).await.map_err(|error| format!("{ADDRESS}: {error}"))?;
        println!("the business answers at http://{ADDRESS}");
        Ok(answers::serve(listener, |asked| println!("{asked}")).await?)
    })
}
