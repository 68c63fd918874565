// One room as this page knows it: its chat, who is there, its lines and its keys.
//
// Lines are what a person sees in order: messages, notes of this page, and what is still to be sent. Everything
// that changes them goes through one queue, so that they change in the order in which things happened.

import { get, post } from "./api.js";
import * as envelope from "./e2ee/envelope.js";
import { base64 } from "./e2ee/bytes.js";
import { Emitter } from "./emitter.js";
import { RoomBrowser } from "./room_browser.js";
import { RoomKeys } from "./room_keys.js";
import { rights } from "./rights.js";
import * as store from "./store.js";
import { epochMoved, trouble } from "./words.js";

const PAGE = 50;
const TYPING_SHOWN = 4000;
const TYPING_LATE = 1000;
const TYPING_EVERY = 1500;
/** A slow mode or limit that is over within this time is just waited for. */
const SLOW_DOWN_AT_MOST = 10_000;

export class Room extends Emitter {
  chat = null;
  /** Of a match: {peer, interests, expires_at}. */
  direct = null;
  joined = false;
  mayTalk = false;
  /** Why this is over, if it is. */
  goneBecause = null;
  refusal = null;
  /** By id; the system's and people's. */
  lines = new Map();
  /** Being sent, or failed: by client_id. */
  outbox = new Map();
  notes = [];
  hasMore = false;
  loaded = false;
  unread = 0;
  members = [];
  owner = null;
  present = new Map();
  guests = 0;
  typing = new Map();
  /** `{until}` while one may not write; until null: until lifted. */
  muted = null;
  peerAwayUntil = null;
  isWatched = false;
  readUpTo = 0;
  #client;
  #queue = Promise.resolve();
  #names = new Map();
  #seen = new Map();
  #spoke = new Map();
  #typedAt = 0;

  constructor(client, id) {
    super();
    this.id = id;
    this.#client = client;
    this.keys = new RoomKeys(this, client);
    this.browser = new RoomBrowser(this);
  }

  get me() {
    return this.#client.me;
  }

  get rights() {
    return rights(this.me, this.chat, this.owner);
  }

  get isForeign() {
    return Boolean(this.chat) && this.chat.e2ee !== 3;
  }

  /** Whether this page can have its keys. */
  get hasKeys() {
    return this.mayTalk && !this.isForeign && !this.#client.unfit;
  }

  nameOf(user) {
    return this.#names.get(user) ?? (user === this.me?.id ? this.me.username : `user ${user}`);
  }

  get title() {
    return this.direct ? this.direct.peer.name : (this.chat?.name ?? "");
  }

  #do(work) {
    const done = this.#queue.then(work);
    this.#queue = done.catch((error) => {
      if (error.code !== "OFFLINE") console.debug("room", this.id, error.code ?? error.message);
    });
    return done;
  }

  // Coming and going.

  /** Takes a seat; `anew` reads the state again, otherwise what was missed comes by itself. */
  async join(anew) {
    const { chat, may_talk: mayTalk } = await this.#client.call("room:join", { chat_id: this.id });
    this.chat = chat;
    this.joined = true;
    this.goneBecause = null;
    this.mayTalk = mayTalk && Boolean(this.me);
    const mute = this.#client.muteIn(this.id);
    if (mute) this.#mute(mute.until ?? null);
    this.keys.open();
    this.#do(async () => {
      if (anew || !this.loaded) await this.#load();
      this.keys.moveTo(chat.epoch);
      if (this.hasKeys) await this.keys.look();
      else this.keysChanged();
      this.#resend();
    }).catch(() => {});
    if (this.isWatched) this.#lookAtBrowser();
    this.emit("chat");
  }

  async #load() {
    const readUpTo = await store.read("read", this.id);
    this.readUpTo = Math.max(this.readUpTo, readUpTo?.id ?? 0);
    await this.keys.load();
    const history = await get(`portal/chats/${this.id}/history?limit=${PAGE}`);
    this.lines.clear();
    this.hasMore = history.messages.length === PAGE;
    this.keys.moveTo(history.epoch);
    for (const message of history.messages.reverse()) await this.#put(message);
    this.loaded = true;
    this.#count();
    this.emit("lines");
    this.loadMembers().catch(() => {});
  }

  /** The page of messages before those that are here. */
  older() {
    return this.#do(async () => {
      if (!this.hasMore) return;
      const oldest = Math.min(...this.lines.keys());
      const history = await get(`portal/chats/${this.id}/history?limit=${PAGE}&before=${oldest}`);
      this.hasMore = history.messages.length === PAGE;
      for (const message of history.messages) await this.#put(message);
      this.emit("lines");
    });
  }

  async loadMembers() {
    const { chat } = this;
    if (!this.me || !chat) return;
    try {
      const list = await get(`portal/chats/${this.id}/members?limit=500`);
      this.members = [list.owner, ...list.members].filter(Boolean);
      this.owner = list.owner && { id: list.owner.user_id, role: list.owner.role };
      for (const member of this.members) this.#names.set(member.user_id, member.username);
    } catch (error) {
      if (error.code !== "ERR_FORBIDDEN") throw error;
      // An open chat's members are not everybody's to see; its owner's role says what one may do here.
      this.members = [];
      if (chat.owner && this.owner?.id !== chat.owner) {
        const owner = await get(`users/${chat.owner}`);
        this.owner = { id: owner.id, role: owner.role };
        this.#names.set(owner.id, owner.username);
      }
    }
    this.emit("people");
  }

  /** A person looks at it, or no longer does. */
  watch(isWatched) {
    this.isWatched = isWatched;
    if (!isWatched) return;
    this.#do(() => this.markRead()).catch(() => {});
    if (this.joined) this.#lookAtBrowser();
    if (this.joined && this.hasKeys && this.keys.state !== "ready") this.keys.look();
  }

  /** What browsers are run here is known now; of a room that was joined before, it was not. */
  browsersAreKnown() {
    if (!this.joined) return;
    if (this.isWatched) this.#lookAtBrowser();
    this.emit("chat");
  }

  #lookAtBrowser() {
    if (this.#client.browsers.length === 0 || this.chat.chat_type === "DIRECT") return;
    this.#do(() => this.browser.load()).catch(() => {});
  }

  async markRead() {
    const last = Math.max(0, ...this.lines.keys());
    if (last > this.readUpTo) {
      this.readUpTo = last;
      if (this.me) await store.write("read", { chat: this.id, id: last });
    }
    this.#count();
  }

  #count() {
    const isNew = (line) => line.id > this.readUpTo && line.state === "open" && line.sender.id !== this.me?.id;
    const unread = [...this.lines.values()].filter(isNew).length;
    if (unread === this.unread) return;
    this.unread = unread;
    this.emit("unread");
    this.#client.emit("chats");
  }

  /** It is over for this person: keys go, what was read stays on the page. */
  end(reason) {
    if (this.goneBecause) return;
    this.goneBecause = reason;
    this.joined = false;
    this.mayTalk = false;
    this.peerAwayUntil = null;
    this.keys.forget();
    this.browser.access = null;
    this.emit("chat");
  }

  /** Was not let in. */
  refuse(error) {
    this.refusal = trouble(error);
    this.end("refused");
  }

  // Lines.

  note(text) {
    const last = Math.max(0, ...this.lines.keys());
    this.notes.push({ id: `note-${this.notes.length}`, kind: "note", after: last, at: Date.now(), text });
    this.emit("lines");
  }

  async #put(message) {
    const line = { ...message, state: "plain", text: message.content };
    if (message.sender) {
      this.#names.set(message.sender.id, message.sender.username ?? "somebody who is gone");
      await this.#open(line);
    }
    const own = [...this.outbox.values()].find(({ contents }) => contents.has(message.content));
    if (own) this.outbox.delete(own.client_id);
    this.lines.set(message.id, line);
    return line;
  }

  async #open(line) {
    const { sender, epoch, content } = line;
    const read = envelope.read(content);
    const key = this.keys.of(epoch);
    line.text = "";
    if (read?.v === 2) line.state = "foreign";
    else if (!key) line.state = "locked";
    else {
      try {
        line.text = await key.open(sender.id, content);
        line.state = this.#isRepeated(line, read) ? "broken" : "open";
      } catch {
        line.state = "broken";
      }
      if (line.state === "broken") line.text = "";
    }
  }

  /** The same bytes under another id, or other bytes under the same salt, are a repetition and no message. */
  #isRepeated({ id, epoch, sender, content }, { ct }) {
    const place = `${epoch}/${sender.id}/${base64(ct.subarray(0, 16))}`;
    const first = this.#seen.get(place);
    if (!first) this.#seen.set(place, { id, content });
    return Boolean(first) && (first.id !== id || first.content !== content);
  }

  /** The keys' state is another: what was locked may open, what waited may go. */
  keysChanged(state) {
    this.emit("keys");
    if (state !== "ready") return;
    this.#do(async () => {
      for (const line of this.lines.values()) if (line.state === "locked") await this.#open(line);
      this.emit("lines");
      this.#resend();
    });
  }

  // Sending.

  send(text) {
    const id = crypto.randomUUID();
    const entry = { client_id: id, text, at: Date.now(), state: "sending", why: null, contents: new Set() };
    this.outbox.set(id, entry);
    this.emit("lines");
    this.#attempt(entry);
  }

  retry(id) {
    const entry = this.outbox.get(id);
    if (!entry || entry.state !== "failed") return;
    this.#mark(entry, "sending", null);
    this.#attempt(entry);
  }

  discard(id) {
    this.outbox.delete(id);
    this.emit("lines");
  }

  #mark(entry, state, why) {
    Object.assign(entry, { state, why });
    this.emit("lines");
  }

  #resend() {
    for (const entry of this.outbox.values()) if (entry.state === "waiting") this.#attempt(entry);
  }

  async #attempt(entry) {
    const key = this.keys.current;
    if (!this.joined) return this.#mark(entry, "waiting", "Waiting for the connection");
    if (!key) return this.#mark(entry, "waiting", "Waiting for the key");
    this.#mark(entry, "sending", null);
    try {
      const content = await key.seal(this.me.id, entry.text);
      entry.contents.add(content);
      const send = { chat_id: this.id, content, client_id: entry.client_id };
      const { id, created_at: at } = await this.#client.call("message:send", send);
      this.#do(async () => {
        this.outbox.delete(entry.client_id);
        // The event may have been first, and a retry may have been stored as it was sealed before.
        if (!this.lines.has(id)) {
          const sender = { id: this.me.id, username: this.me.username, role: this.me.role };
          this.lines.set(id, {
            id,
            sender,
            kind: "user",
            content,
            epoch: key.epoch,
            created_at: at,
            state: "open",
            text: entry.text,
          });
        }
        await this.#arrived();
      });
    } catch (error) {
      this.#failed(entry, error);
    }
    return undefined;
  }

  #failed(entry, error) {
    switch (error.code) {
      case "OFFLINE":
        return this.#mark(entry, "waiting", "Waiting for the connection");
      case "ERR_EPOCH_MISMATCH":
        this.keys.moveTo(error.epoch);
      // The key is looked for, and what waits goes when it is here.
      // falls through
      case "ERR_NO_ROOM_KEY":
        this.#mark(entry, "waiting", "Waiting for the key");
        this.keys.look();
        return undefined;
      case "ERR_NOT_JOINED":
        this.#mark(entry, "waiting", "Waiting for the connection");
        this.join(false).catch(() => {});
        return undefined;
      case "ERR_RATE_LIMITED":
        if (error.retry_after_ms <= SLOW_DOWN_AT_MOST) {
          this.#mark(entry, "waiting", "Slowed down");
          setTimeout(() => this.#resend(), error.retry_after_ms);
          return undefined;
        }
        break;
      case "ERR_MUTED":
        this.#mute(error.ttl_seconds ? Date.now() + error.ttl_seconds * 1000 : null);
        break;
      default:
    }
    return this.#mark(entry, "failed", trouble(error));
  }

  /** At most one word of it in a while. */
  typed() {
    if (!this.joined || Date.now() - this.#typedAt < TYPING_EVERY) return;
    this.#typedAt = Date.now();
    this.#client.socket.say("room:typing", { chat_id: this.id });
  }

  // What the server tells.

  /** Takes in an event of this room. */
  take(name, data) {
    return this.#do(() => this.#take(name, data)).catch(() => {});
  }

  async #take(name, data) {
    const isMe = data.user_id !== undefined && data.user_id === this.me?.id;
    switch (name) {
      case "message:new":
        if (!data.message || this.lines.has(data.id)) break;
        await this.#put(data.message);
        if (data.message.sender) this.#hasSpoken(data.message.sender.id);
        await this.#arrived();
        break;
      case "message:deleted":
        for (const id of data.ids) this.lines.delete(id);
        this.#count();
        this.emit("lines");
        break;
      case "portal:cleared":
        this.lines.clear();
        this.hasMore = false;
        this.#count();
        this.emit("lines");
        break;
      case "room:members":
        this.present = new Map(data.members.map((member) => [member.user_id, member]));
        this.guests = data.guests;
        for (const member of data.members) this.#names.set(member.user_id, member.username);
        this.emit("people");
        break;
      case "room:member_added":
        await this.loadMembers();
        break;
      case "room:typing":
        this.#showTyping(data.user_id);
        break;
      case "room:updated":
        if (data.chat) this.chat = data.chat;
        if (data.changed?.includes("owner")) await this.loadMembers();
        this.emit("chat");
        break;
      case "room:epoch_changed":
        if (!this.keys.moveTo(data.epoch)) break;
        this.note(epochMoved(data.epoch, data.reason));
        if (this.hasKeys) this.keys.look();
        break;
      case "room:kicked":
        if (isMe) this.end("kicked");
        else await this.#without(data.user_id);
        break;
      case "room:evicted":
        if (isMe || (data.user_id === undefined && !this.#client.isOwn(this.id))) this.end(data.reason);
        else await this.#without(data.user_id);
        break;
      case "room:destroyed":
        this.end(this.goneBecause ?? "destroyed");
        break;
      case "match:ended":
        this.goneBecause = null;
        this.end(data.reason);
        break;
      case "user:banned":
        if (isMe) this.end("banned");
        else await this.#without(data.user_id);
        this.emit("held");
        break;
      case "user:unbanned":
        this.emit("held");
        break;
      case "user:muted":
      case "user:hard_muted":
        if (isMe) this.#mute(data.until ?? null);
        else this.note(`${this.nameOf(data.user_id)} may not write for now.`);
        this.emit("held");
        break;
      case "user:unmuted":
      case "user:hard_unmuted":
        if (isMe) this.#mute(undefined);
        this.emit("held");
        break;
      case "room:peer_left":
        this.peerAwayUntil = data.grace_until_ms || null;
        this.emit("chat");
        break;
      case "room:peer_returned":
        this.peerAwayUntil = null;
        this.emit("chat");
        break;
      case "portal:key_needed":
        await this.keys.needed(data);
        break;
      case "portal:key_blob":
        await this.keys.came(data);
        break;
      default:
        if (/^(room:st|control:)/.test(name)) await this.browser.take(name, data);
    }
  }

  async #arrived() {
    if (this.isWatched && document.visibilityState === "visible") await this.markRead();
    else this.#count();
    this.emit("lines");
    this.#client.emit("chats");
  }

  async #without(user) {
    this.present.delete(user);
    this.members = this.members.filter((member) => member.user_id !== user);
    this.emit("people");
  }

  #mute(until) {
    this.muted = until === undefined ? null : { until };
    this.emit("chat");
    // It runs out by itself.
    if (until) setTimeout(() => this.#unmuteAfter(until), Math.min(until - Date.now() + 500, 2 ** 31 - 1));
  }

  #unmuteAfter(until) {
    if (this.muted?.until !== until) return;
    this.muted = null;
    this.emit("chat");
  }

  /** What was typed is here; word of the typing may come behind it. */
  #hasSpoken(user) {
    clearTimeout(this.typing.get(user));
    this.typing.delete(user);
    this.#spoke.set(user, Date.now());
    this.emit("typing");
  }

  #showTyping(user) {
    if (Date.now() - (this.#spoke.get(user) ?? 0) < TYPING_LATE) return;
    clearTimeout(this.typing.get(user));
    const hide = () => {
      this.typing.delete(user);
      this.emit("typing");
    };
    this.typing.set(user, setTimeout(hide, TYPING_SHOWN));
    this.emit("typing");
  }

  // What a person can do here beside writing.

  act(what, body = {}) {
    return post(`portal/chats/${this.id}/${what}`, body);
  }

  /** Reports a message; with proof, its own key goes along. */
  async report(line, reason, withProof) {
    const report = { message_id: line.id, reason };
    if (withProof) report.disclosure = await this.keys.of(line.epoch).disclose(line.sender.id, line.content);
    return this.act("messages/report", report);
  }
}
