import { type Invariant, verdict } from './verdict.js';

/** At rest there are as many watches and connections as before, for as many who need them. */
export const boundedLoad: Invariant = ({ loads }) =>
  verdict(
    loads
      .filter(({ have, need }) => have !== need)
      .map(({ of, have, need }) => `${have} ${of}, where ${need} are needed`),
    { note: loads.map(({ of, have }) => `${have} ${of}`).join(', ') },
  );
