// HPKE, RFC 9180, in the one shape that suite 3 uses: mode auth, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
// AES-256-GCM, one message a context.

import { concat, utf8 } from "./bytes.js";
import { agree, CannotOpen, expand, hmac, newPair, openGcm, sealGcm } from "./primitives.js";

const NONE = new Uint8Array();
const MODE_AUTH = new Uint8Array([2]);
const VERSION = utf8("HPKE-v1");
const KEM = concat(utf8("KEM"), new Uint8Array([0, 0x20]));
const SUITE = concat(utf8("HPKE"), new Uint8Array([0, 0x20, 0, 1, 0, 2]));

const extract = (suite, salt, label, ikm) => hmac(salt, concat(VERSION, suite, utf8(label), ikm));

const expanded = (suite, prk, label, info, length) =>
  expand(prk, concat(new Uint8Array([0, length]), VERSION, suite, utf8(label), info), length);

/** What both sides know: from the two agreements and the three public keys. */
async function sharedSecret(agreements, encapsulated, recipient, sender) {
  const prk = await extract(KEM, NONE, "eae_prk", concat(...agreements));
  return expanded(KEM, prk, "shared_secret", concat(encapsulated, recipient, sender), 32);
}

async function keyAndNonce(shared, info) {
  const [pskId, infoHash, secret] = await Promise.all([
    extract(SUITE, NONE, "psk_id_hash", NONE),
    extract(SUITE, NONE, "info_hash", info),
    extract(SUITE, shared, "secret", NONE),
  ]);
  const context = concat(MODE_AUTH, pskId, infoHash);
  return Promise.all([expanded(SUITE, secret, "key", context, 32), expanded(SUITE, secret, "base_nonce", context, 12)]);
}

/** `ephemeral` is given by test vectors only. */
export async function seal(sender, recipient, info, aad, plaintext, ephemeral) {
  const once = ephemeral ?? (await newPair());
  const agreements = await Promise.all([agree(once.secret, recipient), agree(sender.secret, recipient)]);
  const shared = await sharedSecret(agreements, once.publicKey, recipient, sender.publicKey);
  const [key, nonce] = await keyAndNonce(shared, info);
  return concat(once.publicKey, await sealGcm(key, nonce, aad, plaintext));
}

export async function open(recipient, sender, info, aad, sealed) {
  if (sealed.length < 48) throw new CannotOpen();
  const encapsulated = sealed.subarray(0, 32);
  const agreements = await Promise.all([agree(recipient.secret, encapsulated), agree(recipient.secret, sender)]);
  const shared = await sharedSecret(agreements, encapsulated, recipient.publicKey, sender);
  const [key, nonce] = await keyAndNonce(shared, info);
  return openGcm(key, nonce, aad, sealed.subarray(32));
}
