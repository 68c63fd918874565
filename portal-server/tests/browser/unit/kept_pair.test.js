// The session's pair comes back from the browser's store, also where such keys cannot be stored as they are.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPair, pairToKeep } from "../../../src/web/e2ee/kept_pair.js";
import { agree, newPair } from "../../../src/web/e2ee/primitives.js";

async function isWorking(kept) {
  const pair = await openPair(kept);
  const other = await newPair();
  assert.equal(pair.publicKey.length, 32);
  assert.deepEqual(await agree(pair.secret, other.publicKey), await agree(other.secret, pair.publicKey));
  assert.equal(pair.secret.extractable, false);
  await assert.rejects(crypto.subtle.exportKey("pkcs8", pair.secret));
}

/** Makes a pair to keep where `structuredClone` does this. */
async function where(clone) {
  const before = globalThis.structuredClone;
  globalThis.structuredClone = clone;
  try {
    return await pairToKeep();
  } finally {
    globalThis.structuredClone = before;
  }
}

test("a pair is stored as it is where that comes back", async () => {
  const kept = await where((key) => key);
  assert.deepEqual(Object.keys(kept), ["secret", "publicKey"]);
  await isWorking(kept);
});

for (const [how, clone] of [
  [
    "is refused",
    () => {
      throw new DOMException("The object could not be cloned", "DataCloneError");
    },
  ],
  ["comes back as nothing", () => null],
]) {
  test(`a pair is stored wrapped where that ${how}`, async () => {
    const kept = await where(clone);
    assert.equal(kept.secret, undefined);
    assert.equal(kept.wrapping.extractable, false);
    await isWorking(kept);
    kept.wrapped[0] ^= 1;
    await assert.rejects(openPair(kept));
  });
}
