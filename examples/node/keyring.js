// A client's keys: it is told what happens, and answers what to ask for.

import koffi from "koffi";

import { KEYRING_OPTIONS, PortalError, c, checked, closed, json, key32, options, take, text, whole } from "./library.js";

/**
 * The keys of one session. What happens is told by `event`; what is to be asked for then, `carryOut` asks for.
 *
 * `askNew` and `acceptChanged` turn over whom it trusts: somebody's first key is accepted, another asked about.
 */
export class Keyring {
    #keyring;

    constructor(userId, sessionId, settings = {}, imported = undefined) {
        const { askNew = false, acceptChanged = false } = options(settings, "askNew", "acceptChanged");
        const whose = {
            size: koffi.sizeof(KEYRING_OPTIONS), flags: (askNew ? 1 : 0) | (acceptChanged ? 2 : 0),
            user_id: whole("userId", userId), session_id: whole("sessionId", sessionId),
        };
        const out = [null];
        if (imported) {
            const given = [...text("sealed", imported.sealed), key32("key", imported.key)];
            checked("portal_keyring_import", whose, ...given, out);
        } else {
            checked("portal_keyring_new", whose, out);
        }
        this.#keyring = out[0];
    }

    /** What `export` has sealed under a key of 32 bytes. */
    static import(sealed, key, userId, sessionId, settings) {
        return new Keyring(userId, sessionId, settings, { sealed, key });
    }

    /** Everything it knows, sealed under a key of 32 bytes. */
    export(key) {
        return this.#answer("portal_keyring_export", key32("key", key));
    }

    /**
     * Takes in an event as it was delivered, and answers a step: `requests` to make, `alarms` to show, `keys` that came,
     * and `wake_at_ms`, when to call `tick`, or null. Tell it of "room.join" likewise, with that operation's reply, of
     * "room.leave" with the `chat_id`, and of "disconnected" with nothing.
     */
    event(name, data = {}, now = Date.now()) {
        const told = [...text("name", name), ...json("data", data)];
        return JSON.parse(this.#answer("portal_keyring_event", ...told, whole("now", now)));
    }

    /** Takes in what came of a request: its reply, or the PortalError that refused it. */
    reply(requestId, answer, now = Date.now()) {
        const [status, document] = answer instanceof PortalError ? [answer.status, answer.extras] : [0, answer];
        const told = [whole("requestId", requestId), status, ...json("answer", document)];
        return JSON.parse(this.#answer("portal_keyring_reply", ...told, whole("now", now)));
    }

    /** Does what is due. */
    tick(now = Date.now()) {
        return JSON.parse(this.#answer("portal_keyring_tick", whole("now", now)));
    }

    /** Says whether a key that an alarm has named is to be trusted. */
    decide(userId, publicKey, accept, now = Date.now()) {
        const whose = [whole("userId", userId), key32("publicKey", Buffer.from(publicKey, "base64"))];
        return JSON.parse(this.#answer("portal_keyring_decide", ...whose, accept ? 1 : 0, whole("now", now)));
    }

    /**
     * Makes the requests of a step, and those that come of them, with `call(op, params)`, which answers the reply or a
     * promise of it. Fulfilled with all alarms and keys and the last `wake_at_ms`.
     */
    async carryOut(step, call) {
        const rest = { ...step, requests: [], alarms: [...step.alarms], keys: [...step.keys] };
        const requests = [...step.requests];
        for (let request; (request = requests.shift());) {
            let answer;
            try {
                answer = await call(request.op, request.params);
            } catch (error) {
                if (!(error instanceof PortalError)) throw error;
                answer = error;
            }
            const next = this.reply(request.id, answer);
            requests.push(...next.requests);
            rest.alarms.push(...next.alarms);
            rest.keys.push(...next.keys);
            rest.wake_at_ms = next.wake_at_ms;
        }
        return rest;
    }

    /** The content of message.send. */
    seal(chatId, plaintext) {
        return this.#answer("portal_keyring_seal", whole("chatId", chatId), ...text("plaintext", plaintext));
    }

    /** What a message says. ERR_NO_ROOM_KEY: its key may come yet; ERR_DECRYPT: it does not open. */
    open({ chat_id, id, sender, content }) {
        const which = [whole("chat_id", chat_id), whole("id", id), whole("sender.id", sender.id)];
        return this.#answer("portal_keyring_open", ...which, ...text("content", content));
    }

    /** The key of such a message, the `disclosure` of report.create. */
    disclose({ chat_id, id, sender, content }) {
        const which = [whole("chat_id", chat_id), whole("id", id), whole("sender.id", sender.id)];
        return this.#answer("portal_keyring_disclose", ...which, ...text("content", content));
    }

    /** For whom this keyring has wrapped the key of an epoch, with the fingerprints to compare. */
    sessions(chatId, epoch) {
        const which = [whole("chatId", chatId), whole("epoch", epoch)];
        return JSON.parse(this.#answer("portal_keyring_sessions", ...which));
    }

    /** Every key that was seen of others, and whether it is trusted. */
    people() {
        return JSON.parse(this.#answer("portal_keyring_people"));
    }

    /** Forgets every key of somebody: what comes next of them counts as new. */
    forgetPerson(userId) {
        this.#run("portal_keyring_forget_person", whole("userId", userId));
    }

    /** Forgets the keys of a chat's epochs before this one, whose messages are gone. The present epoch's stays. */
    forgetBefore(chatId, epoch) {
        this.#run("portal_keyring_forget_before", whole("chatId", chatId), whole("epoch", epoch));
    }

    /** Wipes the keys. Repeatable. */
    close() {
        c.portal_keyring_free(this.#keyring);
        this.#keyring = null;
    }

    #run(name, ...values) {
        if (this.#keyring === null) throw closed("keyring");
        checked(name, this.#keyring, ...values);
    }

    #answer(name, ...values) {
        const buf = {};
        this.#run(name, ...values, buf);
        return take(buf);
    }
}
