const cleanups = new Set<() => void>();

/** Has something undone, synchronously, if this process ends before the returned function is called. */
export function onProcessEnd(cleanup: () => void): () => void {
  if (cleanups.size === 0) listen();
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
}

let listening = false;

function listen(): void {
  if (listening) return;
  listening = true;
  process.once('exit', cleanUp);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      cleanUp();
      // A listener keeps the signal from ending the process: if nobody else has a use for it, let it.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    });
  }
}

function cleanUp(): void {
  for (const cleanup of cleanups) cleanup();
  cleanups.clear();
}
