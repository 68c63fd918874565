//! A host that embeds the library: no server, no network, one file.
//!
//!     cargo run -p portal-examples --bin embedded [NEW_FILE]
//!
//! Ana and Ben get accounts, a PRIVATE chat and its key, and talk, until Ana kicks Ben. A thread follows
//! what happens, as a host would that redraws its windows.

#![expect(clippy::print_stdout, reason = "it tells a story")]

use std::error::Error;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use portal_core::e2ee::{Ctx, Delivery, KeyCheck, PublicKey, RoomCipher, SecretKey, Suite};
use portal_core::event::StoredEvent;
use portal_core::model::{ChatId, ChatType, Role, Tier, UserId};
use portal_core::ops::messages::{Entry, Message};
use portal_core::ops::{chats, invites, keys, messages, moderation, sessions, tiers, users};
use portal_core::random::SystemRandom;
use portal_core::{Actor, ErrorKind, Follower, Options, Portal};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    SystemRandom::check()?;
    let scratch = tempfile::tempdir()?;
    let file = std::env::args_os()
        .nth(1)
        .map_or_else(|| scratch.path().join("portal.db"), PathBuf::from);
    let portal = Portal::open(file, Options::default())?;

    let (tell, news) = mpsc::channel();
    let follower = portal.follow(None)?;
    let thread = thread::spawn({
        let portal = portal.clone();
        move || follow(&portal, follower, &tell)
    });

    story(&portal, &News(news))?;

    portal.close();
    let ended = thread.join().map_err(|_| "the follower panicked")?;
    match ended.kind() {
        ErrorKind::Closed => Ok(()),
        _ => Err(ended.into()),
    }
}

/// What a server's loop would do: passes on what happens, and keeps house when it is due. Ends with an
/// error; `ERR_CLOSED` is the good one.
fn follow(
    portal: &Portal,
    mut follower: Follower,
    tell: &Sender<StoredEvent>,
) -> portal_core::Error {
    let mut follow_on = || {
        let due = portal.tick()?;
        let wait = u64::try_from(due.since(portal.now())).unwrap_or(0);
        follower.next(100, Duration::from_millis(wait))
    };
    loop {
        match follow_on() {
            // Nobody listens any more only when the portal is about to close.
            Ok(events) => events.into_iter().for_each(|event| drop(tell.send(event))),
            Err(error) => return error,
        }
    }
}

fn story(portal: &Portal, news: &News) -> Result<()> {
    println!("Two people, made by the operator: whoever holds the file.");
    let ana = Device::of_new_user(portal, "ana")?;
    let ben = Device::of_new_user(portal, "ben")?;
    let premium = tiers::SetTier {
        user_id: ana.user,
        tier: Tier::Premium,
        days: None,
    };
    portal.call(&Actor::operator(), premium)?;
    news.until("user:updated")?;

    println!("Ana makes a PRIVATE chat and an invite; Ben follows it.");
    let create = chats::Create::new(ChatType::Private, "The garden".parse()?);
    let chat = portal.call(&ana.actor, create)?.id;
    let invite = invites::Create {
        chat_id: chat,
        expires_at: None,
        max_uses: NonZeroU32::new(1),
    };
    let code = portal.call(&ana.actor, invite)?.code.to_string();
    let resolved = portal.call(&ben.actor, invites::Resolve { code })?;
    println!("  ben is now in {:?}", resolved.chat.name.as_str());
    news.until("room:member_added")?;

    println!("Both show their public keys. Ana makes the room key and wraps it for Ben.");
    ana.register()?;
    ben.register()?;
    let mut at_ana = ana.publish_key(chat)?;
    news.until("portal:key_blob")?;
    let mut at_ben = ben.receive_key(chat)?;

    println!("They talk. The file has ciphertext only.");
    ana.send(chat, &mut at_ana, "The beans are up!")?;
    news.until("message:new")?;
    ben.read_last(chat, &mut at_ben)?;
    ben.send(chat, &mut at_ben, "I'll bring the poles.")?;
    news.until("message:new")?;
    ana.read_last(chat, &mut at_ana)?;

    println!("Ana kicks Ben: the chat moves to its next epoch, and Ana makes a new key.");
    let kick = moderation::Kick {
        chat_id: chat,
        user_id: ben.user,
        reason: None,
    };
    portal.call(&ana.actor, kick)?;
    news.until("room:epoch_changed")?;
    let mut at_ana = ana.publish_key(chat)?;
    ana.send(chat, &mut at_ana, "Ben must not know about the surprise.")?;
    news.until("message:new")?;
    ana.read_last(chat, &mut at_ana)?;

    println!("Ben asks for it, and then tries his old key on a copy of the file.");
    match ben.last(&ben.actor, chat) {
        Err(error) => println!("  ben asks: {error}"),
        Ok(_) => return Err("Ben still gets messages".into()),
    }
    let stolen = ben.last(&Actor::operator(), chat)?;
    match at_ben.open(ana.user.into(), &stolen.content) {
        Err(error) => println!("  ben tries the old key: {}: {error}", error.code()),
        Ok(_) => return Err("the old key opens a new message".into()),
    }
    Ok(())
}

/// What a person's client keeps.
struct Device<'a> {
    portal: &'a Portal,
    name: &'a str,
    user: UserId,
    /// On whose behalf it calls: its session.
    actor: Actor,
    secret: SecretKey,
}

impl<'a> Device<'a> {
    fn of_new_user(portal: &'a Portal, name: &'a str) -> Result<Self> {
        let create = users::Create {
            tier: None,
            days: None,
            username: name.parse()?,
            role: Role::User,
        };
        let user_id = portal.call(&Actor::operator(), create)?.user_id;
        // Where people come over a network, they sign in, and `Portal::authenticate` knows their token.
        let session = portal.call(&Actor::operator(), sessions::Create { user_id })?;
        Ok(Self {
            portal,
            name,
            user: user_id,
            actor: Actor::session(session.session_id),
            secret: SecretKey::generate(&SystemRandom),
        })
    }

    fn register(&self) -> Result<()> {
        let public_key = self.secret.public_key().to_base64();
        self.portal
            .call(&self.actor, keys::Register { public_key })?;
        Ok(())
    }

    /// Makes the key of the chat's present epoch and wraps it for every session that may have it.
    fn publish_key(&self, chat_id: ChatId) -> Result<RoomCipher> {
        let list = self.portal.query(&self.actor, keys::List { chat_id })?;
        let ctx = Ctx::new(chat_id.into(), list.epoch)?;
        let cipher = RoomCipher::generate(Suite::Three, ctx, &SystemRandom);
        let mut blobs = Vec::new();
        for session in list.sessions.iter().filter(|s| s.user_id != self.user) {
            // A careful client compares fingerprints first: `portal_core::e2ee::fingerprint`.
            let Some(public_key) = session.public_key.clone() else {
                continue;
            };
            let recipient = PublicKey::from_base64(&public_key)?;
            let user = session.user_id.into();
            blobs.push(keys::Wrapped {
                session_id: session.session_id,
                public_key,
                blob: cipher.wrap(user, &recipient, &self.secret, &SystemRandom)?,
            });
        }
        let publish = keys::Publish {
            chat_id,
            epoch: list.epoch,
            key_check: Some(cipher.check().to_base64()),
            blobs,
        };
        let published = self.portal.call(&self.actor, publish)?;
        let (epoch, others) = (published.epoch, published.stored.len());
        println!(
            "  {} publishes the key of epoch {epoch}, wrapped for {others} more",
            self.name
        );
        Ok(cipher)
    }

    /// Opens the key that was wrapped for this session.
    fn receive_key(&self, chat_id: ChatId) -> Result<RoomCipher> {
        let list = self.portal.query(&self.actor, keys::List { chat_id })?;
        let blob = list.blob.ok_or("nobody has wrapped the key yet")?;
        let check = list.key_check.ok_or("suite 3 always has a key check")?;
        let delivery = Delivery {
            blob: &blob.blob,
            sender: &PublicKey::from_base64(&blob.publisher_public_key)?,
            check: Some(&KeyCheck::from_base64(&check)?),
        };
        let ctx = Ctx::new(chat_id.into(), list.epoch)?;
        let user = self.user.into();
        let cipher = RoomCipher::unwrap(Suite::Three, ctx, &delivery, user, &self.secret)?;
        println!("  {} opens the key of epoch {}", self.name, list.epoch);
        Ok(cipher)
    }

    fn send(&self, chat_id: ChatId, cipher: &mut RoomCipher, text: &str) -> Result<()> {
        let send = messages::Send {
            chat_id,
            content: cipher.seal(self.user.into(), text, &SystemRandom)?,
            client_id: None,
        };
        self.portal.call(&self.actor, send)?;
        println!("  {} sends: {text}", self.name);
        Ok(())
    }

    fn read_last(&self, chat: ChatId, cipher: &mut RoomCipher) -> Result<()> {
        let message = self.last(&self.actor, chat)?;
        let sender = message.sender.ok_or("the system wrote it")?;
        let text = cipher.open(sender.id.into(), &message.content)?;
        let from = sender.username.unwrap_or_default();
        println!("  {} reads from {from}: {text}", self.name);
        Ok(())
    }

    /// The newest message, as it is stored.
    fn last(&self, caller: &Actor, chat_id: ChatId) -> Result<Message> {
        let history = messages::History {
            chat_id,
            before: None,
            after: None,
            limit: Some(1),
        };
        let page = self.portal.query(caller, history)?;
        match page.messages.into_iter().next() {
            Some(Entry::Message(message)) => Ok(message),
            Some(Entry::Unreadable(_)) => Err("the newest message is damaged".into()),
            None => Err("there is no message".into()),
        }
    }
}

/// The other end of the thread that follows.
struct News(Receiver<StoredEvent>);

impl News {
    /// Prints what has happened, up to the next event of this name.
    fn until(&self, name: &str) -> Result<()> {
        loop {
            let event = self.0.recv_timeout(Duration::from_secs(10))?;
            println!("  [event {}] {}", event.seq, event.event.name());
            if event.event.name() == name {
                return Ok(());
            }
        }
    }
}
