import { config, Subject } from 'rxjs';
import type { MemoryBackup, MemoryDirection } from '../../../lib/backends/memory/index.js';
import {
  categoriesOf,
  interfaceOfDirectory,
  type ServiceQuery,
  type ServiceUrl,
  toQuery,
} from '../../../lib/dubbo/index.js';
import type { Backend } from '../../../lib/port/index.js';
import type { Registry } from '../../../lib/registry.js';
import { seededRandom } from '../../../lib/testing/seededRandom.js';
import type { HistoryEvent } from '../../support/invariants/index.js';
import { BACKOFF_MS, pathOf, provider, SERVICE, SESSION_MS, World } from '../../support/virtual/index.js';
import { type RecordedConsumer, type RecordedRegistration, Recorder } from './recorder.js';
import { type Habit, REGISTRIES, type Step } from './steps.js';

const OTHER = 'com.acme.Orders';
const DIRECTORY = `/dubbo/${SERVICE}/providers`;
const CLOSE_MS = 2_000;
/** The longest delay of a clean-up, the end of a session, and more attempts than there are answers to lose. */
const REST_MS = SESSION_MS + SESSION_MS + 10 * BACKOFF_MS + 4_000;

/** Few of them, so that registries meet at one path, one key, and one directory. */
const URLS: readonly ServiceUrl[] = [
  provider('a', { weight: '1' }),
  provider('a', { weight: '2' }),
  // A twin: the same instance, another time.
  provider('a', { weight: '1', timestamp: '1700000000001' }),
  provider('b', { weight: '1' }),
  provider('b', { weight: '2' }),
  provider('b', { weight: '1', timestamp: '1700000000002', pid: '2' }),
  provider('a', { weight: '1', dynamic: 'false' }),
  provider('c', { weight: '1', dynamic: 'false' }),
  elsewhere(OTHER, 'a'),
  elsewhere(OTHER, 'b'),
  provider('a', { weight: '1', category: 'routers' }),
  provider('b', { weight: '1', category: 'routers' }),
];

const QUERIES: readonly ServiceQuery[] = [
  { interface: SERVICE },
  { interface: '*' },
  { interface: SERVICE, category: 'providers,routers' },
  { interface: OTHER },
  { interface: SERVICE, category: '*' },
];

const POISON = ['%', 'dubbo%3A%2F%2F', `${'%25'.repeat(40)}2F`, '..%2F..%2F%00'].map((name) => `${DIRECTORY}/${name}`);
const TREES = ['/dubbo', `/dubbo/${SERVICE}`, DIRECTORY, `/dubbo/${OTHER}`];

class OnPurpose extends Error {}

interface Inhabitant {
  readonly name: string;
  readonly backend: Backend;
  readonly registry: Registry;
  readonly slots: (
    | {
        readonly record: RecordedRegistration;
        readonly urls: Subject<ServiceUrl | undefined>;
        /** What it asks for; `undefined` while it is withdrawn. */
        url: ServiceUrl | undefined;
      }
    | undefined
  )[];
  readonly consumers: RecordedConsumer[];
  closed: boolean;
}

/** Some registries on one server, and what befalls them. */
export class Village {
  readonly #world: World;
  readonly #recorder: Recorder;
  readonly #inhabitants: Inhabitant[] = [];
  readonly #faults = new Map<
    string,
    { readonly fault: string; readonly client?: string; readonly stops?: 'messages' | 'answers' | 'server' }
  >();
  readonly #random: () => number;
  readonly #onUnhandledError = config.onUnhandledError;
  #backup: MemoryBackup | undefined;
  #born = 0;
  #closing = 0;

  constructor(options: { readonly latencyMs: number; readonly reorderMs: number; readonly seed: number }) {
    this.#world = new World({ latencyMs: options.latencyMs });
    this.#recorder = new Recorder(this.#world.server, this.#world.time);
    this.#random = seededRandom(options.seed);
    this.#world.server.reorder(options.reorderMs, this.#random);
    config.onUnhandledError = (error: unknown) => {
      if (!(error instanceof OnPurpose)) this.#recorder.add({ kind: 'unhandled', error: String(error) });
    };
    for (let index = 0; index < REGISTRIES; index += 1) this.#inhabitants[index] = this.#settle(index);
    this.#world.time.pass(3 * options.latencyMs);
  }

  /** Everything that happened so far. */
  get history(): readonly HistoryEvent[] {
    return this.#recorder.history;
  }

  async take(step: Step): Promise<void> {
    const { server } = this.#world;
    switch (step.do) {
      case 'register':
        return this.#register(this.#inhabitants[step.who]!, step.slot, URLS[step.url]!);
      case 'move':
        return this.#move(this.#inhabitants[step.who]!, step.slot, URLS[step.url]);
      case 'withdraw':
        return this.#move(this.#inhabitants[step.who]!, step.slot, undefined);
      case 'release':
        return this.#inhabitants[step.who]!.slots[step.slot]?.record.subscription.unsubscribe();
      case 'subscribe':
        return this.#subscribe(this.#inhabitants[step.who]!, QUERIES[step.query]!, step.habit);
      case 'unsubscribe':
        return this.#inhabitants[step.who]!.consumers.shift()?.subscription.unsubscribe();
      case 'close': {
        this.#close(this.#inhabitants[step.who]!);
        this.#inhabitants[step.who] = this.#settle(step.who);
        return;
      }
      case 'expire': {
        if (this.#stands) return;
        this.#moment('expire', this.#inhabitants[step.who]!.name);
        return server.expire(this.#inhabitants[step.who]!.backend);
      }
      case 'cut':
        this.#begins({ fault: 'cut', client: this.#inhabitants[step.who]!.name, stops: 'messages' });
        return server.cut(this.#inhabitants[step.who]!.backend);
      case 'hangUp':
        this.#begins({ fault: 'hang up', client: this.#inhabitants[step.who]!.name, stops: 'answers' });
        return server.hangUp(this.#inhabitants[step.who]!.backend);
      case 'blackHole':
        return this.#hole(this.#inhabitants[step.who]!, step.direction);
      case 'slowDown':
        this.#begins({ fault: `slow ${step.ms}`, client: this.#inhabitants[step.who]!.name });
        return server.slowDown(step.ms, this.#inhabitants[step.who]!.backend);
      case 'healOne':
        if (this.#stopped) return;
        this.#ends(({ client }) => client === this.#inhabitants[step.who]!.name);
        return server.heal(this.#inhabitants[step.who]!.backend);
      case 'heal':
        if (this.#stopped) return;
        this.#ends(({ client }) => client !== undefined);
        return server.heal();
      case 'freeze':
        if (this.#stopped) return;
        this.#begins({ fault: 'freeze', stops: 'server' });
        return server.freeze();
      case 'thaw':
        this.#ends(({ fault }) => fault === 'freeze');
        return server.thaw();
      case 'stop':
        if (this.#stopped) return;
        this.#ends(({ fault }) => fault === 'freeze');
        server.thaw();
        this.#begins({ fault: 'stop', stops: 'server' });
        return server.stop();
      case 'start':
        return this.#start();
      case 'backup':
        this.#backup = server.backup();
        return;
      case 'restore':
      case 'restoreCopy':
      case 'wipe': {
        const backup = step.do === 'wipe' ? undefined : this.#backup;
        this.#moment(backup ? 'restore' : 'wipe');
        return server.restore(backup, step.do === 'restoreCopy' ? 'resumable' : 'orphaned');
      }
      case 'deleteTree':
        return this.#byHand(() => server.remove(TREES[step.what]!));
      case 'compact':
        return this.#byHand(() => server.compact(() => this.#withNode(step.index, (path) => server.remove(path))));
      case 'deleteNode':
        return this.#byHand(() => this.#withNode(step.index, (path) => server.remove(path)));
      case 'deleteAgain':
        return this.#deleteAgain(step);
      case 'writeNode':
        return this.#byHand(() => this.#withNode(step.index, (path) => server.write(path, new Uint8Array([1]))));
      case 'replaceNode':
        return this.#byHand(() =>
          this.#withNode(step.index, (path) => server.change({ remove: [path], create: [path] })),
        );
      case 'poison':
        return this.#byHand(() => this.#toggle(POISON[step.which]!));
      case 'foreign':
        return this.#byHand(() =>
          this.#toggle(pathOf(provider(`foreign${step.which % 2}`, { weight: String(step.which) }))),
        );
      case 'loseAnswers':
      case 'loseNotifications':
      case 'repeatNotifications':
        return server[step.do](step.count);
      case 'delayCleanup':
        return server.delayCleanup(step.ms);
      case 'rest':
        return this.rest();
      case 'pass':
        return this.#pass(step.ms);
    }
  }

  /** Ends every fault, waits until all must have found each other, and counts what there is. */
  async rest(): Promise<void> {
    const { server } = this.#world;
    this.#ends(({ fault }) => fault === 'freeze');
    server.thaw();
    this.#start();
    this.#ends(() => true);
    server.heal();
    server.delayCleanup(0);
    await this.#pass(REST_MS);
    this.#recorder.add({ kind: 'rest' });
    this.#countUp();
    await this.#pass(2 * SESSION_MS);
  }

  /** Everybody lets go of everything, and closes. */
  async end(): Promise<void> {
    for (const { slots, consumers } of this.#inhabitants) {
      for (const slot of slots) slot?.record.subscription.unsubscribe();
      for (const { subscription } of consumers.splice(0)) subscription.unsubscribe();
    }
    await this.rest();
    for (const inhabitant of this.#inhabitants) this.#close(inhabitant);
    await this.#pass(CLOSE_MS + SESSION_MS);
    const { server, time } = this.#world;
    this.#count('sessions', server.sessions.length, 0);
    this.#count('connections', server.connections, 0);
    this.#count('watches', server.watches, 0);
    this.#count('timers', time.timers, 0);
    config.onUnhandledError = this.#onUnhandledError;
  }

  get #stopped(): boolean {
    return this.#faults.has('stop ');
  }

  get #stands(): boolean {
    return this.#stopped || this.#faults.has('freeze ');
  }

  #settle(index: number): Inhabitant {
    this.#born += 1;
    const random = seededRandom(Math.floor(this.#random() * 1_000_000) + this.#born);
    const backend = this.#world.backend({ random });
    const { registry } = this.#world.registry({ retry: { baseMs: 50, maxMs: BACKOFF_MS, random } }, backend);
    const name = `r${index + 1}${'′'.repeat(Math.floor((this.#born - 1) / REGISTRIES) === 0 ? 0 : 1)}${this.#born > REGISTRIES ? this.#born : ''}`;
    this.#recorder.client(name, backend, registry);
    return { name, backend, registry, slots: [], consumers: [], closed: false };
  }

  #register({ name, registry, slots }: Inhabitant, slot: number, url: ServiceUrl): void {
    const taken = slots[slot];
    if (taken && !taken.record.isOver) return;
    const urls = new Subject<ServiceUrl | undefined>();
    slots[slot] = { record: this.#recorder.registration(name, registry, urls), urls, url };
    urls.next(url);
  }

  #move({ slots }: Inhabitant, slot: number, url: ServiceUrl | undefined): void {
    const taken = slots[slot];
    if (!taken || taken.record.isOver || taken.url === url) return;
    taken.url = url;
    taken.urls.next(url);
  }

  #subscribe(inhabitant: Inhabitant, query: ServiceQuery, habit: Habit): void {
    const { name, registry, consumers } = inhabitant;
    let reacted = false;
    const consumer = this.#recorder.consumer(name, registry, query, (self) => {
      if (habit === 'throws') throw new OnPurpose();
      if (habit === 'calm' || reacted || inhabitant.closed) return;
      reacted = true;
      if (habit === 'leaves') self.subscription.unsubscribe();
      if (habit === 'subscribes') this.#subscribe(inhabitant, query, 'calm');
      if (habit === 'registers') this.#register(inhabitant, 0, URLS[3]!);
      if (habit === 'releases') inhabitant.slots[0]?.record.subscription.unsubscribe();
    });
    if (!consumer.isOver()) consumers.push(consumer);
  }

  #close(inhabitant: Inhabitant): void {
    const { name: client, registry } = inhabitant;
    inhabitant.closed = true;
    this.#recorder.add({ kind: 'close', client, change: 'asked', deadlineMs: CLOSE_MS });
    this.#closing += 1;
    void registry.close({ deadlineMs: CLOSE_MS }).then(() => {
      this.#closing -= 1;
      this.#recorder.add({ kind: 'close', client, change: 'done', deadlineMs: CLOSE_MS });
    });
  }

  #hole({ name: client, backend }: Inhabitant, direction: MemoryDirection): void {
    // One hole at a time: another direction is another hole.
    this.#ends((fault) => fault.client === client && fault.fault.startsWith('hole'));
    this.#begins({ fault: `hole ${direction}`, client, stops: direction === 'answers' ? 'answers' : 'messages' });
    this.#world.server.blackHole(backend, direction);
  }

  #start(): void {
    if (!this.#stopped) return;
    this.#ends(({ fault, client }) => fault === 'stop' || client !== undefined);
    this.#world.server.start();
  }

  /** Somebody who insists: one path is deleted whenever it is there. */
  async #deleteAgain(step: {
    readonly index: number;
    readonly times: number;
    readonly everyMs: number;
  }): Promise<void> {
    const { server } = this.#world;
    const nodes = this.#nodes;
    const path = nodes[step.index % nodes.length];
    for (let time = 0; path !== undefined && time < step.times; time += 1) {
      this.#byHand(() => server.read(path) && server.remove(path));
      await this.#pass(step.everyMs);
    }
  }

  /** What somebody else does at a server that answers. */
  #byHand(act: () => void): void {
    if (!this.#stands) act();
  }

  #withNode(index: number, act: (path: string) => void): void {
    const path = this.#nodes[index];
    if (path !== undefined) act(path);
  }

  get #nodes(): readonly string[] {
    return this.#world.server.paths.filter((path) => path.split('/').length === 5);
  }

  #toggle(path: string): void {
    const { server } = this.#world;
    if (server.read(path)) server.remove(path);
    else server.create(path);
  }

  async #pass(ms: number): Promise<void> {
    const { time } = this.#world;
    if (this.#closing > 0) await time.passAsync(ms);
    else time.pass(ms);
  }

  #begins(fault: {
    readonly fault: string;
    readonly client?: string;
    readonly stops?: 'messages' | 'answers' | 'server';
  }): void {
    const id = `${fault.fault} ${fault.client ?? ''}`;
    if (this.#faults.has(id)) return;
    this.#faults.set(id, fault);
    this.#recorder.add({ kind: 'fault', phase: 'begin', ...fault });
  }

  #ends(which: (fault: { readonly fault: string; readonly client?: string }) => boolean): void {
    for (const [id, fault] of [...this.#faults]) {
      if (!which(fault)) continue;
      this.#faults.delete(id);
      this.#recorder.add({ kind: 'fault', phase: 'end', ...fault });
    }
  }

  #moment(fault: string, client?: string): void {
    this.#recorder.add({ kind: 'fault', phase: 'moment', fault, client });
  }

  #countUp(): void {
    const { server } = this.#world;
    this.#count('sessions', server.sessions.length, this.#inhabitants.length);
    this.#count('connections', server.connections, this.#inhabitants.length);
    this.#count(
      'watches',
      server.watches,
      this.#inhabitants.reduce((sum, inhabitant) => sum + this.#watchesOf(inhabitant), 0),
    );
  }

  /**
   * How many watches a registry needs: one for each path it claims, one for each directory it looks at, and one for each place
   * where it looks for applications.
   */
  #watchesOf({ slots, consumers }: Inhabitant): number {
    const claims = slots.flatMap((slot) => (slot?.url && !slot.record.isOver ? [pathOf(slot.url)] : []));
    const directories = consumers.filter(({ isOver }) => !isOver()).flatMap(({ query }) => this.#directoriesOf(query));
    const applications = consumers.filter(({ isOver }) => !isOver()).flatMap(({ query }) => applicationsOf(query));
    return new Set(claims).size + new Set(directories).size + new Set(applications).size;
  }

  #directoriesOf(query: ServiceQuery): string[] {
    const categories = categoriesOf(toQuery(query));
    if (query.interface !== '*') return categories.map((category) => `/dubbo/${query.interface}/${category}`);
    const services = this.#world.server.list('/dubbo').filter(isReadable);
    return ['/dubbo', ...services.flatMap((name) => categories.map((category) => `/dubbo/${name}/${category}`))];
  }

  #count(what: string, have: number, need: number): void {
    this.#recorder.add({ kind: 'count', what, have, need });
  }
}

/** Where a query looks for the applications that provide what it asks for; there are none in a village. */
function applicationsOf(query: ServiceQuery): string[] {
  if (!categoriesOf(toQuery(query)).includes('providers')) return [];
  return [query.interface === '*' ? '/services' : `/dubbo/mapping/${query.interface}`];
}

function isReadable(name: string): boolean {
  try {
    interfaceOfDirectory(name);
    return true;
  } catch {
    return false;
  }
}

function elsewhere(service: string, host: string): ServiceUrl {
  return provider(host).with({ path: service, parameters: { interface: service } });
}
