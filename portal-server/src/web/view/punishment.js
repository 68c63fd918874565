// What was done to a person, as they and staff read it.

import { moment } from "../words.js";
import { row } from "./rows.js";

const KINDS = {
  kick: "Removed",
  mute: "Muted",
  ban: "Banned",
  hard_mute: "Muted everywhere",
  timeout: "Timed out",
  platform_ban: "Banned from the platform",
  warn: "Warned",
  block: "Not matched any more",
};

/** What a kind of punishment is called. */
export const punishmentName = (kind) => KINDS[kind] ?? kind;

function term({ kind, holds, until, lifted_at: lifted }) {
  if (kind === "kick" || kind === "warn") return null;
  if (holds) return until ? `until ${moment(until)}` : "until it is lifted";
  return lifted ? `lifted or replaced ${moment(lifted)}` : `over since ${moment(until)}`;
}

/** One punishment as a row. */
export function punishment(one, ...acts) {
  const where = one.chat_id && `in chat ${one.chat_id}`;
  const about = [where, moment(one.at), term(one)].filter(Boolean).join(" · ");
  return row(punishmentName(one.kind), [about, one.reason && `“${one.reason}”`], ...acts);
}
