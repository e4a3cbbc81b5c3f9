import { distinctUntilChanged, map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { ServiceUrl } from '../../lib/dubbo/index.js';
import { createRegistry, type Registry } from '../../lib/index.js';
import {
  type MarbleScript,
  foldEvents,
  legalEvents,
  legalStates,
  marbleBackend,
  recordOf,
} from '../../lib/testing/index.js';
import { pathOf, SESSION_MS, VirtualTime, World } from '../support/virtual/index.js';
import { a, b, c, nameOf, namesOf, QUERY } from './cast.js';

/** A registry in a story, and what happens around it. */
interface Stage {
  readonly time: VirtualTime;
  readonly registry: Registry;
  /** Lets the next chapter happen, and its consequences. */
  readonly next: () => Promise<void>;
}

const heavy = b.with({ parameters: { weight: '500' } });
const own = c;

/** What the registry holds besides what we register, chapter by chapter, and what happens to the connection before that. */
const CHAPTERS: readonly { readonly fault?: 'outage' | 'loss' | 'over'; readonly holds: readonly ServiceUrl[] }[] = [
  { holds: [] },
  { holds: [a] },
  { holds: [a, b] },
  { holds: [a, heavy] },
  { fault: 'outage', holds: [heavy] },
  { holds: [b] },
  { fault: 'over', holds: [b] },
  { holds: [] },
  { fault: 'loss', holds: [a] },
  { fault: 'over', holds: [a] },
  { holds: [a, b] },
];
const CHAPTER_MS = 10 * SESSION_MS;

/** The story on a memory server, by the hands of its operator. */
function onMemory(): Stage {
  const world = new World();
  const { time, server } = world;
  const backend = world.backend();
  let chapter = 0;
  let isAway = false;
  let held: readonly string[] = [];
  return {
    time,
    registry: createRegistry(backend),
    next: async () => {
      const { fault, holds } = CHAPTERS[chapter++]!;
      if (fault === 'outage' || fault === 'loss') server.cut(backend);
      isAway ||= fault === 'outage' || fault === 'loss';
      await time.passAsync(fault === 'loss' ? 2 * SESSION_MS : 100);
      const paths = holds.map(pathOf);
      server.change({
        create: paths.filter((path) => !held.includes(path)),
        remove: held.filter((path) => !paths.includes(path)),
      });
      held = paths;
      if (fault === 'over') server.heal(backend);
      isAway &&= fault !== 'over';
      // An outage is over before the session is, unless that is the point of it.
      await time.passAsync(isAway ? 100 : CHAPTER_MS);
    },
  };
}

/** The story as a script. */
function onMarbles(): Stage {
  const time = new VirtualTime();
  const script: MarbleScript = {
    states: CHAPTERS.map(({ fault }) => {
      if (fault === 'outage') return '1s s 998ms';
      if (fault === 'loss') return '1s s 497ms l 500ms';
      return fault === 'over' ? '1s c 998ms' : '1999ms -';
    })
      .join(' ')
      .replace(/^1999ms -/, 'c 1999ms'),
    contents: CHAPTERS.map((_, index) => `1s ${String.fromCharCode(65 + index)} 999ms`).join(' '),
    values: Object.fromEntries(CHAPTERS.map(({ holds }, index) => [String.fromCharCode(65 + index), holds])),
  };
  return {
    time,
    registry: createRegistry(marbleBackend({ ...script, scheduler: time.scheduler })),
    next: () => time.passAsync(2_000),
  };
}

async function tell({ time, registry, next }: Stage) {
  const { scheduler } = time;
  const events = recordOf(registry.subscribe(QUERY).pipe(legalEvents()), { scheduler });
  const sets = recordOf(registry.instances(QUERY).pipe(map(namesOf)), { scheduler });
  const states = recordOf(registry.states.pipe(legalStates()), { scheduler });
  const registration = recordOf(
    registry.register(own).pipe(
      map(({ status }) => status),
      distinctUntilChanged(),
    ),
    { scheduler },
  );
  const late: string[] = [];
  const lookups: string[] = [];
  const chapters: string[][] = [];
  for (let index = 0; index < CHAPTERS.length; index += 1) {
    const from = events.values.length;
    await next();
    chapters.push(
      events.values.slice(from).map(({ type, service }) => `${type} ${nameOf(service)} ${service.parameter('weight')}`),
    );
    if (states.last?.status === 'connected') {
      lookups.push(namesOf(await time.settle(registry.lookup(QUERY), 1_000)));
      const subscriber = recordOf(registry.subscribe(QUERY).pipe(legalEvents()));
      late.push([...foldEvents(subscriber.values).values()].map(nameOf).sort().join(''));
      subscriber.stop();
    }
  }
  return { chapters, sets, states, registration, late, lookups, events };
}

describe('a registry on marbles', () => {
  it('tells the same story as one on memory: the same events in the same order, sets, lookups and registrations', async () => {
    const [memory, marbles] = [await tell(onMemory()), await tell(onMarbles())];
    expect(marbles.chapters).toEqual(memory.chapters);
    expect(marbles.sets.values).toEqual(memory.sets.values);
    expect(marbles.registration.values).toEqual(memory.registration.values);
    expect(marbles.lookups).toEqual(memory.lookups);
    expect(marbles.late).toEqual(memory.late);
    expect(foldEvents(marbles.events.values)).toEqual(foldEvents(memory.events.values));

    // And it is the story that was meant.
    expect(memory.chapters).toEqual([
      ['add c 100'],
      ['add a 100'],
      ['add b 100'],
      ['update b 500'],
      [],
      [],
      ['delete a 100', 'update b 100'],
      ['delete b 100'],
      [],
      ['delete c 100', 'add a 100', 'add c 100'],
      ['add b 100'],
    ]);
    expect(marbles.registration.values).toEqual([
      'pending',
      'registered',
      'suspended',
      'registered',
      'suspended',
      'pending',
      'registered',
    ]);
  });
});
