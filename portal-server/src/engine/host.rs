//! Who handles sockets in the engine's own tests, and what clients send there.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;

use super::{Handler, Sent, Socket};

/// A frame as clients send it, masked by nothing.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(short @ ..126) => frame.push(0x80 | u8::try_from(short).unwrap()),
        Ok(length) => {
            frame.push(0xfe);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0xff);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

#[derive(Default)]
pub(super) struct Host {
    talks: bool,
    fails: bool,
    heard: AtomicUsize,
    closed: AtomicUsize,
}

impl Host {
    pub(super) fn that_listens() -> Arc<Self> {
        Arc::default()
    }

    /// Says as much as fits and ends the socket at once.
    pub(super) fn that_talks() -> Arc<Self> {
        Arc::new(Self {
            talks: true,
            ..Self::default()
        })
    }

    /// Does not bear what it hears.
    pub(super) fn that_fails() -> Arc<Self> {
        Arc::new(Self {
            fails: true,
            ..Self::default()
        })
    }

    /// How many sockets are over.
    pub(super) fn closed(&self) -> usize {
        self.closed.load(SeqCst)
    }

    /// Waits until it has heard so many messages, and sees that no more than `most` come between two turns of
    /// another task.
    pub(super) async fn is_heard_a_little_at_a_time(self: Arc<Self>, messages: usize, most: usize) {
        let mut before = 0;
        let other = poll_fn(move |cx| {
            let now = self.heard.load(SeqCst);
            assert!(now - before <= most, "{} at once", now - before);
            before = now;
            if now == messages {
                return Poll::Ready(());
            }
            // Not `yield_now`, which lets all the others have many turns.
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        tokio::spawn(other).await.unwrap();
    }
}

impl Handler for Host {
    type Data = ();

    fn opened(self: &Arc<Self>, socket: &Arc<Socket<()>>) {
        if self.talks {
            while socket.send("a word") == Sent::On {}
            socket.close();
        }
    }

    fn message(self: &Arc<Self>, _: &Arc<Socket<()>>, _: &str) {
        assert!(!self.fails, "a defect");
        self.heard.fetch_add(1, SeqCst);
    }

    fn closed(&self, _: &Arc<Socket<()>>) {
        self.closed.fetch_add(1, SeqCst);
    }
}
