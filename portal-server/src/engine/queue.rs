//! The packets that wait for one socket, and what is held back behind them.
//!
//! One queue with two parts. From the front: what may go. Behind it, while somebody holds it: what comes in turn
//! and has to wait until something that belongs before it has been given.

use std::collections::VecDeque;

use super::Sent;
use super::packet::Packet;

/// Packets that may wait in each of the two parts.
pub(super) const MOST: usize = 1024;

/// A queue that is empty keeps no more room than this.
const SMALL: usize = 4;

/// Room that is made at first: in a busy room several come together, and growing step by step costs more.
const FIRST: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Queue {
    packets: VecDeque<Packet>,
    /// How many of them, from the front, may go. All, unless somebody holds them.
    ready: usize,
    holds: u32,
    /// One in turn did not fit, or is not wanted: none comes after it, rather than something with a hole in it.
    cut: bool,
}

impl Queue {
    /// Puts a packet in, before what is held back.
    pub(super) fn give(&mut self, packet: Packet) -> Sent {
        if self.ready >= MOST {
            return Sent::Full;
        }
        self.put(packet);
        Sent::On
    }

    /// The same, however full it is: for the few that keep a socket alive.
    pub(super) fn put(&mut self, packet: Packet) {
        self.packets.insert(self.ready, packet);
        self.ready += 1;
    }

    /// Puts a packet in behind all that came before. `Full` is said once.
    pub(super) fn give_in_turn(&mut self, packet: Packet) -> Sent {
        if self.cut {
            return Sent::Closed;
        }
        let before = match self.holds {
            0 => self.ready,
            _ => self.packets.len() - self.ready,
        };
        if before >= MOST {
            self.cut = true;
            return Sent::Full;
        }
        if self.packets.capacity() == 0 {
            self.packets.reserve(FIRST);
        }
        self.packets.push_back(packet);
        if self.holds == 0 {
            self.ready += 1;
        }
        Sent::On
    }

    /// Holds back what comes in turn.
    pub(super) fn hold(&mut self) {
        self.holds += 1;
    }

    /// Ends one holding back; with the last of them, what was held may go. False, and nothing done, while that
    /// would be more than fits.
    pub(super) fn release(&mut self) -> bool {
        if self.holds == 1 {
            let holds_back = self.ready < self.packets.len();
            if holds_back && self.packets.len() > MOST {
                return false;
            }
            self.ready = self.packets.len();
        }
        self.holds = self.holds.saturating_sub(1);
        true
    }

    /// Lets go of what is held back, and takes nothing more in turn.
    pub(super) fn cut(&mut self) {
        self.cut = true;
        self.packets.truncate(self.ready);
    }

    /// Whether something may go.
    pub(super) fn is_ready(&self) -> bool {
        self.ready > 0
    }

    /// How many may go.
    pub(super) fn ready(&self) -> usize {
        self.ready
    }

    /// Takes as many as may go from the front: at most `count`, with no more than `bytes` of text between them, but
    /// always one.
    pub(super) fn take(&mut self, count: usize, bytes: usize) -> Vec<Packet> {
        let mut length = 0;
        let fitting = self.packets.iter().take(self.ready.min(count));
        let fitting = fitting
            .enumerate()
            .take_while(|(place, packet)| {
                length += packet.text().len() + 1;
                *place == 0 || length <= bytes
            })
            .count();
        let taken = self.packets.drain(..fitting).collect();
        self.ready -= fitting;
        if self.packets.is_empty() && self.packets.capacity() > SMALL {
            self.packets = VecDeque::new();
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(text: &str) -> Packet {
        Packet::message(text)
    }

    fn texts(packets: &[Packet]) -> Vec<String> {
        let text = |packet: &Packet| String::from_utf8(packet.text()[1..].to_vec()).unwrap();
        packets.iter().map(text).collect()
    }

    fn all(queue: &mut Queue) -> Vec<String> {
        texts(&queue.take(usize::MAX, usize::MAX))
    }

    #[test]
    fn what_is_held_back_goes_behind_what_is_given_meanwhile() {
        let mut queue = Queue::default();
        queue.give_in_turn(packet("a"));
        queue.hold();
        queue.hold();
        queue.give_in_turn(packet("held"));
        queue.give(packet("b"));
        queue.give(packet("c"));
        assert_eq!(all(&mut queue), ["a", "b", "c"]);
        assert!(!queue.is_ready());
        assert!(queue.release());
        assert!(!queue.is_ready());
        queue.give(packet("d"));
        assert!(queue.release());
        queue.give_in_turn(packet("e"));
        assert_eq!(all(&mut queue), ["d", "held", "e"]);
    }

    #[test]
    fn full_is_said_once_and_nothing_comes_in_turn_after_it() {
        let mut queue = Queue::default();
        for _ in 0..MOST {
            assert_eq!(queue.give_in_turn(packet("a")), Sent::On);
        }
        assert_eq!(queue.give(packet("b")), Sent::Full);
        assert_eq!(queue.give_in_turn(packet("b")), Sent::Full);
        assert_eq!(queue.give_in_turn(packet("b")), Sent::Closed);
        queue.put(packet("ping"));
        assert_eq!(all(&mut queue).len(), MOST + 1);
        assert_eq!(queue.give(packet("word")), Sent::On);
        assert_eq!(queue.give_in_turn(packet("b")), Sent::Closed);
        assert_eq!(all(&mut queue), ["word"]);
    }

    #[test]
    fn as_much_is_held_back_as_waits_and_it_goes_once_there_is_room() {
        let mut queue = Queue::default();
        queue.give(packet("answer"));
        queue.hold();
        for _ in 0..MOST {
            assert_eq!(queue.give_in_turn(packet("a")), Sent::On);
        }
        assert!(!queue.release());
        assert_eq!(all(&mut queue), ["answer"]);
        assert_eq!(queue.give_in_turn(packet("b")), Sent::Full);
        assert!(queue.release());
        assert_eq!(all(&mut queue).len(), MOST);
    }

    #[test]
    fn what_is_held_for_one_who_leaves_is_dropped() {
        let mut queue = Queue::default();
        queue.hold();
        queue.give_in_turn(packet("held"));
        queue.give(packet("given"));
        queue.cut();
        assert_eq!(queue.give_in_turn(packet("more")), Sent::Closed);
        assert!(queue.release());
        assert_eq!(all(&mut queue), ["given"]);
    }

    #[test]
    fn no_more_is_taken_than_fits_but_always_one() {
        let mut queue = Queue::default();
        for text in ["aaaa", "bb", "cc"] {
            queue.give(packet(text));
        }
        assert_eq!(texts(&queue.take(usize::MAX, 3)), ["aaaa"]);
        assert_eq!(texts(&queue.take(1, usize::MAX)), ["bb"]);
        assert_eq!(texts(&queue.take(usize::MAX, 4)), ["cc"]);
        assert!(queue.take(usize::MAX, usize::MAX).is_empty());
    }

    #[test]
    fn an_empty_queue_gives_back_what_a_burst_took() {
        let mut queue = Queue::default();
        for _ in 0..MOST {
            queue.give(packet("a"));
        }
        queue.take(usize::MAX, usize::MAX);
        assert_eq!(queue.packets.capacity(), 0);
    }
}
