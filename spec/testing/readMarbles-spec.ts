import fc from 'fast-check';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../lib/errors.js';
import { readMarbles } from '../../lib/testing/readMarbles.js';

const read = (diagram: string) => readMarbles('line', diagram).map(({ letter, atMs }) => `${letter}@${atMs}`);

describe('readMarbles', () => {
  it.each([
    ['', []],
    ['a', ['a@0']],
    ['--a-b', ['a@2', 'b@4']],
    ['  -- a - b ', ['a@2', 'b@4']],
    ['--(ab)-c', ['a@2', 'b@2', 'c@7']],
    ['a 30s b', ['a@0', 'b@30001']],
    ['5s a', ['a@5000']],
    ['a 1.5m b 20ms', ['a@0', 'b@90001']],
    ['a 9ms b\n9ms c', ['a@0', 'b@10', 'c@20']],
    ['a-€', ['a@0', '€@2']],
  ])('reads %j', (diagram, expected) => {
    expect(read(diagram)).toEqual(expected);
  });

  it('knows which character a letter is', () => {
    expect(readMarbles('line', ' a 30s (bc)').map(({ position }) => position)).toEqual([2, 9, 10]);
  });

  it('reads what RxJS reads, as RxJS reads it inside run', () => {
    const token = fc.oneof(
      fc.constantFrom('-', 'a', 'b', ' ', '(ab)', '(c)', '(-a)'),
      fc.tuple(fc.nat(200), fc.constantFrom('ms', 's', 'm')).map(([amount, unit]) => ` ${amount}${unit} `),
    );
    new TestScheduler(() => undefined).run(() => {
      fc.assert(
        fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
          const diagram = tokens.join('');
          const theirs = TestScheduler.parseMarbles(diagram, undefined, undefined, false, true);
          expect(read(diagram)).toEqual(
            theirs.map(({ frame, notification }) => `${'value' in notification ? notification.value : '?'}@${frame}`),
          );
        }),
      );
    });
  });

  it.each([
    ['a|', /`\|` at character 2 means nothing here/],
    ['-^a', /`\^` at character 2/],
    ['a!', /`!` at character 2/],
    ['a(b', /the last group is not closed/],
    ['a)b', /character 2 closes a group that was not opened/],
    ['(a(b))', /character 3 opens a group inside another/],
    ['( 5s a)', /the group that is open at character 3 can hold no time/],
    ['a5s b', /`5` at character 2 is no duration/],
    ['5 s', /`5` at character 1 is no duration/],
    ['1.2.3s', /at character 1 is no duration/],
    ['5h', /`5` at character 1/],
  ])('refuses %j, and says where', (diagram, message) => {
    expect(() => read(diagram)).toThrow(InvalidOptionError);
    expect(() => read(diagram)).toThrow(message);
    expect(() => read(diagram)).toThrow('`line`');
  });

  it.each([undefined, 5, null, {}])('refuses %s', (diagram) => {
    expect(() => read(diagram as string)).toThrow(InvalidOptionError);
  });

  it('refuses whatever else it refuses with the same error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab-() .|5sm0') }), (diagram) => {
        try {
          read(diagram);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidOptionError);
        }
      }),
    );
  });
});
