// Bytes and text, as the encryption wants them: exact, and nothing accepted twice.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const utf8 = (text) => encoder.encode(text);

/** Throws for what is not UTF-8. */
export const text = (bytes) => decoder.decode(bytes);

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** 8 bytes, big-endian. */
export function u64(number) {
  if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`${number} is no id`);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}

export function base64(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** The bytes of canonical base64, or null. */
export function fromBase64(given) {
  if (typeof given !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(given) || given.length % 4) return null;
  let binary;
  try {
    binary = atob(given);
  } catch {
    return null;
  }
  // The bits that the last character does not use have to be zero: one text for the same bytes.
  if (btoa(binary) !== given) return null;
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

/** Whether they are the same, in a time that does not tell where they differ. */
export function same(a, b) {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at += 1) difference |= a[at] ^ b[at];
  return difference === 0;
}

/** Below, equal, above: the order of unsigned bytes. */
export function compare(a, b) {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    if (a[at] !== b[at]) return a[at] - b[at];
  }
  return a.length - b.length;
}
