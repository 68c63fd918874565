// HTTP: one function, the server's errors as exceptions.

export class Refused extends Error {
  constructor(error) {
    super(error.message);
    Object.assign(this, error);
  }
}

export const offline = () => new Refused({ code: "OFFLINE", message: "The server does not answer." });

export async function ask(method, path, body) {
  const options = { method, credentials: "same-origin", headers: {} };
  if (method !== "GET") {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body ?? {});
  }
  let response;
  let answer;
  try {
    response = await fetch(`/v1/${path}`, options);
    answer = await response.json();
  } catch {
    throw offline();
  }
  if (!response.ok) throw new Refused(answer.error);
  return answer;
}

/** How long a read waits by itself when it comes too fast, and how often. */
const PATIENCE = 10_000;
const TRIES = 3;

export async function get(path) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask("GET", path);
    } catch (error) {
      if (error.code !== "ERR_RATE_LIMITED" || error.retry_after_ms > PATIENCE || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, error.retry_after_ms));
    }
  }
}

export const post = (path, body) => ask("POST", path, body);
