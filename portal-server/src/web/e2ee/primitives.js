// The few primitives of suite 3, all of them the platform's own (WebCrypto).

import { concat, fromBase64 } from "./bytes.js";

const { subtle } = globalThis.crypto ?? {};

/** Something does not open. There is one answer for every reason, because the reason would help an attacker. */
export class CannotOpen extends Error {
  constructor() {
    super("This does not open with that key.");
    this.code = "ERR_DECRYPT";
  }
}

export const random = (length) => crypto.getRandomValues(new Uint8Array(length));

export const hmacKey = (bytes) =>
  // RFC 2104 fills a short key up with zeros, so an empty one is as many zeros; WebCrypto takes no empty one.
  subtle.importKey("raw", bytes.length ? bytes : new Uint8Array(32), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);

/** `key` is bytes, or what `hmacKey` made of them. */
export async function hmac(key, data) {
  const imported = key instanceof Uint8Array ? await hmacKey(key) : key;
  return new Uint8Array(await subtle.sign("HMAC", imported, data));
}

/** RFC 5869 with an empty salt. */
export async function hkdf(ikm, info, length) {
  const key = await subtle.importKey("raw", ikm, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  return new Uint8Array(await subtle.deriveBits(how, key, length * 8));
}

/** The second half of RFC 5869, for at most 32 bytes. */
export async function expand(prk, info, length) {
  return (await hmac(prk, concat(info, new Uint8Array([1])))).subarray(0, length);
}

const gcm = (nonce, aad) => ({ name: "AES-GCM", iv: nonce, additionalData: aad, tagLength: 128 });

export async function sealGcm(key, nonce, aad, data) {
  const imported = await subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  return new Uint8Array(await subtle.encrypt(gcm(nonce, aad), imported, data));
}

export async function openGcm(key, nonce, aad, data) {
  const imported = await subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  try {
    return new Uint8Array(await subtle.decrypt(gcm(nonce, aad), imported, data));
  } catch {
    throw new CannotOpen();
  }
}

// X25519. A pair is {secret, publicKey}: a key that scripts cannot read out, and 32 bytes.

export async function newPair() {
  const { privateKey, publicKey } = await subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  return { secret: privateKey, publicKey: new Uint8Array(await subtle.exportKey("raw", publicKey)) };
}

/** A pair from its 32 secret bytes; for test vectors. */
export async function pairFrom(secretBytes, publicKey) {
  const head = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 110, 4, 34, 4, 32];
  const pkcs8 = concat(new Uint8Array(head), secretBytes);
  return { secret: await subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, false, ["deriveBits"]), publicKey };
}

/** Refuses points of small order: what comes of them is no secret. */
export async function agree(secret, publicKey) {
  let shared;
  try {
    const key = await subtle.importKey("raw", publicKey, { name: "X25519" }, false, []);
    shared = new Uint8Array(await subtle.deriveBits({ name: "X25519", public: key }, secret, 256));
  } catch {
    throw new CannotOpen();
  }
  if (shared.every((byte) => byte === 0)) throw new CannotOpen();
  return shared;
}

/** The 32 bytes of a public key in base64, or null. */
export function publicKeyFrom(given) {
  const bytes = fromBase64(given);
  return bytes?.length === 32 ? bytes : null;
}

/** Why this browser cannot take part in encrypted chats; null if it can. */
export async function whyNot() {
  if (!subtle) return "Encryption needs a secure address: https, or this very machine.";
  try {
    await newPair();
    return null;
  } catch {
    return "This browser lacks X25519. A current Firefox, Chromium or Safari has it.";
  }
}
