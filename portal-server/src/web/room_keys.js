// The keys of one room: by epoch, got from others or made here and handed on.
//
// The server says who is there and in which epoch; whether a key is good, only the check and the blob tell.
// What happens is told to the room: `keys` when the state changes, `note` for what a person should see.

import { fromBase64 } from "./e2ee/bytes.js";
import { CannotOpen, publicKeyFrom } from "./e2ee/primitives.js";
import { fingerprint, RoomKey } from "./e2ee/suite3.js";
import { get } from "./api.js";
import * as store from "./store.js";

/** Blobs in one call, ourselves aside. */
const MOST_BLOBS = 250;

/** When to look again if the server speaks of an older epoch than one that was. */
const BEHIND = 5_000;

/** One tab at a time deals with a chat's key: they share a session, and so what it publishes. */
const alone = (chat, work) => navigator.locks.request(`portal-key-${chat}`, work);

export class RoomKeys {
  /** `ready`, `looking`, `asked` (others were asked for it), `held` (another is to make it), `none`. */
  state = "looking";
  epoch = 0;
  /** Who is there with which key: the last answer of `key.list`. */
  sessions = [];
  #room;
  #client;
  #keys = new Map();
  #timer = 0;
  #closed = false;

  constructor(room, client) {
    this.#room = room;
    this.#client = client;
  }

  /** The keys that this browser has kept. */
  async load() {
    for (const row of await store.all("room_keys", store.ofChat(this.#room.id)))
      this.#keys.set(row.epoch, this.#keyOf(row));
    this.moveTo(Math.max(0, ...this.#keys.keys()));
  }

  #keyOf(row) {
    const key = new RoomKey(row.chat, row.epoch, row.key);
    key.told = row.check;
    return key;
  }

  of(epoch) {
    return this.#keys.get(epoch);
  }

  /** The key to write with: of the highest epoch seen, never of an older one. */
  get current() {
    return this.state === "ready" ? this.#keys.get(this.epoch) : undefined;
  }

  /** The epoch has moved on, or is first heard of; an older one than is known changes nothing. */
  moveTo(epoch) {
    if (epoch <= this.epoch) return false;
    this.epoch = epoch;
    this.#become("looking");
    return true;
  }

  /** Goes and gets the key, until it is here. Only for a room that a person looks at a new epoch is asked for. */
  async look() {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    try {
      const wait = await alone(this.#room.id, () => this.#lookOnce());
      if (wait !== undefined) this.#lookIn(wait);
    } catch (error) {
      // Without a connection, or without a right: the next join or event looks again.
      if (error.code === "ERR_RATE_LIMITED") this.#lookIn(error.retry_after_ms);
      else if (error.code !== "OFFLINE") this.#become("none");
    }
  }

  #lookIn(ms) {
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => this.look(), Math.max(ms, 200));
  }

  /** One look; answers when to look again, if the key is not here. */
  async #lookOnce() {
    const room = this.#room;
    const keys = await get(`portal/chats/${room.id}/keys`);
    // Epochs never go back. An answer may be late; a server that means it gets no message for an old key.
    if (keys.epoch < this.epoch) return BEHIND;
    this.epoch = keys.epoch;
    this.sessions = keys.sessions;
    const own = keys.sessions.find(({ session_id: id }) => id === this.#client.sessionId);
    if (!own) return undefined;
    await this.#takeFromStore(keys);
    if (this.#keys.has(this.epoch) && own.holds) {
      this.#become("ready");
      return undefined;
    }
    if (keys.blob) return this.#accept(keys.blob, keys.key_check);
    if (!keys.published) {
      if (keys.holdback_ms > 0) {
        this.#become("held");
        return keys.holdback_ms;
      }
      return this.#publish(keys.sessions);
    }
    this.#become("asked");
    if (!room.isWatched) return undefined;
    if (own.holds) await this.#client.call("keys:reject", { chat_id: room.id });
    const renewed = await this.#client.call("keys:renew", { chat_id: room.id });
    return renewed.retry_after_ms;
  }

  /** Another tab may have made or opened the key meanwhile. A kept key counts only under the epoch's own check. */
  async #takeFromStore({ epoch, published, key_check: check }) {
    const row = await store.read("room_keys", [this.#room.id, epoch]);
    const key = row && this.#keyOf(row);
    if (key && published && typeof check === "string" && (await key.matches(check))) await this.#keep(key, false);
    else if (!published || this.#keys.get(epoch)?.told !== check) this.#keys.delete(epoch);
  }

  /** Makes the epoch's key and hands it to everybody who is there. */
  async #publish(sessions) {
    const key = RoomKey.generate(this.#room.id, this.epoch);
    key.told = await key.check();
    // Kept before anybody can have it: a page that is closed meanwhile must not lose it.
    await this.#store(key);
    try {
      await this.#handOver(key, sessions);
    } catch (error) {
      await store.remove("room_keys", [this.#room.id, key.epoch]);
      if (error.code === "ERR_KEY_CONFLICT" || error.code === "ERR_EPOCH_MISMATCH") return 200;
      throw error;
    }
    await this.#keep(key, false);
    this.#become("ready");
    return undefined;
  }

  async #handOver(key, sessions) {
    const blobs = [];
    for (const { user_id: user, session_id: session, public_key: encoded } of sessions.slice(0, MOST_BLOBS)) {
      const recipient = publicKeyFrom(encoded);
      if (!recipient || session === this.#client.sessionId) continue;
      await this.#meet(user, encoded);
      const blob = await key.wrap(user, recipient, this.#client.pair);
      blobs.push({ session_id: session, public_key: encoded, blob });
    }
    const publish = { chat_id: this.#room.id, epoch: key.epoch, key_check: key.told, blobs };
    return this.#client.call("keys:publish", publish);
  }

  /** A holder is asked for the key. */
  async needed({ epoch, user_id: user, session_id: session, public_key: publicKey }) {
    const key = this.#keys.get(epoch);
    if (!key || epoch !== this.epoch || !publicKey) return;
    try {
      await this.#handOver(key, [{ user_id: user, session_id: session, public_key: publicKey }]);
    } catch (error) {
      // Another of ours was quicker, or the epoch is another by now; whoever needs it asks again.
      console.debug("the key was not handed over:", error.code);
    }
  }

  /** The key came by itself. */
  async came(data) {
    if (data.epoch !== this.epoch || this.state === "ready" || !data.blob) return;
    const wait = await alone(this.#room.id, () => this.#accept(data, data.key_check));
    if (wait !== undefined) this.#lookIn(wait);
  }

  async #accept(blob, check) {
    const { id } = this.#room;
    try {
      const sender = publicKeyFrom(blob.publisher_public_key);
      if (!sender) throw new CannotOpen();
      const { userId, pair } = this.#client;
      const key = await RoomKey.unwrap(id, this.epoch, blob.blob, sender, userId, pair, check);
      key.told = check;
      if ([...this.#keys.values()].some((other) => other.epoch !== key.epoch && other.equals(key)))
        throw new CannotOpen();
      await this.#meet(blob.publisher_user_id, blob.publisher_public_key);
      await this.#keep(key, true);
      this.#become("ready");
      return undefined;
    } catch (error) {
      if (!(error instanceof CannotOpen)) throw error;
      this.#room.note("A key came that does not open. It was given back, and another is asked for.");
      await this.#client.call("keys:reject", { chat_id: id });
      this.#become("asked");
      return 10_000;
    }
  }

  #store(key) {
    return store.write("room_keys", { chat: key.chat, epoch: key.epoch, key: key.bytes(), check: key.told });
  }

  async #keep(key, isNew) {
    this.#keys.set(key.epoch, key);
    if (isNew) await this.#store(key);
  }

  /** Says so when somebody comes with a key that is not the one known of them. */
  async #meet(user, key) {
    if (user === this.#client.userId) return;
    const known = await store.all("known", IDBKeyRange.bound([user], [user, []]));
    if (known.some((row) => row.key === key)) return;
    await store.write("known", { user, key, first_seen: Date.now() });
    if (known.length === 0) return;
    const name = this.#room.nameOf(user);
    this.#room.note(
      `${name} is here with a new key: another device, or signed in anew. Compare digits under People if it matters.`,
    );
  }

  /** Everyone who can have the key, with the digits to compare. */
  async fingerprints() {
    const { sessions } = await get(`portal/chats/${this.#room.id}/keys`);
    const own = this.#client.pair.publicKey;
    const shown = [];
    for (const session of sessions) {
      const key = session.public_key && fromBase64(session.public_key);
      if (!key || session.session_id === this.#client.sessionId) continue;
      const seen = await store.read("known", [session.user_id, session.public_key]);
      shown.push({ ...session, digits: await fingerprint(own, key), first_seen: seen?.first_seen });
    }
    return shown;
  }

  /** Forgets every key of the room, here and on disk. */
  async forget() {
    this.close();
    this.#keys.clear();
    this.#become("none");
    await store.remove("room_keys", store.ofChat(this.#room.id));
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  open() {
    this.#closed = false;
  }

  #become(state) {
    if (state === "ready") clearTimeout(this.#timer);
    else if (this.state === state) return;
    this.state = state;
    this.#room.keysChanged(state);
  }
}
