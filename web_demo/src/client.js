// Calls of the worker's tasks.

const worker = { waiting: new Map(), count: 0 };

/** Starts the worker; the page calls it when its service worker keeps files. */
export function startWorker() {
  worker.port = new Worker("worker.js");
  worker.port.onmessage = ({ data: { id, result, error } }) => {
    const { done, failed } = worker.waiting.get(id);
    worker.waiting.delete(id);
    error ? failed(new Error(error)) : done(result);
  };
  worker.port.onerror = (event) => {
    for (const { failed } of worker.waiting.values()) failed(new Error(`The worker ended: ${event.message}`));
    worker.waiting.clear();
  };
}

/** Runs a task of worker.js; returns its result, or throws an Error with one sentence. */
export function call(task, args = {}, transfer = []) {
  return new Promise((done, failed) => {
    const id = ++worker.count;
    worker.waiting.set(id, { done, failed });
    worker.port.postMessage({ id, task, args }, transfer);
  });
}
