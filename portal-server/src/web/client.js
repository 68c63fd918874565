// The person, the connection and the rooms: what every view looks at.
//
// After every connecting: this session's key is registered, every room is joined again, and only then `after`
// moves on, so that nothing is missed if the connection is lost once more meanwhile.

import { get, post } from "./api.js";
import { openPair, pairToKeep } from "./e2ee/kept_pair.js";
import { whyNot } from "./e2ee/primitives.js";
import { base64 } from "./e2ee/bytes.js";
import { Emitter } from "./emitter.js";
import { Room } from "./room.js";
import { Socket } from "./socket.js";
import * as store from "./store.js";

/** Rooms that are joined without being looked at; 20 joins a minute are all that one person has. */
const IN_THE_BACKGROUND = 8;

/** Events after which the list of one's chats is another. */
const LIST_CHANGES = new Set([
  "room:created",
  "room:member_added",
  "room:kicked",
  "room:evicted",
  "room:destroyed",
  "room:updated",
  "match:found",
  "match:ended",
  "room:transfer_offered",
]);

/** What staff pages look at. */
const STAFF_NEWS = new Set(["report:new", "report:updated", "report:deleted"]);

/** Why a session ended, where its keys are to go with it. */
const KEYS_GO = new Set(["logout", "destroyed", "banned", "deleted"]);

/** A room that refuses so is closed to this person, and its keys go. Anything else is tried again. */
const REFUSALS = new Set(["ERR_CHAT_NOT_FOUND", "ERR_BANNED", "ERR_FORBIDDEN", "ERR_REASON_REQUIRED"]);
const TRY_AGAIN_AFTER = 5_000;

/** Nobody is waited for. */
const NO_MATCH = { searching: false, interests: [], chats: [], since: null, expires_at: null, paused: false, slots: 1 };

export class Client extends Emitter {
  me = null;
  pair = null;
  chats = [];
  /** Chats that others want to give to this person. */
  offers = [];
  rooms = new Map();
  match = NO_MATCH;
  /** The browsers that a chat can choose from; none where none are run. */
  browsers = [];
  /** Why messages cannot be encrypted here, if so. */
  unfit = null;
  isCaughtUp = false;
  socket = new Socket(() => this.#auth());
  #after;
  #logId;
  #latest = 0;
  #watched = null;
  #reloading = null;
  #mutes = [];
  /** The session that has ended. */
  #over;

  constructor() {
    super();
    this.socket.on("event", ({ name, data }) => this.#take(name, data));
    this.socket.on("state", (state) => {
      if (state !== "open") this.#lost();
      this.emit("connection");
    });
    // A session that has ended: who we are is to be asked anew.
    this.socket.on("refused", () => this.refreshMe());
  }

  get userId() {
    return this.me?.id;
  }

  get sessionId() {
    return this.me?.session_id;
  }

  #auth() {
    return this.#after === undefined ? {} : { after: this.#after, log_id: this.#logId };
  }

  call(name, data) {
    return this.socket.call(name, data);
  }

  // Who one is.

  /** Reads who is signed in and connects. */
  async start() {
    this.unfit = await whyNot();
    while (!(await this.refreshMe())) await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_AFTER));
    if (this.socket.state === "idle") this.socket.connect();
  }

  /** Asks who is signed in; false if there was no answer. */
  async refreshMe() {
    let me = null;
    try {
      me = await get("users/me");
    } catch (error) {
      if (error.code !== "ERR_UNAUTHENTICATED") {
        this.emit("trouble", error);
        return false;
      }
    }
    const before = this.sessionId;
    if (me) await this.#takeKeys(me);
    this.me = me;
    if (!me) {
      this.chats = [];
      this.offers = [];
      this.match = NO_MATCH;
    }
    if (before !== me?.session_id) this.#forgetRooms();
    this.emit("me");
    return true;
  }

  /** The session's pair: made once, kept until it ends. Another person's keys are wiped. */
  async #takeKeys(me) {
    const kept = await store.read("own", "user");
    if (kept !== undefined && kept !== me.id) await store.wipe();
    await store.write("own", me.id, "user");
    if (this.unfit) return;
    const isOurs = (row) => row?.session === me.session_id;
    const known = await store.read("own", "pair");
    const row = isOurs(known)
      ? known
      : await store.settle("own", "pair", { session: me.session_id, pair: await pairToKeep() }, isOurs);
    this.pair = await openPair(row.pair);
  }

  #forgetRooms() {
    for (const room of this.rooms.values()) room.keys.close();
    this.rooms.clear();
    this.#after = undefined;
    this.#watched = null;
  }

  /** After signing in or up: another session, another connection. */
  async begin() {
    this.socket.close();
    await this.refreshMe();
    this.socket.connect();
  }

  async signOut() {
    await post("authentication/logout");
    await this.#ended("logout");
  }

  /** Once a session: the answer and the socket both tell of signing out. */
  async #ended(reason) {
    if (!this.sessionId || this.sessionId === this.#over) return;
    this.#over = this.sessionId;
    this.socket.close();
    this.#forgetRooms();
    if (KEYS_GO.has(reason)) await store.wipe();
    this.pair = null;
    await this.refreshMe();
    this.emit("signed-out", reason);
    this.socket.connect();
  }

  // The connection.

  /** Resolves once there is one. */
  connected() {
    return new Promise((resolve) => {
      const check = () => {
        if (this.socket.state !== "open") return;
        off();
        resolve();
      };
      const off = this.on("connection", check);
      check();
    });
  }

  #lost() {
    this.isCaughtUp = false;
    for (const room of this.rooms.values()) room.joined = false;
  }

  async #ready(data) {
    if (data.user_id !== (this.me?.id ?? null)) {
      // Signed in or out in another tab.
      await this.refreshMe();
    }
    const isAnew = this.#after === undefined || this.#logId !== data.log_id;
    this.#logId = data.log_id;
    this.#after ??= data.as_of;
    this.#latest = Math.max(this.#after, isAnew ? data.as_of : 0);
    const status = get("portal/status").catch(() => null);
    try {
      if (this.me && this.pair) await this.call("keys:register", { public_key: base64(this.pair.publicKey) });
      if (this.me) await this.reload();
      this.browsers = (await status)?.browsers ?? this.browsers;
      // A room that is looked at may have been joined meanwhile.
      for (const room of this.rooms.values()) room.browsersAreKnown();
      await this.#joinAll(isAnew);
    } catch (error) {
      if (error.code === "OFFLINE") return;
      this.emit("trouble", error);
    }
    this.isCaughtUp = true;
    this.#after = this.#latest;
    this.emit("connection");
  }

  /** The room looked at first, then those with the latest words. */
  async #joinAll(isAnew) {
    const recent = [...this.chats].sort((a, b) => b.last_activity_at - a.last_activity_at).slice(0, IN_THE_BACKGROUND);
    const ids = new Set([
      ...(this.#watched ? [this.#watched] : []),
      ...this.rooms.keys(),
      ...recent.map(({ id }) => id),
    ]);
    for (const id of ids) {
      const room = this.room(id);
      if (room.goneBecause || room.joined) continue;
      try {
        await room.join(isAnew);
      } catch (error) {
        if (error.code === "OFFLINE") throw error;
        if (REFUSALS.has(error.code)) room.refuse(error);
        else setTimeout(() => room.join(true).catch(() => {}), error.retry_after_ms ?? TRY_AGAIN_AFTER);
      }
    }
  }

  // Chats and rooms.

  /** One's chats, matches and punishments, as they are now. */
  reload() {
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = null;
    });
    return this.#reloading;
  }

  async #reload() {
    if (!this.me) return;
    const [list, match, punishments] = await Promise.all([
      get("users/me/chats"),
      get("portal/match/status"),
      get("users/me/punishments"),
    ]);
    this.chats = list.chats;
    this.offers = list.offers;
    this.match = match;
    for (const direct of match.chats) {
      const room = this.room(direct.chat_id);
      room.direct = direct;
      room.peerAwayUntil = direct.peer_grace_until ?? null;
    }
    this.#mutes = punishments.rows.filter(({ kind, holds }) => holds && (kind === "mute" || kind === "hard_mute"));
    // Whoever was removed and is let in again starts anew.
    for (const { id } of this.chats) {
      if (this.rooms.get(id)?.goneBecause && id !== this.#watched) this.rooms.delete(id);
    }
    this.emit("chats");
    this.emit("match");
  }

  /** What keeps the person from writing there, if anything does. */
  muteIn(chat) {
    return this.#mutes.find((mute) => mute.kind === "hard_mute" || mute.chat_id === chat);
  }

  isOwn(id) {
    return this.chats.some((chat) => chat.id === id);
  }

  room(id) {
    if (!this.rooms.has(id)) this.rooms.set(id, new Room(this, id));
    return this.rooms.get(id);
  }

  /** Opens a room to be looked at. */
  async watch(id) {
    this.unwatch();
    if (this.rooms.get(id)?.goneBecause) this.rooms.delete(id);
    this.#watched = id;
    const room = this.room(id);
    room.watch(true);
    if (!room.joined && !room.goneBecause && this.socket.state === "open") await room.join(!room.loaded);
    // Looked away meanwhile.
    if (this.#watched !== id && this.rooms.get(id) !== room) this.call("room:leave", { chat_id: id }).catch(() => {});
    return room;
  }

  /** Looks away; a room that is only visited is left. */
  unwatch() {
    const id = this.#watched;
    this.#watched = null;
    const room = this.rooms.get(id);
    if (!room) return;
    room.watch(false);
    if (room.goneBecause || !this.isOwn(id)) {
      if (room.joined) this.call("room:leave", { chat_id: id }).catch(() => {});
      room.keys.close();
      this.rooms.delete(id);
    }
  }

  // What the server tells.

  async #take(name, data) {
    if (data.seq !== undefined) {
      this.#latest = Math.max(this.#latest, data.seq);
      if (this.isCaughtUp) this.#after = this.#latest;
    }
    if (name === "session:ready") return this.#ready(data);
    if (name === "resume:failed") return this.#startOver();
    if (name === "session:ended") return data.session_id === this.sessionId ? this.#ended(data.reason) : undefined;
    if (name === "match:found") this.#matched(data);
    const mine = data.user_id === this.me?.id;
    if (data.chat_id !== undefined) await this.rooms.get(data.chat_id)?.take(name, data);
    else if (name.startsWith("user:hard_")) for (const room of this.rooms.values()) room.take(name, data);
    if (name === "user:warned" && mine) this.emit("warned", data);
    if (STAFF_NEWS.has(name)) this.emit(name, data);
    if (name === "user:updated" && mine) await this.refreshMe();
    if (name.startsWith("match:") || LIST_CHANGES.has(name)) {
      await this.reload()
        .then(() => this.isCaughtUp && this.#joinAll(false))
        .catch(() => {});
      if (name.startsWith("match:")) this.emit(name, data);
      if (name === "room:transfer_offered") this.emit("offered", data);
    }
    return undefined;
  }

  #matched(data) {
    const room = this.room(data.chat_id);
    room.direct = data;
  }

  /** The log does not reach back: everything is read again. */
  async #startOver() {
    for (const room of this.rooms.values()) room.loaded = room.joined = false;
    try {
      await this.reload();
      await this.#joinAll(true);
    } catch (error) {
      if (error.code !== "OFFLINE") this.emit("trouble", error);
    }
  }

  block(user) {
    return post(`users/${user}/block`);
  }

  /** Leaves a chat for good. */
  async leave(room) {
    if (room.chat.chat_type === "DIRECT") await post("portal/match/leave", { chat_id: room.id });
    else await room.act("leave");
    room.end("left");
    await this.reload();
  }
}
