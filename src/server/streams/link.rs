//! One connection: what it reads becomes events, what waits in its queue is written, and it ends by one of the
//! reasons of `Why`. Reading, writing and keeping alive are three futures of one task, so none holds up another.

use super::{Bounds, Counters, StreamEvent, count};
use crate::random::Random;
use crate::sip::Hop;
use crate::sip::framing::{Frame, Framer};
use crate::time::Duration;
use rustls::pki_types::ServerName;
use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Read at once; lives on the stack of one read, so an idle connection holds none of it.
const CHUNK: usize = 8_192;
/// After framing is lost, a connection closes this long after the last answer: an answer to an earlier message may
/// come first.
const PAUSE: Duration = Duration::from_millis(200);
/// For the kernel, or for TLS, to take our goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// RFC 5626 section 3.5.1.
const PING: &[u8] = b"\r\n\r\n";
const PONG: &[u8] = b"\r\n";

/// Something to write. Queues hold it boxed: they keep room for many, and most connections are idle.
pub struct Outgoing {
    /// As given to `send`, to say when it fails; `None` for keep-alives.
    pub to: Option<Hop>,
    pub bytes: Vec<u8>,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug)]
enum Why {
    /// The peer closed it, it broke, or nobody takes events any more.
    Gone,
    /// Nothing came for too long.
    Idle,
    /// A message was begun and not finished, or the peer does not read.
    Slow,
    /// The write queue is full.
    Full,
    /// Nobody could tell where a message ends.
    Lost,
    /// A peer that answered pings does not any more.
    Silent,
}

pub struct Link {
    /// The peer, and this connection.
    pub hop: Hop,
    pub events: mpsc::Sender<StreamEvent>,
    pub queue: mpsc::Sender<Box<Outgoing>>,
    pub waiting: mpsc::Receiver<Box<Outgoing>>,
    /// The hub's word that the queue is full.
    pub full: Rc<Notify>,
    pub bounds: Rc<Bounds>,
    pub counters: Arc<Counters>,
    /// For the times of pings, if we ping.
    pub random: Option<Random>,
}

impl Link {
    /// Serves a connection that a peer opened over TLS, once it is secured.
    pub async fn secured(self, stream: TcpStream, acceptor: TlsAcceptor, handshake: OwnedSemaphorePermit) {
        match Box::pin(timed(self.bounds.handshake, acceptor.accept(stream))).await {
            Ok(stream) => {
                drop(handshake);
                // Boxed, so that what a handshake needs is not held for as long as the connection lives.
                Box::pin(self.serve(stream)).await;
            }
            Err(error) => self.unmade(&error, |counters| count(&counters.failed_handshakes)).await,
        }
    }

    /// Opens a connection and serves it; what waits by then is written first.
    pub async fn opened(self, tls: Option<(TlsConnector, ServerName<'static>)>) {
        let stream = timed(self.bounds.connect, TcpStream::connect(self.hop.address)).await;
        let stream = match stream.and_then(|stream| prepare(&stream, &self.bounds).map(|()| stream)) {
            Ok(stream) => stream,
            Err(error) => return self.unmade(&error, |counters| count(&counters.failed_connects)).await,
        };
        let Some((connector, name)) = tls else { return Box::pin(self.serve(stream)).await };
        match Box::pin(timed(self.bounds.handshake, connector.connect(name, stream))).await {
            Ok(stream) => Box::pin(self.serve(stream)).await,
            Err(error) => self.unmade(&error, |counters| count(&counters.failed_handshakes)).await,
        }
    }

    async fn unmade(mut self, error: &io::Error, counted: impl FnOnce(&Counters)) {
        tracing::debug!(peer = %self.hop, %error, "no connection");
        counted(&self.counters);
        self.undelivered(None).await;
    }

    /// Serves a connection until it ends.
    pub async fn serve<S: AsyncRead + AsyncWrite>(mut self, stream: S) {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let talk = Talk::default();
        let mut random = self.random.take();
        let why = {
            // Borrowed apart: the writer has the receiving end of the queue.
            let Link { hop, events, queue, bounds, waiting, full, .. } = &mut self;
            let end = End { hop: *hop, accepted: random.is_none(), events, queue, bounds, talk: &talk };
            tokio::select! {
                why = end.read(&mut reader) => why,
                why = end.write(&mut writer, waiting) => why,
                why = end.keep_alive(random.as_mut()) => why,
                () = full.notified() => Why::Full,
            }
        };
        match why {
            Why::Gone => {}
            Why::Idle => count(&self.counters.closed_idle),
            Why::Slow => count(&self.counters.closed_slow),
            Why::Full => count(&self.counters.closed_full),
            Why::Lost => count(&self.counters.closed_lost),
            Why::Silent => count(&self.counters.closed_silent),
        }
        tracing::debug!(peer = %self.hop, ?why, "a connection ended");
        self.undelivered(talk.writing.take()).await;
        // A peer that is gone or does not read takes no goodbye; that is no matter.
        let _ = timeout(GOODBYE, writer.shutdown()).await;
    }

    /// Closes the queue first: from here on the hub finds another way for what it is given.
    async fn undelivered(&mut self, writing: Option<Rc<Outgoing>>) {
        self.waiting.close();
        let mut failed: Vec<Rc<Outgoing>> = writing.into_iter().collect();
        while let Ok(outgoing) = self.waiting.try_recv() {
            failed.push(outgoing.into());
        }
        for outgoing in failed {
            let Some(to) = outgoing.to else { continue };
            // Whoever took events is gone only when the service ends.
            let _ = self.events.send(StreamEvent::Failed { to, bytes: outgoing.bytes.clone() }).await;
        }
    }
}

/// What the three futures of a connection tell each other.
#[derive(Default)]
struct Talk {
    /// Being written: not delivered if the connection ends now.
    writing: Cell<Option<Rc<Outgoing>>>,
    awaits_pong: Cell<bool>,
    /// The peer has answered a ping: many never do, and RFC 5626 asks it only of those who said so.
    answers_pings: Cell<bool>,
    lost: Cell<bool>,
    /// Something was written after framing was lost.
    answered: Notify,
}

struct End<'a> {
    hop: Hop,
    /// The peer opened the connection.
    accepted: bool,
    events: &'a mpsc::Sender<StreamEvent>,
    queue: &'a mpsc::Sender<Box<Outgoing>>,
    bounds: &'a Bounds,
    talk: &'a Talk,
}

impl End<'_> {
    async fn read<S: AsyncRead>(&self, half: &mut ReadHalf<S>) -> Why {
        let mut framer = Framer::default();
        // When the message that has begun must be whole.
        let mut due: Option<Instant> = None;
        // Whoever connects has something to say.
        let mut first = self.accepted.then(|| Instant::now() + self.bounds.first);
        loop {
            let idle = Instant::now() + self.bounds.idle;
            let idle = first.map_or(idle, |first| first.min(idle));
            let (limit, late) = due.map_or((idle, Why::Idle), |due| (due.min(idle), Why::Slow));
            match timeout_at(limit, fill(half, &mut framer)).await {
                Err(_) => return late,
                Ok(Ok(0) | Err(_)) => return Why::Gone,
                Ok(Ok(_)) => {}
            }
            let whole = match self.take(&mut framer).await {
                Ok(whole) => whole,
                Err(Why::Lost) => return self.last_words(half).await,
                Err(why) => return why,
            };
            first = first.filter(|_| !whole);
            due = match (framer.begun(), due) {
                (false, _) => None,
                (true, Some(due)) if !whole => Some(due),
                (true, _) => Some(Instant::now() + self.bounds.message),
            };
        }
    }

    /// Passes on what came; says whether a message became whole. While events find no room nothing is read: the
    /// peer's kernel holds its messages back.
    async fn take(&self, framer: &mut Framer) -> Result<bool, Why> {
        let (mut whole, mut pinged) = (false, false);
        while let Some(frame) = framer.frame() {
            match frame {
                Frame::Message(bytes) => {
                    whole = true;
                    self.deliver(bytes).await?;
                }
                Frame::Ping => pinged = true,
                Frame::Lost(bytes) => {
                    self.talk.lost.set(true);
                    self.deliver(bytes).await?;
                    return Err(Why::Lost);
                }
            }
        }
        if self.talk.awaits_pong.replace(false) && framer.take_pong() {
            self.talk.answers_pings.set(true);
        }
        if pinged {
            self.put(PONG)?;
        }
        Ok(whole)
    }

    async fn deliver(&self, bytes: Vec<u8>) -> Result<(), Why> {
        let sent = self.events.send(StreamEvent::Message { from: self.hop, bytes }).await;
        sent.map_err(|_| Why::Gone)
    }

    /// Waits for the refusal to be written. What the peer still sends is read and thrown away: closing with unread
    /// bytes would reset the connection, and the refusal could be lost with it.
    async fn last_words<S: AsyncRead>(&self, half: &mut ReadHalf<S>) -> Why {
        let mut end = Instant::now() + self.bounds.last_words;
        let mut gone = Framer::default();
        let mut open = true;
        loop {
            tokio::select! {
                read = timeout_at(end, fill(half, &mut gone)), if open => match read {
                    Err(_) => return Why::Lost,
                    Ok(Ok(0) | Err(_)) => open = false,
                    Ok(Ok(_)) => gone = Framer::default(),
                },
                () = tokio::time::sleep_until(end), if !open => return Why::Lost,
                () = self.talk.answered.notified() => end = end.min(Instant::now() + PAUSE),
            }
        }
    }

    async fn write<S: AsyncWrite>(&self, half: &mut WriteHalf<S>, waiting: &mut mpsc::Receiver<Box<Outgoing>>) -> Why {
        // We hold a sender ourselves, so the queue never ends.
        while let Some(outgoing) = waiting.recv().await {
            let outgoing: Rc<Outgoing> = outgoing.into();
            self.talk.writing.set(Some(outgoing.clone()));
            let written = async {
                half.write_all(&outgoing.bytes).await?;
                half.flush().await
            };
            match timeout(self.bounds.message, written).await {
                Err(_) => return Why::Slow,
                Ok(Err(_)) => return Why::Gone,
                Ok(Ok(())) => self.talk.writing.set(None),
            }
            if self.talk.lost.get() {
                self.talk.answered.notify_one();
            }
        }
        Why::Gone
    }

    /// Pings a peer that we connected to, and ends when one that used to answer is silent.
    async fn keep_alive(&self, random: Option<&mut Random>) -> Why {
        let Some(random) = random else { return pending().await };
        let jitter = u32::try_from((self.bounds.ping.end - self.bounds.ping.start).as_millis()).unwrap_or(u32::MAX);
        loop {
            sleep(self.bounds.ping.start + Duration::from_millis(random.below(jitter).into())).await;
            self.talk.awaits_pong.set(true);
            if let Err(why) = self.put(PING) {
                return why;
            }
            sleep(self.bounds.pong).await;
            if self.talk.awaits_pong.replace(false) && self.talk.answers_pings.get() {
                return Why::Silent;
            }
        }
    }

    fn put(&self, bytes: &[u8]) -> Result<(), Why> {
        self.queue.try_send(Box::new(Outgoing { to: None, bytes: bytes.to_vec() })).map_err(|_| Why::Full)
    }
}

/// A message is one write, and goes at once. What a peer does not acknowledge in time breaks the connection: else one
/// that vanished without a word would swallow messages for a quarter of an hour, until the kernel gives up.
pub fn prepare(stream: &TcpStream, bounds: &Bounds) -> io::Result<()> {
    stream.set_nodelay(true)?;
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(bounds.message))
}

async fn timed<T>(limit: Duration, doing: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, doing).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Reads once, as far as something is there; 0 at the end of the stream.
async fn fill<S: AsyncRead>(half: &mut ReadHalf<S>, framer: &mut Framer) -> io::Result<usize> {
    poll_fn(|context| {
        let mut chunk = [0; CHUNK];
        let mut chunk = ReadBuf::new(&mut chunk);
        match Pin::new(&mut *half).poll_read(context, &mut chunk) {
            Poll::Ready(Ok(())) => {
                framer.push(chunk.filled());
                Poll::Ready(Ok(chunk.filled().len()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
