//! What has a part of the portal beyond the calls to it: a follower or a keeper, as C holds it (SPEC 17.5).
//!
//! The part itself lies behind its gate as well, so that closing finds every one of them, also one that another thread is
//! just giving back: whoever drops a part holds its lock, and closing takes each lock. The surprise: a callback may free
//! the child it is called from. So each call works with a clone, and the part then goes when that call ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use portal_core::{Error, ErrorKind, Portal, Result};

use crate::handle::{Gate, Inside};

/// How often a wait looks whether it was woken.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A part of a portal, and the way to it.
pub(crate) struct Child<T> {
    gate: Arc<Gate>,
    part: Arc<Held<T>>,
}

impl<T> Clone for Child<T> {
    fn clone(&self) -> Self {
        Self {
            gate: Arc::clone(&self.gate),
            part: Arc::clone(&self.part),
        }
    }
}

/// What closing the portal ends.
pub(crate) trait Part: Send + Sync {
    /// Gives it back; returns when nothing of it is left.
    fn end(&self);
}

struct Held<T> {
    /// None once it is given back. Locked while in use.
    part: Mutex<Option<T>>,
    woken: AtomicBool,
    freed: AtomicBool,
}

impl<T: Send> Part for Held<T> {
    fn end(&self) {
        give_back(self.part.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Drops what is there before the lock is let go: whoever gets the lock then knows that it is gone.
fn give_back<T>(mut part: MutexGuard<'_, Option<T>>) {
    drop(part.take());
}

impl<T: Send + 'static> Child<T> {
    /// A child of the portal that this call is inside of.
    pub(crate) fn new(inside: &Inside<'_>, part: T) -> Self {
        let part = Arc::new(Held {
            part: Mutex::new(Some(part)),
            woken: AtomicBool::new(false),
            freed: AtomicBool::new(false),
        });
        let gate = inside.adopt(Arc::clone(&part) as Arc<dyn Part>);
        Self { gate, part }
    }

    /// Works with it once nobody else does.
    pub(crate) fn in_turn<A>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut T, &Portal, &AtomicBool) -> Result<A>,
    ) -> Result<A> {
        self.work(name, work, || {
            Ok(self
                .part
                .part
                .lock()
                .unwrap_or_else(PoisonError::into_inner))
        })
    }

    /// Works with it, or refuses while it is in use: that may be further up the same stack, and a wait would have no
    /// end.
    pub(crate) fn alone<A>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut T, &Portal, &AtomicBool) -> Result<A>,
    ) -> Result<A> {
        self.work(name, work, || match self.part.part.try_lock() {
            Ok(part) => Ok(part),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Error::invalid(
                name,
                format!("This {name} is in use; each thread has one of its own."),
            )),
        })
    }

    fn work<'a, A>(
        &'a self,
        name: &'static str,
        work: impl FnOnce(&mut T, &Portal, &AtomicBool) -> Result<A>,
        lock: impl FnOnce() -> Result<MutexGuard<'a, Option<T>>>,
    ) -> Result<A> {
        // Left last: closing waits for it.
        let inside = self.gate.enter()?;
        let mut part = lock()?;
        let answer = match part.as_mut() {
            Some(part) => work(part, &inside, &self.part.woken),
            None => Err(ErrorKind::Closed.into()),
        };
        drop(part);
        let answer = inside.told(name, answer);
        if self.part.freed.load(Ordering::SeqCst) {
            self.part.end();
            self.forget();
        }
        answer
    }

    /// Ends one wait: the one under way, or else the next one.
    pub(crate) fn wake(&self) {
        self.part.woken.store(true, Ordering::SeqCst);
    }

    /// Gives it back. Where it is in use, further up this stack, it goes when that call ends.
    pub(crate) fn free(self) {
        // First: whoever has the lock now looks for it afterwards.
        self.part.freed.store(true, Ordering::SeqCst);
        match self.part.part.try_lock() {
            Ok(part) => give_back(part),
            Err(TryLockError::Poisoned(poisoned)) => give_back(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => return,
        }
        self.forget();
    }

    fn forget(&self) {
        let part: Arc<dyn Part> = Arc::clone(&self.part) as Arc<dyn Part>;
        self.gate.forget(&part);
    }
}

/// A wait of a child, in moments: in between it is looked whether the child was woken.
pub(crate) struct Wait<'a> {
    left: Duration,
    woken: &'a AtomicBool,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(timeout_ms: u32, woken: &'a AtomicBool) -> Self {
        let left = Duration::from_millis(timeout_ms.into());
        Self { left, woken }
    }

    /// Waits for a moment in the given way.
    pub(crate) fn a_moment<A>(&mut self, wait: impl FnOnce(Duration) -> Result<A>) -> Result<A> {
        let slice = self.left.min(LOOK_EVERY);
        let answer = wait(slice)?;
        self.left -= slice;
        Ok(answer)
    }

    /// Whether the time is over.
    pub(crate) fn is_over(&self) -> bool {
        self.left.is_zero()
    }

    /// Whether it was woken; says so once.
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.swap(false, Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A part that is long in going: until closing has returned, which it must not, or for a while.
    struct Slow {
        going: Sender<()>,
        closed: Receiver<()>,
        gone: Arc<AtomicBool>,
    }

    impl Drop for Slow {
        fn drop(&mut self) {
            let _ = self.going.send(());
            let _ = self.closed.recv_timeout(Duration::from_millis(200));
            self.gone.store(true, Ordering::SeqCst);
        }
    }

    fn gate(directory: &tempfile::TempDir) -> Arc<Gate> {
        let path = directory.path().join("chat.db");
        let portal = Portal::open(path, portal_core::Options::default()).unwrap();
        Arc::new(Gate::new(portal, Arc::default()))
    }

    #[test]
    fn closing_waits_for_what_another_thread_is_giving_back_spec_17_5() {
        let directory = tempfile::tempdir().unwrap();
        let gate = gate(&directory);
        let (going, has_begun) = channel();
        let (has_closed, closed) = channel();
        let gone = Arc::new(AtomicBool::new(false));
        let inside = gate.enter().unwrap();
        let slow = Slow {
            going,
            closed,
            gone: Arc::clone(&gone),
        };
        let child = Child::new(&inside, slow);
        std::thread::scope(|threads| {
            let closing = threads.spawn(|| {
                gate.close().unwrap();
                let _ = has_closed.send(());
                gone.load(Ordering::SeqCst)
            });
            // Given back when closing has begun and waits for the call that is inside.
            while gate.enter().is_ok() {
                std::thread::yield_now();
            }
            threads.spawn(|| child.free());
            has_begun.recv().unwrap();
            drop(inside);
            assert!(closing.join().unwrap());
        });
    }

    #[test]
    fn what_is_freed_while_in_use_goes_with_the_call_that_uses_it() {
        let directory = tempfile::tempdir().unwrap();
        let gate = gate(&directory);
        let part = Arc::new(());
        let child = Child::new(&gate.enter().unwrap(), Arc::clone(&part));
        let used = child.alone("keeper", |_, _, _| {
            child.clone().free();
            Ok(Arc::strong_count(&part))
        });
        assert_eq!((used.unwrap(), Arc::strong_count(&part)), (2, 1));
        gate.close().unwrap();
    }
}
