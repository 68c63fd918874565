// What the module promises: replies, errors by code, an event loop that goes on while somebody waits, and an end.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Actor, Keyring, Portal, PortalError, version } from "./portal.js";

const operator = Actor.operator();

/** A test with an open file of its own. */
function withPortal(name, body, options) {
    // What waits here for something that does not come would wait for ten minutes.
    test(name, { timeout: 120_000 }, async () => {
        const directory = mkdtempSync(join(tmpdir(), "portal-"));
        const portal = new Portal(join(directory, "chat.db"), options);
        try {
            await body(portal, join(directory, "chat.db"));
        } finally {
            await portal.close();
            rmSync(directory, { recursive: true });
        }
    });
}

withPortal("a chat is made and the log tells of it", async (portal) => {
    const follower = portal.follow();
    const start = follower.position;
    const { user_id } = portal.call(operator, "user.create", { username: "ada", role: "admin" });
    const chat = portal.call(Actor.user(user_id), "chat.create", { chat_type: "OFFICIAL", name: "Lobby ☕" });
    assert.equal(chat.owner, user_id);
    assert.equal(portal.call(Actor.guest(), "chat.get", { chat_id: chat.id }).name, "Lobby ☕");
    const names = (await follower.next()).map((event) => event.name);
    assert.deepEqual(names, ["user:created", "room:created"]);
    assert.deepEqual(await follower.next(), []);
    assert.deepEqual((await portal.follow(start).next()).map((event) => event.name), names);
    assert.match(version, /^\d+\.\d+\.\d+$/);
});

withPortal("a failure has its code and its details", (portal) => {
    assert.throws(() => portal.call(operator, "user.create", { username: "a" }), (error) => {
        assert.ok(error instanceof PortalError);
        assert.equal(error.status, 101);
        assert.equal(error.code, "ERR_INVALID");
        assert.deepEqual(error.extras, { field: "username" });
        return true;
    });
    const nowhere = () => new Portal("/nowhere/at all/chat.db", { existing: true });
    assert.throws(nowhere, { code: "ERR_STORAGE_NOT_FOUND" });
    const wrong = Actor.guest({ country: "Netherlands" });
    assert.throws(() => portal.call(wrong, "chat.list"), { extras: { field: "actor.country" } });
});

withPortal("the event loop goes on while a follower waits", async (portal) => {
    const follower = portal.follow();
    let turns = 0;
    let waits = true;
    const events = follower.next(100, 600_000).finally(() => (waits = false));
    // The wait cannot end before the call below, which comes only because the loop goes on.
    for (; turns < 100; turns += 1) await setImmediate();
    assert.ok(waits);
    portal.call(operator, "user.create", { username: "ada" });
    assert.equal((await events)[0].name, "user:created");
});

withPortal("closing ends who waits, and comes to an end itself", async (portal) => {
    const heard = [];
    const listening = (async () => {
        for await (const event of portal.follow()) heard.push(event.name);
    })();
    portal.call(operator, "user.create", { username: "ada" });
    while (heard.length === 0) await setImmediate();
    await portal.close();
    await portal.close();
    await listening;
    assert.deepEqual(heard, ["user:created"]);
    assert.throws(() => portal.call(operator, "chat.list"), /closed/);
});

withPortal("a follower that is closed waits no longer", async (portal) => {
    const follower = portal.follow();
    const events = follower.next(100, 600_000);
    const late = follower.next(100, 600_000);
    await setImmediate();
    await Promise.all([follower.close(), follower.close()]);
    assert.deepEqual(await events, []);
    await assert.rejects(late, /closed/);
    await assert.rejects(follower.next(), /closed/);
});

withPortal("a position is read while the follower waits, and holds nobody up", async (portal) => {
    const follower = portal.follow();
    const start = follower.position;
    const events = follower.next(100, 60_000);
    for (let turns = 0; turns < 100; turns += 1) await setImmediate();
    assert.deepEqual(follower.position, start);
    // Reading it did not take as long as the wait, or this came too late.
    portal.call(operator, "user.create", { username: "ada" });
    const [{ name, seq }] = await events;
    assert.equal(name, "user:created");
    assert.deepEqual(follower.position, { logId: start.logId, after: seq });
    await follower.close();
    assert.deepEqual(follower.position, { logId: start.logId, after: seq });
});

withPortal("who leaves a loop amid what it has read goes on behind the event at hand", async (portal) => {
    const follower = portal.follow();
    const start = follower.position;
    for (const username of ["ada", "ben"]) portal.call(operator, "user.create", { username });
    const events = await portal.follow(start).next();
    for await (const { seq } of follower) {
        assert.deepEqual(await portal.follow({ ...follower.position, after: seq }).next(), events.slice(1));
        break;
    }
});

withPortal("a portal is closed although those who wait have every thread of the pool", async (portal) => {
    const waits = Array.from({ length: 6 }, () => portal.follow().next(100, 600_000));
    await setImmediate();
    await portal.close();
    for (const { status, value, reason } of await Promise.allSettled(waits)) {
        if (status === "fulfilled") assert.deepEqual(value, []);
        else assert.equal(reason.code, "ERR_CLOSED");
    }
});

withPortal("a loop ends when its follower is closed", async (portal) => {
    const follower = portal.follow();
    const listening = (async () => {
        for await (const event of follower) assert.fail(event.name);
    })();
    await setImmediate();
    await follower.close();
    await listening;
    await assert.rejects(follower.next(), { code: "ERR_CLOSED" });
});

withPortal("who is connected is told", async (portal) => {
    const follower = portal.follow();
    const { user_id } = portal.call(operator, "user.create", { username: "ada" });
    const { token } = portal.call(operator, "session.create", { user_id });
    const connection = portal.connect(Actor.session(portal.authenticate(token)));
    portal.call(Actor.connection(connection), "match.enqueue", { interests: ["tea"] });
    const [told] = await follower.deliver();
    assert.deepEqual([told.to, told.name], [[connection], "match:queued"]);
    assert.ok(portal.tick() >= Date.now() - 1000);
    portal.disconnect(connection);
}, { presence: true });

test("a keyring is kept sealed, and opens with its key alone", async () => {
    const keyring = new Keyring(1, 7);
    const key = Buffer.alloc(32, 7);
    const sealed = keyring.export(key);
    const room = { as_of: 1, may_talk: true, chat: { id: 4, e2ee: 3, epoch: 1, chat_type: "PRIVATE" } };
    assert.equal(keyring.event("room.join", room).requests[0].op, "key.register");
    assert.throws(() => keyring.seal(4, "Hello"), { code: "ERR_NO_ROOM_KEY" });
    assert.throws(() => keyring.reply(99, {}), { extras: { field: "request_id" } });
    keyring.close();
    keyring.close();
    assert.throws(() => keyring.tick(), /closed/);
    Keyring.import(sealed, key, 1, 8).close();
    assert.throws(() => Keyring.import(sealed, Buffer.alloc(32, 1), 1, 8), { code: "ERR_DECRYPT" });
    assert.throws(() => Keyring.import(sealed, Buffer.from("short"), 1, 8), RangeError);
});

/** Somebody's device, which takes in what is delivered and does what its keyring asks for. */
class Client {
    constructor(portal, username) {
        this.portal = portal;
        this.user = portal.call(operator, "user.create", { username, tier: "premium" }).user_id;
        const { session_id } = portal.call(operator, "session.create", { user_id: this.user });
        this.connection = portal.connect(Actor.session(session_id));
        this.keyring = new Keyring(this.user, session_id);
    }

    call(op, params) {
        return this.portal.call(Actor.connection(this.connection), op, params);
    }

    async hear(name, data) {
        await this.keyring.carryOut(this.keyring.event(name, data), (op, params) => this.call(op, params));
    }

    async join(chat_id) {
        await this.hear("room.join", this.call("room.join", { chat_id }));
    }

    /** Says something, and answers the message as the file has it. */
    say(chat_id, text) {
        this.call("message.send", { chat_id, content: this.keyring.seal(chat_id, text) });
        return this.portal.call(operator, "message.history", { chat_id }).messages.find(({ kind }) => kind === "user");
    }
}

withPortal("what a keyring remembers is shown, proven and forgotten", async (portal) => {
    const follower = portal.follow();
    const [ada, ben] = ["ada", "ben"].map((name) => new Client(portal, name));
    const settle = async () => {
        for (let told; (told = await follower.deliver()).length > 0;) {
            for (const { to, name, data } of told) {
                for (const client of [ada, ben]) if (to?.includes(client.connection)) await client.hear(name, data);
            }
        }
    };
    const { id } = ada.call("chat.create", { chat_type: "PRIVATE", name: "The garden" });
    await ada.join(id);
    ben.call("invite.resolve", { code: ada.call("invite.create", { chat_id: id }).code });
    await ben.join(id);
    await settle();
    const unkind = ben.say(id, "Something unkind");

    assert.deepEqual(ada.keyring.people().map(({ user_id, trust }) => [user_id, trust]), [[ben.user, "accepted"]]);
    const [for_ben] = ada.keyring.sessions(id, 1).filter(({ user_id }) => user_id === ben.user);
    assert.equal(ben.keyring.people()[0].fingerprint, for_ben.fingerprint);

    const report = { chat_id: id, message_id: unkind.id, reason: "Unkind", disclosure: ada.keyring.disclose(unkind) };
    const { report_id } = ada.call("report.create", report);
    const { plaintext, verified } = portal.call(operator, "report.get", { report_id });
    assert.deepEqual([plaintext, verified], ["Something unkind", true]);

    ada.call("mod.kick", { chat_id: id, user_id: ben.user });
    await settle();
    const alone = ada.say(id, "Peace");
    assert.equal(ada.keyring.open(unkind), "Something unkind");
    ada.keyring.forgetBefore(id, 2);
    assert.throws(() => ada.keyring.open(unkind), { code: "ERR_NO_ROOM_KEY" });
    assert.equal(ada.keyring.open(alone), "Peace");
    ada.keyring.forgetPerson(BigInt(ben.user));
    assert.deepEqual(ada.keyring.people(), []);
    for (const { keyring } of [ada, ben]) keyring.close();
    for (const closed of [() => ada.keyring.people(), () => ada.keyring.forgetPerson(1)]) assert.throws(closed, /closed/);
}, { presence: true });

withPortal("an option that nobody knows is refused by name", (portal, path) => {
    const key = Buffer.alloc(32, 7);
    const mistaken = {
        clock: () => new Portal(path, { clock: () => 1 }),
        presense: () => new Portal(path, { presense: true }),
        user_agent: () => Actor.user(1, { user_agent: "curl" }),
        toString: () => Actor.guest({ toString: () => "" }),
        ask_new: () => new Keyring(1, 2, { ask_new: true }),
        imported: () => new Keyring(1, 2, { imported: { sealed: "", key } }),
        secretKey: () => Keyring.import("", key, 1, 2, { secretKey: key }),
    };
    for (const [name, body] of Object.entries(mistaken)) {
        assert.throws(body, { name: "TypeError", message: new RegExp(`^there is no option ${name}, only `) });
    }
    for (const none of [null, true, "presence"]) {
        assert.throws(() => new Portal(path, none), { name: "TypeError", message: /^options are an object, not / });
    }
});

withPortal("a bigint in a document is the number it is, or refused by name", (portal) => {
    const { user_id } = portal.call(operator, "user.create", { username: "ada" });
    assert.equal(portal.call(operator, "user.get", { user_id: BigInt(user_id) }).username, "ada");
    for (const large of [2n ** 53n, -(2n ** 53n), 2n ** 64n + 1n]) {
        const refused = { name: "RangeError", message: `user_id in params is a safe integer, not ${large}n` };
        assert.throws(() => portal.call(operator, "user.get", { user_id: large }), refused);
    }
    const keyring = new Keyring(1, 2);
    keyring.event("room.leave", { chat_id: 4n });
    assert.throws(() => keyring.event("room.leave", { chat_id: 2n ** 53n }), { message: /^chat_id in data is / });
    assert.throws(() => keyring.reply(1, { epoch: 2n ** 53n }), { message: /^epoch in answer is / });
    keyring.close();
});

withPortal("what has a wrong type is refused by name, and the program goes on", async (portal) => {
    for (const id of ["3", null, undefined, 1.5, NaN, 2 ** 53, 2n ** 63n, {}]) {
        assert.throws(() => Actor.user(id), { name: "TypeError", message: /^the id of an Actor is / });
        assert.throws(() => new Keyring(id, 2), { name: "TypeError", message: /^userId is / });
        assert.throws(() => new Keyring(1, id), { name: "TypeError", message: /^sessionId is / });
        assert.throws(() => portal.disconnect(id), { name: "TypeError", message: /^connection is / });
    }
    // A number would be an address, and an object of one's own may have anything in it.
    for (const who of [3, 3n, "ada", null, undefined, Actor.operator, {}, { ...operator }, Buffer.alloc(200)]) {
        assert.throws(() => portal.call(who, "chat.list"), { name: "TypeError", message: /^who calls is an Actor/ });
        assert.throws(() => portal.connect(who), { name: "TypeError", message: /^who calls is an Actor/ });
    }
    assert.throws(() => Actor.guest({ ip: 5 }), { name: "TypeError", message: "ip is a string, not 5" });
    assert.throws(() => portal.call(operator, 5), { name: "TypeError", message: "op is a string, not 5" });
    assert.throws(() => portal.follow({ logId: "", after: -1 }), { name: "TypeError", message: /^after is from 0 / });
    await assert.rejects(portal.follow().next(1, 0.5), { name: "TypeError", message: /^timeoutMs is a whole number/ });
    const keyring = new Keyring(1n, 7);
    assert.throws(() => keyring.seal(4), { name: "TypeError", message: "plaintext is a string, not undefined" });
    assert.throws(() => keyring.seal(4.5, "Hello"), { name: "TypeError", message: /^chatId is / });
    assert.throws(() => keyring.tick("1"), { name: "TypeError", message: "now is a whole number, not '1'" });
    assert.throws(() => keyring.export("x".repeat(32)), { name: "TypeError", message: /^key is a Uint8Array, / });
    keyring.close();
    const { user_id } = portal.call(operator, "user.create", { username: "ada" });
    assert.equal(portal.call(Actor.user(BigInt(user_id)), "user.get", { user_id }).username, "ada");
});

test("without the library it says what to do", () => {
    const env = { ...process.env, PORTAL_LIBRARY: "/nowhere/libportal.so" };
    const module = fileURLToPath(new URL("portal.js", import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [module], { env, encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /libportal is not found; install it, .* PORTAL_LIBRARY: \/nowhere\/libportal\.so: /);
});
