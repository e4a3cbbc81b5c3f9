import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`./lib/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^rx-registry$/, replacement: source('index.ts') },
      { find: /^rx-registry\/(operators|config|testing|grpc)$/, replacement: source('$1/index.ts') },
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
          exclude: ['spec/integration/**', 'spec/faults/cut-*'],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        // Real servers share two cores with their clients: one file at a time keeps their deadlines honest.
        test: {
          name: 'servers',
          include: ['spec/integration/**/*-spec.ts', 'spec/faults/cut-*-spec.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
