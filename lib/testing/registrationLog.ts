import type { SchedulerLike } from 'rxjs';
import type { MemoryServer } from '../backends/memory/index.js';
import { fromNodeName, type ServiceUrl } from '../dubbo/index.js';
import { nameOf, parentOf } from '../internal/path.js';

/** Something that became of a registration. */
export interface RegistrationRecord {
  /** When, in milliseconds after the beginning of the script. */
  readonly atMs: number;
  /** Made; taken back by its maker, or by somebody else; or gone with its maker's session. */
  readonly type: 'registered' | 'released' | 'expired';
  /** What was registered, with all that was added to it. */
  readonly service: ServiceUrl;
}

/** Remembers what clients register on a server. */
export class RegistrationLog {
  readonly history: RegistrationRecord[] = [];
  readonly #present = new Map<string, { readonly service: ServiceUrl; readonly owner: string | undefined }>();

  /**
   * @param root - The directory of the registry.
   * @param isScripted - Whether a node that nobody owns was put there by the script.
   */
  constructor(server: MemoryServer, root: string, scheduler: SchedulerLike, isScripted: (path: string) => boolean) {
    const startedAt = scheduler.now();
    server.events.subscribe((event) => {
      if (event.type !== 'changed') return;
      // Of one transaction, what came is told before what went.
      const nodes = [...event.changes.nodes].sort((a, b) => Number(!server.read(a)) - Number(!server.read(b)));
      const atMs = scheduler.now() - startedAt;
      for (const path of nodes) {
        const node = server.read(path);
        const known = this.#present.get(path);
        if (node && (node.owner !== undefined || !isScripted(path))) {
          if (known && known.owner === node.owner) continue;
          const service = serviceAt(root, path);
          if (!service) continue;
          this.#present.set(path, { service, owner: node.owner });
          this.history.push({ atMs, type: 'registered', service });
        } else if (known) {
          this.#present.delete(path);
          const expired = known.owner !== undefined && !server.sessions.includes(known.owner);
          this.history.push({ atMs, type: expired ? 'expired' : 'released', service: known.service });
        }
      }
    });
  }

  /** What is registered now, in the order in which it came. */
  get present(): readonly ServiceUrl[] {
    return [...this.#present.values()].map(({ service }) => service);
  }
}

/** The service that a node stands for; `undefined` for what stands elsewhere than services do, or cannot be read. */
function serviceAt(root: string, path: string): ServiceUrl | undefined {
  if (parentOf(parentOf(parentOf(path))) !== root) return undefined;
  try {
    return fromNodeName(nameOf(path));
  } catch {
    return undefined;
  }
}
