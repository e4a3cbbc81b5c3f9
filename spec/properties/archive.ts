import fc from 'fast-check';
import { map } from 'rxjs';
import type { ConfigCenter } from '../../lib/config/configCenter.js';
import type { ConfigValue } from '../../lib/config/configValue.js';
import { createConfigCenter } from '../../lib/createConfigCenter.js';
import { RegistryError } from '../../lib/errors.js';
import type { Backend } from '../../lib/port/index.js';
import { StatesTrace, World } from '../support/virtual/index.js';

const CENTRES = 3;
const PATH = '/dubbo/config/dubbo/key';
/** So few that several write the same on the same version. */
const CONTENTS = ['a', 'b'] as const;

/** One thing that happens in an {@link Archive}. */
export type Step =
  | { readonly do: 'publish' | 'publishIfKnown'; readonly who: number; readonly content: string }
  | { readonly do: 'remove' | 'removeIfKnown' | 'watch' | 'unwatch'; readonly who: number }
  | { readonly do: 'cut' | 'blackHole' | 'expire'; readonly who: number }
  | { readonly do: 'heal' | 'freeze' | 'thaw' | 'stop' | 'start' | 'compact' | 'writeByHand' | 'removeByHand' }
  | { readonly do: 'loseAnswers'; readonly count: number }
  | { readonly do: 'pass'; readonly ms: number };

const who = fc.nat(CENTRES - 1);
const content = fc.constantFrom(...CONTENTS);

export const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('publish'), who, content }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('publishIfKnown'), who, content }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('remove', 'removeIfKnown', 'removeIfKnown'), who }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('watch', 'watch', 'unwatch'), who }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('cut', 'blackHole', 'expire'), who }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('heal', 'heal', 'freeze', 'thaw', 'stop', 'start', 'compact', 'writeByHand', 'removeByHand'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('loseAnswers'), count: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.constantFrom(0, 1, 5, 20, 100, 400, 1_000, 4_000) }),
  },
);

/** A write, and what became of it. */
interface Write {
  readonly content: string | undefined;
  readonly conditional: boolean;
  outcome: 'under way' | 'done' | 'refused' | 'unknown';
  /** The version that it was told to have got. */
  version?: bigint;
}

interface Reader {
  readonly told: ConfigValue[];
  readonly stop: () => void;
}

/** Some configuration centres on one server, who read and write one key. */
export class Archive {
  readonly world: World;
  readonly flaws: string[] = [];
  readonly #backends: readonly Backend[];
  readonly #centres: readonly ConfigCenter[];
  readonly #states: readonly StatesTrace[];
  readonly #readers: Reader[][] = [];
  readonly #known: (ConfigValue | undefined)[] = [];
  readonly #writes: Write[] = [];
  /** What the key was, one after the other, and whether it was we who wrote it. */
  readonly #history: { readonly content: string | undefined; readonly version: bigint | undefined; ours: boolean }[] =
    [];
  #byHand = false;
  #stopped = false;

  constructor(latencyMs: number) {
    this.world = new World({ latencyMs });
    const { server, time } = this.world;
    this.#backends = Array.from({ length: CENTRES }, (_, index) =>
      this.world.backend({ random: () => (index + 1) / (CENTRES + 1) }),
    );
    this.#centres = this.#backends.map((backend) =>
      createConfigCenter(backend, { retry: { baseMs: 50, maxMs: 500, random: () => 0.5 }, timeoutMs: 20_000 }),
    );
    this.#states = this.#centres.map(({ states }) => new StatesTrace(states, time.scheduler));
    server.events.subscribe((event) => {
      if (event.type !== 'changed' || !event.changes.nodes.has(PATH)) return;
      const node = server.read(PATH);
      const content = node && Buffer.from(node.data).toString();
      this.#history.push({ content, version: node?.version, ours: !this.#byHand });
    });
    for (const centre of this.#centres.keys()) this.#watch(centre);
    time.pass(3 * latencyMs);
  }

  async take(step: Step): Promise<void> {
    const { server, time } = this.world;
    switch (step.do) {
      case 'publish':
      case 'publishIfKnown':
        return this.#publish(step.who, step.content, step.do === 'publishIfKnown');
      case 'remove':
      case 'removeIfKnown':
        return this.#remove(step.who, step.do === 'removeIfKnown');
      case 'watch':
        return this.#watch(step.who);
      case 'unwatch':
        return this.#readers[step.who]?.shift()?.stop();
      case 'cut':
      case 'blackHole':
        return server[step.do](this.#backends[step.who]);
      case 'expire':
        return server.expire(this.#backends[step.who]!);
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
      case 'compact':
        return server.compact(() => this.#write());
      case 'writeByHand':
        return this.#write();
      case 'removeByHand':
        return this.#atServer(() => server.remove(PATH));
      case 'loseAnswers':
        return server.loseAnswers(step.count);
      case 'pass':
        return time.passAsync(step.ms);
    }
  }

  /** Ends every fault. */
  mend(): void {
    this.world.server.thaw();
    this.#start();
    this.world.server.heal();
  }

  /** What the key holds, and what everybody who watches it was told last. */
  get views(): { readonly held: string | undefined; readonly told: (string | undefined)[] } {
    const node = this.world.server.read(PATH);
    const nameOf = (content: string, version: bigint): string => `${content}@${version}`;
    return {
      held: node && nameOf(Buffer.from(node.data).toString(), node.version),
      told: this.#readers.flat().map(({ told }) => {
        const last = told.at(-1);
        return last?.present ? nameOf(last.content, last.version) : last && undefined;
      }),
    };
  }

  /** How many centres watch. */
  get watching(): number {
    return this.#readers.filter((readers) => readers.length > 0).length;
  }

  get statuses(): (string | undefined)[] {
    return this.#states.map(({ status }) => status);
  }

  /** Holds what writers were told against what happened. */
  judgeWrites(): string[] {
    const flaws: string[] = [];
    const conditional = this.#writes.filter((write) => write.conditional && write.content !== undefined);
    const versions = new Set<bigint>();
    for (const { content, version, outcome } of this.#writes) {
      if (outcome === 'under way') flaws.push(`a write of ${content} is still under way`);
      if (outcome !== 'done' || content === undefined) continue;
      const made = this.#history.find((each) => each.version === version);
      if (made?.content !== content)
        flaws.push(`${content} is said to have version ${version}, which is ${made?.content}`);
    }
    for (const { version, outcome } of conditional) {
      if (outcome !== 'done') continue;
      if (versions.has(version!)) flaws.push(`two were told that version ${version} is theirs`);
      versions.add(version!);
    }
    // Those without a condition are of other contents.
    for (const content of CONTENTS) {
      const made = this.#history.filter((each) => each.ours && each.content === content).length;
      const count = (outcome: Write['outcome']): number =>
        conditional.filter((write) => write.content === content && write.outcome === outcome).length;
      const done = count('done');
      const unknown = count('unknown');
      if (made < done || made > done + unknown) {
        flaws.push(`${content} was written ${made} times; ${done} were told so, ${unknown} do not know`);
      }
    }
    return flaws;
  }

  async close(): Promise<void> {
    for (const readers of this.#readers) for (const { stop } of readers.splice(0)) stop();
    await this.world.time.settle(Promise.all(this.#centres.map((centre) => centre.close())));
    this.flaws.push(...this.#states.flatMap((states) => states.flaws.map((flaw) => `legal states: ${flaw}`)));
  }

  #watch(index: number): void {
    const told: ConfigValue[] = [];
    let late = true;
    const flaw = (what: string): void => void this.flaws.push(`${what}: ${describe(told)}`);
    const centre = this.#centres[index]!;
    const subscription = centre
      .watch('key')
      .pipe(map((value) => (this.#known[index] = value)))
      .subscribe({
        next: (value) => {
          const last = told.at(-1);
          told.push(value);
          if (last && last.version === value.version) flaw('told twice');
          const before = told.slice(0, -1).findLast(({ present }) => present);
          if (value.present && before && value.version <= before.version!) flaw('a version fell');
          if (!late && this.#states[index]!.status !== 'connected') flaw(`told while ${this.#states[index]!.status}`);
        },
        error: (error: unknown) => flaw(`errored with ${String(error)}`),
      });
    late = false;
    (this.#readers[index] ??= []).push({ told, stop: () => subscription.unsubscribe() });
  }

  #publish(index: number, letter: string, conditional: boolean): void {
    const content = conditional ? letter : `free ${letter}`;
    const ifVersion = this.#known[index]?.version ?? 'absent';
    this.#follow(
      { content, conditional, outcome: 'under way' },
      this.#centres[index]!.publish('key', content, conditional ? { ifVersion } : {}).then(({ version }) => version),
    );
  }

  #remove(index: number, conditional: boolean): void {
    const version = this.#known[index]?.version;
    if (conditional && version === undefined) return;
    this.#follow(
      { content: undefined, conditional, outcome: 'under way' },
      this.#centres[index]!.remove('key', conditional ? { ifVersion: version! } : {}).then(() => undefined),
    );
  }

  #follow(write: Write, promise: Promise<bigint | undefined>): void {
    this.#writes.push(write);
    promise.then(
      (version) => {
        write.outcome = 'done';
        if (version !== undefined) write.version = version;
      },
      (error: unknown) => {
        const code = error instanceof RegistryError ? error.code : String(error);
        write.outcome = code === 'VERSION_CONFLICT' ? 'refused' : 'unknown';
        if (!['VERSION_CONFLICT', 'OUTCOME_UNKNOWN', 'TIMEOUT'].includes(code))
          this.flaws.push(`rejected with ${code}`);
      },
    );
  }

  #write(): void {
    const { server } = this.world;
    this.#atServer(() => {
      if (server.read(PATH)) server.write(PATH, Buffer.from('by hand'));
      else server.create(PATH, Buffer.from('by hand'));
    });
  }

  #atServer(work: () => void): void {
    this.#byHand = true;
    work();
    this.#byHand = false;
  }

  #start(): void {
    if (this.#stopped) this.world.server.start();
    this.#stopped = false;
  }
}

function describe(told: readonly ConfigValue[]): string {
  return told.map(({ content, version }) => `${content}@${version}`).join(', ');
}
