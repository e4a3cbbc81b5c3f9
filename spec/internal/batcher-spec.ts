import { delay, firstValueFrom, type Observable, of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Batcher, type Outcome } from '../../lib/internal/batcher.js';

type Send = (items: readonly number[]) => Observable<readonly Outcome<string>[]>;

function batcher(send: Send, options: { most?: number; mostBytes?: number } = {}) {
  const sent: (readonly number[])[] = [];
  const asked = new Batcher<number, string>({
    most: options.most ?? 4,
    mostBytes: options.mostBytes ?? 1_000,
    bytesOf: (item) => item,
    send: (items) => {
      sent.push(items);
      return send(items);
    },
  });
  return { asked, sent };
}

const ok: Send = (items) => of(items.map((item) => ({ value: `#${item}` })));
const all = (asked: Batcher<number, string>, items: readonly number[]) =>
  Promise.allSettled(items.map((item) => firstValueFrom(asked.ask(item))));

describe('Batcher', () => {
  it('sends together what is asked for before the next microtask, so many and so large at most', async () => {
    const { asked, sent } = batcher(ok, { mostBytes: 100 });
    const answers = await all(asked, [1, 2, 3, 4, 5, 99, 2, 500, 1]);
    expect(answers.map((answer) => answer.status === 'fulfilled' && answer.value)).toEqual([
      '#1',
      '#2',
      '#3',
      '#4',
      '#5',
      '#99',
      '#2',
      '#500',
      '#1',
    ]);
    expect(sent).toEqual([[1, 2, 3, 4], [5], [99], [2], [500], [1]].flatMap((batch) => [batch]));
  });

  it('measures each batch on its own, however much was sent before it', async () => {
    const { asked, sent } = batcher(ok, { mostBytes: 100 });
    await all(asked, [60, 60, 30, 10]);
    expect(sent).toEqual([[60], [60, 30, 10]]);
  });

  it('sends at once what is flushed', () => {
    const { asked, sent } = batcher(ok);
    asked.ask(1).subscribe();
    asked.flush();
    expect(sent).toEqual([[1]]);
  });

  it('splits out the bad ones, and sends each of the others until it has an answer of its own', async () => {
    const bad = new Set([3, 6]);
    const { asked, sent } = batcher(
      (items) => {
        if (!items.some((item) => bad.has(item))) return ok(items);
        const failing = items.find((item) => bad.has(item));
        return of(items.map((item) => (item === failing ? { error: new Error(`${item}`) } : 'again')));
      },
      { most: 8 },
    );
    const answers = await all(asked, [1, 2, 3, 4, 5, 6, 7]);
    expect(answers.map(({ status }) => status)).toEqual(
      [1, 2, 3, 4, 5, 6, 7].map((item) => (bad.has(item) ? 'rejected' : 'fulfilled')),
    );
    expect(sent.length).toBeLessThan(7);
  });

  it('halves a batch of which nobody is known to be bad, down to the bad one', async () => {
    const { asked } = batcher(
      (items) => {
        if (!items.includes(3)) return ok(items);
        return items.length === 1 ? throwError(() => new Error('3')) : of(items.map(() => 'again' as const));
      },
      { most: 8 },
    );
    const answers = await all(asked, [1, 2, 3, 4, 5]);
    expect(answers.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
  });

  it('tells everybody in a batch of its failure', async () => {
    const { asked } = batcher(() => throwError(() => new Error('gone')));
    expect((await all(asked, [1, 2])).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('sends also for those who have left, and tells them nothing', async () => {
    const { asked, sent } = batcher((items) => ok(items).pipe(delay(1)));
    const told: string[] = [];
    asked
      .ask(1)
      .subscribe((value) => told.push(value))
      .unsubscribe();
    const [answer] = await all(asked, [2]);
    expect(answer).toMatchObject({ value: '#2' });
    expect(sent).toEqual([[1, 2]]);
    expect(told).toEqual([]);
  });
});
