// Socket.IO v5 over Engine.IO v4, as far as this server speaks it: text, one namespace, WebSocket.
//
// It stays connected: what breaks is connected again, each time a little later, and where the client left off
// goes with it (`after`). What that means for rooms is `client.js`'s.

import { offline, Refused } from "./api.js";
import { Emitter } from "./emitter.js";

const FIRST_WAIT = 400;
const LONGEST_WAIT = 20_000;
const ANSWER_WITHIN = 15_000;

export class Socket extends Emitter {
  /** `idle`, `connecting`, `open`, or `waiting` until `retryAt`. */
  state = "idle";
  retryAt = 0;
  #auth;
  #web = null;
  #tries = 0;
  #timer = 0;
  #watchdog = 0;
  #patience = 45_000;
  #nextAck = 0;
  #unanswered = new Map();

  /** `auth` answers what goes with each connecting. */
  constructor(auth) {
    super();
    this.#auth = auth;
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.#drop(this.#web));
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.hurry();
    });
  }

  connect() {
    clearTimeout(this.#timer);
    const url = new URL("/socket.io/?EIO=4&transport=websocket", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const web = new WebSocket(url);
    this.#web = web;
    this.#become("connecting");
    this.#watch(web);
    web.onmessage = ({ data }) => {
      if (web === this.#web && typeof data === "string") this.#take(web, data);
    };
    web.onclose = () => this.#drop(web);
  }

  /** For good, until `connect`. */
  close() {
    clearTimeout(this.#timer);
    const web = this.#web;
    this.#web = null;
    this.#release();
    if (web?.readyState === WebSocket.OPEN) web.send("41");
    web?.close();
    this.#become("idle");
  }

  /** Does not wait for the next try. */
  hurry() {
    if (this.state === "waiting") this.connect();
  }

  /** Lets go and comes back, from where the client left off. */
  restart() {
    this.#drop(this.#web);
    this.hurry();
  }

  /** Says an event; its acknowledgement, or `Refused`. */
  call(name, data) {
    if (this.state !== "open") return Promise.reject(offline());
    const id = this.#nextAck++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#unanswered.delete(id);
        reject(offline());
      }, ANSWER_WITHIN);
      this.#unanswered.set(id, { resolve, reject, timer });
      this.#web.send(`42${id}${JSON.stringify([name, data])}`);
    });
  }

  /** Says an event that needs no answer; nothing while there is no connection. */
  say(name, data) {
    if (this.state === "open") this.#web.send(`42${JSON.stringify([name, data])}`);
  }

  #take(web, packet) {
    this.#watch(web);
    switch (packet[0]) {
      case "0": {
        const { pingInterval, pingTimeout } = JSON.parse(packet.slice(1));
        this.#patience = pingInterval + pingTimeout;
        this.#watch(web);
        web.send(`40${JSON.stringify(this.#auth())}`);
        break;
      }
      case "1":
        this.#drop(web);
        break;
      case "2":
        web.send(`3${packet.slice(1)}`);
        break;
      case "4":
        this.#takeMessage(web, packet.slice(1));
        break;
      default:
    }
  }

  #takeMessage(web, packet) {
    switch (packet[0]) {
      case "0":
        this.#tries = 0;
        this.#become("open");
        break;
      case "1":
        this.#drop(web);
        break;
      case "2": {
        const [name, data] = JSON.parse(packet.slice(packet.indexOf("[")));
        this.emit("event", { name, data: data ?? {} });
        break;
      }
      case "3": {
        const [, id, answer] = /^3(\d+)(.*)$/s.exec(packet);
        const waiting = this.#unanswered.get(Number(id));
        if (!waiting) break;
        this.#unanswered.delete(Number(id));
        clearTimeout(waiting.timer);
        const [reply] = JSON.parse(answer);
        if (reply.error) waiting.reject(new Refused(reply.error));
        else waiting.resolve(reply);
        break;
      }
      case "4":
        this.emit("refused", JSON.parse(packet.slice(1)).data ?? {});
        this.#drop(web);
        break;
      default:
    }
  }

  #drop(web) {
    if (!web || web !== this.#web) return;
    this.#web = null;
    web.close();
    this.#release();
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#tries) * (0.75 + Math.random() / 2);
    this.#tries += 1;
    this.retryAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.connect(), wait);
    this.#become("waiting");
  }

  /** A server that says nothing for as long as its pings take is gone. */
  #watch(web) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#drop(web), this.#patience);
  }

  #release() {
    clearTimeout(this.#watchdog);
    for (const { reject, timer } of this.#unanswered.values()) {
      clearTimeout(timer);
      reject(offline());
    }
    this.#unanswered.clear();
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.emit("state", state);
  }
}
