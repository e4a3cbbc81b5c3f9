import { defer, map, type OperatorFunction } from 'rxjs';
import { instanceKey, ServiceUrl } from '../../../lib/dubbo/index.js';
import { InstanceLedger, InstanceSet } from '../../../lib/instances/index.js';

/**
 * Sets as texts, to be written into marbles: `aB` has the instances `a` and `b`, the latter with something changed; what is no
 * letter is nobody, so that `.` is the empty set.
 */
const URLS = new Map<string, ServiceUrl>();

/** The instance a letter stands for, always the same object. */
export function instance(letter: string): ServiceUrl {
  const weight = letter === letter.toLowerCase() ? 100 : 200;
  const url = URLS.get(letter) ?? ServiceUrl.parse(`dubbo://${letter.toLowerCase()}:1/x.Y?weight=${weight}`);
  URLS.set(letter, url);
  return url;
}

/** Its key. */
export const keyOf = (letter: string): string => instanceKey(instance(letter));

const lettersOf = (text: string): string[] => text.match(/[a-z]/gi) ?? [];

/** What a set of that text has. */
export function contentOf(text: string): Map<string, ServiceUrl> {
  return new Map(lettersOf(text).map((letter) => [keyOf(letter), instance(letter)]));
}

/** Texts to sets of one maker, each aware of the one before, as those of a registry. */
export function toSets(): OperatorFunction<string, InstanceSet> {
  return (texts) =>
    defer(() => {
      const ledger = new InstanceLedger();
      return texts.pipe(map((text) => writeText(ledger, text)));
    });
}

/** Makes a ledger what a text says. */
export function writeText(ledger: InstanceLedger, text: string): InstanceSet {
  const content = contentOf(text);
  const gone = [...ledger.set.keys()].filter((key) => !content.has(key));
  ledger.write([...gone.map((key) => [key, undefined] as const), ...content]);
  return ledger.set;
}

/** Texts to sets that know nothing of each other. */
export function toStrangeSets(): OperatorFunction<string, InstanceSet> {
  return map((text) => new InstanceSet(contentOf(text)));
}

/** A set as text, in alphabetical order. */
export function textOf(set: InstanceSet): string {
  const letters = set
    .toArray()
    .map(({ host, parameters }) => (parameters.get('weight') === '100' ? host : host.toUpperCase()));
  return letters.sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)).join('') || '.';
}

/** Sets to texts. */
export function toTexts(): OperatorFunction<InstanceSet, string> {
  return map(textOf);
}
