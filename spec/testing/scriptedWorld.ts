import { Subject, Subscription, tap, timer } from 'rxjs';
import { MemoryServer } from '../../lib/backends/memory/index.js';
import type { Session } from '../../lib/port/index.js';
import type { ConnectionLetter } from '../../lib/testing/connectionScript.js';
import { scriptedBackend } from '../../lib/testing/scriptedBackend.js';
import { bytes, text } from '../contract/probe.js';
import type { World, WorldClient } from '../contract/world.js';

/** Clients of one server whose scripts are written while they are played: faults are told as the letters that they lead to. */
export async function scriptedWorld(): Promise<World> {
  const server = new MemoryServer({ expires: false });
  const clients: ScriptedClient[] = [];
  return {
    shortTimeoutMs: 600,
    longTimeoutMs: 10_000,
    client: async (sessionTimeoutMs) => {
      const client = new ScriptedClient(server, sessionTimeoutMs);
      clients.push(client);
      return client;
    },
    expire: async (session) => clients.find((client) => client.session === session)?.expire(),
    knows: async (session) => server.sessions.includes(session.id),
    watches: async () => server.watches,
    create: async (path, data = '') => server.create(path, bytes(data)),
    write: async (path, data) => server.write(path, bytes(data)),
    remove: async (path) => server.remove(path),
    removeTree: async (path) => server.remove(path),
    read: async (path) => {
      const node = server.read(path);
      return node && { data: text(node.data)!, owner: node.owner };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

class ScriptedClient implements WorldClient {
  readonly backend;
  session: Session | undefined;
  readonly #server: MemoryServer;
  readonly #sessionTimeoutMs: number;
  readonly #letters = new Subject<ConnectionLetter>();
  #present: ConnectionLetter = 'c';
  #outage = new Subscription();

  constructor(server: MemoryServer, sessionTimeoutMs: number) {
    this.#server = server;
    this.#sessionTimeoutMs = sessionTimeoutMs;
    const present = () => this.#present;
    const script = {
      get present() {
        return present();
      },
      upcoming: this.#letters,
    };
    const backend = scriptedBackend(server, script, { name: 'script', sessionTimeoutMs });
    this.backend = {
      ...backend,
      states: backend.states.pipe(
        tap((state) => {
          if (state.status === 'connected') this.session = state.session;
        }),
      ),
    };
  }

  cut(): void {
    this.#outage.unsubscribe();
    if (this.session) this.#tell('s');
    this.#outage = this.#withoutServer(this.#sessionTimeoutMs);
  }

  blackHole(session?: Session): void {
    this.#server.blackHole(session?.id);
    const silentMs = this.#sessionTimeoutMs / 2;
    const outage = (this.#outage = new Subscription());
    outage.add(
      timer(silentMs).subscribe(() => {
        this.#tell('s');
        outage.add(this.#withoutServer(silentMs));
      }),
    );
  }

  heal(): void {
    this.#server.heal();
    if (this.#outage.closed) return;
    this.#outage.unsubscribe();
    if (this.#present !== 'c') this.#tell('c');
  }

  expire(): void {
    this.#tell('l');
    this.#tell('c');
  }

  #tell(letter: ConnectionLetter): void {
    this.#present = letter;
    this.#letters.next(letter);
  }

  #withoutServer(lostAfterMs: number): Subscription {
    this.#present = 's';
    return timer(this.session ? lostAfterMs : 0, 20).subscribe((count) =>
      this.#tell(this.session && count === 0 ? 'l' : 'k'),
    );
  }
}
