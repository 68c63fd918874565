// What this browser keeps: its key pair, room keys, the public keys it has seen, how far each chat was read.
// Secrets stay here; signing out wipes all of it.

const NAME = "portal";
const STORES = { own: undefined, room_keys: ["chat", "epoch"], known: ["user", "key"], read: "chat" };

let opening = null;

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      for (const [name, keyPath] of Object.entries(STORES)) {
        request.result.createObjectStore(name, keyPath ? { keyPath } : undefined);
      }
    };
    request.onsuccess = () => {
      // Another tab may sign out, and then everything goes.
      request.result.onversionchange = () => {
        request.result.close();
        opening = null;
      };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  return opening;
}

async function run(store, mode, work) {
  const db = await database();
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(store, mode);
    const request = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

export const read = (store, key) => run(store, "readonly", (rows) => rows.get(key));
export const all = (store, range) => run(store, "readonly", (rows) => rows.getAll(range));
export const write = (store, value, key) => run(store, "readwrite", (rows) => rows.put(value, key));
export const remove = (store, key) => run(store, "readwrite", (rows) => rows.delete(key));

/** Everything of one chat. */
export const ofChat = (chat) => IDBKeyRange.bound([chat], [chat, []]);

/** The value at a key if it is good, or else the given one, stored: of several tabs one is first. */
export async function settle(store, key, value, isGood) {
  const db = await database();
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(store, "readwrite");
    const rows = transaction.objectStore(store);
    let settled = value;
    rows.get(key).onsuccess = ({ target }) => {
      if (isGood(target.result)) settled = target.result;
      else rows.put(value, key);
    };
    transaction.oncomplete = () => resolve(settled);
    transaction.onabort = () => reject(transaction.error);
  });
}

export async function wipe() {
  const db = await database();
  await new Promise((resolve, reject) => {
    const transaction = db.transaction(Object.keys(STORES), "readwrite");
    for (const name of Object.keys(STORES)) transaction.objectStore(name).clear();
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
}
