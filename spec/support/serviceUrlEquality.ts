import { expect } from 'vitest';
import { ServiceUrl } from '../../lib/dubbo/index.js';

// Equal is what says the same, however it is kept.
expect.addEqualityTesters([
  (a: unknown, b: unknown) => (a instanceof ServiceUrl && b instanceof ServiceUrl ? a.equals(b) : undefined),
]);
