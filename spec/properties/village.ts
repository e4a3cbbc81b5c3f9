import fc from 'fast-check';
import { Subject } from 'rxjs';
import { instanceKey, type ServiceUrl } from '../../lib/dubbo/index.js';
import { fromNodeName } from '../../lib/dubbo/nodeName.js';
import { DuplicateRegistrationError } from '../../lib/errors.js';
import { ConsumerRecord } from '../support/scenario/consumerRecord.js';
import { type Inhabitant, pathOf, provider, SERVICE, World } from '../support/virtual/index.js';

const REGISTRIES = 3;
const SLOTS = 2;

/** One thing that happens in a {@link Village}. */
export type Step =
  | { readonly do: 'register' | 'move'; readonly who: number; readonly slot: number; readonly url: ServiceUrl }
  | { readonly do: 'release'; readonly who: number; readonly slot: number }
  | { readonly do: 'subscribe' | 'unsubscribe' | 'cut' | 'blackHole' | 'expire'; readonly who: number }
  | { readonly do: 'heal' | 'freeze' | 'thaw' | 'stop' | 'start' | 'deleteTree' }
  | { readonly do: 'loseAnswers'; readonly count: number }
  | { readonly do: 'deleteNode'; readonly index: number }
  | { readonly do: 'pass'; readonly ms: number };

const who = fc.nat(REGISTRIES - 1);
const slot = fc.nat(SLOTS - 1);
// Few of them, so that registries meet at one path, one key, and one directory.
const url = fc
  .record({ host: fc.constantFrom('a', 'b'), weight: fc.constantFrom('1', '2') })
  .map(({ host, weight }) => provider(host, { weight }));

export const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('register', 'move'), who, slot, url }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release'), who, slot }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('subscribe', 'unsubscribe', 'cut', 'blackHole', 'expire'), who }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('heal', 'heal', 'freeze', 'thaw', 'stop', 'start', 'deleteTree') }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('loseAnswers'), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deleteNode'), index: fc.nat(5) }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.constantFrom(0, 1, 5, 20, 100, 400, 1_000, 2_500, 4_000) }),
  },
);

interface Slot {
  readonly urls: Subject<ServiceUrl>;
  readonly release: () => void;
  wanted: ServiceUrl | undefined;
}

interface View {
  readonly consumer: ConsumerRecord;
  readonly unsubscribe: () => void;
}

/** Some registries on one server, of which everything that anybody was told is checked. */
export class Village {
  readonly world: World;
  readonly registries: readonly Inhabitant[];
  readonly #slots: (Slot | undefined)[][];
  readonly #views: View[][];
  readonly #flaws: string[] = [];
  #stopped = false;

  constructor(latencyMs: number) {
    this.world = new World({ latencyMs });
    this.registries = Array.from({ length: REGISTRIES }, (_, index) =>
      // Everybody draws differently: in one step, two could wait for each other for ever.
      this.world.registry({}, this.world.backend({ random: () => (index + 1) / (REGISTRIES + 1) })),
    );
    this.#slots = this.registries.map(() => []);
    this.#views = this.registries.map(() => []);
    this.world.time.pass(3 * latencyMs);
  }

  take(step: Step): void {
    const { server, time } = this.world;
    switch (step.do) {
      case 'register':
        return this.#register(step.who, step.slot, step.url);
      case 'move': {
        const taken = this.#slots[step.who]![step.slot];
        if (taken?.wanted) {
          taken.wanted = step.url;
          taken.urls.next(step.url);
        }
        return;
      }
      case 'release':
        return this.#slots[step.who]![step.slot]?.release();
      case 'subscribe':
        return this.#subscribe(step.who);
      case 'unsubscribe':
        return this.#views[step.who]!.shift()?.unsubscribe();
      case 'cut':
      case 'blackHole':
      case 'expire': {
        const id = this.registries[step.who]!.states.sessionId;
        if (id !== undefined) server[step.do](id);
        return;
      }
      case 'heal':
        if (!this.#stopped) server.heal();
        return;
      case 'freeze':
        if (!this.#stopped) server.freeze();
        return;
      case 'thaw':
        return server.thaw();
      case 'stop':
        if (this.#stopped) return;
        server.thaw();
        server.stop();
        this.#stopped = true;
        return;
      case 'start':
        return this.#start();
      case 'deleteTree':
        return server.remove('/dubbo');
      case 'loseAnswers':
        return server.loseAnswers(step.count);
      case 'deleteNode': {
        const name = this.world.providers()[step.index];
        if (name !== undefined) server.remove(`/dubbo/${SERVICE}/providers/${name}`);
        return;
      }
      case 'pass':
        return time.pass(step.ms);
    }
  }

  /** What broke an invariant that holds at every moment. */
  get flaws(): string[] {
    return [
      ...this.#flaws,
      ...this.registries.flatMap(({ states }) => states.flaws.map((flaw) => `legal states: ${flaw}`)),
      ...this.#views
        .flat()
        .flatMap(({ consumer }) => [
          ...consumer.flaws.map((flaw) => `legal events: ${flaw}`),
          ...(consumer.error instanceof Error ? [`a consumer errored: ${consumer.error.message}`] : []),
        ]),
    ];
  }

  /** Ends every fault. */
  mend(): void {
    this.world.server.thaw();
    if (this.#stopped) this.#start();
    this.world.server.heal();
  }

  /** The nodes that live registrations want, each once. */
  get wanted(): string[] {
    return [...new Set(this.#live.flat().map((url) => pathOf(url)))].sort();
  }

  /** The nodes that there are, with who owns them and how often they were written. */
  get nodes(): { readonly path: string; readonly owner: string | undefined; readonly version: bigint }[] {
    const { server } = this.world;
    return this.world
      .providers()
      .map((name) => server.read(`/dubbo/${SERVICE}/providers/${name}`)!)
      .map(({ path, owner, version }) => ({ path, owner, version }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** The instances that the nodes stand for. */
  get instances(): string[] {
    return [...new Set(this.world.providers().map((name) => instanceKey(fromNodeName(name))))].sort();
  }

  /** What each consumer knows, by key and weight. */
  get views(): string[][] {
    return this.#views.flat().map(({ consumer }) => consumer.services.map((service) => describe(service)).sort());
  }

  /** The keys that each consumer knows. */
  get knownKeys(): string[][] {
    return this.#views.flat().map(({ consumer }) => consumer.services.map(instanceKey).sort());
  }

  /** How many watches all of this needs: one for each path a registry claims, one for each registry that looks. */
  get neededWatches(): number {
    const claims = this.#live.map((urls) => new Set(urls.map((url) => pathOf(url))).size);
    const looking = this.#views.filter((views) => views.length > 0).length;
    return claims.reduce((sum, count) => sum + count, looking);
  }

  /** Everybody lets go of everything. */
  leave(): void {
    for (const slots of this.#slots) for (const slot of slots) slot?.release();
    for (const views of this.#views) views.splice(0).forEach((view) => view.unsubscribe());
  }

  get #live(): ServiceUrl[][] {
    return this.#slots.map((slots) => slots.flatMap((slot) => slot?.wanted ?? []));
  }

  #start(): void {
    if (this.#stopped) this.world.server.start();
    this.#stopped = false;
  }

  #register(index: number, slotIndex: number, url: ServiceUrl): void {
    const slots = this.#slots[index]!;
    if (slots[slotIndex]?.wanted) return;
    const urls = new Subject<ServiceUrl>();
    const registration = this.registries[index]!.registry.register(urls).subscribe({
      error: (error: unknown) => {
        // Two slots of one registry may not want one key; anything else must never end a registration.
        if (!(error instanceof DuplicateRegistrationError))
          this.#flaws.push(`a registration errored: ${String(error)}`);
        slot.wanted = undefined;
      },
    });
    const slot: Slot = {
      urls,
      wanted: url,
      release: () => {
        slot.wanted = undefined;
        registration.unsubscribe();
      },
    };
    slots[slotIndex] = slot;
    urls.next(url);
  }

  #subscribe(index: number): void {
    const { registry, states } = this.registries[index]!;
    const consumer = new ConsumerRecord(registry, { interface: SERVICE });
    // What is replayed to one that comes late may come during an outage, anything after that may not.
    let late = true;
    const watch = registry.instances({ interface: SERVICE }).subscribe({
      next: () => {
        if (!late && states.status !== 'connected') this.#flaws.push(`no empty push: told while ${states.status}`);
      },
      error: () => undefined,
    });
    late = false;
    this.#views[index]!.push({
      consumer,
      unsubscribe: () => {
        consumer.unsubscribe();
        watch.unsubscribe();
      },
    });
  }
}

function describe(service: ServiceUrl): string {
  return `${instanceKey(service)} ${service.parameter('weight')}`;
}
