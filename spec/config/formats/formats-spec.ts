import { config as rxjs, type Observable, of, Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  asJson,
  asProperties,
  asText,
  asYaml,
  type ConfigValue,
  type FormatOptions,
  type Properties,
} from '../../../lib/config/index.js';
import { type InvalidConfigError, InvalidOptionError } from '../../../lib/errors.js';
import { eventually } from '../../support/servers/eventually.js';
import { marbles } from '../../operators/support/marbles.js';
import { valueOf } from '../support/configValues.js';
import { cpuMs } from '../../support/cpuMs.js';

/** What an operator tells for each of these contents, and what it reports. */
function read(
  operator: (
    onInvalid: (error: InvalidConfigError) => void,
  ) => (values: Observable<ConfigValue>) => Observable<unknown>,
  ...contents: (string | undefined)[]
): { told: unknown[]; reports: string[] } {
  const told: unknown[] = [];
  const reports: string[] = [];
  const values = of(...contents.map((content) => valueOf(content)));
  values.pipe(operator((error) => void reports.push(error.message))).subscribe((value) => void told.push(value));
  return { told, reports };
}

const yaml = (onInvalid: (error: InvalidConfigError) => void) => asYaml({ onInvalid });
const json = (onInvalid: (error: InvalidConfigError) => void) => asJson({ onInvalid });
const properties = (onInvalid: (error: InvalidConfigError) => void) => asProperties({ onInvalid });

describe('every format', () => {
  const VALUES: Record<string, ConfigValue> = {
    a: valueOf('{"x": 1}'),
    A: valueOf('{ "x":1 }'),
    b: valueOf('{"x": 2}'),
    '?': valueOf('{'),
    '.': valueOf(),
  };
  const TOLD = { a: { x: 1 }, b: { x: 2 }, u: undefined, f: 'fallback' };

  it('keeps the last good value, tells an absence, and nothing twice', () =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a-?-b-b-?-a-A-.-.-b-|', VALUES);
      const expected = '   -a---b-----a---u---b-|';
      expectObservable(source.pipe(asJson())).toBe(expected, TOLD);
      expectSubscriptions(source.subscriptions).toBe('^--------------------!');
    }));

  it('tells the fallback where there is nothing, or nothing good yet', () =>
    marbles(({ cold, expectObservable }) => {
      const told = { ...TOLD, u: 'none' };
      expectObservable(cold('?-?-.-a-?-.|', VALUES).pipe(asJson({ fallback: 'none' }))).toBe('u-----a---u|', told);
      expectObservable(cold('.-a|', VALUES).pipe(asJson())).toBe('u-a|', TOLD);
    }));

  it('passes an error of its source', () =>
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a-#', VALUES, 'why').pipe(asJson())).toBe('a-#', TOLD, 'why');
    }));

  it('has a state for each subscription', () =>
    marbles(({ cold, expectObservable }) => {
      const result = cold('a-?-b|', VALUES).pipe(asJson());
      expectObservable(result).toBe('      a---b|', TOLD);
      expectObservable(result, '-^').toBe(' -a---b|', TOLD);
    }));

  it('makes a T with a schema, and keeps the last one where that refuses', () => {
    const schema = (value: unknown): number => {
      const { x } = value as { x: number };
      if (x > 9) throw new RangeError(`x is ${x}`);
      return x;
    };
    const reports: InvalidConfigError[] = [];
    const told: (number | 'none')[] = [];
    const contents = ['{"x": 10}', '{"x": 1}', '{"x": 11}', '{"x": 2}'];
    of(...contents.map((content) => valueOf(content)))
      .pipe(asJson({ schema, fallback: 'none' as const, onInvalid: (error) => reports.push(error) }))
      .subscribe((value) => told.push(value));
    expect(told).toEqual(['none', 1, 2]);
    expect(reports.map(({ code, key, message }) => [code, key, message])).toEqual([
      ['INVALID_CONFIG', 'a.key', '"a.key" cannot be used: x is 10'],
      ['INVALID_CONFIG', 'a.key', '"a.key" cannot be used: x is 11'],
    ]);
    expect(reports[0]?.cause).toBeInstanceOf(RangeError);
  });

  it('reports a content once, and shows nothing of it', () => {
    const secret = '{"password": hunter2}';
    const { reports } = read(json, secret, secret, '{"x": 1}', secret);
    expect(reports).toEqual(['"a.key" cannot be used: it is not JSON.', '"a.key" cannot be used: it is not JSON.']);
    for (const [operator, content] of [
      [yaml, 'password: "hunter2'],
      [yaml, '*hunter2'],
      [yaml, 'a: [hunter2'],
      [yaml, 'hunter2: 1\n---\nb: 2'],
      [properties, 'password=hunter2\\u00'],
    ] as const) {
      const { told, reports: one } = read(operator, content);
      expect(told).toEqual([undefined]);
      expect(one).toHaveLength(1);
      expect(one[0]).not.toContain('hunter2');
    }
  });

  describe('with a handler that throws', () => {
    const unhandled: unknown[] = [];
    beforeEach(() => {
      unhandled.length = 0;
      rxjs.onUnhandledError = (error) => void unhandled.push(error);
    });
    afterEach(() => void (rxjs.onUnhandledError = null));

    it('goes on, and RxJS is told', async () => {
      const oops = new Error('oops');
      const { told } = read(
        () =>
          asJson({
            onInvalid: () => {
              throw oops;
            },
          }),
        '{"x": 1}',
        '{',
        '{"x": 2}',
      );
      expect(told).toEqual([{ x: 1 }, { x: 2 }]);
      await eventually(() => expect(unhandled).toEqual([oops]));
    });
  });

  it('reads what comes while it tells', () => {
    const source = new Subject<ConfigValue>();
    const told: unknown[] = [];
    source.pipe(asText()).subscribe((text) => {
      told.push(text);
      if (text === 'a') source.next(valueOf('b'));
    });
    source.next(valueOf('a'));
    expect(told).toEqual(['a', 'b']);
  });

  it('refuses options that are none', () => {
    expect(() => asYaml({ schema: 5 } as unknown as FormatOptions)).toThrow(InvalidOptionError);
    expect(() => asJson({ onInvalid: 'log' } as unknown as FormatOptions)).toThrow('`onInvalid`');
  });
});

describe('asYaml', () => {
  it('reads the core schema of YAML 1.2', () => {
    const text = 'a: 1\nb: [x, "y", 1.5, true, null, yes, 012, 2024-01-01]\nc: {d: |\n  text\n}';
    const { told, reports } = read(yaml, text.replace('c: {d: |\n  text\n}', 'c:\n  d: |\n    text\n'));
    expect(reports).toEqual([]);
    expect(told).toEqual([{ a: 1, b: ['x', 'y', 1.5, true, null, 'yes', 12, '2024-01-01'], c: { d: 'text\n' } }]);
  });

  it.each([
    ['nothing', '', null],
    ['only comments', '# a\n', null],
    ['a document with its marks', '---\na: 1\n...\n', { a: 1 }],
    ['a repeated key, the last one counts', 'a: 1\na: 2', { a: 2 }],
    ['tags, which say nothing', 'a: !!java.lang.Runtime x', { a: 'x' }],
    [
      'tags of lists and maps',
      '%TAG !e! tag:e,\n---\na: !e!list [!x 1]\nb: !<tag:map> {c: !!str d}',
      { a: [1], b: { c: 'd' } },
    ],
    ['keys that are no texts', '1: a\nnull: b\ntrue: c', { 1: 'a', null: 'b', true: 'c' }],
    ['a text with a byte order mark', '\ufeffa: 1', { a: 1 }],
    [
      'no merge keys, whatever the text says',
      '%YAML 1.1\n---\na: &a {x: 1}\nb: {<<: *a}',
      { a: { x: 1 }, b: { '<<': { x: 1 } } },
    ],
    ['aliases', 'a: &a [1]\nb: *a', { a: [1], b: [1] }],
  ])('reads %s', (_, text, value) => {
    expect(read(yaml, text)).toEqual({ told: [value], reports: [] });
  });

  it.each([
    ['two documents', 'more than one', 'a: 1\n---\nb: 2'],
    ['what is none', 'not YAML', 'a: [1'],
    ['a key __proto__', '__proto__', '__proto__: {polluted: true}'],
    ['a key __proto__ further in', '__proto__', 'a: [{"__proto__": {polluted: true}}]'],
    ['an alias of nothing', 'aliases', '*a'],
    ['a circle', 'deep', '&a [*a]'],
    ['a billion laughs', 'aliases', laughs(9)],
    [
      'a chain of anchors, each deeper',
      'aliases',
      Array.from({ length: 200 }, (_, i) => `a${i}: &a${i} [${i ? `*a${i - 1}` : 'x'}]`).join('\n'),
    ],
    ['lists in lists', 'deep', '['.repeat(200) + ']'.repeat(200)],
    ['lists in lists without end', 'deep', '['.repeat(16_000)],
    ['maps in maps', 'deep', '{a: '.repeat(8_000)],
    ['lists in lists, as blocks', 'deep', '- '.repeat(16_000)],
    ['keys in keys', 'deep', '? '.repeat(16_000)],
    ['a list for a key', 'a list or a map for a key (line 1', '? [a]\n: b'],
    ['a tag that is not known, in a text that is none', 'not YAML (line 2', 'a: !x 1\n]'],
  ])('refuses %s, in no time', (_, reason, text) => {
    const started = cpuMs();
    const { told, reports } = read(yaml, 'good: 1', text);
    expect(told).toEqual([{ good: 1 }]);
    expect(reports).toEqual([expect.stringContaining(reason)]);
    expect(cpuMs() - started).toBeLessThan(5_000);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

/** Nine times nine times nine…, each level nine aliases of the one before. */
function laughs(levels: number): string {
  const level = (i: number): string =>
    `l${i}: &l${i} [${Array(9)
      .fill(i === 0 ? 'lol' : `*l${i - 1}`)
      .join(', ')}]`;
  return Array.from({ length: levels }, (_, i) => level(i)).join('\n');
}

describe('asJson', () => {
  it.each(['', '{', '{"__proto__": {"polluted": true}}', '['.repeat(200) + ']'.repeat(200), '['.repeat(400_000)])(
    'refuses %.40s',
    (text) => {
      const { told, reports } = read(json, '1', text);
      expect(told).toEqual([1]);
      expect(reports).toHaveLength(1);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    },
  );

  it('reads a hundred levels, and half a million values', () => {
    expect(read(json, '['.repeat(100) + ']'.repeat(100)).reports).toEqual([]);
    expect(read(json, `[${'1,'.repeat(500_000)}1]`).reports).toEqual([]);
  });
});

describe('asProperties', () => {
  const one = (text: string): unknown => read(properties, text).told[0];

  it.each([
    ['a=1\nb : 2\nc 3', { a: '1', b: '2', c: '3' }],
    ['# no\n! no\n\na=1', { a: '1' }],
    ['a=1\na=2', { a: '2' }],
    ['a = x \\\n    y', { a: 'x y' }],
    ['a\\:b\\ c=d\\te', { 'a:b c': 'd\te' }],
    ['a=\\u00e9', { a: 'é' }],
    ['dubbo.registry.address=zookeeper://a:1?x=y', { 'dubbo.registry.address': 'zookeeper://a:1?x=y' }],
    ['a', { a: '' }],
    ['', {}],
  ])('reads %j as Java does', (text, value) => {
    expect({ ...(one(text) as object) }).toEqual(value);
  });

  it('takes no name for anything but a name', () => {
    const value = one('constructor=1\ntoString=2\n__proto__=3') as Record<string, string | undefined>;
    expect(value['constructor']).toBe('1');
    expect('hasOwnProperty' in value).toBe(false);
    expect(Object.getPrototypeOf(value)).toBeNull();
  });

  it('tells nothing twice, whatever the order of lines', () => {
    expect(read(properties, 'a=1\nb=2', 'b: 2\n\na: 1').told).toHaveLength(1);
  });

  it('gives a fallback its type', () => {
    const told: Properties[] = [];
    of(valueOf())
      .pipe(asProperties({ fallback: {} }))
      .subscribe((value) => told.push(value));
    expect(told).toEqual([{}]);
  });
});

describe('asText', () => {
  it('tells the text, and with a schema what that makes of it', () => {
    expect(read(() => asText(), 'a', 'a', '', undefined).told).toEqual(['a', '', undefined]);
    const schema = (text: string): number => {
      if (!/^\d+$/.test(text)) throw new Error('no number');
      return Number(text);
    };
    expect(read((onInvalid) => asText({ schema, onInvalid, fallback: 7 }), undefined, '1', 'x', '01', '2')).toEqual({
      told: [7, 1, 2],
      reports: ['"a.key" cannot be used: no number'],
    });
  });
});
