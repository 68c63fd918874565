// Suite 3 on the client's side: a room's key of one epoch, and what it seals, opens, wraps and proves.
//
// Every message has a key of its own, made from the room key, the chat, the epoch, the sender and a random salt.
// So the nonce is constant, and a server can neither move a message nor put another name to it.

import { base64, compare, concat, fromBase64, same, text, u64, utf8 } from "./bytes.js";
import * as envelope from "./envelope.js";
import * as hpke from "./hpke.js";
import { CannotOpen, hkdf, hmac, hmacKey, openGcm, random, sealGcm } from "./primitives.js";

/** The most bytes of UTF-8 in a message: what fits an envelope at any epoch. */
export const MAX_PLAINTEXT_BYTES = 2943;

const STEP = 64;
const SALT = 16;
const COMMITMENT = 32;
const NONCE = new Uint8Array(12);

function pad(plaintext) {
  const padded = new Uint8Array(STEP * (Math.floor(plaintext.length / STEP) + 1));
  padded.set(plaintext);
  padded[plaintext.length] = 0x80;
  return padded;
}

function unpad(padded) {
  let end = padded.length - 1;
  const first = padded.length - STEP;
  while (end >= first && padded[end] === 0) end -= 1;
  if (end < first || padded[end] !== 0x80) throw new CannotOpen();
  return padded.subarray(0, end);
}

const commitmentOf = (messageKey) => hmac(messageKey, utf8("portal/3 commit"));
const cipherKey = (messageKey) => hmac(messageKey, utf8("portal/3 key"));

/** What a reader and a verifier of disclosures do alike. */
async function openWith(messageKey, who, ct) {
  const committed = ct.subarray(SALT, SALT + COMMITMENT);
  if (!same(committed, await commitmentOf(messageKey))) throw new CannotOpen();
  const padded = await openGcm(await cipherKey(messageKey), NONCE, who, ct.subarray(SALT + COMMITMENT));
  try {
    return text(unpad(padded));
  } catch {
    throw new CannotOpen();
  }
}

/** The bytes of an envelope that claims to be of this epoch, as long as a message is. */
function ciphertext(content, epoch) {
  const read = envelope.read(content);
  if (read?.v !== 3 || read.epoch !== epoch || read.ct.length < 128 || read.ct.length % STEP) throw new CannotOpen();
  return read.ct;
}

const whoIs = (chat, epoch, sender) => concat(u64(chat), u64(epoch), u64(sender));

/** What a reported message says, by the key that a reader disclosed. */
export async function openDisclosed(chat, epoch, sender, content, disclosure) {
  const key = fromBase64(disclosure);
  if (key?.length !== 32) throw new CannotOpen();
  return openWith(key, whoIs(chat, epoch, sender), ciphertext(content, epoch));
}

/** The digits that two people compare over another channel, from their public keys. */
export async function fingerprint(a, b) {
  const both = compare(a, b) <= 0 ? concat(a, b) : concat(b, a);
  const bytes = await hkdf(both, utf8("portal fingerprint"), 60);
  const groups = [];
  for (let at = 0; at < bytes.length; at += 5) {
    const group = bytes.subarray(at, at + 5).reduce((sum, byte) => sum * 256 + byte, 0);
    groups.push(String(group % 100_000).padStart(5, "0"));
  }
  return groups.join(" ");
}

/** The key of one chat and epoch. */
export class RoomKey {
  #key;
  #senders = new Map();

  constructor(chat, epoch, key) {
    if (key.length !== 32) throw new CannotOpen();
    this.chat = chat;
    this.epoch = epoch;
    this.#key = key;
    this.ctx = concat(u64(chat), u64(epoch));
  }

  static generate(chat, epoch) {
    return new RoomKey(chat, epoch, random(32));
  }

  /** Opens a blob that `sender` made for the user with this pair. Refuses a key whose check is another's. */
  static async unwrap(chat, epoch, blob, sender, user, pair, check) {
    const bytes = fromBase64(blob);
    if (bytes?.length !== 80 || typeof check !== "string") throw new CannotOpen();
    const info = concat(utf8("portal/3 room key"), u64(chat), u64(epoch));
    const opened = new RoomKey(chat, epoch, await hpke.open(pair, sender, info, u64(user), bytes));
    if (!(await opened.matches(check))) throw new CannotOpen();
    return opened;
  }

  /** To be kept where this browser keeps it, and nowhere else. */
  bytes() {
    return this.#key.slice();
  }

  equals(other) {
    return same(this.#key, other.#key);
  }

  async check() {
    return base64(await hkdf(this.#key, concat(utf8("portal/3 check"), this.ctx), 16));
  }

  async matches(check) {
    const given = fromBase64(check);
    return given !== null && same(given, fromBase64(await this.check()));
  }

  async wrap(user, recipient, pair, ephemeral) {
    const info = concat(utf8("portal/3 room key"), this.ctx);
    return base64(await hpke.seal(pair, recipient, info, u64(user), this.#key, ephemeral));
  }

  #messageKey(sender, salt) {
    if (!this.#senders.has(sender)) {
      const info = concat(utf8("portal/3 sender"), this.ctx, u64(sender));
      this.#senders.set(sender, hkdf(this.#key, info, 32).then(hmacKey));
    }
    return this.#senders.get(sender).then((key) => hmac(key, salt));
  }

  /** `salt` is given by test vectors only. */
  async seal(sender, plaintext, salt = random(SALT)) {
    const bytes = utf8(plaintext);
    if (bytes.length > MAX_PLAINTEXT_BYTES) throw new RangeError("This message is too long.");
    const key = await this.#messageKey(sender, salt);
    const who = concat(this.ctx, u64(sender));
    const box = await sealGcm(await cipherKey(key), NONCE, who, pad(bytes));
    return envelope.write(3, this.epoch, base64(concat(salt, await commitmentOf(key), box)));
  }

  async #open(sender, content) {
    const ct = ciphertext(content, this.epoch);
    const key = await this.#messageKey(sender, ct.subarray(0, SALT));
    return { key, plaintext: await openWith(key, concat(this.ctx, u64(sender)), ct) };
  }

  async open(sender, content) {
    return (await this.#open(sender, content)).plaintext;
  }

  /** The key of one message, to report it with. It opens that message and nothing else. */
  async disclose(sender, content) {
    return base64((await this.#open(sender, content)).key);
  }
}
