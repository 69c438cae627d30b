//! What is known before a call begins: of the case whose reference it brings, of its caller's last call, and what other
//! channels posted. A thread of its own, which may wait, with a database connection of its own: the store's writer never
//! waits for a question, and a question never for a row of another call.

mod tables;

pub use tables::facts;

use super::store::{Places, Unopened};
use crate::context::Earlier;
use crate::engine::{CallNumber, Recall, Recalled};
use crate::secret::Secret;
use crate::time::Duration;
use rusqlite::Connection;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// Orders that may wait. Beyond it a call is told at once that nothing was found, and a post is refused.
const QUEUE: usize = 1_024;
/// Orders taken together: their questions are answered first, and what is to be kept is one transaction.
const BATCH: usize = 256;

/// What was found for a call.
pub struct Found {
    pub call: CallNumber,
    pub recalled: Recalled,
}

/// Values that another channel knows of a caller or a case.
pub struct Post {
    pub of: Whose,
    /// Names and values.
    pub facts: Vec<(String, Secret)>,
    pub expires: Duration,
}

/// Which call the values are for.
pub enum Whose {
    /// The next ones of that number.
    Caller(Secret),
    /// The one that brings that reference.
    Reference(Secret),
}

/// Why a post was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unkept {
    /// As many are kept as there may be.
    Full,
    /// The database refused it, or nobody takes orders.
    Failed,
}

enum Order {
    Recall(Recall),
    /// What a call that was cut off leaves to the next one of its caller; nothing, if it was not.
    Leave(Secret, Vec<Earlier>),
    Post(Post, oneshot::Sender<Result<(), Unkept>>),
}

/// The way to the thread, which ends when there is none left.
#[derive(Clone)]
pub struct Memory(SyncSender<Order>);

impl Memory {
    /// Opens the database, in which the store's tables are already, and starts the thread. What it finds comes by the
    /// queue.
    pub fn start(places: &Places) -> Result<(Self, UnboundedReceiver<Found>), Unopened> {
        let unopened = |why: String| Unopened { place: places.database.clone(), why };
        let connection = tables::open(places).map_err(|error| unopened(error.to_string()))?;
        let (orders, queue) = sync_channel(QUEUE);
        let (found, answers) = unbounded_channel();
        let thread = std::thread::Builder::new().name("memory".to_owned());
        let thread = thread.spawn(move || run(connection, &queue, &found));
        thread.map_err(|error| unopened(error.to_string()))?;
        Ok((Self(orders), answers))
    }

    /// Asks for a call. False: nobody will answer.
    pub fn recall(&self, recall: Recall) -> bool {
        self.0.try_send(Order::Recall(recall)).is_ok()
    }

    /// Keeps what a call leaves behind. False: it is lost.
    pub fn leave(&self, caller: Secret, facts: Vec<Earlier>) -> bool {
        self.0.try_send(Order::Leave(caller, facts)).is_ok()
    }

    /// Durable once this says so.
    pub async fn post(&self, post: Post) -> Result<(), Unkept> {
        let (answer, kept) = oneshot::channel();
        self.0.try_send(Order::Post(post, answer)).map_err(|_| Unkept::Full)?;
        kept.await.unwrap_or(Err(Unkept::Failed))
    }
}

fn run(mut database: Connection, queue: &Receiver<Order>, found: &UnboundedSender<Found>) {
    while let Ok(first) = queue.recv() {
        let (mut left, mut posts) = (Vec::new(), Vec::new());
        for order in [first].into_iter().chain(queue.try_iter().take(BATCH - 1)) {
            match order {
                Order::Recall(recall) => {
                    let recalled = tables::look(&database, &recall).unwrap_or_else(|error| {
                        tracing::error!(%error, "what is known of a call could not be looked up");
                        Recalled::default()
                    });
                    // The control plane is gone only when the service ends.
                    let _ = found.send(Found { call: recall.call, recalled });
                }
                Order::Leave(caller, facts) => left.push((caller, facts)),
                Order::Post(post, answer) => posts.push((post, answer)),
            }
        }
        if left.is_empty() && posts.is_empty() {
            continue;
        }
        let kept = tables::keep(&mut database, &left, posts.iter().map(|(post, _)| post));
        let kept = kept.unwrap_or_else(|error| {
            tracing::error!(%error, calls = left.len(), "what is known beyond a call could not be kept");
            vec![Err(Unkept::Failed); posts.len()]
        });
        for ((_, answer), kept) in posts.into_iter().zip(kept) {
            // Whoever posted it may have gone.
            let _ = answer.send(kept);
        }
    }
}

#[cfg(test)]
mod tests;
