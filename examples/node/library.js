// The C library: where it is, its structs and functions, and its errors. Not for users of the module.

import koffi from "koffi";
import { inspect, promisify } from "node:util";

// Libraries of this series can stand for each other; the structs below are its.
const SERIES = "0.1";
const file = process.platform === "darwin" ? `libportal.${SERIES}.dylib` : `libportal.so.${SERIES}`;
const library = load(process.env.PORTAL_LIBRARY || file);

function load(name) {
    try {
        return koffi.load(name);
    } catch (cause) {
        throw new Error("libportal is not found; install it, and name its directory in LD_LIBRARY_PATH or the file "
            + `itself in PORTAL_LIBRARY: ${name}: ${cause.message}`, { cause });
    }
}

koffi.opaque("portal");
koffi.opaque("portal_error");
koffi.opaque("portal_follower");
koffi.opaque("portal_keyring");
koffi.struct("portal_buf", { data: "void *", len: "size_t", owner: "void *" });
export const OPTIONS = koffi.struct("portal_options", {
    size: "size_t", flags: "uint32_t", reserved: "uint32_t", host: "void *", now_ms: "void *", random: "void *",
    release: "void *", browsers: "void *", log: "void *",
});
export const ACTOR = koffi.struct("portal_actor", {
    size: "size_t", id: "int64_t", kind: "int32_t", reserved: "int32_t", ip: "const char *", ip_len: "size_t",
    user_agent: "const char *", user_agent_len: "size_t", os_user: "const char *", os_user_len: "size_t",
    country: "const char *", country_len: "size_t",
});
export const KEYRING_OPTIONS = koffi.struct("portal_keyring_options", {
    size: "size_t", flags: "uint32_t", reserved: "uint32_t", user_id: "int64_t", session_id: "int64_t",
    secret_key: "void *", host: "void *", random: "void *", release: "void *",
});

export const c = Object.fromEntries([
    "const char *portal_version()",
    "int32_t portal_error_status(portal_error *error)",
    "const char *portal_error_code(portal_error *error)",
    "const char *portal_error_message(portal_error *error)",
    "const char *portal_error_extras(portal_error *error)",
    "void portal_error_free(portal_error *error)",
    "void portal_buf_dispose(portal_buf *buf)",
    "int32_t portal_open(const char *path, size_t path_len, portal_options *options, _Out_ portal **handle, "
        + "_Out_ portal_error **error)",
    "int32_t portal_close(portal *handle, _Out_ portal_error **error)",
    "void portal_free(portal *handle)",
    "int32_t portal_call(portal *handle, portal_actor *actor, const char *op, size_t op_len, const char *params, "
        + "size_t params_len, _Out_ portal_buf *reply, _Out_ portal_error **error)",
    "int32_t portal_authenticate(portal *handle, const char *token, size_t token_len, _Out_ int64_t *session_id, "
        + "_Out_ portal_error **error)",
    "int32_t portal_connect(portal *handle, portal_actor *actor, _Out_ int64_t *connection_id, "
        + "_Out_ portal_error **error)",
    "int32_t portal_disconnect(portal *handle, int64_t connection_id, _Out_ portal_error **error)",
    "int32_t portal_tick(portal *handle, _Out_ int64_t *next_ms, _Out_ portal_error **error)",
    "int32_t portal_follower_open(portal *handle, const char *log_id, size_t log_id_len, uint64_t after, "
        + "_Out_ portal_follower **follower, _Out_ portal_error **error)",
    "int32_t portal_follower_next(portal_follower *follower, uint32_t limit, uint32_t timeout_ms, "
        + "_Out_ portal_buf *events, _Out_ portal_error **error)",
    "int32_t portal_follower_deliver(portal_follower *follower, uint32_t limit, uint32_t timeout_ms, "
        + "_Out_ portal_buf *deliveries, _Out_ portal_error **error)",
    "int32_t portal_follower_position(portal_follower *follower, _Out_ portal_buf *log_id, _Out_ uint64_t *after, "
        + "_Out_ portal_error **error)",
    "void portal_follower_wake(portal_follower *follower)",
    "void portal_follower_free(portal_follower *follower)",
    "int32_t portal_keyring_new(portal_keyring_options *options, _Out_ portal_keyring **keyring, "
        + "_Out_ portal_error **error)",
    "int32_t portal_keyring_import(portal_keyring_options *options, const char *sealed, size_t sealed_len, "
        + "const uint8_t *key, _Out_ portal_keyring **keyring, _Out_ portal_error **error)",
    "int32_t portal_keyring_export(portal_keyring *keyring, const uint8_t *key, _Out_ portal_buf *sealed, "
        + "_Out_ portal_error **error)",
    "int32_t portal_keyring_event(portal_keyring *keyring, const char *name, size_t name_len, const char *data, "
        + "size_t data_len, int64_t now_ms, _Out_ portal_buf *step, _Out_ portal_error **error)",
    "int32_t portal_keyring_reply(portal_keyring *keyring, int64_t request_id, int32_t status, const char *document, "
        + "size_t document_len, int64_t now_ms, _Out_ portal_buf *step, _Out_ portal_error **error)",
    "int32_t portal_keyring_tick(portal_keyring *keyring, int64_t now_ms, _Out_ portal_buf *step, "
        + "_Out_ portal_error **error)",
    "int32_t portal_keyring_decide(portal_keyring *keyring, int64_t user_id, const uint8_t *public_key, "
        + "int32_t accept, int64_t now_ms, _Out_ portal_buf *step, _Out_ portal_error **error)",
    "int32_t portal_keyring_seal(portal_keyring *keyring, int64_t chat_id, const char *text, size_t text_len, "
        + "_Out_ portal_buf *envelope, _Out_ portal_error **error)",
    "int32_t portal_keyring_open(portal_keyring *keyring, int64_t chat_id, int64_t message_id, int64_t sender_id, "
        + "const char *envelope, size_t envelope_len, _Out_ portal_buf *text, _Out_ portal_error **error)",
    "int32_t portal_keyring_disclose(portal_keyring *keyring, int64_t chat_id, int64_t message_id, "
        + "int64_t sender_id, const char *envelope, size_t envelope_len, _Out_ portal_buf *disclosure, "
        + "_Out_ portal_error **error)",
    "int32_t portal_keyring_sessions(portal_keyring *keyring, int64_t chat_id, int64_t epoch, "
        + "_Out_ portal_buf *sessions, _Out_ portal_error **error)",
    "int32_t portal_keyring_people(portal_keyring *keyring, _Out_ portal_buf *people, _Out_ portal_error **error)",
    "int32_t portal_keyring_forget_person(portal_keyring *keyring, int64_t user_id, _Out_ portal_error **error)",
    "int32_t portal_keyring_forget_before(portal_keyring *keyring, int64_t chat_id, int64_t epoch, "
        + "_Out_ portal_error **error)",
    "void portal_keyring_free(portal_keyring *keyring)",
].map((prototype) => [prototype.match(/(portal_\w+)\(/)[1], library.func(prototype)]));

/** A call that failed. Compare `code` ("ERR_...") or `status`, never the message; `extras` has the details. */
export class PortalError extends Error {
    constructor(error) {
        super(c.portal_error_message(error));
        this.name = "PortalError";
        this.status = c.portal_error_status(error);
        this.code = c.portal_error_code(error);
        this.extras = JSON.parse(c.portal_error_extras(error));
        c.portal_error_free(error);
    }
}

/** What is thrown where the library is not asked any more: its code is the library's. */
export const closed = (what) => Object.assign(new Error(`this ${what} is closed`), { code: "ERR_CLOSED" });

/** Runs a function of C whose last parameter is an error, and throws what it answers. */
export function checked(name, ...values) {
    const error = [null];
    if (c[name](...values, error) !== 0) throw new PortalError(error[0]);
}

/** As checked, on a thread of the pool. */
export async function checkedLater(name, ...values) {
    const error = [null];
    if (await promisify(c[name].async)(...values, error) !== 0) throw new PortalError(error[0]);
}

/** What a portal_buf holds; disposes of it. */
export function take(buf) {
    const text = buf.data === null ? "" : koffi.decode.string(buf.data, Number(buf.len));
    c.portal_buf_dispose(buf);
    return text;
}

// What a program gives is looked at here before koffi sees it, which ends the process over a wrong type in a struct,
// takes a number for an address, and cuts 1.5 to 1.

/** A text as C takes it: pointer and length. */
export function text(name, value) {
    if (typeof value !== "string") throw new TypeError(`${name} is a string, not ${inspect(value)}`);
    return value === "" ? [null, 0] : [value, Buffer.byteLength(value)];
}

/** A document as C takes it: pointer and length of its JSON. */
export function json(name, value) {
    return text(`the JSON of ${name}`, JSON.stringify(value, (key, each) => {
        if (typeof each !== "bigint") return each;
        if (Number.isSafeInteger(Number(each))) return Number(each);
        throw new RangeError(`${key} in ${name} is a safe integer, not ${inspect(each)}`);
    }));
}

/** What a program sets by name. A name that is not among these would be ignored, which is what nobody wants. */
export function options(given, ...names) {
    if (typeof given !== "object" || given === null) throw new TypeError(`options are an object, not ${inspect(given)}`);
    const unknown = Object.keys(given).find((name) => !names.includes(name));
    if (unknown !== undefined) throw new TypeError(`there is no option ${unknown}, only ${names.join(", ")}`);
    return given;
}

/** A whole number as C takes it: a safe integer, or a bigint that fits. */
export function whole(name, value, least = -(2n ** 63n), most = 2n ** 63n - 1n) {
    const isWhole = Number.isSafeInteger(value) || typeof value === "bigint";
    if (!isWhole) throw new TypeError(`${name} is a whole number, not ${inspect(value)}`);
    if (value < least || value > most) throw new TypeError(`${name} is from ${least} to ${most}, not ${inspect(value)}`);
    return value;
}

/** A whole number of 32 bits without a sign. */
export const whole32 = (name, value) => whole(name, value, 0, 2 ** 32 - 1);

/** A key as C takes it. */
export function key32(name, value) {
    if (!(value instanceof Uint8Array)) throw new TypeError(`${name} is a Uint8Array, not ${typeof value}`);
    if (value.length !== 32) throw new RangeError(`${name} has 32 bytes, not ${value.length}`);
    return value;
}
