import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as testing from '../../lib/testing/index.js';

describe('rx-registry/testing', () => {
  it('exports', () => {
    expect(Object.keys(testing).sort()).toEqual([
      'FAKE_INTERFACE',
      'IllegalTraceError',
      'cacheOf',
      'fakeInstance',
      'fakeInstances',
      'foldEvents',
      'legalEvents',
      'legalStates',
      'marbleBackend',
      'marbleCalls',
      'recordOf',
      'scenario',
    ]);
  });

  it('needs rxjs and the rest of the package, and no test runner', () => {
    const files = readdirSync('lib/testing').map((file) => readFileSync(`lib/testing/${file}`, 'utf8'));
    const imported = files.flatMap((file) =>
      [...file.matchAll(/(?:from|import\() *'([^']*)'/g)].map(([, name]) => name),
    );
    expect(imported.length).toBeGreaterThan(20);
    expect(new Set(imported.filter((name) => !name!.startsWith('.')))).toEqual(new Set(['rxjs']));
  });
});
