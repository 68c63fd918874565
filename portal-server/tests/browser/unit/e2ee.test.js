// The web client's encryption against the test vectors that other implementations made.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";

import { base64, fromBase64 } from "../../../src/web/e2ee/bytes.js";
import * as envelope from "../../../src/web/e2ee/envelope.js";
import { agree, newPair, pairFrom } from "../../../src/web/e2ee/primitives.js";
import { fingerprint, MAX_PLAINTEXT_BYTES, openDisclosed, RoomKey } from "../../../src/web/e2ee/suite3.js";

const file = new URL("../../../../portal-core/tests/vectors/e2ee.json", import.meta.url);
const { suite3, fingerprints } = JSON.parse(await readFile(file, "utf8"));
const unopenable = { code: "ERR_DECRYPT" };
const roomKey = (vector) => new RoomKey(vector.chat_id, vector.epoch, fromBase64(vector.room_key));
const pairOf = (secret, publicKey) => pairFrom(fromBase64(secret), fromBase64(publicKey));

describe("messages", () => {
  for (const vector of suite3.messages) {
    test(`of ${vector.plaintext.length} characters seal, open and prove as the vectors say`, async () => {
      const key = roomKey(vector);
      const { sender_id: sender, plaintext } = vector;
      assert.equal(await key.check(), vector.key_check);
      assert.equal(await key.seal(sender, plaintext, fromBase64(vector.salt)), vector.envelope);
      assert.equal(await key.open(sender, vector.envelope), plaintext);
      assert.equal(await key.disclose(sender, vector.envelope), vector.disclosure);
      const told = openDisclosed(vector.chat_id, vector.epoch, sender, vector.envelope, vector.disclosure);
      assert.equal(await told, plaintext);
    });
  }

  for (const vector of suite3.refused) {
    test(`are refused: ${vector.why}`, () =>
      assert.rejects(roomKey(vector).open(vector.sender_id, vector.envelope), unopenable));
  }

  test("that are too long are not sealed", async () => {
    const key = RoomKey.generate(1, 1);
    await assert.rejects(key.seal(1, "x".repeat(MAX_PLAINTEXT_BYTES + 1)), RangeError);
    const longest = await key.seal(1, "x".repeat(MAX_PLAINTEXT_BYTES));
    assert.equal((await key.open(1, longest)).length, MAX_PLAINTEXT_BYTES);
    assert.ok(longest.length <= 4096);
  });

  test("another message's key proves nothing", async () => {
    const [a, b] = suite3.messages;
    await assert.rejects(openDisclosed(a.chat_id, a.epoch, a.sender_id, a.envelope, b.disclosure), unopenable);
  });
});

describe("room keys", () => {
  for (const vector of suite3.blobs) {
    const ids = [vector.chat_id, vector.epoch];
    const sender = () => pairOf(vector.sender_secret, vector.sender_public);
    const recipient = () => pairOf(vector.recipient_secret, vector.recipient_public);

    test(`of chat ${vector.chat_id} wrap and unwrap as the vectors say`, async () => {
      const key = roomKey(vector);
      const from = await sender();
      const to = await recipient();
      const once = await publicOf(vector.ephemeral_secret, vector.blob);
      assert.equal(await key.wrap(vector.recipient_user_id, to.publicKey, from, once), vector.blob);
      const check = await key.check();
      const opened = await RoomKey.unwrap(...ids, vector.blob, from.publicKey, vector.recipient_user_id, to, check);
      assert.ok(opened.equals(key));
    });

    test(`of chat ${vector.chat_id} open for nobody else, from nobody else, nowhere else`, async () => {
      const from = await sender();
      const to = await recipient();
      const stranger = await newPair();
      const check = await roomKey(vector).check();
      const user = vector.recipient_user_id;
      const changed = fromBase64(vector.blob);
      changed[40] ^= 1;
      const other = await RoomKey.generate(...ids).check();
      const unwrap = (chat, epoch, blob, sentBy, forUser, pair, checked) =>
        assert.rejects(RoomKey.unwrap(chat, epoch, blob, sentBy, forUser, pair, checked), unopenable);
      await unwrap(...ids, vector.blob, stranger.publicKey, user, to, check);
      await unwrap(...ids, vector.blob, from.publicKey, user - 1, to, check);
      await unwrap(...ids, vector.blob, from.publicKey, user, stranger, check);
      await unwrap(vector.chat_id - 1, vector.epoch, vector.blob, from.publicKey, user, to, check);
      await unwrap(vector.chat_id, vector.epoch - 1, vector.blob, from.publicKey, user, to, check);
      await unwrap(...ids, base64(changed), from.publicKey, user, to, check);
      await unwrap(...ids, vector.blob, from.publicKey, user, to, other);
      await unwrap(...ids, vector.blob, from.publicKey, user, to, null);
      await unwrap(...ids, vector.blob.slice(4), from.publicKey, user, to, check);
    });
  }

  test("points of small order are refused", async () => {
    const pair = await newPair();
    for (const first of [0, 1]) {
      const point = new Uint8Array(32);
      point[0] = first;
      await assert.rejects(agree(pair.secret, point), unopenable);
    }
  });
});

/** The ephemeral pair of a blob: its public half is the blob's first 32 bytes. */
const publicOf = (secret, blob) => pairFrom(fromBase64(secret), fromBase64(blob).slice(0, 32));

describe("fingerprints", () => {
  for (const { a, b, fingerprint: digits } of fingerprints) {
    test(`${digits.slice(0, 11)}... whoever asks`, async () => {
      assert.equal(await fingerprint(fromBase64(a), fromBase64(b)), digits);
      assert.equal(await fingerprint(fromBase64(b), fromBase64(a)), digits);
    });
  }
});

describe("envelopes", () => {
  const ct = base64(new Uint8Array(128));

  test("keys in any order and white space between them are read", () => {
    const read = envelope.read(` {"ct" : "${ct}",\n"epoch":17 , "v":3}\t`);
    assert.equal(read.v, 3);
    assert.equal(read.epoch, 17);
    assert.equal(read.ct.length, 128);
  });

  const wrong = {
    "a key twice": `{"v":3,"v":3,"epoch":1,"ct":"${ct}"}`,
    "another key": `{"v":3,"epoch":1,"ct":"${ct}","x":1}`,
    "a key missing": `{"v":3,"ct":"${ct}"}`,
    "a number with a point": `{"v":3.0,"epoch":1,"ct":"${ct}"}`,
    "a number with an exponent": `{"v":3,"epoch":1e0,"ct":"${ct}"}`,
    "a leading zero": `{"v":3,"epoch":01,"ct":"${ct}"}`,
    "an epoch beyond 2^53-1": `{"v":3,"epoch":9007199254740992,"ct":"${ct}"}`,
    "an epoch in quotes": `{"v":3,"epoch":"1","ct":"${ct}"}`,
    "an escape": `{"v":3,"epoch":1,"ct":"\\u0041"}`,
    "an escaped key": `{"\\u0076":3,"epoch":1,"ct":"${ct}"}`,
    "base64 that is not canonical": `{"v":3,"epoch":1,"ct":"AB=="}`,
    "another suite": `{"v":4,"epoch":1,"ct":"${ct}"}`,
    "a comma at the end": `{"v":3,"epoch":1,"ct":"${ct}",}`,
    "something behind it": `{"v":3,"epoch":1,"ct":"${ct}"} x`,
    "another kind of space": `{"v":3,\u00a0"epoch":1,"ct":"${ct}"}`,
    nothing: "{}",
  };
  for (const [what, content] of Object.entries(wrong)) {
    test(`${what} is refused`, () => assert.equal(envelope.read(content), null));
  }

  test("text that is too long is refused", () =>
    assert.equal(envelope.read(`{"v":3,"epoch":1,"ct":"${ct}"}`.padEnd(4097)), null));
});
