import { defer, Subject, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { FirstIn } from '../../../lib/backends/etcd/firstIn.js';

/** What is made in directories; each is answered by hand. */
function stage() {
  const firstIn = new FirstIn();
  const sent: string[] = [];
  const results: string[] = [];
  const make = (name: string, directory = '/d') => {
    const answer = new Subject<void>();
    const create = defer(() => {
      sent.push(name);
      return answer.pipe(take(1));
    });
    const subscription = firstIn
      .afterFirst(directory, create)
      .subscribe({ complete: () => results.push(name), error: () => results.push(`${name} failed`) });
    return { answer, subscription };
  };
  return { sent, results, make };
}

describe('what is made first in a directory', () => {
  it('goes before all else there, which then goes at once, and not before what is in another one', () => {
    const { sent, results, make } = stage();
    const [first, second, third] = [make('1'), make('2'), make('3')];
    make('other', '/e');
    expect(sent).toEqual(['1', 'other']);
    first.answer.next();
    expect(sent).toEqual(['1', 'other', '2', '3']);
    make('4');
    expect(sent).toEqual(['1', 'other', '2', '3', '4']);
    third.answer.next();
    second.answer.next();
    expect(results).toEqual(['1', '3', '2']);
  });

  it('keeps nobody waiting once it was answered, were it with an error', () => {
    const { sent, results, make } = stage();
    const [first] = [make('1'), make('2'), make('3')];
    first.answer.error(new Error('not permitted'));
    expect(sent).toEqual(['1', '2', '3']);
    expect(results).toEqual(['1 failed']);
  });

  it('leaves its place to the next one when it is left', () => {
    const { sent, make } = stage();
    const [first, second, third] = [make('1'), make('2'), make('3')];
    third.subscription.unsubscribe();
    first.subscription.unsubscribe();
    expect(sent).toEqual(['1', '2']);
    make('4');
    expect(sent).toEqual(['1', '2']);
    second.answer.next();
    expect(sent).toEqual(['1', '2', '4']);
  });

  it('is no question at the root, which is always there', () => {
    const { sent, make } = stage();
    make('1', '/');
    make('2', '/');
    expect(sent).toEqual(['1', '2']);
  });
});
