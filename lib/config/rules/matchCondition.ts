import { BlockList, isIP } from 'node:net';
import { quoted } from '../../internal/quoted.js';
import { limited } from './conditions.js';
import type { Condition } from './rule.js';
import { listIn, recordIn, textIn } from './shapes.js';

type Test = (text: string | undefined) => boolean;

/**
 * Reads the `match` of a rule of version 3: `address`, `providerAddress`, `service`, `app` and `param`, all of which have to hold.
 *
 * Other than in Java, `address` may name a port; `regex` is refused, since a pattern from outside could stop the process.
 *
 * @throws Error that names what cannot be read.
 */
export function matchCondition(match: unknown): Condition {
  const conditions = Object.entries(recordIn('match', match)).map(([name, value]) => {
    const read = READERS.get(name);
    if (!read) throw new Error(`match has ${quoted(name)}, which is not known.`);
    return read(value);
  });
  return (subject) => conditions.every((holds) => holds(subject));
}

const READERS: ReadonlyMap<string, (value: unknown) => Condition> = new Map<string, (value: unknown) => Condition>([
  [
    'address',
    (value) => {
      const test = addressTest('address', value);
      return ({ side, host, instance }) => test(host) || (side === 'provider' && test(instance.address));
    },
  ],
  [
    'providerAddress',
    (value) => {
      const test = addressTest('providerAddress', value);
      return ({ instance }) => test(instance.address) || test(instance.host);
    },
  ],
  [
    'service',
    (value) => {
      const test = oneOf('service', value);
      return ({ instance }) => test(instance.serviceKey);
    },
  ],
  [
    'app',
    (value) => {
      const test = oneOf('app', value);
      return ({ application }) => test(application);
    },
  ],
  [
    'param',
    (value) => {
      const tests = limited('param', listIn('param', value)).map((entry) => {
        const { key, value: wanted } = recordIn('param', entry);
        return { name: textIn('param.key', key), test: textTest('param.value', wanted) };
      });
      return ({ parameter }) =>
        tests.every(({ name, test }) => {
          const present = parameter(name);
          return present !== undefined && test(present);
        });
    },
  ],
]);

function oneOf(what: string, value: unknown): Test {
  const names = new Set<string>();
  const others: unknown[] = [];
  for (const entry of listIn(`${what}.oneof`, recordIn(what, value)['oneof'])) {
    const [kind, wanted] = onlyEntry(what, entry);
    if (kind === 'exact') names.add(textIn(`${what}.${kind}`, wanted));
    else others.push(entry);
  }
  const tests = limited(`${what}.oneof`, others).map((entry) => textTest(what, entry));
  return (text) => (text !== undefined && names.has(text)) || tests.some((test) => test(text));
}

function textTest(what: string, value: unknown): Test {
  const [kind, wanted] = onlyEntry(what, value);
  const text = textIn(`${what}.${kind}`, wanted);
  switch (kind) {
    case 'exact':
      return (given) => given === text;
    case 'prefix':
      return (given) => given?.startsWith(text) ?? false;
    case 'wildcard':
      return (given) => given !== undefined && glob(text, given);
    case 'empty':
      return (given) => given === undefined || given === '';
    case 'noempty':
      return (given) => given !== undefined && given !== '';
    default:
      throw new Error(`${what} has ${quoted(kind)}, which is not supported.`);
  }
}

function addressTest(what: string, value: unknown): Test {
  const [kind, wanted] = onlyEntry(what, value);
  const text = textIn(`${what}.${kind}`, wanted);
  switch (kind) {
    case 'exact':
      return (given) => given === text;
    case 'wildcard':
      return (given) => given !== undefined && (text === '0.0.0.0' || glob(text, given));
    case 'cidr':
    case 'cird': // Java spells it so.
      return networkTest(what, text);
    default:
      throw new Error(`${what} has ${quoted(kind)}, which is not supported.`);
  }
}

function networkTest(what: string, text: string): Test {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const family = isIP(address);
  const network = new BlockList();
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) {
    throw new Error(`expected ${what} to be a network such as 10.0.0.0/8, got ${quoted(text)}.`);
  }
  network.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return (given) => {
    const version = isIP(given ?? '');
    return version !== 0 && network.check(given!, version === 4 ? 'ipv4' : 'ipv6');
  };
}

/** Whether a text fits a pattern with `*` for anything; in linear time, whatever the pattern. */
function glob(pattern: string, text: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return text === pattern;
  const tail = rest.pop()!;
  if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
  const end = text.length - tail.length;
  let from = head.length;
  for (const piece of rest) {
    const at = text.indexOf(piece, from);
    if (at < 0 || at + piece.length > end) return false;
    from = at + piece.length;
  }
  return true;
}

function onlyEntry(what: string, value: unknown): [kind: string, wanted: unknown] {
  const entries = Object.entries(recordIn(what, value));
  if (entries.length !== 1) throw new Error(`expected ${what} to say one thing, got ${entries.length}.`);
  return entries[0]!;
}
