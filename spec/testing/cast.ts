import { map, type Observable } from 'rxjs';
import type { ServiceUrl } from '../../lib/dubbo/index.js';
import { createRegistry } from '../../lib/index.js';
import { FAKE_INTERFACE, fakeInstances, type MarbleBackend } from '../../lib/testing/index.js';

/** Three instances that specs speak of as a, b and c. */
export const [a, b, c] = fakeInstances(3);

/** Letters for sets of them: in capitals, so that nobody takes a set for an instance. */
export const values = { A: [a], B: [b], C: [c], D: [a, b], E: [a, b, c], O: [] };

export const QUERY = { interface: FAKE_INTERFACE };

/** The letter of an instance. */
export function nameOf({ host }: Pick<ServiceUrl, 'host'>): string {
  return ['a', 'b', 'c'].find((_, index) => host === `10.0.0.${index + 1}`) ?? '?';
}

/** The letters of instances; `o` for none. */
export function namesOf(instances: Iterable<ServiceUrl>): string {
  return [...instances].map(nameOf).sort().join('') || 'o';
}

/** Who is there, as a registry on that backend tells it. */
export function setsOn(backend: MarbleBackend): Observable<string> {
  return createRegistry(backend).instances(QUERY).pipe(map(namesOf));
}
