//! What each answer means, by what was asked.

use super::step::Turn;
use super::wire::{self, KeyList, Published, Refusal, Renewed};
use super::{Answer, Keyring, NewKey, Registration};
use crate::e2ee::bind::Ctx;
use crate::e2ee::check::KeyCheck;
use crate::e2ee::error::{Error, Result};

const DOCUMENT: &str = "document";

/// How long to wait with registering after a refusal that does not say.
const REGISTER_AGAIN: u64 = 10_000;

/// A request that is under way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Register,
    List(u64),
    /// To be the first in this chat and epoch.
    First(u64, u64),
    /// To wrap the key of this chat and epoch for more sessions.
    Wrap(u64, u64),
    Reject(u64),
    Renew(u64),
}

impl Asked {
    pub(super) const fn chat(self) -> Option<u64> {
        match self {
            Self::Register => None,
            Self::List(chat)
            | Self::First(chat, _)
            | Self::Wrap(chat, _)
            | Self::Reject(chat)
            | Self::Renew(chat) => Some(chat),
        }
    }
}

/// An answer, read.
enum Said {
    Registered,
    List(Box<(KeyList, Option<KeyCheck>)>),
    Published,
    Rejected,
    Renewed(Renewed),
    Refused(String, Refusal),
}

impl Keyring {
    pub(super) fn take_reply(
        &mut self,
        request_id: u64,
        answer: Answer<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<()> {
        if request_id == 0 || request_id >= self.next_request {
            return Err(Error::Malformed {
                what: "request_id",
                why: "no request was made under it",
            });
        }
        let Some(asked) = self.requests.get(&request_id).copied() else {
            return Ok(());
        };
        let said = read(asked, answer)?;
        self.requests.remove(&request_id);
        if let (Said::Refused(code, _), Some(chat_id)) = (&said, asked.chat())
            && self.refused_for_good(chat_id, asked, code)
        {
            return Ok(());
        }
        match (asked, said) {
            (Asked::Register, said) => self.registered(&said, turn),
            (Asked::Wrap(chat_id, epoch), said) => self.wrapped(chat_id, epoch, &said, turn),
            (Asked::First(chat_id, epoch), said) => {
                self.published(chat_id, epoch, &said);
                self.own_matter(chat_id, said, turn);
            }
            (Asked::List(chat_id) | Asked::Reject(chat_id) | Asked::Renew(chat_id), said) => {
                self.own_matter(chat_id, said, turn);
            }
        }
        Ok(())
    }

    /// Refusals after which this session has nothing to look for in the room; answers whether it was one.
    fn refused_for_good(&mut self, chat_id: u64, asked: Asked, code: &str) -> bool {
        match code {
            // It is gone for us: destroyed, or we are out.
            "ERR_CHAT_NOT_FOUND" | "ERR_BANNED" => self.drop_chat(chat_id),
            // To renew with the key at hand is forbidden too, and it may have come in between.
            "ERR_FORBIDDEN" if matches!(asked, Asked::Renew(_) | Asked::Wrap(..)) => return false,
            "ERR_FORBIDDEN"
            | "ERR_NOT_JOINED"
            | "ERR_UNAUTHENTICATED"
            | "ERR_NOT_CONNECTED"
            | "ERR_TIMED_OUT"
            | "ERR_CLOSED" => self.unseat(chat_id),
            _ => return false,
        }
        true
    }

    fn registered(&mut self, said: &Said, turn: &mut Turn<'_>) {
        if let Said::Refused(_, refusal) = said {
            let wait = refusal.retry_after_ms.unwrap_or(REGISTER_AGAIN);
            let wait = wait.clamp(1_000, 3_600_000).cast_signed();
            self.registration = Registration::Due(turn.now.saturating_add(wait));
            return;
        }
        self.registration = Registration::Done;
        let seated = self.chats.iter().filter(|(_, chat)| chat.seat.is_some());
        for chat_id in seated.map(|(chat_id, _)| *chat_id).collect::<Vec<_>>() {
            self.look(chat_id, turn);
        }
    }

    /// What became of a key that was made here. Where nobody says, the next look does.
    fn published(&mut self, chat_id: u64, epoch: u64, said: &Said) {
        let Some(chat) = self.chats.get_mut(&chat_id) else {
            return;
        };
        let Some(held) = chat.keys.get_mut(&epoch).filter(|held| !held.is_published) else {
            return;
        };
        let Said::Refused(code, _) = said else {
            held.is_published = true;
            self.step.keys.push(NewKey { chat_id, epoch });
            return;
        };
        let is_certain = matches!(
            code.as_str(),
            "ERR_KEY_CONFLICT"
                | "ERR_EPOCH_MISMATCH"
                | "ERR_RATE_LIMITED"
                | "ERR_NO_PUBLIC_KEY"
                | "ERR_INVALID"
        );
        if is_certain {
            chat.drop_key(epoch);
        }
    }

    fn wrapped(&mut self, chat_id: u64, epoch: u64, said: &Said, turn: &mut Turn<'_>) {
        match said {
            Said::Refused(code, refusal) => {
                self.hear_epoch(chat_id, refusal);
                // The server has another idea of who holds what, or in which epoch; else whoever lacks it asks again.
                let is_behind = matches!(
                    code.as_str(),
                    "ERR_EPOCH_MISMATCH" | "ERR_KEY_CONFLICT" | "ERR_NO_ROOM_KEY"
                );
                if is_behind {
                    self.look_again(chat_id, turn);
                }
            }
            _ if self.epoch(chat_id) == Some(epoch) => self.wrap_the_rest(chat_id, turn),
            _ => {}
        }
    }

    /// An answer to the one request about our own key.
    fn own_matter(&mut self, chat_id: u64, said: Said, turn: &mut Turn<'_>) {
        let Some(seat) = self.seat(chat_id) else {
            return;
        };
        seat.is_busy = false;
        let is_stale = std::mem::take(&mut seat.is_stale);
        let is_wanted = seat.is_wanted();
        match said {
            Said::List(_) if is_stale => self.look(chat_id, turn),
            Said::List(read) => self.listed(chat_id, &read.0, read.1, turn),
            Said::Refused(code, refusal) => {
                self.hear_epoch(chat_id, &refusal);
                match refusal.retry_after_ms {
                    Some(wait) if !is_stale => self.look_in(chat_id, wait, turn),
                    _ => {
                        if code == "ERR_NO_PUBLIC_KEY" {
                            self.register_again(chat_id, turn);
                        }
                        if is_stale {
                            self.look(chat_id, turn);
                        } else {
                            self.look_again(chat_id, turn);
                        }
                    }
                }
            }
            Said::Renewed(renewed) => {
                if let Some(chat) = self.chats.get_mut(&chat_id) {
                    chat.move_to(renewed.epoch);
                }
                if is_stale {
                    self.look(chat_id, turn);
                } else if renewed.status == "asked" {
                    self.look_in(chat_id, renewed.retry_after_ms, turn);
                } else {
                    self.look_again(chat_id, turn);
                }
            }
            // Others are asked now. If nobody can, renewing says so at once.
            Said::Rejected => self.look_again(chat_id, turn),
            Said::Published | Said::Registered => {
                // A server that says it of nothing new, again and again, is looked at later and later.
                if is_stale || is_wanted {
                    self.look_again(chat_id, turn);
                } else {
                    seat.tries = 0;
                }
                self.wrap_the_rest(chat_id, turn);
            }
        }
    }

    /// A refusal may name the present epoch.
    fn hear_epoch(&mut self, chat_id: u64, refusal: &Refusal) {
        let epoch = refusal.epoch.filter(|epoch| wire::is_number(*epoch));
        if let (Some(chat), Some(epoch)) = (self.chats.get_mut(&chat_id), epoch) {
            chat.move_to(epoch);
        }
    }
}

fn read(asked: Asked, answer: Answer<'_>) -> Result<Said> {
    let document = match answer {
        Answer::Refused { code, details } => {
            let refusal = match details {
                "" => Refusal::default(),
                details => wire::read(details, "details")?,
            };
            return Ok(Said::Refused(code.to_owned(), refusal));
        }
        Answer::Done(document) => document,
    };
    Ok(match asked {
        Asked::Register => {
            wire::read::<serde_json::Value>(document, DOCUMENT)?;
            Said::Registered
        }
        Asked::List(chat_id) => {
            let list: KeyList = wire::read(document, DOCUMENT)?;
            Ctx::new(chat_id, list.epoch)?;
            let check = wire::check(list.key_check.as_deref())?;
            Said::List(Box::new((list, check)))
        }
        Asked::First(..) | Asked::Wrap(..) => {
            wire::read::<Published>(document, DOCUMENT)?;
            Said::Published
        }
        Asked::Reject(_) => {
            wire::read::<serde_json::Value>(document, DOCUMENT)?;
            Said::Rejected
        }
        Asked::Renew(chat_id) => {
            let renewed: Renewed = wire::read(document, DOCUMENT)?;
            Ctx::new(chat_id, renewed.epoch)?;
            Said::Renewed(renewed)
        }
    })
}
