// A chat's browser as this page knows it, spec 11: how it stands, who has control, and this person's own way in.
//
// The way in is told by events, to each their own. It is kept here and nowhere else, and goes with the page.

import { get } from "./api.js";

const NONE = { state: null, reason: null, holder: null, requests: [] };
/** Ends that somebody wanted. */
const WANTED = new Set(["asked", "idle"]);

export class RoomBrowser {
  /** `starting`, `running`, `stopping`, `failed`; null: there is none. */
  state = null;
  /** Why it is not there, or soon will not be. */
  reason = null;
  /** Who has control. */
  holder = null;
  /** Who asks for it, the longest asking first. */
  requests = [];
  /** `{url, username, password}`; null: not let in. */
  access = null;
  #room;
  #asOf = 0;

  constructor(room) {
    this.#room = room;
  }

  /** Reads how it stands. */
  async load() {
    const { browser, as_of: asOf } = await get(`portal/chats/${this.#room.id}/browser`);
    this.#asOf = asOf;
    this.#become(browser ?? NONE);
  }

  #become(what) {
    Object.assign(this, what);
    if (this.state !== "running") this.access = null;
    this.#room.emit("browser");
  }

  /** Takes in an event. */
  async take(name, data) {
    if (data.access) this.access = data.access;
    // The state was read after this; the way in is in no state.
    if (data.seq <= this.#asOf) return this.#room.emit("browser");
    const { reason } = data;
    switch (name) {
      case "room:starting":
        return this.#become({ ...NONE, state: "starting" });
      case "room:started":
        return this.#become({ state: "running", reason: null });
      case "room:stopping":
        return this.#become({ ...NONE, state: "stopping", reason });
      case "room:stopped":
        return this.#become({ ...NONE, state: WANTED.has(reason) ? null : "failed", reason });
      case "control:requested":
        return this.#become({ requests: [...this.requests.filter((user) => user !== data.user_id), data.user_id] });
      case "control:changed":
        this.#become({ holder: data.user_id, requests: this.requests.filter((user) => user !== data.user_id) });
        // It does not say who asks no more.
        return this.requests.length > 0 ? this.load() : undefined;
      default:
        return undefined;
    }
  }
}
