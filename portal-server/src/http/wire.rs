//! A client's connection, as everything above sees it: bytes, with a limit to waiting.
//!
//! hyper limits how long it waits for a request's head, but not how long it waits for a client to
//! take what is written. A client that stops reading would hold its buffers, and the task stuck in
//! the write, for as long as it likes. [`Wire`] ends that. It lives below the upgrade, so it covers
//! plain requests, polling and WebSocket connections alike. Whoever writes stops at the failure: a
//! client that reads again would otherwise get a stream with a hole in it.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream whose writes fail once the other side takes nothing for `patience`.
///
/// `guard` is anything that has to live exactly as long as the connection does: a place in a
/// [`Gate`](super::gate::Gate), which an upgrade must not give back early.
pub struct Wire<S, G> {
    stream: S,
    patience: Duration,
    // Only while a write waits: most connections, most of the time, hold no timer.
    waiting: Option<Pin<Box<Sleep>>>,
    _guard: G,
}

impl<S, G> Wire<S, G> {
    /// Wraps a connection.
    pub fn new(stream: S, patience: Duration, guard: G) -> Self {
        Self {
            stream,
            patience,
            waiting: None,
            _guard: guard,
        }
    }

    /// Passes on what a write came to, unless it has waited too long.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.waiting = None;
            return wrote;
        }
        let patience = self.patience;
        let timer = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin, G: Unpin> AsyncRead for Wire<S, G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin> AsyncWrite for Wire<S, G> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.watch(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Instant, advance};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_write_nobody_takes_fails_after_the_patience() {
        let (ours, _theirs) = duplex(4);
        let mut wire = Wire::new(ours, PATIENCE, ());
        let start = Instant::now();
        let failed = wire.write_all(b"more than four").await.unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), PATIENCE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_that_keeps_reading_is_waited_for() {
        let (ours, mut theirs) = duplex(1);
        let mut wire = Wire::new(ours, PATIENCE, ());
        let start = Instant::now();
        let reading = async {
            for _ in 0..5 {
                advance(PATIENCE * 9 / 10).await;
                theirs.read_u8().await.unwrap();
            }
        };
        let (wrote, ()) = tokio::join!(wire.write_all(b"12345"), reading);
        wrote.unwrap();
        assert!(start.elapsed() > PATIENCE * 3);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_to_read_is_not_limited() {
        let (ours, mut theirs) = duplex(4);
        let mut wire = Wire::new(ours, PATIENCE, ());
        let writing = async {
            advance(PATIENCE * 10).await;
            theirs.write_u8(7).await.unwrap();
        };
        let (read, ()) = tokio::join!(wire.read_u8(), writing);
        assert_eq!(read.unwrap(), 7);
    }
}
