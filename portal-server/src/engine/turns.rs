//! Whose turn it is to write, when many sockets are given packets.
//!
//! Sockets that are all woken at once stand before everything else that the thread has to do: who sends waits until a
//! thousand have been written to, and so does the next packet. So they are woken a few at a time, and what comes
//! meanwhile is given to those who wait already: each writes all it has in one go.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Packet, Sent, Socket, queue};

/// Sockets that are woken in one go: few enough that nobody else notices, and enough that looking after the others is
/// not most of the work.
const AT_ONCE: usize = 32;

/// Packets that a socket may be given while it waits for its turn. With as many again in what begins below this, waiting
/// alone makes no queue full.
const AHEAD: usize = queue::MOST / 2;

/// The sockets that wait for their turn.
pub(crate) struct Turns<D> {
    /// In the order in which they were given something, with how much had been given to anybody by then.
    waiting: VecDeque<(usize, Arc<Socket<D>>)>,
    given: usize,
}

impl<D> Default for Turns<D> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            given: 0,
        }
    }
}

impl<D> Turns<D> {
    /// Begins with more packets, of which each socket is sent each once at most.
    pub(crate) fn begin(&mut self, packets: usize) {
        self.given += packets;
    }

    /// How many there have been.
    pub(crate) fn given(&self) -> usize {
        self.given
    }

    /// Sends packets behind what is held back. `Full` is said once: after it none of these is taken, so that the
    /// client gets nothing rather than something with a hole in it.
    pub(crate) fn send(&mut self, socket: &Arc<Socket<D>>, packets: &[&Packet]) -> Sent {
        let (sent, wants_a_turn) = socket.give_in_turn(packets);
        if wants_a_turn {
            self.waiting.push_back((self.given, Arc::clone(socket)));
        }
        sent
    }

    /// Wakes those whose turn it is.
    pub(crate) fn go_on(&mut self) {
        for (_, socket) in self.waiting.drain(..self.waiting.len().min(AT_ONCE)) {
            socket.have_turn();
        }
    }

    /// Whether somebody waits.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether those who wait may be given more. It is not for ever that nobody may: they have their turns.
    pub(crate) fn has_room(&self) -> bool {
        let first = self.waiting.front();
        first.is_none_or(|(given, _)| self.given - given < AHEAD)
    }

    /// Whether everybody who was sent one of the packets up to this one has had their turn.
    pub(crate) fn is_done(&self, packet: usize) -> bool {
        let first = self.waiting.front();
        first.is_none_or(|(given, _)| packet < *given)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::{Wake, Waker};

    use super::*;
    use crate::engine::{Sid, Transport};

    /// How often a socket's task was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    /// Sockets whose tasks wait for a packet.
    struct Room {
        sockets: Vec<(Arc<Socket<()>>, Arc<Woken>)>,
        turns: Turns<()>,
    }

    impl Room {
        fn of(count: usize) -> Self {
            let sockets = (0..count).map(|_| {
                let socket = Arc::new(Socket::new(Sid::new(), (), Transport::WebSocket));
                (socket, Arc::default())
            });
            let room = Self {
                sockets: sockets.collect(),
                turns: Turns::default(),
            };
            for place in 0..count {
                room.write(place);
            }
            room
        }

        /// What a task does that was woken; answers how many packets it wrote.
        fn write(&self, place: usize) -> usize {
            let (socket, woken) = &self.sockets[place];
            socket.attend(&Waker::from(Arc::clone(woken)));
            let taken = socket.take(usize::MAX).len();
            socket.take(usize::MAX);
            taken
        }

        fn send_to_all(&mut self) {
            self.turns.begin(1);
            for (socket, _) in &self.sockets {
                let sent = self.turns.send(socket, &[&Packet::message("a")]);
                assert_eq!(sent, Sent::On);
            }
        }

        fn woken(&self) -> Vec<usize> {
            let times = self.sockets.iter().map(|(_, woken)| woken.0.load(SeqCst));
            times.collect()
        }
    }

    #[test]
    fn a_few_are_woken_at_a_time_and_in_the_order_of_sending() {
        let mut room = Room::of(AT_ONCE * 2 + 1);
        room.send_to_all();
        assert_eq!(room.woken(), vec![0; AT_ONCE * 2 + 1]);
        for turn in 1..=3 {
            let so_far = (AT_ONCE * turn).min(room.sockets.len());
            assert!(room.turns.is_waiting() && !room.turns.is_done(1));
            room.turns.go_on();
            let woken = room.woken();
            assert!(woken[..so_far].iter().all(|times| *times == 1));
            assert!(woken[so_far..].iter().all(|times| *times == 0));
        }
        assert!(!room.turns.is_waiting() && room.turns.is_done(1));
    }

    #[test]
    fn what_comes_while_a_socket_waits_is_written_in_the_same_turn() {
        let mut room = Room::of(AT_ONCE + 1);
        room.send_to_all();
        room.turns.go_on();
        for place in 0..AT_ONCE {
            assert_eq!(room.write(place), 1);
        }
        room.send_to_all();
        room.turns.go_on();
        // The one that waited since the first, and then those who were sent the second only.
        assert_eq!(room.write(AT_ONCE), 2);
        assert!(room.turns.is_done(1) && !room.turns.is_done(2));
        room.turns.go_on();
        assert!(room.turns.is_done(2));
        assert_eq!(room.woken()[AT_ONCE], 1);
    }

    #[test]
    fn waiting_for_its_turn_makes_no_socket_full() {
        let mut room = Room::of(AT_ONCE + 1);
        let mut sent = 0;
        while room.turns.has_room() {
            room.send_to_all();
            sent += 1;
        }
        assert!(sent <= queue::MOST / 2 + 1, "{sent}");
        while room.turns.is_waiting() {
            room.turns.go_on();
        }
        assert!(room.turns.has_room());
        assert_eq!(room.write(AT_ONCE), sent);
    }

    #[test]
    fn who_wrote_meanwhile_is_not_woken_for_nothing() {
        let mut room = Room::of(1);
        room.send_to_all();
        room.sockets[0].0.send("an answer");
        assert_eq!((room.woken(), room.write(0)), (vec![1], 2));
        room.turns.go_on();
        assert_eq!(room.woken(), [1]);
        room.send_to_all();
        room.turns.go_on();
        assert_eq!(room.woken(), [2]);
    }
}
