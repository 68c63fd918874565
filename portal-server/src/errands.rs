//! What goes through to a chat's browser and is waited for: the clipboard, pictures (SPEC 11.5).
//!
//! A browser may not answer for as long as its backend has patience. So each has a thread of its own, not one of the few
//! that everybody's reading shares; and there are only so many, of one chat and in all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use portal_core::{Error, ErrorKind, Result};
use tokio::sync::oneshot;

/// As many at a time.
const MOST: usize = 16;

/// As many of one chat: one whose browser hangs leaves room to the others.
const MOST_OF_A_CHAT: usize = 2;

/// What whoever finds no place is told to wait, in milliseconds.
const FULL_FOR: u64 = 1000;

/// Counts what is under way, by chat.
#[derive(Default)]
pub(crate) struct Errands {
    under_way: Mutex<BTreeMap<Option<u64>, usize>>,
}

/// A place among those under way; free again when dropped.
struct Place {
    errands: Arc<Errands>,
    chat: Option<u64>,
}

impl Errands {
    /// Runs an errand of a chat and waits for its answer. It runs to its end although whoever asked has left.
    ///
    /// # Errors
    /// Its own; `ERR_RATE_LIMITED` while there are too many.
    pub(crate) async fn run(
        self: &Arc<Self>,
        chat: Option<u64>,
        errand: impl FnOnce() -> Result<String> + Send + 'static,
    ) -> Result<String> {
        let place = self.enter(chat)?;
        let (done, answer) = oneshot::channel();
        std::thread::Builder::new()
            .name("errand".into())
            .spawn(move || {
                let answer = errand();
                drop(place);
                done.send(answer).ok();
            })
            .map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))?;
        // The sender is lost only to a panic.
        answer
            .await
            .unwrap_or_else(|_| Err(ErrorKind::Internal.into()))
    }

    fn enter(self: &Arc<Self>, chat: Option<u64>) -> Result<Place> {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let all: usize = under_way.values().sum();
        let of_chat = under_way.entry(chat).or_default();
        if all >= MOST || *of_chat >= MOST_OF_A_CHAT {
            return Err(Error::rate_limited(FULL_FOR));
        }
        *of_chat += 1;
        Ok(Place {
            errands: Arc::clone(self),
            chat,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let under_way = &self.errands.under_way;
        let mut under_way = under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_chat) = under_way.get_mut(&self.chat) {
            *of_chat -= 1;
        }
        under_way.retain(|_, count| *count > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_chat_leaves_room_to_the_others() {
        let errands = Arc::new(Errands::default());
        let of = |chat| errands.enter(Some(chat));
        let first = of(1).unwrap();
        let _second = of(1).unwrap();
        assert_eq!(of(1).err().unwrap().kind(), ErrorKind::RateLimited);
        drop(first);
        let _third = of(1).unwrap();
        let others: Vec<_> = (2..).map_while(|chat| of(chat).ok()).collect();
        assert_eq!(others.len(), MOST - 2);
        drop(others);
        of(2).unwrap();
    }
}
