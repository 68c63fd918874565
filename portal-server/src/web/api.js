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

export const get = (path) => ask("GET", path);
export const post = (path, body) => ask("POST", path, body);
