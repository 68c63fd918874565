//! A client asks to connect: who it is, where it left off, what it missed.

use std::sync::Arc;

use portal_core::model::{ChatId, ConnectionId};
use portal_core::presence::Identity;
use portal_core::{Actor, Delivery, Error, ErrorKind, Missed, Result};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::packet::ROOT;
use super::{Client, Opening, Realtime, packet, peer};
use crate::engine::{Packet, Sent};
use crate::limits::Class;
use crate::metrics::Metrics;

/// What a client may say of itself. Without a token, what its opening request proved counts.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Auth {
    token: Option<String>,
    /// The last `seq` it has seen, of which log.
    after: Option<u64>,
    log_id: Option<String>,
}

impl Realtime {
    /// Lets a client in, or tells it why not.
    pub(super) fn on_connect_packet(self: &Arc<Self>, client: Client, auth: Option<&RawValue>) {
        let auth = match auth.map_or_else(|| Ok(Auth::default()), parse) {
            Ok(auth) => auth,
            Err(error) => return self.refuse(&client, ROOT, &error),
        };
        if !peer::begin(&client) {
            // A second connect packet is no mistake worth ending a socket for, nor worth an answer.
            return;
        }
        self.runtime.spawn(Arc::clone(self).let_in(client, auth));
    }

    async fn let_in(self: Arc<Self>, client: Client, auth: Auth) {
        let Auth {
            token,
            after,
            log_id,
        } = auth;
        let this = Arc::clone(&self);
        let connecting = client.clone();
        let opened = tokio::task::spawn_blocking(move || this.open(&connecting, token)).await;
        let (id, identity, since) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return self.turn_away(&client, &error),
            Err(_) => return self.turn_away(&client, &ErrorKind::Internal.into()),
        };
        let handed = self
            .welcome(&client, id, identity, since, after, log_id)
            .await;
        self.open_the_way(&client, handed).await;
    }

    fn turn_away(&self, client: &Client, error: &Error) {
        peer::turned_away(client);
        self.expect_to_connect(client);
        self.refuse(client, ROOT, error);
    }

    /// Refuses a client that asks to connect. It may ask again; each time counts as a request, and whoever has
    /// made too many is let go.
    pub(super) fn refuse(&self, client: &Client, namespace: &str, error: &Error) {
        let refuse = |error: &Error| {
            client.send(packet::refused(namespace, error.message(), error));
        };
        let Opening { ip, session } = client.data.opening;
        let counted = self
            .server
            .limiter
            .count(Class::Usual, session.is_some(), ip);
        let Err(limited) = counted else {
            return refuse(error);
        };
        Metrics::add(&self.server.metrics.limited, 1);
        refuse(&limited);
        self.forget(client);
        client.close();
    }

    /// Opens a connection of the library's and takes it into the registry.
    fn open(
        &self,
        client: &Client,
        token: Option<String>,
    ) -> Result<(ConnectionId, Identity, u64)> {
        let opening = client.data.opening;
        let portal = &self.server.portal;
        let session = match token {
            Some(token) => Some(portal.authenticate(&token)?),
            None => opening.session,
        };
        let caller = session.map_or_else(Actor::guest, Actor::session);
        // Under the registry's lock, so that no event is delivered to a connection not yet in it.
        let mut connected = self.registry.connected();
        let id = portal.connect(&caller.from_ip(opening.ip))?;
        let (identity, since) = portal.connection(id).ok_or(ErrorKind::Internal)?;
        if client.data.connected(id, identity) {
            connected.insert(id, client.clone());
            return Ok((id, identity, since));
        }
        drop(connected);
        self.disconnect(id);
        Err(ErrorKind::NotConnected.into())
    }

    /// The first words, and what the client's person missed.
    async fn welcome(
        &self,
        client: &Client,
        id: ConnectionId,
        identity: Identity,
        since: u64,
        after: Option<u64>,
        log_id: Option<String>,
    ) -> Sent {
        let ready = json!({
            "as_of": since,
            "log_id": self.log_id,
            "user_id": identity.user,
            "session_id": identity.session,
        });
        client.send(packet::connected(&client.id.to_string()));
        client.send(packet::emit("session:ready", &ready.to_string()));
        let Some(after) = after else {
            return Sent::On;
        };
        if log_id.is_some_and(|log| log != self.log_id) {
            return resume_failed(client, &ErrorKind::EventsPruned.into());
        }
        client.data.resume_after(after);
        self.replay(client, id, None, after).await
    }

    /// Gives a client what it missed: of its person, or of a chat that it has joined again.
    pub(super) async fn replay(
        &self,
        client: &Client,
        id: ConnectionId,
        chat: Option<ChatId>,
        after: u64,
    ) -> Sent {
        let deadline = peer::replay_deadline();
        let portal = self.server.portal.clone();
        let mut missed = read(move || portal.replay(id, chat, after)).await;
        loop {
            let Missed { deliveries, rest } = match missed {
                Ok(page) => page,
                // Evicted or gone meanwhile: the event that did it says so.
                Err(error)
                    if matches!(error.kind(), ErrorKind::NotJoined | ErrorKind::NotConnected) =>
                {
                    return Sent::On;
                }
                Err(error) => return resume_failed(client, &error),
            };
            let packets = deliveries.into_iter().filter_map(packet_of);
            let given = peer::give_all(client, packets, deadline).await;
            let Some(rest) = rest.filter(|_| given == Sent::On) else {
                return given;
            };
            // Of a client that does not read, no more than this waits here.
            if peer::has_taken(client, deadline).await == Sent::Full {
                return Sent::Full;
            }
            let portal = self.server.portal.clone();
            missed = read(move || portal.replay_rest(rest)).await;
        }
    }
}

/// Reads a page where reading may take long.
async fn read(page: impl FnOnce() -> Result<Missed> + Send + 'static) -> Result<Missed> {
    let read = tokio::task::spawn_blocking(page).await;
    read.unwrap_or_else(|_| Err(ErrorKind::Internal.into()))
}

fn packet_of(delivery: Delivery) -> Option<Packet> {
    match delivery {
        Delivery::Send { name, data, .. } => Some(packet::emit(name, &data).into()),
        Delivery::Close { .. } => None,
    }
}

/// Parses what a client says of itself. The error says nothing of it: a token is in there.
fn parse(auth: &RawValue) -> Result<Auth> {
    let auth: Option<Auth> = serde_json::from_str(auth.get()).map_err(|_| {
        Error::invalid(
            "auth",
            "`auth` may hold `token`, `after` (a number) and `log_id`, nothing else.",
        )
    })?;
    Ok(auth.unwrap_or_default())
}

/// Tells a client to read the state afresh; it is connected all the same.
fn resume_failed(client: &Client, error: &Error) -> Sent {
    let error = serde_json::to_string(error).expect("errors are plain words and numbers");
    client.send(packet::emit("resume:failed", &error))
}
