import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`./lib/${path}`, import.meta.url));

const SERVERS = 'spec/integration';
const SLOW = 'spec/**/*-slow-spec.ts';
const BROWSER = 'spec/browser/**/*-spec.ts';
const REALTIME = 'spec/**/*-realtime-spec.ts';
const INTEROP = 'spec/interop/**/*-java-spec.ts';

/** Specs that wait for the wall clock: one file at a time, and with time to spare. */
const SERIAL = { fileParallelism: false, testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  resolve: {
    alias: [
      { find: /^rx-registry$/, replacement: source('index.ts') },
      { find: /^rx-registry\/backend$/, replacement: source('backend.ts') },
      { find: /^rx-registry\/backend\/testing$/, replacement: source('contract/index.ts') },
      {
        find: /^rx-registry\/(operators|config|testing|grpc|dashboard|nestjs|http)$/,
        replacement: source('$1/index.ts'),
      },
      { find: /^rx-registry\/(zookeeper|etcd|memory)$/, replacement: source('backends/$1/index.ts') },
    ],
  },
  test: {
    reporters: ['default'],
    dangerouslyIgnoreUnhandledErrors: false,
    setupFiles: [fileURLToPath(new URL('spec/support/serviceUrlEquality.ts', import.meta.url))],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['spec/**/*-spec.ts'],
          exclude: [`${SERVERS}/**`, SLOW, REALTIME, BROWSER, INTEROP],
          // Vitest leaves one core to itself, which is half of two.
          maxWorkers: availableParallelism(),
          testTimeout: 60_000,
        },
      },
      { extends: true, test: { name: 'realtime', include: [REALTIME], ...SERIAL } },
      // Real servers share two cores with their clients: one file at a time keeps their deadlines honest.
      ...['zookeeper', 'etcd'].map((kind) => ({
        extends: true as const,
        test: {
          name: `servers-${kind}`,
          include: [`${SERVERS}/${kind}/**/*-spec.ts`],
          exclude: [SLOW],
          ...SERIAL,
        },
      })),
      // Java programs of Dubbo beside ours: Maven gets them.
      { extends: true, test: { name: 'interop', include: [INTEROP], ...SERIAL, testTimeout: 240_000 } },
      // Only where whoever runs vitest has found a browser, see spec/browser/findBrowser.ts.
      ...(process.env['RX_REGISTRY_BROWSER']
        ? [{ extends: true as const, test: { name: 'browser', include: [BROWSER], ...SERIAL } }]
        : []),
      // What takes minutes, needs a cluster or measures: nothing else runs beside it.
      { extends: true, test: { name: 'slow', include: [SLOW], ...SERIAL } },
    ],
  },
});
