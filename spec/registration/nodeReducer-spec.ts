import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../lib/errors.js';
import type { RegistryNode } from '../../lib/port/index.js';
import { isOwn, newRecord, type NodeRecord, type Observed } from '../../lib/registration/nodeRecord.js';
import { canMove, type NodeEffect, type NodeEvent, nodeReducer, type NodeStep } from '../../lib/registration/index.js';
import { seededRandom } from '../../lib/testing/seededRandom.js';

const PATH = '/dubbo/com.acme.Users/providers/a';
const ME = { id: 'me' };
const WANTED = new Uint8Array([1]);
const OTHER_CONTENT = new Uint8Array([2]);

const node = (owner: string | undefined, data: Uint8Array = WANTED, version = 1n): RegistryNode => ({
  path: PATH,
  data,
  owner,
  version,
});

const OBSERVED: Record<string, Observed> = {
  unknown: 'unknown',
  absent: 'absent',
  mine: node('me'),
  'mine, other content': node('me', OTHER_CONTENT),
  another: node('other'),
  persistent: node(undefined),
};

/** A record with a session, as it is while nothing is under way. */
function idle(changes: Partial<NodeRecord> = {}): NodeRecord {
  const record = newRecord({ path: PATH, ephemeral: true });
  return { ...record, phase: 'idle', session: ME, touched: true, ...changes };
}

const done = ([record, effect]: NodeStep): string => `${effect ?? '–'} ${record.status.status}`;

describe('nodeReducer', () => {
  describe('while nothing is under way', () => {
    type Row = readonly [desired: NodeRecord['desired'], observed: string, when: Partial<NodeRecord>, what: string];

    /** The whole table: what is not in `when` does not matter. */
    const TABLE: readonly Row[] = [
      ['present', 'unknown', { fresh: true }, 'create'],
      ['present', 'unknown', { fresh: false }, 'watch'],
      ['present', 'absent', {}, 'create'],
      ['present', 'mine', { ephemeral: true }, 'registered'],
      ['present', 'mine', { ephemeral: false, held: false }, 'takeOver'],
      ['present', 'mine', { ephemeral: false, held: true }, 'contested'],
      ['present', 'mine, other content', { ephemeral: true }, 'write'],
      ['present', 'mine, other content', { ephemeral: false, held: false }, 'takeOver'],
      ['present', 'mine, other content', { ephemeral: false, held: true }, 'contested'],
      ['present', 'another', { held: false }, 'takeOver'],
      ['present', 'another', { held: true }, 'contested'],
      ['present', 'persistent', { ephemeral: false, replacesOthers: false }, 'registered'],
      ['present', 'persistent', { ephemeral: false, replacesOthers: true }, 'replaceOthers'],
      ['present', 'persistent', { ephemeral: true }, 'takeOver'],
      ['asIs', 'unknown', { fresh: true, ephemeral: true }, 'released'],
      ['asIs', 'unknown', { fresh: true, ephemeral: false }, 'watch'],
      ['asIs', 'unknown', { fresh: false }, 'watch'],
      ['asIs', 'absent', { unanswered: 0 }, 'released'],
      ['asIs', 'absent', { unanswered: 1, ephemeral: true }, 'watch'],
      ['asIs', 'absent', { unanswered: 1, ephemeral: false }, 'released'],
      ['asIs', 'mine', { ephemeral: true }, 'registered'],
      ['asIs', 'mine', { ephemeral: false }, 'released'],
      ['asIs', 'mine, other content', { ephemeral: true }, 'registered'],
      ['asIs', 'mine, other content', { ephemeral: false }, 'released'],
      ['asIs', 'another', {}, 'released'],
      ['asIs', 'persistent', { ephemeral: true }, 'released'],
      ['asIs', 'persistent', { ephemeral: false, replacesOthers: false }, 'registered'],
      ['asIs', 'persistent', { ephemeral: false, replacesOthers: true }, 'replaceOthers'],
      ['absent', 'unknown', {}, 'watch'],
      ['absent', 'absent', { unanswered: 0 }, 'released'],
      ['absent', 'absent', { unanswered: 1, ephemeral: true }, 'remove'],
      ['absent', 'absent', { unanswered: 1, ephemeral: false }, 'released'],
      ['absent', 'mine', { ephemeral: true }, 'remove'],
      ['absent', 'mine', { ephemeral: false }, 'released'],
      ['absent', 'mine, other content', { ephemeral: true }, 'remove'],
      ['absent', 'mine, other content', { ephemeral: false }, 'released'],
      ['absent', 'another', {}, 'released'],
      ['absent', 'persistent', { ephemeral: true }, 'released'],
      ['absent', 'persistent', { ephemeral: false }, 'remove'],
    ];

    const FLAGS = {
      ephemeral: [true, false],
      fresh: [true, false],
      held: [true, false],
      unanswered: [0, 1],
      replacesOthers: [true, false],
    } as const;

    /** Every record that a row speaks of. */
    function records([desired, observed, when]: Row): NodeRecord[] {
      let all: Partial<NodeRecord>[] = [{}];
      for (const [flag, values] of Object.entries(FLAGS)) {
        const some: readonly unknown[] = flag in when ? [when[flag as keyof typeof FLAGS]] : values;
        all = all.flatMap((each) => some.map((value) => ({ ...each, [flag]: value })));
      }
      return all.map((flags) => idle({ desired, observed: OBSERVED[observed]!, ...flags }));
    }

    const OUTCOMES: Record<string, string> = {
      create: 'create pending',
      takeOver: 'takeOver pending',
      write: 'write pending',
      remove: 'remove pending',
      replaceOthers: 'replaceOthers pending',
      watch: 'watch pending',
      registered: 'watch registered',
      contested: 'watch pending',
      released: 'forget released',
    };

    /** Asks for what to do: nothing that the event itself changes. */
    const decided = (record: NodeRecord): NodeStep => nodeReducer({ ...record, data: undefined }, changed);
    const changed: NodeEvent = { type: 'changed', data: WANTED };

    it.each(TABLE)('%s desired, %s observed, %j: %s', (...row) => {
      for (const record of records(row)) {
        const step = decided(record);
        expect(done(step)).toBe(OUTCOMES[row[3]]);
        const { status } = step[0];
        const code = status.status === 'pending' && (status.cause as RegistryError | undefined)?.code;
        expect(code === 'CONTESTED_REGISTRATION').toBe(row[3] === 'contested');
      }
    });

    it('decides about every record by one row of that table', () => {
      const covered = TABLE.flatMap(records).map((each) =>
        JSON.stringify(each, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
      );
      expect(new Set(covered).size).toBe(covered.length);
      expect(covered).toHaveLength(3 * Object.keys(OBSERVED).length * 2 ** Object.keys(FLAGS).length);
    });

    it('replaces others once in a connection, then counts as registered', () => {
      const record = idle({ ephemeral: false, replacesOthers: true, observed: node(undefined) });
      const [replacing] = decided(record);
      const step = nodeReducer(replacing, { type: 'replaced' });
      expect(done(step)).toBe('watch registered');
      expect(nodeReducer(step[0], { type: 'seen', state: { node: node(undefined), position: 2n } })[1]).toBeUndefined();
    });
  });

  describe('what happens', () => {
    type Happening = readonly [
      what: string,
      record: NodeRecord,
      event: NodeEvent,
      outcome: string,
      changes?: Partial<NodeRecord>,
    ];
    const session = { id: 'next' };
    const lost = new RegistryError('CONNECTION_LOST', 'gone');
    const refused = new RegistryError('NOT_AUTHORIZED', 'no');
    const conflict = new RegistryError('CONFLICT', 'not what it was');
    const mine = node('me');
    const creating = idle({ phase: 'create', fresh: false, unanswered: 1 });
    const registered = idle({ observed: mine, standing: mine, held: true, registered: true, watching: 'yes' });
    const waiting = idle({ phase: 'wait', failures: 1 });

    const ROWS: readonly Happening[] = [
      ['a new session', registered, { type: 'connected', session }, 'create pending', { fresh: false, held: false }],
      ['the same session', registered, { type: 'connected', session: ME }, 'watch pending', { held: true }],
      [
        'suspended, where it stood',
        registered,
        { type: 'disconnected', state: { status: 'suspended', session: ME as never, cause: lost } },
        '– suspended',
        { phase: 'offline' },
      ],
      [
        'suspended, where it did not',
        creating,
        { type: 'disconnected', state: { status: 'suspended', session: ME as never, cause: lost } },
        '– pending',
        { phase: 'offline', unanswered: 1 },
      ],
      [
        'lost',
        registered,
        { type: 'disconnected', state: { status: 'lost', confirmed: true, cause: lost } },
        '– pending',
        { standing: undefined },
      ],
      ['closed', registered, { type: 'disconnected', state: { status: 'closed' } }, '– released', { phase: 'over' }],
      ['refused for good', registered, { type: 'refused', error: refused }, '– failed', { phase: 'over' }],
      ['not wanted', registered, { type: 'wanted', desired: 'absent' }, 'remove pending'],
      ['not wanted while it is made', creating, { type: 'wanted', desired: 'absent' }, '– pending'],
      ['not wanted while it waits', waiting, { type: 'wanted', desired: 'absent' }, 'read pending'],
      [
        'not wanted before it was asked for',
        idle({ phase: 'offline', touched: false }),
        { type: 'wanted', desired: 'absent' },
        '– released',
      ],
      [
        'set aside before it was asked for',
        idle({ phase: 'offline', touched: false }),
        { type: 'wanted', desired: 'asIs' },
        '– released',
      ],
      ['other content', registered, { type: 'changed', data: OTHER_CONTENT }, 'write pending'],
      ['other content while it is made', creating, { type: 'changed', data: OTHER_CONTENT }, '– pending'],
      [
        'made',
        creating,
        { type: 'answered', state: { node: mine, position: 1n } },
        'watch registered',
        { unanswered: 0 },
      ],
      [
        'made, and not wanted meanwhile',
        { ...creating, desired: 'absent' },
        { type: 'answered', state: { node: mine, position: 1n } },
        'remove pending',
      ],
      [
        'made with content that is out of date',
        { ...creating, data: OTHER_CONTENT },
        { type: 'answered', state: { node: mine, position: 1n } },
        'write pending',
      ],
      ['not answered', creating, { type: 'failed', error: lost }, 'wait pending', { unanswered: 1, failures: 1 }],
      ['refused while it never was there', creating, { type: 'failed', error: refused }, '– failed'],
      [
        'refused though it was there once',
        { ...creating, registered: true },
        { type: 'failed', error: refused },
        'wait pending',
        { unanswered: 0 },
      ],
      ['something else is there', creating, { type: 'failed', error: conflict }, 'read pending', { unanswered: 0 }],
      [
        'removed',
        { ...registered, phase: 'remove', desired: 'absent', unanswered: 2 },
        { type: 'answered', state: { node: undefined, position: 5n } },
        'forget released',
      ],
      ['waited', waiting, { type: 'waited' }, 'read pending'],
      ['deleted by somebody', registered, { type: 'seen', state: { node: undefined, position: 3n } }, 'create pending'],
      [
        'deleted by somebody, as an answer of before tells',
        { ...registered, position: 4n },
        { type: 'seen', state: { node: undefined, position: 3n } },
        '– registered',
        { observed: mine },
      ],
      ['the watch fails where it stands', registered, { type: 'watchFailed', error: lost }, 'watchLater pending'],
      [
        'the watch fails while nothing is known',
        idle({ watching: 'yes', standing: mine }),
        { type: 'watchFailed', error: lost },
        'watchLater suspended',
        { watchFailures: 1 },
      ],
      ['it is time to watch', idle({ watching: 'again later' }), { type: 'watchDue' }, 'watch pending'],
      ['another takes its place', registered, { type: 'moving' }, '– pending', { phase: 'moving' }],
      [
        'another took its place, and it is not wanted any more',
        { ...registered, phase: 'moving', desired: 'absent' },
        { type: 'moved', position: 4n },
        'forget released',
      ],
      [
        'another could not take its place',
        { ...registered, phase: 'moving' },
        { type: 'moved', position: undefined },
        '– registered',
      ],
    ];

    it.each(ROWS.map((row) => ({ what: row[0], row })))('$what', ({ row: [, record, event, what, changes = {}] }) => {
      const step = nodeReducer(record, event);
      expect(done(step)).toBe(what);
      expect(step[0]).toMatchObject(changes);
    });

    it('is read once where something else is there than was thought, and is a failure where it is not', () => {
      const [reading, effect] = nodeReducer(
        idle({ phase: 'takeOver', observed: node('other'), expected: node('other') }),
        {
          type: 'failed',
          error: conflict,
        },
      );
      expect(effect).toBe('read');
      const as = (state: RegistryNode | undefined) =>
        nodeReducer(reading, { type: 'answered', state: { node: state, position: 2n } })[1];
      expect(as(node('other'))).toBe('wait');
      expect(as(node('other', WANTED, 2n))).toBe('takeOver');
      expect(as(undefined)).toBe('create');
    });

    it('moves only what stands, is wanted and lies in the same directory', () => {
      const to = { ...creating, path: `${PATH}2` };
      expect(canMove(registered, to)).toBe(true);
      const cannot: Partial<NodeRecord>[] = [
        { phase: 'remove' },
        { desired: 'asIs' },
        { session },
        { ephemeral: false },
        { observed: node('other') },
        { observed: 'absent' },
      ];
      for (const changes of cannot) expect(canMove({ ...registered, ...changes }, to)).toBe(false);
      expect(canMove(registered, { ...to, path: '/dubbo/com.acme.Users/routers/a' })).toBe(false);
      expect(canMove(registered, { ...to, path: PATH })).toBe(false);
    });
  });

  describe('any history', () => {
    const CODES = ['CONNECTION_LOST', 'NOT_AUTHORIZED', 'CONFLICT', 'NODE_EXISTS', 'NO_NODE', 'SERVER_ERROR'] as const;
    const anyState = fc.record({
      node: fc.option(
        fc
          .tuple(fc.constantFrom('me', 'other', undefined), fc.bigInt(1n, 9n))
          .map(([owner, version]) => node(owner, WANTED, version)),
        { nil: undefined },
      ),
      position: fc.bigInt(0n, 9n),
    });
    const anyError = fc.constantFrom(...CODES).map((code) => new RegistryError(code, code));
    const anyEvent: fc.Arbitrary<NodeEvent> = fc.oneof(
      fc.constantFrom(ME, { id: 'next' }).map((session): NodeEvent => ({ type: 'connected', session })),
      anyError.map((cause): NodeEvent => ({ type: 'disconnected', state: { status: 'lost', confirmed: true, cause } })),
      anyError.map((cause): NodeEvent => ({
        type: 'disconnected',
        state: { status: 'suspended', session: ME as never, cause },
      })),
      fc.constantFrom('present', 'absent', 'asIs').map((desired): NodeEvent => ({ type: 'wanted', desired })),
      fc.constantFrom(WANTED, OTHER_CONTENT).map((data): NodeEvent => ({ type: 'changed', data })),
      anyState.map((state): NodeEvent => ({ type: 'seen', state })),
      anyState.map((state): NodeEvent => ({ type: 'answered', state })),
      anyError.map((error): NodeEvent => ({ type: 'failed', error })),
      anyError.map((error): NodeEvent => ({ type: 'watchFailed', error })),
      fc.constantFrom<NodeEvent>({ type: 'waited' }, { type: 'watchDue' }, { type: 'replaced' }, { type: 'moving' }),
      fc.constantFrom(undefined, 3n).map((position): NodeEvent => ({ type: 'moved', position })),
    );

    it('keeps the rules, whatever is told in whatever order', () => {
      fc.assert(
        fc.property(fc.boolean(), fc.array(anyEvent, { maxLength: 40 }), (ephemeral, events) => {
          let record = newRecord({ path: PATH, ephemeral });
          for (const event of events) {
            const before = record;
            let effect: NodeEffect | undefined;
            [record, effect] = nodeReducer(record, event);
            if (before.phase === 'over') expect([record, effect]).toEqual([before, undefined]);
            // What is not wanted is never made, and what is wanted is never removed.
            if (effect === 'create' || effect === 'takeOver' || effect === 'write')
              expect(record.desired).toBe('present');
            if (effect === 'remove') expect(record.desired).toBe('absent');
            // What belongs to another is never removed.
            if (effect === 'remove' && typeof record.observed === 'object') {
              expect(isOwn(record, record.observed)).toBe(true);
            }
            if (record.phase === 'offline') expect(effect).toBeUndefined();
            // What is older than what is known changes nothing.
            if (event.type === 'seen' && event.state.position < before.position) {
              expect(record.observed).toBe(before.observed);
            }
            if (event.type !== 'connected') expect(record.position).toBeGreaterThanOrEqual(before.position);
            expect(record.unanswered).toBeGreaterThanOrEqual(0);
            if (event.type === 'failed' && (event.error as RegistryError).code === 'CONNECTION_LOST') {
              expect(record.unanswered, 'a write that was never answered is remembered').toBe(before.unanswered);
            }
          }
        }),
        { numRuns: 500 },
      );
    });
  });

  describe('convergence', () => {
    /** A registry with one node, whose answers and watch are told late and overtake each other. */
    class ModelRegistry {
      node: RegistryNode | undefined;
      position = 0n;
      record: NodeRecord;
      readonly #random: () => number;
      /** What is under way: what is told, each at any time; answers and watches keep their own order only. */
      readonly #answers: NodeEvent[] = [];
      readonly #seen: NodeEvent[] = [];
      #watched = false;

      constructor(random: () => number, ephemeral: boolean) {
        this.#random = random;
        this.record = newRecord({ path: PATH, ephemeral, data: WANTED });
      }

      get isQuiet(): boolean {
        return this.#answers.length === 0 && this.#seen.length === 0;
      }

      step(event: NodeEvent): void {
        const [record, effect] = nodeReducer(this.record, event);
        this.record = record;
        if (effect) this.#perform(effect);
      }

      /** Somebody changes the node. */
      change(to: RegistryNode | undefined): void {
        if (this.node === undefined && to === undefined) return;
        this.position += 1n;
        this.node = to && { ...to, version: this.position };
        if (this.#watched) this.#seen.push({ type: 'seen', state: this.#state });
      }

      deliver(): void {
        const queue =
          (this.#random() < 0.5 && this.#answers.length > 0) || this.#seen.length === 0 ? this.#answers : this.#seen;
        const event = queue.shift();
        if (event) this.step(event);
      }

      get #state() {
        return { node: this.node, position: this.position };
      }

      #perform(effect: NodeEffect): void {
        const { observed, data } = this.record;
        const own = this.record.ephemeral ? ME.id : undefined;
        const asObserved = typeof observed === 'object' && observed.version === this.node?.version;
        const answer = (isDone: boolean, work: () => void): void => {
          if (isDone) work();
          // One in five is carried out, and its answer is lost.
          if (this.#random() < 0.2)
            return void this.#answers.push({ type: 'failed', error: new RegistryError('CONNECTION_LOST', 'lost') });
          this.#answers.push(
            isDone
              ? { type: 'answered', state: this.#state }
              : { type: 'failed', error: new RegistryError('CONFLICT', 'no') },
          );
        };
        switch (effect) {
          case 'create':
            return answer(this.node === undefined, () => this.change(node(own, data)));
          case 'takeOver':
            return answer(asObserved, () => this.change(node(own, data)));
          case 'write':
            return answer(asObserved, () => this.change({ ...this.node!, data: data! }));
          case 'remove':
            return answer(this.node === undefined || this.node.owner === own, () => this.change(undefined));
          case 'read':
            return answer(true, () => undefined);
          case 'wait':
            return void this.#answers.push({ type: 'waited' });
          case 'watch':
            this.#watched = true;
            return void this.#seen.push({ type: 'seen', state: this.#state });
          case 'replaceOthers':
            return void this.#answers.push({ type: 'replaced' });
          case 'watchLater':
          case 'forget':
        }
      }
    }

    it('ends at what is wanted, however answers are lost and watches overtake them', () => {
      const act = fc.constantFrom('deliver', 'deliver', 'delete', 'other', 'write', 'want', 'leave', 'content');
      fc.assert(
        fc.property(fc.boolean(), fc.nat(), fc.array(act, { maxLength: 60 }), (ephemeral, seed, acts) => {
          const model = new ModelRegistry(seededRandom(seed), ephemeral);
          model.step({ type: 'connected', session: ME });
          for (const each of acts) {
            if (each === 'deliver') model.deliver();
            if (each === 'delete') model.change(undefined);
            if (each === 'other' && !model.record.held) model.change(node('other'));
            if (each === 'write' && model.node) model.change({ ...model.node, data: OTHER_CONTENT });
            if (each === 'want') model.step({ type: 'wanted', desired: 'present' });
            if (each === 'leave') model.step({ type: 'wanted', desired: 'absent' });
            if (each === 'content') model.step({ type: 'changed', data: OTHER_CONTENT });
          }
          for (let round = 0; round < 500 && !model.isQuiet; round += 1) model.deliver();
          const { record } = model;
          expect(model.isQuiet, 'it comes to rest').toBe(true);
          const own = ephemeral ? ME.id : undefined;
          if (record.phase === 'over') {
            // Nothing of ours is left, unless somebody else made it after that.
            expect(record.status.status).toBe('released');
            expect(model.node === undefined || model.node.owner !== own).toBe(true);
          } else if (record.desired === 'present') {
            // Another that took it from us keeps it.
            if (model.node?.owner !== 'other') {
              expect(record.status.status).toBe('registered');
              expect([model.node?.owner, model.node?.data]).toEqual([own, record.data]);
            } else {
              expect(record.status).toMatchObject({ cause: { code: 'CONTESTED_REGISTRATION' } });
            }
          }
        }),
        { numRuns: 500 },
      );
    });
  });
});
