import type { ServiceUrl } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';
import { type FakeInstance, fakeInstance } from './fakeInstance.js';

/** What {@link fakeInstances} are: each field as one of them has it, or as a list that is dealt out in turn. */
export type FakeInstances = {
  readonly [Field in Exclude<keyof FakeInstance, 'number'>]?: FakeInstance[Field] | readonly FakeInstance[Field][];
} & {
  /** The number of the first. @defaultValue 1 */
  readonly from?: number | undefined;
};

/**
 * Makes services that look like those of several providers, the same ones for the same arguments.
 *
 * @param count - How many.
 * @param like - What they are.
 * @throws InvalidOptionError for a count that is no whole number from 0 up, an empty list, and whatever
 * {@link fakeInstance} refuses.
 *
 * @example
 * ```ts
 * fakeInstances(4, { zone: ['eu-1', 'us-1'], weight: [100, 100, 50] });
 * // 10.0.0.1 in eu-1, 10.0.0.2 in us-1, 10.0.0.3 in eu-1 with weight 50, 10.0.0.4 in us-1
 * ```
 */
export function fakeInstances<Count extends number>(count: Count, like: FakeInstances = {}): FakeServices<Count> {
  if (!(Number.isInteger(count) && count >= 0))
    throw new InvalidOptionError('count', 'a whole number from 0 up', count);
  if (typeof like !== 'object' || like === null) throw new InvalidOptionError('like', 'an object', like);
  const { from = 1, ...fields } = like;
  for (const [field, value] of Object.entries(fields)) {
    if (field === 'number') throw new InvalidOptionError(field, 'left out: `from` is the number of the first', value);
    if (Array.isArray(value) && value.length === 0)
      throw new InvalidOptionError(field, 'a list that is not empty', '[]');
  }
  return Array.from({ length: count }, (_, index) => {
    const dealt = Object.entries(fields).map(([field, value]) => [
      field,
      Array.isArray(value) ? (value as unknown[])[index % value.length] : value,
    ]);
    return fakeInstance({ ...(Object.fromEntries(dealt) as FakeInstance), number: from + index });
  }) as FakeServices<Count>;
}

/**
 * As many services as were asked for: a tuple for a number up to 9 that is written down, so that each is known to be there.
 */
export type FakeServices<Count extends number, Items extends readonly ServiceUrl[] = readonly []> = number extends Count
  ? readonly ServiceUrl[]
  : Items['length'] extends Count
    ? Items
    : Items['length'] extends 9
      ? readonly ServiceUrl[]
      : FakeServices<Count, readonly [...Items, ServiceUrl]>;
