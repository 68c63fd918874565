// A person with the stock JavaScript client and TweetNaCl, driven by lines of JSON on standard input.
//
// Each line is {"id", "do", ...}; the answer is {"id", "result"} or {"id", "error"}, and what the socket
// says by itself is {"event", "data"}. Nothing of the project's own code is used here: this is what its
// documentation lets somebody else write.

import { Buffer } from "node:buffer";
import { hkdfSync } from "node:crypto";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";
import nacl from "tweetnacl";

const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const base64 = (data) => Buffer.from(data).toString("base64");
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

let session = {};
let pair = nacl.box.keyPair();
let socket;
/** Room keys by "chat/epoch". */
const roomKeys = new Map();
const rooms = new Set();
/** Where this client left off; it moves on only while every room is joined. */
let after;
let logId;
let caughtUp = true;

function keyCheck(key, chat, epoch) {
  const context = Buffer.alloc(16);
  context.writeBigUInt64BE(BigInt(chat), 0);
  context.writeBigUInt64BE(BigInt(epoch), 8);
  const info = Buffer.concat([Buffer.from("portal/2 check"), context]);
  return base64(hkdfSync("sha256", key, new Uint8Array(), info, 16));
}

function withNonce(seal) {
  const nonce = nacl.randomBytes(24);
  return base64(Buffer.concat([nonce, seal(nonce)]));
}

function roomKey(chat, epoch) {
  const key = roomKeys.get(`${chat}/${epoch}`);
  if (!key) throw new Error(`no key of epoch ${epoch}`);
  return key;
}

/** Without `after`, or with it once it has been away. */
function auth() {
  const from = after === undefined ? {} : { after, log_id: logId };
  return session.token === undefined ? from : { token: session.token, ...from };
}

/** After every connecting, the first included: back into the rooms, and then on from what was seen. */
async function rejoin() {
  for (const chat of rooms) {
    const answer = await socket.timeout(10_000).emitWithAck("room:join", { chat_id: chat });
    if (answer.error) throw new Error(`${chat} did not let us in again: ${answer.error.code}`);
  }
  caughtUp = true;
}

function heard(event, data) {
  if (event === "session:ready") {
    logId = data.log_id;
    after ??= data.as_of;
    caughtUp = false;
    rejoin().then(
      () => tell({ event: "rejoined", data: { rooms: rooms.size } }),
      (error) => tell({ event: "rejoined", data: { error: error.message } }),
    );
  } else if (caughtUp && data?.seq !== undefined) {
    after = data.seq;
  }
  tell({ event, data });
}

const commands = {
  async request({ method, url, body, token }) {
    const headers = { "content-type": "application/json" };
    if (token ?? session.token) headers.authorization = `Bearer ${token ?? session.token}`;
    const answer = await fetch(url, {
      method,
      headers,
      body: body === null ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === "" ? null : JSON.parse(text) };
  },

  session(given) {
    session = given.session;
  },

  connect({ url, transports }) {
    return new Promise((resolve, reject) => {
      socket = io(url, {
        auth: (give) => give(auth()),
        forceNew: true,
        reconnectionDelay: 200,
        reconnectionDelayMax: 400,
        ...(transports ? { transports } : {}),
      });
      socket.onAny(heard);
      socket.on("disconnect", (reason) => {
        caughtUp = false;
        tell({ event: "disconnect", data: { reason } });
      });
      socket.once("session:ready", (ready) => resolve(ready));
      socket.once("connect_error", (error) => reject(Object.assign(error, { refusal: error.data })));
    });
  },

  /** The transport in use; where there are several, once it is upgraded. */
  async transport() {
    const { engine, opts } = socket.io;
    if (engine.transport.name === "polling" && opts.transports.length > 1) {
      await new Promise((resolve) => engine.once("upgrade", resolve));
    }
    return engine.transport.name;
  },

  async emit({ event, data }) {
    const answer = await socket.timeout(10_000).emitWithAck(event, ...data);
    const chat = data[0]?.chat_id;
    if (answer.ok && event === "room:join") rooms.add(chat);
    if (answer.ok && event === "room:leave") rooms.delete(chat);
    return answer;
  },

  forget_room({ chat }) {
    rooms.delete(chat);
  },

  disconnect() {
    socket.disconnect();
  },

  new_keys() {
    pair = nacl.box.keyPair();
    return base64(pair.publicKey);
  },

  make_room_key({ chat, epoch }) {
    const key = nacl.randomBytes(nacl.secretbox.keyLength);
    roomKeys.set(`${chat}/${epoch}`, key);
    return keyCheck(key, chat, epoch);
  },

  wrap({ chat, epoch, public_key: recipient }) {
    return withNonce((nonce) => nacl.box(roomKey(chat, epoch), nonce, bytes(recipient), pair.secretKey));
  },

  unwrap({ chat, epoch, blob, sender, check }) {
    const data = bytes(blob);
    const key = nacl.box.open(data.subarray(24), data.subarray(0, 24), bytes(sender), pair.secretKey);
    if (!key) throw new Error("the blob does not open");
    if (check && check !== keyCheck(key, chat, epoch)) throw new Error("the key check is another's");
    roomKeys.set(`${chat}/${epoch}`, key);
  },

  seal({ chat, epoch, text, as_epoch: asEpoch }) {
    const key = roomKey(chat, epoch);
    const ct = withNonce((nonce) => nacl.secretbox(Buffer.from(text), nonce, key));
    return JSON.stringify({ v: 2, epoch: asEpoch ?? epoch, ct });
  },

  open({ chat, epoch, content }) {
    const data = bytes(JSON.parse(content).ct);
    const text = nacl.secretbox.open(data.subarray(24), data.subarray(0, 24), roomKey(chat, epoch));
    if (!text) throw new Error("the message does not open");
    return Buffer.from(text).toString();
  },
};

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const { id, do: name, ...rest } = JSON.parse(line);
    try {
      tell({ id, result: (await commands[name](rest)) ?? null });
    } catch (error) {
      tell({ id, error: error.message, refusal: error.refusal ?? null });
    }
  })
  .on("close", () => process.exit(0));
