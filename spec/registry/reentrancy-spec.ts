import { config, finalize, type Observable, switchMap, throwError, timer } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLink } from '../../lib/backends/memory/memory.js';
import type { ConfigCenter } from '../../lib/config/configCenter.js';
import { connect } from '../../lib/connection/index.js';
import { createConfigCenter } from '../../lib/createConfigCenter.js';
import { RegistryError } from '../../lib/errors.js';
import type { Registry } from '../../lib/registry.js';
import {
  BACKOFF_MS,
  type Inhabitant,
  provider,
  REST_MS,
  SERVICE,
  SESSION_MS,
  World,
} from '../support/virtual/index.js';

const QUERY = { interface: SERVICE };
const [FIRST, SECOND, FROM_WITHIN] = [provider('first'), provider('second'), provider('from-within')];

/** The stream in whose callback something is called. */
const STREAMS: Readonly<Record<string, (registry: Registry, config: ConfigCenter) => Observable<unknown>>> = {
  register: (registry) => registry.register(provider('observed')),
  subscribe: (registry) => registry.subscribe(QUERY),
  instances: (registry) => registry.instances(QUERY),
  states: (registry) => registry.states,
  'config.watch': (_, center) => center.watch('a'),
  'config.states': (_, center) => center.states,
};

const CALLBACKS = ['next', 'error', 'complete', 'finalize'] as const;

/** What is called there. */
const CALLS: Readonly<Record<string, (registry: Registry, config: ConfigCenter, refused: () => void) => void>> = {
  register: (registry, _, refused) => void registry.register(FROM_WITHIN).subscribe({ error: refused }),
  'register again and again': (registry, _, refused) => {
    const again = registry.register(FROM_WITHIN);
    for (let round = 0; round < 3; round += 1) again.subscribe({ error: refused }).unsubscribe();
    again.subscribe({ error: refused });
  },
  subscribe: (registry) => void registry.subscribe(QUERY).subscribe({ error: () => undefined }),
  instances: (registry) => void registry.instances(QUERY).subscribe({ error: () => undefined }),
  states: (registry) => void registry.states.subscribe({ error: () => undefined }),
  lookup: (registry) => void registry.lookup(QUERY).catch(() => undefined),
  provide: (registry, _, refused) => {
    registry.provide(FROM_WITHIN).then(({ states }) => void states.subscribe({ error: refused }), refused);
  },
  close: (registry) => void registry.close(),
  'config.watch': (_, center) => void center.watch('b').subscribe({ error: () => undefined }),
  'config.close': (_, center) => void center.close(),
};

/** What happens meanwhile; `refuses` is whether the registry refuses us, as one whose password was changed. */
const ENDINGS: Readonly<Record<string, (stage: Stage) => void>> = {
  'while nothing happens': () => undefined,
  'while the registry refuses us': (stage) => {
    stage.refuses = true;
    stage.world.server.expire(stage.mine.backend);
    stage.pass(REST_MS);
    stage.refuses = false;
  },
  'from the first attempt on, while the registry refuses us': () => undefined,
  'during an outage': (stage) => {
    stage.world.server.cut();
    stage.pass(SESSION_MS / 2);
    stage.world.server.heal();
  },
  'when the session is lost': (stage) => {
    stage.world.server.cut();
    stage.pass(3 * SESSION_MS);
    stage.world.server.heal();
  },
  'during close': (stage) => void stage.mine.registry.close(),
  'during close in an outage': (stage) => {
    stage.world.server.cut();
    void stage.mine.registry.close();
    stage.pass(SESSION_MS);
    stage.world.server.heal();
  },
};

class Stage {
  readonly world = new World({ latencyMs: 1 });
  readonly mine: Inhabitant;
  readonly center: ConfigCenter;
  refuses = false;
  /** Whether somebody has closed the registry. */
  closed = false;

  constructor(refuses: boolean) {
    this.refuses = refuses;
    const { server, time } = this.world;
    const backend = connect(
      (previous) =>
        this.refuses
          ? timer(1, time.scheduler).pipe(
              switchMap(() => throwError(() => new RegistryError('NOT_AUTHORIZED', 'The password is wrong.'))),
            )
          : openLink(server, backend, previous, SESSION_MS),
      { name: 'memory', sessionTimeoutMs: SESSION_MS, scheduler: time.scheduler, reconnect: { maxMs: BACKOFF_MS } },
    );
    this.mine = this.world.registry({}, backend);
    const { registry } = this.mine;
    const close = registry.close.bind(registry);
    registry.close = (options) => {
      this.closed = true;
      return close(options);
    };
    this.center = createConfigCenter(registry);
    this.center.warnings.subscribe();
  }

  pass(ms: number): void {
    this.world.time.pass(ms);
  }
}

describe('a call from within a callback', () => {
  const onUnhandledError = config.onUnhandledError;
  let unhandled: unknown[];

  beforeEach(() => {
    unhandled = [];
    config.onUnhandledError = (error: unknown) => unhandled.push(error);
  });
  afterEach(() => {
    config.onUnhandledError = onUnhandledError;
  });

  const play = async (stream: string, callback: (typeof CALLBACKS)[number], call: string, ending: string) => {
    const stage = new Stage(ending.startsWith('from the first'));
    const { world, mine, center } = stage;
    const { registry } = mine;
    const { time } = world;
    let calls = 0;
    /** Whether a registration from within was refused, as one that is already made. */
    let refused = false;
    const within = (): void => {
      calls += 1;
      // The password is mended: what is asked for from now on can be had.
      if (callback === 'error' || callback === 'finalize') stage.refuses = false;
      // A callback that calls whenever it is called would never come to rest.
      if (calls === 1) CALLS[call]!(registry, center, () => (refused = true));
    };
    // Callbacks of others come before and after the one that calls.
    const others = [registry.register(FIRST).subscribe({ error: () => undefined })];
    const observed = STREAMS[stream]!(registry, center)
      .pipe(finalize(() => callback === 'finalize' && within()))
      .subscribe({
        next: () => callback === 'next' && within(),
        error: () => callback === 'error' && within(),
        complete: () => callback === 'complete' && within(),
      });
    others.push(registry.register(SECOND).subscribe({ error: () => undefined }));
    await time.passAsync(10);
    ENDINGS[ending]!(stage);
    await time.passAsync(REST_MS);
    if (callback === 'finalize') observed.unsubscribe();
    await time.passAsync(REST_MS);

    const what = `${call} in ${callback} of ${stream} ${ending}`;
    if (!stage.closed) {
      stage.refuses = false;
      const provision = await time.settle(registry.provide(provider('later'), { timeoutMs: 2 * REST_MS }));
      const found = await time.settle(registry.lookup(QUERY));
      expect(
        [...found].map(({ host }) => host),
        what,
      ).toContain('later');
      const wanted = calls > 0 && !refused && (call.startsWith('register') || call === 'provide');
      if (wanted)
        expect(
          [...found].map(({ host }) => host),
          what,
        ).toContain('from-within');
      await time.settle(provision.release());
    }
    const closedAt = time.now;
    await time.settle(registry.close());
    await time.settle(center.close());
    expect(time.now - closedAt, what).toBeLessThanOrEqual(5_000);
    await time.passAsync(2 * SESSION_MS);
    expect([world.server.sessions, world.server.watches, world.providers(), time.timers], what).toEqual([[], 0, [], 0]);
    expect(
      others.every(({ closed }) => closed),
      what,
    ).toBe(true);
    return calls;
  };

  for (const ending of Object.keys(ENDINGS)) {
    it(`${ending} harms nothing that is asked for later`, { timeout: 60_000 }, async () => {
      let calls = 0;
      for (const stream of Object.keys(STREAMS)) {
        for (const callback of CALLBACKS) {
          for (const call of Object.keys(CALLS)) calls += await play(stream, callback, call, ending);
        }
      }
      expect(calls, 'there were calls').toBeGreaterThan(0);
      expect(unhandled).toEqual([]);
    });
  }
});
