//! Sockets over polling: the client fetches packets with one request, and brings its own with another.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{sleep, sleep_until};

use super::handshake::{self, Refused, Sid, Transport};
use super::packet::{Packet, SEPARATOR};
use super::socket::{Over, Request, Socket, UnderWay};
use super::{Engine, HEARD_AT_ONCE, Handler};

/// For a client to fetch the last words of a socket that was closed.
const LINGER: Duration = Duration::from_secs(20);

impl<H: Handler> Engine<H> {
    /// Opens a socket; answers its opening packet. Must be called within the runtime.
    pub(crate) fn open_polling(self: &Arc<Self>, data: H::Data) -> String {
        let sid = Sid::new();
        let socket = self.take_in(Socket::new(sid, data, Transport::Polling));
        self.handler.opened(&socket);
        tokio::spawn(Arc::clone(self).keep(socket));
        let open = handshake::opening(sid, Transport::Polling, self.max_payload);
        let open = Packet::open(&open);
        String::from_utf8_lossy(open.text()).into_owned()
    }

    /// Waits for packets; answers them. A second poll beside the first ends the socket.
    pub(crate) async fn poll(&self, socket: &Arc<Socket<H::Data>>) -> Result<String, Refused> {
        let _under_way = self.begin(socket, Request::Poll)?;
        let fetched = poll_fn(|cx| socket.poll_fetch(cx, self.max_payload)).await;
        if fetched.last {
            self.sockets.all_by_sid().remove(&socket.id);
        }
        Ok(fetched.payload)
    }

    /// Begins to take packets, before they have come. A second time beside the first ends the socket.
    pub(crate) fn begin_post<'a>(
        &self,
        socket: &'a Arc<Socket<H::Data>>,
    ) -> Result<UnderWay<'a, H::Data>, Refused> {
        self.begin(socket, Request::Post)
    }

    fn begin<'a>(
        &self,
        socket: &'a Arc<Socket<H::Data>>,
        request: Request,
    ) -> Result<UnderWay<'a, H::Data>, Refused> {
        if socket.is_websocket() {
            return Err(Refused::BadRequest);
        }
        socket.begin(request).ok_or_else(|| {
            self.end(socket, Over::Fault);
            Refused::BadRequest
        })
    }

    /// Takes packets, one after the other. One that is none ends the socket, and those after it are not taken.
    pub(crate) async fn post(
        &self,
        socket: &Arc<Socket<H::Data>>,
        payload: &[u8],
    ) -> Result<(), Refused> {
        let Ok(payload) = std::str::from_utf8(payload) else {
            self.end(socket, Over::Fault);
            return Err(Refused::BadRequest);
        };
        if payload.is_empty() {
            return Ok(());
        }
        for (number, text) in payload.split(SEPARATOR).enumerate() {
            if number > 0 && number.is_multiple_of(HEARD_AT_ONCE) {
                yield_now().await;
            }
            if socket.is_over() {
                break;
            }
            if let Err(over) = self.hear(socket, text) {
                self.end(socket, over);
                if over == Over::Fault {
                    return Err(Refused::BadRequest);
                }
            }
        }
        Ok(())
    }

    /// Listens to a socket's heart until it is over, or a WebSocket does.
    async fn keep(self: Arc<Self>, socket: Arc<Socket<H::Data>>) {
        let over = loop {
            tokio::select! {
                biased;
                over = socket.polled_no_more() => break over,
                () = sleep_until(socket.due()) => {
                    if !socket.beat() {
                        return self.end(&socket, Over::Fault);
                    }
                }
            }
        };
        if over.is_none() {
            return;
        }
        self.tell(&socket);
        if over == Some(Over::Closed) {
            sleep(LINGER).await;
        }
        self.sockets.all_by_sid().remove(&socket.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::host::Host;

    #[tokio::test]
    async fn who_brings_much_lets_others_have_their_turn_spec_15_4() {
        const MESSAGES: usize = 2000;
        let host = Host::that_listens();
        let engine = Engine::new(Arc::clone(&host), Arc::default(), 1024);
        let open = engine.open_polling(());
        let sid = open[r#"0{"sid":""#.len()..][..32].parse().unwrap();
        tokio::spawn(async move {
            let socket = engine.find(sid).unwrap();
            let payload = vec!["4"; MESSAGES].join("\x1e");
            engine.post(&socket, payload.as_bytes()).await.unwrap();
        });
        host.is_heard_a_little_at_a_time(MESSAGES, HEARD_AT_ONCE)
            .await;
    }
}
