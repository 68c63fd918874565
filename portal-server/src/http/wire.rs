//! A client's connection, as everything above sees it: bytes, with a limit to waiting.
//!
//! hyper limits how long it waits for a request's head, but neither it nor the WebSocket layer
//! limits how long it waits for a client to take what is written. A client that stops reading
//! would hold its buffers, and the task stuck in the write, for as long as it likes. [`Wire`]
//! ends that. It lives below the upgrade, so it covers plain requests, polling and
//! WebSocket connections alike.
//!
//! A wire that was given up stays so, for reading too. The WebSocket layer goes on after a failed
//! write, and a client that reads again would get a stream with a hole in it.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
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
    given_up: bool,
    /// Whoever waits to read; it is told when the wire is given up.
    reader: Option<Waker>,
    _guard: G,
}

impl<S, G> Wire<S, G> {
    /// Wraps a connection.
    pub fn new(stream: S, patience: Duration, guard: G) -> Self {
        Self {
            stream,
            patience,
            waiting: None,
            given_up: false,
            reader: None,
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
        self.given_up = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    fn check(&self) -> io::Result<()> {
        if self.given_up {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin, G: Unpin> AsyncRead for Wire<S, G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        if read.is_pending()
            && !self
                .reader
                .as_ref()
                .is_some_and(|w| w.will_wake(cx.waker()))
        {
            self.reader = Some(cx.waker().clone());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin> AsyncWrite for Wire<S, G> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.watch(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
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
    async fn a_wire_that_was_given_up_tells_its_reader_and_carries_nothing_more() {
        let (ours, mut theirs) = duplex(4);
        let (mut reading, mut writing) = tokio::io::split(Wire::new(ours, PATIENCE, ()));
        let reader = tokio::spawn(async move { reading.read_u8().await });
        writing.write_all(b"more than four").await.unwrap_err();
        assert_eq!(
            reader.await.unwrap().unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        let mut taken = [0; 4];
        theirs.read_exact(&mut taken).await.unwrap();
        assert!(writing.write_all(b"later").await.is_err());
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
