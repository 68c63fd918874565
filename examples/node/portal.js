// libportal from Node: an open file, calls by name, and events as they come.
//
// What waits for something waits on a thread of libuv's pool, so that the event loop goes on; calls take about as long
// as an fsync. There is no clock or randomness of the program's own: C would call JavaScript from that pool while the
// event loop may itself be in a call, and both would wait for ever.

import koffi from "koffi";
import { inspect } from "node:util";

import { ACTOR, OPTIONS, c, checked, checkedLater, closed, json, options, take, text, whole, whole32 } from "./library.js";

export { Keyring } from "./keyring.js";
export { PortalError } from "./library.js";

/** The version of the library, such as "0.1.0". */
export const version = c.portal_version();

// Those that were made here; nothing else goes to C for one.
const actors = new WeakSet();

const actor = (kind) => (id, where = {}) => {
    const { ip, userAgent, country } = options(where, "ip", "userAgent", "country");
    const [ip_, ip_len] = text("ip", ip ?? "");
    const [user_agent, user_agent_len] = text("userAgent", userAgent ?? "");
    const [country_, country_len] = text("country", country ?? "");
    const made = Object.freeze({
        size: koffi.sizeof(ACTOR), id: whole("the id of an Actor", id), kind, reserved: 0, ip: ip_, ip_len, user_agent,
        user_agent_len, os_user: null, os_user_len: 0, country: country_, country_len,
    });
    actors.add(made);
    return made;
};

function known(who) {
    if (!actors.has(who)) throw new TypeError(`who calls is an Actor, such as Actor.user(3), not ${inspect(who)}`);
    return who;
}

/** On whose behalf a call is made. The second parameter says from where: `ip`, `userAgent`, `country`. */
export const Actor = {
    guest: (where) => actor(0)(0, where),
    session: actor(1),
    /** A live connection, as `connect` answers it. */
    connection: actor(2),
    /** Somebody whom the program has identified itself. */
    user: actor(3),
    /** The program itself, which passes nearly every rule: never for what a client asks. */
    operator: () => actor(4)(0),
    bot: actor(5),
};

/** An open database file. Close it when you are done: the collector of garbage does not. */
export class Portal {
    #handle;
    // Each with what it is in C.
    #followers = new Map();
    #closing;

    /** `presence`: keep track of live connections; `existing`: make no new file. */
    constructor(path, settings = {}) {
        const { presence = false, existing = false } = options(settings, "presence", "existing");
        const how = { size: koffi.sizeof(OPTIONS), flags: (existing ? 1 : 0) | (presence ? 4 : 0) };
        const out = [null];
        checked("portal_open", ...text("path", path), how, out);
        this.#handle = out[0];
    }

    #open() {
        if (this.#handle === null) throw closed("portal");
        return this.#handle;
    }

    /** Runs an operation by its name. */
    call(who, op, params = {}) {
        const reply = {};
        checked("portal_call", this.#open(), known(who), ...text("op", op), ...json("params", params), reply);
        return JSON.parse(take(reply));
    }

    /** The live session of a token. */
    authenticate(token) {
        const session = [0];
        checked("portal_authenticate", this.#open(), ...text("token", token), session);
        return session[0];
    }

    /** Notes a live connection of a session or a guest; needs `presence`. */
    connect(who) {
        const connection = [0];
        checked("portal_connect", this.#open(), known(who), connection);
        return connection[0];
    }

    /** Forgets a live connection. */
    disconnect(connection) {
        checked("portal_disconnect", this.#open(), whole("connection", connection));
    }

    /** Does what is due by the clock, and answers when it next wants to be called: `Date.now()` or later. */
    tick() {
        const next = [0];
        checked("portal_tick", this.#open(), next);
        return next[0];
    }

    /** Follows the log of events from its present end, or from a `position` of a follower. */
    follow(position) {
        const out = [null];
        const { logId, after } = position ?? { logId: "", after: 0 };
        const from = [...text("logId", logId), whole("after", after, 0, 2n ** 64n - 1n)];
        checked("portal_follower_open", this.#open(), ...from, out);
        const follower = new Follower(out[0], () => this.#followers.delete(follower));
        this.#followers.set(follower, out[0]);
        return follower;
    }

    /** Ends the work: who follows is woken, and the file is closed once this is fulfilled. Repeatable. */
    close() {
        this.#closing ??= this.#end();
        return this.#closing;
    }

    async #end() {
        const handle = this.#handle;
        this.#handle = null;
        // Who waits may have every thread of the pool, and closing needs one.
        for (const waiting of this.#followers.values()) c.portal_follower_wake(waiting);
        await checkedLater("portal_close", handle);
        await Promise.all([...this.#followers.keys()].map((follower) => follower.close()));
        c.portal_free(handle);
    }
}

/** Reads the log of events, one read at a time: `for await (const event of portal.follow())`. */
class Follower {
    #follower;
    #forget;
    #reading = Promise.resolve();
    #position;
    #closing;

    constructor(follower, forget) {
        this.#follower = follower;
        this.#forget = forget;
        this.#look();
    }

    /** The next events, `{seq, at, name, data}`; waits so long for the first. */
    next(limit = 100, timeoutMs = 0) {
        return this.#read("portal_follower_next", limit, timeoutMs);
    }

    /** What is to be written to which connection, `{to, name, data}`; needs `presence`. */
    deliver(limit = 100, timeoutMs = 0) {
        return this.#read("portal_follower_deliver", limit, timeoutMs);
    }

    #read(name, limit, timeoutMs) {
        const read = this.#reading.then(async () => {
            const documents = {};
            const bounds = [whole32("limit", limit), whole32("timeoutMs", timeoutMs)];
            await checkedLater(name, this.#open(), ...bounds, documents);
            const read = JSON.parse(take(documents));
            try {
                this.#look();
            } catch (error) {
                // The portal closes just now. The position stays behind: better twice than never.
                if (error.code !== "ERR_CLOSED") throw error;
            }
            return read;
        });
        this.#reading = read.catch(() => {});
        return read;
    }

    #open() {
        if (this.#closing) throw closed("follower");
        return this.#follower;
    }

    /** Asks C for the position, which waits for a read under way: only where there is none. */
    #look() {
        const log = {}, after = [0];
        checked("portal_follower_position", this.#follower, log, after);
        this.#position = Object.freeze({ logId: take(log), after: after[0] });
    }

    /**
     * Where to go on after a restart: behind what the last read has answered, whether another is under way or the
     * follower is closed. A loop reads ahead; behind an event that it gives is `{ ...position, after: event.seq }`.
     */
    get position() {
        return this.#position;
    }

    /** Every event from here on, until the portal or this is closed; leaving the loop closes the follower. */
    [Symbol.asyncIterator]() {
        return this.#forever((limit, timeoutMs) => this.next(limit, timeoutMs));
    }

    /** What is to be written to which connection from here on, likewise. */
    deliveries() {
        return this.#forever((limit, timeoutMs) => this.deliver(limit, timeoutMs));
    }

    async *#forever(read) {
        try {
            while (true) yield* await read(100, 60_000);
        } catch (error) {
            if (error.code !== "ERR_CLOSED") throw error;
        } finally {
            await this.close();
        }
    }

    /** Ends what waits, and gives the follower back. Repeatable. */
    close() {
        this.#closing ??= this.#end();
        return this.#closing;
    }

    async #end() {
        c.portal_follower_wake(this.#follower);
        await this.#reading;
        c.portal_follower_free(this.#follower);
        this.#forget();
    }
}
