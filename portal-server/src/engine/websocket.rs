//! Sockets over WebSocket: one task each, which reads, writes, and listens to the heart.
//!
//! It writes what has come together since it last ran in one go, straight from the packets that the other sockets
//! share. It stops at the first write that fails, so that no client gets a stream with a hole in it.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep_until, timeout};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::frame::{Frame, Utf8Bytes};

use super::handshake::{self, Sid, Transport};
use super::packet::Packet;
use super::reader::{Heard, Reader};
use super::socket::{Carrier, Over, Socket};
use super::{Engine, HEARD_AT_ONCE, Handler};

/// Packets that are written in one go.
const AT_ONCE: usize = 64;

/// Bytes of replies to pings that a client may leave unread and still be listened to.
const OWED: usize = 1024;

/// For a client that tries a WebSocket out to go over to it. Afterwards it polls on.
const UPGRADE_WITHIN: Duration = Duration::from_secs(10);

/// For a client to take what is left once its socket is over, however little it takes at a time.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(20);

/// For a client to close its end after ours. What it still says is read, because a connection that is dropped with
/// something unread is reset, and our last words with it.
const LINGER: Duration = Duration::from_secs(2);

/// A connection that a WebSocket begins on, and what has been read of it already. None if it broke before.
type Upgraded<S> = Option<(S, Bytes)>;

/// How a socket ended.
enum End {
    /// The connection did.
    Lost,
    /// The client closed the WebSocket, and has its answer.
    Hung,
    /// The client said so.
    Left,
    /// The client does not answer.
    Silent,
    /// The client said what it may not.
    Fault(CloseCode),
    /// It was closed.
    Closed,
}

impl From<Over> for End {
    fn from(over: Over) -> Self {
        match over {
            Over::Left => Self::Left,
            Over::Fault => Self::Fault(CloseCode::Protocol),
            Over::Closed => Self::Closed,
        }
    }
}

impl<H: Handler> Engine<H> {
    /// Opens a socket once its connection is upgraded, and carries it until it is over.
    pub(crate) async fn open_websocket<S: AsyncRead + AsyncWrite + Unpin>(
        self: Arc<Self>,
        data: H::Data,
        upgrading: impl Future<Output = Upgraded<S>>,
    ) {
        let Some((stream, unread)) = upgrading.await else {
            return;
        };
        let sid = Sid::new();
        let socket = self.take_in(Socket::new(sid, data, Transport::WebSocket));
        let _carried = Carried(&self, &socket);
        let open = handshake::opening(sid, Transport::WebSocket, self.max_payload);
        socket.send(Packet::open(&open));
        self.handler.opened(&socket);
        let mut line = Line::new(stream, unread, self.max_payload);
        self.carry(&socket, &mut line).await;
    }

    /// Lets a polling client try a WebSocket out, and carries its socket on over it. One that does not get that far
    /// polls on; one that says something else instead is over.
    pub(crate) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
        self: Arc<Self>,
        socket: Arc<Socket<H::Data>>,
        upgrading: impl Future<Output = Upgraded<S>>,
    ) {
        let Some((stream, unread)) = upgrading.await else {
            return;
        };
        let mut line = Line::new(stream, unread, self.max_payload);
        // One at a time, and none after one that is there.
        if !socket.turn(Carrier::Polling, Carrier::Trying) {
            return line.hang_up(CloseCode::Policy).await;
        }
        match timeout(UPGRADE_WITHIN, line.be_tried_out(&socket)).await {
            Ok(Ok(())) => {
                let _carried = Carried(&self, &socket);
                return self.carry(&socket, &mut line).await;
            }
            Ok(Err(Over::Fault)) => {
                self.end(&socket, Over::Fault);
                return line.hang_up(CloseCode::Protocol).await;
            }
            Ok(Err(_)) | Err(_) => {}
        }
        socket.turn_back();
        line.hang_up(CloseCode::Normal).await;
    }

    async fn carry<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: &Arc<Socket<H::Data>>,
        line: &mut Line<S>,
    ) {
        let mut timer = pin!(sleep_until(socket.due()));
        let end = poll_fn(|cx| self.poll_carry(cx, socket, line, timer.as_mut())).await;
        self.end(
            socket,
            match end {
                End::Hung | End::Left => Over::Left,
                End::Lost | End::Silent | End::Fault(_) => Over::Fault,
                End::Closed => Over::Closed,
            },
        );
        timeout(LAST_WORDS_WITHIN, line.end(socket, end)).await.ok();
    }

    fn poll_carry<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        cx: &mut Context<'_>,
        socket: &Arc<Socket<H::Data>>,
        line: &mut Line<S>,
        mut timer: Pin<&mut Sleep>,
    ) -> Poll<End> {
        while timer.as_mut().poll(cx).is_ready() {
            if !socket.beat() {
                return Poll::Ready(End::Silent);
            }
            timer.as_mut().reset(socket.due());
        }
        let mut heard = 0;
        loop {
            while line.reader.owes() <= OWED {
                if heard == HEARD_AT_ONCE {
                    cx.waker().wake_by_ref();
                    break;
                }
                heard += 1;
                match line.reader.poll_hear(cx, &mut line.stream) {
                    Poll::Pending => break,
                    Poll::Ready(Heard::Text(text)) => {
                        if let Err(over) = self.hear(socket, &text) {
                            return Poll::Ready(over.into());
                        }
                    }
                    Poll::Ready(Heard::Control | Heard::Piece) => {}
                    Poll::Ready(Heard::Closing) => return Poll::Ready(End::Hung),
                    Poll::Ready(Heard::Broken(code)) => return Poll::Ready(End::Fault(code)),
                    Poll::Ready(Heard::Lost) => return Poll::Ready(End::Lost),
                }
            }
            if socket.attend(cx.waker()).is_some() {
                return Poll::Ready(End::Closed);
            }
            let listened = line.reader.owes() <= OWED;
            loop {
                if ready!(line.poll_write(cx)).is_err() {
                    return Poll::Ready(End::Lost);
                }
                if !line.fill(socket) {
                    break;
                }
            }
            if listened {
                return Poll::Pending;
            }
        }
    }
}

/// A socket that ends with its task, also where a defect of its handler's is what ends that.
struct Carried<'a, H: Handler>(&'a Engine<H>, &'a Arc<Socket<H::Data>>);

impl<H: Handler> Drop for Carried<'_, H> {
    fn drop(&mut self) {
        self.0.end(self.1, Over::Fault);
    }
}

/// A WebSocket's connection.
struct Line<S> {
    stream: S,
    reader: Reader,
    outbox: Outbox,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    fn new(stream: S, unread: Bytes, max_message: usize) -> Self {
        Self {
            stream,
            reader: Reader::new(&unread, max_message),
            outbox: Outbox::default(),
        }
    }

    /// Puts what is owed and what waits where it is written from; false if that is nothing.
    fn fill<D>(&mut self, socket: &Socket<D>) -> bool {
        self.pay();
        let taken = socket.take(AT_ONCE);
        if self.outbox.packets.is_empty() {
            self.outbox.packets = taken;
        } else {
            self.outbox.packets.extend(taken);
        }
        !self.outbox.packets.is_empty()
    }

    fn pay(&mut self) {
        let replies = self.reader.take_replies();
        if !replies.is_empty() {
            self.outbox.push(Packet::control(replies));
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outbox.poll_write(cx, &mut self.stream)
    }

    /// Writes all there is; false if the connection does not take it.
    async fn write_out(&mut self) -> bool {
        poll_fn(|cx| self.poll_write(cx)).await.is_ok()
    }

    /// Waits for the two words of a client that changes over. The error is `Fault` for other words.
    async fn be_tried_out<D>(&mut self, socket: &Socket<D>) -> Result<(), Over> {
        self.expect(socket, "2probe").await?;
        self.outbox.push(Packet::probed());
        if !self.write_out().await || !socket.turn(Carrier::Trying, Carrier::Probed) {
            return Err(Over::Left);
        }
        self.expect(socket, "5").await?;
        if !socket.turn(Carrier::Probed, Carrier::WebSocket) {
            return Err(Over::Left);
        }
        Ok(())
    }

    async fn expect<D>(&mut self, socket: &Socket<D>, word: &str) -> Result<(), Over> {
        loop {
            self.pay();
            if !self.write_out().await {
                return Err(Over::Left);
            }
            let heard = tokio::select! {
                biased;
                () = socket.over() => return Err(Over::Left),
                heard = poll_fn(|cx| self.reader.poll_hear(cx, &mut self.stream)) => heard,
            };
            return match heard {
                Heard::Control | Heard::Piece => continue,
                Heard::Text(text) if text.as_str() == word => Ok(()),
                Heard::Text(_) | Heard::Broken(_) => Err(Over::Fault),
                Heard::Closing | Heard::Lost => Err(Over::Left),
            };
        }
    }

    /// Says what is still to be said, and closes.
    async fn end<D>(&mut self, socket: &Socket<D>, end: End) {
        match end {
            End::Lost => {}
            End::Hung => self.finish().await,
            End::Left => self.hang_up(CloseCode::Normal).await,
            End::Fault(code) => self.hang_up(code).await,
            End::Silent | End::Closed => {
                while self.fill(socket) {
                    if !self.write_out().await {
                        return;
                    }
                }
                self.outbox.push(Packet::close());
                self.hang_up(CloseCode::Normal).await;
            }
        }
    }

    /// Closes the WebSocket, behind what waits to be written.
    async fn hang_up(&mut self, code: CloseCode) {
        let reason = Utf8Bytes::from_static("");
        let mut frame = Vec::new();
        Frame::close(Some(CloseFrame { code, reason }))
            .format(&mut frame)
            .expect("a vector takes all there is");
        self.outbox.push(Packet::control(frame));
        self.finish().await;
    }

    /// Ends the connection once all is written.
    async fn finish(&mut self) {
        self.pay();
        if !self.write_out().await {
            return;
        }
        let ending = poll_fn(|cx| {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            let mut room = [0; 512];
            loop {
                let mut read = ReadBuf::new(&mut room);
                ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
                if read.filled().is_empty() {
                    return Poll::Ready(io::Result::Ok(()));
                }
            }
        });
        timeout(LINGER, ending).await.ok();
    }
}

/// What is being written.
#[derive(Default)]
struct Outbox {
    packets: Vec<Packet>,
    /// How many of them are written, and how many bytes of the next.
    done: usize,
    written: usize,
}

impl Outbox {
    fn push(&mut self, packet: Packet) {
        self.packets.push(packet);
    }

    /// Writes all of it, and then keeps nothing.
    fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<()>> {
        while let Some((first, rest)) = self.packets[self.done..].split_first() {
            let mut slices = [IoSlice::new(&[]); AT_ONCE];
            slices[0] = IoSlice::new(&first.frame()[self.written..]);
            for (slice, packet) in slices[1..].iter_mut().zip(rest) {
                *slice = IoSlice::new(packet.frame());
            }
            let count = (rest.len() + 1).min(AT_ONCE);
            let wrote = ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &slices[..count]))?;
            if wrote == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.advance(wrote);
        }
        *self = Self::default();
        Pin::new(stream).poll_flush(cx)
    }

    fn advance(&mut self, wrote: usize) {
        self.written += wrote;
        while let Some(packet) = self.packets.get(self.done) {
            let length = packet.frame().len();
            if self.written < length {
                return;
            }
            self.written -= length;
            self.done += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::engine::host::{Host, frame};

    #[tokio::test(start_paused = true)]
    async fn who_takes_the_last_words_by_the_byte_is_not_waited_for_spec_15_5() {
        let (ours, mut theirs) = duplex(16);
        let sockets = Arc::default();
        let engine = Engine::new(Host::that_talks(), Arc::clone(&sockets), 1024);
        let begin = Instant::now();
        let carrying = engine.open_websocket((), async { Some((ours, Bytes::new())) });
        let dripping = async {
            while theirs.read_u8().await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::join!(carrying, dripping);
        assert!(
            begin.elapsed() < LAST_WORDS_WITHIN * 3,
            "{:?}",
            begin.elapsed()
        );
        assert_eq!(sockets.count(), 0);
    }

    #[tokio::test]
    async fn a_socket_whose_task_dies_of_a_defect_is_forgotten() {
        let (ours, mut theirs) = duplex(1024);
        let (host, sockets) = (Host::that_fails(), Arc::default());
        let engine = Engine::new(Arc::clone(&host), Arc::clone(&sockets), 1024);
        theirs.write_all(&frame(0x81, b"4")).await.unwrap();
        let upgrading = async { Some((ours, Bytes::new())) };
        let carrying = tokio::spawn(engine.open_websocket((), upgrading));
        assert!(carrying.await.unwrap_err().is_panic());
        assert_eq!((sockets.count(), host.closed()), (0, 1));
    }

    #[tokio::test]
    async fn who_says_much_lets_others_have_their_turn_spec_15_4() {
        const MESSAGES: usize = 2000;
        let whole = frame(0x81, b"4");
        let first = frame(0x01, b"4");
        let in_pieces = [first, frame(0x00, b"").repeat(98), frame(0x80, b"")].concat();
        for (message, most) in [(whole, HEARD_AT_ONCE), (in_pieces, 1)] {
            let bytes = message.repeat(MESSAGES);
            let (ours, mut theirs) = duplex(bytes.len());
            theirs.write_all(&bytes).await.unwrap();
            let host = Host::that_listens();
            let engine = Engine::new(Arc::clone(&host), Arc::default(), 1024);
            let upgrading = async { Some((ours, Bytes::new())) };
            tokio::spawn(engine.open_websocket((), upgrading));
            host.is_heard_a_little_at_a_time(MESSAGES, most).await;
        }
    }

    #[tokio::test]
    async fn packets_are_written_whole_and_in_order_however_little_is_taken() {
        let (mut ours, mut theirs) = duplex(7);
        let mut outbox = Outbox::default();
        let mut wanted = Vec::new();
        for number in 0..AT_ONCE * 3 {
            let packet = Packet::message(&number.to_string());
            wanted.extend_from_slice(packet.frame());
            outbox.push(packet);
        }
        let mut got = vec![0; wanted.len()];
        let writing = poll_fn(|cx| outbox.poll_write(cx, &mut ours));
        let (wrote, read) = tokio::join!(writing, theirs.read_exact(&mut got));
        wrote.unwrap();
        read.unwrap();
        assert_eq!(got, wanted);
        assert_eq!(outbox.packets.capacity(), 0);
    }
}
