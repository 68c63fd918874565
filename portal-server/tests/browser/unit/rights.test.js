// What the page offers, beside the table of SPEC 4.1 and 4.2.

import assert from "node:assert/strict";
import { test } from "node:test";

import { mayActOn, mayEverywhere, rights } from "../../../src/web/rights.js";

const person = (id, role = "user", more = {}) => ({ id, role, stranger: false, ...more });
const chat = (chat_type, owner) => ({ chat_type, owner });
const owner = { id: 1, role: "user" };

test("an owner does everything in the own chat, spec 4.1", () => {
  for (const type of ["PUBLIC", "PRIVATE"]) {
    const may = rights(person(1), chat(type, 1), owner);
    assert.ok(may.talk && may.isOwner && may.configure && may.moderate && may.destroy);
  }
});

test("a member talks and no more, spec 4.1", () => {
  const may = rights(person(2), chat("PRIVATE", 1), owner);
  const { talk, ...more } = may;
  assert.ok(talk);
  assert.deepEqual(Object.values(more).filter(Boolean), []);
});

test("staff configure open chats below them, not private ones, spec 4.1", () => {
  const admin = person(3, "admin");
  assert.ok(rights(admin, chat("PUBLIC", 1), owner).configure);
  assert.ok(rights(admin, chat("PUBLIC", 1), owner).moderate);
  assert.ok(!rights(admin, chat("PUBLIC", 1), owner).destroy);
  assert.ok(!rights(admin, chat("PRIVATE", 1), owner).configure);
  assert.ok(rights(admin, chat("PRIVATE", 1), owner).destroy);
  assert.ok(!rights(admin, chat("OFFICIAL", 4), { id: 4, role: "admin" }).moderate);
});

test("a browser is run by the owner and the platform's owner alone, spec 4.1", () => {
  for (const type of ["OFFICIAL", "PUBLIC", "PRIVATE"]) {
    assert.ok(rights(person(1), chat(type, 1), owner).run);
    assert.ok(rights(person(9, "owner"), chat(type, 1), owner).run);
    assert.ok(!rights(person(3, "admin"), chat(type, 1), owner).run);
    assert.ok(!rights(person(2), chat(type, 1), owner).run);
  }
  assert.ok(!rights(person(9, "owner"), chat("DIRECT", null), null).run);
});

test("nobody moderates a match, and visitors only look on elsewhere, spec 1.8 and 4.1", () => {
  assert.ok(!rights(person(3, "owner"), chat("DIRECT", null), null).moderate);
  const visitor = person(5, "user", { stranger: true });
  assert.ok(rights(visitor, chat("DIRECT", null), null).talk);
  assert.ok(!rights(visitor, chat("PUBLIC", 1), owner).talk);
  assert.ok(!rights(null, chat("PUBLIC", 1), owner).talk);
});

test("an owner acts on whoever is not above, others on whoever is below, spec 4.2", () => {
  const own = chat("PUBLIC", 1);
  assert.ok(mayActOn(person(1), own, person(2)));
  assert.ok(!mayActOn(person(1), own, person(1)));
  assert.ok(!mayActOn(person(1), own, person(2, "moderator")));
  assert.ok(mayActOn(person(3, "moderator"), own, person(2)));
  assert.ok(!mayActOn(person(3, "moderator"), own, person(4, "moderator")));
});

test("a chat is given away by its owner, open ones by the platform's owner too, spec 3.7 and 4.1", () => {
  assert.ok(rights(person(1), chat("PRIVATE", 1), owner).give);
  assert.ok(rights(person(9, "owner"), chat("PUBLIC", 1), owner).give);
  assert.ok(!rights(person(9, "owner"), chat("PRIVATE", 1), owner).give);
  assert.ok(!rights(person(3, "admin"), chat("PUBLIC", 1), owner).give);
  assert.ok(!rights(person(2), chat("PRIVATE", 1), owner).give);
});

test("moderators warn and time out whoever is below, admins do more, spec 4.3", () => {
  const may = (me, other) => Object.entries(mayEverywhere(me, other)).filter(([, is]) => is).map(([act]) => act);
  assert.deepEqual(may(person(3, "moderator"), person(2)), ["warn", "timeout"]);
  assert.deepEqual(may(person(3, "admin"), person(2)), ["warn", "timeout", "mute", "ban", "tier"]);
  for (const [me, other] of [
    [person(2), person(4)],
    [person(3, "moderator"), person(4, "moderator")],
    [person(3, "admin"), person(3, "admin")],
    [person(3, "admin"), person(4, "owner")],
  ])
    assert.deepEqual(may(me, other), []);
});
