// The envelope of a message. It takes less than JSON allows: a message has one reading, whoever's JSON library
// reads it. White space between tokens and the order of the keys are free, nothing else.

import { fromBase64 } from "./bytes.js";

const MAX_BYTES = 4096;
const MEMBER = /[ \t\n\r]*"(v|epoch|ct)"[ \t\n\r]*:[ \t\n\r]*(0|[1-9][0-9]{0,15}|"[A-Za-z0-9+/=]*")[ \t\n\r]*(,|$)/y;

/** `{v, epoch, ct}`, with the bytes of `ct`; null for what is no envelope. */
export function read(content) {
  // Every lawful character is one byte.
  if (typeof content !== "string" || content.length > MAX_BYTES) return null;
  const whole = /^[ \t\n\r]*\{([^{}]*)\}[ \t\n\r]*$/.exec(content);
  if (!whole) return null;
  const found = new Map();
  MEMBER.lastIndex = 0;
  for (let more = true; more;) {
    const member = MEMBER.exec(whole[1]);
    if (!member || found.has(member[1])) return null;
    found.set(member[1], member[2]);
    more = member[3] === ",";
  }
  const number = (name) => (/^[0-9]+$/.test(found.get(name)) ? Number(found.get(name)) : NaN);
  const v = number("v");
  const epoch = number("epoch");
  const ct = found.get("ct")?.startsWith('"') ? fromBase64(found.get("ct").slice(1, -1)) : null;
  if ((v !== 2 && v !== 3) || !Number.isSafeInteger(epoch) || !ct) return null;
  return { v, epoch, ct };
}

export const write = (v, epoch, ct) => `{"v":${v},"epoch":${epoch},"ct":"${ct}"}`;
