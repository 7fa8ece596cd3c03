// The sound of long recordings, kept in this browser for a reload of the page.

const DATABASE = "routelets";
const STORE = "sounds";
/** Bytes that are kept in all; the oldest go first. */
const LIMIT = 200_000_000;

function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Calls `work` with the store. A browser may forbid or lack one: then the answer is `undefined`. */
async function within(mode, work) {
  try {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "id" });
    const database = await answer(opening);
    try {
      return await work(database.transaction(STORE, mode).objectStore(STORE));
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}

/** Keeps the file of a job, and returns whether it could. */
export async function keepSound(id, file) {
  if (file.size > LIMIT) return false;
  const isKept = await within("readwrite", async (store) => {
    const all = (await answer(store.getAll())).sort((a, b) => b.at - a.at);
    let size = file.size;
    for (const sound of all) {
      size += sound.file.size;
      if (size > LIMIT) store.delete(sound.id);
    }
    await answer(store.put({ id, file, at: Date.now() }));
    return true;
  });
  return isKept ?? false;
}

/** The file of a job, if it was kept. */
export const soundOf = async (id) => (await within("readonly", (store) => answer(store.get(id))))?.file;

/** Deletes the file of a job. */
export const forgetSound = (id) => within("readwrite", (store) => answer(store.delete(id)));

/** Deletes the files of all jobs but these. */
export function keepOnly(ids) {
  return within("readwrite", async (store) => {
    for (const id of await answer(store.getAllKeys())) if (!ids.includes(id)) store.delete(id);
  });
}
