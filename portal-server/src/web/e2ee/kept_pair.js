// A key pair as the browser's store holds it.
//
// The surprise: Safari stores an X25519 key without a word and reads nothing back, and older Firefoxes refuse to store
// one. There the secret is stored wrapped under an AES key, which every browser keeps; neither can be read out.

import { newPair, random } from "./primitives.js";

const { subtle } = globalThis.crypto ?? {};
const X25519 = { name: "X25519" };

/** Whether what is stored of this key comes back. */
function canBeStored(key) {
  try {
    return structuredClone(key)?.type === key.type;
  } catch {
    return false;
  }
}

/** A new pair, to be stored; `openPair` makes a pair of it. */
export async function pairToKeep() {
  const pair = await newPair();
  if (canBeStored(pair.secret)) return pair;
  const { privateKey, publicKey } = await subtle.generateKey(X25519, true, ["deriveBits"]);
  const wrapping = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["wrapKey", "unwrapKey"]);
  const iv = random(12);
  return {
    publicKey: new Uint8Array(await subtle.exportKey("raw", publicKey)),
    wrapping,
    iv,
    wrapped: new Uint8Array(await subtle.wrapKey("pkcs8", privateKey, wrapping, { name: "AES-GCM", iv })),
  };
}

/** The pair: {secret, publicKey}. */
export async function openPair({ publicKey, secret, wrapping, iv, wrapped }) {
  if (secret) return { secret, publicKey };
  const how = { name: "AES-GCM", iv };
  return {
    secret: await subtle.unwrapKey("pkcs8", wrapped, wrapping, how, X25519, false, ["deriveBits"]),
    publicKey,
  };
}
