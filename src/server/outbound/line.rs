//! A connection to an endpoint, over which one request goes after the other.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;

/// Header fields of an answer, and their bytes together.
const FIELDS: usize = 64;
const HEAD: usize = 16 * 1024;

/// Gone when it is dropped, whatever is under way on it.
pub struct Line {
    sender: SendRequest<Full<Bytes>>,
    task: AbortHandle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Nothing of the request went out.
    Unsent,
    /// The other side may have seen it.
    Sent,
}

impl Line {
    pub async fn open<S>(stream: S) -> hyper::Result<Line>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut http = http1::Builder::new();
        http.max_headers(FIELDS).max_buf_size(HEAD);
        let (sender, connection) = http.handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::trace!(%error, "a connection to an endpoint broke");
            }
        });
        Ok(Line { sender, task: connection.abort_handle() })
    }

    /// The head of the answer.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Broken> {
        let sent = self.sender.try_send_request(request).await;
        sent.map_err(|mut error| if error.take_message().is_some() { Broken::Unsent } else { Broken::Sent })
    }

    /// Whether the other side has not closed it.
    pub fn stands(&self) -> bool {
        !self.sender.is_closed()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}
