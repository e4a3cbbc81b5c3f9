import { of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { asJson, asProperties, asText, asYaml, type ConfigValue } from '../../../lib/config/index.js';
import { parseJson } from '../../../lib/config/formats/parseJson.js';
import { parseProperties } from '../../../lib/config/formats/parseProperties.js';
import { parseYaml } from '../../../lib/config/formats/parseYaml.js';
import { BASE_64 } from '../../../lib/config/configContent.js';
import type { OperatorFunction } from 'rxjs';
import { valueOf } from '../support/configValues.js';

/** The largest value that ZooKeeper takes. */
const LARGEST = 1_048_576;

/** A text as often as it fits into so many characters. */
const times = (text: string, length = LARGEST): string => text.repeat(Math.floor(length / text.length));
/** Lines that differ, as many as fit. */
const each = (line: (i: number) => string, length = LARGEST): string => {
  const lines: string[] = [];
  for (let i = 0, size = 0; ; i++) {
    const next = line(i);
    size += next.length;
    if (size > length) return lines.join('');
    lines.push(next);
  }
};

const YAML: Readonly<Record<string, string>> = {
  'anchors and aliases in turn': times('- &a a\n- *a\n'),
  'anchors and aliases, in a quarter of it': times('- &a a\n- *a\n', LARGEST / 4),
  'anchors without aliases': each((i) => `- &a${i} x\n`),
  'aliases of one anchor': `- &a x\n${times('- *a\n', LARGEST - 8)}`,
  'aliases of a large list': `- &a [${times('x,', 30_000)}]\n${'- *a\n'.repeat(99)}`,
  'a billion laughs and comments': `${Array.from(
    { length: 9 },
    (_, i) =>
      `l${i}: &l${i} [${Array(9)
        .fill(i ? `*l${i - 1}` : 'x')
        .join(', ')}]\n`,
  ).join('')}${times('# ha\n', LARGEST - 600)}`,
  'lists in lists': times('['),
  'lists in lists that end': times('['.repeat(99) + ']'.repeat(99) + ','),
  'maps in maps': times('{a: '),
  'keys in keys': times('? '),
  'blocks in blocks': times('- '),
  'deeper with each line': each((i) => `${' '.repeat(i)}a:\n`),
  'many keys': each((i) => `k${i}: v\n`),
  'one key again and again': times('a: b\n'),
  'keys __proto__': times('__proto__: b\n'),
  'merge keys': `a: &a {x: 1}\n${times('b: {<<: *a}\n', LARGEST - 20)}`,
  'a flow map': `{${times('a: b, ', LARGEST - 2)}}`,
  'a flow list': `[${times('1,', LARGEST - 2)}]`,
  'flow lists without an end': `[${times('? ', LARGEST - 1)}`,
  'lists as keys': times('? [a]\n: b\n'),
  tags: times('- !!str a\n'),
  'tag handles': `${times('%TAG ! tag:x,\n', LARGEST - 10)}---\na`,
  documents: times('---\na\n'),
  comments: times('# c\n'),
  'one comment': `a: b ${times('#', LARGEST - 5)}`,
  'a long plain scalar': `a: ${'x'.repeat(LARGEST - 3)}`,
  'a long scalar, as long as is read': `a: ${'x'.repeat(LARGEST / 2 - 3)}`,
  'a scalar of many lines': `a: ${times('x\n  ', LARGEST - 3)}`,
  'a quoted scalar of many escapes': `a: "${times('\\n', LARGEST - 5)}"`,
  'a quoted scalar of many lines': `a: "${times('x\n ', LARGEST - 5)}"`,
  'a block scalar': `a: |\n${times('  x\n', LARGEST - 6)}`,
  'blank lines': `a: |\n${'\n'.repeat(LARGEST - 6)}`,
  'spaces in a scalar': `a: x${' '.repeat(LARGEST - 5)}y`,
  tabs: times('a:\tb\n'),
  'lines that end with CR LF': times('a: b\r\n'),
  'lines that end with CR': times('a: b\r'),
  colons: times(': '),
  'dashes, as many as are read': '-\n'.repeat(8_192),
  'quotes that do not end': `"${times('\\', LARGEST - 1)}`,
};

const JSONS: Readonly<Record<string, string>> = {
  'lists in lists': times('['),
  'lists in lists that end': `[${times('['.repeat(90) + ']'.repeat(90) + ',', LARGEST - 4)}1]`,
  'objects in objects': `[${times('{"a":'.repeat(90) + '1' + '}'.repeat(90) + ',', LARGEST - 4)}1]`,
  'many keys': `{${each((i) => `"k${i}":1,`, LARGEST - 10)}"z":1}`,
  'as many keys as are read': `{${Array.from({ length: 32_000 }, (_, i) => `"k${i}":1`).join(',')}}`,
  'one key again and again': `{${times('"a":1,', LARGEST - 10)}"a":1}`,
  'keys __proto__': `{${times('"__proto__":1,', LARGEST - 10)}"a":1}`,
  'empty lists': `[${times('[],', LARGEST - 4)}1]`,
  'objects of different shapes': `[${each((i) => `{"k${i}":1},`, LARGEST - 4)}1]`,
  numbers: `[${times('1,', LARGEST - 4)}1]`,
  'long numbers': '1'.repeat(LARGEST),
  escapes: `"${times('\\u0041', LARGEST - 2)}"`,
  'what does not end': `[${times('1,', LARGEST - 1)}`,
  spaces: `${' '.repeat(LARGEST - 1)}1`,
};

const PROPERTIES: Readonly<Record<string, string>> = {
  'many keys': each((i) => `k${i}=v\n`),
  'as many keys as are read': Array.from({ length: 16_384 }, (_, i) => `key.of.some.length.${i}=v`).join('\n'),
  'one key again and again': times('a=b\n'),
  'lines that go on': `a=${times('x\\\n', LARGEST - 2)}`,
  'lines that go on with CR LF': `a=${times('\\\r\n', LARGEST - 2)}`,
  'lines that go on, as many as are read': `a=${('x'.repeat(60) + '\\\n').repeat(16_000)}`,
  backslashes: `a=${'\\'.repeat(LARGEST - 2)}`,
  escapes: `a=${times('\\u0041', LARGEST - 2)}`,
  'escapes of separators': times('\\=\\:'),
  'bad escapes': `a=${times('\\u004', LARGEST - 2)}`,
  'blank lines': '\n'.repeat(LARGEST),
  comments: times('#\n'),
  'keys without values': times('a\r'),
  'keys __proto__': times('__proto__=1\n'),
  'one long line': `a=${'x'.repeat(LARGEST - 2)}`,
};

/**
 * The promise is a tenth of a second on an idle machine. The processor's time is measured, not the clock's, the least of some
 * tries; caches and threads that others use make it several times as long here.
 */
const AT_MOST_MS = 400;

function processorMs(work: () => void): number {
  const tries = Array.from({ length: 3 }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  });
  return Math.min(...tries);
}

/** What an operator makes of a text, and of the same text written otherwise, which it has to compare. */
function readTwice(operator: OperatorFunction<ConfigValue, unknown>, text: string): void {
  let told = 0;
  of(valueOf(text), valueOf(`${text}\n`))
    .pipe(operator)
    .subscribe(() => (told += 1));
  expect(told).toBeGreaterThan(0);
}

describe('no value of a mebibyte holds the process up: it is read at once, or refused', () => {
  const ignored = { onInvalid: () => undefined };

  it.each(Object.entries(YAML))('YAML: %s', (_, text) => {
    expect(text.length).toBeLessThanOrEqual(LARGEST);
    expect(processorMs(() => readTwice(asYaml(ignored), text))).toBeLessThan(2 * AT_MOST_MS);
  });

  it.each(Object.entries(JSONS))('JSON: %s', (_, text) => {
    expect(text.length).toBeLessThanOrEqual(LARGEST);
    expect(processorMs(() => readTwice(asJson(ignored), text))).toBeLessThan(2 * AT_MOST_MS);
  });

  it.each(Object.entries(PROPERTIES))('.properties: %s', (_, text) => {
    expect(text.length).toBeLessThanOrEqual(LARGEST);
    expect(processorMs(() => readTwice(asProperties(ignored), text))).toBeLessThan(2 * AT_MOST_MS);
  });

  it.each(Object.entries({ ...YAML, ...JSONS, ...PROPERTIES }))('text: %s', (_, text) => {
    expect(processorMs(() => readTwice(asText(ignored), text))).toBeLessThan(AT_MOST_MS);
  });

  it.each([
    ['all of it', 'QUFB'.repeat(262_144)],
    ['with a line break after each character', times('Q\n')],
    ['with a bad character at its end', `${'QUFB'.repeat(262_143)}QU!B`],
    ['with padding in its middle', `${'QUFB'.repeat(131_072)}QQ==${'QUFB'.repeat(131_000)}`],
  ])('base64: %s', (_, text) => {
    const data = Buffer.from(text);
    const decode = (): void => {
      try {
        BASE_64.decode(data);
      } catch (error) {
        expect(error).toMatchObject({ code: 'UNREADABLE_VALUE' });
      }
    };
    expect(processorMs(decode)).toBeLessThan(AT_MOST_MS);
  });
});

describe('how much is read', () => {
  const OF_YAML = 'more than 16384 line breaks, separators and quotes, too much to read as YAML';

  it.each([
    [parseYaml, 'a: b\n'.repeat(8_192), undefined],
    [parseYaml, 'a: b\n'.repeat(8_193), OF_YAML],
    [parseYaml, '-\n'.repeat(8_193), OF_YAML],
    [parseYaml, `[${'a,'.repeat(16_384)}`, OF_YAML],
    [parseYaml, `a: ${'x'.repeat(524_285)}`, undefined],
    [parseYaml, `a: ${'x'.repeat(524_286)}`, 'more than 524288 characters, too much to read as YAML'],
    // What stands within a token costs little, whatever it is.
    [parseYaml, `a: ${'zk://h:1?a-b '.repeat(40_000)}`, undefined],
    [parseJson, `[${'1,'.repeat(524_280)}1]`, undefined],
    [parseJson, `"${'x'.repeat(1_048_574)}"`, undefined],
    [parseJson, `"${'x'.repeat(1_048_575)}"`, 'more than 1048576 characters, too much to read as JSON'],
    [parseJson, `[${'{},'.repeat(32_767)}1]`, undefined],
    [parseJson, `[${'{},'.repeat(32_768)}1]`, 'more than 32768 lists, objects and colons'],
    [parseProperties, 'a=b\n'.repeat(16_384), undefined],
    [parseProperties, 'a=b\n'.repeat(16_385), 'more than 16384 line breaks, too much to read as .properties'],
    [parseProperties, `a=${'x'.repeat(1_048_575)}`, 'more than 1048576 characters'],
  ])('%o: %.20j', (parse, text, refusal) => {
    if (refusal === undefined) expect(() => parse(text)).not.toThrow();
    else expect(() => parse(text)).toThrow(refusal);
    if (refusal !== undefined) expect(() => parse(text)).toThrow('spread it over several keys');
  });

  it('of YAML with its aliases written out is a hundred thousand values', () => {
    const list = `- &a [${'x,'.repeat(2_000)}]\n`;
    expect(() => parseYaml(list + '- *a\n'.repeat(48))).not.toThrow();
    expect(() => parseYaml(list + '- *a\n'.repeat(50))).toThrow('more than 100000 values');
    expect(() => parseYaml(`- &a x\n${'- *a\n'.repeat(100)}`)).not.toThrow();
    expect(() => parseYaml(`- &a x\n${'- *a\n'.repeat(101)}`)).toThrow('its aliases are more than 100');
  });
});
