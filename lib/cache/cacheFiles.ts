import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { quoted } from '../internal/quoted.js';

/** A writer that is at work has written within that time: what is older was left by one that was killed. */
const LEFT_BEHIND_MS = 60_000;

/** Files by key in one directory. */
export class CacheFiles {
  readonly #directory: string;
  readonly #maxBytes: number;
  #isSwept = false;

  /** @param maxBytes - What is larger is not read. */
  constructor(directory: string, maxBytes: number) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  /** What was written last; `undefined` if nothing was. Rejects if that cannot be read, or is no plain file of ours. */
  async read(key: string): Promise<string | undefined> {
    const path = this.#pathOf(key);
    let handle: FileHandle | undefined;
    try {
      // A link may lead anywhere, and to open a pipe may wait for ever.
      const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
      handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      return await this.#contentsOf(handle);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw new Error(`${quoted(path)} cannot be read: ${reasonOf(error)}`, { cause: error });
    } finally {
      await handle?.close();
    }
  }

  /** Writes a text in one step: whoever reads sees it whole, or the one before. */
  async write(key: string, text: string): Promise<void> {
    const path = this.#pathOf(key);
    const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await this.#sweep();
      await writeNew(temporary, text);
      await rename(temporary, path);
      await syncDirectory(this.#directory);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw new Error(`${quoted(path)} cannot be written: ${reasonOf(error)}`, { cause: error });
    }
  }

  async #contentsOf(handle: FileHandle): Promise<string> {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Error('it is no file');
    const uid = process.geteuid?.();
    if (uid !== undefined && stat.uid !== uid && stat.uid !== 0) throw new Error("it is somebody else's");
    if (stat.size > this.#maxBytes) throw new Error(`it has ${stat.size} bytes, more than ${this.#maxBytes}`);
    const bytes = Buffer.alloc(stat.size);
    let length = 0;
    for (let count = 1; count > 0 && length < bytes.length; length += count) {
      ({ bytesRead: count } = await handle.read(bytes, length, bytes.length - length, length));
    }
    return bytes.toString('utf8', 0, length);
  }

  #pathOf(key: string): string {
    return join(this.#directory, `rx-registry-${createHash('sha256').update(key).digest('hex').slice(0, 32)}.cache`);
  }

  /** Removes what writers that were killed have left, once. */
  async #sweep(): Promise<void> {
    if (this.#isSwept) return;
    this.#isSwept = true;
    for (const name of await readdir(this.#directory)) {
      if (!/^rx-registry-[0-9a-f]{32}\.cache\..*\.tmp$/.test(name)) continue;
      const path = join(this.#directory, name);
      const stat = await lstat(path).catch(() => undefined);
      if (stat && stat.mtimeMs + LEFT_BEHIND_MS < Date.now()) await rm(path, { force: true }).catch(() => undefined);
    }
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    // Else a crash of the machine could leave the new name with nothing behind it.
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a rename last; not every system can do that for a directory. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}

/** What is in the way, without the name of the file: `ENOSPC: no space left on device`. */
function reasonOf(error: unknown): string {
  if (codeOf(error) === 'ELOOP' || codeOf(error) === 'EMLINK') return 'it is a symbolic link';
  const message = error instanceof Error ? error.message : String(error);
  return codeOf(error) === undefined ? message : message.split(', ')[0]!;
}
