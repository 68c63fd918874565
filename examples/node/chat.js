// An encrypted chat of two people, whose clients are one program with the host here. Nothing blocks the event loop.
//
//     npm ci --ignore-scripts && node chat.js NEW-FILE

import { EventEmitter, once } from "node:events";
import { existsSync } from "node:fs";

import { Actor, Keyring, Portal } from "./portal.js";

const operator = Actor.operator();

/** Somebody's device: a connection and a keyring. Tells of a "key" that came and of each "message" that was read. */
class Client extends EventEmitter {
    constructor(portal, name) {
        super();
        this.portal = portal;
        this.name = name;
        const { user_id } = portal.call(operator, "user.create", { username: name, tier: "premium" });
        const { session_id } = portal.call(operator, "session.create", { user_id });
        this.connection = portal.connect(Actor.session(session_id));
        this.keyring = new Keyring(user_id, session_id);
    }

    call(op, params) {
        return this.portal.call(Actor.connection(this.connection), op, params);
    }

    async join(chat_id) {
        await this.hear("room.join", this.call("room.join", { chat_id }));
    }

    say(chat_id, text) {
        this.call("message.send", { chat_id, content: this.keyring.seal(chat_id, text) });
    }

    /** Takes in what was delivered to this connection. */
    async hear(name, data) {
        await this.carryOut(this.keyring.event(name, data));
        if (name === "message:new" && data.message.kind === "user") {
            this.emit("message", this.keyring.open(data.message));
        }
    }

    /** Does what the keyring asks for, and comes back when it wants to: all that keys need of a client. */
    async carryOut(step) {
        const { alarms, keys, wake_at_ms } = await this.keyring.carryOut(step, (op, params) => this.call(op, params));
        for (const alarm of alarms) console.log(`  (${this.name}'s keyring: ${JSON.stringify(alarm)})`);
        for (const key of keys) this.emit("key", key);
        clearTimeout(this.timer);
        if (wake_at_ms === null) return;
        this.timer = setTimeout(() => this.carryOut(this.keyring.tick()), Math.max(0, wake_at_ms - Date.now()));
    }

    close() {
        clearTimeout(this.timer);
        this.keyring.close();
    }
}

/** Hands out what there is to hear, until the portal is closed. A server writes it to its sockets. */
async function serve(portal, clients) {
    for await (const { to, name, data } of portal.follow().deliveries()) {
        for (const client of clients) {
            if (to?.includes(client.connection)) await client.hear(name, data);
        }
    }
}

/** Calls `tick` when it wants to be called, until the signal. */
function keepHouse(portal, signal) {
    let timer;
    const turn = () => (timer = setTimeout(turn, Math.max(0, portal.tick() - Date.now())));
    turn();
    signal.addEventListener("abort", () => clearTimeout(timer));
}

async function talk(ada, ben) {
    const { id } = ada.call("chat.create", { chat_type: "PRIVATE", name: "The garden" });
    await ada.join(id);
    ben.call("invite.resolve", { code: ada.call("invite.create", { chat_id: id }).code });
    const key = once(ben, "key");
    await ben.join(id);
    await key;
    for (const [from, to, text] of [[ada, ben, "Good morning, Ben"], [ben, ada, "Good morning"]]) {
        const message = once(to, "message");
        from.say(id, text);
        console.log(`${to.name} reads: ${(await message)[0]}`);
    }
}

const path = process.argv[2] ?? "chat.db";
if (existsSync(path)) {
    console.error(`${path} is there already, and ada and ben may be in it: name a new file`);
    process.exit(1);
}
const portal = new Portal(path, { presence: true });
const [ada, ben] = ["ada", "ben"].map((name) => new Client(portal, name));
const end = new AbortController();
keepHouse(portal, end.signal);
const serving = serve(portal, [ada, ben]);
try {
    // Whatever ends first: the talk, or a failure of who serves it.
    await Promise.race([talk(ada, ben), serving]);
} finally {
    end.abort();
    await portal.close(); // Ends who serves.
    await serving;
    ada.close();
    ben.close();
}
